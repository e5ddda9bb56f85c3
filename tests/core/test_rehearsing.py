"""A rehearsal says what then happens, and leaves no trace, whatever has happened to the members before."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from panolb.core.admission import Admission
from panolb.core.balancer import Balancer, Settings
from panolb.core.cookie import RouteCookie
from panolb.core.exchange import Exchange
from panolb.core.explaining import Choice, because, key_of, verdicts
from panolb.core.headers import Peer
from panolb.core.location import Location
from panolb.core.member import Admin, Member
from panolb.core.pins import Pins
from panolb.core.policies import ByBusyness, ByRequests, ByTraffic, Policy
from panolb.core.rehearsing import Rehearsed, Unrehearsable, copied, rehearse
from panolb.core.request import Request
from panolb.core.rules import Rules
from panolb.core.sticky import RouteResolver
from panolb.language import environment, headers

from .building import ask, spec
from .script import HANDSHAKE, SWITCH, UPGRADE, Order, RecordingClient, RecordingLink, RecordingTimer

WHO = st.integers(0, 4)
SPECS = st.fixed_dictionaries(
    {"route": st.sampled_from(["", "1", "2", "3"]), "lbset": st.integers(0, 1)},
    optional={
        "hot_spare": st.booleans(),
        "hot_standby": st.booleans(),
        "admin": st.sampled_from(Admin),
        "loadfactor": st.sampled_from([100, 300]),
        "retry": st.sampled_from([0.0, 1.0, 60.0]),
        "redirect": st.sampled_from([b"1", b"2", b"9"]),
        "max_websockets": st.integers(1, 2),
        "websocket_rate": st.just(1.0),
        "acquire": st.just(1.0),
    },
)  # fmt: skip
RULES = st.fixed_dictionaries(
    {
        "nofailover": st.booleans(),
        "forcerecovery": st.booleans(),
        "slow_start": st.sampled_from([0.0, 30.0]),
        "panic_threshold": st.sampled_from([1.0, 0.5]),
        "wait": st.sampled_from([0.0, 1.0]),
        "retry_budget": st.sampled_from([1.0, 0.1]),
        "cookie": st.sampled_from([None, RouteCookie("ROUTEID")]),
        "resolver": st.sampled_from([None, RouteResolver("ROUTEID")]),
    }
)
METHODS = st.sampled_from([ByRequests, ByBusyness, ByTraffic])
REQUESTS = st.tuples(
    st.sampled_from(["", "1", "2", "3", "9"]), st.booleans(), st.sampled_from([b"GET", b"HEAD", b"POST"])
)
HEADER = 'add Set-Cookie "MINE=.%{BALANCER_WORKER_ROUTE}e" env=BALANCER_ROUTE_CHANGED'


class Way:
    """A way to a member that always leads there, unless it is full."""

    def __init__(self) -> None:
        self.full = False
        self.asked = False

    def connect(self, exchange: Exchange, fresh: bool) -> None:
        self.asked = True

    def cancel(self, exchange: Exchange) -> None:
        self.asked = False


def shown(thing: Any, depth: int = 0) -> Any:
    """All that there is of an object, for comparison."""
    names = [name for kind in type(thing).__mro__ for name in getattr(kind, "__slots__", ())]
    names += list(getattr(thing, "__dict__", ()))
    if (isinstance(thing, Member | Exchange) and depth) or isinstance(
        thing, RouteCookie
    ):  # it remembers lines
        return id(thing)
    if isinstance(thing, set):
        return {shown(one, depth + 1) for one in thing}
    if isinstance(thing, tuple | list) or type(thing).__name__ in ("deque", "OrderedDict"):
        return [shown(one, depth + 1) for one in thing]
    if not names or not type(thing).__module__.startswith("panolb.core") or depth > 3:
        return repr(thing)
    return {name: shown(getattr(thing, name), depth + 1) for name in names if hasattr(thing, name)}


class AnyOrder(RuleBasedStateMachine):
    """Faults, checks, the operator's wishes, time, and requests that are explained first."""

    @initialize(
        specs=st.lists(SPECS, min_size=1, max_size=5), rules=RULES, method=METHODS, ruled=st.booleans()
    )
    def begin(
        self, specs: list[dict[str, Any]], rules: dict[str, Any], method: type[Policy], ruled: bool
    ) -> None:
        self.now = 10.0
        self.news: list[str] = []
        self.timers: list[RecordingTimer] = []
        self.open: list[Exchange] = []
        members = [self.member(number, **one) for number, one in enumerate(specs)]
        self.balancer = Balancer(
            "b",
            members,
            method(),
            Settings(**rules),
            later=self.later,
            watcher=lambda *news: self.news.append(str(news)),
            alarm=lambda *news: self.news.append(str(news)),
            now=self.now,
        )
        answers = headers.ResponseRules([headers.parse_response_rule(HEADER)])
        self.location = Location(
            b"/panopticon",
            self.balancer,
            lambda: self.now,
            finished=lambda exchange: self.news.append("finished"),
            admission=Admission(4, 3),
            rules=Rules(environment.Environment([]), headers.RequestRules([]), answers) if ruled else None,
        )

    def member(self, number: int, **changes: Any) -> Member:
        return Member(spec(url=f"http://localhost:{8080 + number}/panopticon", **changes), Way())

    def later(self, seconds: float, action: Any) -> RecordingTimer:
        self.timers.append(RecordingTimer(self.now + seconds, action))
        return self.timers[-1]

    def someone(self, number: int) -> Member:
        return self.balancer.members[number % len(self.balancer.members)]

    @rule(who=WHO)
    def fault(self, who: int) -> None:
        self.balancer.fault(self.someone(who), self.now, "connection refused")

    @rule(who=WHO, passed=st.booleans())
    def check(self, who: int, passed: bool) -> None:
        self.balancer.observe(self.someone(who), passed, "status 500", 1, 1, self.now)

    @rule(who=WHO, admin=st.sampled_from(Admin), moving=st.booleans())
    def order(self, who: int, admin: Admin, moving: bool) -> None:
        self.balancer.set_admin(self.someone(who), admin, self.now, moving)

    @rule(who=WHO)
    def move(self, who: int) -> None:
        """An operator moves all sessions: they count as one here."""
        self.balancer.pins = self.balancer.pins or Pins(lambda request, peer: 1, lifetime=40.0)
        self.balancer.pins.put(1, self.someone(who), "192.0.2.7", self.now)

    @rule(who=WHO)
    def fill(self, who: int) -> None:
        way = self.someone(who).connector
        assert isinstance(way, Way)
        way.full = not way.full

    @rule(seconds=st.sampled_from([0.1, 1.0, 20.0, 61.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def close(self) -> None:
        """A WebSocket ends."""
        if self.open:
            self.open.pop().client_lost()

    @rule(asked=REQUESTS, count=st.integers(1, 4))
    def request(self, asked: tuple[str, bool, bytes], count: int) -> None:
        for _ in range(count):
            self.one_request(*asked)

    def one_request(self, route: str, websocket: bool, method: bytes) -> None:
        fields = [f"Cookie: ROUTEID=.{route}".encode()] if route else []
        method = b"GET" if websocket else method
        request = ask(*fields, *(HANDSHAKE if websocket else ()), method=method)
        before, news = self.state(), len(self.news)
        told = rehearse(request, self.location, self.peer(), UPGRADE if websocket else None, self.is_full)
        assert self.state() == before, "a rehearsal leaves no trace"
        assert len(self.news) == news, "nobody is told of a rehearsal"
        self.check_words(told)
        again = ask(*fields, *(HANDSHAKE if websocket else ()), method=method)
        self.compare(told, *self.send(again, websocket))

    def is_full(self, member: Member, bound: bool) -> bool:
        return isinstance(member.connector, Way) and member.connector.full

    def state(self) -> Any:
        return shown(self.location), shown(self.balancer), [shown(m) for m in self.balancer.members]

    def peer(self) -> Peer:
        return Peer(b"192.0.2.7", False, True, b"lb")

    def send(self, request: Request, websocket: bool) -> tuple[Exchange, list[Order], RecordingLink | None]:
        """What really happens, up to a plain answer."""
        orders: list[Order] = []
        client = RecordingClient(orders, self.peer())
        exchange = Exchange(request, self.location, client)
        exchange.upgrade = UPGRADE if websocket else None
        exchange.start()
        while (way := self.way_of(exchange)) is not None and way.full:
            way.asked = False
            exchange.not_served("queue-full")
        if way is None:
            for timer in self.timers:
                if timer.alive:
                    exchange.client_lost()
            self.timers.clear()
            return exchange, orders, None
        way.asked = False
        link = RecordingLink(orders, "link", False)
        exchange.connected(link)
        if websocket:
            exchange.response_head(101, b"", SWITCH, True)
            exchange.switched(link, b"")
            self.open.append(exchange)
        else:
            exchange.response_head(200, b"OK", [b"Content-Length: 0"], True)
            exchange.response_end()
        return exchange, orders, link

    def way_of(self, exchange: Exchange) -> Way | None:
        """The way that the exchange has asked for."""
        way = None if exchange.decision is None else exchange.decision.member.connector
        return way if isinstance(way, Way) and way.asked else None

    def compare(
        self, told: Rehearsed, exchange: Exchange, orders: list[Order], link: RecordingLink | None
    ) -> None:
        """The rehearsal said it."""
        said, happened = told.exchange.decision, exchange.decision
        assert (said is None) == (happened is None)
        if said is not None and happened is not None:
            assert (said.member, said.why, said.changed) == (happened.member, happened.why, happened.changed)
        assert told.exchange.route == exchange.route
        assert told.head == (b"" if link is None else link.head)
        assert told.waits == (exchange.status == 499)
        answers = [order for order in orders if order[:2] in (("client", "respond"), ("client", "switch"))]
        lines = answers[0][4] if answers and answers[0][1] == "respond" else answers[0][3] if answers else []
        assert cookies(told.lines) == cookies(lines)
        if link is None and not told.waits:
            assert (told.status, told.exchange.term) == (exchange.status, exchange.term)
            assert told.status >= 500

    def check_words(self, told: Rehearsed) -> None:
        """The members' verdicts fit the decision."""
        decision = told.exchange.decision
        has_one = decision is not None and decision.member not in told.refused
        choice = Choice(
            standings=told.standings,
            route=told.exchange.route,
            chosen=key_of(decision.member.spec) if has_one and decision is not None else None,
            why="" if decision is None else decision.why,
            nofailover=self.balancer.nofailover,
            now=self.now,
            tried={key_of(member.spec): words for member, words in told.refused.items()},
            full=[key_of(member.spec) for member in told.refused],
            asked={key_of(member.spec) for member in told.asked} or None,
        )
        assert because(choice, self.balancer.resolver is not None)
        found = verdicts(choice)
        words = {key_of(one.standing.spec): one.word for one in found}
        assert all(one.words for one in found)
        assert [key for key, word in words.items() if word == "chosen"] == (
            [] if choice.chosen is None else [choice.chosen]
        )
        passed_over = {key for key, word in words.items() if word == "passed-over"}
        if choice.chosen is None:
            assert not passed_over
        elif choice.is_bound:
            assert not passed_over & {"warming-up"}
        else:
            assert passed_over == {key_of(member.spec) for member in told.asked} - {choice.chosen}


def cookies(lines: Sequence[bytes]) -> list[bytes]:
    """The Set-Cookie lines among some."""
    return [line for line in lines if line.startswith(b"Set-Cookie:")]


AnyOrder.TestCase.settings = settings(max_examples=100, stateful_step_count=25, deadline=None)
TestAnyOrder = AnyOrder.TestCase


class Counting:
    """A balancing method that keeps counts of its own, by member."""

    def __init__(self) -> None:
        self.counts: dict[Member, int] = {}

    def pick(self, candidates: Sequence[Member]) -> Member:
        found = min(candidates, key=lambda member: self.counts.get(member, 0))
        self.counts[found] = self.counts.get(found, 0) + 1
        return found

    def stuck(self, member: Member, usable: Sequence[Member]) -> None:
        self.counts[member] = self.counts.get(member, 0) + 1


def test_a_method_that_keeps_counts() -> None:
    """What a plugin holds is copied, and its members are not."""
    members = [Member(spec(route), Way()) for route in "12"]
    method = Counting()
    assert copied(method, members).pick(members) is members[0]
    assert method.counts == {}
    method.pick(members)
    assert copied(method, members).pick(members) is members[1]


def test_a_method_that_says_how_it_is_copied() -> None:
    """``__copy__`` wins."""

    class Own(Counting):
        def __copy__(self) -> Counting:
            other = Counting()
            other.counts = {members[0]: 5}
            return other

    members = [Member(spec(route), Way()) for route in "12"]
    assert copied(Own(), members).pick(members) is members[1]


def test_a_method_that_cannot_be_copied() -> None:
    """That is said, and everything is put back."""

    class Held(Counting):
        def __init__(self) -> None:
            super().__init__()
            self.file = sys.stdout

    balancer = Balancer("b", [Member(spec("1"), Way())], Held(), Settings())
    location = Location(b"", balancer, lambda: 0.0)
    with pytest.raises(Unrehearsable, match="Held cannot be copied"):
        rehearse(ask(), location, Peer(b"192.0.2.7", False, False, b"lb"))
    assert isinstance(balancer.policy, Held)
    assert isinstance(balancer.members[0].connector, Way)


@pytest.mark.parametrize("raising", [True, False])
def test_a_method_that_raises(raising: bool) -> None:
    """Its exception is told, and everything is put back."""

    class Raising(ByRequests):
        def pick(self, candidates: Sequence[Member]) -> Member:
            if raising:
                raise RuntimeError("no idea")
            return super().pick(candidates)

    members = [Member(spec(route), Way()) for route in "12"]
    balancer = Balancer("b", members, Raising(), Settings())
    location = Location(b"", balancer, lambda: 0.0)
    told = rehearse(ask(), location, Peer(b"192.0.2.7", False, False, b"lb"))
    assert (told.status, str(told.broken)) == ((502, "no idea") if raising else (0, "None"))
    assert [member.lbstatus for member in members] == [0, 0]
    assert isinstance(balancer.policy, Raising)
