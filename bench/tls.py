"""What the measurement over TLS needs: one certificate for all peers, and a client that leaves them no choice of ciphers."""

from __future__ import annotations

import datetime as dt
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

CIPHER = "TLS_AES_256_GCM_SHA384"
# For OPENSSL_CONF: a client may offer this and nothing else, so that no peer can choose something cheaper.
OPENSSL_CONF = f"""openssl_conf = settings
[settings]
ssl_conf = protocols
[protocols]
system_default = clients
[clients]
MinProtocol = TLSv1.3
Ciphersuites = {CIPHER}
"""


@dataclass(frozen=True, slots=True)
class Identity:
    """The files that a peer is given, and that which wrk is given.

    :ivar both: certificate and key in one, for HAProxy.
    """

    certificate: Path
    key: Path
    both: Path
    openssl_conf: Path


def make_identity(work: Path) -> Identity:
    """Write a certificate for localhost on P-256, which all of today's browsers take."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    certificate = made.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return Identity(
        _write(work / "certificate.pem", certificate),
        _write(work / "key.pem", private),
        _write(work / "both.pem", certificate + private),
        _write(work / "openssl.cnf", OPENSSL_CONF.encode("ascii")),
    )


def client_context() -> ssl.SSLContext:
    """For the checks beside the measurement, which take any certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    path.chmod(0o644)  # a server that drops root reads it, too
    return path
