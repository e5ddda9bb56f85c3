"""What is counted of each request and WebSocket: plain numbers in lists made beforehand, since every request pays for it."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterator

from twisted.web.server import Request as WebRequest

from ...core.balancer import FAILOVER, MOVED, NEW, REDIRECTED, STUCK, UNKNOWN, UNUSABLE, Balancer
from ...core.exchange import Exchange
from ...core.histogram import DURATIONS, OVERHEADS, Histogram
from ...core.member import Member
from ...core.tunnel import Tunnel

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "other")
CLASSES = ("none", "1xx", "2xx", "3xx", "4xx", "5xx")
SOURCES = ("none", "cookie", "path", "query", "other")
REASONS = (STUCK, NEW, UNKNOWN, UNUSABLE, REDIRECTED, MOVED, FAILOVER)

_ROW = {method.encode("ascii"): row * len(CLASSES) for row, method in enumerate(METHODS)}
_OTHER_METHOD = (len(METHODS) - 1) * len(CLASSES)
_SOURCE = {source: row * len(REASONS) for row, source in enumerate(SOURCES)}
_OTHER_SOURCE = (len(SOURCES) - 1) * len(REASONS)
_REASON = {reason: column for column, reason in enumerate(REASONS)}

_CODES = frozenset(range(1000, 1016))
_USUAL = [(who, code) for who in ("client", "member", "panolb") for code in ("1000", "1001", "1006", "1012")]


class Tally:
    """The numbers of a member; or of a balancer's requests that no member got; or of those that no balancer got.

    :ivar requests: a row of `CLASSES` for each of `METHODS`.
    :ivar pins: a row of `REASONS` for each of `SOURCES`.
    :ivar retries: how often it was given up for a further attempt, by why.
    :ivar terms: how requests and WebSockets ended, by the access log's words.
    :ivar closed: WebSockets that have ended, by who ended them and the close code.
    :ivar messages: of WebSockets: from clients, and from the member.
    :ivar backlog: bytes of them that wait to be sent to the other side.
    """

    __slots__ = (
        "backlog",
        "closed",
        "durations",
        "messages",
        "opened",
        "pins",
        "requests",
        "retries",
        "terms",
    )

    def __init__(self) -> None:
        self.requests = [0] * (len(METHODS) * len(CLASSES))
        self.durations = Histogram(DURATIONS)
        self.pins = [0] * (len(SOURCES) * len(REASONS))
        self.retries: Counter[str] = Counter()
        self.terms: Counter[str] = Counter()
        self.opened = 0
        self.closed: Counter[tuple[str, str]] = Counter()
        self.messages = [0, 0]
        self.backlog = [0, 0]

    def by_request(self) -> Iterator[tuple[str, str, int]]:
        """Method, class of the status, and how many: all classes of each method that there was, and of GET."""
        for row, method in enumerate(METHODS):
            counts = self.requests[row * len(CLASSES) : (row + 1) * len(CLASSES)]
            if row == 0 or any(counts):
                for name, count in zip(CLASSES, counts, strict=True):
                    if count or name != "none":
                        yield method, name, count

    def by_pin(self) -> Iterator[tuple[str, str, int]]:
        """Source of the route, why the member was chosen, and how many."""
        for row, source in enumerate(SOURCES):
            for column, reason in enumerate(REASONS):
                yield source, reason, self.pins[row * len(REASONS) + column]


class Counts:
    """The tallies of all members; told of all that begins and ends.

    :ivar overhead: what panolb itself took of the time of requests.
    """

    def __init__(self) -> None:
        self._tallies: dict[Member | Balancer | None, Tally] = {}
        self.overhead = Histogram(OVERHEADS)
        self._former: dict[str, Histogram] = {}  # durations of members that are gone, by balancer

    # -- told -------------------------------------------------------------------------------------------------------

    def finished(self, exchange: Exchange) -> None:
        """An exchange is over."""
        tally = self._tally(exchange)
        if exchange.term:
            tally.terms[exchange.term] += 1
        if exchange.tunnel is not None:
            _closed(tally, exchange)
            return
        self._count(tally, exchange)
        durations, seconds = tally.durations, exchange.ended - exchange.started
        durations.counts[bisect_left(DURATIONS, seconds)] += 1
        durations.sum += seconds

    def opened(self, exchange: Exchange) -> None:
        """An exchange has become a WebSocket."""
        tally = self._tally(exchange)
        if not tally.opened:
            tally.closed.update(dict.fromkeys(_USUAL, 0))  # see `configure`
        tally.opened += 1
        self._count(tally, exchange)

    def flowing(self, exchange: Exchange) -> None:
        """Bring the sums up to date with what has gone through a WebSocket since it was looked at last."""
        assert exchange.tunnel is not None
        _flow(self._tally(exchange), exchange.tunnel, over=False)

    def answered(self, request: WebRequest) -> None:
        """A request is over that twisted.web served."""
        tally = self._of(None)
        tally.requests[_ROW.get(request.method, _OTHER_METHOD) + min(request.code // 100, 5)] += 1

    def _count(self, tally: Tally, exchange: Exchange) -> None:
        """Count a request that has got its answer."""
        tally.requests[_ROW.get(exchange.request.method, _OTHER_METHOD) + exchange.status // 100] += 1
        decision, route = exchange.decision, exchange.route
        if decision is None:
            return
        source = 0 if route is None else _SOURCE.get(route.source, _OTHER_SOURCE)
        tally.pins[source + _REASON[decision.why]] += 1
        if exchange.retried:
            self._count_retries(exchange)
        elif exchange.passed:
            seconds = exchange.passed - exchange.started - exchange.queued - exchange.connecting
            overhead = self.overhead
            overhead.counts[bisect_left(OVERHEADS, seconds)] += 1
            overhead.sum += seconds

    def _count_retries(self, exchange: Exchange) -> None:
        for member, reason in exchange.retried:
            self._of(exchange.location.balancer if member.leaving else member).retries[reason] += 1

    def _tally(self, exchange: Exchange) -> Tally:
        """Whose an exchange is; a member that is leaving has no numbers of its own any more, and is not held on to."""
        decision = exchange.decision
        if decision is None or decision.member.leaving:
            return self._of(exchange.location.balancer)
        return self._tallies.get(decision.member) or self._of(decision.member)

    def _of(self, key: Member | Balancer | None) -> Tally:
        tally = self._tallies.get(key)
        if tally is None:
            tally = self._tallies[key] = Tally()
        return tally

    # -- asked ------------------------------------------------------------------------------------------------------

    def configure(self, members: Collection[Member], balancers: Collection[Balancer]) -> None:
        """Count for these, and forget what belongs to others.

        All begin at 0: Prometheus sees no increase when a number appears that was not there before.  The durations of
        other members stay with their balancer, whose count must not go backwards.
        """
        names = {balancer.name for balancer in balancers}
        for key in list(self._tallies):
            if isinstance(key, Member) and key not in members:
                gone = self._tallies.pop(key)
                self._former.setdefault(key.spec.balancer, Histogram(DURATIONS)).take(gone.durations)
            elif isinstance(key, Balancer) and key not in balancers:
                del self._tallies[key]
        self._former = {name: durations for name, durations in self._former.items() if name in names}
        for one in (*members, *balancers, None):
            self._of(one)

    def tallies(self) -> Iterator[tuple[str, Member | None, Tally]]:
        """The name of the balancer (empty for none), the member, and the numbers."""
        for key, tally in self._tallies.items():
            if isinstance(key, Member):
                yield key.spec.balancer, key, tally
            else:
                yield "" if key is None else key.name, None, tally

    def durations(self) -> dict[str, Histogram]:
        """How long requests took, by balancer."""
        found: dict[str, Histogram] = {}
        for balancer, _, tally in self.tallies():
            if balancer:
                found.setdefault(balancer, Histogram(DURATIONS)).take(tally.durations)
        for balancer, durations in self._former.items():
            found.setdefault(balancer, Histogram(DURATIONS)).take(durations)
        return found


def _closed(tally: Tally, exchange: Exchange) -> None:
    """Count a WebSocket that is over."""
    tunnel = exchange.tunnel
    assert tunnel is not None
    tally.closed[tunnel.closed_by, _code(tunnel.code)] += 1
    _flow(tally, tunnel, over=True)


def _flow(tally: Tally, tunnel: Tunnel, over: bool) -> None:
    for direction, half in enumerate((tunnel.client, tunnel.member)):
        messages, to = half.end.messages, half.other
        waiting = 0 if over or to.lost else to.end.backlog
        tally.messages[direction] += messages - half.counted
        tally.backlog[direction] += waiting - half.waiting
        half.counted, half.waiting = messages, waiting


def _code(code: int) -> str:
    """A close code; those that applications choose are told by their range, since clients can send any."""
    if code in _CODES:
        return str(code)
    return f"{code // 1000}xxx" if 3000 <= code < 5000 else "other"
