"""Waiting for a member: what a request does while nobody can serve it (Apache's balancer timeout)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from .ports import Later, Timer

if TYPE_CHECKING:
    from .exchange import Exchange

PAUSE = 0.1  # seconds from one look for a member to the next


class Waiting:
    """The patience of one request, used up pause by pause.

    :param look: called after each pause.
    :param seconds: how much of it there is.

    :ivar since: clock reading at which the present pause began.
    """

    __slots__ = ("_later", "_left", "_look", "_timer", "since")

    def __init__(self, look: Callable[[], None], seconds: float, later: Later) -> None:
        self._look = look
        self._left = seconds
        self._later = later
        self._timer: Timer | None = None
        self.since = 0.0

    def go_on(self) -> bool:
        """Begin another pause; returns whether there was any patience left."""
        pause = min(PAUSE, self._left)
        self._left -= pause
        if pause > 0:
            self._timer = self._later(pause, self._look)
        return pause > 0

    def cancel(self, exchange: Exchange) -> None:
        """``exchange`` no longer waits."""
        if self._timer is not None:
            self._timer.cancel()
