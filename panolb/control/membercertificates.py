"""What members over TLS are verified by, and what they are shown: read from its files at every reload."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import attrs
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from OpenSSL import SSL
from OpenSSL.crypto import X509, X509StoreFlags

from ..config import model
from ..config.changedkeys import Change
from ..config.comparison import Comparison
from ..config.entries import Entry, Table
from ..config.files import read_regular
from ..config.overrides import Identity, identify
from ..config.places import KeyPath
from ..errors import ConfigError, Problem
from ..events import EventLogger
from ..proxy.identity import AUTHORITY, Demands
from ..proxy.membertls import MemberTls, watch

log = EventLogger()

RENEWED = "TLS files"
"""What a reload calls the contents of the files of tls_ca, tls_certificate and tls_key."""

MOST = 4 << 20  # bytes of a file; all authorities that a system trusts are 0.2 MB
MODES = SSL.MODE_RELEASE_BUFFERS  # 34 KB for each idle connection
_HASHED = re.compile(r"[0-9a-f]{8}\.[0-9]+")  # as openssl rehash names them
_PEM = frozenset((".pem", ".crt", ".cer"))
_VERSIONS = {"1.2": SSL.TLS1_2_VERSION, "1.3": SSL.TLS1_3_VERSION}
_ALPN = [b"http/1.1"]  # RFC 7301

# Where systems keep the certificates of those whom they trust; whatever else they have is named in these two variables.
_SYSTEM = ("/etc/ssl/certs/ca-certificates.crt", "/etc/ssl/certs", "/etc/pki/tls/certs/ca-bundle.crt")
_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR")


@attrs.frozen(kw_only=True)
class Settings:
    """All that makes TLS to a member what it is: when two are equal, nothing has changed.

    :ivar digest: of the files, and of when those of the system were written.
    :ivar authorities: where the certificates of those who may vouch for members are, for messages.
    """

    digest: bytes
    name: str
    insecure: frozenset[str]
    min_version: str
    ciphers: str | None
    depth: int | None
    authorities: str

    @property
    def fingerprint(self) -> str:
        """What tells the contents of its files from others, for people."""
        return sha256(self.digest).hexdigest()[:12]


@attrs.frozen
class Secured:
    """TLS to one member.

    :ivar settings: what it was made of.
    """

    settings: Settings
    tls: MemberTls


def read(
    config: model.Config, present: Mapping[Identity, Secured], clock: Callable[[], float]
) -> dict[Identity, Secured]:
    """Read what the members with ``https://`` need.

    :param present: what there is; a member for which nothing has changed keeps it, and with it the sessions to resume.
    :raises ConfigError: when a file cannot be used.
    """
    found: dict[Identity, Secured] = {}
    files = _Files()
    for name, balancer in config.balancer.items():
        for index, member in enumerate(balancer.member):
            if member.is_secure:
                identity = identify(name, member)
                one = _Reading(files, config, name, index).secured(present.get(identity), clock)
                if one is not None:
                    found[identity] = one
    if files.problems:
        raise ConfigError(list(dict.fromkeys(files.problems)))
    return found


def with_renewed(comparison: Comparison, present: Mapping[Identity, Secured]) -> Comparison:
    """Add the members whose files have something else in them to what a configuration changes.

    :param present: those that run.
    :raises ConfigError: when a file cannot be used.
    """
    now = read(comparison.new, present, float)
    return attrs.evolve(
        comparison,
        members=Table(tuple(_renewed(one, present, now) for one in comparison.members.entries)),
    )


def _renewed(
    entry: Entry[model.Member], present: Mapping[Identity, Secured], now: Mapping[Identity, Secured]
) -> Entry[model.Member]:
    assert isinstance(entry.identity, Identity)
    before, after = present.get(entry.identity), now.get(entry.identity)
    if before is None or after is None or before.settings.digest == after.settings.digest:
        return entry
    change = Change(RENEWED, before.settings.fingerprint, after.settings.fingerprint)
    return attrs.evolve(entry, changes=(*entry.changes, change))


def problems(config: model.Config) -> list[Problem]:
    """Why these files cannot be used."""
    try:
        read(config, {}, float)
    except ConfigError as error:
        return list(error.problems)
    return []


def warn(config: model.Config) -> None:
    """Name the members whose certificates are not verified."""
    for name, balancer in config.balancer.items():
        for member in balancer.member:
            insecure = unverified(balancer, member)
            if insecure:
                log.warn(
                    "member {member}: {what} (tls_insecure): whoever is on the way to it can pass for it, and read and "
                    "change everything; write tls_ca or tls_name instead",
                    event="member.insecure",
                    member=identify(name, member).name,
                    url=member.url,
                    unverified=insecure,
                    what=_unverified(insecure),
                )


def _unverified(insecure: list[str]) -> str:
    if len(insecure) == len(_PARTS):
        return "nothing of its certificate is verified"
    parts = " and ".join(_PARTS[one] for one in insecure)
    return f"{parts} of its certificate {'is' if len(insecure) == 1 else 'are'} not verified"


_PARTS = {"ca": "the authority", "name": "the name", "dates": "the validity"}


def unverified(balancer: model.Balancer, member: model.Member) -> list[str]:
    """What is not verified of a member's certificate."""
    if not member.is_secure:
        return []
    insecure = balancer.tls_insecure if member.tls_insecure is None else member.tls_insecure
    return [one for one in _PARTS if one in insecure]


