"""What a process takes of its machine, under the names that all of Prometheus's own clients have for it.

prometheus_client's collector cannot say which of several processes it speaks of, and lists all file descriptors to
count them, which takes some milliseconds for those of 10,000 WebSockets.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

from ..descriptors import limit
from ..resources import descriptors_open
from .families import CPU_SECONDS, MAX_FDS, OPEN_FDS, RESIDENT_MEMORY, Family

STATM = "/proc/self/statm"  # in pages; the second number is what is in memory (proc(5))


def figures() -> Iterator[tuple[Family, float]]:
    """What the system tells; on some it tells little."""
    yield CPU_SECONDS, time.process_time()
    for family, value in ((OPEN_FDS, descriptors_open()), (MAX_FDS, limit()), (RESIDENT_MEMORY, _resident())):
        if value is not None:
            yield family, value


def _resident() -> int | None:
    """Bytes in memory."""
    try:
        with open(STATM, encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return None
