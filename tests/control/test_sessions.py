"""Users' sessions as operators see them, and what they do to a single one, on a clock that the test turns."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from zope.interface import implementer

from panolb.control.closing import Closings
from panolb.control.ledger import Ledger
from panolb.control.operations import Operations, UnknownMember
from panolb.control.sessions import Sessions, UnknownSession, Unmovable
from panolb.core.headers import Peer
from panolb.core.member import Admin, Member
from panolb.core.pins import LIFETIME
from panolb.core.request import Request
from tests.control.viewers import BEGIN, Viewer, clock, turn
from tests.core.building import ask, balancer, member

WALL = 1_700_000_000.0  # what the clock on the wall says at the beginning
PEER = Peer(b"192.0.2.7", False, False, b"lb")


class Client:
    """Who opened a WebSocket."""

    peer = PEER


@implementer(ILogObserver)
class Happened:
    """The events of the process log."""

    def __init__(self) -> None:
        self.events: list[LogEvent] = []

    def __call__(self, event: LogEvent) -> None:
        if "event" in event:
            self.events.append(event)


class House:
    """Two members of one balancer and one of another, and users with a session cookie.

    :ivar events: what the process log says of sessions: event, session, number of WebSockets.
    """

    def __init__(self) -> None:
        self.clock = clock()
        self.one, self.two = member("1"), member("2")
        self.other = member("3", balancer="c")
        self.balancer = balancer(self.one, self.two, now=BEGIN)
        self.balancers = {"b": self.balancer, "c": balancer(self.other, now=BEGIN)}
        self.balancers["c"].name = "c"
        self.ledger = Ledger(self.clock.seconds, self.wall, {"b": "SESSION", "c": "SESSION"})
        self.operations = Operations(
            self.clock,
            self.clock.seconds,
            self.balancers,
            self.ledger,
            close_rate=10.0,
            closings=Closings(self.clock, Random(7).random),
        )
        self.sessions = Sessions(self.clock.seconds, self.wall, self.operations)
        self.happened = Happened()

    def wall(self) -> float:
        return WALL + self.clock.seconds() - BEGIN

    @property
    def events(self) -> list[tuple[str, str, int]]:
        return [(one["event"], one["session"], one["websockets"]) for one in self.happened.events]

    def open(self, member: Member, user: str = "ann", started: float | None = None, **more: Any) -> Any:
        """A WebSocket, opened as the service does it."""
        viewer: Any = Viewer(self.clock, self.finished, member=member, **more)
        viewer.client = Client
        viewer.request = self.request(user)
        viewer.started = self.clock.seconds() if started is None else started
        viewer.ended = 0.0
        self.ledger.opened(viewer)
        self.operations.opened(viewer)
        self.sessions.opened(viewer)
        return viewer

    def finished(self, viewer: Any) -> None:
        self.ledger.finished(viewer)
        self.operations.finished(viewer)

    def request(self, user: str, route: str = "1") -> Request:
        return ask(b"Cookie: SESSION=%b; ROUTEID=.%b" % (user.encode(), route.encode()))

    def id(self, user: str = "ann") -> str:
        """The id of a user's session."""
        return f"{self.ledger.session_of('b', self.request(user), PEER):012x}"

    def goes_to(self, user: str = "ann", route: str = "1") -> Member:
        """Where a request of a user goes."""
        request, now = self.request(user, route), self.clock.seconds()
        pinned = None if self.balancer.pins is None else self.balancer.pinned(request, PEER, now)
        decision = self.balancer.choose(route.encode(), (), now, pinned=pinned)
        assert decision is not None
        return decision.member

    def shown(self, user: str = "ann") -> dict[str, Any]:
        return self.sessions.show(self.id(user))


@pytest.fixture
def house() -> Iterator[House]:
    """A house; its log is listened to."""
    made = House()
    globalLogPublisher.addObserver(made.happened)
    yield made
    globalLogPublisher.removeObserver(made.happened)


# -- asked ----------------------------------------------------------------------------------------------------------


