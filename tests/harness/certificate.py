"""A certificate for listeners that speak TLS."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def certify(directory: Path, names: Sequence[str] = ()) -> tuple[Path, Path]:
    """A key and a certificate that it has signed itself.

    :param names: host names that it is for.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "panolb.test")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
    )
    if names:
        whom = [x509.DNSName(one) for one in names]
        made = made.add_extension(x509.SubjectAlternativeName(whom), critical=False)
    paths = directory / "key.pem", directory / "certificate.pem"
    paths[0].write_bytes(_pem_of_key(key))
    paths[1].write_bytes(_pem(made.sign(key, hashes.SHA256())))
    return paths


class Authority:
    """Issues certificates.

    :ivar certificate: its own, as a PEM file.
    """

    def __init__(self, directory: Path, name: str) -> None:
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = directory / f"{name}.pem"
        made = self._build(self._name, self._key.public_key()).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        self.certificate.write_bytes(_pem(made.sign(self._key, hashes.SHA256())))

    def issue(
        self,
        name: str,
        *,
        names: Sequence[str] = (),
        address: bool = True,
        days: tuple[float, float] = (-1, 1),
    ) -> tuple[Path, Path]:
        """A key and a certificate for this machine's loopback address, or for a client.

        :param names: host names that it is for as well.
        :param address: whether it is for the loopback address.
        :param days: from when to when it is valid, from now.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        made = self._build(subject, key.public_key(), days)
        whom: list[x509.GeneralName] = [x509.DNSName(one) for one in names]
        whom += [x509.IPAddress(ip_address("127.0.0.1"))] if address else []
        if whom:
            made = made.add_extension(x509.SubjectAlternativeName(whom), critical=False)
        paths = self._directory / f"{name}.key", self._directory / f"{name}.pem"
        paths[0].write_bytes(_pem_of_key(key))
        paths[1].write_bytes(_pem(made.sign(self._key, hashes.SHA256())))
        return paths

    def _build(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, days: tuple[float, float] = (-1, 1)
    ) -> x509.CertificateBuilder:
        now = dt.datetime.now(dt.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + dt.timedelta(days=days[0]))
            .not_valid_after(now + dt.timedelta(days=days[1]))
        )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _pem_of_key(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
