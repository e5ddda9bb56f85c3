"""The access log: one line per exchange, in the format that Apache's users parse already.

The time is that of the request's beginning, to the second.  After the fields of ``common`` or ``combined`` come, in
quotes-free words: the member, why it was chosen, where the route was found, how it ended (``-`` for well), the time it
took in milliseconds, and the request id that error pages show.  Query strings and paths are what
the client sent, with quotes and control characters escaped; cookies are never written.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, BinaryIO

from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.web.server import Request as WebRequest

from ..core.exchange import Exchange
from ..core.request import Request

log = Logger()

FLUSH_EVERY = 1.0  # seconds
FLUSH_SIZE = 64 << 10  # bytes
_ODD = re.compile(rb"[^ !#-\[\]-~]")
_ESCAPED = {byte: f"\\x{byte:02x}".encode() for byte in (*range(32), 34, 92, *range(127, 256))}


class AccessLog:
    """Appends lines to a file, gathered so that a line costs no system call.

    :param open_file: opens the file for appending, in binary; raises OSError when that is not possible.
    :param wall_time: the time for people so many seconds ago, as Apache writes it: ``22/Nov/2026:20:15:03 +0000``.
    """

    def __init__(
        self,
        open_file: Callable[[], BinaryIO],
        combined: bool,
        clock: Callable[[], float],
        wall_time: Callable[[float], str],
    ) -> None:
        self._open_file = open_file
        self._file = open_file()
        self._combined = combined
        self._clock = clock
        self._wall_time = wall_time
        self._stamp = b""
        self._stamp_from = self._stamp_until = clock()
        self._lines: list[bytes] = []
        self._size = 0
        self._timer = LoopingCall(self.flush)
        self._failing = False

    def start(self, reactor: Any) -> None:
        """Begin to flush regularly."""
        self._timer.clock = reactor
        self._timer.start(FLUSH_EVERY, now=False)

    def stop(self) -> None:
        """Write what there is and close the file."""
        if self._timer.running:
            self._timer.stop()
        self.flush()
        self._file.close()

    def reopen(self) -> None:
        """Go on in a new file; if that cannot be opened, in the old one."""
        self.flush()
        try:
            fresh = self._open_file()
        except OSError as error:
            log.error(
                "access log: cannot open a new {path}: {error}; the old one is kept",
                path=self._file.name,
                error=error,
            )
            return
        self._file.close()
        self._file = fresh

    def write(self, exchange: Exchange) -> None:
        """Note an exchange that is over."""
        request, decision, route, sent = exchange.request, exchange.decision, exchange.route, exchange.sent
        target = request.target
        memo = request.memo
        if memo.logged is None:
            memo.logged = self._headers_of(request)
        self._add(
            b'%b - - [%b] "%b %b HTTP/1.%d" %d %b%b %b %b %b %b %d %b\n'
            % (
                exchange.client.peer.client(request),
                self._when(exchange.started),
                request.method,
                _escape(target) if _ODD.search(target) else target,
                request.http11,
                exchange.status,
                b"%d" % sent if sent else b"-",
                memo.logged,
                b"-" if decision is None else decision.member.label,
                b"-" if decision is None else decision.why.encode(),
                b"-" if route is None else route.source.encode(),
                exchange.term.encode() or b"-",
                (exchange.ended - exchange.started) * 1000,
                exchange.request_id.encode(),
            )
        )

    def _headers_of(self, request: Request) -> bytes:
        """What ``combined`` adds."""
        if not self._combined:
            return b""
        return b' "%b" "%b"' % (_quoted(request.field(b"referer")), _quoted(request.field(b"user-agent")))

    def write_web(self, request: WebRequest) -> None:
        """Note a request that twisted.web served: a file, or a 404 of ours."""
        peer = getattr(request.getClientAddress(), "host", "-")
        line = b'%b - - [%b] "%b %b %b" %d %b' % (
            peer.encode("ascii"),
            self._when(self._clock()),
            request.method,
            _quoted(request.uri),
            request.clientproto,
            request.code,
            b"%d" % request.sentLength if request.sentLength else b"-",
        )
        if self._combined:
            referer, agent = request.getHeader(b"referer"), request.getHeader(b"user-agent")
            line += b' "%b" "%b"' % (_quoted(referer), _quoted(agent))
        self._add(line + b" - local - - - -\n")

    def _add(self, line: bytes) -> None:
        self._lines.append(line)
        self._size += len(line)
        if self._size >= FLUSH_SIZE:
            self.flush()

    def _when(self, at: float) -> bytes:
        """The time for people at a clock reading; most lines are of the same second."""
        if not self._stamp_from <= at < self._stamp_until:
            self._stamp = self._wall_time(self._clock() - at).encode("ascii")
            self._stamp_from, self._stamp_until = at, at + 1.0
        return self._stamp

    def flush(self) -> None:
        """Hand the lines to the file; a full disk costs lines, never the balancer."""
        lines, self._lines, self._size = self._lines, [], 0
        if not lines:
            return
        try:
            self._file.write(b"".join(lines))
            self._file.flush()
            self._failing = False
        except OSError as error:
            if not self._failing:
                log.error(
                    "access log: cannot write to {path}: {error}; lines are lost until it can be written again",
                    path=self._file.name,
                    error=error,
                )
            self._failing = True


def _quoted(value: bytes | None) -> bytes:
    if value is None:
        return b"-"
    return _escape(value) if _ODD.search(value) else value


def _escape(value: bytes) -> bytes:
    return b"".join(_ESCAPED.get(byte) or bytes((byte,)) for byte in value)
