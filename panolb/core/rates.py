"""How many requests a client may send: a token bucket per client, in a table that cannot grow without bound."""

from __future__ import annotations

from collections import OrderedDict

MOST_CLIENTS = 10_000  # about 2 MB; beyond that the client that was seen longest ago begins anew


class Rates:
    """The buckets of all clients of one listener.

    A bucket is kept as one number, the clock reading at which it will be full again (the generic cell rate algorithm):
    it is full by default, so whoever has been quiet long enough needs no entry.

    :param rate: tokens, that is requests, per second.
    :param burst: how many a full bucket holds.
    """

    __slots__ = ("_clients", "_each", "_most", "_slack")

    def __init__(self, rate: float, burst: int, most: int = MOST_CLIENTS) -> None:
        self._each = 1.0 / rate
        self._slack = (burst - 1) / rate  # seconds that a bucket may be from full to give a token
        self._most = most
        self._clients: OrderedDict[bytes, float] = OrderedDict()

    def has(self, rate: float, burst: int) -> bool:
        """Whether these are its numbers."""
        return (self._each, self._slack) == (1.0 / rate, (burst - 1) / rate)

    def __len__(self) -> int:
        return len(self._clients)

    def wait(self, client: bytes, now: float) -> float:
        """What `take` would return; no token is taken."""
        wait = max(self._clients.get(client, now), now) - now - self._slack
        return wait if wait > 1e-9 else 0.0

    def take(self, client: bytes, now: float) -> float:
        """Take a token from a client's bucket; returns 0, or the seconds until there will be one."""
        clients = self._clients
        full = max(clients.get(client, now), now)
        wait = full - now - self._slack
        if wait > 1e-9:  # a microsecond's rounding is not worth a refusal
            return wait
        clients[client] = full + self._each
        clients.move_to_end(client)
        self._forget(now)
        return 0.0

    def _forget(self, now: float) -> None:
        """Let go of buckets that are full again, two at a time, and of those that are too many."""
        clients = self._clients
        for _ in range(2):
            oldest = next(iter(clients))
            if clients[oldest] > now and len(clients) <= self._most:
                return
            del clients[oldest]
