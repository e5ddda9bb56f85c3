"""Files that nobody else finds, for what is in memory and what OpenSSL takes from files only."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory


@contextmanager
def as_file(content: bytes) -> Iterator[str]:
    """The path of a file with this in it, as long as the block lasts.

    On Linux it is in memory, so that a private key touches no disk; elsewhere it is in a directory that only this user
    can read, and is removed at the end.

    :raises OSError: when the system has no room or no descriptors for it.
    """
    # Whoever has changed its root directory may have no /proc.
    if hasattr(os, "memfd_create") and os.path.isdir("/proc/self/fd"):
        with open(os.memfd_create("panolb"), "wb") as file:
            file.write(content)
            file.flush()
            yield f"/proc/self/fd/{file.fileno()}"
        return
    with TemporaryDirectory() as directory:
        path = os.path.join(directory, "content")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
        yield path
