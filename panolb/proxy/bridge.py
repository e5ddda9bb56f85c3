"""The bridge: one WebSocket on the wires, from the member's 101 until both connections have ended.

Two lanes move the frames: `panolb.proxy.splice` passes them on as the bytes they are, `panolb.proxy.messages` has
autobahn take them apart and put them together again.  What a frame, or its absence, means for the other side is the
business of `panolb.core.tunnel`, in both.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ..core.exchange import Exchange
from ..core.half import Half
from ..core.headers import Answer
from ..core.tunnel import Tunnel
from .deadlines import NEVER
from .poller import Reads
from .unexpected import log_unexpected
from .wire import Wire

if TYPE_CHECKING:
    from .handshake import Offer
    from .http1 import Http1
    from .upstream import Upstream

OUR_PING = os.urandom(8)
"""The payload of our pings, by which their answers are told from other pongs."""


class Bridge:
    """What both lanes have: the tunnel, its time, and the two connections.

    :ivar client: the client's connection.
    :ivar link: the member's.
    :ivar over: whether it has ended, at least for its exchange.
    """

    __slots__ = ("_deadlines", "_exchange", "client", "clock", "deadline", "link", "over", "slot", "tunnel")

    def __init__(self, offer: Offer, exchange: Exchange, client: Http1, link: Upstream) -> None:
        self.client = client
        self.link = link
        self.deadline = NEVER
        self.slot = 0
        self.over = False
        self._exchange = exchange
        self._deadlines = client.frontend.deadlines
        self.clock = self._deadlines.clock
        self.tunnel = Tunnel(offer.terms, self.clock, self._wake, self._ended, OUR_PING)
        if exchange.decision is not None:
            member = exchange.decision.member
            self.tunnel.client.round_trips = member.client_round_trips
            self.tunnel.member.round_trips = member.member_round_trips

    def open(self, offer: Offer, answer: Answer, early: bytes) -> bool:
        """Complete both handshakes and begin to pass frames on.

        :param answer: the member's 101.
        :param early: what the member sent after it.
        :returns: whether the connections are the bridge's now; if not, nothing was sent to the client.
        """
        try:
            return self.join(offer, answer, early)
        except Exception:  # noqa: BLE001  # neither HTTP nor a WebSocket: only the bridge can end it
            self.went_wrong("opening a WebSocket")
            return True

    def join(self, offer: Offer, answer: Answer, early: bytes) -> bool:
        """Do so; parameters and result as for `open`."""
        raise NotImplementedError

    def begin(self) -> None:
        """Both ends stand."""
        backlog = self.tunnel.terms.backlog
        for wire in (self.client.wire, self.link.wire):
            wire.allowed = backlog
            wire.owner = self
        self._exchange.opened(self.tunnel)
        self.tunnel.start()

    def _wake(self, due: float) -> None:
        if due == NEVER:
            self._deadlines.forget(self)
        else:
            self._deadlines.set(self, due - self.clock())

    def out_of_time(self) -> None:
        try:
            self.tunnel.look()
        except Exception:  # noqa: BLE001  # else it would stand on, and never be looked at again
            self.went_wrong("looking after a WebSocket")

    def _ended(self) -> None:
        self._deadlines.forget(self)
        self._exchange.tunnel_ended()
        self.over = True

    def went_wrong(self, doing: str) -> None:
        """An unexpected exception is at hand: it ends this WebSocket, in whatever state that is."""
        if self.over:
            return  # it has been said
        self.over = True
        log_unexpected(doing, self._exchange)
        self._deadlines.forget(self)
        self.client.wire.cut()
        self.link.wire.cut()
        for end in (self._end_tunnel, self._exchange.failed_here):
            try:
                end()
            except Exception:  # noqa: BLE001  # whatever was broken may be so still
                log_unexpected("ending a WebSocket after that", self._exchange)

    def _end_tunnel(self) -> None:
        if self._exchange.tunnel is not None:
            self.tunnel.give_up()
            self._exchange.tunnel_ended()


class BridgeEnd:
    """One side, whichever lane reads its frames: how it is read, paused and ended.

    With what a lane adds it is the `panolb.core.half.End` of its half.

    :ivar other: the other side, which gets what comes from this one.
    """

    __slots__ = ()

    bridge: Any
    half: Half
    other: Any
    wire: Wire
    _reads: Reads

    @property
    def backlog(self) -> int:
        return self.wire.backlog

    @property
    def taken(self) -> int:
        progress = self.wire.progress
        return self.other.octets - self.backlog if progress is None else progress[0]

    @property
    def given(self) -> int:
        progress = self.wire.progress
        return self.other.octets if progress is None else sum(progress) + self.backlog

    def read_other(self) -> None:
        """Read the other side whatever this one takes: nothing but its answer to a close frame is waited for."""
        if not self.other.half.lost:
            self.other._reads.resume()

    def gone(self) -> None:
        """The connection has ended."""
        self._reads.stop()
        if self.bridge.over:
            return
        try:
            self.read_other()
            self.bridge.tunnel.lost(self.half)
        except Exception:  # noqa: BLE001  # nothing else would end the other side
            self.bridge.went_wrong(f"ending the {self.half.whose}'s side of a WebSocket")

    def end(self, broken: bool) -> None:
        """Both close frames were exchanged.

        :param broken: whether its peer broke the rules.
        """
        if broken:
            # It may be in the midst of sending: a close with unread input would reset the connection, and with it
            # destroy the close frame that says what was wrong.
            self._reads.resume()
            self.wire.half_close()
        elif self.half.whose == "client":  # a member, as a server, ends it itself (RFC 6455 section 7.1.1)
            self._reads.stop()
            self.wire.close()

    def cut(self) -> None:
        self._reads.stop()
        self.wire.cut()

    # -- back-pressure: this side is read only as fast as the other one takes -------------------------------------------

    def pause(self) -> None:
        self._reads.pause()
        self.bridge.tunnel.stalled(self.other.half)

    def resume(self) -> None:
        self._reads.resume()
        self.bridge.tunnel.flowing(self.other.half)