# -- one member ----------------------------------------------------------------------------------------------------------


@attrs.frozen
class _Reading:
    """Makes TLS to one member of what the configuration says of it."""

    files: _Files
    config: model.Config
    name: str
    index: int

    @property
    def _balancer(self) -> model.Balancer:
        return self.config.balancer[self.name]

    @property
    def _member(self) -> model.Member:
        return self._balancer.member[self.index]

    def _value(self, key: str) -> Any:
        own = getattr(self._member, key)
        return getattr(self._balancer, key) if own is None else own

    def _note(self, key: str, message: str) -> None:
        at: KeyPath = ("balancer", self.name)
        if getattr(self._member, key) is not None:
            at = (*at, "member", self.index)
        self.files.problems.append(Problem(self.config.where((*at, key)), message))

    def secured(self, present: Secured | None, clock: Callable[[], float]) -> Secured | None:
        """Make it; ``None`` when that cannot be, which has been noted then."""
        before = len(self.files.problems)
        authorities, own = self._authorities(), self._own()
        if len(self.files.problems) > before:
            return None
        settings = self._settings(authorities, own)
        if present is not None and present.settings == settings:
            return present
        try:
            demands = Demands(settings.name, settings.authorities, settings.insecure, settings.depth)
        except ValueError:
            self._note("url", f"{settings.name} is no name that a certificate can be for; set tls_name")
            return None
        try:
            context = self.files.context(settings, authorities, own)
        except SSL.Error:
            self._note("tls_ciphers", f"OpenSSL knows no cipher of TLS 1.2 in {settings.ciphers}")
            return None
        return Secured(settings, MemberTls(context, demands, clock))

    def _settings(self, authorities: _Authorities | None, own: _Own | None) -> Settings:
        digest = b"".join(one.digest for one in (authorities, own) if one is not None)
        return Settings(
            digest=digest if authorities is not None else digest + self.files.system,
            name=self._value("tls_name") or self._member.host,
            insecure=frozenset(self._value("tls_insecure")),
            min_version=self._value("tls_min_version"),
            ciphers=self._value("tls_ciphers"),
            depth=self._value("tls_depth"),
            authorities="those whom this machine trusts"
            if authorities is None
            else f"those in {self._value('tls_ca')}",
        )

    def _authorities(self) -> _Authorities | None:
        path = self._value("tls_ca")
        if path is None or AUTHORITY in self._value("tls_insecure"):
            return None
        try:
            return self.files.authorities(path)
        except OSError as error:
            self._note("tls_ca", f"{path} cannot be read: {error.strerror or error}")
        except ValueError as error:
            self._note("tls_ca", f"{path} is no file of certificates in PEM: {error}")
        return None

    def _own(self) -> _Own | None:
        path = self._value("tls_certificate")
        if path is None:
            return None
        key = self._value("tls_key") or path
        try:
            return self.files.own(path, key)
        except OSError as error:
            which = "tls_certificate" if error.filename in (None, path) else "tls_key"
            self._note(which, f"{error.filename or path} cannot be read: {error.strerror or error}")
        except _Unusable as error:
            self._note(error.key, str(error))
        return None


class _Unusable(Exception):
    """A file has in it what cannot be used.

    :ivar key: which one names it.
    """

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


# -- files ---------------------------------------------------------------------------------------------------------------


@attrs.frozen
class _Authorities:
    digest: bytes
    certificates: tuple[x509.Certificate, ...]


