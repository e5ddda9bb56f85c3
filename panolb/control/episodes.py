"""What comes and goes many times a second, told to the log as one."""

from __future__ import annotations

from collections.abc import Callable

from ..proxy.deadlines import NEVER, Deadlines

CALM = 2.0  # seconds without it, after which it is over


class Episode:
    """From its first beginning until it has stayed away for a while.

    :param began: told when it begins.
    :param over: told when it is over, and how many seconds it lasted.
    """

    def __init__(
        self, deadlines: Deadlines, began: Callable[[], None], over: Callable[[float], None]
    ) -> None:
        self.deadline = NEVER
        self.slot = 0
        self._deadlines = deadlines
        self._began = began
        self._over = over
        self._since: float | None = None
        self._until = 0.0

    def begin(self) -> None:
        """It is there, perhaps again."""
        self.deadline = NEVER
        if self._since is None:
            self._since = self._deadlines.clock()
            self._began()

    def end(self) -> None:
        """It is gone, perhaps for a moment."""
        self._until = self._deadlines.clock()
        self._deadlines.set(self, CALM)

    def out_of_time(self) -> None:
        since, self._since = self._since, None
        if since is not None:
            self._over(self._until - since)
