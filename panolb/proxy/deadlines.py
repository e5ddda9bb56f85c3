"""Time limits for thousands of connections at the cost of one timer.

Each connection carries the clock reading at which it is out of time and moves it as it likes; a wheel of coarse slots
looks at a connection only when one of its slots comes up.  A ``callLater`` per request would cost more than the choice
of a member.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall

from ..events import EventLogger

log = EventLogger()

NEVER = float("inf")
TICK = 0.25  # seconds; how late a limit may strike


class Limited(Protocol):
    """Something that can run out of time.

    :ivar deadline: the clock reading at which it does; `NEVER` for not at all.
    :ivar slot: kept by `Deadlines`: the earliest slot in which it is entered; 0 for none.
    """

    deadline: float
    slot: int

    def out_of_time(self) -> None:
        """The deadline has passed."""


class Deadlines:
    """The wheel.

    :param clock: reads a monotonic clock in seconds.
    """

    __slots__ = ("_next", "_slots", "_timer", "clock")

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self._slots: dict[int, set[Limited]] = {}
        self._next = self._slot_of(clock())
        self._timer = LoopingCall(self.tick)

    @property
    def entries(self) -> int:
        """How many limits are entered, those included that have been called off and not been looked at since."""
        return sum(map(len, self._slots.values()))

    def start(self, timer_clock: IReactorTime) -> None:
        """Begin to tick, on a reactor."""
        self._timer.clock = timer_clock
        self._timer.start(TICK, now=False)

    def stop(self) -> None:
        """End ticking; what is entered stays."""
        if self._timer.running:
            self._timer.stop()

    def set(self, limited: Limited, seconds: float) -> None:
        """Let ``limited`` run out of time ``seconds`` from now, instead of whenever it did."""
        deadline = self.clock() + seconds
        slot = limited.slot
        if slot == 0 or deadline < (slot - 1) * TICK:
            self.forget(limited)
            self._enter(limited, self._slot_of(deadline))
        limited.deadline = deadline

    def forget(self, limited: Limited) -> None:
        """Let go of something that is over, so that its memory is not kept until its time is up."""
        waiting = self._slots.get(limited.slot)
        if waiting is not None:
            waiting.discard(limited)
        limited.slot = 0
        limited.deadline = NEVER

    def tick(self) -> None:
        """Look at whatever is due."""
        now = self.clock()
        current = self._slot_of(now)
        while self._next <= current:
            due = self._slots.pop(self._next, ())
            self._next += 1
            for limited in due:
                limited.slot = 0
                if limited.deadline <= now:
                    limited.deadline = NEVER
                    self._strike(limited)
                elif limited.deadline != NEVER:
                    self._enter(limited, self._slot_of(limited.deadline))

    def _strike(self, limited: Limited) -> None:
        try:
            limited.out_of_time()
        except Exception:  # noqa: BLE001  # the other limits of the process must strike all the same
            log.failure(
                "a time limit could not be applied to {limited!r}", event="internal.error", limited=limited
            )

    def _enter(self, limited: Limited, slot: int) -> None:
        slot = max(slot, self._next)
        limited.slot = slot
        self._slots.setdefault(slot, set()).add(limited)

    @staticmethod
    def _slot_of(at: float) -> int:
        return int(at / TICK) + 1
