"""Reading files while everything else runs."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def read_regular(path: Path | str, most: int = -1) -> bytes:
    """Return what stands in a regular file.

    Anything else, such as a pipe, would have all users wait for whoever writes to it.

    :param most: bytes to read at most; all of them for -1.
    :raises OSError: it cannot be read, or is no regular file.
    :raises ValueError: the name has a NUL in it.
    """
    flags = ("O_CLOEXEC", "O_NONBLOCK", "O_BINARY")  # not all of them are there on every system
    descriptor = os.open(path, os.O_RDONLY | sum(getattr(os, flag, 0) for flag in flags))
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError("it is no regular file")
    except OSError:
        os.close(descriptor)
        raise
    with open(descriptor, "rb") as file:
        return file.read(most)
