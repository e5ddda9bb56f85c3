"""Writing straight through to the socket, once per connection and turn of the reactor.

A transport's ``write`` queues the bytes, arms the descriptor and sends in a later turn of the loop; on a small request
that costs as much as everything else panolb does.  So while nothing is queued a `Wire` sends directly
(to the socket itself), and only what the kernel did not take goes through the transport, from then on everything until
the queue is empty again, so that the order holds.

It sends at the end of the turn: what one turn produced for one connection goes out as one, and all that a turn
produced goes out together.  A peer that sleeps is then woken once per turn and not once per request, which on a busy
loopback cost more than everything else and halved the CPU of a request.

What is queued pauses its source, as soon as it is more than is allowed to wait: a slow reader stops the side that
writes to it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from twisted.internet.interfaces import IAddress, IPullProducer, IPushProducer
from twisted.internet.tcp import Connection
from zope.interface import implementer

from .poller import RECEIVE
from .progress import progress
from .turn import Turn
from .unexpected import Owner, log_unexpected


class Source(Protocol):
    """Whoever produces what a wire sends."""

    def pause(self) -> None:
        """The wire cannot keep up."""

    def resume(self) -> None:
        """It has caught up."""


class Transport(Protocol):
    """What panolb asks of a Twisted stream transport, plain or TLS (ITCPTransport, IPushProducer, IConsumer)."""

    def write(self, data: bytes) -> None: ...
    def pauseProducing(self) -> None: ...
    def resumeProducing(self) -> None: ...
    def registerProducer(self, producer: object, streaming: bool) -> None: ...
    def unregisterProducer(self) -> None: ...
    def loseConnection(self) -> None: ...
    def loseWriteConnection(self) -> None: ...
    def abortConnection(self) -> None: ...
    def setTcpNoDelay(self, enabled: bool) -> None: ...
    def getPeer(self) -> IAddress: ...


class Wire:
    """The way out over a transport whose writes cannot be shortened, such as TLS.

    :ivar source: who is paused while too much is queued.
    :ivar allowed: bytes that may be queued before that, over a plain socket.
    :ivar blocked: whether the transport has a queue.
    :ivar on_change: told when that changes.
    :ivar owner: who pays when sending breaks; without one it is the connection alone.
    :ivar last_words: given what the other side had sent when it turned out that it takes nothing more.
    """

    __slots__ = (
        "_closing",
        "_out",
        "_paused",
        "_transport",
        "_turn",
        "allowed",
        "blocked",
        "last_words",
        "on_change",
        "owner",
        "source",
    )

    def __init__(self, transport: Transport, turn: Turn) -> None:
        self._transport = transport
        self._turn = turn
        self._out: list[bytes] | None = None  # what this turn has written
        self.source: Source | None = None
        self.on_change: Callable[[bool], None] | None = None
        self.owner: Owner | None = None
        self.last_words: Callable[[bytes], None] | None = None
        self.allowed = 0
        self.blocked = False
        self._paused = False
        self._closing = False
        self._watch()

    @property
    def backlog(self) -> int:
        """Bytes that the transport has queued, as far as it says."""
        return 1 if self.blocked else 0

    @property
    def progress(self) -> tuple[int, int] | None:
        """Bytes that have arrived at the other side, and those sent that have not; ``None`` if nobody can say."""
        return progress(getattr(getattr(self._transport, "transport", None), "socket", None))

    def write(self, data: bytes) -> None:
        """Send ``data`` at the end of this turn."""
        if self._out is None:
            self._out = [data]
            self._turn.add(self)
        else:
            self._out.append(data)

    def flush(self) -> None:
        """Send now what was written in this turn."""
        out = self._out
        if out is not None:
            self._out = None
            self._send(out[0] if len(out) == 1 else b"".join(out))

    def drop(self) -> None:
        """Forget what was written in this turn: the connection is going to be cut."""
        self._out = None

    def cut(self) -> None:
        """End the connection at once."""
        self.drop()
        self._transport.abortConnection()

    def went_wrong(self, doing: str) -> None:
        """An unexpected exception is at hand: it costs this connection, and whatever goes over it."""
        if self.owner is None:
            log_unexpected(doing, None)
        else:
            self.owner.went_wrong(doing)
        self.cut()

    def close(self) -> None:
        """End the connection when everything has been sent; a TLS transport waits for its producer too."""
        self.flush()
        self._closing = True
        self._transport.loseConnection()
        if not self.blocked:
            self._transport.unregisterProducer()

    def half_close(self) -> None:
        """Say that nothing more will be sent, and go on reading if the transport can (TLS cannot)."""
        self.close()

    def release(self) -> None:
        """Leave the transport to somebody else."""
        self.flush()
        self.source = None
        self._transport.unregisterProducer()

    def _send(self, data: bytes) -> None:
        self._transport.write(data)

    def _watch(self) -> None:
        self._transport.registerProducer(_Push(self), True)

    def _block(self) -> None:
        self.blocked = True
        if self.on_change is not None:
            self.on_change(True)
        self._press()

    def _press(self) -> None:
        """Pause the source when too much is queued."""
        if not self._paused and self._too_much():
            self._paused = True
            if self.source is not None:
                self.source.pause()

    def _too_much(self) -> bool:
        """Such a transport has a queue only of what the one below it did not take: that is enough."""
        return True

    def unblocked(self) -> None:
        """The transport's queue is empty."""
        try:
            self._unblock()
        except Exception:  # noqa: BLE001  # the reactor would not know whose it was
            self.went_wrong("going on with what a connection could not take before")

    def _unblock(self) -> None:
        self.blocked = False
        paused, self._paused = self._paused, False
        if self._closing:
            self._transport.unregisterProducer()
        if self.on_change is not None:
            self.on_change(False)
        if paused and not self._paused and self.source is not None:
            self.source.resume()


