"""What the formats of access logs can ask of an exchange, and of a request that twisted.web served."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from urllib.parse import unquote_to_bytes

from twisted.web.server import Request as WebRequest

from ..core.exchange import Exchange
from ..core.routing import host_name
from ..language.logformat import Logged


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
        return f"{self._second}.{int((at - self._second_begins) * 1000):03d}Z"

    def epoch(self, at: float) -> float:
        """Seconds since 1970."""
        return self.wall_clock() - (self.clock() - at)

    def when(self, form: str, at: float) -> bytes:
        """As `Logged.when` promises."""
        if not form:
            return self.stamp(at)
        return time.strftime(form, time.localtime(self.epoch(at))).encode("utf-8", "surrogateescape")


class LoggedExchange(Logged):
    """An exchange that is over, or that has become a WebSocket just now."""

    __slots__ = ("_ended", "_exchange", "_facts", "_times")

    def __init__(self, exchange: Exchange, times: Times) -> None:
        self._exchange = exchange
        self._ended = exchange.ended or times.clock()
        self._facts = exchange.facts
        self._times = times

    def env(self, name: bytes) -> bytes | None:
        return self._facts.env(name)

    def request_header(self, name: bytes) -> bytes | None:
        return self._facts.request_header(name)

    def response_header(self, name: bytes) -> bytes | None:
        return self._facts.response_header(name)

    def variable(self, name: str) -> bytes:
        exchange = self._exchange
        if name == "REQUEST_LOG_ID":
            return exchange.request_id.encode("ascii")
        if name == "SERVER_NAME":  # in a log the configured one, in an expression the one that was asked for
            return host_name(exchange.location.server_name) or exchange.client.peer.server
        return self._facts.variable(name)

    def elapsed(self) -> float:
        return self._ended - self._exchange.started

    def wall(self) -> float:
        return self._times.epoch(self._exchange.started)

    def status(self) -> int:
        return self._exchange.status

    def sent(self) -> int:
        return self._exchange.sent

    def received(self) -> int:
        return self._exchange.received

    def when(self, form: str, at_end: bool) -> bytes:
        return self._times.when(form, self._ended if at_end else self._exchange.started)

    def local_port(self) -> int:
        return self._exchange.client.peer.local[1]

    def remote_port(self) -> int:
        return self._exchange.client.peer.port

    def kept(self) -> int:
        return self._exchange.kept

    def ending(self) -> bytes:
        exchange = self._exchange
        if exchange.term in ("client-left", "client-lost"):
            return b"X"
        if exchange.tunnel is not None and exchange.ended:
            return b"-"
        return b"+" if exchange.request.keep else b"-"

    def process(self) -> int:
        return os.getpid()


class LoggedWeb(Logged):
    """A request for a file, or for nothing; it has no location, and so no variables."""

    __slots__ = ("_now", "_request", "_times")

    def __init__(self, request: WebRequest, times: Times) -> None:
        self._request = request
        self._times = times
        self._now = times.clock()

    def request_header(self, name: bytes) -> bytes | None:
        values = self._request.requestHeaders.getRawHeaders(name)
        return b", ".join(values) if values else None

    def response_header(self, name: bytes) -> bytes | None:
        values = self._request.responseHeaders.getRawHeaders(name)
        return b", ".join(values) if values else None

    def variable(self, name: str) -> bytes:
        request = self._request
        if name in ("REMOTE_ADDR", "REMOTE_HOST", "CONN_REMOTE_ADDR"):
            return str(getattr(request.getClientAddress(), "host", "")).encode("ascii", "replace")
        path, _, query = request.uri.partition(b"?")
        return {
            "REQUEST_METHOD": request.method,
            "REQUEST_URI": unquote_to_bytes(path),
            "QUERY_STRING": query,
            "THE_REQUEST": b" ".join((request.method, request.uri, request.clientproto)),
            "SERVER_PROTOCOL": request.clientproto,
            "SERVER_NAME": host_name(self.request_header(b"host") or b""),
            "SERVER_ADDR": str(getattr(request.getHost(), "host", "")).encode("ascii", "replace"),
        }.get(name, b"")

    def wall(self) -> float:
        return self._times.epoch(self._now)

    def status(self) -> int:
        return int(self._request.code)

    def sent(self) -> int:
        return int(self._request.sentLength)

    def when(self, form: str, at_end: bool) -> bytes:
        return self._times.when(form, self._now)

    def local_port(self) -> int:
        return int(getattr(self._request.getHost(), "port", 0))

    def remote_port(self) -> int:
        return int(getattr(self._request.getClientAddress(), "port", 0))

    def process(self) -> int:
        return os.getpid()
