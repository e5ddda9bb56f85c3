"""What the log says of clients that take more than they may: a line per client and minute, not one per connection."""

from __future__ import annotations

from collections.abc import Callable

from ..events import EventLogger
from .seldom import Seldom

log = EventLogger()

# By the limit's key: the event, and words.
_SAID = {
    "max_connections_per_client": (
        "limit.client_connections",
        "has as many connections as max_connections_per_client allows; more are closed at once",
    ),
    "request_rate": (
        "limit.request_rate",
        "sends more requests than request_rate and request_burst allow; the others get 429",
    ),
    "token": ("door.refused", "asks the control API without the right token; it gets 401"),
}


class Excesses:
    """Who took too much of what.

    :param clock: reads a monotonic clock in seconds.

    :ivar counts: how often each limit was exceeded, by its key.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._seldom = Seldom(clock)
        self.counts = dict.fromkeys(_SAID, 0)

    def note(self, client: bytes, limit: str) -> None:
        """A client went beyond a limit.

        :param client: its address.
        :param limit: the limit's configuration key.
        """
        self.counts[limit] += 1
        since = self._seldom.take((client, limit))
        if since is None:
            return
        name, words = _SAID[limit]
        log.warn(
            "client {client}: {words}{since}",
            event=name,
            client=client.decode("ascii", "replace"),
            limit=limit,
            words=words,
            since=since,
        )
