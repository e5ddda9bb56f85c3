"""Keeps systemd up to date: when panolb is ready, how it is, that its loop turns, and what it is busy with at the end."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from twisted.application.service import Service
from twisted.internet.task import LoopingCall
from twisted.python.failure import Failure

from ..core.member import Member
from ..events import EventLogger

if TYPE_CHECKING:
    from .service import Panolb
    from .systemd import Notifier

log = EventLogger()

STARTING = 0.05  # seconds between two looks at whether it is ready
REFRESH = 2.0  # seconds between two looks at how it is
PATIENCE = 30.0
"""Seconds after which panolb is ready whatever the first checks of its members are doing; below systemd's own 90."""
EXTENSION = 10.0  # seconds that systemd is asked to wait while users finish, again and again


class Reporting(Service):
    """Tells systemd about a load balancer.

    What could not be sent is sent at the next look: whoever waits for a READY that was lost waits in vain.

    :param watchdog: seconds without a sign of life after which systemd ends the process; ``None`` when it needs none.
    """

    def __init__(self, reactor: Any, house: Panolb, notifier: Notifier, watchdog: float | None) -> None:
        self._reactor = reactor
        self._house = house
        self._notifier = notifier
        self._watchdog = watchdog
        self._since = 0.0  # when it was started
        self._ready = False  # it was ready once, and is for good
        self._told_ready = False
        self._told_status = ""
        self._stopping: float | None = None  # since when
        self._looks = _loop(reactor, self._look)
        self._beats = _loop(reactor, self._beat)

    def startService(self) -> None:
        """Begin to tell, with the first turn of the loop."""
        super().startService()
        self._since = self._house.deadlines.clock()
        changes = self._house.changes
        changes.on_reload, changes.on_reloaded = self._reloading, self._reloaded
        self._reactor.addSystemEventTrigger("before", "shutdown", self._stop)
        self._reactor.callWhenRunning(self._begin)

    def stopService(self) -> None:
        """Everything has ended."""
        super().stopService()
        for loop in (self._looks, self._beats):
            if loop.running:
                loop.stop()
        self._notifier.close()

    def _begin(self) -> None:
        self._looks.start(STARTING).addErrback(_say_lost)
        if self._watchdog is not None:
            self._beats.start(self._watchdog / 2).addErrback(_say_lost)

    def _beat(self) -> None:
        """The loop turns, and comes to its timers."""
        self._notifier.send(WATCHDOG=1)

    def _look(self) -> None:
        """Tell what has changed."""
        self._ready = self._ready or self._is_ready()
        if self._ready and self._stopping is None:
            self._looks.interval = REFRESH
            self._tell_ready()
        status = self._status()
        if status != self._told_status and self._notifier.send(STATUS=status):
            self._told_status = status
        if self._stopping is not None:
            self._ask_for_time(self._stopping)

    # -- starting ---------------------------------------------------------------------------------------------------

    def _is_ready(self) -> bool:
        house = self._house
        if not house.is_open:
            return False
        unknown = house.plant.unknown
        if unknown and house.deadlines.clock() - self._since >= PATIENCE:
            log.warn(
                "ready, although the first checks of {members} take longer than {patience:g} s",
                event="ready.early",
                members=_names(unknown),
                patience=PATIENCE,
            )
            return True
        return not unknown

    def _tell_ready(self) -> None:
        if not self._told_ready:
            self._told_ready = self._notifier.send(READY=1)

    # -- reloading --------------------------------------------------------------------------------------------------

    def _reloading(self) -> None:
        """The configuration is being read; systemd tells by the time whether it is the reload that it asked for."""
        if self._ready and self._stopping is None:
            now = int(self._house.deadlines.clock() * 1e6)
            self._told_ready = not self._notifier.send(RELOADING=1, MONOTONIC_USEC=now)

    def _reloaded(self) -> None:
        if self._ready and self._stopping is None:
            self._tell_ready()

    # -- stopping ---------------------------------------------------------------------------------------------------

    def _stop(self) -> None:
        self._stopping = self._house.deadlines.clock()
        self._notifier.send(STOPPING=1)
        self._looks.interval = REFRESH
        self._look()

    def _ask_for_time(self, since: float) -> None:
        """Users have as long as the configuration says; systemd need not know it, but may end a loop that stands."""
        grace = self._house.config.shutdown.grace
        if self._house.deadlines.clock() - since < grace:
            self._notifier.send(EXTEND_TIMEOUT_USEC=int(EXTENSION * 1e6))

    # -- in words ---------------------------------------------------------------------------------------------------

    def _status(self) -> str:
        if self._stopping is not None:
            return f"Stopping: {self._under_way()}"
        if not self._ready:
            unknown = self._house.plant.unknown
            return f"Starting: waiting for the first checks of {_names(unknown)}" if unknown else "Starting"
        return f"{self._members()}; {self._under_way()}{self._draining()}"

    def _members(self) -> str:
        now = self._house.deadlines.clock()
        members = [seat.member for seat in self._house.plant.seats.values()]
        up = sum(member.describe(now) == "up" for member in members)
        return f"{up} of {_count(len(members), 'member')} up"

    def _under_way(self) -> str:
        ledger = self._house.ledger
        users = _count(ledger.users, "user")
        return f"{users} with {_count(len(ledger), 'WebSocket')}, {_count(self._house.listening.connections, 'connection')}"

    def _draining(self) -> str:
        now = self._house.deadlines.clock()
        members = [seat.member for seat in self._house.plant.seats.values()]
        draining = [member for member in members if member.describe(now) == "drain"]
        if not draining:
            return ""
        left = sum(self._house.ledger.count(member) for member in draining)
        return f"; draining {_names(draining)}: {_count(left, 'WebSocket')} left"


def _loop(reactor: Any, call: Any) -> LoopingCall:
    loop = LoopingCall(call)
    loop.clock = reactor
    return loop


def _say_lost(failure: Failure) -> None:
    log.failure("systemd is told nothing any more", failure, event="internal.error")


def _names(members: Iterable[Member], most: int = 3) -> str:
    """Some of them, and how many more there are: a status is one line."""
    names = [member.spec.name for member in members]
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
