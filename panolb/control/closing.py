"""Closing many WebSockets in turn, so that their users do not all come back in the same moment."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import ceil
from random import random
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall

from ..core.exchange import Exchange
from ..events import EventLogger

log = EventLogger()

BEAT = 0.01  # seconds; a faster rate closes several at each beat, since timers are no finer
CATCHING_UP = 1.0  # seconds; what a busy reactor was late by is made up for no further back than this
MOST = 1 << 20  # WebSockets at one beat


@dataclass(slots=True)
class Counts:
    """What became of the WebSockets of one order.

    :ivar answered: both sides have answered the close frame.
    :ivar silent: one of them has not, and was cut by the time limit of its tunnel or went away.
    :ivar gone: it had ended by itself before its turn came.
    :ivar cut: the order was over before it had ended.
    :ivar kept: the order was taken back before its turn came, and it stays open.
    :ivar overtaken: a stop came before its turn, and closes it.
    """

    answered: int = 0
    silent: int = 0
    gone: int = 0
    cut: int = 0
    kept: int = 0
    overtaken: int = 0

    def __str__(self) -> str:
        words = {
            "answered": self.answered,
            "did not answer": self.silent,
            "had ended by themselves": self.gone,
            "were cut": self.cut,
            "stay open": self.kept,
            "are left to the stop": self.overtaken,
        }
        return ", ".join(f"{number} {word}" for word, number in words.items() if number) or "none was left"


class Closing:
    """One order to close WebSockets; `Closings.begin` makes it.

    Those that have been idle for longest come first: they are missed least.

    :ivar term: what the access log calls those that are told from now on.
    :ivar rate: how many a second are told; each pause is random, between half and one and a half of the mean.
    :ivar done: fires with the `Counts` when all have ended or were cut.
    """

    def __init__(
        self,
        clock: Any,
        chance: Callable[[], float],
        owner: dict[Exchange, Closing],
        term: str,
        rate: float,
    ) -> None:
        self.term = term
        self.rate = rate
        self.done: Deferred[Counts] = Deferred()
        self._clock = clock
        self._chance = chance
        self._owner = owner
        self._waiting: OrderedDict[Exchange, None] = OrderedDict()  # a dict is slow to empty from its front
        self._told: set[Exchange] = set()
        self._counts = Counts()
        self._batch = max(1, ceil(min(rate * BEAT, MOST)))
        self._due = clock.seconds()
        self._beat: IDelayedCall | None = None
        self._end: IDelayedCall | None = None
        self._over = False

    @property
    def left(self) -> int:
        """How many have not ended yet."""
        return len(self._waiting) + len(self._told)

    def add(self, exchanges: Iterable[Exchange], deadline: float) -> int:
        """Close these too, unless they are being closed already.

        :param deadline: seconds from now after which all that is left is cut.
        :returns: how many were new.
        """
        new = [exchange for exchange in exchanges if exchange not in self._owner]
        for exchange in new:
            self._owner[exchange] = self
            self._waiting[exchange] = None
        if self._end is None:
            self._end = self._clock.callLater(deadline, self.cut)
        elif self._end.getTime() < self._clock.seconds() + deadline:
            self._end.reset(deadline)
        if self._waiting and self._beat is None:
            # Not at once: a WebSocket that has only just been opened has to begin before it can be closed.
            self._beat = self._clock.callLater(max(0.0, self._due - self._clock.seconds()), self._tell_some)
        self._look_for_the_end()
        return len(new)

    def cancel(self, kept: bool = True) -> None:
        """Tell no more.

        :param kept: whether those whose turn has not come stay open; else a stop is going to close them.
        """
        for exchange in self._waiting:
            del self._owner[exchange]
        if kept:
            self._counts.kept += len(self._waiting)
        else:
            self._counts.overtaken += len(self._waiting)
        self._waiting.clear()
        self._look_for_the_end()

    def cut(self) -> None:
        """End what is left at once."""
        left = [*self._told, *self._waiting]
        self._counts.cut += len(left)
        self._told.clear()
        self._waiting.clear()
        for exchange in left:
            del self._owner[exchange]
            self._close(exchange)  # for the log to say why it ended
            assert exchange.tunnel is not None
            exchange.tunnel.cut()
        self._look_for_the_end()

    def ended(self, exchange: Exchange) -> None:
        """One of them is over."""
        tunnel = exchange.tunnel
        assert tunnel is not None
        if exchange in self._told:
            self._told.discard(exchange)
            if tunnel.client.closed and tunnel.member.closed:
                self._counts.answered += 1
            else:
                self._counts.silent += 1
        else:
            self._waiting.pop(exchange, None)
            self._counts.gone += 1
        self._look_for_the_end()

    def _tell_some(self) -> None:
        """Tell those whose turn it is."""
        self._beat = None
        now = self._clock.seconds()
        self._due = max(self._due, now - CATCHING_UP)
        while self._waiting and self._due <= now:
            told = 0
            while self._waiting and told < self._batch:
                exchange, _ = self._waiting.popitem(last=False)
                assert exchange.tunnel is not None
                told += exchange.tunnel.closing is None  # one whose client is just leaving costs no turn
                self._told.add(exchange)
                self._close(exchange)
            self._due += self._batch / self.rate * (0.5 + self._chance())
        if self._waiting:
            self._beat = self._clock.callLater(self._due - now, self._tell_some)

    def _close(self, exchange: Exchange) -> None:
        assert exchange.tunnel is not None
        try:
            exchange.tunnel.close(self.term)
        except Exception:  # noqa: BLE001  # the others have to be told all the same
            log.failure(
                "request {id}: its WebSocket could not be closed",
                event="internal.error",
                id=exchange.request_id,
            )

    def _look_for_the_end(self) -> None:
        if self._over or self.left:
            return
        self._over = True
        for timer in (self._beat, self._end):
            if timer is not None and timer.active():
                timer.cancel()
        self.done.callback(self._counts)


class Closings:
    """All orders; a WebSocket belongs to one of them at most.

    :param clock: an IReactorTime.
    :param chance: a random number from 0 up to 1.
    """

    def __init__(self, clock: Any, chance: Callable[[], float] = random) -> None:
        self._clock = clock
        self._chance = chance
        self._owner: dict[Exchange, Closing] = {}

    def begin(self, exchanges: Iterable[Exchange], term: str, *, rate: float, deadline: float) -> Closing:
        """Close these, but for those that are being closed already.

        :param exchanges: in the order of their turns.
        :param term: why, in one word for the access log.
        :param rate: how many a second.
        :param deadline: seconds after which all that is left is cut.
        """
        closing = Closing(self._clock, self._chance, self._owner, term, rate)
        closing.add(exchanges, deadline)
        return closing

    def finished(self, exchange: Exchange) -> None:
        """A WebSocket is over, whether or not it was to be closed."""
        closing = self._owner.pop(exchange, None)
        if closing is not None:
            closing.ended(exchange)
