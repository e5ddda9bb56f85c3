"""Downstream HTTP/1.1: one client connection.

Requests are served one after the other; a pipelined one simply waits.  Whatever no balancer serves goes, with
the bytes already read, to twisted.web.
"""

from __future__ import annotations

from twisted.internet.interfaces import IHandshakeListener, INegotiated
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from ..core.answers import add_hsts
from ..core.exchange import Exchange
from ..core.headers import Answer, Peer
from ..core.location import Location
from ..core.ports import Link
from ..core.request import Request
from ..errors import BadRequest
from .bridge import Bridge
from .checked import Checked
from .deadlines import NEVER
from .frontend import Frontend
from .handshake import Offer
from .kernel import send_little_ahead
from .lingering import LINGER, Lingering
from .messages import Messages
from .pace import Pace
from .reader import EMPTY_LINE, RequestReader
from .refusals import refusal, too_many
from .splice import Splice
from .tls import SecureServer
from .unexpected import log_unexpected
from .upstream import Upstream
from .wire import Transport, Wire, wire_for

# What the connection reads next.
HEAD, BODY, NOTHING, DISCARD = range(4)

# Why it does not read; a connection reads while there is no reason.
UNCONNECTED, BLOCKED, PIPELINED = 1, 2, 4


@implementer(IHandshakeListener)
class Http1(Protocol):
    """One client connection; the `panolb.core.ports.Client` of one exchange after the other."""

    __slots__ = (
        "_advancing",
        "_bridge",
        "_chunking",
        "_exchange",
        "_holds",
        "_keep",
        "_link",
        "_offer",
        "_onward",
        "_pace",
        "_reader",
        "_reading",
        "_rest",
        "_served",
        "connected",
        "deadline",
        "frontend",
        "peer",
        "slot",
        "transport",
        "wire",
    )

    transport: Transport  # type: ignore[assignment]
    wire: Wire
    peer: Peer

    def __init__(self, frontend: Frontend) -> None:
        self.frontend = frontend
        self.deadline = NEVER
        self.slot = 0
        self._reader = RequestReader(frontend.limits, self._on_data)
        self._reading = HEAD
        self._onward: Protocol | None = None
        self._bridge: Bridge | None = None
        self._offer: Offer | None = None
        self._exchange: Exchange | None = None
        self._link: Link | None = None
        self._rest = b""
        self._pace: Pace | None = None  # while the client owes progress, with its request or with the answer
        self._holds = 0
        self._advancing = False
        self._chunking = False
        self._keep = True
        self._served = 0  # requests of this connection, this one included

    def connectionMade(self) -> None:
        self.transport.setTcpNoDelay(True)
        send_little_ahead(self.transport)
        self._open_wire()
        frontend, limits = self.frontend, self.frontend.limits
        self.peer = frontend.peer(self.transport.getPeer())
        if frontend.enter(self):
            over_tls = isinstance(self.transport, SecureServer) or INegotiated.providedBy(self.transport)
            frontend.deadlines.set(self, limits.tls_timeout if over_tls else limits.header_timeout)
        else:
            self._reading = DISCARD
            self.transport.abortConnection()

    def handshakeCompleted(self) -> None:
        """TLS stands: now a request is due."""
        if isinstance(self.transport, SecureServer):
            try:
                self.frontend.note_tls(self.peer, self.transport)
            except ValueError:  # nobody could tell members who this client is
                self.transport.abortConnection()
        self.frontend.deadlines.set(self, self.frontend.limits.header_timeout)

    def _open_wire(self) -> None:
        wire = self.wire = wire_for(self.transport, self.frontend.turn)
        wire.on_change = self._wire_changed
        wire.owner = self

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.frontend.leave(self)
        if self._bridge is None:
            self._reader.close()
        exchange, self._exchange = self._exchange, None
        try:
            if self._onward is not None:
                self._onward.connectionLost(reason)
            elif exchange is not None:
                exchange.client_lost()
        except Exception:  # noqa: BLE001  # ours or a plugin's; nobody else may pay for it
            self._exchange = exchange  # its member's connection has still to be let go
            self.went_wrong("ending a request whose client had left")
        self.frontend.deadlines.forget(self)
        self._pace = None  # it knows this connection: a cycle for the collector

    # -- reading ----------------------------------------------------------------------------------------------------

    def dataReceived(self, data: bytes) -> None:
        try:
            if self._onward is not None:
                self._onward.dataReceived(data)
            elif self._reading == NOTHING or self._rest:
                self._set_aside(data)
            else:
                self._advance(data)
        except Exception:  # noqa: BLE001  # ours or a plugin's; nobody else may pay for it
            self.went_wrong("reading what a client sent")

    def _advance(self, data: bytes) -> None:
        """Read on until the bytes are used up, a request waits for its answer, or an answer for the client."""
        self._advancing = True
        while data:
            if self._reading == HEAD and not self.wire.blocked:
                data = self._read_head(data)
            elif self._reading == BODY:
                data = self._read_body(data)
            elif self._reading == DISCARD:
                break
            elif self._onward is not None:
                self._onward.dataReceived(data)
                break
            else:
                self._set_aside(data)
                break
        self._advancing = False

    def _set_aside(self, data: bytes) -> None:
        """Keep what belongs to the next request.

        As long as it may be one head it does not stop us reading: only who reads notices that the client leaves.
        """
        self._rest += data
        if len(self._rest) > self.frontend.limits.max_head:
            self._hold(PIPELINED)

    def _take_up_rest(self) -> None:
        """Go on with what was set aside."""
        rest, self._rest = self._rest, b""
        self._release(PIPELINED)
        self._advance(rest)

    def _read_head(self, data: bytes) -> bytes:
        """Read what belongs to a head, and begin when it is complete; returns the rest of ``data``."""
        reader, frontend = self._reader, self.frontend
        try:
            rest = data[reader.read_head(data) :]
            request = reader.request
            if request is None:
                if len(reader.raw) == 1:  # the first bytes of it
                    frontend.deadlines.set(self, frontend.limits.header_timeout)
                return rest
            location = (
                None
                if request.target == b"*"
                else frontend.table.find(request.host, request.path, request.websocket)
            )
        except BadRequest as problem:
            self._refuse(problem)
            return b""
        if location is None or location.for_web:
            self._hand_over(b"".join(reader.raw) + rest)
            return b""
        if frontend.rates is not None:  # what goes to twisted.web is counted there
            wait = frontend.must_wait(self.peer.client(request))
            if wait:
                self._turn_away(request, wait)
                return rest
        self._start(request, location)
        return rest

    def _start(self, request: Request, location: Location) -> None:
        if not self.wire.blocked:  # by the answer before, of which the client still has to take the end
            self._pace = None
            self.deadline = NEVER
        if self._reader.complete:
            self._reading = NOTHING
        else:
            self._reading = BODY
            if not request.expects or location.answers_expect:  # else it waits for the member, as it said
                self._demand()
                if request.expects:
                    self.wire.write(b"HTTP/1.1 100 Continue" + EMPTY_LINE)
        exchange = self._exchange = Exchange(request, location, self)
        exchange.kept = self._served
        self._served += 1
        if request.websocket is not None and location.websocket is not None:
            self._offer = Offer(request.websocket, location.websocket)
            exchange.upgrade = self._offer.lines
        exchange.start()

    def _read_body(self, data: bytes) -> bytes:
        """Read what belongs to the body; returns the rest of ``data``."""
        reader = self._reader
        try:
            rest = data[reader.read_body(data) :]
        except BadRequest as problem:
            self._bad_body(problem)
            return b""
        if self._reading != BODY:
            return b""  # the exchange ended meanwhile
        if reader.complete:
            self._reading = NOTHING
            if not self.wire.blocked:
                self.deadline = NEVER
            assert self._exchange is not None
            self._exchange.request_end()
            if self._holds:  # nothing of it is left to hold, and a client that leaves is to be noticed
                self._release(UNCONNECTED)
        elif not self._holds:
            if self._pace is None:
                self._demand()
            else:
                self._pace.earn(len(data) - len(rest))
        return rest

    def _on_data(self, data: bytes) -> None:
        """A piece of a body was read."""
        if self._exchange is not None and self._reading == BODY:
            self._exchange.request_data(data)

    # -- orders of the exchange -------------------------------------------------------------------------------------

    def interim(self, status: int, phrase: bytes, lines: list[bytes]) -> None:
        self.wire.write(b"\r\n".join((b"HTTP/1.1 %d %b" % (status, phrase), *lines)) + EMPTY_LINE)
        if self._reading == BODY:
            self._demand()

    def respond(self, status: int, phrase: bytes, lines: list[bytes], length: int | None, keep: bool) -> None:
        exchange = self._exchange
        assert exchange is not None
        request = exchange.request
        if exchange.received == 0 and not self.wire.blocked:
            self._pace = None  # a client that is answered before it sends its body need not send it
            self.deadline = NEVER
        keep = keep and self._may_keep(request)
        if request.websocket is not None and self._rest:
            keep = False  # what stands behind a refused handshake may be frames
        self._chunking = False
        if self.frontend.hsts is not None:
            add_hsts(lines, self.frontend.hsts)
        if length is None:
            if request.http11:
                self._chunking = True
                lines.append(b"Transfer-Encoding: chunked")
            else:
                keep = False
        elif length >= 0:
            lines.append(b"Content-Length: %d" % length)
        if not keep:
            lines.append(b"Connection: close")
        elif not request.http11:
            lines.append(b"Connection: keep-alive")
        self._keep = keep
        lines.append(b"\r\n")
        self.wire.write(b"HTTP/1.1 %d %b\r\n" % (status, phrase) + b"\r\n".join(lines))

    def _may_keep(self, request: Request) -> bool:
        """Whether another request may follow this one."""
        most = self.frontend.limits.max_requests
        return request.keep and not self.frontend.draining and (most is None or self._served < most)

    def send(self, data: bytes) -> None:
        write = self.wire.write
        if self._chunking:
            write(b"%x\r\n" % len(data))
            write(data)
            write(b"\r\n")
        else:
            write(data)

    def finish(self) -> None:
        if self._chunking:
            self.wire.write(b"0\r\n\r\n")
        self._exchange = None
        self.detach()
        if self._holds:
            self._release(UNCONNECTED)
        if not self._keep or self.frontend.draining:
            self._close()
            return
        self._next()
        if self._rest and not self._advancing and not self.wire.blocked:
            self._take_up_rest()

    def _next(self) -> None:
        """Wait for the next request; while the client still has to take this answer, that is what it owes."""
        self._reading = HEAD
        self._reader.next()
        if self._advancing:
            self.wire.flush()  # else all that a read brings would be answered before anybody sees what the client takes
        if not self.wire.blocked:
            self.frontend.deadlines.set(self, self.frontend.limits.idle_timeout)

    def abort(self) -> None:
        self._exchange = None
        self.wire.cut()

    def attach(self, link: Link) -> None:
        self._link = link
        if isinstance(link, Upstream):
            self.wire.source = link
            link.wire.source = self
            if self.wire.blocked:
                link.pause()
        if self._holds:
            self._release(UNCONNECTED)

    def detach(self) -> None:
        link, self._link = self._link, None
        if isinstance(link, Upstream):
            link.wire.source = None
        self.wire.source = None
        if self._holds:
            self._release(BLOCKED)

    def hold(self) -> None:
        self._hold(UNCONNECTED)

    def switch(self, link: Link, answer: Answer, early: bytes) -> bool:
        offer, exchange = self._offer, self._exchange
        assert offer is not None and exchange is not None and isinstance(link, Upstream)
        self.detach()
        self._release(PIPELINED | BLOCKED | UNCONNECTED)  # from here on the lane says when to read
        lane = Messages if offer.terms.messages else Splice
        bridge = lane(offer, exchange, self, link)
        if not bridge.open(offer, answer, early):
            return False
        rest, self._rest = self._rest, b""
        self._bridge = bridge
        self._exchange = self._offer = None
        self._reader.close()
        del self._reader  # no request comes any more
        if rest and self._onward is not None:
            self._onward.dataReceived(rest)
        if self.frontend.draining:
            bridge.tunnel.close("stopping")
        return True

    def go_onward(self, protocol: Protocol) -> None:
        """From here on the bytes of this connection are ``protocol``'s."""
        self.deadline = NEVER
        self.wire.on_change = None
        self._onward = protocol
        protocol.makeConnection(self.transport)

    def come_back(self, head: bytes) -> None:
        """A connection that was handed over returns with the head of a WebSocket handshake."""
        self._leave_web()
        self._reader = RequestReader(self.frontend.limits, self._on_data)
        self._reading = HEAD
        self._open_wire()
        self.dataReceived(head)

    # -- pausing ----------------------------------------------------------------------------------------------------

    def pause(self) -> None:
        """The member cannot keep up with the request's body."""
        self._hold(BLOCKED)

    def resume(self) -> None:
        self._release(BLOCKED)

    def _hold(self, why: int) -> None:
        if not self._holds:
            self.transport.pauseProducing()
            if self._reading == BODY and not self.wire.blocked:
                self._excuse()
        self._holds |= why

    def _release(self, why: int) -> None:
        if self._holds:
            self._holds &= ~why
            if not self._holds:
                self.transport.resumeProducing()
                if self._reading == BODY:
                    if self._pace is None:
                        self._demand()
                    else:
                        self._pace.resume()

    # -- progress ---------------------------------------------------------------------------------------------------

    def _demand(self) -> None:
        """From now on the client has to make progress with a body."""
        self._paced().begin()

    def _paced(self) -> Pace:
        pace = self._pace
        if pace is None:
            pace = self._pace = Pace(self, self.wire, self.frontend.deadlines, self.frontend.limits)
        return pace

    def _excuse(self) -> None:
        """We keep the client waiting, not it us."""
        if self._pace is None:
            self.deadline = NEVER
        else:
            self._pace.pause()

    def _wire_changed(self, blocked: bool) -> None:
        """The client has stopped taking its answer, or has taken all that was queued."""
        if blocked:
            self._paced().watch()
        elif self._reading == NOTHING:
            self.deadline = NEVER
        elif self._reading == BODY and self._holds:
            self._excuse()
        elif self._reading == HEAD:
            if not self._reader.raw:
                self.frontend.deadlines.set(self, self.frontend.limits.idle_timeout)
            if self._rest:
                self._take_up_rest()

    def _goes_on(self) -> bool:
        """Whether a client that owes progress has made so much that it may go on."""
        owes = self.wire.blocked or self._reading == BODY
        return owes and self._pace is not None and self._pace.extend()

    # -- ends -------------------------------------------------------------------------------------------------------

    def out_of_time(self) -> None:
        try:
            if not self._goes_on():
                self._give_up()
        except Exception:  # noqa: BLE001  # ours or a plugin's; nobody else may pay for it
            self.went_wrong("giving up a slow client")

    def _give_up(self) -> None:
        """The client's time is up."""
        if self._reading == DISCARD or self.wire.blocked:
            self.transport.abortConnection()
        elif self._exchange is not None:
            self._exchange.client_timeout()
        elif self._reader.raw:
            self._refuse(BadRequest(408, "The head of the request took too long to arrive."))
        else:
            self._close()

    def went_wrong(self, doing: str) -> None:
        """Something of ours broke: it costs the exchange that is under way, else the connection.

        :param doing: what was being done, to stand behind "while" in the log.
        """
        exchange = self._exchange
        log_unexpected(doing, exchange)
        self._advancing = False
        if exchange is None:
            self.abort()
            return
        exchange.request.keep = False  # nobody knows how far its bytes were read
        try:
            exchange.failed_here()
        except Exception:  # noqa: BLE001  # the page cannot be sent either
            self.abort()

    def drain(self) -> None:
        """The listener is closing: end as soon as it costs nobody anything."""
        if self._bridge is not None:
            return  # WebSockets are closed one after the other: `panolb.control.closing`
        if isinstance(self._onward, Checked):
            self._onward.drain()
        elif self._exchange is None and self._reading != DISCARD and not self._reader.raw:
            self._close()

    def _refuse(self, problem: BadRequest) -> None:
        """Answer a request that cannot be understood: whatever follows it cannot be either."""
        self.frontend.refuse(self.peer, problem)
        self._reading = DISCARD
        connection = b"close, upgrade" if problem.status == 426 else b"close"
        self.wire.write(refusal(problem, b"".join(self._reader.raw), connection))
        self._linger()

    def _turn_away(self, request: Request, wait: int) -> None:
        """Answer a client that sends too many requests; its connection is kept if nothing of this one is to follow.

        :param wait: whole seconds after which it may send another one.
        """
        problem = too_many(wait)
        self._served += 1
        followed = request.has_body or request.websocket is not None  # by a body, or perhaps by frames
        keep = self._may_keep(request) and not followed
        connection = b"close" if not keep else b"" if request.http11 else b"keep-alive"
        self.wire.write(refusal(problem, b"".join(self._reader.raw), connection))
        if keep:
            self._next()
        else:
            self._linger()

    def _bad_body(self, problem: BadRequest) -> None:
        self.frontend.refuse(self.peer, problem)
        if self._exchange is not None:
            self._exchange.refuse(problem)

    def _close(self) -> None:
        """Nothing more is to be said on this connection."""
        if self._reading == BODY:
            self._linger()
        else:
            self._reading = DISCARD
            self.wire.close()
            if not self.wire.blocked:  # over TLS the end waits for the client's
                self.frontend.deadlines.set(self, LINGER)

    def _linger(self) -> None:
        """Say that nothing more is to be said, and let the client finish what it sends."""
        self._reading = DISCARD
        self._rest = b""
        self._holds = 0
        self.transport.resumeProducing()
        lingering = Lingering(self, self.wire, self.frontend.deadlines)
        self.wire.flush()
        if self.wire.blocked:
            self.wire.source = lingering
            self._demand()
        else:
            lingering.resume()

    def _hand_over(self, data: bytes) -> None:
        """This path is not a balancer's: the connection goes to twisted.web for good."""
        protocol = self.frontend.site.buildProtocol(self.transport.getPeer())
        if protocol is None:
            self.transport.loseConnection()
            return
        self._reading = NOTHING
        self._reader.close()
        self.wire.release()
        self._pace = None
        checked = Checked(protocol, self.frontend, self.wire, self._take_back)
        self.go_onward(checked)
        checked.dataReceived(data)

    def _leave_web(self) -> None:
        assert isinstance(self._onward, Checked)
        self.frontend.deadlines.forget(self._onward)
        self._onward = None

    def _take_back(self, reader: RequestReader, problem: BadRequest) -> None:
        """Refuse what twisted.web was not to see; its own answers may still be on their way out, so no wire goes before."""
        self._leave_web()
        self.transport.unregisterProducer()
        self.frontend.refuse(self.peer, problem)
        self.transport.write(refusal(problem, b"".join(reader.raw), b"close"))
        self._open_wire()
        self._linger()
