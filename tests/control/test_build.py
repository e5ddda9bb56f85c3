"""What the core is told of what an operator wrote."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from twisted.logger import capturedLogs, formatEvent

from panolb.config import model
from panolb.control.build import log_change, log_panic, member_spec
from panolb.control.locations import Locations
from panolb.core.admission import Admission
from panolb.core.balancer import Balancer
from panolb.core.exchange import Exchange
from panolb.core.filtering import MessageFilter
from panolb.core.location import Location
from panolb.core.member import Admin, MemberSpec
from panolb.core.request import Request
from panolb.core.terms import Terms
from tests.core.building import balancer, member

MADE = Locations(lambda: 0.0, lambda: 0.0, None)


def built(websockets: model.WebSockets | None = None, **keys: Any) -> Location:
    """A location with these keys."""
    return MADE.build(model.Location(path="/", status=404, **keys), {}, websockets or model.WebSockets())


def test_defaults_are_the_same_in_the_file_and_in_the_core() -> None:
    """Whoever builds a location in Python gets what an empty table gives."""
    assert built().websocket == Terms()
    assert built(websocket="splice").websocket == Terms()


@pytest.mark.parametrize(
    ("keys", "terms"),
    [
        ({"websocket": False}, None),
        ({"websocket": "messages"}, Terms(messages=True)),
        ({"websocket_compression": False}, Terms(compression="refuse")),
        ({"websocket_compression": "offload"}, Terms(compression="offload", messages=True)),
        ({"websocket_max_message": 4096}, Terms(max_message=4096, messages=True)),
        ({"websocket_ping_interval": 0.0}, Terms(ping_interval=0.0)),
        ({"websocket_ping_misses": 3}, Terms(ping_misses=3)),
        ({"websocket_idle_timeout": 60.0}, Terms(idle_timeout=60.0)),
        ({"websocket_lifetime": 600.0}, Terms(lifetime=600.0)),
        ({"websocket_close_code": 4000}, Terms(close_code=4000)),
        ({"websocket_close_reason": "later"}, Terms(close_reason="later")),
        ({"websocket_lost_code": 1014}, Terms(lost_code=1014)),
        ({"websocket_backlog": 65536}, Terms(backlog=65536)),
        ({"websocket_slow_timeout": 3.0}, Terms(slow_timeout=3.0)),
        ({"websockets": model.WebSockets(close_timeout=0.5)}, Terms(close_timeout=0.5)),
    ],
    ids=str,
)
def test_terms(keys: dict[str, Any], terms: Terms | None) -> None:
    """Each key says one thing about a location's WebSockets."""
    assert built(**keys).websocket == terms


class Audit:
    """A plugin."""

    name = "audit"

    def filter(self, request: Request) -> MessageFilter:
        raise AssertionError(request)


def test_filters() -> None:
    """A location's plugins are asked in the order in which it names them, and see whole messages."""
    first, second = Audit(), Audit()
    written = model.Location(path="/", status=404, websocket_filter=["audit", "other"])
    made = MADE.build(written, {}, model.WebSockets(), [first, second])
    assert made.websocket == Terms(messages=True, filters=(first, second))


def test_those_who_watch() -> None:
    """All locations ask the same admission, and tell the same ledger."""

    def opened(exchange: Exchange) -> None:
        raise AssertionError(exchange)

    admission = Admission()
    locations = Locations(lambda: 0.0, lambda: 0.0, None, opened, admission)
    made = locations.build(model.Location(path="/", status=404), {}, model.WebSockets())
    assert made.opened is opened
    assert made.admission is admission


def spec(balancer: dict[str, Any], member: dict[str, Any]) -> MemberSpec:
    """A member of a balancer with these keys each."""
    one = model.Member(url="http://one:8080/", **member)
    return member_spec("app", model.Balancer(member=[one], **balancer), one)


def test_limits_of_members() -> None:
    """A member's own limits, or else the balancer's."""
    plain = spec({}, {})
    assert (plain.max_websockets, plain.websocket_rate, plain.websocket_burst) == (None, 200.0, 1000)
    balancers = {"max_websockets": 7, "websocket_rate": 2.0, "websocket_burst": 3}
    theirs = spec(balancers, {})
    assert (theirs.max_websockets, theirs.websocket_rate, theirs.websocket_burst) == (7, 2.0, 3)
    own = spec(balancers, {"max_websockets": 1, "websocket_rate": 0.0, "websocket_burst": 9})
    assert (own.max_websockets, own.websocket_rate, own.websocket_burst) == (1, 0.0, 9)


def test_hundredths() -> None:
    """1.15 times 100 is a little less than 115, and is meant all the same."""
    assert spec({}, {"loadfactor": 1.15}).loadfactor == 115
    assert spec({}, {"loadfactor": 1.14}).loadfactor == 114


def said(balancer: Balancer, *steps: Callable[[], None]) -> list[str]:
    """What the log says of each change of a state, without the member and the reason."""
    balancer.watcher = partial(log_change, balancer)
    with capturedLogs() as events:
        for step in steps:
            step()
    return [formatEvent(event).partition(": ")[2].replace("set by the operator; ", "") for event in events]


