"""What the log says of requests that were refused: each of them, until a client sends very many."""

from __future__ import annotations

from collections.abc import Callable

from ..core.clients import network_of
from ..core.headers import Peer
from ..core.rates import Rates
from ..errors import BadRequest
from ..events import EventLogger

log = EventLogger()

RATE, BURST = 1.0, 1000  # lines of one client: so many a second, after so many at once


class Refused:
    """Writes the lines.

    :param clock: reads a monotonic clock in seconds.

    :ivar counts: how many there were of each status.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._rates = Rates(RATE, BURST)
        self._unsaid = 0
        self.counts: dict[int, int] = {}

    def note(self, peer: Peer, problem: BadRequest) -> None:
        """A client sent what was not passed on; it is nobody's fault but its own."""
        self.counts[problem.status] = self.counts.get(problem.status, 0) + 1
        if self._rates.take(network_of(peer.address), self._clock()):
            self._unsaid += 1
            return
        unsaid, self._unsaid = self._unsaid, 0
        log.warn(
            "client {address}: refused with {status}: {reason}{unsaid}",
            event="request.refused",
            address=peer.address.decode("ascii"),
            status=problem.status,
            reason=problem.reason,
            unsaid=f" ({unsaid} more of clients that send many)" if unsaid else "",
        )
