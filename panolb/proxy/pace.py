"""How fast a client has to be, with the body that it sends and with the answer that it takes.

`panolb.core.patience` says how much time its progress earns.  Of a body we see it ourselves; of an answer only the kernel
knows how far it has come, and is asked when the time is up.
"""

from __future__ import annotations

from ..core.patience import Patience
from .deadlines import NEVER, Deadlines, Limited
from .frontend import Limits
from .wire import Wire

# Seconds after which the kernel is first asked what a client has taken of a queue.  It costs a few microseconds, and
# most queues are gone by then.
FIRST_LOOK = 1.0


class Pace:
    """The time of one client, from when it first owes progress until it owes none.

    :param connection: the client's; its deadline is kept.
    :param wire: on which the client takes what it is sent.
    """

    __slots__ = ("_arrived", "_connection", "_deadlines", "_first_look", "_patience", "_wire")

    def __init__(self, connection: Limited, wire: Wire, deadlines: Deadlines, limits: Limits) -> None:
        self._connection = connection
        self._wire = wire
        self._deadlines = deadlines
        self._patience = Patience(limits.body_timeout, limits.body_rate)
        self._first_look = min(FIRST_LOOK, limits.body_timeout / 4)
        self._arrived: int | None = None  # bytes that it had taken when that was last looked at

    def begin(self) -> None:
        """From now on the client has to make progress."""
        deadlines = self._deadlines
        deadlines.set(self._connection, self._patience.begin(deadlines.clock()))

    def earn(self, octets: int) -> None:
        """So many bytes more of a body have come."""
        deadlines = self._deadlines
        deadlines.set(self._connection, self._patience.earn(octets, deadlines.clock()))

    def pause(self) -> None:
        """We keep the client waiting, not it us."""
        self._connection.deadline = NEVER
        self._patience.pause(self._deadlines.clock())

    def resume(self) -> None:
        """It is the client's turn again."""
        deadlines = self._deadlines
        deadlines.set(self._connection, self._patience.resume(deadlines.clock()))

    def watch(self) -> None:
        """The client has stopped taking its answer: from now on it has to make progress with that."""
        self.begin()
        self._arrived = None
        self._deadlines.set(self._connection, self._first_look)

    def extend(self) -> bool:
        """The time is up: give the client what it has earned since; returns whether that is any."""
        octets = self._taken() if self._wire.blocked else 0
        left = self._patience.earn(octets, self._deadlines.clock())
        if left <= 0:
            return False
        self._deadlines.set(self._connection, left)
        return True

    def _taken(self) -> int:
        """Bytes of the answer that the client has taken since the last look, 0 at the first."""
        progress = self._wire.progress
        # Where the system does not say: nothing is added to a blocked wire's queue, since its source is paused.
        arrived = -self._wire.backlog if progress is None else progress[0]
        before, self._arrived = self._arrived, arrived
        return 0 if before is None else arrived - before
