"""Events, as those who ask read them: what is kept, and then what happens, no faster than they read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IPushProducer
from zope.interface import implementer

from ..events import Events, skipped
from .answers import LINES, Refused

FOLLOWERS = 50
PATIENCE = 60.0  # seconds that a follower may read nothing while there is something for it


class Followers:
    """Those who read events now.

    :param wall_clock: reads the time of day in seconds since 1970.
    """

    def __init__(self, reactor: Any, events: Events, wall_clock: Callable[[], float]) -> None:
        self._reactor = reactor
        self._events = events
        self._wall_clock = wall_clock
        self._open: set[Follower] = set()

    def answer(
        self, request: Any, *, after: int | None, limit: int | None, follow: bool
    ) -> Deferred[None] | bytes:
        """Answer a request with events, one in a line.

        :param after: begin behind the one of this number.  ``None`` for the last ones, or, for who follows, for those
            that are new; what is greater than all numbers is from before a restart, and as 0.
        :param limit: how many at most; ``None`` for any.
        :param follow: go on when all that were kept are told.
        :returns: fires at the end of it.
        :raises Refused: when too many follow.
        """
        if len(self._open) >= FOLLOWERS:
            raise Refused(503, f"{FOLLOWERS} others read events already; try again when one has ended")
        request.setHeader(b"content-type", LINES)
        request.setHeader(b"cache-control", b"no-store")
        if request.method == b"HEAD":
            return b""
        last = self._events.last
        if after is None:
            after = last if follow else 0 if limit is None else max(last - limit, 0)
        elif after > last:
            after = 0
        follower = Follower(self._reactor, self._events, self._wall_clock, request, after)
        self._open.add(follower)
        follower.done.addBoth(lambda _: self._open.discard(follower))
        follower.start(None if follow else last, limit)
        return follower.done

    def end(self) -> None:
        """All have had their last."""
        for follower in tuple(self._open):
            follower.finish()


@implementer(IPushProducer)
class Follower:
    """One answer that goes on.

    :param after: the number of the event that it begins behind.

    :ivar done: fires at its end.
    """

    def __init__(
        self, reactor: Any, events: Events, wall_clock: Callable[[], float], request: Any, after: int
    ) -> None:
        self.done: Deferred[None] = Deferred(lambda _: self.end())
        self._reactor = reactor
        self._events = events
        self._wall_clock = wall_clock
        self._request = request
        self._after = after
        self._last: int | None = None
        self._left: int | None = None
        self._paused = False
        self._over = False
        self._due: IDelayedCall | None = None
        self._patience: IDelayedCall | None = None
        self._end_following = events.follow(self._note)

    def start(self, last: int | None, limit: int | None) -> None:
        """Send what there is.

        :param last: the number of the last event; ``None`` for no end.
        :param limit: how many lines at most; ``None`` for any.
        """
        self._last, self._left = last, limit
        # Its head goes out at once, so that whoever follows knows that it does.
        self._request.write(b"")
        self._request.registerProducer(self, True)
        self._note()

    # -- what there is to say ---------------------------------------------------------------------------------------

    def _note(self) -> None:
        """There may be something; it is sent in the reactor's next turn, and not within what logged it."""
        if self._due is None and not self._paused and not self._over:
            self._due = self._reactor.callLater(0, self._send)

    def _send(self) -> None:
        self._due = None
        while not self._paused and not self._over:
            event = self._events.next(self._after)
            if event is not None and event.id > self._after + 1 and self._after:
                event = skipped(self._after + 1, event.id - 1, self._wall_clock())
            if event is not None and (self._last is None or self._after < self._last):
                self._after = event.id
                self._request.write(event.line)
                self._left = None if self._left is None else self._left - 1
            elif self._last is None:
                return
            else:
                self.end()
            if self._left == 0:
                self.end()

    # -- whether it is read -----------------------------------------------------------------------------------------

    def pauseProducing(self) -> None:
        """What was sent waits to be read."""
        self._paused = True
        if self._patience is None:
            self._patience = self._reactor.callLater(PATIENCE, self._drop)

    def resumeProducing(self) -> None:
        """It was read."""
        self._paused = False
        self._cancel()
        self._note()

    def stopProducing(self) -> None:
        """Its client is gone."""
        self.end()

    def _drop(self) -> None:
        """It reads nothing."""
        self._patience = None
        self._request.channel.forceAbortClient()

    def _cancel(self) -> None:
        patience, self._patience = self._patience, None
        if patience is not None:
            patience.cancel()

    def finish(self) -> None:
        """Send what there is, as far as it is read, and end."""
        due, self._due = self._due, None
        if due is not None:
            due.cancel()
        self._send()
        self.end()

    def end(self) -> None:
        """There will be no more of it."""
        if self._over:
            return
        self._over = True
        self._end_following()
        self._cancel()
        due, self._due = self._due, None
        if due is not None:
            due.cancel()
        if self._request.channel is not None:  # which it has no more when its client is gone
            self._request.unregisterProducer()
        self.done.callback(None)
