"""The idle upstream connections of one member, and the way to new ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.internet.error import ConnectError, ConnectionRefusedError, DNSLookupError, TimeoutError
from twisted.internet.interfaces import IAddress, IConnector
from twisted.internet.protocol import ClientFactory
from twisted.python.failure import Failure

from ..core.exchange import Exchange
from ..core.histogram import WAITS, Histogram
from ..core.member import MemberSpec
from ..events import EventLogger
from .addresses import Addresses
from .deadlines import Deadlines
from .membertls import MemberTls, Securing
from .queue import Queue
from .shortage import is_ours
from .turn import Turn
from .unexpected import log_unexpected
from .upstream import Upstream

log = EventLogger()

QUIET = 60.0  # seconds; a shortage meets every request, and a line for each would fill the disk


class Pool:
    """The `panolb.core.ports.Connector` of one member.

    :param reactor: connects, resolves and keeps time.
    :param tls: how the member is spoken to; ``None`` without TLS.

    :ivar connects: how long it took until new connections stood, from the look for an address on.
    :ivar elsewhere: how many connections other processes have to the member.
    """

    __slots__ = (
        "_addresses",
        "_attempts",
        "_closed",
        "_idle",
        "_open",
        "_queue",
        "_quiet_until",
        "_reactor",
        "connects",
        "deadlines",
        "elsewhere",
        "spec",
        "tls",
        "turn",
    )

    def __init__(
        self,
        reactor: Any,
        spec: MemberSpec,
        deadlines: Deadlines,
        turn: Turn,
        tls: MemberTls | None = None,
    ) -> None:
        self.spec = spec
        self.tls = tls
        self.deadlines = deadlines
        self.turn = turn
        self._reactor = reactor
        self._addresses = Addresses(reactor, spec.host, deadlines.clock)
        self._idle: list[Upstream] = []  # the last used is re-used first, so that the others can time out
        self._open = 0
        self.connects = Histogram(WAITS)
        self.elsewhere = 0
        self._attempts: dict[Exchange, _Attempt] = {}
        self._queue = Queue(reactor, spec, deadlines.clock, self._send_away)
        self._quiet_until = 0.0  # clock reading; until then a shortage of ours has been told
        self._closed = False

    def configure(self, spec: MemberSpec) -> None:
        """Have these limits from now on; the connections stay.

        :param spec: the same member's, configured anew.
        """
        self.spec = spec
        self._queue.configure(spec)
        self.look_for_room()

    def look_for_room(self) -> None:
        """There may be more connections than before."""
        while len(self._queue) and not self._is_at_most:
            self._serve_next()

    def secure(self, tls: MemberTls | None) -> None:
        """Speak to the member like this from now on; connections from before end when they have nothing to do."""
        if tls is not self.tls:
            self.tls = tls
            self._end_idle()

    @property
    def _is_at_most(self) -> bool:
        """Whether the member has as many connections as it may have."""
        most = self.spec.max_connections
        return most is not None and self._open + self.elsewhere >= most

    @property
    def idle(self) -> int:
        """How many connections wait to be used."""
        return len(self._idle)

    @property
    def open(self) -> int:
        """How many connections there are, idle, busy or being made."""
        return self._open

    @property
    def making(self) -> int:
        """How many of these are being made for an exchange that is still there."""
        return len(self._attempts)

    @property
    def waiting(self) -> int:
        """How many exchanges wait for one."""
        return len(self._queue)

    @property
    def waits(self) -> Histogram:
        """How long they have waited that do so no more."""
        return self._queue.waits

    def is_full(self, bound: bool) -> bool:
        """Whether one more exchange could not even wait for a connection; see `Queue.is_full`."""
        return self._is_at_most and not self._idle and self._queue.is_full(bound)

    # -- orders of exchanges ----------------------------------------------------------------------------------------

    def connect(self, exchange: Exchange, fresh: bool) -> None:
        if self._idle and not fresh:
            link = self._idle.pop()
            link.serve(exchange)
            return
        if self._is_at_most:
            if not self._idle:
                self._queue.add(exchange, fresh)
                return
            self.retire(self._idle[0])  # a new one was asked for: make room
        self._open_for(exchange)

    def cancel(self, exchange: Exchange) -> None:
        attempt = self._attempts.pop(exchange, None)
        if attempt is not None:
            attempt.cancel()
        else:
            self._queue.remove(exchange)

    def close(self) -> None:
        """End the idle connections; the busy ones, and those that are still waited for, end with their exchanges."""
        self._closed = True
        self._end_idle()

    def _end_idle(self) -> None:
        idle, self._idle = self._idle, []
        for link in idle:
            link.close()

    def leave(self) -> None:
        """The member is taken out of the configuration: who waits for a connection to it may go to another one."""
        self.close()
        for exchange in self._queue.clear():
            self._tell(exchange, exchange.member_left)

    # -- facts of connections ---------------------------------------------------------------------------------------

    def put(self, link: Upstream) -> None:
        """A connection has nothing to do."""
        if link.paused:
            link.resume()  # for the next exchange, and to notice that the member ends it
        if self._closed or not self.spec.reuse or link.tls is not self.tls:
            link.close()
            return
        waiter = self._queue.first()
        if waiter is not None:
            if waiter.fresh:
                link.close()  # makes room for a new one
                return
            self._queue.remove(waiter.exchange)
            link.serve(waiter.exchange)
            return
        self._idle.append(link)
        self.deadlines.set(link, self.spec.keepalive_idle)

    def retire(self, link: Upstream) -> None:
        """An idle connection is to end; from here on nobody is given it."""
        if link in self._idle:
            self._idle.remove(link)
        link.transport.abortConnection()  # nothing is in flight on it

    def gone(self, link: Upstream) -> None:
        """A connection has ended."""
        self.deadlines.forget(link)
        if link.exchange is None and link in self._idle:
            self._idle.remove(link)
        self._one_less()

    def _one_less(self) -> None:
        self._open -= 1
        self._serve_next()

    def _serve_next(self) -> None:
        waiter = self._queue.first()
        if waiter is not None:
            self._queue.remove(waiter.exchange)
            self._open_for(waiter.exchange)

    # -- new connections --------------------------------------------------------------------------------------------

    def _open_for(self, exchange: Exchange) -> None:
        self._open += 1
        attempt = self._attempts[exchange] = _Attempt(self, exchange)
        self._addresses.find(attempt.try_all)

    def dial(self, address: str, attempt: _Attempt) -> IConnector:
        """Begin to connect to one address."""
        timeout = self.spec.connect_timeout
        factory: ClientFactory | Securing = attempt
        if attempt.tls is not None:
            factory = Securing(attempt.tls, attempt, self._reactor, timeout, attempt.not_secured)
        connector: IConnector = self._reactor.connectTCP(address, self.spec.port, factory, timeout=timeout)
        return connector

    def connected(self, exchange: Exchange, seconds: float) -> None:
        """An attempt has succeeded, after so many seconds."""
        self.connects.add(seconds)
        if self._attempts.pop(exchange, None) is not None:
            exchange.connecting += seconds

    def short(self, exchange: Exchange) -> None:
        """This machine has nothing left to connect with: that is nobody's fault but ours."""
        now = self.deadlines.clock()
        if now >= self._quiet_until:
            self._quiet_until = now + QUIET
            log.error(
                "no connection to {member}: out of file descriptors, memory or local ports; raise LimitNOFILE; "
                "this is said once in {quiet:g} s",
                event="limit.connecting",
                member=self.spec.name,
                quiet=QUIET,
            )
        waited_for = self._attempts.pop(exchange, None) is not None
        self._one_less()
        if waited_for:
            self._tell(exchange, exchange.no_capacity)

    def failed(self, exchange: Exchange, reason: str, seconds: float) -> None:
        """All addresses have been tried in vain, in so many seconds."""
        self._addresses.forget()
        waited_for = self._attempts.pop(exchange, None) is not None
        self._one_less()
        if waited_for:
            exchange.connecting += seconds
            self._tell(exchange, exchange.connect_failed, reason)

    def _tell(self, exchange: Exchange, fact: Callable[..., None], *words: str) -> None:
        """Tell an exchange what became of its wish; what it raises is to cost nobody else anything."""
        try:
            fact(*words)
        except Exception:  # noqa: BLE001
            log_unexpected(f"connecting to member {self.spec.name}", exchange)
            exchange.failed_here()

    def _send_away(self, exchange: Exchange, term: str) -> None:
        self._tell(exchange, exchange.not_served, term)


