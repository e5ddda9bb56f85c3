"""The words of explanations: each member's verdict, the sentence for the whole, and which locations match."""

from __future__ import annotations

import re
from typing import Any

import pytest

from panolb.core.balancer import Balancer
from panolb.core.explaining import Choice, because, key_of, name_of, places, verdicts
from panolb.core.headers import Peer
from panolb.core.location import Location
from panolb.core.member import Admin, Member
from panolb.core.rehearsing import Rehearsed, rehearse
from panolb.core.routing import Table
from panolb.core.rules import FixedAnswer
from panolb.core.standing import Past

from .building import ask, balancer, member, spec

NOW = 100.0


def rehearsed(chooser: Balancer, route: str = "", *fields: bytes, **place: Any) -> Rehearsed:
    """A request with this route, rehearsed."""
    cookie = [b"Cookie: ROUTEID=." + route.encode()] if route else []
    location = Location(b"/panopticon", chooser, lambda: NOW, **place)
    method = b"POST" if fields else b"GET"
    return rehearse(ask(*cookie, *fields, method=method), location, Peer(b"192.0.2.7", False, False, b"lb"))


def choice(chooser: Balancer, route: str = "") -> Choice:
    """The choice for a request with this route."""
    told = rehearsed(chooser, route)
    decision = told.exchange.decision
    return Choice(
        standings=told.standings,
        route=told.exchange.route,
        chosen=None if decision is None else key_of(decision.member.spec),
        why="" if decision is None else decision.why,
        nofailover=chooser.nofailover,
        now=NOW,
        asked={key_of(one.spec) for one in told.asked} or None,
    )


def words(chooser: Balancer, route: str = "") -> list[str]:
    """The verdicts in the members' order."""
    return [one.word for one in verdicts(choice(chooser, route))]


def fault(chooser: Balancer, number: int) -> None:
    """Live traffic cannot use a member."""
    chooser.fault(chooser.members[number], NOW, "connection refused")


def test_bound_users() -> None:
    """Nobody else was asked about."""
    chooser = balancer(member("1"), member("2"), member("3"))
    assert words(chooser, "2") == ["not-asked", "chosen", "not-asked"]
    assert "which is the route of this member" in because(choice(chooser, "2"), True)


def test_new_users() -> None:
    """The method has looked at those who can take new users, and no others."""
    chooser = balancer(
        member("1", lbset=1),
        member("2"),
        member("3", hot_standby=True),
        member("4", hot_spare=True),
        member("5", admin=Admin.DRAIN),
        member("6", admin=Admin.DISABLED),
        now=NOW,
    )
    assert words(chooser)[:3] == ["lbset", "chosen", "standby"]
    assert words(chooser)[4:] == ["drain", "disabled"]
    assert because(choice(chooser), True) == "the request carries no route"
    assert "no stickysession" in because(choice(balancer(member("1"), resolver=None)), False)
    assert "which no member has" in because(choice(chooser, "9"), True)


def test_a_spare_that_is_not_needed() -> None:
    """And one that is."""
    chooser = balancer(member("1"), member("2", hot_spare=True), now=NOW)
    assert words(chooser) == ["chosen", "spare"]
    fault(chooser, 0)
    assert words(chooser) == ["error", "chosen"]


def test_a_member_in_error() -> None:
    """The reason is said; and when nobody else is left, that it is tried all the same."""
    chooser = balancer(member("1"), member("2"), now=NOW)
    fault(chooser, 0)
    assert words(chooser, "1") == ["error", "chosen"]
    assert "b/1 is in state error (connection refused)" in because(choice(chooser, "1"), True)
    fault(chooser, 1)
    assert words(chooser, "1") == ["chosen", "error"]
    assert "forcerecovery" in because(choice(chooser, "1"), True)
    assert "forcerecovery" in verdicts(choice(chooser, "1"))[0].words


def test_nofailover() -> None:
    """Who could serve, and may not."""
    chooser = balancer(member("1"), member("2"), nofailover=True, now=NOW)
    chooser.set_admin(chooser.members[0], Admin.STOPPED, NOW)
    assert words(chooser, "1") == ["stopped", "nofailover"]
    assert "nofailover" in because(choice(chooser, "1"), True)


def test_nobody() -> None:
    """All states are named."""
    chooser = balancer(member("1", admin=Admin.STOPPED), member("2", admin=Admin.DISABLED), now=NOW)
    assert words(chooser) == ["stopped", "disabled"]
    sentence = because(choice(chooser), True)
    assert "b/1 is in state stopped" in sentence
    assert "b/2 is in state disabled" in sentence


