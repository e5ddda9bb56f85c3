"""The loop that checks one member again and again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.internet.defer import TimeoutError as DeferredTimeoutError
from twisted.internet.error import ConnectionRefusedError, DNSLookupError, TimeoutError
from twisted.internet.task import LoopingCall
from twisted.python.failure import Failure

from ..core.balancer import Balancer
from ..core.member import Admin, Member
from ..events import EventLogger
from ..proxy.shortage import is_ours
from .probes import Target

log = EventLogger()


class Checker:
    """Checks one member again and again; a check in flight is never doubled.

    :param probe: one check, see `panolb.interfaces.IHealthCheck`.
    :param interval: seconds between two checks.
    :param changing: seconds between two checks while the last ones disagree with the member's state.
    :param chance: a number in [0, 1) that spreads the checks of many members over the interval.

    :ivar has_looked: whether a check is over.
    :ivar passed: how many checks have passed; ``failed`` likewise.
    """

    def __init__(
        self,
        reactor: Any,
        clock: Callable[[], float],
        balancer: Balancer,
        member: Member,
        probe: Callable[[Any, Target], Deferred[str | None]],
        target: Target,
        *,
        interval: float,
        changing: float,
        passes: int,
        fails: int,
        chance: float,
    ) -> None:
        self._reactor = reactor
        self._clock = clock
        self._balancer = balancer
        self._member = member
        self._probe = probe
        self._target = target
        self._interval = interval
        self._changing = min(changing, interval)
        self._passes = passes
        self._fails = fails
        self._chance = chance
        self.has_looked = False
        self.passed = self.failed = 0
        self._loop = LoopingCall(self._check)
        self._loop.clock = reactor
        self._delay: Any = None
        self._flight: Deferred[str | None] | None = None

    def start(self) -> None:
        """Begin, at a moment of the first fast interval that differs from the other members'."""
        self._delay = self._reactor.callLater(self._chance * self._changing, self._begin)

    def _begin(self) -> None:
        self._delay = None
        self._loop.start(self._interval)

    def stop(self) -> None:
        """End, also the check in flight."""
        if self._delay is not None:
            self._delay.cancel()
            self._delay = None
        if self._loop.running:
            self._loop.stop()
        if self._flight is not None:
            self._flight.cancel()

    def _check(self) -> Deferred[None] | None:
        """One check; the loop waits for it."""
        if self._member.admin is Admin.STOPPED:
            return None
        # maybeDeferred: a plugin that raises, or returns no Deferred, must not end the loop.
        flight = self._flight = maybeDeferred(self._probe, self._reactor, self._target)
        flight.addTimeout(self._target.timeout, self._reactor)
        verdict = flight.addErrback(self._in_words).addCallbacks(self._observe, self._no_verdict)
        return verdict.addErrback(self._went_wrong)

    def _went_wrong(self, failure: Failure) -> None:
        """Something of ours broke: without this the loop would end, and nobody look at the member any more."""
        log.failure(
            "check of {member}: unexpected error",
            failure,
            event="internal.error",
            member=self._member.spec.name,
        )

    def _no_verdict(self, failure: Failure) -> None:
        """The check could not be made for want of something on this machine."""
        self._flight = None
        self.has_looked = True
        log.error(
            "check of {member}: out of file descriptors, memory or local ports; raise LimitNOFILE",
            event="member.unchecked",
            member=self._member.spec.name,
        )

    def _in_words(self, failure: Failure) -> str | Failure:
        if is_ours(failure):
            return failure
        if failure.check(CancelledError, DeferredTimeoutError, TimeoutError):
            return f"no answer within {self._target.timeout:g} s"
        if failure.check(ConnectionRefusedError):
            return "connection refused"
        if failure.check(DNSLookupError):
            return f"the name {self._target.host} has no address"
        return failure.getErrorMessage() or type(failure.value).__name__

    def _observe(self, reason: str | None) -> None:
        self._flight = None
        if not self._loop.running:
            return
        self.has_looked = True
        if reason is None:
            self.passed += 1
        else:
            self.failed += 1
        self._balancer.observe(
            self._member, reason is None, f"check failed: {reason}", self._passes, self._fails, self._clock()
        )
        self._loop.interval = self._interval if self._member.health.settled else self._changing
