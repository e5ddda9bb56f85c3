"""The lane of messages: autobahn takes every message apart, checks it, and puts it together again.

autobahn's server protocol faces the browser and its client protocol the member.  The routing, stickiness and failover
of the handshake are the exchange's business, so neither of them sends or reads HTTP on the wire: the client protocol
is shown the member's 101 and the server protocol the browser's request, both reduced to what they negotiate about.
Each side negotiates permessage-deflate for itself.

Frames pass one by one, so that a fragmented message stays fragmented and a long one need not be held; pings, pongs and
close frames pass too.  Writing and back-pressure are the wires' (`panolb.proxy.wire`).
"""

from __future__ import annotations

from typing import Any
from zlib import Z_SYNC_FLUSH

from autobahn.twisted.websocket import WebSocketClientProtocol, WebSocketServerProtocol
from autobahn.websocket.protocol import WebSocketProtocol

from ..core.frames import close_code
from ..core.headers import Answer, websocket_accept
from ..core.tunnel import BAD_GATEWAY, BETWEEN, WITHIN_MESSAGE, Half
from . import bridge
from .handshake import Offer, factories, head_of_101, head_of_request, headers_for_browser
from .quiet import Quiet
from .wire import Wire

# 1014 ("bad gateway") is in IANA's registry, but not yet in autobahn's list.
if BAD_GATEWAY not in WebSocketProtocol.CLOSE_STATUS_CODES_ALLOWED:
    WebSocketProtocol.CLOSE_STATUS_CODES_ALLOWED.append(BAD_GATEWAY)


class Messages(bridge.Bridge):
    """A bridge whose messages are looked at."""

    __slots__ = ("max_message",)

    def open(self, offer: Offer, answer: Answer, early: bytes) -> bool:
        self.max_message = offer.terms.max_message
        http1, link, tunnel = self.client, self.link, self.tunnel
        servers, clients = factories(http1.frontend.reactor, offer.compresses, self.max_message)
        browser = BrowserSide(servers, self, tunnel.client, http1.wire)
        member = MemberSide(clients, self, tunnel.member, link.wire)
        browser.other, member.other = member, browser
        fields = {name.lower(): value for name, _, value in (line.partition(b": ") for line in answer.lines)}
        member.websocket_key = offer.key
        member.makeConnection(link.transport)
        member.dataReceived(head_of_101(websocket_accept(offer.key), fields))
        if not member.is_up:
            return False
        browser.subprotocol = fields.get(b"sec-websocket-protocol", b"").strip().decode("latin-1")
        browser.answer_headers = headers_for_browser(answer)
        http1.go_onward(browser)
        http1.wire.source, link.wire.source = member, browser
        browser.dataReceived(head_of_request(offer))
        link.onward = member
        self.begin()
        if early:
            member.dataReceived(early)
        return True


class Side:
    """What both sides do with what they receive: pass it to the other one, frame by frame.

    Each is the `panolb.core.tunnel.End` of its half.

    :ivar octets: payload bytes received from this side's peer; ``messages`` likewise.
    """

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
    failedByMe: bool

    def __init__(self, factory: Any, bridge: Messages, half: Half, wire: Wire) -> None:
        super().__init__()
        self.factory = factory
        self.bridge = bridge
        self.tunnel = bridge.tunnel
        self.half = half
        self.wire = wire
        self.octets = 0
        self.messages = 0
        self._unfinished = False  # whether a message was sent to it without its last frame
        half.end = self

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
        self.messages += fin
        self.other.relay(self._opcode, data, fin)
        self._opcode = 0
        self.tunnel.heard(self.half, self.bridge.clock())
        if self.tunnel.closing is not None:
            self.tunnel.boundary(self.other.half)

    def onMessageEnd(self) -> None:
        """All of its frames have been passed on."""

    def onPing(self, payload: bytes) -> None:
        self.other.sendPing(payload)
        self.tunnel.heard(self.half, self.bridge.clock())

    def onPong(self, payload: bytes) -> None:
        if payload == bridge.PING:
            self.tunnel.ponged(self.half, self.bridge.clock())
        else:
            self.other.sendPong(payload)
            self.tunnel.heard(self.half, self.bridge.clock())

    def relay(self, opcode: int, payload: bytes, fin: bool) -> None:
        """Send a frame that came from the other side.

        :param opcode: 1 or 2 begins a message, 0 continues it.
        """
        if not self.is_up:
            return
        self._unfinished = not fin
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

    def onCloseFrame(self, code: int | None, reasonRaw: bytes | None) -> bool | None:
        opened = self.is_up
        stop: bool | None = super().onCloseFrame(code, reasonRaw)  # type: ignore[misc]
        if opened and not self.failedByMe:
            payload = b"" if code is None else code.to_bytes(2, "big") + (reasonRaw or b"")
            self.half.told = True
            self.tunnel.close_received(self.half, payload)
        elif not self.failedByMe:
            self.tunnel.close_received(self.half, b"")
        return stop

    def _fail_connection(self, code: int, reason: str) -> None:
        """The peer broke the rules of RFC 6455: it gets the right code, and the other side the same."""
        super()._fail_connection(code, reason)  # type: ignore[misc]
        self.half.told = True
        self.tunnel.broke_rules(self.half, code, reason)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        if not self.half.lost:
            if not self.other.half.lost:
                self.other.transport.resumeProducing()  # nobody is left whose slowness could have stopped it
            self.tunnel.lost(self.half)

    # -- what the tunnel orders ---------------------------------------------------------------------------------------

    @property
    def readiness(self) -> int:
        return WITHIN_MESSAGE if self._unfinished else BETWEEN

    @property
    def backlog(self) -> int:
        return self.wire.backlog

    def send_ping(self, payload: bytes) -> None:
        self.sendPing(payload)  # type: ignore[attr-defined]

    def send_close(self, payload: bytes) -> None:
        if self.is_up:
            self.sendCloseFrame(code=close_code(payload), reasonUtf8=payload[2:])  # type: ignore[attr-defined]

    def finish(self) -> None:
        self.wire.close()

    def cut(self) -> None:
        self.wire.cut()

    def pause(self) -> None:
        self.transport.pauseProducing()  # type: ignore[attr-defined]
        self.tunnel.stalled(self.other.half)

    def resume(self) -> None:
        self.transport.resumeProducing()  # type: ignore[attr-defined]
        self.tunnel.flowing(self.other.half)

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
