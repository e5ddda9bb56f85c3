"""Who may open a WebSocket: limits that hold, counts that come back to nothing, and times to come again that differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from math import ceil
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from panolb.core.admission import MAX_WAIT, Admission, Bucket, Gate

from .building import ask
from .script import BOUND, HANDSHAKE, SWITCH, Script, page_of

# -- the bucket ---------------------------------------------------------------------------------------------------------

RATES = st.one_of(st.integers(1, 1000), st.floats(0.01, 1000))


@given(RATES, st.integers(1, 50), st.lists(st.floats(0, 5), min_size=1, max_size=200))
def test_no_more_than_the_rate_and_no_fewer(rate: float, burst: int, pauses: list[float]) -> None:
    """In no stretch of time are more let in than the burst and what it brings; who is sent away would be one too many."""
    bucket, now = Bucket(rate, burst), 0.0
    admitted: list[float] = []
    for pause in pauses:
        now += pause
        if bucket.take(now) == 0:
            admitted.append(now)
            assert all(count <= room + 1e-6 for count, room in stretches(admitted, now, rate, burst))
        else:
            assert any(count + 1 > room - 1e-6 for count, room in stretches(admitted, now, rate, burst))


def stretches(admitted: list[float], now: float, rate: float, burst: int) -> list[tuple[int, float]]:
    """For each stretch of time up to now how many were let in, and for how many there was room."""
    return [(len(admitted) - n, burst + rate * (now - since)) for n, since in enumerate(admitted)]


@given(st.integers(1, 500), st.integers(1, 5000), st.floats(0, 1e6))
def test_those_sent_away_come_back_at_different_times(rate: int, number: int, now: float) -> None:
    """However many there are, no second is promised to many more than it has tokens for, or than is unavoidable."""
    bucket = Bucket(rate, 1)
    assert bucket.take(now) == 0
    seconds = Counter(ceil(bucket.take(now)) for _ in range(number))
    assert set(seconds) <= set(range(1, int(MAX_WAIT) + 1))
    rounds = ceil(number / (rate * MAX_WAIT))
    assert max(seconds.values()) <= rounds * (rate + 1)


@given(RATES, st.lists(st.floats(0, 0.1), min_size=1, max_size=200))
def test_promises_do_not_grow(rate: float, pauses: list[float]) -> None:
    """Who asks again and again, as scripts do that see no Retry-After, drives nobody's time up; nor does it last."""
    bucket, now = Bucket(rate, 1), 0.0
    for pause in pauses:
        now += pause
        assert 0 <= bucket.take(now) <= MAX_WAIT
    now += MAX_WAIT + 2 / rate
    assert bucket.take(now) == 0
    assert bucket.take(now) == pytest.approx(1 / rate % MAX_WAIT)


def test_tokens_come_back() -> None:
    """Ten a second, three at once."""
    bucket = Bucket(10, 3)
    assert [bucket.take(100.0) == 0 for _ in range(4)] == [True, True, True, False]
    assert bucket.take(100.05) > 0
    assert [bucket.take(100.101) == 0 for _ in range(2)] == [True, False]
    assert [bucket.take(500.0) == 0 for _ in range(4)] == [True, True, True, False]


def test_no_rate_is_no_limit() -> None:
    """``websocket_rate = 0``."""
    bucket = Bucket(0, 1)
    assert {bucket.take(0.0) for _ in range(1000)} == {0.0}


# -- limits -------------------------------------------------------------------------------------------------------------


def test_limits_are_asked_from_the_whole_to_the_member() -> None:
    """Each limit has its word, and who is refused takes no token."""
    admission, first, second = Admission(4, 2), Gate(2, 0.1, 3), Gate()

    def term(client: bytes, gate: Gate) -> str:
        refusal = admission.admit(client, gate, 0.0)
        if refusal is None:
            return ""
        assert refusal.retry_after >= 1
        assert refusal.reason.endswith(".")
        return refusal.term

    assert [term(b"a", first) for _ in range(3)] == ["", "", "client-full"]
    assert term(b"b", first) == "member-full"
    assert [term(b"b", second) for _ in range(2)] == ["", ""]
    assert term(b"c", second) == "full"
    assert (admission.open, first.open, second.open) == (4, 2, 2)
    admission.leave(b"a", first)
    assert [term(b"c", first), term(b"c", first)] == ["", "full"]
    admission.leave(b"c", first)
    assert (
        term(b"c", first) == "too-fast"
    )  # three of three tokens are gone, and none for those who were refused
    assert (admission.open, first.open, second.open) == (3, 1, 2)


