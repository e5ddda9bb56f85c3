"""The splice: frames pass as the bytes they are, compressed or not, and only their headers are read.

Extensions, subprotocol and key are agreed upon by the client and the member themselves; panolb watches where frames
begin and end (`panolb.core.frames`), so that it can take out the answers to its own pings and put control frames of
its own between two frames.
"""

from __future__ import annotations

import os

from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from ..core.frames import CLOSE, PING, Frames, control_frame, tables_for
from ..core.headers import Answer
from ..core.tunnel import BETWEEN, PROTOCOL_ERROR, WITHIN_FRAME, WITHIN_MESSAGE, Half
from . import bridge
from .handshake import Offer
from .poller import Reads, reads_for
from .reader import EMPTY_LINE
from .wire import Transport, Wire


class Splice(bridge.Bridge):
    """A bridge whose frames are not taken apart."""

    __slots__ = ()

    def open(self, offer: Offer, answer: Answer, early: bytes) -> bool:
        said = {name.lower(): value for name, _, value in (line.partition(b": ") for line in answer.lines)}
        tables = tables_for(said.get(b"sec-websocket-extensions", b""))
        client_frames, member_frames = Frames(True, tables, bridge.PING), Frames(False, tables, bridge.PING)
        tunnel = self.tunnel
        to_client = SpliceEnd(self, tunnel.client, self.client.wire, client_frames, member_frames)
        to_member = SpliceEnd(self, tunnel.member, self.link.wire, member_frames, client_frames)
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


class SpliceEnd(Protocol):
    """One side of a splice: the `panolb.core.tunnel.End` of its half.

    :param incoming: the frames that come from it.
    :param outgoing: those that are passed on to it.
    """

    __slots__ = (
        "_bridge",
        "_half",
        "_incoming",
        "_outgoing",
        "_reads",
        "_wire",
        "connected",
        "other",
        "transport",
    )

    transport: Transport  # type: ignore[assignment]
    other: SpliceEnd
    _reads: Reads

    def __init__(
        self, bridge: bridge.Bridge, half: Half, wire: Wire, incoming: Frames, outgoing: Frames
    ) -> None:
        self._bridge = bridge
        self._half = half
        self._wire = wire
        self._incoming = incoming
        self._outgoing = outgoing
        half.end = self

    def connectionMade(self) -> None:
        turn = self._bridge.client.frontend.turn
        self._reads = reads_for(self.transport, turn, self.dataReceived)

    def dataReceived(self, data: bytes) -> None:
        incoming, other, tunnel = self._incoming, self.other, self._bridge.tunnel
        passed = incoming.feed(data)
        if passed and not other._half.told:
            other._wire.write(passed)
        if incoming.news:
            self._news()
        else:
            tunnel.heard(self._half, self._bridge.clock())
        if tunnel.closing is not None:
            tunnel.boundary(other._half)

    def _news(self) -> None:
        """Among what came was something for the tunnel."""
        incoming, tunnel, now = self._incoming, self._bridge.tunnel, self._bridge.clock()
        incoming.news = False
        if incoming.ponged:
            tunnel.ponged(self._half, now, incoming.answered)
            incoming.ponged = incoming.answered = False
        if self._half.closed:
            return
        if incoming.broken:
            tunnel.broke_rules(self._half, PROTOCOL_ERROR, incoming.broken)
        elif incoming.close is not None:
            tunnel.close_received(self._half, incoming.close)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        other = self.other
        self._reads.stop()
        if not other._half.lost:
            other._reads.resume()  # nobody is left whose slowness could have stopped it
        self._bridge.tunnel.lost(self._half)

    # -- what the tunnel orders ---------------------------------------------------------------------------------------

    @property
    def readiness(self) -> int:
        if self._outgoing.within_frame:
            return WITHIN_FRAME
        return WITHIN_MESSAGE if self._outgoing.within_message else BETWEEN

    @property
    def backlog(self) -> int:
        return self._wire.backlog

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
        if not self.other._half.lost:
            self.other._reads.resume()  # its answer is waited for, and nothing else of it is passed on

    def _send(self, opcode: int, payload: bytes) -> None:
        """Send a control frame; towards a member we are a client, and mask it."""
        key = os.urandom(4) if self._half.whose == "member" else None
        self._wire.write(control_frame(opcode, payload, key))

    def finish(self) -> None:
        if self._incoming.broken:
            # It may be in the midst of sending: a close with unread input would reset the connection, and with it
            # destroy the close frame that says what was wrong.
            self._reads.resume()
            self._wire.half_close()
        elif self._half.whose == "client":  # a member, as a server, ends it itself (RFC 6455 section 7.1.1)
            self._reads.stop()
            self._wire.close()

    def cut(self) -> None:
        self._reads.stop()
        self._wire.cut()

    # -- back-pressure: this side is read only as fast as the other one takes -------------------------------------------

    def pause(self) -> None:
        self._reads.pause()
        self._bridge.tunnel.stalled(self.other._half)

    def resume(self) -> None:
        self._reads.resume()
        self._bridge.tunnel.flowing(self.other._half)
