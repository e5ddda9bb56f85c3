"""``python -m tests.reload.counted FILE ...``: twistd, which on SIGRTMIN writes into a file how much of what it holds.

What is counted are objects of which there are as many as the configuration says, or none while nobody is served.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
from collections import Counter
from types import FrameType

from twisted.scripts.twistd import run

from panolb.control.recent import Recent

COUNTED = {
    "AccessLogs",
    "Balancer",
    "Checker",
    "Config",
    "Draft",
    "Exchange",
    "Frontend",
    "Listener",
    "Location",
    "Member",
    "Pool",
    "QuietSite",
    "Seat",
    "Table",
    "Tunnel",
}
"""Classes of panolb, by name."""


def count() -> Counter[str]:
    """The objects that are alive, by module and class.

    The last requests are forgotten first: they are as many as there may be, however often panolb has reloaded, and hold
    members and locations of their time.
    """
    _forget_requests()
    gc.collect()
    return Counter(
        f"{kind.__module__}.{kind.__name__}"
        for kind in map(type, gc.get_objects())
        if kind.__name__ in COUNTED and kind.__module__.startswith("panolb.")
    )


def _forget_requests() -> None:
    """On its own: a loop's variable would hold on to the last of all objects, whatever that is, while they are counted."""
    for one in gc.get_objects():
        if isinstance(one, Recent):
            one.__init__()  # type: ignore[misc]


def main(file: str) -> None:
    """Count when told to, and be twistd otherwise."""

    def write(number: int, frame: FrameType | None) -> None:
        with open(f"{file}.new", "w") as output:
            json.dump(count(), output)
        os.replace(f"{file}.new", file)

    signal.signal(signal.SIGRTMIN, write)
    run()


if __name__ == "__main__":
    main(sys.argv.pop(1))
