"""Certificates as they stand in their files: read, and judged before anybody is shown one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import attrs
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

from ..config import model
from .contents import Contents

MOST = 1 << 20  # bytes of a file
SOON = timedelta(days=14)
"""So long before its end a certificate should have been renewed: certbot does that 30 days before, or after two thirds of
its time."""

_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\r?\n?", re.DOTALL)


class Unusable(Exception):
    """A file cannot be used: the key of the configuration that names it, and why."""

    def __init__(self, key: str, why: str) -> None:
        super().__init__(key, why)
        self.key = key
        self.why = why


@attrs.frozen
class Certificate:
    """A certificate, and what clients get with it.

    :ivar source: where it stands.
    :ivar chain: itself, and those between it and the root, in the order of the files.
    :ivar pem: the same as text.
    :ivar key: its private key, likewise.
    """

    source: model.Certificate
    chain: tuple[x509.Certificate, ...]
    pem: bytes
    key: bytes = attrs.field(eq=False, repr=False)

    @property
    def own(self) -> x509.Certificate:
        return self.chain[0]

    @property
    def names(self) -> tuple[str, ...]:
        """The host names whose clients are shown it, in lower case; ``*.`` stands for any one label (RFC 6125)."""
        return tuple(name.lower() for name in self.source.names) or self.own_names

    @property
    def own_names(self) -> tuple[str, ...]:
        """The host names in it; that of the subject where it has no others, which browsers do not accept any more."""
        names = _alternative_names(self.own)
        if names is None:
            named = self.own.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
            names = [str(one.value) for one in named[:1]]
        return tuple(dict.fromkeys(name.lower() for name in names))

    @property
    def kind(self) -> str:
        """The kind of its key; a server may have one certificate of each kind for the same names."""
        return type(self.own.public_key()).__name__

    @property
    def until(self) -> datetime:
        """When it ends."""
        return self.own.not_valid_after_utc

    @property
    def fingerprint(self) -> str:
        """SHA-256, in hexadecimal digits."""
        return self.own.fingerprint(hashes.SHA256()).hex()

    @property
    def name(self) -> str:
        """What people call it: the first name in it."""
        return next(iter(self.own_names), "no name")

    def __str__(self) -> str:
        return f"{self.name}, valid until {self.until:%Y-%m-%d}, {self.fingerprint[:8]}"

    def expiry(self, now: float) -> str | None:
        """Say that it ends soon, or has; ``None`` while there is time.

        :param now: seconds since 1970.
        """
        today = datetime.fromtimestamp(now, UTC)
        if self.until <= today:
            return f"expired on {self.until:%Y-%m-%d}, and clients refuse it: renew it"
        if self.until <= today + SOON:
            return f"expires on {self.until:%Y-%m-%d}, and should have been renewed by now"
        return None

    def doubts(self, now: float) -> Iterator[str]:
        """Yield what else clients, or some of them, will not like.

        :param now: seconds since 1970.
        """
        today = datetime.fromtimestamp(now, UTC)
        if self.own.not_valid_before_utc > today:
            yield f"is not valid before {self.own.not_valid_before_utc:%Y-%m-%d %H:%M} UTC: clients refuse it until then"
        if _alternative_names(self.own) is None:
            yield "has no subjectAltName: browsers take no notice of the name in its subject"
        for number, (one, issuer) in enumerate(zip(self.chain, self.chain[1:], strict=False), start=1):
            if not _issued_by(one, issuer):
                yield (
                    f"is followed by what did not issue it: number {number + 1} of the chain, "
                    f"{issuer.subject.rfc4514_string()}, is not the issuer of number {number}; put them in order"
                )


def read(source: model.Certificate, contents: Contents) -> Certificate:
    """Make a certificate of what is in its files, and see that the key is its own.

    :raises Unusable: when it cannot be shown to anybody.
    """
    pem = _content(contents, source.file, "file")
    blocks = _CERTIFICATE.findall(pem)
    if not blocks:
        raise Unusable("file", f"{source.file} has no certificate in PEM in it")
    if source.chain is not None:
        more = _CERTIFICATE.findall(_content(contents, source.chain, "chain"))
        if not more:
            raise Unusable("chain", f"{source.chain} has no certificate in PEM in it")
        blocks = [blocks[0], *more]
    try:
        chain = tuple(x509.load_pem_x509_certificate(one) for one in blocks)
        _ = [one.not_valid_after_utc for one in chain]
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Unusable("file", f"{source.file} has a certificate that cannot be read: {error}") from None
    key = _key_of(source, chain, pem if source.key is None else _content(contents, source.key, "key"))
    return Certificate(source, chain, b"".join(one.rstrip() + b"\n" for one in blocks), key)


def _key_of(source: model.Certificate, chain: Sequence[x509.Certificate], pem: bytes) -> bytes:
    """The key in a file.

    :raises Unusable: when it is not that of the first certificate.
    """
    key, file = ("file", source.file) if source.key is None else ("key", source.key)
    if b"PRIVATE KEY-----" not in pem:
        where = "write key = with the file that has it" if source.key is None else "it is no key in PEM"
        raise Unusable(key, f"{file} has no private key in it; {where}")
    found = _key_in(pem)
    try:
        private = serialization.load_pem_private_key(found, password=None)
    except TypeError:
        message = f"the key in {file} has a passphrase, and nobody is there to type it; take it off: openssl pkey -in {file}"
        raise Unusable(key, message) from None
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Unusable(key, f"the key in {file} cannot be read: {error}") from None
    spki = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    wanted = private.public_key().public_bytes(*spki)
    owners = [number for number, one in enumerate(chain, 1) if one.public_key().public_bytes(*spki) == wanted]
    if not owners:
        raise Unusable(key, f"the key in {file} is not that of the certificate in {source.file}")
    if owners[0] != 1:
        message = f"the certificate of the key is number {owners[0]} in {source.file}; it must be the first"
        raise Unusable("file", message)
    return found


def _key_in(pem: bytes) -> bytes:
    """The part of a file that is a key; EC keys may have their parameters before them."""
    found = re.search(rb"-----BEGIN ([A-Z ]*PRIVATE KEY)-----.+?-----END \1-----\r?\n?", pem, re.DOTALL)
    return pem if found is None else found[0]


def _alternative_names(certificate: x509.Certificate) -> list[str] | None:
    """The host names in subjectAltName; None when there is no such extension, or it cannot be read."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (x509.ExtensionNotFound, ValueError):
        return None
    return found.value.get_values_for_type(x509.DNSName)


def _issued_by(one: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        one.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _content(contents: Contents, path: str, key: str) -> bytes:
    try:
        return contents.file(path, MOST)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise Unusable(key, f"{path} cannot be read: {why}") from None
