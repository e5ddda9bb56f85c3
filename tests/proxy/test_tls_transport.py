"""The TLS transport on a real pair of sockets, in a reactor that runs only when the test says so."""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet import main
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IHandshakeListener
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import MemoryReactorClock
from twisted.internet.unix import Port as UnixPort
from twisted.python.failure import Failure
from zope.interface import implementer

from panolb.proxy.poller import PolledReads, reads_for
from panolb.proxy.tls import Contexts, SecureServer, SecureSocket, secure
from panolb.proxy.turn import Turn
from panolb.proxy.wire import DirectWire, wire_for
from tests.harness.certificate import certify

MUCH = bytes(range(256)) * 4 * 8192  # 8 MiB: more than a pair of sockets holds
SECRET = b"not for the wire as it is"


@implementer(IHandshakeListener)
class Receiver(Protocol):
    """Keeps what came through the transport."""

    def __init__(self) -> None:
        self.received = b""
        self.shaken = 0
        self.lost: Failure | None = None

    def handshakeCompleted(self) -> None:
        self.shaken += 1

    def dataReceived(self, data: bytes) -> None:
        self.received += data

    def connectionLost(self, reason: Any = None) -> None:
        self.lost = reason


class Connection:
    """Both ends: our transport on a socket, and a client whose TLS is in memory, so that every byte can be looked at.

    :ivar wire_tapped: all that has come to the client, as it came.
    """

    def __init__(self, contexts: Contexts, client: ssl.SSLContext) -> None:
        ours, self.peer = socket.socketpair()
        self.peer.setblocking(False)
        self.reactor = MemoryReactorClock()
        self.protocol = Receiver()
        port: Any = None  # what it listens on, which only its name in logs needs
        self.transport = SecureServer(contexts, ours, self.protocol, ("127.0.0.1", 1), port, 0, self.reactor)
        self.protocol.makeConnection(self.transport)
        self.turn = Turn(self.reactor)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = client.wrap_bio(self.incoming, self.outgoing, server_hostname="panolb.test")
        self.wire_tapped = b""

    def ended_by(self, kind: type[Exception]) -> bool:
        """Whether it has ended in that way."""
        return self.protocol.lost is not None and bool(self.protocol.lost.check(kind))

    def lost(self) -> Failure | None:
        """Why the protocol has lost its connection."""
        return self.protocol.lost

    def fetch(self) -> None:
        """Let the client's TLS have what has arrived."""
        try:
            while data := self.peer.recv(1 << 20):
                self.wire_tapped += data
                self.incoming.write(data)
        except (BlockingIOError, ConnectionResetError):
            pass

    def deliver(self) -> None:
        """Send what the client's TLS has to say, and have our side read it."""
        if self.outgoing.pending:
            self.peer.send(self.outgoing.read())
            self.read()

    def read(self) -> None:
        """What the reactor does when the socket is readable, once."""
        if self.transport in self.reactor.readers:
            self.settle(self.transport.doRead())

    def settle(self, why: Any) -> None:
        """What the reactor does with what `doRead` and `doWrite` return."""
        if why is main.CONNECTION_DONE:
            self.transport.readConnectionLost(Failure(why))
        elif why is not None:
            self.transport.connectionLost(Failure(why))

    def flush(self) -> None:
        """Let the transport write as long as it wants to and can."""
        for _ in range(1000):
            if self.protocol.lost is not None or self.transport not in self.reactor.writers:
                return
            self.settle(self.transport.doWrite())
            self.fetch()

    def shake(self) -> None:
        """Do the handshake."""
        for _ in range(10):
            try:
                self.tls.do_handshake()
                self.deliver()
                self.fetch()
                if self.protocol.shaken:
                    return
            except ssl.SSLWantReadError:
                self.deliver()
                self.fetch()
        raise AssertionError("the handshake does not end")

    def send(self, data: bytes) -> None:
        """The client says something."""
        self.tls.write(data)
        self.deliver()

    def hear(self) -> bytes:
        """All that the client can read now."""
        self.fetch()
        heard = b""
        try:
            while data := self.tls.read(1 << 20):
                heard += data
        except (ssl.SSLWantReadError, ssl.SSLZeroReturnError):
            pass
        return heard

    def is_told_the_end(self) -> bool:
        """Whether a close_notify has come, after all that was to be read."""
        self.fetch()
        try:
            return not self.tls.read(1)
        except ssl.SSLZeroReturnError:
            return True
        except ssl.SSLWantReadError:
            return False


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A key and its certificate."""
    return certify(tmp_path_factory.mktemp("certificate"))


def server_context(pair: tuple[Path, Path]) -> ssl.SSLContext:
    """One that an operator's configuration would make."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair[1], pair[0])
    return context


