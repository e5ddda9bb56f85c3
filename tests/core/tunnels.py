"""A WebSocket's two sides that only write down what they are told, and a clock that stands still until it is moved."""

from __future__ import annotations

from typing import Any

from panolb.core.half import BETWEEN
from panolb.core.terms import Terms
from panolb.core.tunnel import NEVER, Tunnel

PING = b"our ping"

Order = tuple[Any, ...]


class RecordingEnd:
    """The port to one side.

    :ivar readiness: where what it was sent stands; for the test to change, as is all else.
    """

    def __init__(self, orders: list[Order], name: str) -> None:
        self.readiness = BETWEEN
        self.backlog = 0
        self.given = 0
        self.taken = 0
        self.messages = 0
        self.octets = 0
        self._orders = orders
        self._name = name

    def send_ping(self, payload: bytes) -> None:
        self._orders.append((self._name, "ping", payload))

    def send_close(self, payload: bytes) -> None:
        self._orders.append((self._name, "close", payload))

    def finish(self) -> None:
        self._orders.append((self._name, "finish"))

    def cut(self) -> None:
        self._orders.append((self._name, "cut"))


class Scene:
    """A tunnel between two recording ends.

    :ivar now: what the clock says.
    :ivar due: the clock reading at which the tunnel asked to be woken.
    :ivar orders: what the ends were told.
    :ivar ended: how often the tunnel said that it was over.
    """

    def __init__(self, **terms: Any) -> None:
        self.now = 1000.0
        self.due = NEVER
        self.ended = 0
        self.orders: list[Order] = []
        self.client_end = RecordingEnd(self.orders, "client")
        self.member_end = RecordingEnd(self.orders, "member")
        self.tunnel = Tunnel(Terms(**terms), lambda: self.now, self._wake, self._over, PING)
        self.client, self.member = self.tunnel.client, self.tunnel.member
        self.client.end, self.member.end = self.client_end, self.member_end
        self.tunnel.start()

    def _wake(self, due: float) -> None:
        self.due = due

    def _over(self) -> None:
        self.ended += 1

    def taken(self) -> list[Order]:
        """The orders since the last look."""
        orders = self.orders.copy()
        self.orders.clear()
        return orders

    def wait(self, seconds: float) -> list[Order]:
        """Time passes, and the tunnel is woken when it asked for it; the orders that it gives meanwhile."""
        self.orders.clear()
        until = self.now + seconds
        while self.due <= until:
            self.now, self.due = max(self.now, self.due), NEVER
            self.tunnel.look()
        self.now = until
        return self.taken()

    @property
    def account(self) -> tuple[str, str, int]:
        """How it ended: the word for the log, who closed, with which code."""
        return self.tunnel.term, self.tunnel.closed_by, self.tunnel.code
