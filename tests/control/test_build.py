"""What the core is told of what an operator wrote."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.logger import capturedLogs, formatEvent

from panolb.config import model
from panolb.control.build import log_change, member_spec
from panolb.control.locations import Locations
from panolb.core.admission import Admission
from panolb.core.exchange import Exchange
from panolb.core.filtering import MessageFilter
from panolb.core.location import Location
from panolb.core.member import MemberSpec
from panolb.core.request import Request
from panolb.core.tunnel import Terms
from tests.core.building import member

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


@pytest.mark.parametrize(
    ("moving", "words"),
    [
        (False, "it keeps its users and gets no new ones"),
        (True, "its users move to other members, and it gets no new ones"),
    ],
)
def test_what_a_drain_means(moving: bool, words: str) -> None:
    """The log says where the users go, who may be asked to go with their WebSockets."""
    drained = member("1")
    drained.moving = moving
    with capturedLogs() as events:
        log_change(drained, "up", "drain", "set by the operator")
    assert formatEvent(events[0]).endswith(f"up -> drain: set by the operator; {words}")