class Counting(RuleBasedStateMachine):
    """Clients come and go."""

    def __init__(self) -> None:
        super().__init__()
        self.most, self.most_per_client = 6, 3
        self.limits: tuple[int | None, ...] = (2, 4, None)
        self.gates = [Gate(limit) for limit in self.limits]
        self.admission = Admission(self.most, self.most_per_client)
        self.inside: list[tuple[bytes, int]] = []

    @rule(client=st.sampled_from([b"a", b"b", b"c", b"d"]), gate=st.integers(0, 2))
    def come(self, client: bytes, gate: int) -> None:
        limit = self.limits[gate]
        room = (
            len(self.inside) < self.most
            and sum(one == client for one, _ in self.inside) < self.most_per_client
            and (limit is None or sum(where == gate for _, where in self.inside) < limit)
        )
        assert (self.admission.admit(client, self.gates[gate], 0.0) is None) is room
        if room:
            self.inside.append((client, gate))

    @precondition(lambda self: self.inside)
    @rule(which=st.integers(0, 5))
    def go(self, which: int) -> None:
        client, gate = self.inside.pop(which % len(self.inside))
        self.admission.leave(client, self.gates[gate])

    @invariant()
    def counts_are_right(self) -> None:
        assert self.admission.open == len(self.inside)
        for number, gate in enumerate(self.gates):
            assert gate.open == sum(where == number for _, where in self.inside)


TestCounting = Counting.TestCase


def test_clients_that_have_left_are_forgotten() -> None:
    """What is kept of clients is of those who are there."""
    admission, gate = Admission(None, 1), Gate()
    for number in range(10_000):
        client = b"%d" % number
        assert admission.admit(client, gate, 0.0) is None
        admission.leave(client, gate)
    assert not admission._clients


# -- exchanges ----------------------------------------------------------------------------------------------------------

SPECS: dict[str, dict[str, Any]] = {"1": {"max_websockets": 1}, "2": {}}


def handshake(admission: Admission, **changes: Any) -> Script:
    """One of the user of member 1, which takes one WebSocket."""
    place = {"admission": admission}
    return Script(ask(*HANDSHAKE, BOUND), **{"specs": SPECS, "place": place, **changes})


def counts(script: Script) -> tuple[int, int, int]:
    """How many are counted in all, and of members 1 and 2."""
    admission = script.location.admission
    assert admission is not None
    return admission.open, script.members["1"].gate.open, script.members["2"].gate.open


def leave(script: Script) -> None:
    """The client closes its connection."""
    script.exchange.client_lost()


def refused_by_member(script: Script) -> None:
    """The member says 403."""
    script.head(403, b"Content-Length: 0")
    script.exchange.response_end()


def broken_off(script: Script) -> None:
    """The member breaks the rules of HTTP."""
    script.exchange.link_failed("it sent what is not HTTP")


def out_of_time(script: Script) -> None:
    """The member says nothing."""
    script.exchange.link_timeout()


def switched(script: Script) -> None:
    """The member's 101 comes."""
    assert script.link is not None
    script.head(101, *SWITCH)
    script.exchange.switched(script.link, b"")


def not_bridged(script: Script) -> None:
    """The member's 101 does not fit to the client's handshake."""
    script.client.bridges = False
    switched(script)


def bridged(script: Script) -> None:
    """It becomes a WebSocket, and ends."""
    switched(script)
    assert counts(script) == (1, 1, 0)
    script.end_tunnel(1, 2)


@pytest.mark.parametrize(
    "end",
    [leave, refused_by_member, broken_off, out_of_time, not_bridged, bridged],
    ids=lambda end: end.__name__,
)
def test_counts_come_back_to_nothing(end: Callable[[Script], None]) -> None:
    """One counts from before its member is asked until its end, whatever that is."""
    script = handshake(Admission()).start()
    assert counts(script) == (1, 1, 0)
    script.connected()
    end(script)
    assert len(script.ends) == 1
    assert counts(script) == (0, 0, 0)


