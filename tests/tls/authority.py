"""An authority for tests: certificates for host names and for clients, of all the kinds that listeners have to know."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Literal

import attrs
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@attrs.frozen
class Issued:
    """A certificate and its key.

    :ivar pem: the certificate, and those between it and the root.
    """

    certificate: x509.Certificate
    key: Key
    pem: bytes

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    @property
    def fingerprint(self) -> str:
        """SHA-256 in hexadecimal digits."""
        return self.certificate.fingerprint(hashes.SHA256()).hex()

    def save(self, directory: Path, name: str) -> Path:
        """Write ``NAME.pem`` and ``NAME.key``; returns the first."""
        directory.joinpath(f"{name}.key").write_bytes(self.key_pem)
        path = directory / f"{name}.pem"
        path.write_bytes(self.pem)
        return path


class Authority:
    """Issues certificates, by a root and an authority below it as public ones do.

    :ivar root: the file with the root, which clients trust.
    """

    def __init__(self, directory: Path, name: str) -> None:
        self._key, self._below = new_key("ec"), new_key("ec")
        self._name, self._below_name = _name(name), _name(f"{name} R3")
        made = _sign(self._name, self._key, self._name, self._key, 365, x509.BasicConstraints(True, None))
        self._intermediate = _sign(
            self._below_name, self._below, self._name, self._key, 365, x509.BasicConstraints(True, 0)
        )
        self.root = directory / f"{name}.pem"
        self.root.write_bytes(_pem(made))
        self.intermediate = _pem(self._intermediate)

    def host(self, *names: str, days: int = 90, kind: Literal["ec", "rsa"] = "ec") -> Issued:
        """For these host names, until so many days from now."""
        key = new_key(kind)
        more = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        made = _sign(_name(names[0]), key, self._below_name, self._below, days, more)
        return Issued(made, key, _pem(made) + self.intermediate)

    def client(self, subject: x509.Name) -> Issued:
        """For a client; issued by the root itself."""
        key = new_key("ec")
        more = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
        made = _sign(subject, key, self._name, self._key, 90, more)
        return Issued(made, key, _pem(made))

    def revoked(self, *issued: Issued) -> bytes:
        """The list of certificates that are not good any more, in PEM."""
        now = dt.datetime.now(dt.UTC)
        builder = x509.CertificateRevocationListBuilder().issuer_name(self._name)
        builder = builder.last_update(now - dt.timedelta(days=1)).next_update(now + dt.timedelta(days=30))
        for one in issued:
            entry = x509.RevokedCertificateBuilder().serial_number(one.certificate.serial_number)
            builder = builder.add_revoked_certificate(entry.revocation_date(now).build())
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def new_key(kind: Literal["ec", "rsa"]) -> Key:
    """A key as public authorities want them."""
    return ec.generate_private_key(ec.SECP256R1()) if kind == "ec" else rsa.generate_private_key(65537, 2048)


def person(name: str, organization: str = "Panoptes GmbH, Köln") -> x509.Name:
    """The subject of a client's certificate, with what has to be escaped in it."""
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "DE"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
            x509.NameAttribute(NameOID.EMAIL_ADDRESS, "ada@example.org"),
        ]
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _sign(
    subject: x509.Name, key: Key, issuer: x509.Name, by: Key, days: int, more: x509.ExtensionType
) -> x509.Certificate:
    now = dt.datetime.now(dt.UTC)
    first = now - dt.timedelta(days=2 if days > 0 else 30)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(first)
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(more, critical=isinstance(more, x509.BasicConstraints))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), critical=False)
        .sign(by, hashes.SHA256())
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
