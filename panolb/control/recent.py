"""What became of the last requests, and why; for whoever asks about one by its id.

Every request pays for it, so little is kept of each, as it stands: no header field, no cookie and no query.  How its
balancer's members stood at that time is known to the balancer (`panolb.core.standing.Past`).

In memory an ordinary request takes some 400 bytes, and no more than 1 KB whatever its client sends.
"""

from __future__ import annotations

import re
from collections import deque
from typing import Any, NamedTuple

from ..core.balancer import STUCK, Balancer, Decision
from ..core.exchange import Exchange
from ..core.location import Location
from ..core.member import Member
from ..core.sticky import Route
from ..language.logtokens import escaped

ORDINARY = 5000  # of all requests, so many are remembered
TELLING = 5000  # of those somebody is likely to ask about, so many

MOST = 200  # bytes of a path or a host
WHOLE_ROUTE, PART_OF_ROUTE = 20, 8  # bytes; a longer one that no member has may be a secret


class Remembered(NamedTuple):
    """An exchange that is over, or a WebSocket that is open.

    :ivar term: how it ended, as in the access log; ``opened`` for a WebSocket that is open.
    :ivar tried: members that were tried in vain.
    """

    number: int
    location: Location
    decision: Decision | None
    route: Route | None
    method: bytes
    path: bytes
    status: int
    started: float
    host: bytes = b""
    websocket: bool = False
    term: str = ""
    tried: tuple[Member, ...] = ()

    def shown_path(self) -> str:
        """The path for people; not the parameters in it, of which ``;jsessionid=`` is one."""
        return escaped(re.sub(rb";[^/]*", b"", self.path)).decode("ascii")


class Recent:
    """The last requests."""

    def __init__(self, ordinary: int = ORDINARY, telling: int = TELLING) -> None:
        self._ordinary: deque[tuple[Any, ...]] = deque(maxlen=ordinary)
        self._telling: deque[Remembered] = deque(maxlen=telling)

    def note(self, exchange: Exchange) -> None:
        """An exchange is over."""
        decision = exchange.decision
        if (
            exchange.term
            or exchange.status >= 500
            or exchange.upgrade is not None
            or exchange.attempts != 1
            or (exchange.route is not None and (decision is None or decision.why is not STUCK))
        ) and exchange.term != "local":
            self._note_telling(exchange, exchange.term)
            return
        request = exchange.request
        path = request.path
        self._ordinary.append(
            (
                exchange.id,
                exchange.location,
                decision,
                exchange.route,  # a member's, or none
                request.method,
                path if len(path) <= MOST else path[:MOST],
                exchange.status,
                exchange.started,
            )
        )

    def opened(self, exchange: Exchange) -> None:
        """A WebSocket stands."""
        self._note_telling(exchange, "opened")

    def _note_telling(self, exchange: Exchange, term: str) -> None:
        request = exchange.request
        self._telling.append(
            Remembered(
                exchange.id,
                exchange.location,
                exchange.decision,
                None if exchange.route is None else _cut(exchange.route, exchange.location.balancer),
                request.method,
                request.path[:MOST],
                exchange.status,
                exchange.started,
                request.host[:MOST],
                request.websocket is not None,
                term,
                exchange.tried,
            )
        )

    def find(self, number: int) -> Remembered | None:
        """The exchange of this number; the last that was noted of it."""
        for telling in reversed(self._telling):
            if telling.number == number:
                return telling
        return next((Remembered(*one) for one in reversed(self._ordinary) if one[0] == number), None)


def _cut(route: Route, balancer: Balancer | None) -> Route:
    """A route as far as it may be shown: the client can have written anything there."""
    value = route.value
    if len(value) > WHOLE_ROUTE and not any(
        value == one.spec.route for one in (balancer.members if balancer else ())
    ):
        value = value[:PART_OF_ROUTE] + b"..."
    return Route(value, route.source, route.name)
