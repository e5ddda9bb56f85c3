"""A file that lines are appended to, gathered so that a line costs no system call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, BinaryIO

from twisted.internet.task import LoopingCall
from twisted.logger import Logger

log = Logger()

FLUSH_EVERY = 1.0  # seconds
FLUSH_SIZE = 64 << 10  # bytes


class LogFile:
    """One file, shared by all logs that go to its path.

    :param open_file: opens the file for appending, in binary; raises OSError when that is not possible.
    """

    def __init__(self, open_file: Callable[[], BinaryIO]) -> None:
        self._open_file = open_file
        self._file = open_file()
        self._lines: list[bytes] = []
        self._size = 0
        self._timer = LoopingCall(self.flush)
        self._failing = False

    def start(self, reactor: Any) -> None:
        """Begin to flush regularly, if that has not begun."""
        if not self._timer.running:
            self._timer.clock = reactor
            self._timer.start(FLUSH_EVERY, now=False)

    def stop(self) -> None:
        """Write what there is and close the file."""
        if self._timer.running:
            self._timer.stop()
        self.flush()
        self._close()

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
        self._close()
        self._file = fresh

    def _close(self) -> None:
        try:
            self._file.close()
        except OSError:  # a disk that is still full; `flush` has said so
            pass

    def add(self, line: bytes) -> None:
        """Append a line, which has its end."""
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
