"""What an access log is written to: a file, a FIFO, the standard output."""

from __future__ import annotations

import os
import stat
from pathlib import Path

STDOUT = "-"
_STREAMS = {
    STDOUT: 1,
    **{f"{directory}/1": 1 for directory in ("/dev/fd", "/proc/self/fd")},
    **{f"{directory}/2": 2 for directory in ("/dev/fd", "/proc/self/fd")},
    "/dev/stdout": 1,
    "/dev/stderr": 2,
}
_ATOMIC = 4096  # PIPE_BUF of Linux: so much comes through a pipe in one piece, whoever else writes to it


class Target:
    """What a path leads to.

    :ivar path: as it was configured.
    :ivar key: the same for all spellings of one of this process's own streams.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._stream = _STREAMS.get(path)
        self.key = path if self._stream is None else f"/dev/fd/{self._stream}"

    @property
    def is_stream(self) -> bool:
        """Whether it is one of this process's own streams, which was there before and cannot be opened anew."""
        return self._stream is not None

    def open(self) -> int:
        """A descriptor to write to, which blocks when it is written to; whoever gets it closes it.

        A stream's is a copy: a socket (journald's) cannot be opened by its path, and a file that is opened twice has two
        ends, of which one overwrites what was written to the other.

        :raises OSError: when there is nothing to write to.
        """
        if self._stream is not None:
            return os.dup(self._stream)
        if Path(self.path).is_fifo():
            # To read, too: else this waits for a reader, and a reader that goes takes with it what it has not read.
            descriptor = os.open(self.path, os.O_RDWR | os.O_NONBLOCK)
            os.set_blocking(descriptor, True)
            return descriptor
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
        return os.open(self.path, flags, 0o666)


def most_at_once(descriptor: int) -> int | None:
    """How many bytes are written together, so that lines of others do not come within ours; ``None``: any number."""
    return None if stat.S_ISREG(os.fstat(descriptor).st_mode) else _ATOMIC
