"""Who a member is: its certificate held against what is asked of it, and what is wrong in an operator's words.

OpenSSL verifies the chain of certificates up to an authority, service-identity the name (RFC 9525).
"""

from __future__ import annotations

import re
from ipaddress import ip_address

from cryptography.x509 import Certificate, DNSName, IPAddress, Name, SubjectAlternativeName
from cryptography.x509.extensions import ExtensionNotFound
from cryptography.x509.oid import NameOID
from OpenSSL.crypto import X509
from OpenSSL.SSL import Error
from service_identity import CertificateError, VerificationError
from service_identity.cryptography import extract_patterns
from service_identity.hazmat import DNS_ID, IPAddress_ID, ServiceID, verify_service_identity

# Parts of the verification that an operator can do without.
AUTHORITY, NAME, DATES = "ca", "name", "dates"

# <openssl/x509_vfy.h>
_NOT_YET_VALID, _EXPIRED = 9, 10
_OF_DATES = frozenset((_NOT_YET_VALID, _EXPIRED, 13, 14))
_SELF_SIGNED, _UNKNOWN_ROOT = 18, 19
_UNKNOWN_ISSUER = frozenset((2, 20, 21))
_OTHERS = {
    7: "has a signature that is wrong",
    23: "has been revoked",
    24: "belongs to no authority, but has signed another one",
    26: "is not one for servers",
    66: "has a key that is too short",
    67: "has a key that is too short",
    68: "is signed with an algorithm that is not safe any more",
}
_MOST_NAMES = 4
_MOST_TEXT = 80  # characters of a name that a certificate has


class Demands:
    """What is asked of a member's certificate.

    :param name: whom it must be for: a host name or an IP address.
    :param authorities: where the certificates of those who may vouch for it are, for messages.
    :param insecure: what is not verified, of `AUTHORITY`, `NAME` and `DATES`.
    :param depth: how many certificates there may be above its own; ``None`` for any number.
    :raises ValueError: when ``name`` can be that of no server.

    :ivar server_name: whom to ask for in the handshake (RFC 6066 section 3); ``None`` for an address.
    """

    __slots__ = ("_service", "authorities", "depth", "insecure", "name", "server_name")

    def __init__(self, name: str, authorities: str, insecure: frozenset[str], depth: int | None) -> None:
        self.name = name
        self.authorities = authorities
        self.insecure = insecure
        self.depth = depth
        self.server_name: bytes | None = None
        try:
            ip_address(name)
        except ValueError:
            self._service: ServiceID = DNS_ID(name.rstrip("."))
            self.server_name = name.rstrip(".").encode("ascii")
        else:
            self._service = IPAddress_ID(name)

    def complaint(self, certificate: X509, error: int, depth: int) -> str | None:
        """What is wrong with a certificate; ``None`` for nothing that counts.

        :param error: what OpenSSL finds wrong; 0 for nothing.
        :param depth: 0 for the member's own, 1 for that of its authority, and so on.
        """
        try:
            one = certificate.to_cryptography()
            if error and self._counts(error, depth):
                return self._of_chain(one, error, depth)
            if self.depth is not None and depth > self.depth:
                return f"its chain of certificates is longer than tls_depth = {self.depth} allows"
            return self._of_name(one) if depth == 0 and NAME not in self.insecure else None
        except ValueError as mistake:
            return f"its certificate cannot be read: {_plain(str(mistake))}"

    def _counts(self, error: int, depth: int) -> bool:
        """Whether an error of OpenSSL's is one here; an authority that nobody verifies may be out of date."""
        if error not in _OF_DATES:
            return AUTHORITY not in self.insecure
        return DATES not in self.insecure and not (depth and AUTHORITY in self.insecure)

    def _of_chain(self, certificate: Certificate, error: int, depth: int) -> str:
        whose = (
            f"the certificate of its authority {_called(certificate.subject)}" if depth else "its certificate"
        )
        if error == _EXPIRED:
            return f"{whose} has expired on {certificate.not_valid_after_utc:%Y-%m-%d %H:%M} UTC; renew it"
        if error == _NOT_YET_VALID:
            since = f"{certificate.not_valid_before_utc:%Y-%m-%d %H:%M} UTC"
            return f"{whose} is not valid before {since}; look at the clocks of both machines"
        if error == _SELF_SIGNED:
            return "its certificate is signed by itself; to trust it, write its file as tls_ca"
        if error == _UNKNOWN_ROOT:
            return (
                f"its authority {_called(certificate.subject)} is not among {self.authorities}; write the file of that "
                "authority's certificate as tls_ca"
            )
        if error in _UNKNOWN_ISSUER:
            return (
                f"{_called(certificate.issuer)}, who has signed {whose}, is not among {self.authorities}; write the file "
                "of the authority's certificate as tls_ca, or have the member send the certificates in between"
            )
        return f"{whose} {_OTHERS.get(error, f'is not accepted by OpenSSL (verify error {error})')}"

    def _of_name(self, certificate: Certificate) -> str | None:
        try:
            verify_service_identity(extract_patterns(certificate), [self._service], [])
        except (CertificateError, VerificationError):
            names = _names(certificate)
            if not names:
                return f"its certificate has no subjectAltName, so it is not for {self.name}; have it issued anew with one"
            return f"its certificate is for {', '.join(names)}, not for {self.name}; set tls_name to a name that it has"
        return None


