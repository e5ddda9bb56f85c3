"""What operators and failing checks do to members and their WebSockets, on a clock that the test turns."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher
from zope.interface import implementer

from panolb.control.closing import Closings
from panolb.control.ledger import Ledger
from panolb.control.operations import Operations, UnknownMember
from panolb.core.headers import Peer
from panolb.core.member import Admin, Member
from panolb.core.request import understand
from panolb.core.terms import Terms
from tests.control.viewers import Viewer, clock, turn
from tests.core.building import balancer, member

RATE = 10.0


class Client:
    """Who opened a WebSocket, for the ledger."""

    peer = Peer(b"192.0.2.7", False, False, b"lb")


@implementer(ILogObserver)
class Lines:
    """The lines of the process log."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def __call__(self, event: LogEvent) -> None:
        self.said.append(formatEvent(event))


class House:
    """Two members of one balancer, an operator, and viewers.

    :ivar said: the lines of the process log.
    """

    def __init__(self, **more: Any) -> None:
        self.clock = clock()
        self.one, self.two = member("1"), member("2")
        self.balancer = balancer(self.one, self.two, **more.pop("balancer", {}))
        self.changes: list[tuple[str, str]] = []
        self.balancer.watcher = lambda member, before, after, why: self.changes.append(
            (member.spec.name, after)
        )
        self.ledger = Ledger(self.clock.seconds, self.clock.seconds, {})
        self.operations = Operations(
            self.clock,
            self.clock.seconds,
            {"b": self.balancer},
            self.ledger,
            close_rate=RATE,
            closings=Closings(self.clock, Random(7).random),
            **more,
        )
        self.lines = Lines()
        self.said = self.lines.said

    def open(self, member: Member, number: int = 1, **more: Any) -> list[Any]:
        """WebSockets of a member, opened as the service does it."""
        made: list[Any] = []
        for _ in range(number):
            viewer: Any = Viewer(self.clock, self.finished, member=member, **more)
            viewer.client = Client
            viewer.request = understand(b"GET", b"/x", b"1.1", [b"Host: x"])
            viewer.ended = 0.0
            self.ledger.opened(viewer)
            self.operations.opened(viewer)
            made.append(viewer)
        return made

    def finished(self, viewer: Any) -> None:
        self.ledger.finished(viewer)
        self.operations.finished(viewer)

    def check(self, member: Member, passed: bool) -> None:
        """A check of a member's."""
        self.balancer.observe(member, passed, "connection refused", 1, 1, self.clock.seconds())


@pytest.fixture
def house(request: pytest.FixtureRequest) -> Any:
    """A house; its log is listened to."""
    made = House(**getattr(request, "param", {}))
    globalLogPublisher.addObserver(made.lines)
    yield made
    globalLogPublisher.removeObserver(made.lines)


def terms(viewers: list[Any]) -> set[str]:
    """How they ended."""
    return {viewer.tunnel.term for viewer in viewers}


# -- names ----------------------------------------------------------------------------------------------------------


def test_names(house: House) -> None:
    """A member has its name from its route, and one from its address; all are told to who guesses."""
    assert house.operations.find("b/1") is house.one
    assert house.operations.find("b/localhost:8082") is house.two
    with pytest.raises(UnknownMember, match="there is no member b/3; there are: b/1, b/2"):
        house.operations.find("b/3")


def test_two_of_one_name() -> None:
    """Members that share a route are told apart by their addresses."""
    house = House()
    twins = [member("1"), member("1", host="elsewhere")]
    house.operations.balancers = {"b": balancer(*twins)}
    with pytest.raises(UnknownMember, match=r"several .* b/1; say which: b/localhost:8081, b/elsewhere:8081"):
        house.operations.find("b/1")
    assert house.operations.find("b/elsewhere:8081") is twins[1]


# -- the operator's wish --------------------------------------------------------------------------------------------


def test_drain_keeps_the_websockets(house: House) -> None:
    """Without close_websockets they stay, and the log says how to close them."""
    viewers = house.open(house.one, 3)
    assert house.operations.set_admin(house.one, Admin.DRAIN) == 0
    turn(house.clock, 30.0)
    assert terms(viewers) == {""}
    assert house.one.state == "drain" and house.one.ready
    assert any("b/1: it keeps its 3 WebSockets" in line and "close_websockets" in line for line in house.said)


