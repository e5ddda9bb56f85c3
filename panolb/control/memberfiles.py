"""The files that TLS to members takes, and the OpenSSL contexts that are made of them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any

import attrs
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from OpenSSL import SSL
from OpenSSL.crypto import X509, X509StoreFlags

from ..errors import Problem
from ..proxy.identity import AUTHORITY
from ..proxy.membertls import watch
from .contents import Contents

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


class Unusable(Exception):
    """A file has in it what cannot be used.

    :ivar key: which one names it.
    """

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


@attrs.frozen
class Authorities:
    """Those who may vouch for members."""

    digest: bytes
    certificates: tuple[x509.Certificate, ...]


@attrs.frozen
class Own:
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
class Files:
    """Makes of what is the same one OpenSSL context.

    :ivar contents: what is in the files.
    :ivar problems: what was wrong, as far as whoever uses it has noted it.
    :ivar system: tells whether the system's certificates have been written anew.
    """

    contents: Contents
    problems: list[Problem] = attrs.field(factory=list)
    system: bytes = attrs.field(factory=_stamp)
    _authorities: dict[str, Authorities] = attrs.field(init=False, factory=dict)
    _own: dict[tuple[str, str], Own] = attrs.field(init=False, factory=dict)
    _contexts: dict[tuple[object, ...], SSL.Context] = attrs.field(init=False, factory=dict)

    def authorities(self, path: str) -> Authorities:
        """The certificates in a file, or in the files of a directory.

        :raises OSError: when one cannot be read.
        :raises ValueError: when one has none in it.
        """
        if path not in self._authorities:
            contents = [self.contents.file(one, MOST) for one in self.contents.listing(path, _files_of)]
            if not contents:
                raise ValueError(
                    "the directory has no .pem, .crt or .cer, and none that openssl rehash has named"
                )
            found = [one for content in contents for one in x509.load_pem_x509_certificates(content)]
            self._authorities[path] = Authorities(_digest(contents), tuple(dict.fromkeys(found)))
        return self._authorities[path]

    def own(self, certificate: str, key: str) -> Own:
        """A certificate with its chain and its key.

        :raises OSError: when a file cannot be read.
        :raises Unusable: when they are not what they should be.
        """
        if (certificate, key) not in self._own:
            contents = [self.contents.file(one, MOST) for one in (certificate, key)]
            try:
                chain = tuple(x509.load_pem_x509_certificates(contents[0]))
            except ValueError as error:
                raise Unusable(
                    "tls_certificate", f"{certificate} has no certificate in PEM: {error}"
                ) from None
            private = _key(contents[1], key)
            if private.public_key() != chain[0].public_key():
                raise Unusable("tls_key", f"{key} is not the key of the first certificate in {certificate}")
            self._own[certificate, key] = Own(_digest(contents), private, chain)
        return self._own[certificate, key]

    def context(self, settings: Settings, authorities: Authorities | None, own: Own | None) -> SSL.Context:
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


def _trust(context: SSL.Context, authorities: Authorities | None) -> None:
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
        raise Unusable(
            "tls_key", f"the key in {path} has a passphrase; take it off: openssl pkey -in {path}"
        ) from None
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Unusable("tls_key", f"{path} has no key in PEM: {error}") from None


def _files_of(path: str) -> list[str]:
    if not Path(path).is_dir():
        return [path]
    found = Path(path).iterdir()
    return sorted(str(one) for one in found if one.suffix in _PEM or _HASHED.fullmatch(one.name))


def _digest(contents: Iterable[bytes]) -> bytes:
    return b"".join(sha256(one).digest() for one in contents)
