"""One exchange between ports that only write down what they are told: facts go in, orders come out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from panolb.core.balancer import Balancer
from panolb.core.cookie import RouteCookie
from panolb.core.exchange import Exchange
from panolb.core.headers import Answer, Peer
from panolb.core.location import Location
from panolb.core.member import Member
from panolb.core.ports import Link
from panolb.core.request import Request
from panolb.core.tunnel import Tunnel

from .building import ask, balancer, spec
from .tunnels import PING, RecordingEnd

Order = tuple[Any, ...]

# The user whose session is on member 1, and what binds users to members.
BOUND = b"Cookie: ROUTEID=.1"
TO_1 = b"Set-Cookie: ROUTEID=.1; Path=/; HttpOnly; SameSite=Lax"
TO_2 = TO_1.replace(b".1", b".2")

LENGTH, CHUNKED = b"Content-Length: 3", b"Transfer-Encoding: chunked"
METHODS = [b"GET", b"HEAD", b"OPTIONS", b"PUT", b"DELETE", b"POST", b"PATCH", b"LOCK"]

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="  # RFC 6455 section 1.3
ACCEPT = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
HANDSHAKE = (
    b"Connection: Upgrade",
    b"Upgrade: websocket",
    b"Sec-WebSocket-Key: " + KEY,
    b"Sec-WebSocket-Version: 13",
)
UPGRADE = (
    b"Connection: Upgrade",
    b"Upgrade: websocket",
    b"Sec-WebSocket-Version: 13",
    b"Sec-WebSocket-Key: " + KEY,
)
SWITCH = [
    b"Connection: Upgrade",
    b"Upgrade: websocket",
    b"Sec-WebSocket-Accept: " + ACCEPT,
]


def bound(*lines: bytes, method: bytes = b"GET") -> Request:
    """A request of a user whose session is on member 1."""
    return ask(BOUND, *lines, method=method)


class RecordingClient:
    """The downstream port.

    :ivar whole: whether the answer was completed; ``None`` while it is open.
    :ivar body: the bytes of the answer's body.
    :ivar bridges: what `switch` returns.
    """

    def __init__(self, orders: list[Order], peer: Peer, opened: Callable[[], None] = lambda: None) -> None:
        self.peer = peer
        self.whole: bool | None = None
        self.body = b""
        self.bridges = True
        self._opened = opened
        self._orders = orders

    def interim(self, status: int, phrase: bytes, lines: list[bytes]) -> None:
        self._orders.append(("client", "interim", status, *lines))

    def respond(self, status: int, phrase: bytes, lines: list[bytes], length: int | None, keep: bool) -> None:
        self._orders.append(("client", "respond", status, phrase, list(lines), length, keep))

    def send(self, data: bytes) -> None:
        self.body += data
        self._orders.append(("client", "send", data))

    def finish(self) -> None:
        self.whole = True
        self._orders.append(("client", "finish"))

    def abort(self) -> None:
        self.whole = False
        self._orders.append(("client", "abort"))

    def attach(self, link: Link) -> None:
        assert isinstance(link, RecordingLink)
        self._orders.append(("client", "attach", link.name))

    def detach(self) -> None:
        self._orders.append(("client", "detach"))

    def hold(self) -> None:
        self._orders.append(("client", "hold"))

    def switch(self, link: Link, answer: Answer, early: bytes) -> bool:
        assert isinstance(link, RecordingLink)
        self._orders.append(("client", "switch", link.name, list(answer.lines), early))
        if self.bridges:
            self._opened()
        return self.bridges


class RecordingLink:
    """One connection to a member.

    :ivar head: the head that was sent on it; empty before `begin`.
    :ivar body: the bytes that were sent after the head.
    :ivar alive: whether it can still tell facts.
    """

    def __init__(self, orders: list[Order], name: str, reused: bool) -> None:
        self.name = name
        self.reused = reused
        self.head = b""
        self.body = b""
        self.alive = True
        self._orders = orders

    def begin(self, head: bytes, method: bytes) -> None:
        self.head = head
        self._orders.append((self.name, "begin", method))

    def expect(self, seconds: float) -> None:
        self._orders.append((self.name, "expect", seconds))

    def send(self, data: bytes) -> None:
        self.body += data
        self._orders.append((self.name, "send", data))

    def abort(self) -> None:
        self.alive = False
        self._orders.append((self.name, "abort"))


class RecordingConnector:
    """The way to one member.

    :ivar waiting: whether an exchange waits for a link.
    """

    def __init__(self, orders: list[Order], name: str) -> None:
        self.waiting = False
        self._orders = orders
        self._name = name

    def connect(self, exchange: Exchange, fresh: bool) -> None:
        self.waiting = True
        self._orders.append((self._name, "connect", "fresh" if fresh else "any"))

    def cancel(self, exchange: Exchange) -> None:
        self.waiting = False
        self._orders.append((self._name, "cancel"))


class RecordingTimer:
    """Something that is to be done at a time.

    :ivar alive: whether it is still going to be.
    """

    def __init__(self, at: float, action: Callable[[], None]) -> None:
        self.at = at
        self.action = action
        self.alive = True

    def cancel(self) -> None:
        assert self.alive, "what is over cannot be cancelled"
        self.alive = False


class Script:
    """An exchange with two members, routes 1 and 2, or as many as ``specs`` has.

    :param request: what the client asks.
    :param specs: changes of each member's configuration, by its route.
    :param place: what the location is to be told beside its path.
    :param changes: what the balancer is to be told.
    :ivar link: the connection that carries the exchange.
    :ivar ends: ``(status, term, sent)`` as the exchange told it whenever it said that it was finished.
    """

    def __init__(
        self,
        request: Request,
        *,
        specs: dict[str, dict[str, Any]] | None = None,
        place: dict[str, Any] | None = None,
        peer: Peer | None = None,
        **changes: Any,
    ) -> None:
        self.now = 1000.0
        self.orders: list[Order] = []
        self.ends: list[tuple[int, str, int]] = []
        self.links: list[RecordingLink] = []
        self.connectors: dict[str, RecordingConnector] = {}
        self.timers: list[RecordingTimer] = []
        members = [self._member(route, more) for route, more in (specs or {"1": {}, "2": {}}).items()]
        self.members = {member.spec.route.decode(): member for member in members}
        known: dict[str, Any] = {"cookie": RouteCookie("ROUTEID"), "now": self.now, "later": self._later}
        self.balancer: Balancer = balancer(*members, **{**known, **changes})
        self.client = RecordingClient(
            self.orders, peer or Peer(b"192.0.2.7", False, False, b"lb"), self._open_tunnel
        )
        self.location = Location(
            b"/panopticon", self.balancer, lambda: self.now, finished=self._finished, **(place or {})
        )
        self.exchange = Exchange(request, self.location, self.client)
        if request.websocket is not None and self.location.websocket is not None:
            self.exchange.upgrade = UPGRADE
        self.link: RecordingLink | None = None

    def _member(self, route: str, changes: dict[str, Any]) -> Member:
        connector = self.connectors[route] = RecordingConnector(self.orders, route)
        return Member(spec(route, **changes), connector)

    def _later(self, seconds: float, action: Callable[[], None]) -> RecordingTimer:
        timer = RecordingTimer(self.now + seconds, action)
        self.timers.append(timer)
        return timer

    def _open_tunnel(self) -> None:
        assert self.location.websocket is not None
        tunnel = Tunnel(
            self.location.websocket, lambda: self.now, lambda due: None, self.exchange.tunnel_ended, PING
        )
        self.client_end, self.member_end = (
            RecordingEnd(self.orders, "client"),
            RecordingEnd(self.orders, "member"),
        )
        tunnel.client.end, tunnel.member.end = self.client_end, self.member_end
        self.exchange.opened(tunnel)

    def _finished(self, exchange: Exchange) -> None:
        assert exchange is self.exchange
        self.ends.append((exchange.status, exchange.term, exchange.sent))

    def taken(self) -> list[Order]:
        """The orders since the last look."""
        orders = self.orders.copy()
        self.orders.clear()
        return orders

    @property
    def waiting(self) -> str:
        """The member that the exchange waits to be connected to; empty for none."""
        return next((route for route, connector in self.connectors.items() if connector.waiting), "")

    @property
    def pausing(self) -> bool:
        """Whether the exchange waits for a member that can serve it."""
        return any(timer.alive for timer in self.timers)

    @property
    def busy(self) -> dict[str, int]:
        """What each member believes to serve."""
        return {route: member.busy for route, member in self.members.items()}

    # -- facts ------------------------------------------------------------------------------------------------------

    def start(self) -> Script:
        """The request came."""
        self.exchange.start()
        return self

    def connected(self, reused: bool = False) -> RecordingLink:
        """The member that was asked for is connected."""
        route = self.waiting
        self.connectors[route].waiting = False
        link = self.link = RecordingLink(self.orders, route, reused)
        self.links.append(link)
        self.exchange.connected(link)
        return link

    def refused(self) -> None:
        """The member that was asked for cannot be connected to."""
        self.connectors[self.waiting].waiting = False
        self.exchange.connect_failed("connection refused")

    def begun(self, reused: bool = False) -> Script:
        """The request came, and its first member is connected; the orders up to here are of no interest."""
        self.start()
        self.connected(reused)
        self.taken()
        return self

    def full(self, term: str = "queue-timeout") -> None:
        """The member that was asked for has no connection to spare."""
        self.connectors[self.waiting].waiting = False
        self.exchange.not_served(term)

    def short(self) -> None:
        """There is nothing left to connect with."""
        self.connectors[self.waiting].waiting = False
        self.exchange.no_capacity()

    def wait(self, seconds: float) -> None:
        """Time passes, and what was to be done in it is done."""
        until = self.now + seconds
        while due := [timer for timer in self.timers if timer.alive and timer.at <= until]:
            timer = min(due, key=lambda one: one.at)
            timer.alive = False
            self.now = timer.at
            timer.action()
        self.now = until

    def head(self, status: int = 200, *fields: bytes, http11: bool = True) -> Answer:
        """The head of an answer came."""
        return self.exchange.response_head(status, b"Words", list(fields), http11)

    def end_tunnel(self, received: int, sent: int) -> None:
        """The client closes its WebSocket, and both connections end.

        :param received: bytes that came from the client; ``sent``: from the member.
        """
        tunnel = self.exchange.tunnel
        assert tunnel is not None
        self.client_end.octets, self.member_end.octets = received, sent
        tunnel.close_received(tunnel.client, b"\x03\xe8")
        tunnel.close_received(tunnel.member, b"\x03\xe8")
        tunnel.lost(tunnel.member)
        assert not self.ends, "it is over only when both connections are"
        tunnel.lost(tunnel.client)

    def lost(self, begun: bool = False) -> None:
        """The link has ended before the head of an answer was complete."""
        assert self.link is not None
        self.link.alive = False
        self.exchange.link_lost("the connection ended", begun)


# -- looking at the orders ------------------------------------------------------------------------------------------


def respond(script: Script) -> Order:
    """The one head of an answer among the orders."""
    (answer,) = [order for order in script.orders if order[1] == "respond"]
    return answer


def cookies(order: Order) -> list[bytes]:
    """The Set-Cookie lines of a head."""
    return [line for line in order[4] if line.startswith(b"Set-Cookie")]


def page_of(script: Script, status: int, term: str) -> Order:
    """Assert that the client got a whole page of ours and all is over; returns its head."""
    answer = respond(script)
    assert answer[2] == status
    assert answer[5] == (len(script.client.body) or -1)
    assert script.client.whole
    assert [end[:2] for end in script.ends] == [(status, term)]
    assert not any(script.busy.values())
    assert not script.waiting
    assert not script.pausing
    assert script.link is None or not script.link.alive
    return answer