@pytest.mark.parametrize(
    ("admin", "closes", "term"),
    [
        (Admin.DRAIN, True, "drained"),
        (Admin.DISABLED, False, "disabled"),
        (Admin.DISABLED, True, "disabled"),
        (Admin.STOPPED, False, "stopped"),
    ],
)
def test_closing_moves_the_users(house: House, admin: Admin, closes: bool, term: str) -> None:
    """All WebSockets of this member, longest idle first, in turn, and nobody else's; the users go elsewhere."""
    fresh, old = house.open(house.one, 10), house.open(house.one, 10, idle=60.0)
    others = house.open(house.two, 5)
    assert house.operations.set_admin(house.one, admin, closes) == 20
    assert house.operations.closing(house.one) == 20
    decision = house.balancer.choose(b"1", (), house.clock.seconds())
    assert decision is not None and decision.member is house.two
    turn(house.clock, 10.0)
    assert terms(old + fresh) == {term}
    assert max(viewer.told[0] for viewer in old) < min(viewer.told[0] for viewer in fresh)
    assert 1.0 < fresh[-1].told[0] < 3.0
    assert terms(others) == {""}
    assert house.operations.closing(house.one) == 0
    begin, end = (line for line in house.said if line.startswith("member b/1: "))
    assert f"set to {admin.value}; closing its 20 WebSockets, 10 a second" in begin
    assert "their pages connect again, to other members" in begin
    assert "its WebSockets are closed: 20 answered; nothing is under way" in end


def test_a_second_order_closes_nobody_twice(house: House) -> None:
    """A drain becomes a stop: everybody is told once, those after the change under the new word."""
    viewers = house.open(house.one, 10, answers=0.5)
    assert house.operations.set_admin(house.one, Admin.DRAIN, True) == 10
    turn(house.clock, 0.42)
    assert house.operations.set_admin(house.one, Admin.STOPPED) == 10
    turn(house.clock, 5.0)
    assert all(len(viewer.told) == 1 for viewer in viewers)
    assert terms(viewers) == {"drained", "stopped"}
    assert len([line for line in house.said if "are closed: 10 answered" in line]) == 1


@pytest.mark.parametrize("admin", [Admin.ACTIVE, Admin.DRAIN])
def test_taking_it_back(house: House, admin: Admin) -> None:
    """A member that is wanted again keeps the WebSockets whose turn has not come."""
    viewers = house.open(house.one, 10)
    house.operations.set_admin(house.one, Admin.DISABLED)
    turn(house.clock, 0.3)
    assert house.operations.set_admin(house.one, admin) == 0
    turn(house.clock, 5.0)
    kept = [viewer for viewer in viewers if not viewer.told]
    assert 0 < len(kept) < 10
    assert any(f"{len(kept)} stay open" in line for line in house.said)
    assert house.operations.set_admin(house.one, Admin.DISABLED) == len(kept)
    turn(house.clock, 5.0)
    assert all(len(viewer.told) == 1 for viewer in viewers)


def test_a_handshake_under_way(house: House) -> None:
    """A WebSocket that comes to stand after its member was disabled is closed as well, once it has begun."""
    house.operations.set_admin(house.one, Admin.DISABLED)
    (late,) = house.open(house.one)
    assert not late.told
    turn(house.clock, 1.0)
    assert late.over and terms([late]) == {"disabled"}
    house.open(house.one, 5, answers=1.0)
    house.operations.set_admin(house.one, Admin.DISABLED)
    turn(house.clock, 0.15)
    later = house.open(house.one, 5)
    turn(house.clock, 5.0)
    assert terms(later) == {"disabled"}


def test_nobody_else_can_take_them(house: House) -> None:
    """A drain that cannot move anybody says so, and does not close again whoever comes back."""
    house.check(house.two, passed=False)
    viewers = house.open(house.one, 2)
    house.operations.set_admin(house.one, Admin.DRAIN, True)
    turn(house.clock, 1.0)
    assert terms(viewers) == {"drained"}
    assert any(
        "no other member can take their users, and they come back to it" in line for line in house.said
    )
    (back,) = house.open(house.one)
    turn(house.clock, 5.0)
    assert not back.told
    house.operations.set_admin(house.one, Admin.DISABLED)
    assert any("they are answered 503" in line for line in house.said)


def test_a_member_without_any(house: House) -> None:
    """There is nothing to wait for, and the log says so."""
    assert house.operations.set_admin(house.one, Admin.STOPPED) == 0
    assert any("b/1: it was set to stopped; it has no WebSockets" in line for line in house.said)


# -- checks ---------------------------------------------------------------------------------------------------------


def test_a_failing_member_keeps_them(house: House) -> None:
    """Without close_on_failure a WebSocket is not judged by its member's checks."""
    viewers = house.open(house.one, 2)
    house.check(house.one, passed=False)
    turn(house.clock, 5.0)
    assert house.changes == [("b/1", "down")]
    assert terms(viewers) == {""}


CLOSING = pytest.mark.parametrize("house", [{"close_on_failure": ["b"]}], indirect=True)


@CLOSING
def test_close_on_failure(house: House) -> None:
    """Its WebSockets are closed in turn; those that are left when it comes back are spared."""
    viewers = house.open(house.one, 10)
    house.check(house.one, passed=False)
    assert house.changes == [("b/1", "down")]  # the balancer's own watcher has heard of it too
    turn(house.clock, 0.45)
    house.check(house.one, passed=True)
    turn(house.clock, 5.0)
    told = [viewer for viewer in viewers if viewer.told]
    assert 0 < len(told) < 10
    assert terms(told) == {"member-down"}
    assert any("its checks fail, and its balancer has close_on_failure" in line for line in house.said)


