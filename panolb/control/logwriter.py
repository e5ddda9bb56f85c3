"""A thread that writes lines: it may wait for a slow disk, or for somebody who reads a pipe, so that nobody else has to."""

from __future__ import annotations

import os
import select
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from typing import Final

from .logtarget import Target, most_at_once

_END: Final = "end"
_REOPEN: Final = "reopen"


class Writer:
    """Writes what it is given, in that order, to a target.

    The thread begins with the first line, and so after twistd has forked.  Everything that is counted here is counted by
    the thread, and may be read by others at any time.

    :raises OSError: when the target cannot be opened.

    :ivar taken: bytes that need not be kept any longer; ``lines`` how many lines these were.
    :ivar lost: how many of the lines could not be written.
    :ivar problems: what went wrong, in words, the oldest first; whoever tells people takes them out.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._descriptor = target.open()
        self._most = most_at_once(self._descriptor)
        self._orders: SimpleQueue[list[bytes] | str] = SimpleQueue()
        self._thread: Thread | None = None
        self._failing = False
        self._torn = False  # the last line that was written lacks its end
        self.taken = self.lines = self.lost = 0
        self.problems: deque[str] = deque()

    # -- given ------------------------------------------------------------------------------------------------------

    def give(self, lines: list[bytes]) -> None:
        """Have these lines written; each has its end."""
        if self._thread is None:
            # A daemon: the end of the process does not wait for a pipe that nobody reads.
            self._thread = Thread(target=self._run, name=f"access log {self._target.path}", daemon=True)
            self._thread.start()
        self._orders.put(lines)

    def reopen(self) -> None:
        """Go on in a new file; if that cannot be opened, in the old one."""
        if self._target.is_stream:
            return
        if self._thread is None:
            self._reopen()
        else:
            self._orders.put(_REOPEN)

    def end(self) -> None:
        """Close the target when all is written."""
        if self._thread is None:
            self._close()
        else:
            self._orders.put(_END)

    def join(self, seconds: float) -> bool:
        """Wait until it has ended, no longer than so many seconds; returns whether it has."""
        if self._thread is not None:
            self._thread.join(seconds)
        return self._thread is None or not self._thread.is_alive()

    # -- in the thread ----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while (order := self._orders.get()) != _END:
            if isinstance(order, str):
                self._reopen()
            else:
                self._write_lines(order)
        self._close()

    def _write_lines(self, lines: list[bytes]) -> None:
        lost = 0
        for piece in self._pieces(lines):
            lost += self._write(piece)
        self.lost += lost
        self.lines += len(lines)
        self.taken += sum(map(len, lines))

    def _pieces(self, lines: list[bytes]) -> Iterator[bytes]:
        """What is written at once."""
        if self._most is None:
            yield b"".join(lines)
            return
        piece: list[bytes] = []
        size = 0
        for line in lines:
            if piece and size + len(line) > self._most:
                yield b"".join(piece)
                piece, size = [], 0
            piece.append(line)
            size += len(line)
        yield b"".join(piece)

    def _write(self, data: bytes) -> int:
        """Write it; returns how many lines could not be written."""
        done, begin = 0, 0
        if self._torn:
            data, begin = b"\n" + data, 1
        try:
            with memoryview(data) as view:
                while done < len(data):
                    done += self._write_some(view[done:])
        except OSError as error:
            if not self._failing:
                reason = error.strerror or error
                self.problems.append(
                    f"cannot write to {self._target.path}: {reason}; lines are lost until it can be written again"
                )
            self._failing = True
            self._torn = data[done - 1 : done] != b"\n" if done else self._torn
            return data.count(b"\n", max(done, begin))
        self._failing = self._torn = False
        return 0

    def _write_some(self, data: memoryview) -> int:
        try:
            return os.write(self._descriptor, data)
        except BlockingIOError:  # somebody who has the same stream made it so
            poll = select.poll()
            poll.register(self._descriptor, select.POLLOUT)
            poll.poll()
            return 0

    def _reopen(self) -> None:
        try:
            fresh = self._target.open()
        except OSError as error:
            self.problems.append(
                f"cannot open a new {self._target.path}: {error.strerror or error}; the old one is kept"
            )
            return
        self._close()
        self._descriptor, self._most, self._torn = fresh, most_at_once(fresh), False

    def _close(self) -> None:
        with suppress(OSError):  # a disk that is still full; `problems` says so
            os.close(self._descriptor)
