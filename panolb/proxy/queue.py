"""Those who wait for a connection to a member that has as many as it may have (max_connections)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple

from twisted.internet.interfaces import IDelayedCall

from ..core.exchange import Exchange
from ..core.histogram import WAITS, Histogram
from ..core.member import MemberSpec
from .deadlines import NEVER


class Waiter(NamedTuple):
    """An exchange for which there is no connection to spare.

    :ivar fresh: whether it must have a new one.
    :ivar since: clock reading since which it waits.
    :ivar due: clock reading up to which it waits.
    """

    exchange: Exchange
    fresh: bool
    since: float
    due: float


_Line = OrderedDict[Exchange, Waiter]
"""Who waits, the longest first; whoever leaves costs the same wherever he stands."""


class Queue:
    """Users whose session lives at the member come first, and take the places of those who can go elsewhere.

    :param reactor: keeps time.
    :param clock: reads it, in seconds.
    :param sent_away: told who leaves without a connection, and the term that says why.

    :ivar waits: how long those waited that have left, with a connection or without.
    """

    __slots__ = ("_clock", "_new", "_own", "_reactor", "_sent_away", "_spec", "_timer", "waits")

    def __init__(
        self,
        reactor: Any,
        spec: MemberSpec,
        clock: Callable[[], float],
        sent_away: Callable[[Exchange, str], None],
    ) -> None:
        self._reactor = reactor
        self._spec = spec
        self._clock = clock
        self._sent_away = sent_away
        self._own: _Line = OrderedDict()  # users who are bound to this member
        self._new: _Line = OrderedDict()
        self.waits = Histogram(WAITS)
        self._timer: IDelayedCall | None = None  # due no later than the first who gives up

    def configure(self, spec: MemberSpec) -> None:
        """Have these limits from now on; who waits keeps the patience that it came with."""
        self._spec = spec

    def __len__(self) -> int:
        return len(self._own) + len(self._new)

    def is_full(self, bound: bool) -> bool:
        """Whether there is no room for one more.

        :param bound: whether it is of a user whose session lives at the member.
        """
        return len(self) >= self._spec.queue and not (bound and self._new)

    def add(self, exchange: Exchange, fresh: bool) -> None:
        """Let it wait, or send somebody away when there is no room."""
        spec = self._spec
        if len(self) >= spec.queue:
            out = exchange
            if exchange.bound and self._new:
                out, waiter = self._new.popitem()
                self._left(waiter)
            self._sent_away(out, "queue-full")
            if out is exchange:
                return
        patience = spec.queue_timeout if spec.acquire is None else spec.acquire
        line = self._own if exchange.bound else self._new
        now = self._clock()
        line[exchange] = Waiter(exchange, fresh, now, now + patience)
        if self._timer is None:
            self._timer = self._reactor.callLater(patience, self._give_up)

    def first(self) -> Waiter | None:
        """Who is next."""
        line = self._own or self._new
        return line[next(iter(line))] if line else None

    def remove(self, exchange: Exchange) -> None:
        """It waits no more, if it did."""
        waiter = self._own.pop(exchange, None) or self._new.pop(exchange, None)
        if waiter is not None:
            self._left(waiter)
        if self._timer is not None and not self._own and not self._new:
            self._timer.cancel()
            self._timer = None

    def clear(self) -> list[Exchange]:
        """Nobody waits any more; returns who did."""
        all_of_them = [*self._own, *self._new]
        for exchange in all_of_them:
            self.remove(exchange)
        return all_of_them

    def _left(self, waiter: Waiter) -> None:
        seconds = self._clock() - waiter.since
        waiter.exchange.queued += seconds
        self.waits.add(seconds)

    def _give_up(self) -> None:
        """Let go of those whose time is over; one timer does for all, since all have the same patience."""
        self._timer = None
        now = self._clock()
        over: list[Exchange] = []
        due = NEVER
        for line in (self._own, self._new):
            while line:
                first = line[next(iter(line))]
                if first.due > now:
                    due = min(due, first.due)
                    break
                over.append(first.exchange)
                self._left(line.pop(first.exchange))
        if due < NEVER:
            self._timer = self._reactor.callLater(due - now, self._give_up)
        for exchange in over:
            self._sent_away(exchange, "queue-timeout")
