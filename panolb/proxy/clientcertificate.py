"""Reading what a client's TLS came to."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256

from cryptography import x509
from cryptography.x509.oid import NameOID

from ..core.secured import ClientCertificate, Secured
from .tls import SecureServer

_NAMES = {NameOID.EMAIL_ADDRESS: "emailAddress"}  # as OpenSSL calls it; RFC 4514 has only its number

_WORDS = {
    NameOID.COMMON_NAME: "CN",
    NameOID.ORGANIZATION_NAME: "O",
    NameOID.ORGANIZATIONAL_UNIT_NAME: "OU",
    NameOID.COUNTRY_NAME: "C",
    NameOID.STATE_OR_PROVINCE_NAME: "ST",
    NameOID.LOCALITY_NAME: "L",
    NameOID.EMAIL_ADDRESS: "EMAIL",
}
"""As mod_ssl calls them, in capitals."""


def secured(transport: SecureServer) -> Secured:
    """What the handshake of a connection has settled.

    :raises ValueError: the client's certificate passes with OpenSSL, and is none.
    """
    wire = transport.socket
    cipher, der = wire.cipher(), transport.client_certificate
    return Secured(
        wire.version() or "",
        cipher[0] if cipher else "",
        wire.server_name or "",
        bool(wire.session_reused),
        None if der is None else _understood(der),
    )


def _understood(der: bytes) -> ClientCertificate:
    found = x509.load_der_x509_certificate(der)
    digits = f"{found.serial_number:X}"
    return ClientCertificate(
        der,
        found.subject.rfc4514_string(_NAMES),
        found.issuer.rfc4514_string(_NAMES),
        _parts(found.subject),
        _parts(found.issuer),
        digits if len(digits) % 2 == 0 else "0" + digits,
        sha256(der).hexdigest(),
        _time(found.not_valid_before_utc),
        _time(found.not_valid_after_utc),
    )


def _parts(name: x509.Name) -> dict[str, str]:
    """The first of each kind."""
    found: dict[str, str] = {}
    for one in name:
        word = _WORDS.get(one.oid)
        if word is not None:
            found.setdefault(word, str(one.value))
    return found


def _time(when: datetime) -> str:
    """As mod_ssl writes it, whatever the locale: ``Nov  3 08:15:00 2026 GMT``."""
    month = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()[when.month - 1]
    return f"{month} {when.day:2} {when:%H:%M:%S} {when.year} GMT"
