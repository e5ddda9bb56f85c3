"""What a listener needs to speak TLS: an ssl.SSLContext for each of its certificates, and which client gets which."""

from __future__ import annotations

import functools
import ssl
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import attrs

from ..config import model
from ..config.places import KeyPath
from ..config.tls import openssl_ciphers
from ..errors import ConfigError, Problem
from ..proxy.tls import prepare
from .anonymous import as_file
from .certificates import MOST, Certificate, Unusable, read
from .contents import Contents

_VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
_VERIFY = {"none": ssl.CERT_NONE, "optional": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED}


@attrs.frozen
class ListenerTls:
    """What a listener shows its clients, and what it asks them for.

    :ivar context: of those that no other certificate is for; it finds the others' by itself.
    :ivar certificates: all of them, in the order of the configuration.
    :ivar settings: what else it was made of: the operator's settings, and what was in the files of authorities.
    :ivar contents: all that was in its files.
    """

    context: ssl.SSLContext = attrs.field(eq=False)
    certificates: tuple[Certificate, ...]
    settings: tuple[model.Tls, tuple[bytes, ...]]
    contents: Contents = attrs.field(eq=False)

    def __str__(self) -> str:
        return "; ".join(map(str, self.certificates))

    def with_new_ticket_keys(self) -> ListenerTls:
        """The same for clients but those that come with a session ticket, whose keys OpenSSL has in the context."""
        return attrs.evolve(self, context=_context_for(self.certificates, *self.settings))


def listener_tls(name: str, config: model.Config, contents: Contents) -> ListenerTls | None:
    """Make what a listener shows; ``None`` when it speaks no TLS.

    :param name: the listener's.
    :param contents: of its files.
    :raises ConfigError: with all that is wrong with the files.
    """
    listener = config.listener[name]
    if not listener.shown:
        return None
    problems: list[Problem] = []

    def note(path: KeyPath, message: str) -> None:
        problems.append(Problem(config.where(("listener", name, *path)), message))

    certificates = _read(listener, contents, note)
    authorities = _read_authorities(listener.tls, contents, note)
    if problems:
        raise ConfigError(problems)
    try:
        context = _context_for(certificates, listener.tls, authorities)
        return ListenerTls(context, certificates, (listener.tls, authorities), contents.sealed())
    except (ssl.SSLError, OSError, ValueError) as error:
        # The files were fine a moment ago; what OpenSSL does not like beyond that are weak keys and signatures.
        note(("certificate",), str(error))
        raise ConfigError(problems) from None


def judge(config: model.Config, now: float) -> tuple[list[Problem], list[Problem]]:
    """Say why the files of listeners cannot be used, and what clients will not like about them.

    :param now: seconds since 1970.
    """
    problems: list[Problem] = []
    warnings: list[Problem] = []
    for name in config.listener:
        try:
            found = listener_tls(name, config, Contents())
        except ConfigError as error:
            problems += error.problems
            continue
        if found is not None:
            place = config.where(("listener", name, "certificate"))
            words = (*expiries(found, now), *doubts(name, config, found, now))
            warnings += [Problem(place, one) for one in words]
    return problems, warnings


def files(listener: model.Listener) -> Iterator[str]:
    """Yield all files that it is made of."""
    for one in listener.shown:
        yield from (path for path in (one.file, one.key, one.chain) if path is not None)
    if listener.shown and listener.tls.client_certificate != "none":
        yield from (path for path in (listener.tls.client_ca, listener.tls.client_crl) if path is not None)


def expiries(shown: ListenerTls, now: float) -> Iterator[str]:
    """Yield which certificates end soon, or have ended.

    :param now: seconds since 1970.
    """
    for one in shown.certificates:
        words = one.expiry(now)
        if words is not None:
            yield f"certificate {one}: {words}"


def doubts(name: str, config: model.Config, shown: ListenerTls, now: float) -> Iterator[str]:
    """Yield what else clients of a listener will not like about its certificates.

    :param now: seconds since 1970.
    """
    for one in shown.certificates:
        yield from (f"certificate {one}: {words}" for words in one.doubts(now))
    covered = {name for one in shown.certificates for name in one.own_names}
    for host in dict.fromkeys(
        host.lower()
        for location in config.location
        for host in location.host
        if not location.listener or name in location.listener
    ):
        if not covered & {host, "*." + host.partition(".")[2]}:
            yield f"there is no certificate for {host}: its clients are shown that of other names, and refuse it"


