"""What the log says of requests that were turned away for want of room: a line a minute for each place, not one each."""

from __future__ import annotations

from collections.abc import Callable

from ..core.exchange import Exchange
from ..events import EventLogger
from .seldom import Seldom

log = EventLogger()

# By the exchange's term: the event, and words; what is named in front of them is the exchange's "whose".
_QUEUE, _WEBSOCKETS, _RETRIES = "limit.queue", "limit.websockets", "limit.retries"
_SAID = {
    "queue-full": (_QUEUE, "member", "as many requests as queue says wait for it; more get 503"),
    "queue-timeout": (
        _QUEUE,
        "member",
        "requests wait for it longer than queue_timeout or acquire, and get 503",
    ),
    "retry-budget": (_RETRIES, "balancer", "retry_budget is used up; what cannot be connected gets 503"),
    "full": (_WEBSOCKETS, "", "as many WebSockets are open as max_open allows; more get 503"),
    "client-full": (
        _WEBSOCKETS,
        "client",
        "it has as many WebSockets as max_per_client allows; more get 503",
    ),
    "member-full": (_WEBSOCKETS, "member", "it has its max_websockets; more get 503"),
    "too-fast": (_WEBSOCKETS, "member", "new WebSockets come faster than its websocket_rate; some get 503"),
}


class Shortages:
    """Where there was no room.

    :param clock: reads a monotonic clock in seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._seldom = Seldom(clock)

    def note(self, exchange: Exchange) -> None:
        """An exchange is over that did not end well; perhaps for want of room."""
        said = _SAID.get(exchange.term)
        if said is None:
            return
        event, kind, words = said
        place = _name(exchange, kind)
        since = self._seldom.take((place, exchange.term))
        if since is None:
            return
        log.warn(
            "{whose}: {words}{since}",
            event=event,
            whose=f"{kind} {place}" if kind else "WebSockets",
            words=words,
            since=since,
            term=exchange.term,
            **({kind: place} if kind else {}),
        )


def _name(exchange: Exchange, kind: str) -> str:
    if kind == "client":
        return exchange.client.peer.client(exchange.request).decode("ascii")
    if kind == "balancer":
        return "" if exchange.location.balancer is None else exchange.location.balancer.name
    return "" if exchange.decision is None else exchange.decision.member.spec.name
