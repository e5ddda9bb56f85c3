"""What Twisted does not promise and panolb relies upon: names of its plain transports, and that sockets can be read besides."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from twisted.internet import epollreactor
from twisted.internet.error import ConnectionLost
from twisted.internet.protocol import Protocol
from twisted.internet.tcp import Server
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure

from panolb.proxy.poller import PolledReads, Reads, _epoll_of, reads_for
from panolb.proxy.turn import Turn
from panolb.proxy.wire import DirectWire, wire_for

MUCH = b"x" * (8 << 20)  # more than a pair of sockets holds


class Receiver(Protocol):
    """Keeps what came through the transport."""

    def __init__(self) -> None:
        self.received = b""
        self.ended = False

    def dataReceived(self, data: bytes) -> None:
        self.received += data

    def connectionLost(self, reason: object = None) -> None:
        self.ended = True


@dataclass
class Plain:
    """A transport of Twisted's on a real socket, in a reactor that runs only when the test says so."""

    peer: socket.socket
    reactor: MemoryReactorClock
    transport: Server
    protocol: Receiver
    turn: Turn
    polled: list[bytes] = field(default_factory=list)

    def reads(self) -> Reads:
        return reads_for(self.transport, self.turn, self.polled.append)

    def poll(self) -> None:
        """What the reactor does when the poller is ready."""
        assert self.turn.poller is not None
        self.turn.poller.doRead()

    def take(self) -> int:
        """The peer reads all that has arrived; returns how many bytes those were."""
        taken = 0
        try:
            while data := self.peer.recv(1 << 20):
                taken += len(data)
        except BlockingIOError:
            pass
        return taken


@pytest.fixture
def plain() -> Iterator[Plain]:
    """One whose peer reads only what the test takes."""
    ours, peer = socket.socketpair()
    ours.setblocking(False)
    peer.setblocking(False)
    reactor = MemoryReactorClock()
    protocol = Receiver()
    port: Any = None  # what it listens on, which only its name in logs needs
    transport = Server(ours, protocol, ("127.0.0.1", 1), port, 0, reactor)
    protocol.makeConnection(transport)
    yield Plain(peer, reactor, transport, protocol, Turn(reactor))
    peer.close()
    ours.close()


def test_backlog_is_what_the_kernel_did_not_take(plain: Plain) -> None:
    """Every byte is in the kernel's hands, or counted."""
    wire = wire_for(plain.transport, plain.turn)
    assert type(wire) is DirectWire
    wire.write(MUCH)
    wire.flush()
    assert wire.blocked
    behind = wire.backlog
    assert plain.take() + behind == len(MUCH)
    plain.transport.doWrite()  # which moves the queue to where the transport sends from
    assert plain.take() + wire.backlog == behind
    wire.write(b"y" * 1000)
    wire.flush()
    assert wire.backlog > 1000
    while wire.backlog:
        plain.take()
        plain.transport.doWrite()
    assert not wire.blocked


def test_order_holds_around_a_queue(plain: Plain) -> None:
    """What is written while something waits goes out behind it."""
    wire = wire_for(plain.transport, plain.turn)
    for piece in (MUCH, b"then"):
        wire.write(piece)
        wire.flush()
    received = bytearray()
    while wire.blocked or len(received) < len(MUCH) + 4:
        try:
            received += plain.peer.recv(1 << 20)
        except BlockingIOError:
            plain.transport.doWrite()
    assert received == MUCH + b"then"


def test_transport_that_speaks_tls_keeps_its_socket(plain: Plain) -> None:
    """What is read past the encryption, no protocol could understand."""
    plain.transport.TLS = True
    assert type(plain.reads()) is Reads


def test_polled_socket_is_not_read_by_its_transport(plain: Plain) -> None:
    """It is read by one of the two only, and by neither while it is paused."""
    plain.transport.startReading()
    reads = plain.reads()
    assert isinstance(reads, PolledReads)
    assert plain.transport not in plain.reactor.readers
    assert plain.turn.poller in plain.reactor.readers
    plain.peer.send(b"one")
    plain.poll()
    assert plain.polled == [b"one"]
    reads.pause()
    plain.peer.send(b"two")
    plain.poll()
    assert plain.polled == [b"one"]
    reads.resume()
    plain.poll()
    assert plain.polled == [b"one", b"two"]
    assert plain.protocol.received == b""


def test_transport_finds_the_end_by_itself(plain: Plain) -> None:
    """At the end it gets its socket back, and tells its protocol."""
    plain.reads()
    plain.peer.shutdown(socket.SHUT_WR)
    plain.poll()
    assert plain.polled == []
    assert plain.transport in plain.reactor.readers
    assert plain.turn.poller not in plain.reactor.readers
    plain.transport.connectionLost(Failure(plain.transport.doRead()))
    assert plain.protocol.ended


def test_transport_that_closes_its_socket_first(plain: Plain) -> None:
    """A failed write ends it without a word to the poller; it forgets `socket` before its protocol hears of it."""
    reads = plain.reads()
    plain.transport.connectionLost(Failure(ConnectionLost()))
    assert not hasattr(plain.transport, "socket")
    reads.stop()
    reads.stop()
    assert plain.turn.poller not in plain.reactor.readers


def test_end_of_the_reactor(plain: Plain) -> None:
    """It lets go of the poller before the connections, which can be paused, resumed and stopped all the same."""
    reads = plain.reads()
    reads.pause()
    assert plain.turn.poller is not None
    plain.turn.poller.connectionLost(None)
    reads.resume()
    reads.pause()
    reads.stop()


def test_descriptor_of_the_reactors_epoll() -> None:
    """Twisted's epoll reactor keeps it under a private name; with any other reactor there is none."""
    reactor: Any = epollreactor.EPollReactor()
    try:
        assert _epoll_of(reactor) == reactor._poller.fileno()
    finally:
        reactor.disconnectAll()
        reactor._poller.close()
    assert _epoll_of(MemoryReactorClock()) is None


def test_last_words_of_a_peer_that_takes_nothing_more(plain: Plain) -> None:
    """It answers early, closes and resets; that the next piece finds out so does not cost the answer."""
    heard: list[bytes] = []
    wire = wire_for(plain.transport, plain.turn)
    wire.last_words = heard.append
    wire.write(MUCH)
    wire.flush()
    assert wire.blocked
    plain.peer.send(b"enough")
    plain.peer.close()
    lost = plain.transport.doWrite()
    assert isinstance(lost, ConnectionLost)
    plain.transport.connectionLost(Failure(lost))
    assert heard == [b"enough"]
    assert plain.protocol.ended