def client_context() -> ssl.SSLContext:
    """One that takes any certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


@pytest.fixture
def connect(pair: tuple[Path, Path]) -> Iterator[Callable[..., Connection]]:
    """Makes connections, and closes what is left of them."""
    made: list[Connection] = []

    def make(version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> Connection:
        client = client_context()
        client.maximum_version = version
        made.append(Connection(Contexts(server_context(pair)), client))
        return made[-1]

    yield make
    for one in made:
        one.peer.close()
        if one.protocol.lost is None:
            one.transport.connectionLost(Failure(main.CONNECTION_LOST))


@pytest.fixture(params=[ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"])
def open_one(connect: Callable[..., Connection], request: pytest.FixtureRequest) -> Connection:
    """A connection whose handshake is over."""
    made = connect(request.param)
    made.shake()
    return made


def test_direct_writing_is_encrypted(open_one: Connection) -> None:
    """The trap: a wire writes to the socket itself, and nothing on it may be plain text."""
    wire = wire_for(open_one.transport, open_one.turn)
    assert type(wire) is DirectWire
    wire.write(SECRET)
    wire.flush()
    assert not wire.blocked
    assert open_one.hear() == SECRET
    assert SECRET not in open_one.wire_tapped


def test_nothing_is_sent_in_plain_text_before_the_handshake(connect: Callable[..., Connection]) -> None:
    """What is written too early waits for it."""
    made = connect()
    wire = wire_for(made.transport, made.turn)
    wire.write(SECRET)
    wire.flush()
    assert wire.blocked
    made.flush()
    made.fetch()
    assert made.wire_tapped == b""
    made.shake()
    made.flush()
    assert made.hear() == SECRET
    assert SECRET not in made.wire_tapped


def test_nothing_is_sent_in_plain_text_after_the_end(open_one: Connection) -> None:
    """A socket whose TLS has ended takes nothing more."""
    ours = open_one.transport.socket
    open_one.transport.loseWriteConnection()
    open_one.flush()
    with pytest.raises(ssl.SSLError):
        ours.send(SECRET)
    open_one.tls.unwrap()
    open_one.peer.send(open_one.outgoing.read())
    ours.unwrap()  # from here on `ssl.SSLSocket` itself would send it as it is
    with pytest.raises(BrokenPipeError):
        ours.send(SECRET)
    open_one.fetch()
    assert SECRET not in open_one.wire_tapped


def test_data_that_come_after_our_end_are_dropped(open_one: Connection) -> None:
    """A client that has been told the end may be in the midst of an upload: a close would destroy its answer."""
    open_one.tls.write(SECRET)
    open_one.peer.send(open_one.outgoing.read())
    open_one.transport.loseWriteConnection()
    open_one.flush()
    for _ in range(3):
        open_one.send(SECRET)
    assert open_one.lost() is None
    assert open_one.is_told_the_end()
    assert open_one.protocol.received == b""
    open_one.peer.shutdown(socket.SHUT_WR)
    for _ in range(3):
        open_one.read()
    assert open_one.ended_by(ConnectionDone)


def test_records_come_out_whole(open_one: Connection) -> None:
    """Nothing stays in OpenSSL, where no epoll would see it, however little was asked for."""
    open_one.tls.write(MUCH[:40_000])
    open_one.tls.write(b"end")
    sent = open_one.outgoing.read()
    open_one.peer.send(sent)
    while len(open_one.protocol.received) < 40_003:
        before = len(open_one.protocol.received)
        open_one.read()
        assert open_one.transport.socket.pending() == 0
        assert len(open_one.protocol.received) > before
    assert open_one.protocol.received == MUCH[:40_000] + b"end"


def test_much_arrives_in_order_around_a_queue(open_one: Connection) -> None:
    """A full socket leaves OpenSSL with a record that it insists on: the queue gives it the same one again."""
    wire = wire_for(open_one.transport, open_one.turn)
    heard = bytearray()
    for piece in (MUCH, b"then", MUCH, b"end"):
        wire.write(piece)
        wire.flush()
    assert wire.blocked
    while len(heard) < 2 * len(MUCH) + 7:
        heard += open_one.hear()
        open_one.settle(open_one.transport.doWrite())
    assert heard == MUCH + b"then" + MUCH + b"end"
    assert open_one.transport not in open_one.reactor.writers


def test_connection_is_closed_behind_its_queue(open_one: Connection) -> None:
    """close_notify comes when all has been sent, and the connection ends."""
    open_one.transport.write(MUCH)
    open_one.transport.loseConnection()
    heard = bytearray()
    while open_one.lost() is None:
        open_one.settle(open_one.transport.doWrite())
        heard += open_one.hear()
    heard += open_one.hear()
    assert heard == MUCH
    assert open_one.is_told_the_end()
    assert open_one.ended_by(ConnectionDone)


def test_end_that_the_kernel_does_not_take_yet(open_one: Connection) -> None:
    """The last word waits for room, as everything else."""
    junk = 0
    try:
        while True:
            junk += socket.socket.send(open_one.transport.socket, bytes(1000))
    except BlockingIOError:
        pass
    open_one.transport.loseConnection()
    for _ in range(3):
        open_one.settle(open_one.transport.doWrite())
    assert open_one.lost() is None
    assert open_one.transport in open_one.reactor.writers
    open_one.fetch()
    open_one.settle(open_one.transport.doWrite())
    assert open_one.lost() is not None
    open_one.fetch()
    last_word = open_one.wire_tapped[open_one.wire_tapped.rindex(bytes(junk)) + junk :]
    assert len(last_word) in (24, 31)  # TLS 1.3, 1.2: an encrypted alert
    assert last_word[0] in (21, 23)


def test_cut_says_nothing(open_one: Connection) -> None:
    """A connection that is cut must not look as if its answer had been complete."""
    open_one.transport.abortConnection()
    open_one.reactor.advance(0)
    assert open_one.lost() is not None
    assert not open_one.is_told_the_end()


def test_client_says_the_end(open_one: Connection) -> None:
    """Its close_notify is the end of the connection, though TCP's has not come, and is answered."""
    with pytest.raises(ssl.SSLWantReadError):
        open_one.tls.unwrap()
    open_one.deliver()
    assert open_one.ended_by(ConnectionDone)
    open_one.fetch()
    open_one.tls.unwrap()