@attrs.frozen
class _Own:
    """What is shown to members that ask for a certificate.

    :ivar chain: the certificate, and those between it and its authority.
    """

    digest: bytes
    key: Any
    chain: tuple[x509.Certificate, ...]


def _stamp() -> bytes:
    """Tells whether the system's certificates have been written anew."""
    paths = [*_SYSTEM, *(os.environ[name] for name in _VARIABLES if name in os.environ)]
    return repr([os.stat(one).st_mtime_ns for one in paths if os.path.exists(one)]).encode()


@attrs.define
class _Files:
    """Reads each file once, and makes of what is the same one OpenSSL context."""

    problems: list[Problem] = attrs.field(factory=list)
    system: bytes = attrs.field(factory=_stamp)
    _authorities: dict[str, _Authorities] = attrs.field(init=False, factory=dict)
    _own: dict[tuple[str, str], _Own] = attrs.field(init=False, factory=dict)
    _contexts: dict[tuple[object, ...], SSL.Context] = attrs.field(init=False, factory=dict)

    def authorities(self, path: str) -> _Authorities:
        """The certificates in a file, or in the files of a directory.

        :raises OSError: when one cannot be read.
        :raises ValueError: when one has none in it.
        """
        if path not in self._authorities:
            contents = [read_regular(str(one), MOST) for one in _files_of(Path(path))]
            if not contents:
                raise ValueError(
                    "the directory has no .pem, .crt or .cer, and none that openssl rehash has named"
                )
            found = [one for content in contents for one in x509.load_pem_x509_certificates(content)]
            self._authorities[path] = _Authorities(_digest(contents), tuple(dict.fromkeys(found)))
        return self._authorities[path]

    def own(self, certificate: str, key: str) -> _Own:
        """A certificate with its chain and its key.

        :raises OSError: when a file cannot be read.
        :raises _Unusable: when they are not what they should be.
        """
        if (certificate, key) not in self._own:
            contents = [read_regular(one, MOST) for one in (certificate, key)]
            try:
                chain = tuple(x509.load_pem_x509_certificates(contents[0]))
            except ValueError as error:
                raise _Unusable(
                    "tls_certificate", f"{certificate} has no certificate in PEM: {error}"
                ) from None
            private = _key(contents[1], key)
            if private.public_key() != chain[0].public_key():
                raise _Unusable("tls_key", f"{key} is not the key of the first certificate in {certificate}")
            self._own[certificate, key] = _Own(_digest(contents), private, chain)
        return self._own[certificate, key]

    def context(self, settings: Settings, authorities: _Authorities | None, own: _Own | None) -> SSL.Context:
        """What OpenSSL makes connections of.

        :raises OpenSSL.SSL.Error: when it knows none of the ciphers.
        """
        verified = AUTHORITY not in settings.insecure
        key = (settings.digest, verified, settings.min_version, settings.ciphers)
        if key not in self._contexts:
            context = SSL.Context(SSL.TLS_CLIENT_METHOD)
            context.set_mode(MODES)
            context.set_min_proto_version(_VERSIONS[settings.min_version])
            context.set_alpn_protos(_ALPN)
            if settings.ciphers is not None:
                context.set_cipher_list(settings.ciphers.encode("ascii"))
            if verified:
                _trust(context, authorities)
            if own is not None:
                context.use_certificate(own.chain[0])
                for one in own.chain[1:]:
                    context.add_extra_chain_cert(one)
                context.use_privatekey(own.key)
            watch(context)
            self._contexts[key] = context
        return self._contexts[key]


def _trust(context: SSL.Context, authorities: _Authorities | None) -> None:
    if authorities is None:
        context.set_default_verify_paths()
        return
    store = context.get_cert_store()
    assert store is not None
    store.set_flags(X509StoreFlags.PARTIAL_CHAIN)  # what is written is trusted, also if it is no root
    for one in authorities.certificates:
        store.add_cert(X509.from_cryptography(one))


def _key(content: bytes, path: str) -> Any:
    try:
        return load_pem_private_key(content, None)
    except TypeError:
        raise _Unusable(
            "tls_key", f"the key in {path} has a passphrase; take it off: openssl pkey -in {path}"
        ) from None
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _Unusable("tls_key", f"{path} has no key in PEM: {error}") from None


def _files_of(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    return sorted(one for one in path.iterdir() if one.suffix in _PEM or _HASHED.fullmatch(one.name))


def _digest(contents: Iterable[bytes]) -> bytes:
    return b"".join(sha256(one).digest() for one in contents)
