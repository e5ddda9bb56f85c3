"""The autobahn bridge: one WebSocket, both sides of it.

autobahn's server protocol faces the browser and its client protocol the member.  The routing, stickiness and failover
of the handshake are the exchange's business, so neither of them sends or reads HTTP on the wire: the client protocol
is shown the member's 101 and the server protocol the browser's request, both reduced to what they negotiate about.
Each side negotiates permessage-deflate for itself.

Frames pass one by one, so that a fragmented message stays fragmented and a long one need not be held; pings, pongs and
close frames pass too.  Writing and back-pressure are the wires' (`panolb.proxy.wire`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zlib import Z_SYNC_FLUSH

from autobahn.twisted.websocket import WebSocketClientProtocol, WebSocketServerProtocol
from autobahn.websocket.protocol import WebSocketProtocol

from ..core.exchange import Exchange
from ..core.headers import Answer, websocket_accept
from .deadlines import NEVER
from .handshake import Offer, factories, head_of_101, head_of_request, headers_for_browser
from .quiet import Quiet
from .wire import Wire

if TYPE_CHECKING:
    from .http1 import Http1
    from .upstream import Upstream

CLOSE_TIMEOUT = 5.0  # seconds to answer close frames and to end both connections
LOOKS = 12  # how often that time is given again while data before a close frame is still being sent

# RFC 6455 section 7.4.1, and 1012 from the IANA registry.
GOING_AWAY = 1001
SERVICE_RESTART = 1012
BAD_GATEWAY = 1014

# 1014 ("bad gateway") is in IANA's registry, but not yet in autobahn's list.
if BAD_GATEWAY not in WebSocketProtocol.CLOSE_STATUS_CODES_ALLOWED:
    WebSocketProtocol.CLOSE_STATUS_CODES_ALLOWED.append(BAD_GATEWAY)


class Bridge:
    """One WebSocket between a browser and a member, from the member's 101 until both connections have ended."""

    __slots__ = (
        "_browser",
        "_closing",
        "_deadlines",
        "_exchange",
        "_http1",
        "_link",
        "_looks",
        "_member",
        "_offer",
        "_term",
        "deadline",
        "slot",
    )

    def __init__(self, offer: Offer, exchange: Exchange, http1: Http1, link: Upstream) -> None:
        self._offer = offer
        self._exchange = exchange
        self._http1 = http1
        self._link = link
        self._deadlines = http1.frontend.deadlines
        self._term = ""
        self._closing = False
        self._looks = 0
        self.deadline = NEVER
        self.slot = 0
        servers, clients = factories(
            http1.frontend.reactor, offer.compresses, offer.location.websocket_max_message
        )
        self._browser = BrowserSide(servers, self, http1.wire)
        self._member = MemberSide(clients, self, link.wire)
        self._browser.other = self._member
        self._member.other = self._browser

    def open(self, answer: Answer, early: bytes) -> bool:
        """Complete both handshakes.

        :param answer: the member's 101.
        :param early: what the member sent after it.
        :returns: whether the member's side stands; if not, nothing was sent to the browser.
        """
        fields = {name.lower(): value for name, _, value in (line.partition(b": ") for line in answer.lines)}
        self._member.websocket_key = self._offer.key
        self._member.makeConnection(self._link.transport)
        self._member.dataReceived(head_of_101(websocket_accept(self._offer.key), fields))
        if not self._member.is_up:
            return False
        self._browser.subprotocol = fields.get(b"sec-websocket-protocol", b"").strip().decode("latin-1")
        self._browser.answer_headers = headers_for_browser(answer)
        self._http1.go_onward(self._browser)
        self._http1.wire.source = self._link
        self._link.wire.source = self._http1
        self._browser.dataReceived(head_of_request(self._offer))
        self._link.onward = self._member
        self.active()
        if early:
            self._member.dataReceived(early)
        return True

    @property
    def max_message(self) -> int:
        """The largest message in bytes."""
        return self._offer.location.websocket_max_message

    def active(self) -> None:
        """Something passed."""
        idle = self._offer.location.websocket_idle_timeout
        if idle is not None and not self._closing:
            self._deadlines.set(self, idle)

    def out_of_time(self) -> None:
        if not self._closing:
            self._term = "idle"
            self.close(GOING_AWAY, "idle for too long")
        elif self._looks < LOOKS and (self._http1.wire.blocked or self._link.wire.blocked):
            # The close frame stands behind data that a slow reader is still taking.
            self._looks += 1
            self._deadlines.set(self, CLOSE_TIMEOUT)
        else:
            for side in (self._browser, self._member):
                if not side.lost:
                    side.cut()

    def closing(self) -> None:
        """The end has begun: what has not ended in time is cut.

        The clock is ours, since autobahn's starts when a close frame is queued and not at all when it is a reply.
        """
        if not self._closing:
            self._closing = True
            self._deadlines.set(self, CLOSE_TIMEOUT)

    def close(self, code: int, reason: str) -> None:
        """End both sides with a close frame."""
        self.closing()
        self._browser.close(code, reason.encode())
        self._member.close(code, reason.encode())

    def side_closing(self, side: Side, code: int | None, reason: bytes | None) -> None:
        """One side has begun to close: the other is told the same."""
        self.closing()
        self._term = self._term or f"closed-by-{side.whose}"
        side.other.close(code, reason)

    def side_lost(self, side: Side) -> None:
        """The connection of one side has ended; if that was no proper end, the other learns so."""
        self.closing()
        if not side.other.lost:
            side.other.transport.resumeProducing()  # nobody is left whose slowness could have stopped it
        if side.other.is_up:
            self._term = self._term or f"{side.whose}-lost"
            if side is self._member:
                self._browser.close(SERVICE_RESTART, b"the server went away")
            else:
                self._member.close(GOING_AWAY, b"the client went away")
        if self._browser.lost and self._member.lost:
            self._deadlines.forget(self)
            self._exchange.bridge_closed(self._browser.octets, self._member.octets, self._term)


