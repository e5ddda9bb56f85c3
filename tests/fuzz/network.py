"""A network within the process: a reactor whose connections bring what a test gives them, and whose time is moved."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IConsumer, ITCPTransport
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure
from zope.interface import implementer

ADDRESS = "127.0.0.1"
DONE, LOST, ABORTED = (Failure(kind()) for kind in (ConnectionDone, ConnectionLost, ConnectionAborted))


class Peer(Protocol):
    """The other end of a connection."""

    def heard(self, data: bytes) -> None:
        """Panolb has sent something."""

    def finished(self) -> None:
        """Panolb sends nothing more."""


class Mute:
    """A peer that keeps what it gets.

    :ivar got: all of it.
    """

    def __init__(self) -> None:
        self.got = b""

    def heard(self, data: bytes) -> None:
        self.got += data

    def finished(self) -> None:
        """Nothing follows from that."""


@implementer(ITCPTransport, IConsumer)
class Line:
    """One connection, as the transport that panolb's side of it is given.

    :ivar peer: who gets what is sent.
    :ivar over: whether it has ended for panolb.
    :ivar silent: whether panolb has said that nothing more comes.
    :ivar cut: whether panolb has reset it.
    :ivar reading: whether panolb reads.
    """

    disconnecting = False

    def __init__(self, network: Network, protocol: Any, peer: Peer, port: int) -> None:
        self.peer = peer
        self.over = self.silent = self.cut = False
        self._network = network
        self._protocol = protocol
        self._port = port
        self._coming: deque[bytes | Failure] = deque()  # what the other side sends, at last how it ends
        self._going: list[bytes] = []
        self.reading = True
        self._receiving = self._sending = False  # whether that is going to be done
        self._pressed: Any = None  # the producer that was told to wait
        self._producer: Any = None
        protocol.makeConnection(self)

    # -- the other side -----------------------------------------------------------------------------------------------

    def give(self, data: bytes) -> None:
        """Let panolb read this, as one piece."""
        if data and not self.over:
            self._coming.append(data)
            self._receive_soon()

    @property
    def ended(self) -> bool:
        """Whether the other side knows that it has got everything."""
        return (self.over or self.silent) and not self.cut

    def end(self, how: Failure = DONE) -> None:
        """The other side ends the connection, behind everything that it has sent."""
        if not self.over:
            self._coming.append(how)
            self._receive_soon()

    def hold(self) -> None:
        """The other side takes nothing, until `let_go`."""
        self._sending = True

    def let_go(self) -> None:
        """It takes everything again."""
        self._sending = False
        self._send_soon()

    @property
    def waiting(self) -> int:
        """Bytes that the other side has not taken."""
        return sum(map(len, self._going))

    def _receive_soon(self) -> None:
        if self._coming and self.reading and not self._receiving and not self.over:
            self._receiving = True
            self._network.callLater(0, self._receive)

    def _receive(self) -> None:
        self._receiving = False
        if self.over or not self.reading or not self._coming:
            return
        data = self._coming.popleft()
        if isinstance(data, Failure):
            self._lose(data)
            return
        self._protocol.dataReceived(data)
        self._receive_soon()

    # -- sending --------------------------------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        assert isinstance(data, bytes)
        if self.over or self.silent or not data:
            return
        if LOST in self._coming:  # a write is how one who does not read hears of it
            self._network.callLater(0, self._lose, LOST)
            return
        self._going.append(data)
        if self._network.narrow and self._producer is not None and self._pressed is None:
            self._pressed = self._producer
            self._pressed.pauseProducing()
        self._send_soon()

    def writeSequence(self, data: Iterable[bytes]) -> None:
        self.write(b"".join(data))

    def _send_soon(self) -> None:
        if not self._sending:
            self._sending = True
            self._network.callLater(0, self._send)

    def _send(self) -> None:
        self._sending = False
        data, self._going = b"".join(self._going), []
        if self.over:
            return
        if data:
            self.peer.heard(data)
        pressed, self._pressed = self._pressed, None
        if pressed is not None and pressed is self._producer:
            pressed.resumeProducing()
        if self._going or self.over:
            return
        if self.disconnecting:
            self._lose(DONE)
        elif self.silent:
            self.peer.finished()

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        assert self._producer is None, "a second producer"
        assert streaming
        if self.over:
            producer.stopProducing()
        else:
            self._producer = producer

    def unregisterProducer(self) -> None:
        self._producer = self._pressed = None
        if self.disconnecting:
            self._send_soon()

    # -- reading --------------------------------------------------------------------------------------------------------

    def pauseProducing(self) -> None:
        self.reading = False

    def resumeProducing(self) -> None:
        if not self.disconnecting:
            self.reading = True
            self._receive_soon()

    def stopProducing(self) -> None:
        self.loseConnection()

    # -- ending ---------------------------------------------------------------------------------------------------------

    def loseConnection(self) -> None:
        if not self.over:
            self.disconnecting = True
            self._send_soon()

    def loseWriteConnection(self) -> None:
        self.silent = True
        self._send_soon()

    def abortConnection(self) -> None:
        if not self.over:
            self._going.clear()
            self.cut = True
            self.reading = False
            self._network.callLater(0, self._lose, ABORTED)

    def _lose(self, how: Failure) -> None:
        if self.over:
            return
        self.over = True
        self._coming.clear()
        self._going.clear()
        self._network.lines.discard(self)
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.stopProducing()
        self._protocol.connectionLost(how)
        self.peer.finished()

    # -- what else a transport is asked ----------------------------------------------------------------------------------

    def getPeer(self) -> IPv4Address:
        return IPv4Address("TCP", ADDRESS, self._port)

    def getHost(self) -> IPv4Address:
        return IPv4Address("TCP", ADDRESS, 80)

    def setTcpNoDelay(self, enabled: bool) -> None:
        """There is no delay."""

    def getTcpNoDelay(self) -> bool:
        return True

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """Nothing here dies in silence."""

    def getTcpKeepAlive(self) -> bool:
        return False


class Connector:
    """An attempt to connect."""

    def __init__(self, network: Network, factory: Any, port: int) -> None:
        self._network = network
        self._factory = factory
        self._port = port
        factory.doStart()
        self._call = network.callLater(0, self._connect)

    def _connect(self) -> None:
        network, address = self._network, IPv4Address("TCP", ADDRESS, self._port)
        protocol = self._factory.buildProtocol(address)
        peer = network.member()
        line = Line(network, protocol, peer, self._port)
        network.lines.add(line)
        network.reached(line, peer)

    def stopConnecting(self) -> None:
        if self._call.active():
            self._call.cancel()
            self._factory.clientConnectionFailed(self, ABORTED)

    def disconnect(self) -> None:
        """What stands is not wanted any more; without TLS nobody asks for that when there is a connection."""
        self.stopConnecting()


class Network(MemoryReactorClock):
    """The reactor.

    :ivar member: makes the other end of each connection that panolb opens.
    :ivar reached: told of that connection.
    :ivar narrow: whether every write is more than a connection takes at once.
    :ivar lines: the connections that have not ended.
    """

    member: Callable[[], Peer]

    def __init__(self) -> None:
        super().__init__()
        self.narrow = False
        self.lines: set[Line] = set()
        self.reached: Callable[[Line, Any], None] = lambda line, peer: None

    def connectTCP(
        self, host: str, port: int, factory: Any, timeout: float = 30, bindAddress: object = None
    ) -> Connector:
        return Connector(self, factory, port)

    def accept(self, factory: Any, peer: Peer, port: int) -> Line:
        """A client connects."""
        protocol = factory.buildProtocol(IPv4Address("TCP", ADDRESS, port))
        line = Line(self, protocol, peer, port)
        self.lines.add(line)
        return line

    def settle(self, seconds: float = 0.0) -> None:
        """Let time pass, and everything happen that follows from what has happened."""
        self.advance(seconds)
