"""File descriptors: as many as the system allows, and the last of them not for clients.

A client that is accepted with the last descriptor can be served by nobody, and nothing else can be opened either: no
connection to a member, no log, no check.  The system always gives the lowest number that is free, so the number of a
new connection tells how many are left.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable

from ..events import EventLogger
from ..proxy.deadlines import NEVER, TICK, Deadlines
from .accepting import SHORT, Acceptor
from .episodes import Episode

log = EventLogger()

if sys.platform == "win32":

    def limit() -> int | None:
        """Windows has none."""
        return None

    def raise_limit(most: int | None = None) -> None:
        """There is nothing to raise."""

else:
    import resource

    def limit() -> int | None:
        """How many descriptors this process may have; ``None`` for any number."""
        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        return None if soft == resource.RLIM_INFINITY else soft

    def raise_limit(most: int | None = None) -> None:
        """Take as many descriptors as this process may without asking anybody; the log says how many.

        :param most: no more than that, whatever the system allows.
        """
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        endless = resource.RLIM_INFINITY
        wanted = hard if most is None or (hard != endless and hard < most) else most
        if soft == endless or (wanted != endless and soft >= wanted):
            log.info("file descriptors: this process may have {soft}", soft=soft)
            return
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (OSError, ValueError) as error:
            log.warn("file descriptors: their limit stays at {soft}: {error}", soft=soft, error=error)
        else:
            log.info(
                "file descriptors: this process may have {now} instead of {soft}", now=limit(), soft=soft
            )


def reserve(most: int) -> int:
    """How many of so many descriptors are not for clients and their members: what checks, logs and operators need."""
    return max(16, min(most // 8, 256))


class Descriptors:
    """Whether there are enough for clients; if not, no listener accepts any.

    :param owed: how many more are needed as soon as each client that is there asks for something.
    :ivar acceptors: those of all listeners.
    :ivar short: whether accepting is paused.
    :ivar pauses: how often it was paused.
    """

    def __init__(self, deadlines: Deadlines, owed: Callable[[], int]) -> None:
        self.acceptors: list[Acceptor] = []
        self.short = False
        self.pauses = 0
        self.deadline = NEVER
        self.slot = 0
        self._deadlines = deadlines
        self._owed = owed
        self._episode = Episode(deadlines, self._say_short, self._say_enough)

    def took(self, number: int) -> None:
        """A client got the descriptor with this number."""
        most = limit()
        if most is not None and number + self._owed() >= most - reserve(most):
            self.run_short()

    def run_short(self) -> None:
        """Accept nobody until some are free."""
        if self.short:
            return
        self.short = True
        self.pauses += 1
        for acceptor in self.acceptors:
            acceptor.stop(SHORT)
        self._deadlines.set(self, TICK)
        self._episode.begin()

    def out_of_time(self) -> None:
        """Look whether some are free again."""
        if not self._are_enough():
            self._deadlines.set(self, TICK)
            return
        self.short = False
        for acceptor in self.acceptors:
            acceptor.go_on(SHORT)
        self._episode.end()

    def _are_enough(self) -> bool:
        most = limit()
        if most is None:
            return True
        try:
            with socket.socket() as probe:
                return probe.fileno() + self._owed() < most - reserve(most)
        except OSError:
            return False

    def _say_short(self) -> None:
        log.warn(
            "file descriptors: of {most} that this process may have, too few are left for more clients and their "
            "connections to members; no listener accepts until some are free; raise the limit (LimitNOFILE= of systemd, "
            "ulimit -n), or set max_connections",
            event="limit.descriptors",
            most=limit() or 0,
        )

    def _say_enough(self, seconds: float) -> None:
        log.info(
            "file descriptors: some are free again, and listeners accept; for {seconds:.1f} s new clients had to wait",
            event="limit.descriptors_over",
            seconds=seconds,
        )
