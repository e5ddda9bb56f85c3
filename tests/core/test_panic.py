"""When live traffic may take no more members out of service, and what becomes of those that it spares."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panolb.core.balancer import Balancer
from panolb.core.member import Admin, Member

from .building import balancer, member, route_of, routes


def team(count: int, share: float, **changes: Any) -> tuple[Balancer, list[tuple[str, int, str]]]:
    """A balancer of so many members, and what it gives alarm of."""
    alarms: list[tuple[str, int, str]] = []
    made = balancer(
        *(member(str(number + 1)) for number in range(count)),
        panic_threshold=share,
        alarm=lambda who, in_error, why: alarms.append((who.spec.route.decode(), in_error, why)),
        **changes,
    )
    return made, alarms


def fail(chooser: Balancer, numbers: str, now: float = 0.0) -> None:
    """Live traffic finds these members dead."""
    for number in numbers:
        chooser.fault(chooser.members[int(number) - 1], now, "connection refused")


def states(chooser: Balancer) -> str:
    """The members in error, by their routes."""
    return "".join(m.spec.route.decode() for m in chooser.members if m.state == "error")


@pytest.mark.parametrize(
    ("count", "share", "out"),
    [
        (1, 0.5, 1),
        (2, 0.5, 1),
        (3, 0.5, 1),
        (4, 0.5, 2),
        (5, 0.5, 2),
        (4, 0.75, 3),
        (4, 1.0, 4),
        (4, 0.1, 1),
        (4, 0.0, 0),
    ],
)
def test_so_many_and_no_more(count: int, share: float, out: int) -> None:
    """One always may be, unless nobody may; the alarm is given once."""
    chooser, alarms = team(count, share)
    for _ in range(3):
        fail(chooser, "12345"[:count])
    assert states(chooser) == "12345"[:out]
    assert alarms == [("12345"[out], out, "connection refused")] * (out < count)


def test_checks_and_the_operator_are_not_bound_by_it() -> None:
    """Who is down by checks does not count; who is out by the operator's wish is not even in service."""
    chooser, _ = team(4, 0.5)
    for one in chooser.members[:2]:
        chooser.observe(one, False, "it said no", 1, 1, 0.0)
    fail(chooser, "34")
    assert states(chooser) == "34"
    chooser, _ = team(4, 0.5)
    for one in chooser.members[:2]:
        chooser.set_admin(one, Admin.DISABLED, 0.0)
    fail(chooser, "34")
    assert states(chooser) == "3"


def test_an_error_can_be_renewed() -> None:
    """It is not one more."""
    chooser, alarms = team(2, 0.5)
    fail(chooser, "1")
    fail(chooser, "1", now=30.0)
    assert chooser.members[0].health.in_error(80.0)
    assert not alarms


def test_the_panic_ends() -> None:
    """With room for another one; the next panic has an alarm of its own."""
    chooser, alarms = team(2, 0.5)
    fail(chooser, "12")
    assert chooser.spared == {chooser.members[1]}
    chooser.refresh(61.0)
    assert not chooser.spared
    fail(chooser, "21", now=61.0)
    assert states(chooser) == "2"
    assert [route for route, *_ in alarms] == ["2", "1"]


def test_who_is_spared_serves() -> None:
    """Its own users and new ones."""
    chooser, _ = team(4, 0.5)
    fail(chooser, "123")
    assert routes(chooser, 4) == "3434"
    assert route_of(chooser.choose(b"3", (), 0.0)) == "3"
    assert route_of(chooser.choose(b"1", (), 0.0)) == "4*"
    assert "panic_threshold" in chooser.reason(chooser.members[2], 0.0)
    assert chooser.reason(chooser.members[0], 0.0) == "connection refused"


def test_nobody_is_above_suspicion() -> None:
    """Then it is as if all were in error: everybody is tried, and users go where their sessions are."""
    chooser, _ = team(2, 0.5)
    fail(chooser, "12")
    assert routes(chooser, 4) == "1212"
    for route in (b"1", b"2"):
        assert route_of(chooser.choose(route, (), 0.0)) == route.decode()


