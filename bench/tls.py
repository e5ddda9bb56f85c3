"""What the measurement over TLS needs: one certificate for all peers, and a client that leaves them no choice of ciphers."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from tests.harness.certificate import certify

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
    key, certificate = certify(work, ["localhost"])
    both, openssl_conf = work / "both.pem", work / "openssl.cnf"
    both.write_bytes(certificate.read_bytes() + key.read_bytes())
    openssl_conf.write_text(OPENSSL_CONF)
    for one in (key, certificate, both, openssl_conf):
        one.chmod(0o644)  # a server that drops root reads it, too
    return Identity(certificate, key, both, openssl_conf)


def client_context() -> ssl.SSLContext:
    """For the checks beside the measurement, which take any certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