def _names(certificate: Certificate) -> list[str]:
    """Whom a certificate is for."""
    try:
        found = certificate.extensions.get_extension_for_class(SubjectAlternativeName).value
    except ExtensionNotFound:
        return []
    names = [*found.get_values_for_type(DNSName), *map(str, found.get_values_for_type(IPAddress))]
    shown = [_plain(one) for one in names[:_MOST_NAMES]]
    return shown + ["..."] * (len(names) > _MOST_NAMES)


def _called(name: Name) -> str:
    common = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return _plain(str(common[0].value) if common else name.rfc4514_string()) or "without a name"


def _plain(text: str) -> str:
    """What others wrote, for a line of a log."""
    return "".join(one if one.isprintable() else "?" for one in text[:_MOST_TEXT])


# -- what else can go wrong ------------------------------------------------------------------------------------------

_ALERTS = {
    "certificate required": "it asks for a client certificate; set tls_certificate",
    "handshake failure": "it refuses the TLS handshake: there is no cipher that both have, or it asks for a client "
    "certificate (tls_certificate)",
    "protocol version": "it speaks no version of TLS that is allowed here (tls_min_version)",
    "unrecognized name": "it does not know the name that it is asked for; set tls_name",
    **dict.fromkeys(
        ("unknown ca", "bad certificate", "certificate unknown", "access denied", "unsupported certificate"),
        "it refuses the client certificate, or that it is shown none; set tls_certificate to one that it accepts",
    ),
    "certificate expired": "the client certificate of tls_certificate has expired; renew it",
    "certificate revoked": "the client certificate of tls_certificate has been revoked; renew it",
}
"""By the end of what OpenSSL calls an alert that a member sends (RFC 8446 section 6.2)."""

_ALERT = re.compile(r"\S+ (?:alert )?(.+)")  # the first word differs from version to version

_NO_TLS = frozenset(
    ("wrong version number", "packet length too long", "http request", "record layer failure")
)
_TOO_OLD = frozenset(("unsupported protocol", "version too low"))


def alert(error: BaseException | None) -> str | None:
    """Why a member has refused a handshake, by the alert that it has sent; ``None`` when it has sent none of them."""
    for reason in _reasons(error):
        match = _ALERT.fullmatch(reason)
        if match is not None and match[1] in _ALERTS:
            return _ALERTS[match[1]]
    return None


def trouble(error: BaseException | None) -> str:
    """Why there was no TLS connection, when the certificate is not at fault."""
    said = alert(error)
    if said is not None:
        return said
    reasons = _reasons(error)
    if not reasons:
        return "it ended the connection within the TLS handshake"
    if not _NO_TLS.isdisjoint(reasons):
        return "it does not speak TLS on this port (is its URL http://?)"
    if not _TOO_OLD.isdisjoint(reasons):
        return _ALERTS["protocol version"]
    return f"the TLS handshake failed: {', '.join(dict.fromkeys(reasons))}"


def _reasons(error: BaseException | None) -> list[str]:
    """What OpenSSL says, in its words."""
    errors = error.args[0] if isinstance(error, Error) and error.args else ()
    return [one[2] for one in errors if len(one) == 3 and one[2]] if isinstance(errors, list) else []