class Side:
    """What both sides do with what they receive: pass it to the other one, frame by frame.

    :ivar octets: payload bytes received from this side's peer.
    :ivar lost: whether its connection has ended.
    :ivar whose: ``client`` or ``member``, for the log.
    """

    whose = ""
    log = Quiet()
    other: Any
    _opcode = 0
    _size = 0

    # autobahn's protocols, to which this is mixed in, set these.
    state: int
    current_frame: Any
    _perMessageCompress: Any
    utf8validateIncomingCurrentMessage: bool
    utf8validateLast: tuple[bool, bool, int, int]

    def __init__(self, factory: Any, bridge: Bridge, wire: Wire) -> None:
        super().__init__()
        self.factory = factory
        self.bridge = bridge
        self.wire = wire
        self.octets = 0
        self.lost = False

    @property
    def is_up(self) -> bool:
        """Whether frames can be sent."""
        return self.state == WebSocketServerProtocol.STATE_OPEN

    def onMessageBegin(self, isBinary: bool) -> None:
        super().onMessageBegin(isBinary)  # type: ignore[misc]
        compressor = self._perMessageCompress
        if compressor is not None and getattr(compressor._decompressor, "eof", False):
            # The message before ended its deflate stream (RFC 7692 section 7.2.3.4); autobahn would read no more.
            compressor._decompressor = None
            compressor.start_decompress_message()
        self._opcode = 2 if isBinary else 1
        self._size = 0

    def onMessageFrame(self, payload: list[bytes]) -> None:
        fin = self.current_frame.fin
        if fin and self.utf8validateIncomingCurrentMessage and not self.utf8validateLast[1]:
            return  # cut within a character: autobahn is about to fail the connection for it
        data = b"".join(payload)
        self._size += len(data)
        if self._size > self.bridge.max_message:
            self._max_message_size_exceeded(  # type: ignore[attr-defined]
                self._size, self.bridge.max_message, f"message larger than {self.bridge.max_message} bytes"
            )
            return
        self.octets += len(data)
        self.other.relay(self._opcode, data, fin)
        self._opcode = 0
        self.bridge.active()

    def onMessageEnd(self) -> None:
        """All of its frames have been passed on."""

    def onPing(self, payload: bytes) -> None:
        self.other.sendPing(payload)
        self.bridge.active()

    def onPong(self, payload: bytes) -> None:
        self.other.sendPong(payload)
        self.bridge.active()

    def relay(self, opcode: int, payload: bytes, fin: bool) -> None:
        """Send a frame that came from the other side.

        :param opcode: 1 or 2 begins a message, 0 continues it.
        """
        if not self.is_up:
            return
        compressor = self._perMessageCompress
        rsv = 0
        if compressor is not None:
            if opcode:
                compressor.start_compress_message()
                rsv = 4
            payload = compressor.compress_message_data(payload)
            # A fragment that waits for the next one in zlib's buffer would be no fragment (RFC 7692 section 7.2.1).
            payload += (
                compressor.end_compress_message() if fin else compressor._compressor.flush(Z_SYNC_FLUSH)
            )
        self.sendFrame(opcode=opcode, payload=payload, fin=fin, rsv=rsv)  # type: ignore[attr-defined]

    def close(self, code: int | None, reason: bytes | None) -> None:
        """Send a close frame, unless one was sent before."""
        if self.is_up:
            self.sendCloseFrame(code=code, reasonUtf8=reason)  # type: ignore[attr-defined]

    def cut(self) -> None:
        """End the connection at once."""
        self.wire.cut()

    def onCloseFrame(self, code: int | None, reasonRaw: bytes | None) -> bool | None:
        opened = self.is_up
        stop: bool | None = super().onCloseFrame(code, reasonRaw)  # type: ignore[misc]
        if opened and not self.failedByMe:  # type: ignore[attr-defined]
            self.bridge.side_closing(self, code, reasonRaw)
        return stop

    def _fail_connection(self, code: int, reason: str) -> None:
        """The peer broke the rules of RFC 6455: it gets the right code, and the other side the same."""
        super()._fail_connection(code, reason)  # type: ignore[misc]
        self.bridge.side_closing(self, code, reason.encode()[:123])

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        if not self.lost:
            self.lost = True
            self.bridge.side_lost(self)

    def sendData(self, data: bytes, sync: bool = False, chopsize: int | None = None) -> None:
        """Write straight through, instead of queueing in autobahn and again in the transport."""
        self.wire.write(data)

    def _closeConnection(self, abort: bool = False) -> None:
        self.wire.flush()
        super()._closeConnection(abort)  # type: ignore[misc]


class BrowserSide(Side, WebSocketServerProtocol):  # type: ignore[misc]
    """Faces the browser.

    :ivar subprotocol: what the member chose; empty for none.
    :ivar answer_headers: what its 101 says besides the handshake.
    """

    whose = "client"
    subprotocol = ""
    answer_headers: dict[str, list[str]]

    def onConnect(self, request: Any) -> Any:
        chosen = self.subprotocol if self.subprotocol in request.protocols else None
        return chosen, self.answer_headers


class MemberSide(Side, WebSocketClientProtocol):  # type: ignore[misc]
    """Faces the member."""

    whose = "member"
    websocket_key = b""

    def startHandshake(self) -> None:
        """The exchange has sent it, with everything that a forwarded request carries."""
