"""The two sides of a WebSocket in the lane of messages, as autobahn's protocols see it.

autobahn's server protocol faces the browser and its client protocol the member.  Frames pass one by one, so that a
fragmented message stays fragmented and a long one need not be held; only a filter (`panolb.core.filtering`) sees
messages as a whole.  Pings and pongs pass too.  How a WebSocket ends is the tunnel's business (`panolb.core.tunnel`),
writing and back-pressure are the wires' (`panolb.proxy.wire`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zlib import Z_SYNC_FLUSH

from autobahn.twisted.websocket import WebSocketClientProtocol, WebSocketServerProtocol
from autobahn.websocket.protocol import TrafficStats

from ..core.controlframes import close_code, close_payload
from ..core.frames import BINARY, TEXT
from ..core.half import BETWEEN, WITHIN_MESSAGE, Half
from ..core.terms import PROTOCOL_ERROR
from .bridge import OUR_PING
from .handshake import OF_HANDSHAKES
from .pieces import LITTLE, Pieces
from .poller import Reads, reads_for
from .quiet import Quiet

if TYPE_CHECKING:
    from .http1 import Http1
    from .messages import Messages
    from .upstream import Upstream

INVALID_PAYLOAD, TOO_BIG = 1007, 1009

CODES = frozenset((*range(1000, 1004), *range(1007, 1015), *range(3000, 5000)))
"""The codes that a close frame may carry here: those that are registered, and those for everybody's own use."""

NOBODYS = TrafficStats()
"""What autobahn counts, of all WebSockets together, since nobody reads it."""


