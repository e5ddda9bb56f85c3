"""The access log: one line per exchange, in the format that Apache's users parse already.

After the fields of ``common`` or ``combined`` come, in quotes-free words: the member, why it was chosen, where the
route was found, how it ended (``-`` for well) and the time it took in milliseconds.  Query strings and paths are what
the client sent, with quotes and control characters escaped; cookies are never written.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, BinaryIO

from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from ..core.exchange import Exchange

log = Logger()

FLUSH_EVERY = 1.0  # seconds
FLUSH_SIZE = 64 << 10  # bytes
_ESCAPED = {byte: f"\\x{byte:02x}".encode() for byte in (*range(32), 34, 92, *range(127, 256))}


class AccessLog:
    """Appends lines to a file, gathered so that a line costs no system call.

    :param open_file: opens the file for appending, in binary; raises OSError when that is not possible.
    :param wall_time: the time for people, as Apache writes it: ``22/Nov/2026:20:15:03 +0000``.
    """

    def __init__(
        self, open_file: Callable[[], BinaryIO], combined: bool, wall_time: Callable[[], str]
    ) -> None:
        self._file = open_file()
        self._combined = combined
        self._wall_time = wall_time
        self._stamp = wall_time().encode("ascii")
        self._lines: list[bytes] = []
        self._size = 0
        self._timer = LoopingCall(self._tick)
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

    def write(self, exchange: Exchange) -> None:
        """Note an exchange that is over."""
        request = exchange.request
        target = request.target
        if not target.isascii() or b'"' in target or b"\\" in target:
            target = _escape(target)
        decision, route = exchange.decision, exchange.route
        line = b'%b - - [%b] "%b %b HTTP/1.%d" %d %b' % (
            exchange.client.peer.address,
            self._stamp,
            request.method,
            target,
            request.http11,
            exchange.status,
            b"%d" % exchange.sent if exchange.sent else b"-",
        )
        if self._combined:
            line += b' "%b" "%b"' % (
                _quoted(request.field(b"referer")),
                _quoted(request.field(b"user-agent")),
            )
        line += b" %b %b %b %b %d\n" % (
            b"-" if decision is None else decision.member.spec.name.encode(),
            b"-" if decision is None else decision.why.encode(),
            b"-" if route is None else route.source.encode(),
            exchange.term.encode() or b"-",
            (exchange.ended - exchange.started) * 1000,
        )
        self._lines.append(line)
        self._size += len(line)
        if self._size >= FLUSH_SIZE:
            self.flush()

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

    def _tick(self) -> None:
        self._stamp = self._wall_time().encode("ascii")
        self.flush()


def _quoted(value: bytes | None) -> bytes:
    if value is None:
        return b"-"
    if not value.isascii() or b'"' in value or b"\\" in value:
        return _escape(value)
    return value


def _escape(value: bytes) -> bytes:
    return b"".join(_ESCAPED.get(byte) or bytes((byte,)) for byte in value)