def test_the_same_route_and_redirects() -> None:
    """Members behind the chosen one, and one that takes over."""
    chooser = balancer(
        Member(spec("1", url="http://one"), member().connector),
        Member(spec("1", url="http://two"), member().connector),
        member("3", redirect=b"1"),
        now=NOW,
    )
    assert words(chooser, "1") == ["chosen", "behind", "not-asked"]
    chooser.set_admin(chooser.members[2], Admin.STOPPED, NOW)
    assert words(chooser, "3") == ["chosen", "behind", "stopped"]
    assert "redirect" in because(choice(chooser, "3"), True)


def test_moved_users() -> None:
    """A member whose users are moved is no candidate, and says so."""
    chooser = balancer(member("1"), member("2"), now=NOW)
    chooser.set_admin(chooser.members[0], Admin.DRAIN, NOW, moving=True)
    assert words(chooser, "1") == ["moving", "chosen"]
    assert "its users are moved" in because(choice(chooser, "1"), True)


def test_a_member_that_warms_up() -> None:
    """It is left out of most choices, and that is not the method's doing."""
    chooser = balancer(member("1"), member("2"), slow_start=60.0, now=NOW - 70)
    chooser.fault(chooser.members[0], NOW - 70, "connection refused")  # for 60 seconds
    assert words(chooser) == ["warming-up", "chosen"]
    assert "slow_start" in verdicts(choice(chooser))[0].words


@pytest.mark.parametrize("ping", [None, 1.0])
def test_a_request_with_a_body(ping: float | None) -> None:
    """Whether the member is asked for its wish or not, its head is known."""
    told = rehearsed(balancer(member("1", ping=ping)), "", b"Content-Length: 3")
    assert told.head.startswith(b"POST /panopticon/ HTTP/1.1\r\n")
    assert (b"Expect: 100-continue" in told.head) == (ping is not None)
    assert told.status == 0


def test_statuses_that_mean_something() -> None:
    """Not even a plain answer that speaks against a member, or is replaced, leaves a trace."""
    chooser = balancer(member("1"), failonstatus=[200], now=NOW)
    assert rehearsed(chooser).head
    assert chooser.members[0].state == "up"
    assert rehearsed(balancer(member("1")), override=frozenset([200])).head


def test_locations() -> None:
    """The one that is chosen, those behind it, and those that not all servers would choose."""
    chooser = balancer(member("1"))
    app = Location(b"/app", chooser, lambda: NOW, hosts=[b"dash.example"])
    inner = Location(b"/app/inner", chooser, lambda: NOW, hosts=[b"dash.example"])
    numbers = Location(b"", chooser, lambda: NOW, pattern=re.compile(rb"/([0-9]+)$"))
    live = Location(b"/app", chooser, lambda: NOW, requests="websocket")
    closed = Location(b"/", None, lambda: NOW, answer=FixedAnswer(403))
    careful = Location(b"/careful", chooser, lambda: NOW, slashes="refuse")
    table = Table([app, inner, numbers, live, closed, careful])

    def found(
        path: bytes, host: bytes = b"dash.example:80", websocket: bool = False
    ) -> list[tuple[str, str]]:
        chosen = table.find(host, path, websocket or None)
        return [(name_of(one), verdict) for one, verdict, _ in places(table, host, path, websocket, chosen)]

    root = ("/", "behind")
    assert found(b"/app/x") == [("dash.example/app", "chosen"), root]
    assert found(b"/app/inner/7") == [
        ("dash.example/app/inner", "chosen"),
        ("dash.example/app", "behind"),
        ("matching /([0-9]+)$", "behind"),
        root,
    ]
    assert found(b"/app/x", b"other.example", True) == [("/app (websocket requests only)", "chosen"), root]
    assert found(b"/x") == [("/", "chosen")]
    assert found(b"/careful/a%2fb")[0] == ("/careful", "ambiguous")
    assert found(b"/app%2fx")[0] == ("dash.example/app", "ambiguous")


def test_how_members_stood() -> None:
    """A picture per change, as many as are kept, each found by its time."""
    chooser = balancer(member("1"), now=NOW)
    past = chooser.past
    assert past.at(NOW - 1) == ()
    chooser.refresh(NOW + 1)
    chooser.set_admin(chooser.members[0], Admin.DRAIN, NOW + 2)
    chooser.set_admin(chooser.members[0], Admin.STOPPED, NOW + 4)
    seen = [past.at(NOW + seconds)[0].state for seconds in (0, 1, 2, 3, 4, 5)]
    assert seen == ["up", "up", "drain", "drain", "stopped", "stopped"]
    short = Past(kept=1)
    short.note(chooser.members, NOW)
    chooser.set_admin(chooser.members[0], Admin.ACTIVE, NOW + 6)
    short.note(chooser.members, NOW + 6)
    assert short.at(NOW + 5) == ()
    assert short.at(NOW + 6)[0].holds(chooser.members[0])
