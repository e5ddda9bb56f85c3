"""A file that lines are appended to, gathered so that a line costs no system call.

They are written by a thread, so that a slow disk or a reader that does not read costs lines, never the balancer.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.task import LoopingCall

from ..events import EventLogger
from .logtarget import Target
from .logwriter import Writer

log = EventLogger()

FLUSH_EVERY = 1.0  # seconds
FLUSH_SIZE = 64 << 10  # bytes
BACKLOG = 8 << 20  # bytes that may wait for the disk, or for a reader
TELL_EVERY = 60  # flushes in which losses are told once


class LogFile:
    """One file, shared by all logs that go to its path.

    :raises OSError: when there is nothing to write to.

    :ivar path: as it was configured.
    """

    def __init__(self, target: Target, backlog: int = BACKLOG) -> None:
        self.path = target.path
        self._writer = Writer(target)
        self._backlog = backlog
        self._lines: list[bytes] = []
        self._size = 0
        self._given = self._given_lines = 0  # to the writer
        self._unwritten = 0  # lines that the writer did not even get
        self._told = 0  # lost lines that people know of
        self._silence = 0  # flushes until they are told of further ones
        self._timer = LoopingCall(self._look)

    @property
    def lost(self) -> int:
        """How many lines could not be written."""
        return self._unwritten + self._writer.lost

    def start(self, reactor: Any) -> None:
        """Begin to flush regularly, if that has not begun."""
        if not self._timer.running:
            self._timer.clock = reactor
            self._timer.start(FLUSH_EVERY, now=False)

    def add(self, line: bytes) -> None:
        """Append a line, which has its end."""
        self._lines.append(line)
        self._size += len(line)
        if self._size >= FLUSH_SIZE:
            self.flush()

    def flush(self) -> None:
        """Hand the lines to the writer, unless too much waits there already."""
        lines, size = self._lines, self._size
        self._lines, self._size = [], 0
        if not lines:
            return
        if self._given - self._writer.taken + size > self._backlog:
            self._unwritten += len(lines)
            return
        self._given += size
        self._given_lines += len(lines)
        self._writer.give(lines)

    def reopen(self) -> None:
        """Go on in a new file; if that cannot be opened, in the old one."""
        self.flush()
        self._writer.reopen()

    def stop(self) -> None:
        """Take no more lines; what there is will be written, and the file closed then."""
        if self._timer.running:
            self._timer.stop()
        self.flush()
        self._writer.end()

    def join(self, seconds: float) -> bool:
        """Wait for that, no longer than so many seconds; returns whether it has happened."""
        ended = self._writer.join(seconds)
        if ended:
            self._tell_all()
        return ended

    def give_up(self) -> None:
        """The process ends, and what is left will never be written."""
        self._unwritten += self._given_lines - self._writer.lines
        self._tell_all()

    def _tell_all(self) -> None:
        self._silence = 0
        self._tell()

    # -- what went wrong --------------------------------------------------------------------------------------------

    def _look(self) -> None:
        self.flush()
        self._tell()

    def _tell(self) -> None:
        """Tell what has gone wrong, and now and then how many lines that has cost."""
        problems = self._writer.problems
        while problems:
            log.error(
                "access log: {problem}", event="access_log.failed", problem=problems.popleft(), path=self.path
            )
        if self._silence:
            self._silence -= 1
            return
        lost = self.lost
        if lost > self._told:
            log.error(
                "{n} access log lines were lost: {path} does not take them, or not as fast as they come",
                event="access_log.lost",
                n=lost - self._told,
                path=self.path,
            )
            self._told, self._silence = lost, TELL_EVERY - 1
