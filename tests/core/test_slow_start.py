"""A member that comes back gets its new users bit by bit."""

from __future__ import annotations

from typing import Any

import pytest

from panolb.core.balancer import Balancer
from panolb.core.health import Health
from panolb.core.member import Admin, Member
from panolb.core.policies import ByBusyness, ByRequests, ByTraffic, Policy

from .building import Nowhere, balancer, member, route_of, routes, spec

WARM_UP = 100.0


def back(policy: Policy | None = None, **changes: Any) -> Balancer:
    """Two members, of whom the first is back since clock reading 60."""
    chooser = balancer(member("1"), member("2"), slow_start=WARM_UP, **changes)
    chooser.policy = policy or ByRequests()
    chooser.fault(chooser.members[0], 0.0, "connection refused")
    chooser.refresh(60.0)
    return chooser


@pytest.mark.parametrize(
    ("after", "share"), [(0.0, 0.1), (25.0, 0.325), (50.0, 0.55), (90.0, 0.91), (100.0, 1.0)]
)
def test_the_share_grows(after: float, share: float) -> None:
    """From a tenth of what it would get, to all; exactly, and not by chance."""
    chooser = back()
    now = 60.0 + after
    assert chooser.members[0].warm_up.share(now) == pytest.approx(share)
    assert routes(chooser, 1000, now=now).count("1") == pytest.approx(500 * share, abs=2)


@pytest.mark.parametrize("policy", [ByRequests, ByBusyness, ByTraffic])
def test_whatever_the_method(policy: type[Policy]) -> None:
    """Also where a new member would get everybody."""
    chooser = back(policy())
    chooser.members[1].busy = 1000
    chooser.members[1].traffic_in = 1 << 30
    assert routes(chooser, 100, now=60.0).count("1") <= 10


def test_its_own_users_come_at_once() -> None:
    """Their sessions live there."""
    chooser = back()
    for _ in range(10):
        assert route_of(chooser.choose(b"1", (), 60.0)) == "1"


def test_all_are_cold() -> None:
    """Somebody has to serve."""
    chooser = back()
    chooser.set_admin(chooser.members[1], Admin.DISABLED, 60.0)
    assert routes(chooser, 4, now=60.0) == "1111"
    chooser.set_admin(chooser.members[1], Admin.ACTIVE, 61.0)
    assert sorted(routes(chooser, 10, now=61.0)) == list("1111122222")


def test_failover_takes_who_is_left() -> None:
    """A cold member is better than none."""
    chooser = back()
    for _ in range(5):
        assert route_of(chooser.choose(None, (chooser.members[1],), 60.0)) == "1*"


def drain(chooser: Balancer, one: Member) -> None:
    """It kept its own users, and gets new ones again."""
    chooser.set_admin(one, Admin.DRAIN, 10.0)
    chooser.set_admin(one, Admin.ACTIVE, 20.0)


def disable(chooser: Balancer, one: Member) -> None:
    """The operator took it out for a while."""
    chooser.set_admin(one, Admin.DISABLED, 10.0)
    chooser.set_admin(one, Admin.ACTIVE, 20.0)


def restart(chooser: Balancer, one: Member) -> None:
    """Checks did."""
    chooser.observe(one, False, "it said no", 1, 1, 10.0)
    chooser.observe(one, True, "", 1, 1, 20.0)


def restart_into_drain(chooser: Balancer, one: Member) -> None:
    """It came back while it drained."""
    chooser.set_admin(one, Admin.DRAIN, 10.0)
    restart(chooser, one)
    chooser.set_admin(one, Admin.ACTIVE, 20.0)


def nothing(chooser: Balancer, one: Member) -> None:
    """It has been up from the beginning."""


@pytest.mark.parametrize(
    ("befalls", "warmth"),
    [(nothing, 1.0), (drain, 1.0), (disable, 0.1), (restart, 0.1), (restart_into_drain, 0.1)],
)
def test_who_comes_back(befalls: Any, warmth: float) -> None:
    """Whoever was away; a member that drained has run all the time."""
    chooser = balancer(member("1"), member("2"), slow_start=WARM_UP)
    befalls(chooser, chooser.members[0])
    assert chooser.members[0].warm_up.share(20.0) == pytest.approx(warmth)


def test_the_first_passing_check_is_no_return() -> None:
    """With ``start = "down"`` panolb has come, not the member."""
    one = Member(spec("1"), Nowhere(), Health(up=False))
    chooser = balancer(one, member("2"), slow_start=WARM_UP)
    chooser.observe(one, True, "", 1, 1, 5.0)
    assert one.warm_up.share(5.0) == 1.0


def test_it_can_be_seen() -> None:
    """On the status page, beside the state."""
    chooser = back()
    one, two = chooser.members
    assert chooser.reason(one, 93.4) == "warming up: it gets 40% of its new users (slow_start)"
    assert chooser.reason(two, 93.4) == ""
    assert chooser.reason(one, 160.0) == ""


def test_out_again() -> None:
    """The next return begins anew."""
    chooser = back()
    one = chooser.members[0]
    chooser.fault(one, 150.0, "connection refused")
    chooser.refresh(210.0)
    assert one.warm_up.share(210.0) == pytest.approx(0.1)
