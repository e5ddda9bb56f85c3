"""Requests of sessions that an operator has moved: where they go, and what their clients learn."""

from __future__ import annotations

from typing import Any

import pytest

from panolb.core.admission import Admission
from panolb.core.member import Admin
from panolb.core.pins import LIFETIME, Pins
from panolb.core.request import Request
from panolb.core.sticky import RouteResolver

from .building import ask
from .script import BOUND, HANDSHAKE, SWITCH, TO_2, Script, cookies, respond

MINE = 7  # the session of all requests here


def moved(request: Request, to: str = "2", **more: Any) -> Script:
    """A request of a session that was moved."""
    script = Script(request, **more)
    script.balancer.pins = Pins(lambda request, peer: MINE)
    script.balancer.pins.put(MINE, script.members[to], "192.0.2.7", script.now)
    return script


def why(script: Script) -> str:
    """The access log's word."""
    assert script.exchange.decision is not None
    return script.exchange.decision.why


def answered(script: Script) -> list[bytes]:
    """The Set-Cookie lines of the answer; the request has come to the member."""
    script.connected()
    script.head(200, b"Content-Length: 0")
    script.exchange.response_end()
    assert script.ends == [(200, "", 0)]
    return cookies(respond(script))


@pytest.mark.parametrize("lines", [(), (BOUND,), (b"Cookie: ROUTEID=.9",)])
@pytest.mark.parametrize("nofailover", [False, True])
def test_goes_where_it_was_moved(lines: tuple[bytes, ...], nofailover: bool) -> None:
    """Whatever route it carries; and the client learns the new one."""
    script = moved(ask(*lines), nofailover=nofailover).start()
    assert (script.waiting, why(script)) == ("2", "moved")
    assert script.exchange.bound
    assert answered(script) == [TO_2]


def test_learns_its_route_once() -> None:
    """From then on it is a user of that member like any other."""
    script = moved(ask(b"Cookie: ROUTEID=.2")).start()
    assert (script.waiting, why(script)) == ("2", "sticky")
    assert answered(script) == []


@pytest.mark.parametrize(
    "changes", [{"cookie": None, "resolver": RouteResolver("JSESSIONID")}, {"resolver": None}]
)
def test_without_a_cookie_of_panolb(changes: dict[str, Any]) -> None:
    """The pin alone leads there."""
    script = moved(ask(b"Cookie: JSESSIONID=abc.1"), **changes).start()
    assert (script.waiting, why(script)) == ("2", "moved")
    assert answered(script) == []


def test_handshake() -> None:
    """A WebSocket goes there too, and its 101 names the route."""
    script = moved(ask(BOUND, *HANDSHAKE)).start()
    assert script.waiting == "2"
    link = script.connected()
    script.head(101, *SWITCH)
    script.exchange.switched(link, b"")
    assert script.exchange.tunnel is not None
    assert TO_2 in script.exchange.lines


def test_handshake_where_there_is_no_room() -> None:
    """As with any user of that member: it is turned away, not sent to where it came from."""
    script = moved(
        ask(BOUND, *HANDSHAKE),
        specs={"1": {}, "2": {"max_websockets": 0}},
        place={"admission": Admission(None, None)},
    ).start()
    assert script.ends[0][0] == 503
    assert why(script) == "moved"


def test_cannot_be_connected_to() -> None:
    """The ordinary rules hold for what it carries, within the same request; the pin stays."""
    script = moved(ask(BOUND)).start()
    script.refused()
    assert (script.waiting, why(script)) == ("1", "sticky")
    assert answered(script) == []
    pins = script.balancer.pins
    assert pins is not None and len(pins) == 1


@pytest.mark.parametrize("nofailover", [False, True])
def test_member_in_error(nofailover: bool) -> None:
    """The ordinary rules hold until it may serve again."""
    script = moved(ask(BOUND), nofailover=nofailover)
    script.balancer.fault(script.members["2"], script.now, "connection refused")
    script.start()
    assert (script.waiting, why(script)) == ("1", "sticky")
    script.wait(61.0)
    assert script.balancer.pins is not None
    pinned = script.balancer.pinned(script.exchange.request, script.client.peer, script.now)
    decision = script.balancer.choose(b"1", (), script.now, pinned=pinned)
    assert decision is not None and (decision.member, decision.why) == (script.members["2"], "moved")


@pytest.mark.parametrize(
    ("admin", "moving", "stays"),
    [
        (Admin.ACTIVE, False, True),
        (Admin.DRAIN, False, True),
        (Admin.DRAIN, True, False),
        (Admin.DISABLED, False, False),
        (Admin.STOPPED, False, False),
    ],
)
def test_newer_wish_of_the_operator(admin: Admin, moving: bool, stays: bool) -> None:
    """Who sends a member's users away does not get them back by an older order when it returns."""
    script = moved(ask(BOUND))
    script.balancer.set_admin(script.members["2"], admin, script.now, moving)
    script.balancer.set_admin(script.members["2"], Admin.ACTIVE, script.now)
    script.start()
    assert (script.waiting, why(script)) == (("2", "moved") if stays else ("1", "sticky"))


def test_ends_by_itself() -> None:
    """Then nothing is left of it."""
    script = moved(ask(BOUND))
    script.now += LIFETIME
    script.start()
    assert (script.waiting, why(script)) == ("1", "sticky")
    assert script.balancer.pins is None


def test_removed_member() -> None:
    """Its pins go with it, those of others stay."""
    script = moved(ask(BOUND), specs={"1": {}, "2": {}, "3": {}})
    balancer, pins = script.balancer, script.balancer.pins
    assert pins is not None
    pins.put(8, script.members["3"], "192.0.2.8", script.now)
    left = [script.members["1"], script.members["3"]]
    balancer.configure(left, balancer.policy, balancer.settings, script.now)
    assert [session for session, _ in pins.items(script.now)] == [8]
    script.start()
    assert (script.waiting, why(script)) == ("1", "sticky")