def test_client_is_gone_without_a_word(open_one: Connection) -> None:
    """The end of TCP alone is a connection that was cut off (RFC 8446 section 6.1)."""
    open_one.peer.close()
    open_one.read()
    assert open_one.ended_by(ConnectionLost)


@pytest.mark.parametrize("word", [True, False])
def test_end_that_the_poller_reads(open_one: Connection, word: bool) -> None:
    """It gives the socket back to the transport, which no epoll would tell a second time."""
    polled: list[bytes] = []
    reads = reads_for(open_one.transport, open_one.turn, polled.append)
    assert isinstance(reads, PolledReads)
    assert open_one.turn.poller is not None
    open_one.send(b"one")
    open_one.turn.poller.doRead()
    assert polled == [b"one"]
    if word:
        with pytest.raises(ssl.SSLWantReadError):
            open_one.tls.unwrap()
        open_one.deliver()
    else:
        open_one.peer.close()
    open_one.turn.poller.doRead()
    open_one.reactor.advance(0)
    assert open_one.ended_by(ConnectionDone if word else ConnectionLost)


def test_client_gone_before_it_was_accepted(pair: tuple[Path, Path]) -> None:
    """What it sent before is nobody's; nothing raises where the reactor accepts."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        client = socket.create_connection(listening.getsockname())
        client.send(b"GET / HTTP/1.1\r\n\r\n")
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        accepted, address = listening.accept()
        reactor, protocol = MemoryReactorClock(), Receiver()
        port: Any = None
        transport = SecureServer(
            Contexts(server_context(pair)), accepted, protocol, address, port, 0, reactor
        )
        protocol.makeConnection(transport)
        why = transport.doRead()
        if why is not None:
            transport.connectionLost(Failure(why))
        reactor.advance(0)
        assert protocol.lost is not None


def test_ports_that_cannot_speak_tls(pair: tuple[Path, Path]) -> None:
    """A UNIX socket has transports of its own."""
    contexts = Contexts(server_context(pair))
    with pytest.raises(TypeError, match="cannot speak TLS"):
        secure(UnixPort(b"nowhere", Factory()), contexts)


def test_contexts_are_prepared(pair: tuple[Path, Path]) -> None:
    """Whoever made it need not know what these connections rely on."""
    context = server_context(pair)
    Contexts(context)
    assert context.sslsocket_class is SecureSocket
    assert context.options & ssl.OP_NO_RENEGOTIATION
