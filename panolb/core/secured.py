"""What a client's TLS came to, for members, rules and logs."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping

CERTIFICATE_FIELDS = frozenset(
    b"x-client-cert-verify x-client-cert-subject x-client-cert-issuer x-client-cert-serial x-client-cert-fingerprint "
    b"client-cert client-cert-chain".split()
)
"""Fields that tell members of a client's certificate.  A client's own never get there (RFC 9440 section 2.4)."""


class ClientCertificate:
    """A client's certificate, which one of the listener's authorities has issued.

    :param der: itself.
    :param subject: its subject as RFC 4514 writes names; ``issuer`` likewise.
    :param of_subject: the first of each kind of name in the subject, by mod_ssl's words for them: ``CN``, ``O``, ``OU``, ``C``,
        ``ST``, ``L`` and ``EMAIL``; ``of_issuer`` likewise.
    :param serial: hexadecimal digits, as mod_ssl writes them.
    :param fingerprint: SHA-256, in hexadecimal digits.
    :param begins: when it begins to be valid, as mod_ssl writes it; ``ends`` likewise.
    """

    __slots__ = (
        "begins",
        "der",
        "ends",
        "fingerprint",
        "issuer",
        "of_issuer",
        "of_subject",
        "serial",
        "subject",
    )

    def __init__(
        self,
        der: bytes,
        subject: str,
        issuer: str,
        of_subject: Mapping[str, str],
        of_issuer: Mapping[str, str],
        serial: str,
        fingerprint: str,
        begins: str,
        ends: str,
    ) -> None:
        self.der = der
        self.subject = subject
        self.issuer = issuer
        self.of_subject = of_subject
        self.of_issuer = of_issuer
        self.serial = serial
        self.fingerprint = fingerprint
        self.begins = begins
        self.ends = ends

    @property
    def pem(self) -> bytes:
        """Itself as text."""
        text = base64.b64encode(self.der)
        lines = [text[start : start + 64] for start in range(0, len(text), 64)]
        return b"\n".join([b"-----BEGIN CERTIFICATE-----", *lines, b"-----END CERTIFICATE-----", b""])


class Secured:
    """What a handshake has settled.

    :param version: ``TLSv1.3``.
    :param cipher: its name as OpenSSL's.
    :param server_name: the name that the client asked for (SNI); empty when it named none.
    :param resumed: whether an earlier session was taken up again.
    :param certificate: the client's; ``None`` when it has shown none.

    :ivar lines: the header fields that tell members of the certificate.
    """

    __slots__ = ("certificate", "cipher", "lines", "resumed", "server_name", "version")

    def __init__(
        self,
        version: str,
        cipher: str,
        server_name: str,
        resumed: bool,
        certificate: ClientCertificate | None,
    ) -> None:
        self.version = version
        self.cipher = cipher
        self.server_name = server_name
        self.resumed = resumed
        self.certificate = certificate
        self.lines: list[bytes] = []

    def tell_members(self, whole: bool) -> None:
        """Have members told of the certificate, or that there is none.

        :param whole: also send it as it is (RFC 9440).
        """
        one = self.certificate
        if one is None:
            self.lines = [b"X-Client-Cert-Verify: NONE"]
            return
        self.lines = [
            b"X-Client-Cert-Verify: SUCCESS",
            b"X-Client-Cert-Subject: " + escaped(one.subject),
            b"X-Client-Cert-Issuer: " + escaped(one.issuer),
            b"X-Client-Cert-Serial: " + one.serial.encode("ascii"),
            b"X-Client-Cert-Fingerprint: " + one.fingerprint.encode("ascii"),
        ]
        if whole:
            self.lines.append(b"Client-Cert: :" + base64.b64encode(one.der) + b":")

    def variable(self, name: str) -> bytes:
        """A variable of mod_ssl's; empty when there is none of that name."""
        read = _VARIABLES.get(name)
        if read is not None:
            return read(self)
        one = self.certificate
        if one is None:
            return b""
        if name.startswith(_SUBJECT):
            return one.of_subject.get(name.removeprefix(_SUBJECT).upper(), "").encode()
        if name.startswith(_ISSUER):
            return one.of_issuer.get(name.removeprefix(_ISSUER).upper(), "").encode()
        of_certificate = _OF_CERTIFICATE.get(name)
        return b"" if of_certificate is None else of_certificate(one)


def escaped(text: str) -> bytes:
    r"""A name for a header: whatever is not printable ASCII becomes ``\C3\BC``, the bytes of its UTF-8 (RFC 4514 section 2.4)."""
    return b"".join(
        b"%c" % byte if 0x20 <= byte < 0x7F else b"\\%02X" % byte for byte in text.encode("utf-8", "replace")
    )


_SUBJECT, _ISSUER = "SSL_CLIENT_S_DN_", "SSL_CLIENT_I_DN_"

_VARIABLES: dict[str, Callable[[Secured], bytes]] = {
    "SSL_PROTOCOL": lambda secured: secured.version.encode(),
    "SSL_CIPHER": lambda secured: secured.cipher.encode(),
    "SSL_TLS_SNI": lambda secured: secured.server_name.encode(),
    "SSL_SESSION_RESUMED": lambda secured: b"Resumed" if secured.resumed else b"Initial",
    "SSL_CLIENT_VERIFY": lambda secured: b"NONE" if secured.certificate is None else b"SUCCESS",
}

_OF_CERTIFICATE: dict[str, Callable[[ClientCertificate], bytes]] = {
    "SSL_CLIENT_S_DN": lambda one: one.subject.encode(),
    "SSL_CLIENT_I_DN": lambda one: one.issuer.encode(),
    "SSL_CLIENT_M_SERIAL": lambda one: one.serial.encode(),
    "SSL_CLIENT_V_START": lambda one: one.begins.encode(),
    "SSL_CLIENT_V_END": lambda one: one.ends.encode(),
    "SSL_CLIENT_CERT": lambda one: one.pem,
}