class DirectWire(Wire):
    """The way out over a socket that can be written to directly."""

    __slots__ = ()

    _transport: Connection

    @property
    def backlog(self) -> int:
        """Bytes that the transport has queued; it does not say so in public, hence a test that holds these names."""
        transport = self._transport
        return len(transport.dataBuffer) - transport.offset + transport._tempDataLen

    @property
    def progress(self) -> tuple[int, int] | None:
        return progress(getattr(self._transport, "socket", None))

    def _too_much(self) -> bool:
        return self.backlog > self.allowed

    def close(self) -> None:
        self.flush()
        self._transport.loseConnection()

    def half_close(self) -> None:
        self.flush()
        self._transport.loseWriteConnection()

    def release(self) -> None:
        self.flush()
        self.source = None
        if self.blocked:
            self._transport.unregisterProducer()

    def _send(self, data: bytes) -> None:
        """Send what the kernel takes at once, and queue the rest."""
        transport = self._transport
        if self.blocked or transport.disconnecting or not transport.connected:
            transport.write(data)
            if self.blocked:
                self._press()
            return
        try:
            # Not writeSomeData: what it wraps this call in cost 3,300 instructions, as much as the call itself.
            sent = transport.socket.send(data)
        except OSError:
            sent = 0  # a full buffer or a lost connection; the transport finds out which, in its own time
        if sent == len(data):
            return
        transport.write(data[sent:])
        transport.registerProducer(_Pull(self), False)
        self._block()

    def _watch(self) -> None:
        """Nothing to watch while nothing is queued."""

    def hear_out(self) -> None:
        """Read what has come although the connection is lost.

        A member that answers an upload early and closes resets the connection (RFC 9112 section 9.6); when the next piece
        of the upload is sent before the answer is read, the transport gives up with the answer still in the socket.
        """
        while self.last_words is not None:
            try:
                data = self._transport.socket.recv(RECEIVE)
            except OSError:
                return
            if not data:
                return
            self.last_words(data)


def wire_for(transport: Transport, turn: Turn) -> Wire:
    """The right wire for a transport.

    Decided once and by type: Twisted's TLS transport hands unknown attributes on to the socket below it, so that
    what is sent to its ``socket`` would be plain text past the encryption.  The ``socket`` of `panolb.proxy.tls`
    encrypts by itself.
    """
    if isinstance(transport, Connection) and not transport.TLS:
        return DirectWire(transport, turn)
    return Wire(transport, turn)


@implementer(IPullProducer)
class _Pull:
    """Asks a transport to say when its queue is empty; it first calls at once, on registration."""

    __slots__ = ("_registered", "_wire")

    def __init__(self, wire: DirectWire) -> None:
        self._wire = wire
        self._registered = False

    def resumeProducing(self) -> None:
        if not self._registered:
            self._registered = True
            return
        self._wire._transport.unregisterProducer()
        self._wire.unblocked()

    def stopProducing(self) -> None:
        """The connection is lost; its protocol hears of it too, but the socket is open for the last time now."""
        self._wire.hear_out()


@implementer(IPushProducer)
class _Push:
    """Hears from a transport when its queue is full and when it is empty."""

    __slots__ = ("_wire",)

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def pauseProducing(self) -> None:
        self._wire._block()

    def resumeProducing(self) -> None:
        self._wire.unblocked()

    def stopProducing(self) -> None:
        """The connection is lost; its protocol hears of it too."""
