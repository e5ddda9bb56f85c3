"""Who may use the control API over HTTP: the token and the certificates, read from their files."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator
from hashlib import sha256
from hmac import compare_digest
from typing import Any

import attrs
from OpenSSL.SSL import Context
from twisted.internet import ssl
from twisted.internet.error import VerifyError

from ..config import model
from ..config.files import read_regular
from ..errors import ConfigError, Problem
from ..events import EventLogger

log = EventLogger()

MOST = 1 << 20  # bytes of a file
_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


@attrs.frozen
class Credentials:
    """What clients must have.

    :ivar digest: of the token; ``None`` when none is asked for.
    :ivar tls: what connections are encrypted with; ``None`` for plain ones.
    """

    digest: bytes | None = None
    tls: ssl.CertificateOptions | None = None

    def admit(self, fields: list[bytes]) -> bool:
        """Whether a request with these ``Authorization`` fields may be done."""
        if self.digest is None:
            return True
        if len(fields) != 1:
            return False
        scheme, _, token = fields[0].strip().partition(b" ")
        right = compare_digest(sha256(token.strip()).digest(), self.digest)
        return right and scheme.lower() == b"bearer"

    def getContext(self) -> Context:
        """What TLS asks for."""
        assert self.tls is not None
        return self.tls.getContext()


def read(config: model.Config) -> Credentials:
    """Read the files that ``[control]`` names.

    :raises ConfigError: when one cannot be used.
    """
    problems: list[Problem] = []

    def note(key: str, message: str) -> None:
        problems.append(Problem(config.where(("control", key)), message))

    credentials = _read(config.control, note) if config.control is not None else Credentials()
    if problems:
        raise ConfigError(problems)
    return credentials


def problems(config: model.Config) -> list[Problem]:
    """Why these files cannot be used."""
    try:
        read(config)
    except ConfigError as error:
        return list(error.problems)
    return []


def warn(config: model.Config) -> None:
    """Say what is dangerous about the files."""
    control = config.control
    for path in (
        (control.token_file, control.key) if control is not None and control.endpoint is not None else ()
    ):
        if path is not None and os.path.exists(path) and os.stat(path).st_mode & stat.S_IRWXO:
            log.warn(
                "control API: everybody on this machine can read {path}; chmod o= {path}",
                event="door.readable",
                path=path,
            )


def _read(control: model.Control, note: Callable[[str, str], None]) -> Credentials:
    if control.endpoint is None:
        return Credentials()
    token = None if control.token_file is None else _content(control.token_file, "token_file", note)
    if token is not None and not re.fullmatch(rb"[\x21-\x7e]+", token.strip()):
        said = "is empty" if not token.strip() else "has more in it than a token, which is one word of ASCII"
        note(
            "token_file",
            f"{control.token_file} {said}; for example: openssl rand -hex 32 > {control.token_file}",
        )
    digest = None if token is None else sha256(token.strip()).digest()
    return Credentials(digest, _tls(control, note))


def _tls(control: model.Control, note: Callable[[str, str], None]) -> ssl.CertificateOptions | None:
    contents: dict[str, bytes] = {}
    for name in ("certificate", "key", "client_ca"):
        path = getattr(control, name)
        content = None if path is None else _content(path, name, note)
        if content is not None:
            contents[name] = content
    if "certificate" not in contents or "key" not in contents:
        return None
    try:
        own = ssl.PrivateCertificate.loadPEM(contents["certificate"] + b"\n" + contents["key"])
        _, *chain = _certificates(contents["certificate"])
    except VerifyError:
        note("key", f"{control.key} is not the key of {control.certificate}")
        return None
    except Exception as error:  # noqa: BLE001  # of OpenSSL's and Twisted's
        note(
            "certificate",
            f"{control.certificate} and {control.key} are no certificate and its key in PEM: {error!r}",
        )
        return None
    more: dict[str, Any] = {}
    if "client_ca" in contents:
        try:
            more["trustRoot"] = ssl.trustRootFromCertificates(list(_authorities(contents["client_ca"])))
        except Exception as error:  # noqa: BLE001  # the same
            note("client_ca", f"{control.client_ca} has no certificates in PEM: {error!r}")
            return None
    return ssl.CertificateOptions(
        privateKey=own.privateKey.original,
        certificate=own.original,
        extraCertChain=[one.original for one in chain],
        raiseMinimumTo=ssl.TLSVersion.TLSv1_2,
        **more,
    )


def _authorities(pem: bytes) -> Iterator[ssl.Certificate]:
    found = list(_certificates(pem))
    if not found:
        raise ValueError("there is none")
    yield from found


def _certificates(pem: bytes) -> Iterator[ssl.Certificate]:
    return (ssl.Certificate.loadPEM(one) for one in _CERTIFICATE.findall(pem))


def _content(path: str, key: str, note: Callable[[str, str], None]) -> bytes | None:
    try:
        return read_regular(path, MOST)
    except OSError as error:
        note(key, f"{path} cannot be read: {error.strerror or error}")
        return None
