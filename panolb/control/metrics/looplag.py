"""How late the reactor is: what keeps it busy keeps everybody waiting."""

from __future__ import annotations

from typing import Any

from .counting import Histogram

PAUSE = 0.1  # seconds between two looks
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)  # seconds


class LoopLag:
    """Asks to be called again and again, and counts how much later than asked that happens.

    :param reactor: an IReactorTime.
    """

    def __init__(self, reactor: Any) -> None:
        self.histogram = Histogram(BOUNDS)
        self._reactor = reactor
        self._due = 0.0
        self._call: Any = None

    def start(self) -> None:
        """Begin to look."""
        self._due = self._reactor.seconds() + PAUSE
        self._call = self._reactor.callLater(PAUSE, self._look)

    def _look(self) -> None:
        self.histogram.add(max(self._reactor.seconds() - self._due, 0.0))
        self.start()

    def stop(self) -> None:
        """Look no more."""
        if self._call is not None:
            self._call.cancel()
            self._call = None
