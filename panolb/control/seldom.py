"""What comes often and is said seldom: once a minute of each, with how often it was so meanwhile."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable

PERIOD = 60.0  # seconds between two lines of one thing
MOST = 1000  # things that are remembered; beyond that the one named longest ago may be named again at once


class Seldom:
    """Remembers what was said lately.

    :param clock: reads a monotonic clock in seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._told: OrderedDict[Hashable, tuple[float, int]] = OrderedDict()

    def take(self, what: Hashable) -> str | None:
        """Whether to say it now.

        :returns: words for how often it was so since it was said last, to end the line with; ``None``: not now.
        """
        now = self._clock()
        at, times = self._told.get(what, (-PERIOD, 0))
        if now - at < PERIOD:
            self._told[what] = at, times + 1
            return None
        self._told[what] = now, 0
        self._told.move_to_end(what)
        if len(self._told) > MOST:
            self._told.popitem(last=False)
        return f" ({times} more since this was said last)" if times else ""