@CLOSING
def test_recovery_does_not_undo_the_operators_wish(house: House) -> None:
    """A member that is disabled, fails and recovers is still emptied; so is one that fails, and is then disabled."""
    viewers = house.open(house.one, 10)
    house.operations.set_admin(house.one, Admin.DRAIN, True)
    turn(house.clock, 0.15)
    house.check(house.one, passed=False)
    house.check(house.one, passed=True)
    turn(house.clock, 5.0)
    assert terms(viewers) == {"drained"}

    viewers = house.open(house.two, 10)
    house.check(house.two, passed=False)
    turn(house.clock, 0.15)
    house.operations.set_admin(house.two, Admin.DRAIN, True)
    house.check(house.two, passed=True)
    turn(house.clock, 5.0)
    assert all(viewer.over for viewer in viewers)
    assert terms(viewers) == {"member-down", "drained"}


@CLOSING
def test_active_again_but_still_down(house: House) -> None:
    """The operator's word does not spare the WebSockets of a member whose checks fail."""
    viewers = house.open(house.two, 3)
    house.check(house.two, passed=False)
    house.operations.set_admin(house.two, Admin.ACTIVE)
    turn(house.clock, 5.0)
    assert terms(viewers) == {"member-down"}


# -- the end --------------------------------------------------------------------------------------------------------


def test_stopping(house: House) -> None:
    """Everybody is told within half of the grace period, and not all at once."""
    viewers = house.open(house.one, 60) + house.open(house.two, 60)
    done: list[object] = []
    house.operations.stop(6.0).addCallback(done.append)
    turn(house.clock, 6.0)
    told = sorted(viewer.told[0] for viewer in viewers)
    assert told[-1] == pytest.approx(3.0, rel=0.2)
    assert len({round(at, 2) for at in told}) > 50
    assert terms(viewers) == {"stopping"}
    assert len(done) == 1
    assert any("stopping: closing 120 WebSockets, 40 a second" in line for line in house.said)
    assert any("stopping: the WebSockets are closed: 120 answered" in line for line in house.said)


def test_stopping_is_no_faster_than_it_has_to_be(house: House) -> None:
    """With time enough, close_rate holds."""
    viewers = house.open(house.one, 10)
    house.operations.stop(600.0)
    turn(house.clock, 5.0)
    assert max(viewer.told[0] for viewer in viewers) > 0.5


def test_stopping_overtakes_a_drain(house: House) -> None:
    """What a drain has not told yet is told in time; nobody twice."""
    viewers = house.open(house.one, 100)
    house.operations.set_admin(house.one, Admin.DRAIN, True)
    turn(house.clock, 0.45)
    house.operations.stop(2.0)
    turn(house.clock, 2.0)
    assert all(len(viewer.told) == 1 and viewer.over for viewer in viewers)
    assert terms(viewers) == {"drained", "stopping"}
    drained = sum(viewer.tunnel.term == "drained" for viewer in viewers)
    assert any(
        f"closed: {drained} answered, {100 - drained} are left to the stop" in line for line in house.said
    )
    assert not any("stay open" in line for line in house.said)


def test_the_end_of_grace(house: House) -> None:
    """Those that do not answer are cut, whoever ordered them to be closed."""
    drained, others = house.open(house.one, 2, answers=None), house.open(house.two, 2, answers=None)
    house.operations.set_admin(house.one, Admin.DRAIN, True)
    turn(house.clock, 0.5)
    house.operations.stop(2.0)
    turn(house.clock, 2.0)
    assert not any(viewer.over for viewer in drained + others)
    house.operations.cut()
    turn(house.clock, 0.01)
    assert all(viewer.over for viewer in drained + others)
    assert any("stopping: the WebSockets are closed: 2 were cut" in line for line in house.said)


def test_stopping_without_any(house: House) -> None:
    """Nothing to say, nothing to wait for."""
    done: list[object] = []
    house.operations.stop(30.0).addCallback(done.append)
    house.operations.cut()
    assert len(done) == 1
    assert not house.said
    assert not house.clock.getDelayedCalls()


@pytest.mark.parametrize("house", [{"close_timeout": 300.0}], indirect=True)
def test_long_close_timeout(house: House) -> None:
    """No order ends a WebSocket before its own time limit does."""
    patient = Terms(ping_interval=0.0, close_timeout=300.0)
    house.open(house.one, answers=250.0, terms=patient)
    house.operations.set_admin(house.one, Admin.DISABLED)
    turn(house.clock, 260.0)
    assert any("its WebSockets are closed: 1 answered" in line for line in house.said)
