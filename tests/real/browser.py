"""The clients of the scenarios: a user with cookies and one kept connection, and a bare socket."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from websockets.sync.client import ClientConnection, connect

from tests.harness.waiting import ADDRESS

from .balancer import Balancer

Body = bytes | Iterable[bytes] | None
CONTEXT = "/panopticon"
PATIENCE = 30.0
"""Seconds after which an answer that has not come is a failure; far above anything that a sound balancer needs."""


@dataclass(frozen=True)
class Answer:
    """A response with its whole body."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def one(self, name: str) -> str | None:
        """The value of a header that must not come twice."""
        values = self.all(name)
        assert len(values) <= 1, f"{name} came {len(values)} times: {values}"
        return values[0] if values else None

    @property
    def facts(self) -> dict[str, str]:
        """The ``name=value`` lines that the probe pages write."""
        lines = self.body.decode().splitlines()
        return {name: value for name, _, value in (line.partition("=") for line in lines)}

    @property
    def cookies(self) -> dict[str, str]:
        """Every cookie this answer sets, with its attributes: name -> the whole Set-Cookie value."""
        return {value.partition("=")[0].strip(): value for value in self.all("Set-Cookie")}


def cookie_value(set_cookie: str) -> str:
    """The value of a Set-Cookie header's cookie."""
    return set_cookie.partition(";")[0].partition("=")[2].strip()


class User:
    """A browser, as far as a balancer can tell: keeps cookies and one connection.  ``cookies=False`` refuses cookies."""

    def __init__(self, port: int, *, cookies: bool = True, timeout: float = PATIENCE) -> None:
        self.port = port
        self.keeps_cookies = cookies
        self.cookies: dict[str, str] = {}
        self._connection = http.client.HTTPConnection(ADDRESS, port, timeout=timeout)

    def __enter__(self) -> User:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    @property
    def route(self) -> str | None:
        """The member that the balancer's cookie names."""
        cookie = self.cookies.get("ROUTEID")
        return None if cookie is None else cookie.partition(".")[2]

    def cookie_header(self) -> dict[str, str]:
        if not self.cookies:
            return {}
        return {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}

    def ask(
        self, method: str, path: str, body: Body = None, headers: Mapping[str, str] | None = None
    ) -> http.client.HTTPResponse:
        """Send one request and return the response with its body still to be read."""
        headers = {**self.cookie_header(), **(headers or {})}
        chunked = not isinstance(body, bytes | None)
        if chunked:
            headers["Transfer-Encoding"] = "chunked"
        self._connection.request(method, CONTEXT + path, body=body, headers=headers, encode_chunked=chunked)
        response = self._connection.getresponse()
        for value in response.headers.get_all("Set-Cookie") or []:
            self.take(value)
        return response

    def take(self, set_cookie: str) -> None:
        """Keep a cookie that was set."""
        if self.keeps_cookies:
            self.cookies[set_cookie.partition("=")[0].strip()] = cookie_value(set_cookie)

    def request(
        self, method: str, path: str, body: Body = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request and its whole answer; ``path`` is below ``/panopticon``."""
        response = self.ask(method, path, body, headers)
        return Answer(response.status, response.getheaders(), response.read())

    def get(self, path: str) -> Answer:
        return self.request("GET", path)

    @contextmanager
    def websocket(self, path: str, **options: Any) -> Iterator[ClientConnection]:
        """A WebSocket with this user's cookies; cookies of the 101 are kept.  Without compression unless asked for."""
        settings: dict[str, Any] = {
            "additional_headers": self.cookie_header(),
            "compression": None,
            "proxy": None,
            "open_timeout": PATIENCE,
            "close_timeout": PATIENCE,
            "ping_interval": None,
            **options,
        }
        address = f"ws://{ADDRESS}:{self.port}{CONTEXT}{path}"
        with connect(address, **settings) as client:
            assert client.response is not None
            for value in client.response.headers.get_all("Set-Cookie"):
                self.take(value)
            yield client


def bound_user(balancer: Balancer, route: str) -> User:
    """A new user whom the balancer itself has put on the member ``route``."""
    for _ in range(20):
        user = User(balancer.port)
        answer = user.get("/probe/echo.jsp")
        assert answer.status == 200
        if user.route == route:
            assert answer.facts["member"] == route
            return user
        user.close()
    raise AssertionError(f"20 new users, and none was given the route {route}")


class Wire:
    """A bare connection, for what an ordinary client would not send or would hide."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection((ADDRESS, port), timeout=PATIENCE)
        self._received = b""

    def __enter__(self) -> Wire:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def head(self) -> tuple[int, dict[str, str]]:
        """The next head (an interim one as well): status and headers, names in lower case."""
        while b"\r\n\r\n" not in self._received:
            self._receive()
        head, _, self._received = self._received.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in lines)
        return int(first.split(" ", 2)[1]), {name.lower(): value.strip() for name, _, value in pairs}

    def body(self, length: int) -> bytes:
        while len(self._received) < length:
            self._receive()
        body, self._received = self._received[:length], self._received[length:]
        return body

    def _receive(self) -> None:
        data = self._socket.recv(65536)
        assert data, f"the connection ended after {self._received[:200]!r}"
        self._received += data