def test_list(house: House) -> None:
    """One entry for each session, however many WebSockets it has; the one that has had one for longest comes first."""
    house.open(house.two, "bob")
    turn(house.clock, 10.0)
    house.open(house.one, idle=30.0)
    house.open(house.two)
    house.open(house.other)
    turn(house.clock, 5.0)
    told = house.sessions.list()
    ann = {
        "session": house.id(),
        "members": ["b/1", "b/2", "c/3"],
        "websockets": 3,
        "client": "192.0.2.7",
        "since": pytest.approx(WALL + 10.0, abs=0.1),
        "idle_seconds": pytest.approx(5.0, abs=0.1),
        "moving_to": None,
    }
    assert told["total"] == len(house.sessions) == 2
    assert [one["session"] for one in told["sessions"]] == [house.id("bob"), house.id()]
    assert told["sessions"][1] == ann
    assert house.sessions.list(offset=1, limit=1) == {"total": 2, "sessions": [ann]}
    assert [one["session"] for one in house.sessions.list("b/1")["sessions"]] == [house.id()]
    assert house.sessions.list("c/3", limit=0) == {"total": 1, "sessions": []}
    with pytest.raises(UnknownMember, match="there is no member b/9"):
        house.sessions.list("b/9")


def test_show(house: House) -> None:
    """With what there is to know of each of its WebSockets."""
    house.open(house.one)
    house.open(house.two)
    house.open(house.two, "bob")
    shown = house.shown()
    records = shown.pop("websocket_records")
    assert shown in house.sessions.list()["sessions"]
    assert [(record["member"], record["session"]) for record in records] == [
        ("b/1", house.id()),
        ("b/2", house.id()),
    ]


@pytest.mark.parametrize(
    "name", ["", "nonsense", "00000000000", "0000000000000", "000000000000", "../..", "é" * 12]
)
def test_unknown_session(house: House, name: str) -> None:
    """Nothing can be asked of it or done to it."""
    for ask_for in (
        house.sessions.show,
        house.sessions.close,
        lambda name: house.sessions.move(name, "b/1"),
    ):
        with pytest.raises(UnknownSession, match="there is no session"):
            ask_for(name)


def test_who_has_left_is_unknown(house: House) -> None:
    """When the last WebSocket has ended."""
    house.open(house.one).leave()
    turn(house.clock, 5.0)
    assert house.sessions.list() == {"total": 0, "sessions": []}
    with pytest.raises(UnknownSession):
        house.shown()


# -- moving ---------------------------------------------------------------------------------------------------------


def test_move(house: House) -> None:
    """Requests go to the new member at once; the WebSockets that others have are closed; nobody else notices."""
    first, second, there = house.open(house.one), house.open(house.one), house.open(house.two)
    bystanders = [house.open(house.one, "bob"), house.open(house.other)]
    assert house.sessions.move(house.id(), "b/2") == {"session": house.id(), "member": "b/2", "websockets": 2}
    assert house.goes_to() is house.two
    assert house.goes_to("bob") is house.one
    assert house.shown()["moving_to"] == "b/2"
    turn(house.clock, 5.0)
    assert [viewer.tunnel.term for viewer in (first, second, there, *bystanders)] == ["moved"] * 2 + [""] * 3
    assert (first.code, second.code) == (1012, 1012)
    assert house.shown()["moving_to"] is None, "it has arrived"
    assert house.events == [("session.moved", house.id(), 2)]
    assert house.goes_to() is house.two, "it holds on"


def test_on_its_way(house: House) -> None:
    """Between the close frame and the new handshake a session stays known, and can be moved again."""
    house.open(house.one)
    house.sessions.move(house.id(), "b/2")
    turn(house.clock, 60.0)
    shown = house.shown()
    assert shown.pop("since") == pytest.approx(WALL, abs=0.1)
    assert shown == {
        "session": house.id(),
        "members": [],
        "websockets": 0,
        "client": "192.0.2.7",
        "idle_seconds": None,
        "moving_to": "b/2",
        "websocket_records": [],
    }
    assert house.sessions.list("b/2")["total"] == 1
    assert house.sessions.list("b/1")["total"] == 0
    assert house.sessions.move(house.id(), "b/1")["websockets"] == 0
    assert house.goes_to() is house.one
    assert house.sessions.close(house.id())["websockets"] == 0
    turn(house.clock, LIFETIME)
    assert len(house.sessions) == 0


def test_handshake_under_way(house: House) -> None:
    """A WebSocket that was begun before the move is closed as soon as it stands; one that goes elsewhere later is not."""
    house.open(house.two)
    begun = house.clock.seconds()
    turn(house.clock, 1.0)
    house.sessions.move(house.id(), "b/2")
    late = house.open(house.one, started=begun)
    turn(house.clock, 1.0)
    failed_over = house.open(house.one)
    turn(house.clock, 5.0)
    assert (late.tunnel.term, failed_over.tunnel.term) == ("moved", "")


