"""Reading many plain sockets in one event of the reactor.

A reactor calls each ready descriptor through its logging context, which for a message of a few hundred bytes costs as
much as receiving it.  So the plain sockets of WebSockets are watched by an epoll of our own, which the reactor
watches as a single descriptor: when it is ready, all of its sockets are read in one go, and what they wrote to each
other goes out behind them.

Only receiving is taken over.  Sending, closing and the end of a connection stay the transport's: at the first sign
of an end it gets its socket back and finds out by itself.
"""

from __future__ import annotations

import select
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IReactorFDSet, IReadDescriptor
from twisted.internet.tcp import Connection
from zope.interface import implementer

from .unexpected import log_unexpected

if TYPE_CHECKING:
    from .turn import Turn
    from .wire import Transport

BUSY = 0.002  # seconds since the last event: a shorter time makes staying worth a try
LONGEST = 0.05  # seconds of silence, after which the reactor does the waiting
WORTH = 4  # looks, for which leaving the reactor's epoll and coming back costs less than their turns would

RECEIVE = 64 << 10  # bytes at a time, as Twisted's transports do


class Reads:
    """How one connection is read: by its transport.

    :ivar at_once: bytes to be received at a time; a transport may bring more.
    """

    __slots__ = ("_transport", "at_once")

    def __init__(self, transport: Transport, at_once: int = RECEIVE) -> None:
        self._transport = transport
        self.at_once = at_once

    def pause(self) -> None:
        """Receive nothing for now."""
        self._transport.pauseProducing()

    def resume(self) -> None:
        """Go on."""
        self._transport.resumeProducing()

    def stop(self) -> None:
        """The connection is being closed, or has ended."""


class PolledReads(Reads):
    """How one connection is read: by a poller.

    :param receive: given what came.
    """

    __slots__ = ("_fd", "_paused", "_poller", "_receive", "_socket")

    _transport: Connection

    def __init__(
        self, transport: Connection, poller: Poller, receive: Callable[[bytes], None], at_once: int
    ) -> None:
        super().__init__(transport, at_once)
        self._poller: Poller | None = poller
        self._receive = receive
        self._socket = transport.socket  # which the transport forgets when it is closed
        self._fd: int = self._socket.fileno()
        self._paused = False
        transport.pauseProducing()
        poller.add(self._fd, self)

    def read(self) -> None:
        """The socket has something."""
        try:
            data = self._socket.recv(self.at_once)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._receive(data)
        else:
            self.stop()
            self._transport.resumeProducing()  # it will find the end, or the error, by itself

    def pause(self) -> None:
        if self._poller is None:
            self._transport.pauseProducing()
        elif not self._paused:
            self._paused = True
            self._poller.pause(self._fd)

    def resume(self) -> None:
        if self._poller is None:
            self._transport.resumeProducing()
        elif self._paused:
            self._paused = False
            self._poller.resume(self._fd)

    def cut(self) -> None:
        """End the connection at once."""
        self.stop()
        self._transport.abortConnection()

    def forget(self) -> None:
        """There is no poller any more."""
        self._poller = None

    def stop(self) -> None:
        poller, self._poller = self._poller, None
        if poller is not None:
            poller.remove(self._fd, is_open=self._socket.fileno() == self._fd)


