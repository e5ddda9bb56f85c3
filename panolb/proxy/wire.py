"""Writing straight through to the socket.

A transport's ``write`` queues the bytes, arms the descriptor and sends in the next turn of the loop; on a small request
that costs as much as everything else panolb does.  So while nothing is queued a `Wire` sends at once
(``writeSomeData``), and only what the kernel did not take goes through the transport, from then on everything until
the queue is empty again, so that the order holds.

What is queued pauses its source: a slow reader stops the side that writes to it.
"""

from __future__ import annotations

from typing import Protocol

from twisted.internet.interfaces import IAddress, IPullProducer, IPushProducer
from twisted.internet.tcp import Connection
from zope.interface import implementer


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
    """The way out over a transport whose writes cannot be shortened, such as TLS."""

    __slots__ = ("_transport", "blocked", "source")

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.source: Source | None = None
        self.blocked = False
        self._watch()

    def write(self, data: bytes) -> None:
        """Send ``data``, or queue it."""
        self._transport.write(data)

    def half_close(self) -> None:
        """Say that nothing more will be sent, and go on reading if the transport can (TLS cannot)."""
        self._transport.loseConnection()

    def release(self) -> None:
        """Leave the transport to somebody else."""
        self.source = None
        self._transport.unregisterProducer()

    def _watch(self) -> None:
        self._transport.registerProducer(_Push(self), True)

    def _block(self) -> None:
        self.blocked = True
        if self.source is not None:
            self.source.pause()

    def _unblock(self) -> None:
        self.blocked = False
        if self.source is not None:
            self.source.resume()


class DirectWire(Wire):
    """The way out over a plain socket."""

    __slots__ = ()

    _transport: Connection

    def write(self, data: bytes) -> None:
        """Send what the kernel takes at once, and queue the rest."""
        transport = self._transport
        if not self.blocked and transport.connected and not transport.disconnecting:
            sent = transport.writeSomeData(data)
            if sent == len(data):
                return
            if isinstance(sent, int) and sent > 0:
                data = data[sent:]
            # Anything else is a full buffer or a lost connection; the transport finds out which, in its own time.
            transport.write(data)
            self._block()
            transport.registerProducer(_Pull(self), False)
        else:
            transport.write(data)

    def half_close(self) -> None:
        self._transport.loseWriteConnection()

    def release(self) -> None:
        self.source = None
        if self.blocked:
            self._transport.unregisterProducer()

    def _watch(self) -> None:
        """Nothing to watch while nothing is queued."""


def wire_for(transport: Transport) -> Wire:
    """The right wire for a transport.

    Decided once and by type: a TLS transport hands unknown attributes on to the socket below it, so that
    ``writeSomeData`` asked of it would send plain text past the encryption.
    """
    if isinstance(transport, Connection) and not transport.TLS:
        return DirectWire(transport)
    return Wire(transport)


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
        self._wire._unblock()

    def stopProducing(self) -> None:
        """The connection is lost; its protocol hears of it too."""


@implementer(IPushProducer)
class _Push:
    """Hears from a transport when its queue is full and when it is empty."""

    __slots__ = ("_wire",)

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def pauseProducing(self) -> None:
        self._wire._block()

    def resumeProducing(self) -> None:
        self._wire._unblock()

    def stopProducing(self) -> None:
        """The connection is lost; its protocol hears of it too."""
