"""The live side of a demo member: invented numbers, pushed to every browser by WebSocket."""

# mypy: allow-untyped-calls
# (most of twisted.web's and autobahn's methods have no annotations)

from __future__ import annotations

import json
import math
from functools import partial
from random import Random
from typing import Any

from autobahn.twisted.resource import WebSocketResource
from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from autobahn.websocket.types import ConnectionRequest
from twisted.internet.task import LoopingCall

from panolb.demo.sessions import Sessions, cookies_of

TICK = 0.2
"""Seconds between two messages to a browser."""

LARGEST_MESSAGE = 1024 * 1024
"""Bytes of one message that a browser may send; more is closed with 1009 (RFC 6455 section 7.4.1)."""

GOING_AWAY = 1001
"""The close code of a server that is going down (RFC 6455 section 7.4.1)."""

SHARES = {"ALDER": 84.2, "BIRCH": 131.5, "CEDAR": 42.8, "LARCH": 215.0, "ROWAN": 67.4}
"""The invented shares with their opening prices."""


class Numbers:
    """Numbers that look like a trading desk: waves, noise and random walks.

    :param chance: where the noise comes from, so that two members show different curves.
    """

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        self._phase = chance.uniform(0.0, math.tau)
        self._prices = dict(SHARES)
        self._noise = 0.0

    def read(self, now: float) -> dict[str, Any]:
        """The numbers at ``now`` (seconds of any clock), as the dashboard expects them."""
        noise = self._chance.gauss
        self._noise = 0.8 * self._noise + noise(0.0, 5.0)
        wave = math.sin(now / 9.0 + self._phase) + 0.5 * math.sin(now / 3.7)
        for share, opening in SHARES.items():
            pull = (opening - self._prices[share]) * 0.002
            self._prices[share] += pull + noise(0.0, opening * 0.0006)
        changes = {share: self._prices[share] / opening - 1.0 for share, opening in SHARES.items()}
        return {
            "orders": round(430.0 + 45.0 * wave + self._noise, 1),
            "latency": round(8.0 + 1.5 * wave + abs(noise(0.0, 0.6)), 1),
            "index": round(1000.0 * (1.0 + sum(changes.values()) / len(changes)), 2),
            "prices": [
                {"share": share, "price": round(self._prices[share], 2), "change": round(100 * change, 2)}
                for share, change in changes.items()
            ],
        }


class LiveSocket(WebSocketServerProtocol):
    """One browser's WebSocket: gets the feed's messages, and its own text back behind the member's name.

    It is also the push producer of its own transport: a browser that reads too slowly misses ticks and is not
    read from, so that nothing piles up here.
    """

    def __init__(self, feed: LiveFeed) -> None:
        super().__init__()
        self._feed = feed
        self._cookies: dict[str, str] = {}
        self._socket: Any = self
        self.behind = False

    def onConnect(self, request: ConnectionRequest) -> None:
        """Remember the cookies of the handshake; whether the page is ours was asked before."""
        self._cookies = cookies_of([request.headers.get("cookie", "")])

    def onOpen(self) -> None:
        """Greet, and join the feed."""
        self._socket.unregisterProducer()  # twisted.web's channel registered itself before the upgrade
        self._socket.registerProducer(self, True)
        self._feed.join(self, self._cookies)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """Echo: text behind the member's name, binary as it came."""
        prefix = b"" if isBinary else f"{self._feed.name}: ".encode()
        self._socket.sendMessage(prefix + payload, isBinary)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        """Leave the feed, whatever ended the connection."""
        self._feed.leave(self)

    def push(self, message: dict[str, Any]) -> None:
        """Send one message as JSON text, unless the closing handshake has begun."""
        if self._socket.state == self.STATE_OPEN:
            self._socket.sendMessage(json.dumps(message).encode())

    def close_cleanly(self, code: int, reason: str) -> None:
        """Start the closing handshake; ``sendClose`` would refuse 1001 as not for applications."""
        self._socket.sendCloseFrame(code=code, reasonUtf8=reason.encode())

    def pauseProducing(self) -> None:
        """The browser is slow: skip ticks and stop reading."""
        self.behind = True
        self._socket.transport.pauseProducing()

    def resumeProducing(self) -> None:
        """The browser has caught up."""
        self.behind = False
        self._socket.transport.resumeProducing()

    def stopProducing(self) -> None:
        """The connection is gone; ``onClose`` does what is to be done."""


class LiveFeed:
    """All WebSockets of one member and the clock that feeds them.

    :param reactor: IReactorTime; its clock drives the numbers.
    :param name: the member's name, in every greeting.
    """

    def __init__(self, reactor: Any, name: str, route: str, sessions: Sessions) -> None:
        self.name = name
        self._reactor = reactor
        self._route = route
        self._sessions = sessions
        self._numbers = Numbers(Random(f"{name}.{route}"))
        self._sockets: set[LiveSocket] = set()
        self._count = 0
        self._ticking = LoopingCall(self._tick)
        self._ticking.clock = reactor

    def __len__(self) -> int:
        return len(self._sockets)

    def resource(self) -> Any:
        """The twisted.web resource that turns a request into a WebSocket."""
        new_factory: Any = WebSocketServerFactory
        factory = new_factory(server="demo", reactor=self._reactor)
        factory.protocol = partial(LiveSocket, self)
        factory.setProtocolOptions(
            webStatus=False,
            maxFramePayloadSize=LARGEST_MESSAGE,
            maxMessagePayloadSize=LARGEST_MESSAGE,
            closeHandshakeTimeout=1,
        )
        new_resource: Any = WebSocketResource
        return new_resource(factory)

    def start(self) -> None:
        """Begin to tick."""
        self._ticking.start(TICK, now=False)

    def stop(self) -> None:
        """Tick no more; open sockets stay as they are."""
        if self._ticking.running:
            self._ticking.stop()

    def close(self, reason: str) -> None:
        """Say goodbye (1001) on every socket."""
        for socket in list(self._sockets):
            socket.close_cleanly(GOING_AWAY, reason)

    def join(self, socket: LiveSocket, cookies: dict[str, str]) -> None:
        """Greet a new socket and feed it from now on."""
        session = self._sessions.find(cookies)
        self._sockets.add(socket)
        socket.push(
            {
                "type": "hello",
                "member": self.name,
                "route": self._route,
                "user": session.user if session else None,
                "session": session.id if session else None,
            }
        )

    def leave(self, socket: LiveSocket) -> None:
        """Feed a socket no longer."""
        self._sockets.discard(socket)

    def _tick(self) -> None:
        self._count += 1
        message = {
            "type": "tick",
            "count": self._count,
            "sockets": len(self._sockets),
            "sessions": len(self._sessions),
            **self._numbers.read(self._reactor.seconds()),
        }
        for socket in list(self._sockets):
            if not socket.behind:
                socket.push(message)
