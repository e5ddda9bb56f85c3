"""TLS for accepted connections, straight on the socket.

Twisted's own TLS is a protocol between transport and protocol that moves every byte through two buffers in memory.
Here OpenSSL reads from and writes to the socket itself: `SecureSocket` is a non-blocking socket like any other, whose
``recv`` decrypts and whose ``send`` encrypts, and so everything that panolb does with the socket of a connection holds
for it, too: writing directly, once per turn (`panolb.proxy.wire`), and reading by an epoll of its own
(`panolb.proxy.poller`).  `SecureServer` adds what a transport has to do for TLS: the handshake, and the end.
"""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Callable
from typing import Any

from twisted.internet import main
from twisted.internet.interfaces import IHandshakeListener, IListeningPort
from twisted.internet.tcp import Port, Server
from twisted.python.failure import Failure

from ..errors import BadRequest
from .refusals import refusal

RECORD = 16 << 10  # the most bytes of data that a record carries (RFC 8446 section 5.1)
PROTOCOLS = ["http/1.1"]  # what ALPN offers, as in the IANA registry

# SSL_R_HTTP_REQUEST of OpenSSL: instead of a handshake there came the beginning of a request.
_PLAIN_HTTP = "HTTP_REQUEST"
_PLAIN_ANSWER = refusal(
    BadRequest(400, "This port speaks HTTPS, and the request came as plain HTTP."), b"", b"close"
)


def prepare(context: ssl.SSLContext) -> ssl.SSLContext:
    """Give a server's context what these connections rely on, whatever else is set in it; returns it.

    A connection that ends without a close_notify must not look as if it had been ended properly (RFC 8446 section
    6.1); and a client must not have us make keys anew as often as it likes.
    """
    context.sslsocket_class = SecureSocket
    # Python sets this option by default; before 3.12 it has no name for it.
    context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 1 << 7)
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.set_alpn_protocols(PROTOCOLS)
    return context


class Contexts:
    """What the connections of a listener are secured with.

    :ivar context: the one that new connections begin with; its ``sni_callback`` may choose another one, and write the
        name that it was given into ``server_name`` of the `SecureSocket` that it gets.  A renewed certificate is a new
        context here; connections that stand keep theirs.
    :ivar on_failure: told of every handshake that failed: the client's address, and why in OpenSSL's words.
    """

    __slots__ = ("_context", "on_failure")

    def __init__(self, context: ssl.SSLContext, on_failure: Callable[[str, str], None] | None = None) -> None:
        self.context = context
        self.on_failure = on_failure

    @property
    def context(self) -> ssl.SSLContext:
        return self._context

    @context.setter
    def context(self, context: ssl.SSLContext) -> None:
        self._context = prepare(context)


def secure(port: IListeningPort, tls: Contexts) -> None:
    """Have every connection that ``port`` accepts from now on speak TLS.

    :param port: of Twisted's, for TCP; to be called before the reactor's next turn, else it has accepted plain ones.

    :raises TypeError: another kind of port, such as that of a UNIX socket or of Windows' IOCP reactor.
    """
    if not isinstance(port, Port) or port.addressFamily not in (socket.AF_INET, socket.AF_INET6):
        raise TypeError(f"{port!r} is no TCP port of Twisted's: it cannot speak TLS")

    def transport(accepted: socket.socket, protocol: Any, client: Any, *more: Any) -> SecureServer:
        return SecureServer(tls, accepted, protocol, client, *more)

    port.transport = transport  # type: ignore[assignment]  # the public way to have another kind


