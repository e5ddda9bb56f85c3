"""TLS to members: how a connection is secured, and what becomes of it when it cannot be.

Over OpenSSL by way of Twisted and pyOpenSSL.  An exchange gets its connection when the handshake is over and the member
has shown who it is: whatever goes wrong before is a connection that could not be made, and nothing was sent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from OpenSSL.crypto import X509
from OpenSSL.SSL import VERIFY_PEER, Connection, Context, Session, WantReadError
from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IHandshakeListener,
    IOpenSSLClientConnectionCreator,
    IProtocolFactory,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.tcp import Connection as TcpConnection
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from .identity import Demands, trouble

# Seconds for which a session is resumed after its certificate was verified: so long a certificate may be used that has
# expired since.
RESUMED = 3600.0

SENT_AT_ONCE = 32 << 10  # bytes; OpenSSL has at most one record to send at a time, of 16 KiB and a little
_STEP_OVER = 0x1002  # SSL_CB_CONNECT_EXIT, <openssl/ssl.h>: the handshake, or something that came after it, is complete


class HandshakeFailed(Exception):
    """There is no TLS connection to a member; the text says why."""


def watch(context: Context) -> None:
    """Have the connections of a context ask who the member is, and keep what they can resume by."""
    context.set_verify(VERIFY_PEER, _verify)
    context.set_info_callback(_progress)


def _verify(connection: Connection, certificate: X509, error: int, depth: int, passed: int) -> bool:
    return _greeting_of(connection).verify(certificate, error, depth)


def _progress(connection: Connection, where: int, result: int) -> None:
    if where == _STEP_OVER and result == 1:
        _greeting_of(connection).learn(connection)


def _greeting_of(connection: Connection) -> Greeting:
    transport = connection.get_app_data()  # which Twisted has put there
    assert isinstance(transport, SecureTransport)
    return transport.greeting


@implementer(IOpenSSLClientConnectionCreator)
class MemberTls:
    """How one member is spoken to.

    :param context: what all such members have in common; `watch` has seen it.
    :param demands: what is asked of its certificate.
    :param clock: reads a monotonic clock in seconds.
    """

    __slots__ = ("_clock", "_context", "_session", "_verified", "demands")

    def __init__(self, context: Context, demands: Demands, clock: Callable[[], float]) -> None:
        self._context = context
        self._clock = clock
        self._session: Session | None = None
        self._verified = 0.0  # clock reading: when the certificate of the session was
        self.demands = demands

    def clientConnectionForTLS(self, tlsProtocol: TLSMemoryBIOProtocol) -> Connection:
        """The OpenSSL side of a new connection; it resumes the last session if that can be."""
        assert isinstance(tlsProtocol, SecureTransport)
        tlsProtocol.greeting = Greeting(self)
        connection = Connection(self._context, None)
        if self.demands.server_name is not None:
            connection.set_tlsext_host_name(self.demands.server_name)
        if self._session is not None and self._clock() - self._verified < RESUMED:
            connection.set_session(self._session)
        return connection

    def remember(self, session: Session | None, verified: bool) -> None:
        """Resume this session from now on.

        :param verified: whether the certificate was, for it; else that of the session before was.
        """
        self._session = session
        if verified:
            self._verified = self._clock()


class Greeting:
    """What one connection finds out about its member.

    :ivar complaint: what is wrong with its certificate; empty for nothing.
    """

    __slots__ = ("_over", "_tls", "_verified", "complaint")

    def __init__(self, tls: MemberTls) -> None:
        self._tls = tls
        self._verified = False
        self._over = False
        self.complaint = ""

    def verify(self, certificate: X509, error: int, depth: int) -> bool:
        """Whether a certificate of the chain will do."""
        self._verified = True  # which a session that is resumed is not
        complaint = self._tls.demands.complaint(certificate, error, depth)
        self.complaint = self.complaint or complaint or ""
        return complaint is None

    def learn(self, connection: Connection) -> None:
        """The handshake is over, or a ticket has come after it: there may be a session to resume.

        In TLS 1.3 only tickets make one that can be (RFC 8446 section 4.6.1).
        """
        if self._over or connection.get_protocol_version_name() != "TLSv1.3":
            self._tls.remember(connection.get_session(), self._verified)
            self._verified = False
        self._over = True


class SecureTransport(TLSMemoryBIOProtocol):
    """A connection to a member.

    :ivar greeting: what it found out about it.
    """

    greeting: Greeting

    def _flushSendBIO(self) -> None:  # Twisted's name
        """Send what OpenSSL has encrypted: to the socket itself while nothing is queued, as `DirectWire` does.

        Twisted would queue it for the reactor's next turn.
        """
        connection: Any = self._tlsConnection
        transport: Any = self.transport
        try:
            data = connection.bio_read(SENT_AT_ONCE)
        except WantReadError:
            return
        if _takes(transport):
            try:
                data = data[transport.socket.send(data) :]
            except OSError:
                pass  # a full buffer or a lost connection; the transport finds out which, in its own time
        if data:
            transport.write(data)


def end(transport: Any) -> None:
    """End a connection on which nothing is in flight, without waiting for the member to say goodbye as well.

    RFC 8446 section 6.1 asks for no more; and a member could take any time for it.
    """
    transport.loseConnection()
    if isinstance(transport, SecureTransport) and transport.transport is not None:
        transport.transport.loseConnection()


def _takes(transport: Any) -> bool:
    """Whether there is a socket to send to, and nothing that has to be sent before."""
    return (
        isinstance(transport, TcpConnection)
        and bool(transport.connected)
        and not (transport.disconnecting or transport.dataBuffer or transport._tempDataLen)
    )


class Securing(TLSMemoryBIOFactory):
    """Has the connections of another factory speak TLS.

    :param factory: its protocols get their connections when the handshake is over.
    :param timeout: seconds from now until then.
    :param failed: told with a `HandshakeFailed` when there is no handshake; nobody is told of a connection that there was
        then.
    :param completed: given the protocol when there is one.
    """

    protocol = SecureTransport  # whose writes nobody gathers: a wire has done so

    def __init__(
        self,
        tls: MemberTls,
        factory: IProtocolFactory,
        reactor: Any,
        timeout: float,
        failed: Callable[[Failure], object],
        completed: Callable[[Protocol], object] | None = None,
    ) -> None:
        super().__init__(tls, True, factory, reactor)
        self._timeout = timeout
        self._until = reactor.seconds() + timeout
        self.failed = failed
        self.completed = completed

    def buildProtocol(self, addr: IAddress | None) -> TLSMemoryBIOProtocol:
        handshake = Handshake(self, addr)
        handshake.timer = self._clock.callLater(
            max(self._until - self._clock.seconds(), 0.0), handshake.too_slow
        )
        return self.protocol(self, handshake)

    @property
    def patience(self) -> str:
        """How long there is for connection and handshake, for people."""
        return f"{self._timeout:g} s"


@implementer(IHandshakeListener)
class Handshake(Protocol):
    """Stands in for the protocol of a connection until that is secure."""

    transport: Any
    timer: IDelayedCall

    def __init__(self, securing: Securing, address: IAddress | None) -> None:
        self._securing = securing
        self._address = address
        self._slow = False

    def handshakeCompleted(self) -> None:
        """The member is who it should be."""
        self.timer.cancel()
        securing, tls = self._securing, self.transport
        protocol: Any = securing.wrappedFactory.buildProtocol(self._address)
        tls.wrappedProtocol = protocol
        protocol.makeConnection(tls)
        if securing.completed is not None:
            securing.completed(protocol)

    def too_slow(self) -> None:
        """The time for it is over."""
        self._slow = True
        self.transport.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._slow:
            words = f"no TLS handshake within {self._securing.patience}"
        else:
            self.timer.cancel()
            words = self.transport.greeting.complaint or trouble(reason.value)
        self._securing.failed(Failure(HandshakeFailed(words)))