def _read(
    listener: model.Listener, contents: Contents, note: Callable[[KeyPath, str], None]
) -> tuple[Certificate, ...]:
    found: list[Certificate] = []
    written = len(listener.certificate)
    for index, one in enumerate(listener.shown, start=written - len(listener.shown)):
        try:
            found.append(read(one, contents))
        except Unusable as error:
            note(("endpoint",) if index < 0 else ("certificate", index, error.key), error.why)
    return tuple(found)


def _read_authorities(
    tls: model.Tls, contents: Contents, note: Callable[[KeyPath, str], None]
) -> tuple[bytes, ...]:
    """What is in the files that say which clients' certificates are good."""
    found: list[bytes] = []
    for key, what in (
        ("client_ca", "certificate"),
        ("client_crl", "list of revoked certificates (X509 CRL)"),
    ):
        path = getattr(tls, key)
        if path is None or tls.client_certificate == "none":
            continue
        try:
            content = contents.file(path, MOST)
            _trust(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), content)
        except ssl.SSLError:
            note(("tls", key), f"{path} has no {what} in PEM in it, or one that cannot be read")
        except (OSError, ValueError) as error:
            note(("tls", key), f"{path} cannot be read: {getattr(error, 'strerror', None) or error}")
        else:
            found.append(content)
    return tuple(found)


# -- contexts -----------------------------------------------------------------------------------------------------------


def _context_for(
    certificates: Sequence[Certificate], tls: model.Tls, authorities: Sequence[bytes]
) -> ssl.SSLContext:
    """Make the contexts; returns that of the first certificate, which finds the others'."""
    contexts: dict[tuple[str, ...], ssl.SSLContext] = {}
    kinds: set[tuple[tuple[str, ...], str]] = set()
    by_name: dict[str, ssl.SSLContext] = {}
    for one in certificates:
        if (one.names, one.kind) in kinds:
            continue  # nobody would ever be shown it
        kinds.add((one.names, one.kind))
        context = contexts.get(one.names)
        if context is None:
            context = contexts[one.names] = _new(tls, authorities)
        _load(context, one)
        for name in one.names:
            by_name.setdefault(name, context)
    first = next(iter(contexts.values()))
    first.sni_callback = _chooser(by_name, first)
    return first


def _chooser(by_name: dict[str, ssl.SSLContext], first: ssl.SSLContext) -> Callable[..., None]:
    """Find the context for the name that a client says (SNI, RFC 6066 section 3)."""

    def choose(connection: Any, name: str | None, context: ssl.SSLContext) -> None:
        if name is not None:
            connection.server_name = name = name.lower().rstrip(".")
            found = by_name.get(name) or by_name.get("*." + name.partition(".")[2])
            if found is not None and found is not first:
                connection.context = found

    return choose


def ignore_illegible_names() -> None:
    """Have no traceback written for every client that asks for a name with other bytes than ASCII (SNI).

    Python ends such a handshake by itself, and calls the hook of exceptions that nobody can catch.
    """
    former = sys.unraisablehook
    if isinstance(former, functools.partial) and former.func is _note_unraisable:
        return
    sys.unraisablehook = functools.partial(_note_unraisable, former)


def _note_unraisable(former: Callable[[Any], None], unraisable: Any) -> None:
    is_name = isinstance(unraisable.exc_value, UnicodeDecodeError) and isinstance(unraisable.object, bytes)
    if not is_name:
        former(unraisable)


def _new(tls: model.Tls, authorities: Sequence[bytes]) -> ssl.SSLContext:
    """A context by the operator's settings, without a certificate."""
    context = prepare(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
    context.minimum_version = _VERSIONS[tls.min_version]
    context.maximum_version = _VERSIONS[tls.max_version]
    context.set_ciphers(openssl_ciphers(tls.ciphers))
    if tls.prefer_server_ciphers:
        context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    else:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    if not tls.session_tickets:
        context.options |= ssl.OP_NO_TICKET
        context.num_tickets = 0
    context.verify_mode = _VERIFY[tls.client_certificate]
    for one in authorities:
        _trust(context, one)
    if tls.client_certificate != "none" and tls.client_crl is not None:
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    return context


def _trust(context: ssl.SSLContext, content: bytes) -> None:
    with as_file(content) as path:  # what Python takes from memory are certificates only, and no CRLs
        context.load_verify_locations(cafile=path)


def _load(context: ssl.SSLContext, certificate: Certificate) -> None:
    with as_file(certificate.pem + certificate.key) as path:
        try:
            context.load_cert_chain(path, password=_no_passphrase)
        except ssl.SSLError as error:
            file = certificate.source.file
            raise ValueError(f"OpenSSL does not take {file}: {error.reason or error}") from None


def _no_passphrase() -> str:
    """Nobody is asked on a terminal."""
    raise ValueError("the key has a passphrase")