class SecureSocket(ssl.SSLSocket):
    """A non-blocking socket that encrypts.

    It is never anything else: `read` and `write`, which it is made of, refuse when there is no TLS, where
    ``ssl.SSLSocket.send`` would send the data as they are.

    :ivar server_name: the name that the client asked for (SNI), if whoever chose the context has noted it.
    :ivar ended: whether nothing more can be read; a socket that has ended need not look readable.
    """

    server_name: str | None = None
    ended = False

    def recv(self, buflen: int = RECORD, flags: int = 0) -> bytes:
        """What has come, at most one record or ``buflen`` bytes of several; empty at the client's close_notify.

        A record is always read to its end: what OpenSSL kept of it, no epoll would tell of.

        :raises BlockingIOError: nothing has come.
        :raises ssl.SSLWantWriteError: OpenSSL has something to say first, and the kernel does not take it: the answer
            to a key update (RFC 8446 section 4.6.3).
        :raises OSError: the connection was cut off.
        """
        try:
            data = self.read(RECORD)
        except ssl.SSLWantReadError:
            raise BlockingIOError(errno.EAGAIN, "nothing has come") from None
        except ssl.SSLWantWriteError:
            raise
        except (ssl.SSLZeroReturnError, ValueError):  # it was ended from both sides
            data = b""
        except OSError:
            self.ended = True
            raise
        if not data:
            self.ended = True
        return self._read_on(data, buflen) if len(data) == RECORD else data

    def _read_on(self, data: Any, buflen: int) -> bytes:
        """Read the records behind a full one, of which there mostly are some."""
        pieces, room = [data], buflen - RECORD
        try:
            while room >= RECORD:
                piece: Any = self.read(RECORD)
                pieces.append(piece)
                room -= RECORD
                if len(piece) < RECORD:
                    break
        except (OSError, ValueError):
            pass  # nothing more has come, or the end, which the next call finds again
        return b"".join(pieces)

    def send(self, data: Any, flags: int = 0) -> int:
        """Send as much as the kernel takes; what it did not take has to come again, and first, in the next call.

        :raises BlockingIOError: that is nothing.
        :raises OSError: the connection is lost.
        """
        size, sent = len(data), 0
        if not size:
            return 0
        # A record at a time: of more than one OpenSSL would not say how many the kernel has taken.
        try:
            if size <= RECORD:
                return self.write(data)
            rest = memoryview(data)
            while sent < size:
                sent += self.write(rest[sent : sent + RECORD])
        except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
            if not sent:
                raise BlockingIOError(errno.EAGAIN, "the kernel takes nothing") from None
        except ValueError:
            raise BrokenPipeError(errno.EPIPE, "TLS was ended from both sides") from None
        return sent

    def close_notify(self) -> bool:
        """Say that nothing more will be sent, and wait for no answer; returns whether the kernel took that."""
        try:
            self.unwrap()
        except ssl.SSLWantWriteError:
            return False
        except (OSError, ValueError):
            pass  # the client has said no such thing yet, or the connection is lost: somebody else finds out
        return True

    def half_close(self) -> None:
        """End TCP's half, too, and read on for nothing but its other half's end.

        A close with unread input would reset the connection, and with it destroy what was sent last (RFC 9112 section
        9.6).  What still comes need not be TLS, and OpenSSL takes no data any more when some came right before the end.
        """
        self.recv = self._drop  # type: ignore[method-assign]
        socket.socket.shutdown(self, socket.SHUT_WR)

    def _drop(self, buflen: int = RECORD, flags: int = 0) -> bytes:
        """`recv` from then on: as if nothing came before the end."""
        if socket.socket.recv(self, RECORD):
            raise BlockingIOError(errno.EAGAIN, "nothing that anybody wants has come")
        self.ended = True
        return b""

    def send_plain(self, data: bytes) -> None:
        """To a client that does not speak TLS at all: its handshake has failed."""
        socket.socket.send(self, data)


# What a connection is about.
SHAKING, OPEN, REFUSING = range(3)


