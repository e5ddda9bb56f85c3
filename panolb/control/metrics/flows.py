"""What goes through open WebSockets: sums that are brought up to date a few WebSockets at a time.

To look at all of them when Prometheus asks would hold up everybody: 9,500 took 30 ms.  To count each message in two
places would cost every message.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.task import LoopingCall

from ...core.exchange import Exchange
from ...proxy.unexpected import log_unexpected
from .counting import Counts

PAUSE = 0.25  # seconds between two looks
PORTION = 200  # WebSockets, of which 10,000 are through in 12.5 s; a look at so many takes half a millisecond


class Flows:
    """Looks at one WebSocket after the other, round and round.

    :param reactor: an IReactorTime.
    :param counts: where the sums are.
    """

    def __init__(self, reactor: Any, counts: Counts) -> None:
        self._counts = counts
        self._due: dict[Exchange, None] = {}  # in this round
        self._seen: dict[Exchange, None] = {}
        self._looking = LoopingCall(self.look)
        self._looking.clock = reactor

    def start(self) -> None:
        """Begin to look."""
        self._looking.start(PAUSE, now=False)

    def stop(self) -> None:
        """Look no more."""
        if self._looking.running:
            self._looking.stop()

    def opened(self, exchange: Exchange) -> None:
        """A WebSocket stands."""
        self._seen[exchange] = None

    def finished(self, exchange: Exchange) -> None:
        """It has ended; what was left of it is in the sums already."""
        self._due.pop(exchange, None)
        self._seen.pop(exchange, None)

    def look(self) -> None:
        """Bring the sums up to date with those whose turn it is."""
        if not self._due:
            self._due, self._seen = self._seen, self._due
        for _ in range(min(len(self._due), PORTION)):
            exchange = self._due.popitem()[0]
            self._seen[exchange] = None
            try:
                self._counts.flowing(exchange)
            except Exception:  # noqa: BLE001  # the others are to be looked at all the same
                log_unexpected("counting what goes through a WebSocket", exchange)