NOBODY = "no other member can take its users"


@pytest.mark.parametrize(
    ("moving", "other", "strict", "words"),
    [
        (False, Admin.ACTIVE, False, "it keeps its users and gets no new ones"),
        (True, Admin.ACTIVE, False, "its users move to other members, and it gets no new ones"),
        (True, Admin.ACTIVE, True, f"{NOBODY}: it keeps its users and gets no new ones"),
        (True, Admin.DRAIN, False, f"{NOBODY}: it keeps its users and gets no new ones"),
        (True, Admin.DISABLED, False, f"{NOBODY}: it keeps its users and gets no new ones"),
    ],
)
def test_what_a_drain_means(moving: bool, other: Admin, strict: bool, words: str) -> None:
    """The log says where the users go, who may be asked to go with their WebSockets, if there is anybody."""
    one = member("1")
    chooser = balancer(one, member("2", admin=other), nofailover=strict)
    assert said(chooser, lambda: chooser.set_admin(one, Admin.DRAIN, 0.0, moving)) == [
        f"up -> drain: {words}"
    ]


MOVE = "its users move to other members"
REFUSED = f"{NOBODY}, and they are answered 503"


@pytest.mark.parametrize(
    ("other", "more", "consequence"),
    [
        (Admin.ACTIVE, {}, MOVE),
        (Admin.ACTIVE, {"nofailover": True}, REFUSED),
        (Admin.DISABLED, {"forcerecovery": False}, REFUSED),
        (Admin.DRAIN, {"forcerecovery": False}, REFUSED),  # it takes nobody new
    ],
)
@pytest.mark.parametrize("ill", ["error", "down", "disabled", "stopped"])
def test_where_its_users_go(ill: str, other: Admin, more: dict[str, Any], consequence: str) -> None:
    """A move is said only when there is somebody to take them."""
    one = member("1", retry=7.0)
    chooser = balancer(one, member("2", admin=other), **more)
    if ill == "error":
        lines = said(chooser, lambda: chooser.fault(one, 0.0, "refused"))
        expected = f"up -> error: refused; {consequence} for up to 7 s"
        if "nofailover" in more:
            assert chooser.choose(b"1", (), 1.0) is None
    elif ill == "down":
        lines = said(chooser, lambda: chooser.observe(one, False, "refused", 1, 1, 0.0))
        expected = f"up -> down: refused; {consequence} until a check passes"
    else:
        lines = said(chooser, lambda: chooser.set_admin(one, Admin(ill), 0.0))
        expected = f"up -> {ill}: {consequence}" + ("; it is not checked" if ill == "stopped" else "")
    assert lines == [expected]


def test_those_in_error_are_tried() -> None:
    """Where errors alone leave nobody, forced recovery sends users there all the same; the log does not promise 503."""
    one, two = member("1", retry=7.0), member("2", retry=7.0)
    chooser = balancer(one, two)
    lines = said(
        chooser, lambda: chooser.fault(one, 0.0, "x"), lambda: chooser.set_admin(two, Admin.STOPPED, 0.0)
    )
    assert lines == [
        f"up -> error: x; {MOVE} for up to 7 s",
        f"up -> stopped: {NOBODY}, and members in error are tried all the same; it is not checked",
    ]


def test_one_that_changes_at_the_same_time() -> None:
    """One goes and another comes back in the same refresh: what is said of the first knows of the second."""
    one, two = member("1", retry=7.0), member("2", retry=7.0)
    chooser = balancer(one, two)
    chooser.fault(two, 0.0, "x")
    one.admin = Admin.DISABLED
    assert said(chooser, lambda: chooser.refresh(8.0)) == [
        f"up -> disabled: its retry time is over; {MOVE}",
        "error -> up: its retry time is over; it takes new users and its own again",
    ]


def test_a_panic_is_told_once() -> None:
    """Which member is spared first, why, and where to look."""
    chooser = balancer(*(member(route) for route in "1234"), panic_threshold=0.5)
    chooser.panic.alarm = partial(log_panic, chooser)
    with capturedLogs() as events:
        for _ in range(2):
            for one in chooser.members:
                chooser.fault(one, 0.0, "connection refused")
    assert [formatEvent(event) for event in events] == [
        (
            "balancer b: 2 of 4 members are in error by live traffic; member b/3 stays in service all the same, and whoever "
            "else fails (panic_threshold 50%): connection refused; look at the network between here and the members"
        )
    ]


@pytest.mark.parametrize(
    ("balancers", "members", "seconds"),
    [
        ({}, {}, 300.0),
        ({"response_timeout": 7.0}, {}, 7.0),
        ({"response_timeout": 7.0}, {"response_timeout": 8.0}, 8.0),
        ({"stall_timeout": 9.0}, {"response_timeout": 8.0}, 9.0),
        ({"stall_timeout": 9.0}, {"stall_timeout": 10.0}, 10.0),
    ],
)
def test_how_long_an_answer_may_stand_still(
    balancers: dict[str, Any], members: dict[str, Any], seconds: float
) -> None:
    """As long as it may take to begin, unless something else is said."""
    assert spec(balancers, members).stall_timeout == seconds