class _Attempt(ClientFactory):
    """Connecting for one exchange: one address after the other until one answers.

    :ivar tls: how the member is spoken to.
    """

    noisy = False

    def __init__(self, pool: Pool, exchange: Exchange) -> None:
        self._pool = pool
        self._begun = pool.deadlines.clock()
        self.tls = pool.tls
        self._exchange: Exchange | None = exchange  # until there is a connection
        self._left: list[str] = []
        self._connector: IConnector | None = None
        self._cancelled = False

    def try_all(self, addresses: Sequence[str]) -> None:
        """Begin with the first of ``addresses``."""
        self._left = [] if self._cancelled else list(addresses)
        self._next(f"the name {self._pool.spec.host} has no address")

    def cancel(self) -> None:
        """Nobody waits for the connection any more."""
        self._cancelled = True
        self._left = []
        if self._connector is not None:
            self._connector.disconnect()  # in a TLS handshake it is connected already

    def _next(self, reason: str) -> None:
        if self._left:
            self._connector = self._pool.dial(self._left.pop(0), self)
        elif self._exchange is not None:
            self._pool.failed(self._exchange, reason, self._seconds)

    @property
    def _seconds(self) -> float:
        """How long it has taken so far."""
        return self._pool.deadlines.clock() - self._begun

    def buildProtocol(self, addr: IAddress | None) -> Upstream:
        # The connector keeps us as long as the connection lives, which serves others when this exchange is over.
        exchange, self._exchange = self._exchange, None
        assert exchange is not None
        self._pool.connected(exchange, self._seconds)
        return Upstream(self._pool, None if self._cancelled else exchange, self.tls)

    def clientConnectionFailed(self, connector: IConnector, reason: Failure) -> None:
        if is_ours(reason) and self._exchange is not None:
            self._pool.short(self._exchange)
        else:
            self._next(_in_words(reason, self._pool.spec))

    def not_secured(self, reason: Failure) -> None:
        """There is a connection, and no TLS on it."""
        self._next(str(reason.value))


def _in_words(reason: Failure, spec: MemberSpec) -> str:
    """Why a connect failed, for an operator."""
    if reason.check(ConnectionRefusedError):
        return "connection refused"
    if reason.check(TimeoutError):
        return f"no connection within {spec.connect_timeout:g} s"
    if reason.check(DNSLookupError):
        return f"the name {spec.host} has no address"
    error = reason.value
    if isinstance(error, ConnectError) and error.osError:
        return f"cannot connect: {error.osError}"
    return f"cannot connect: {error}"