@pytest.mark.parametrize(
    ("admin", "moving", "why"),
    [
        (Admin.DISABLED, False, "its state is disabled"),
        (Admin.STOPPED, False, "its state is stopped"),
        (Admin.DRAIN, True, "its state is drain with close_websockets"),
    ],
)
def test_member_that_cannot_take_it(house: House, admin: Admin, moving: bool, why: str) -> None:
    """It is refused, and nothing is closed."""
    viewer = house.open(house.one)
    house.operations.set_admin(house.two, admin, moving)
    with pytest.raises(Unmovable, match=f"b/2 cannot take it: {why}"):
        house.sessions.move(house.id(), "b/2")
    turn(house.clock, 5.0)
    assert viewer.tunnel.term == ""
    assert house.goes_to() is house.one


def test_member_in_error(house: House) -> None:
    """Nor can it take anybody, for as long as that lasts."""
    house.open(house.one)
    house.balancer.fault(house.two, house.clock.seconds(), "connection refused")
    with pytest.raises(Unmovable, match="b/2 cannot take it: its state is error: connection refused"):
        house.sessions.move(house.id(), "b/2")
    turn(house.clock, 61.0)
    assert house.sessions.move(house.id(), "b/2")["websockets"] == 1


def test_draining_member_can_take_it(house: House) -> None:
    """It gets no new users by itself; so somebody can try it before all others do."""
    house.open(house.one)
    house.operations.set_admin(house.two, Admin.DRAIN)
    house.sessions.move(house.id(), "b/2")
    assert house.goes_to() is house.two


def test_members_that_are_none_of_its(house: House) -> None:
    """Unknown ones, removed ones, and those of another balancer."""
    house.open(house.one)
    with pytest.raises(Unmovable, match="c/3 is of another balancer; this session can be moved to: b/1, b/2"):
        house.sessions.move(house.id(), "c/3")
    with pytest.raises(UnknownMember, match="there is no member b/7"):
        house.sessions.move(house.id(), "b/7")
    house.balancer.configure(
        [house.one], house.balancer.policy, house.balancer.settings, house.clock.seconds()
    )
    with pytest.raises(UnknownMember, match="there is no member b/2"):
        house.sessions.move(house.id(), "b/2")


def test_reload(house: House) -> None:
    """A move outlasts it while the member stays, the session can still be told, and the balancer is there."""
    now = house.clock.seconds()
    settings = house.balancer.policy, house.balancer.settings, now
    house.open(house.one)
    house.sessions.move(house.id(), "b/2")
    house.balancer.configure([house.two, house.one], *settings)
    house.sessions.configure({"b": "SESSION", "c": None})
    assert house.goes_to() is house.two
    house.sessions.configure({"b": "USER"})
    assert house.balancer.pins is None
    house.sessions.configure({"b": "SESSION"})
    house.sessions.move(house.id(), "b/2")
    house.balancer.configure([house.one], *settings)
    assert house.goes_to() is house.one
    house.sessions.move(house.id(), "b/1")
    del house.balancers["b"]
    assert house.shown()["moving_to"] is None
    with pytest.raises(Unmovable, match="c/3 is of another balancer; this session has no balancer any more"):
        house.sessions.move(house.id(), "c/3")


# -- closing --------------------------------------------------------------------------------------------------------


def test_close(house: House) -> None:
    """All its WebSockets, and nobody else's; it comes back to where it was."""
    mine = [house.open(house.one), house.open(house.two), house.open(house.other)]
    bystander = house.open(house.one, "bob")
    assert house.sessions.close(house.id()) == {"session": house.id(), "websockets": 3}
    turn(house.clock, 5.0)
    assert {viewer.tunnel.term for viewer in mine} == {"closed-by-operator"}
    assert {viewer.code for viewer in mine} == {1012}
    assert bystander.tunnel.term == ""
    assert house.goes_to() is house.one
    assert house.events == [("session.closed", house.id(), 3)]


def test_stop_overtakes(house: House) -> None:
    """What is left of it when panolb stops is closed with all others, and what does not answer is cut with them."""
    slow = [house.open(house.one, answers=None) for _ in range(20)]
    house.sessions.close(house.id())
    turn(house.clock, 0.5)
    house.operations.stop(1.0)
    turn(house.clock, 1.0)
    assert {viewer.tunnel.term for viewer in slow} == {"closed-by-operator", "stopping"}
    house.operations.cut()
    turn(house.clock, 0.1)
    assert all(viewer.over for viewer in slow)
