"""How late the reactor is: what keeps it busy keeps everybody waiting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...core.histogram import LAGS, Histogram

PAUSE = 0.1  # seconds between two looks


class LoopLag:
    """Asks to be called again and again, and counts how much later than asked that happens.

    :param reactor: an IReactorTime, which calls.
    :param clock: reads a monotonic clock in seconds: the reactor's own jumps when the time of day is set.
    """

    def __init__(self, reactor: Any, clock: Callable[[], float]) -> None:
        self.histogram = Histogram(LAGS)
        self._reactor = reactor
        self._clock = clock
        self._due = 0.0
        self._call: Any = None

    def start(self) -> None:
        """Begin to look."""
        self._due = self._clock() + PAUSE
        self._call = self._reactor.callLater(PAUSE, self._look)

    def _look(self) -> None:
        self.histogram.add(max(self._clock() - self._due, 0.0))
        self.start()

    def stop(self) -> None:
        """Look no more."""
        if self._call is not None:
            self._call.cancel()
            self._call = None
