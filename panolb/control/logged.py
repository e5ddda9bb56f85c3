"""What the formats of access logs can ask of an exchange, and of a request that twisted.web served."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Final
from urllib.parse import unquote_to_bytes

from twisted.web.server import Request as WebRequest

from ..core.exchange import Exchange
from ..core.facts import ENVIRONMENT, VARIABLES
from ..core.request import Request
from ..core.routing import host_name
from ..language.logformat import Logged, Scope
from ..proxy.resource import peer_of

MOST_CHOICES = 1000  # that are remembered: members, with the routes that clients send

_MILLISECONDS: Final = (
    *(f".{number:03d}Z" for number in range(1000)),
    ".999Z",
)  # one more, for what is rounded up


class Times:
    """Clock readings as times for people.

    :param clock: reads a monotonic clock in seconds.
    :param wall_time: the time for people so many seconds ago, as Apache writes it: ``22/Nov/2026:20:15:03 +0000``.
    :param wall_clock: reads the time of day in seconds since 1970.
    """

    def __init__(
        self, clock: Callable[[], float], wall_time: Callable[[float], str], wall_clock: Callable[[], float]
    ) -> None:
        self.clock = clock
        self.wall_clock = wall_clock
        self._wall_time = wall_time
        self._stamp = b""
        self._from = self._until = clock()
        self._second = ""
        self._second_begins = self._second_ends = self._from

    def stamp(self, at: float) -> bytes:
        """As Apache writes it, to the second; most lines are of the same second."""
        if not self._from <= at < self._until:
            self._stamp = self._wall_time(self.clock() - at).encode("ascii")
            self._from, self._until = at, at + 1.0
        return self._stamp

    def utc(self, at: float) -> str:
        """To the millisecond, as in RFC 3339: ``2026-11-22T20:15:03.042Z``."""
        if not self._second_begins <= at < self._second_ends:
            epoch = self.epoch(at)
            self._second = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(epoch))
            self._second_begins = at - epoch % 1
            self._second_ends = self._second_begins + 1.0
        return self._second + _MILLISECONDS[int((at - self._second_begins) * 1000)]

    def epoch(self, at: float) -> float:
        """Seconds since 1970."""
        return self.wall_clock() - (self.clock() - at)

    def when(self, form: str, at: float) -> bytes:
        """As `Logged.when` promises."""
        if not form:
            return self.stamp(at)
        return time.strftime(form, time.localtime(self.epoch(at))).encode("utf-8", "surrogateescape")


_named = lru_cache(maxsize=1024)(host_name)  # of the locations' server_name

_VARIABLES: Final = {
    **VARIABLES,
    "REQUEST_LOG_ID": lambda exchange: exchange.request_id.encode("ascii"),
    # in a log the configured one, in an expression the one that was asked for
    "SERVER_NAME": lambda exchange: _named(exchange.location.server_name) or exchange.client.peer.server,
}
_WITHOUT_QUERY: Final = {
    **_VARIABLES,
    "QUERY_STRING": lambda exchange: b"",
    "THE_REQUEST": lambda exchange: (
        exchange.request.method
        + b" "
        + exchange.request.path
        + (b" HTTP/1.1" if exchange.request.http11 else b" HTTP/1.0")
    ),
}


def without_query(url: bytes | None) -> bytes | None:
    """The Referer field of a request, as far as it may stand in a log without queries."""
    return None if url is None else url.partition(b"?")[0]


def told_of(request: Request) -> dict[object, bytes]:
    """What formats remember of all requests of a connection that have the same header fields, by who remembers it."""
    memo = request.memo
    if memo.told is None:
        memo.told = {}
    return memo.told


class LoggedExchange(Logged):
    """An exchange that is over, or that has become a WebSocket just now.

    :param query: whether query strings may be told.

    :ivar exchange: which one; a format asks for all that it wants before the next one is put here.
    """

    __slots__ = ("_choices", "_query", "_times", "_variables", "exchange")

    exchange: Exchange

    def __init__(self, times: Times, query: bool) -> None:
        self._times = times
        self._query = query
        self._variables = _VARIABLES if query else _WITHOUT_QUERY
        self._choices: dict[object, dict[object, bytes]] = {}

    def env(self, name: bytes) -> bytes | None:
        read = ENVIRONMENT.get(name)
        return self.exchange.facts.env(name) if read is None else read(self.exchange)

    def request_header(self, name: bytes) -> bytes | None:
        if name == b"traceparent" and self.exchange.trace:
            return self.exchange.trace
        value = self.exchange.facts.request_header(name)
        return value if self._query or name != b"referer" else without_query(value)

    def response_header(self, name: bytes) -> bytes | None:
        return self.exchange.facts.response_header(name)

    def variable(self, name: str) -> bytes:
        read = self._variables.get(name)
        return self.exchange.facts.variable(name) if read is None else read(self.exchange)

    def told(self, scope: Scope) -> dict[object, bytes]:
        if scope is Scope.FIELDS:
            return told_of(self.exchange.request)
        decision, route = self.exchange.decision, self.exchange.route
        choice = None if decision is None else (decision.member, decision.why, decision.changed, route)
        told = self._choices.get(choice)
        if told is None:
            if len(self._choices) == MOST_CHOICES:
                self._choices.clear()
            told = self._choices[choice] = {}
        return told

    @property
    def _ended(self) -> float:
        return self.exchange.ended or self._times.clock()

    def elapsed(self) -> float:
        return self._ended - self.exchange.started

    def wall(self) -> float:
        return self._times.epoch(self.exchange.started)

    def status(self) -> int:
        return self.exchange.status

    def sent(self) -> int:
        return self.exchange.sent

    def received(self) -> int:
        return self.exchange.received

    def when(self, form: str, at_end: bool) -> bytes:
        at = self._ended if at_end else self.exchange.started
        return self._times.when(form, at) if form else self._times.stamp(at)

    def local_port(self) -> int:
        return self.exchange.client.peer.local[1]

    def remote_port(self) -> int:
        return self.exchange.client.peer.port

    def kept(self) -> int:
        return self.exchange.kept

    def ending(self) -> bytes:
        exchange = self.exchange
        if exchange.term in ("client-left", "client-lost"):
            return b"X"
        if exchange.tunnel is not None and exchange.ended:
            return b"-"
        return b"+" if exchange.request.keep else b"-"

    def process(self) -> int:
        return os.getpid()


def client_of_web(request: WebRequest) -> bytes:
    """The address of the client, as `panolb.core.headers.Peer.client` has it; empty where it is not known."""
    peer = peer_of(request)
    if peer is None:
        return str(getattr(request.getClientAddress(), "host", "") or "").encode("ascii", "replace")
    return peer.client_behind(b",".join(request.requestHeaders.getRawHeaders(b"x-forwarded-for", ())))


def beginning_of_web(request: WebRequest) -> float | None:
    """Clock reading at which its head was complete; ``None`` when nobody has looked."""
    began: float | None = getattr(request, "began", None)
    return began


class LoggedWeb(Logged):
    """A request for a file, or for nothing; it has no location, and so no variables.

    :param query: whether query strings may be told.
    """

    __slots__ = ("_began", "_ended", "_query", "_request", "_times")

    def __init__(self, request: WebRequest, times: Times, query: bool) -> None:
        self._request = request
        self._times = times
        self._query = query
        self._ended = times.clock()
        began = beginning_of_web(request)
        self._began = self._ended if began is None else began

    def request_header(self, name: bytes) -> bytes | None:
        values = self._request.requestHeaders.getRawHeaders(name)
        value = b", ".join(values) if values else None
        return value if self._query or name != b"referer" else without_query(value)

    def response_header(self, name: bytes) -> bytes | None:
        values = self._request.responseHeaders.getRawHeaders(name)
        return b", ".join(values) if values else None

    def variable(self, name: str) -> bytes:
        request = self._request
        if name.startswith("SSL_"):
            peer = peer_of(request)
            return b"" if peer is None or peer.secured is None else peer.secured.variable(name)
        if name in ("REMOTE_ADDR", "REMOTE_HOST"):
            return client_of_web(request)
        if name == "CONN_REMOTE_ADDR":
            return str(getattr(request.getClientAddress(), "host", "")).encode("ascii", "replace")
        path, _, query = request.uri.partition(b"?")
        uri = request.uri
        if not self._query:
            uri, query = path, b""
        return {
            "REQUEST_METHOD": request.method,
            "REQUEST_URI": unquote_to_bytes(path),
            "QUERY_STRING": query,
            "THE_REQUEST": b" ".join((request.method, uri, request.clientproto)),
            "SERVER_PROTOCOL": request.clientproto,
            "SERVER_NAME": host_name(self.request_header(b"host") or b""),
            "SERVER_ADDR": str(getattr(request.getHost(), "host", "")).encode("ascii", "replace"),
        }.get(name, b"")

    def wall(self) -> float:
        return self._times.epoch(self._began)

    def elapsed(self) -> float:
        return self._ended - self._began

    def status(self) -> int:
        return int(self._request.code)

    def sent(self) -> int:
        return int(self._request.sentLength)

    def when(self, form: str, at_end: bool) -> bytes:
        return self._times.when(form, self._ended if at_end else self._began)

    def local_port(self) -> int:
        return int(getattr(self._request.getHost(), "port", 0))

    def remote_port(self) -> int:
        return int(getattr(self._request.getClientAddress(), "port", 0))

    def process(self) -> int:
        return os.getpid()
