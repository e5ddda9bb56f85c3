"""The splice: frames pass as the bytes they are, compressed or not, and only their headers are read.

Extensions, subprotocol and key are agreed upon by the client and the member themselves; panolb watches where frames
begin and end (`panolb.core.frames`), so that it can take out the answers to its own pings and put control frames of
its own between two frames.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from ..core.controlframes import control_frame
from ..core.frames import CLOSE, PING, Frames, tables_for
from ..core.half import BETWEEN, WITHIN_FRAME, WITHIN_MESSAGE, Half
from ..core.headers import Answer, extensions_in
from ..core.terms import PROTOCOL_ERROR
from .bridge import OUR_PING, Bridge, BridgeEnd
from .handshake import Offer
from .poller import Reads, reads_for
from .reader import EMPTY_LINE
from .wire import Transport

if TYPE_CHECKING:
    from .http1 import Http1
    from .upstream import Upstream


class Splice(Bridge):
    """A bridge whose frames are not taken apart."""

    __slots__ = ()

    def join(self, offer: Offer, answer: Answer, early: bytes) -> bool:
        tables = tables_for(extensions_in(answer.lines))
        client_frames, member_frames = Frames(True, tables, OUR_PING), Frames(False, tables, OUR_PING)
        tunnel = self.tunnel
        to_client = SpliceEnd(self, tunnel.client, self.client, client_frames, member_frames)
        to_member = SpliceEnd(self, tunnel.member, self.link, member_frames, client_frames)
        to_client.other, to_member.other = to_member, to_client
        head = (
            b"HTTP/1.1 101 Switching Protocols",
            b"Connection: Upgrade",
            b"Upgrade: websocket",
            *answer.lines,
        )
        self.client.wire.write(b"\r\n".join(head) + EMPTY_LINE)
        self.client.go_onward(to_client)
        self.link.onward = to_member
        to_member.makeConnection(self.link.transport)
        self.client.wire.source, self.link.wire.source = to_member, to_client
        self.begin()
        if early:
            to_member.dataReceived(early)
        return True


class SpliceEnd(BridgeEnd, Protocol):
    """One side of a splice: the `panolb.core.half.End` of its half.

    :param incoming: the frames that come from it.
    :param outgoing: those that are passed on to it.
    """

    __slots__ = (
        "_incoming",
        "_outgoing",
        "_reads",
        "bridge",
        "connected",
        "half",
        "other",
        "transport",
        "wire",
    )

    transport: Transport  # type: ignore[assignment]
    other: SpliceEnd

    def __init__(
        self, bridge: Bridge, half: Half, connection: Http1 | Upstream, incoming: Frames, outgoing: Frames
    ) -> None:
        self.bridge = bridge
        self.half = half
        self.wire = connection.wire
        self._reads = Reads(connection.transport)
        self._incoming = incoming
        self._outgoing = outgoing
        half.end = self

    def connectionMade(self) -> None:
        turn = self.bridge.client.frontend.turn
        self._reads = reads_for(self.transport, turn, self.dataReceived)

    def dataReceived(self, data: bytes) -> None:
        incoming, other, tunnel = self._incoming, self.other, self.bridge.tunnel
        try:
            passed = incoming.feed(data)
            if passed and not other.half.told:
                other.wire.write(passed)
            if incoming.news:
                self._news(bool(passed))
            else:
                tunnel.heard(self.half, self.bridge.clock())
            if tunnel.closing is not None:
                tunnel.boundary(other.half)
        except Exception:  # noqa: BLE001  # whoever reads the connection does not know whose it is
            self.bridge.went_wrong(f"passing on what the {self.half.whose} sent")

    def _news(self, passed: bool) -> None:
        """Among what came was something for the tunnel.

        :param passed: whether there was something else, too.
        """
        incoming, tunnel, now = self._incoming, self.bridge.tunnel, self.bridge.clock()
        incoming.news = False
        if incoming.ponged:
            tunnel.ponged(self.half, now, incoming.answered)
            incoming.ponged = incoming.answered = False
        if passed:
            tunnel.heard(self.half, now)
        if self.half.closed:
            return
        if incoming.broken:
            tunnel.broke_rules(self.half, PROTOCOL_ERROR, incoming.broken)
        elif incoming.close is not None:
            tunnel.close_received(self.half, incoming.close)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.gone()

    # -- what the tunnel orders ---------------------------------------------------------------------------------------

    @property
    def readiness(self) -> int:
        if self._outgoing.within_frame:
            return WITHIN_FRAME
        return WITHIN_MESSAGE if self._outgoing.within_message else BETWEEN

    @property
    def messages(self) -> int:
        return self._incoming.messages

    @property
    def octets(self) -> int:
        return self._incoming.octets

    def send_ping(self, payload: bytes) -> None:
        self._send(PING, payload)

    def send_close(self, payload: bytes) -> None:
        self._send(CLOSE, payload)
        self.read_other()

    def _send(self, opcode: int, payload: bytes) -> None:
        """Send a control frame; towards a member we are a client, and mask it."""
        key = os.urandom(4) if self.half.whose == "member" else None
        self.wire.write(control_frame(opcode, payload, key))

    def finish(self) -> None:
        self.end(bool(self._incoming.broken))