@pytest.mark.parametrize(("route", "found"), [(None, "1*"), (b"1", "1"), (b"2", "1*")])
def test_those_in_error_are_tried_at_last(route: bytes | None, found: str) -> None:
    """Forced recovery: when all in service were tried in vain, as if they were in error too."""
    chooser, _ = team(2, 0.5)
    fail(chooser, "12")
    tried = (chooser.members[1],)
    assert route_of(chooser.choose(route, tried, 0.0)) == found
    assert chooser.choose(route, tried, 0.0, force=False) is None
    chooser, _ = team(2, 0.5, forcerecovery=False)
    fail(chooser, "12")
    assert chooser.choose(route, (chooser.members[1],), 0.0) is None


def test_those_who_wait_ask_nobody_who_is_spared() -> None:
    """That is left to requests that come anew, and to checks."""
    chooser, _ = team(2, 0.5)
    fail(chooser, "12")
    assert chooser.choose(None, (), 0.0, force=False) is None
    assert chooser.choose(b"2", (), 0.0, force=False) is None
    chooser.observe(chooser.members[1], True, "", 1, 1, 0.0)
    assert route_of(chooser.choose(None, (), 0.0, force=False)) == "2*"
    assert route_of(chooser.choose(b"2", (), 0.0, force=False)) == "2"


def test_nofailover() -> None:
    """Users of a member in error have nobody else: they try it in a panic, as they do when all are in error."""
    chooser, _ = team(2, 0.5, nofailover=True)
    fail(chooser, "1")
    assert route_of(chooser.choose(b"1", (), 0.0)) == "503"
    fail(chooser, "2")
    assert route_of(chooser.choose(b"1", (), 0.0)) == "1"
    assert route_of(chooser.choose(b"2", (), 0.0)) == "2"


def test_an_answer_ends_the_suspicion() -> None:
    """If nobody was above it, then of all: what stood between may be over."""
    chooser, _ = team(4, 0.5)
    fail(chooser, "1234")
    chooser.answered(chooser.members[3], 1.0, tried=(chooser.members[0],))
    assert states(chooser) == "1"
    assert not chooser.spared


def test_an_answer_beside_healthy_members() -> None:
    """Those in error have been alone in it: they stay there."""
    chooser, _ = team(4, 0.5)
    fail(chooser, "123")
    chooser.answered(chooser.members[2], 1.0)
    assert states(chooser) == "12"
    assert not chooser.spared


@given(
    count=st.integers(1, 5),
    share=st.sampled_from([0.0, 0.3, 0.5, 0.8, 1.0]),
    days=st.lists(
        st.tuples(st.sets(st.integers(1, 5)), st.sampled_from([None, b"1", b"3"]), st.integers(0, 70)),
        max_size=12,
    ),
)
def test_whoever_can_be_served_is(
    count: int, share: float, days: list[tuple[set[int], bytes | None, int]]
) -> None:
    """Whatever had failed before: a request that may try everybody finds the one who lives, panic or not."""
    chooser, _ = team(count, share)
    now = 0.0
    for living, route, rest in days:
        now += rest
        tried: tuple[Member, ...] = ()
        served = False
        while not served and len(tried) <= chooser.maxattempts:
            decision = chooser.choose(route, tried, now)
            assert decision is not None
            member = decision.member
            served = int(member.spec.route) in living
            if served and (member.state == "error" or member in chooser.spared):
                chooser.answered(member, now, tried)
            elif not served:
                chooser.fault(member, now, "connection refused")
                tried = (*tried, member)
        assert served == any(number <= count for number in living)


@pytest.mark.parametrize("admin", [Admin.DISABLED, Admin.STOPPED])
def test_a_member_that_is_taken_out_is_spared_no_more(admin: Admin) -> None:
    """Its reason would say that it stays in service, and would still do so when it is back."""
    chooser, _ = team(2, 0.5)
    fail(chooser, "12")
    second = chooser.members[1]
    assert second in chooser.spared
    chooser.set_admin(second, admin, 1.0)
    assert "stays in service" not in chooser.reason(second, 1.0)
    chooser.set_admin(second, Admin.ACTIVE, 2.0)
    assert second not in chooser.spared
