"""WebSockets without wires: real tunnels whose two ends answer when the test's clock says so."""

from __future__ import annotations

import math
from typing import Any

from twisted.internet.task import Clock

from panolb.core.controlframes import close_code
from panolb.core.half import BETWEEN, Half
from panolb.core.terms import Terms
from panolb.core.tunnel import NEVER, Tunnel

BEGIN = 1000.0  # what the clock says first: as any monotonic clock, not zero


class End:
    """One side: takes all it is sent, and answers a close frame after a while, or never."""

    readiness = BETWEEN
    backlog = given = taken = messages = octets = 0

    def __init__(self, viewer: Viewer, half: Half, answers: float | None) -> None:
        self.viewer = viewer
        self.half = half
        self.answers = answers
        self._ending = False

    def send_ping(self, payload: bytes) -> None:
        """Nobody is quiet for long enough here."""

    def send_close(self, payload: bytes) -> None:
        viewer = self.viewer
        if self.half.whose == "client":
            viewer.told.append(viewer.clock.seconds() - BEGIN)
            viewer.code = close_code(payload)
        if self.answers is not None:
            viewer.clock.callLater(self.answers, viewer.tunnel.close_received, self.half, payload)

    def finish(self) -> None:
        self.cut()

    def cut(self) -> None:
        if not self._ending:
            self._ending = True
            self.viewer.clock.callLater(0, self.viewer.tunnel.lost, self.half)


class Viewer:
    """An exchange that has become a WebSocket, as far as the control plane looks at one.

    :ivar told: when the client was told goodbye, in seconds since the clock began.
    :ivar code: the close code that it was told.
    :ivar over: whether it has ended.
    """

    def __init__(
        self,
        clock: Clock,
        finished: Any,
        *,
        answers: float | None = 0.05,
        idle: float = 0.0,
        member: Any = None,
        terms: Terms | None = None,
    ) -> None:
        self.clock = clock
        self.told: list[float] = []
        self.code: int | None = None
        self.over = False
        self.request_id = "test-1"
        self.decision = self
        self.member = member
        self._finished = finished
        self._waking: Any = None
        self.tunnel = Tunnel(
            terms or Terms(ping_interval=0.0), clock.seconds, self._wake, self._end, b"our ping"
        )
        for half in (self.tunnel.client, self.tunnel.member):
            half.end = End(self, half, answers)
        self.tunnel.last_message -= idle
        self.tunnel.start()

    def _wake(self, due: float) -> None:
        if self._waking is not None and self._waking.active():
            self._waking.cancel()
        if due != NEVER:
            self._waking = self.clock.callLater(max(0.0, due - self.clock.seconds()), self.tunnel.look)

    def _end(self) -> None:
        self.over = True
        self._finished(self)

    def leave(self) -> None:
        """The client closes, as if by itself."""
        self.tunnel.close_received(self.tunnel.client, b"\x03\xe8")


def clock() -> Clock:
    """A clock that stands until it is advanced."""
    made = Clock()
    made.advance(BEGIN)
    return made


def turn(clock: Clock, seconds: float, step: float = 0.001) -> None:
    """Let time pass; whatever is due happens up to one step late, as with a reactor's timers."""
    end = clock.seconds() + seconds
    while clock.seconds() < end:
        due = min((call.getTime() for call in clock.getDelayedCalls()), default=end)
        steps = max(1, math.ceil((min(due, end) - clock.seconds()) / step))
        clock.advance(steps * step)
