"""What the log says of clients that take more than they may: a line per client and minute, not one per connection."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from twisted.logger import Logger

log = Logger()

PERIOD = 60.0  # seconds between two lines of one client
MOST = 1000  # clients that are remembered; beyond that the one named longest ago may be named again at once

WORDS = {
    "max_connections_per_client": "has as many connections as max_connections_per_client allows; more are closed at once",
    "request_rate": "sends more requests than request_rate and request_burst allow; the others get 429",
    "token": "asks the control API without the right token; it gets 401",
}


class Excesses:
    """Who took too much of what.

    :param clock: reads a monotonic clock in seconds.

    :ivar counts: how often each limit was exceeded, by its key.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._told: OrderedDict[tuple[bytes, str], tuple[float, int]] = OrderedDict()
        self.counts = dict.fromkeys(WORDS, 0)

    def note(self, client: bytes, limit: str) -> None:
        """A client went beyond a limit.

        :param client: its address.
        :param limit: the limit's configuration key.
        """
        self.counts[limit] += 1
        now = self._clock()
        at, times = self._told.get((client, limit), (-PERIOD, 0))
        if now - at < PERIOD:
            self._told[client, limit] = at, times + 1
            return
        self._told[client, limit] = now, 0
        self._told.move_to_end((client, limit))
        if len(self._told) > MOST:
            self._told.popitem(last=False)
        log.warn(
            "client {client}: {words}{since}",
            client=client.decode("ascii", "replace"),
            words=WORDS[limit],
            since=f" ({times} more since this was said last)" if times else "",
        )