class SecureServer(Server):
    """The transport of a client that speaks TLS.

    ``TLS`` stays false: that says of Twisted's transports that what is sent to their socket would be plain text.  And it
    is no ISSLTransport, nor INegotiated, which is one: of those, autobahn and others think that they are Twisted's.
    """

    socket: SecureSocket

    _owes = False  # an answer to a key update, before which nothing can be read
    _closed = False  # whether we have said that nothing more will be sent

    def __init__(self, tls: Contexts, accepted: Any, protocol: Any, client: Any, *more: Any) -> None:
        self._tls = tls
        self._state = SHAKING
        gone = False
        try:
            accepted.setblocking(False)
            wrapped: Any = tls.context.wrap_socket(
                accepted, server_side=True, do_handshake_on_connect=False, suppress_ragged_eofs=False
            )
        except OSError:  # the client has left already; a socket without a connection stands for its
            wrapped, gone = socket.socket(), True
        super().__init__(wrapped, protocol, client, *more)
        self._clock: Any = self.reactor
        if gone:
            self.abortConnection()

    # -- what there is to know -----------------------------------------------------------------------------------------

    @property
    def negotiatedProtocol(self) -> bytes | None:
        """What ALPN came to."""
        name = self.socket.selected_alpn_protocol()
        return None if name is None else name.encode("ascii")

    @property
    def client_certificate(self) -> bytes | None:
        """The client's certificate in DER; ``None`` if it has shown none.  `getpeercert` of the socket reads it."""
        return self.socket.getpeercert(binary_form=True)

    # -- for the reactor -----------------------------------------------------------------------------------------------

    def doRead(self) -> Any:
        if self._state == SHAKING:
            return self._shake()
        try:
            data = self.socket.recv(self.bufferSize)
        except BlockingIOError:
            return None
        except ssl.SSLWantWriteError:
            self._owes = True
            self.stopReading()
            self.startWriting()
            return None
        except OSError:
            return main.CONNECTION_LOST
        return self._dataReceived(data)

    def doWrite(self) -> Any:
        if self._state != OPEN:
            if self.disconnecting:
                return main.CONNECTION_DONE
            self.stopWriting()
            return self._shake() if self._state == SHAKING else None
        if self._owes:
            self._owes = False
            self.resumeProducing()  # reading is what has it answered
        return super().doWrite()

    def pauseProducing(self) -> None:
        self._owes = False
        super().pauseProducing()

    def resumeProducing(self) -> None:
        super().resumeProducing()
        if (
            self.connected and self.socket.ended
        ):  # somebody else has read that, and no epoll tells of it again
            self._clock.callLater(0, self._find_end)

    def _find_end(self) -> None:
        end = self.doRead() if self.connected else None
        if end is not None:
            self.readConnectionLost(Failure(end))

    # -- the handshake -------------------------------------------------------------------------------------------------

    def _shake(self) -> Any:
        """Go on with the handshake as far as possible."""
        try:
            self.socket.do_handshake()
        except ssl.SSLWantReadError:
            return None
        except ssl.SSLWantWriteError:
            self.startWriting()
            return None
        except ssl.SSLError as error:
            return self._fail(error)
        except OSError:
            return main.CONNECTION_LOST
        self._state = OPEN
        listener = IHandshakeListener(self.protocol, None)
        if listener is not None:
            listener.handshakeCompleted()
        if self._tempDataLen or self.disconnecting or self._writeDisconnecting:
            self.startWriting()
        return None

    def _fail(self, error: ssl.SSLError) -> Any:
        """There will be no TLS."""
        if self._tls.on_failure is not None:
            self._tls.on_failure(getattr(self.getPeer(), "host", "unix"), error.reason or str(error))
        if error.reason != _PLAIN_HTTP:
            return main.CONNECTION_LOST
        self._state = REFUSING
        try:
            self.socket.send_plain(_PLAIN_ANSWER)
            self.socket.half_close()
        except OSError:
            return main.CONNECTION_LOST
        return None

    # -- the end -------------------------------------------------------------------------------------------------------

    def _close_notify(self) -> bool:
        """Say that nothing more will be sent; returns whether that has been said."""
        if not self._closed and self._state == OPEN:
            self._closed = self.socket.close_notify()
            return self._closed
        return True

    def _postLoseConnection(self) -> Any:
        if self._close_notify():
            return main.CONNECTION_DONE
        self.startWriting()
        return None

    def _closeWriteConnection(self) -> None:
        if not self._close_notify():
            self._writeDisconnected = False
            self.startWriting()
            return
        try:
            self.socket.half_close()
        except OSError:
            pass  # it is lost, which the next read finds

    def readConnectionLost(self, reason: Failure) -> None:
        """The client has said that it sends nothing more: it is answered, unless it was still to get something."""
        if not (self._tempDataLen or self.dataBuffer):
            self._close_notify()
        super().readConnectionLost(reason)
