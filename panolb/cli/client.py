"""Asks a running panolb: HTTP over its UNIX socket, or over TCP with a token or a certificate."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

import click

from .ending import Refused, Unreachable

SOCKET: Final = "/run/panolb/control.sock"
"""Where the control API is looked for if nothing else is said."""

TIMEOUT: Final = 30.0
"""Seconds in which an answer must come."""

_RUNS = "Is it running?  systemctl status panolb"
_HTTPS = "Does it speak TLS? Then write https://"
_ELSEWHERE = "If its [control] socket is elsewhere, say where: --control PATH, or PANOLB_CONTROL=PATH"


class Answer:
    """What panolb has answered.

    :ivar text: as it came.
    :ivar value: what it says, as JSON.
    """

    __slots__ = ("text", "value")

    def __init__(self, text: str, value: Any) -> None:
        self.text = text
        self.value = value


class Daemon:
    """A running panolb.

    :param control: the path of its socket, or ``http://HOST:PORT`` or ``https://HOST:PORT``.
    :param token_file: the file with the token that it wants over TCP.
    :param ca: the file with the certificates that vouch for its own; the system's if none is said.
    :param cert: the file with the certificate to show it, and ``key`` with that one's key.
    :param timeout: seconds in which an answer must come.
    :raises click.UsageError: when these do not go together.
    """

    def __init__(
        self,
        control: str = SOCKET,
        *,
        token_file: str | None = None,
        ca: str | None = None,
        cert: str | None = None,
        key: str | None = None,
        timeout: float = TIMEOUT,
    ) -> None:
        self.control = control
        self._timeout = timeout
        url = urlsplit(control)
        self._is_url = url.scheme in ("http", "https") and bool(url.hostname)
        self._host = url.hostname or ""
        self._port = _port(control) if self._is_url else None
        self._tls: ssl.SSLContext | None = None
        if url.scheme == "https":
            self._tls = _tls(ca, cert, key)
        elif ca or cert or key:
            raise click.UsageError("--ca, --cert and --key are for --control https://HOST:PORT")
        elif "://" in control and not self._is_url:
            raise click.UsageError(
                f"--control {control}: write the path of a socket, http://HOST:PORT or https://HOST:PORT"
            )
        self._headers: dict[str, str] = {}
        if token_file is not None:
            if self._is_url and self._tls is None and not _loopback(self._host):
                raise click.UsageError(f"the token would go to {self._host} unencrypted; write https://")
            self._headers["Authorization"] = f"Bearer {_token(token_file)}"

    # -- asking -----------------------------------------------------------------------------------------------------

    def get(self, path: str, **query: Any) -> Answer:
        """What is there.

        :param path: behind ``/api/v1/``; see `quoted`.
        :raises Refused: when panolb says no.
        :raises Unreachable: when it says nothing.
        """
        return self._ask("GET", path, query, None)

    def post(self, path: str, wish: object = None) -> Answer:
        """Have something done; raises as `get` does."""
        return self._ask("POST", path, {}, json.dumps({} if wish is None else wish).encode())

    def delete(self, path: str, **query: Any) -> Answer:
        """Have something taken away; raises as `get` does."""
        return self._ask("DELETE", path, query, None)

    def lines(self, path: str, *, endless: bool = False, **query: Any) -> Iterator[str]:
        """The lines of an answer as they come; raises as `get` does.

        :param endless: the next line may be long in coming.
        """
        with self._answer("GET", path, query, None) as (connection, answer):
            if endless and connection.sock is not None:
                connection.sock.settimeout(None)
            while line := answer.readline():
                yield line.decode("utf-8", "replace").rstrip("\r\n")

    def _ask(self, method: str, path: str, query: dict[str, Any], body: bytes | None) -> Answer:
        with self._answer(method, path, query, body) as (_, answer):
            text = answer.read().decode("utf-8", "replace")
        return Answer(text, self._read(text))

    def _read(self, text: str) -> Any:
        try:
            return json.loads(text)
        except ValueError:
            raise Unreachable(
                f"what answers at {self.control} is not panolb's control API: {text[:60]!r}", _ELSEWHERE
            ) from None

    @contextmanager
    def _answer(
        self, method: str, path: str, query: dict[str, Any], body: bytes | None
    ) -> Iterator[tuple[http.client.HTTPConnection, http.client.HTTPResponse]]:
        """The head of a good answer, and its body to be read."""
        asked = {name: value for name, value in query.items() if value is not None}
        target = f"/api/v1/{path}" + (f"?{urlencode(asked)}" if asked else "")
        headers = {**self._headers, "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        connection = self._connection()
        try:
            connection.request(method, target, body, headers)
            answer = connection.getresponse()
            if answer.status >= 400:
                self._refused(answer)
            yield connection, answer
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error) from None
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        if not self._is_url:
            return _UnixConnection(self.control, self._timeout)
        if self._tls is None:
            return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)
        return http.client.HTTPSConnection(self._host, self._port, timeout=self._timeout, context=self._tls)

    # -- what goes wrong --------------------------------------------------------------------------------------------

    def _refused(self, answer: http.client.HTTPResponse) -> None:
        said = self._read(answer.read().decode("utf-8", "replace"))
        if not isinstance(said, dict):
            said = {"error": str(said)}
        hints = []
        if answer.status == 401:
            hints = [
                "Say who you are: --token-file FILE, or PANOLB_TOKEN_FILE=FILE; or --cert FILE --key FILE"
            ]
        raise Refused(answer.status, said, *hints)

    def _unreachable(self, error: Exception) -> Unreachable:
        where = self.control
        if isinstance(error, TimeoutError):
            words = f"panolb at {where} has not answered within {self._timeout:g} s"
            return Unreachable(words, "Is it stuck, or has the machine no time?  systemctl status panolb")
        if isinstance(error, ssl.SSLCertVerificationError):
            return Unreachable(
                f"the certificate of {where} is not trusted: {error.verify_message}",
                "Say who vouches for it: --ca FILE",
            )
        if isinstance(error, ssl.SSLError):
            return _no_tls(where, error)
        if isinstance(error, http.client.HTTPException | ConnectionResetError | BrokenPipeError):
            hint = _RUNS
            if self._is_url:
                hint = "Does it ask for a certificate? --cert FILE --key FILE" if self._tls else _HTTPS
            return Unreachable(f"panolb at {where} has gone away before it answered", hint)
        if self._is_url:
            return Unreachable(
                f"panolb cannot be reached at {where}: {_words(error)}",
                "Is it running there, with this [control] endpoint?",
            )
        return _no_socket(where, error)


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("panolb", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        until = time.monotonic() + (self.timeout or 0.0)
        while True:
            try:
                return self.sock.connect(self._path)
            except BlockingIOError:
                # Many ask at once. With a time limit connect() does not wait until there is room in their queue.
                if time.monotonic() > until:
                    raise TimeoutError from None
                time.sleep(0.05)


def quoted(name: str) -> str:
    """The name of a member, a balancer or a session as a part of a path."""
    return quote(name, safe="/:")


def _no_tls(url: str, error: ssl.SSLError) -> Unreachable:
    """Why there is no agreement about TLS, and what to do about it."""
    if "CERTIFICATE_REQUIRED" in (error.reason or ""):
        return Unreachable(f"{url} asks for a certificate", "Show it yours: --cert FILE --key FILE")
    words = f"{url} does not speak TLS as it should: {error.reason or error}"
    return Unreachable(words, "Does it speak TLS at all? Otherwise write http://")


def _no_socket(path: str, error: Exception) -> Unreachable:
    """Why nobody answers at a UNIX socket, and what to do about it."""
    if isinstance(error, FileNotFoundError):
        return Unreachable(f"panolb cannot be reached: there is no socket {path}", _RUNS, _ELSEWHERE)
    if isinstance(error, ConnectionRefusedError):
        return Unreachable(f"panolb cannot be reached: nobody listens at {path} any more", _RUNS)
    if isinstance(error, PermissionError):
        return Unreachable(f"panolb cannot be reached: you may not use {path}", _permission(path))
    return Unreachable(f"panolb cannot be reached at {path}: {_words(error)}", _RUNS, _ELSEWHERE)


def _permission(path: str) -> str:
    """Who may use a socket."""
    try:
        owner, group = Path(path).owner(), Path(path).group()
    except PermissionError:
        return f"You may not look into {Path(path).parent}; ask as root, or as the user that panolb runs as"
    except (KeyError, OSError, NotImplementedError):
        return "Its owner and its group may; ask as root"
    return f"Its owner {owner} and its group {group} may: usermod -aG {group} YOU and log in again; or ask as root"


def _port(control: str) -> int | None:
    """Take the port out of a URL.

    :raises click.UsageError: when it is none.
    """
    try:
        return urlsplit(control).port
    except ValueError as error:
        raise click.UsageError(f"--control {control}: {error}") from None


def _tls(ca: str | None, cert: str | None, key: str | None) -> ssl.SSLContext:
    """Make what a connection with TLS needs.

    :raises click.UsageError: when a file cannot be used.
    """
    if key and not cert:
        raise click.UsageError("--key is the key of --cert, which is missing")
    try:
        context = ssl.create_default_context(cafile=ca)
        if cert is not None:
            context.load_cert_chain(cert, key)
    except OSError as error:  # ssl.SSLError is one too
        files = ", ".join(file for file in (ca, cert, key) if file)
        raise click.UsageError(f"{files} cannot be used: {_words(error)}") from None
    return context


def _token(file: str) -> str:
    """Read a token.

    :raises click.UsageError: when there is none in the file.
    """
    try:
        with open(file, encoding="ascii") as opened:
            token = opened.read().strip()
    except (OSError, ValueError) as error:
        raise click.UsageError(f"--token-file {file} cannot be read: {_words(error)}") from None
    if not token or not token.isprintable():
        raise click.UsageError(f"--token-file {file}: there is no token in it")
    return token


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _words(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