def test_client_that_leaves_before_the_connection_stands() -> None:
    """Nobody waits for what no member was told of."""
    script = handshake(Admission()).start()
    leave(script)
    assert counts(script) == (0, 0, 0)


def test_failover_moves_the_count() -> None:
    """A member that cannot be connected to does not count what went on to another one."""
    script = handshake(Admission()).start()
    script.refused()
    assert counts(script) == (1, 0, 1)
    script.refused()
    page_of(script, 503, "no-member")
    assert counts(script) == (0, 0, 0)


def test_failover_of_a_connection_that_died() -> None:
    """The same for one that was lost before a word came."""
    script = handshake(Admission()).start()
    script.connected()
    script.lost()
    assert counts(script) == (1, 0, 1)
    script.connected()
    switched(script)
    script.end_tunnel(1, 2)
    assert counts(script) == (0, 0, 0)


@pytest.mark.parametrize(
    ("admission", "specs", "term"),
    [
        (Admission(most=0), SPECS, "full"),
        (Admission(most_per_client=0), SPECS, "client-full"),
        (Admission(), {"1": {"max_websockets": 0}, "2": {}}, "member-full"),
    ],
)
def test_refused_before_the_member_is_bothered(
    admission: Admission, specs: dict[str, dict[str, Any]], term: str
) -> None:
    """503 with the time to come again; nobody is connected to, no member counts or is blamed for anything."""
    script = handshake(admission, specs=specs, observe_fails=1).start()
    assert not script.waiting
    answer = page_of(script, 503, term)
    assert b"Retry-After: 5" in answer[4]
    assert counts(script) == (0, 0, 0)
    assert [member.elected for member in script.members.values()] == [0, 0]
    assert {member.state for member in script.members.values()} == {"up"}


def test_too_fast_says_when() -> None:
    """Each is told a time of its own."""
    specs = {"1": {"websocket_rate": 0.5, "websocket_burst": 1}, "2": {}}
    script = handshake(Admission(), specs=specs)
    gate = script.members["1"].gate
    assert gate.refusal(script.now) is None
    refusal = gate.refusal(script.now)
    assert refusal is not None
    assert refusal.retry_after == 2
    script.start()
    assert b"Retry-After: 4" in page_of(script, 503, "too-fast")[4]
    assert counts(script) == (0, 0, 0)


@pytest.mark.parametrize("limit", [{"max_websockets": 0}, {"websocket_rate": 0.01, "websocket_burst": 1}])
def test_who_is_not_bound_goes_where_there_is_room(limit: dict[str, Any]) -> None:
    """A limit of a member ends the way of its own users only; the others are refused when no member has room."""
    for specs, taken in (({"1": limit, "2": {}}, "2"), ({"1": limit, "2": limit}, "")):
        script = Script(ask(*HANDSHAKE), specs=specs, place={"admission": Admission()})
        for member in script.members.values():
            member.gate.refusal(script.now)  # the only token there is
        script.start()
        assert script.waiting == taken
        if not taken:
            assert script.ends[0][:2] in ((503, "member-full"), (503, "too-fast"))
            assert counts(script) == (0, 0, 0)
    script = Script(ask(*HANDSHAKE), specs={"1": limit, "2": {}}, place={"admission": Admission(0)}).start()
    assert script.ends[0][:2] == (503, "full"), "that is no limit of a member"


def test_other_requests_are_not_limited() -> None:
    """Limits are for WebSockets."""
    script = Script(ask(BOUND), specs=SPECS, place={"admission": Admission(0, 0)}).start()
    assert script.waiting == "1"
    assert counts(script) == (0, 0, 0)


def test_a_network_of_ipv6_is_one_client() -> None:
    """Who has a /64 has no more WebSockets for that, and when one ends from any of its addresses another may come."""
    admission, gate = Admission(most_per_client=1), Gate()
    assert admission.admit(b"2001:db8::1", gate, 0.0) is None
    refusal = admission.admit(b"2001:db8::2", gate, 0.0)
    assert refusal is not None
    assert refusal.term == "client-full"
    assert admission.admit(b"2001:db8:0:1::1", gate, 0.0) is None
    admission.leave(b"2001:db8::1", gate)
    assert admission.admit(b"2001:db8::2", gate, 0.0) is None