class Side(Pieces):
    """What both sides do with what they receive: pass it to the other one, frame by frame.

    Each is the `panolb.core.half.End` of its half.

    :ivar octets: payload bytes received from this side's peer; ``messages`` likewise.
    """

    log = Quiet()
    _opcode = _size = 0
    _ponged = False
    _written = 0  # bytes since it was last seen to that they are not too many

    # autobahn's protocols, to which this is mixed in, set these.
    state: int
    data: bytes
    transport: Any
    current_frame: Any = None
    current_frame_masker: Any
    failedByMe: bool
    utf8validateIncomingCurrentMessage: bool
    utf8validateLast: tuple[bool, bool, int, int]
    _perMessageCompress: Any

    def __init__(self, factory: Any, bridge: Messages, half: Half, connection: Http1 | Upstream) -> None:
        super().__init__()
        self.factory = factory
        self.bridge = bridge
        self.tunnel = bridge.tunnel
        self.half = half
        self.wire = connection.wire
        self._reads = Reads(connection.transport)
        self.octets = self.messages = 0
        self._collected = bytearray()  # of a message that filters are to see
        self._unfinished = False  # whether a message was sent to it without its last frame
        half.end = self

    @property
    def is_up(self) -> bool:
        """Whether frames can be sent."""
        return self.state == WebSocketServerProtocol.STATE_OPEN

    # -- what arrives -------------------------------------------------------------------------------------------------

    def read(self) -> None:
        """The handshakes are complete: from here on frames are read."""
        self.__dict__ = {name: value for name, value in self.__dict__.items() if name not in OF_HANDSHAKES}
        self.trafficStats = NOBODYS
        self._reads = reads_for(self.transport, self.bridge.client.frontend.turn, self.dataReceived, LITTLE)

    def take(self, data: bytes) -> None:
        """Have autobahn read it."""
        half = self.half
        if half.closed:
            self._held = b""
            return  # what follows a close frame or a violation is nobody's (RFC 6455 sections 5.5.1 and 7.1.7)
        try:
            self._take(data)
        except Exception:  # noqa: BLE001  # whoever reads the connection does not know whose it is
            self._held = b""
            self.bridge.went_wrong(f"passing on what the {half.whose} sent")

    def _take(self, data: bytes) -> None:
        half, tunnel = self.half, self.tunnel
        self._dataReceived(data)  # type: ignore[attr-defined]
        frame = self.current_frame
        self.read_little(0 if frame is None else frame.length - self.current_frame_masker.pointer())
        if self._ponged:
            self._ponged = False
        else:
            tunnel.heard(half, self.bridge.clock())
        if tunnel.closing is not None:
            tunnel.boundary(self.other.half)

    def onMessageBegin(self, isBinary: bool) -> None:
        self.message_data_total_length = 0
        compressor = self._perMessageCompress
        if compressor is not None and getattr(compressor._decompressor, "eof", False):
            # The message before ended its deflate stream (RFC 7692 section 7.2.3.4); autobahn would read no more.
            compressor._decompressor = None
            compressor.start_decompress_message()
        self._opcode = BINARY if isBinary else TEXT
        self._size = 0

    def onMessageFrame(self, payload: list[bytes]) -> None:
        fin = self.current_frame.fin
        if fin and self.utf8validateIncomingCurrentMessage and not self.utf8validateLast[1]:
            return  # cut within a character: autobahn is about to fail the connection for it
        data = b"".join(payload)
        self._size += len(data)
        if self._size > self.bridge.max_message:
            self._fail_connection(TOO_BIG, f"message larger than {self.bridge.max_message} bytes")
            return
        self.octets += len(data)
        self.messages += fin
        if self.bridge.filtered:
            self._filter(data, fin)
            return
        self.other.relay(self._opcode, data, fin)
        self._opcode = 0

    def _filter(self, data: bytes, fin: bool) -> None:
        """Collect a message, and pass on what the filters leave of it."""
        if not fin:
            self._collected += data
            return
        whole = data
        if self._collected:
            whole = bytes(self._collected + data)
            self._collected = bytearray()
        passed = self.bridge.filter(self.half.whose, whole, self._opcode == BINARY)
        if passed is not None:
            self.other.relay(self._opcode, passed, True)

    def onMessageEnd(self) -> None:
        """All of its frames have been passed on."""

    def onPing(self, payload: bytes) -> None:
        self.other.sendPing(payload)

    def onPong(self, payload: bytes) -> None:
        ours = payload == OUR_PING
        self._ponged = True
        self.tunnel.ponged(self.half, self.bridge.clock(), ours)
        if not ours:
            self.other.sendPong(payload)

    def onCloseFrame(self, code: int | None, reasonRaw: bytes | None) -> bool:
        """The tunnel answers it, when the other side has; autobahn would do so at once."""
        if code is not None and code not in CODES:
            return self._protocol_violation(f"invalid close code {code}")
        if reasonRaw is not None and not _is_utf8(reasonRaw):
            return self._invalid_payload("a reason for closing that is not UTF-8")
        self.data = b""  # nothing behind it counts
        payload = b"" if code is None else code.to_bytes(2, "big") + (reasonRaw or b"")
        self.tunnel.close_received(self.half, payload)
        return True

    def _protocol_violation(self, reason: str) -> bool:
        self._fail_connection(PROTOCOL_ERROR, reason)
        return True  # autobahn reads no further

    def _invalid_payload(self, reason: str) -> bool:
        self._fail_connection(INVALID_PAYLOAD, reason)
        return True

    def _fail_connection(self, code: int, reason: str) -> None:
        """The peer broke the rules of RFC 6455: it is told at once, and the other side the same."""
        if self.half.closed:
            return
        self.failedByMe = True
        self.send_close(close_payload(code, reason))
        self.half.told = True
        self.tunnel.broke_rules(self.half, code, reason)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        if not self.half.lost:
            self.gone()

    # -- what is sent -------------------------------------------------------------------------------------------------

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

    def sendData(self, data: bytes, sync: bool = False, chopsize: int | None = None) -> None:
        """Write straight through, instead of queueing in autobahn and again in the transport.

        What one read of the other side brings can inflate to a thousand times as much, so whether that is too much is
        not looked at when all of it has been written, but after each frame as soon as something is queued.
        """
        wire = self.wire
        if self.state == WebSocketServerProtocol.STATE_CONNECTING:
            wire.write(data.decode().encode("latin-1"))  # the 101, with `headers_for_browser` as they came
            return
        wire.write(data)
        self._written += len(data)
        if wire.blocked or self._written > wire.allowed:
            self._written = 0
            wire.flush()

    def _closeConnection(self, abort: bool = False) -> None:
        self.wire.flush()
        super()._closeConnection(abort)  # type: ignore[misc]

    # -- what the tunnel orders ---------------------------------------------------------------------------------------

    @property
    def readiness(self) -> int:
        return WITHIN_MESSAGE if self._unfinished else BETWEEN

    def send_ping(self, payload: bytes) -> None:
        self.sendPing(payload)  # type: ignore[attr-defined]

    def send_close(self, payload: bytes) -> None:
        if self.is_up:
            self.sendCloseFrame(close_code(payload), payload[2:])  # type: ignore[attr-defined]
            self.read_other()

    def finish(self) -> None:
        self.end(self.failedByMe)


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


class BrowserSide(Side, WebSocketServerProtocol):  # type: ignore[misc]
    """Faces the browser.

    :ivar subprotocol: what the member chose; empty for none.
    :ivar answer_headers: what its 101 says besides the handshake.
    """

    subprotocol = ""
    answer_headers: dict[str, list[str]]

    def onConnect(self, request: Any) -> Any:
        chosen = self.subprotocol if self.subprotocol in request.protocols else None
        return chosen, self.answer_headers


class MemberSide(Side, WebSocketClientProtocol):  # type: ignore[misc]
    """Faces the member."""

    websocket_key = b""

    def startHandshake(self) -> None:
        """The exchange has sent it, with everything that a forwarded request carries."""