@implementer(IReadDescriptor)
class Poller:
    """An epoll in the reactor's.

    While its sockets are busy and nothing else wants the reactor it does not even return there: a turn of the reactor
    costs more than a message.  So it watches the reactor's own epoll beside its sockets, and whatever happens there, or
    is due, ends its stay.  With other reactors than Twisted's epoll it always returns.

    :param turn: what its sockets write is sent when all of them have been read.
    """

    def __init__(self, reactor: Any, turn: Turn) -> None:
        self._turn = turn
        self._reactor = reactor
        self._reads: dict[int, PolledReads] = {}
        self._epoll = select.epoll()
        self._outer = _epoll_of(reactor)
        self._staying = False
        self._left = 0.0  # clock reading at which it last returned to the reactor
        self._quiet = 0  # how often it is to return at once, since staying was not worth it

    @property
    def sockets(self) -> int:
        """How many it watches."""
        return len(self._reads)

    def add(self, fd: int, reads: PolledReads) -> None:
        """Watch a socket."""
        if not self._reads and not self._staying:
            self._reactor.addReader(self)
        self._reads[fd] = reads
        self._epoll.register(fd, select.EPOLLIN)

    def pause(self, fd: int) -> None:
        """Do not look at a socket for now; the kernel still tells of its end."""
        self._epoll.modify(fd, 0)

    def resume(self, fd: int) -> None:
        """Look at it again."""
        self._epoll.modify(fd, select.EPOLLIN)

    def remove(self, fd: int, is_open: bool) -> None:
        """Forget a socket; one that was closed the kernel has forgotten already."""
        if self._reads.pop(fd, None) is not None and is_open:
            self._epoll.unregister(fd)
        if not self._reads and not self._staying:
            self._reactor.removeReader(self)

    # -- for the reactor ----------------------------------------------------------------------------------------------

    def fileno(self) -> int:
        return self._epoll.fileno()

    def logPrefix(self) -> str:
        return "panolb"

    def doRead(self) -> None:
        """Read every socket that has something, and go on with those that get something meanwhile."""
        self._read(0)
        if self._outer is None:
            return
        if self._quiet:
            self._quiet -= 1
        elif self._reactor.seconds() - self._left < BUSY:
            self._stay(self._outer)
        self._left = self._reactor.seconds()

    def _read(self, timeout: float) -> bool:
        """Read what is ready within so many seconds; returns whether that is all that wants to be looked at."""
        ready = self._epoll.poll(timeout)
        alone = bool(ready)
        with self._turn:
            for fd, _ in ready:
                reads = self._reads.get(fd)
                if reads is None:
                    alone = alone and fd != self._outer
                    continue  # or it was closed in this very turn
                try:
                    reads.read()
                except Exception:  # noqa: BLE001  # the other connections must be read all the same
                    log_unexpected("reading a WebSocket's connection", None)
                    reads.cut()
        return alone

    def _stay(self, outer: int) -> None:
        """Go on reading until the reactor is wanted for something else."""
        looks = 0
        self._staying = True
        self._reactor.removeReader(self)  # an epoll cannot watch one that watches it
        self._epoll.register(outer, select.EPOLLIN)
        try:
            while self._reads:
                due = self._reactor.timeout()
                looks += 1
                if not self._read(LONGEST if due is None else min(due, LONGEST)) or due == 0:
                    break
        finally:
            self._epoll.unregister(outer)
            self._staying = False
            if self._reads:
                self._reactor.addReader(self)
        if looks < WORTH:
            self._quiet = WORTH * 8

    def connectionLost(self, reason: Any) -> None:
        """The reactor lets go of everything at its end, of this perhaps before the connections."""
        for reads in self._reads.values():
            reads.forget()
        self._reads.clear()
        self._epoll.close()


def _epoll_of(reactor: Any) -> int | None:
    """The descriptor of a reactor's own epoll; Twisted's epoll reactor keeps it to itself, hence a test that holds it."""
    epoll = getattr(reactor, "_poller", None)
    return epoll.fileno() if isinstance(epoll, select.epoll) else None


def poller_for(reactor: Any, turn: Turn) -> Poller | None:
    """A poller, where the system has epoll and the reactor takes descriptors."""
    if not hasattr(select, "epoll") or not IReactorFDSet.providedBy(reactor):
        return None
    return Poller(reactor, turn)


def reads_for(
    transport: Transport, turn: Turn, receive: Callable[[bytes], None], at_once: int = RECEIVE
) -> Reads:
    """The cheapest way to read a connection: plain sockets by an epoll of our own, where there is one."""
    poller = turn.poller
    if poller is not None and isinstance(transport, Connection) and not transport.TLS:
        return PolledReads(transport, poller, receive, at_once)
    return Reads(transport, at_once)
