"""Who serves a request; the rows L<n> and the matrix are Apache's behaviour as it was observed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from panolb.core.balancer import FAILOVER, NEW, REDIRECTED, STUCK, UNKNOWN, UNUSABLE, Balancer
from panolb.core.cookie import RouteCookie
from panolb.core.member import Admin, Member

from .building import balancer, member, route_of, routes


def down(who: Member) -> None:
    """What checks do that hcfails consecutive times said no."""
    who.health.observe(False, "it said no", 1, 1)


def error(who: Member) -> None:
    """What a refused connection does."""
    who.health.fault(0.0, 60.0, "connection refused")


def old_error(who: Member) -> None:
    """An error whose retry is over."""
    who.health.fault(-60.0, 60.0, "connection refused")


def nothing(who: Member) -> None:
    """Nothing."""


DISABLED, STOPPED, DRAIN = (Admin.DISABLED, Admin.STOPPED, Admin.DRAIN)
Spec = dict[str, Any]


@pytest.mark.parametrize(
    ("flags", "befalls", "new", "bound", "nofailover"),
    [
        ({}, nothing, "1212", "1", "1"),
        ({"admin": DRAIN}, nothing, "2222", "1", "1"),
        ({"hot_standby": True}, nothing, "2222", "1", "1"),
        ({"hot_spare": True}, nothing, "2222", "1", "1"),
        ({"admin": DISABLED}, nothing, "2222", "2*", "503"),
        ({"admin": STOPPED}, nothing, "2222", "2*", "503"),
        ({}, down, "2222", "2*", "503"),
        ({}, error, "2222", "2*", "503"),
        ({"admin": STOPPED}, error, "2222", "2*", "503"),
        ({"admin": DRAIN}, error, "2222", "2*", "503"),
        ({"admin": DISABLED, "ignore_errors": True}, nothing, "2222", "2*", "503"),
        ({"admin": DRAIN, "hot_standby": True}, nothing, "2222", "1", "1"),
        ({"ignore_errors": True}, nothing, "1212", "1", "1"),
        ({"ignore_errors": True}, down, "2222", "2*", "503"),
        ({}, old_error, "1212", "1", "1"),  # L22
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_matrix(
    flags: Spec, befalls: Callable[[Member], None], new: str, bound: str, nofailover: str
) -> None:
    """Member 1 has the flags and something befalls it; new users, its own, and its own with nofailover (L1-L3, L22)."""
    for strict in (False, True):
        one = member("1", **flags)
        befalls(one)
        chooser = balancer(one, member("2"), nofailover=strict)
        assert routes(chooser, 4) == new
        assert route_of(chooser.choose(b"1", (), 0.0)) == (nofailover if strict else bound)
        assert route_of(chooser.choose(b"9", (), 0.0)).endswith("*")  # L3: an unknown route is nobody's


TEAMS: list[tuple[str, list[Spec], str, str]] = [
    ("L4 all drain", [{"admin": DRAIN}] * 2, "503" * 2, "1"),
    ("L5 all spares", [{"hot_spare": True}] * 2, "503" * 2, "1"),
    ("L6 all standbys", [{"hot_standby": True}] * 2, "1212", "1"),
    ("L7 spares wait", [{}, {}, {"hot_spare": True}, {"hot_spare": True}], "1212", "1"),
    ("L7 one spare for one", [{"admin": DISABLED}, {}, {"hot_spare": True}, {"hot_spare": True}], "2323", "*"),
    ("L7 two for two", [{"admin": DISABLED}, {"admin": DISABLED}, {"hot_spare": True}, {"hot_spare": True}], "3434", "*"),
    ("a draining member is missing too", [{"admin": DRAIN}, {}, {"hot_spare": True}], "2323", "1"),
    ("L8 spare before standby", [{"admin": DISABLED}, {"admin": DISABLED}, {"hot_spare": True}, {"hot_standby": True}], "333", "*"),
    ("standby is the last", [{"admin": DISABLED}, {"hot_standby": True}], "22", "*"),
    ("spare and standby is a spare", [{}, {"hot_standby": True, "hot_spare": True}], "11", "1"),
    ("L9 spare of another set", [{"admin": DISABLED}, {}, {"hot_spare": True, "lbset": 1}], "222", "*"),
    ("L10 standby of a lower set", [{"hot_standby": True}, {"lbset": 1}], "111", "1"),
    ("L11 the lower set", [{}, {}, {"lbset": 1}, {"lbset": 1}], "1212", "1"),
    ("L11 the next set", [{"admin": DISABLED}, {"admin": DISABLED}, {"lbset": 1}, {"lbset": 1}], "3434", "*"),
    ("sets with gaps, in any order", [{"lbset": 99}, {"lbset": 7}], "22", "1"),
    ("L12", [{"loadfactor": 300}, {}], "1121112111211121", "1"),
    ("L13", [{"loadfactor": 500}, {}, {}], "11213111121311", "1"),
    ("L14", [{}, {}, {}, {"loadfactor": 200}], "412344123441234412344123", "1"),
    ("nobody at all", [], "503", "503"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "specs", "sequence", "bound"), TEAMS, ids=[team[0] for team in TEAMS])
def test_teams(name: str, specs: list[Spec], sequence: str, bound: str) -> None:
    """Flags and sets decide who gets new users; users who are bound stay where they are, in any set."""
    chooser = balancer(*(member(str(n), **changes) for n, changes in enumerate(specs, 1)))
    answers = sequence.count("503") or len(sequence)
    assert routes(chooser, answers) == sequence
    assert route_of(chooser.choose(b"1", (), 0.0)).endswith(bound)


def test_bound_requests_move_the_counts_of_all_who_could_serve() -> None:
    """L15: new users go where fewer requests went; who cannot serve neither gains nor loses."""
    chooser = balancer(member("1"), member("2"), member("3", admin=DISABLED))
    assert routes(chooser, 4) == "1212"
    assert routes(chooser, 6, b"1") == "111111"
    assert routes(chooser, 9) == "222222121"
    assert chooser.members[2].lbstatus == 0


def test_no_burst_after_a_rest() -> None:
    """L16: a member that comes back gets its share and not what it missed."""
    chooser = balancer(member("1"), member("2"))
    assert routes(chooser, 2) == "12"
    chooser.fault(chooser.members[0], 0.0, "connection refused")
    assert routes(chooser, 50, now=1.0) == "2" * 50
    assert routes(chooser, 6, now=60.0) == "121212"


@pytest.mark.parametrize(
    ("route", "befalls", "tried", "why", "changed"),
    [
        (None, nothing, 0, NEW, True),
        (b"", nothing, 0, NEW, True),
        (b"1", nothing, 0, STUCK, False),
        (b"9", nothing, 0, UNKNOWN, True),
        (b"1 ", nothing, 0, UNKNOWN, True),
        (b"1", error, 0, UNUSABLE, True),
        (b"1", nothing, 1, FAILOVER, True),
        (None, nothing, 1, FAILOVER, True),
    ],
)
def test_why(
    route: bytes | None, befalls: Callable[[Member], None], tried: int, why: str, changed: bool
) -> None:
    """The access log says why a request went where it went; the client learns its route unless it is there."""
    one, two = member("1"), member("2")
    befalls(one)
    decision = balancer(one, two).choose(route, (one,)[:tried], 0.0)
    assert decision is not None
    assert (decision.why, decision.changed) == (why, changed)


def test_without_stickysession() -> None:
    """S23: nobody is bound, so nobody learns a route."""
    chooser = balancer(member("1"), member("2"), resolver=None)
    assert [route_of(chooser.choose(None, (), 0.0)) for _ in range(4)] == ["1", "2", "1", "2"]


def test_case_of_routes() -> None:
    """A route is compared byte for byte."""
    chooser = balancer(member("a"), member("A"))
    assert routes(chooser, 3, b"A") == "AAA"
    assert routes(chooser, 3, b"a") == "aaa"


def test_members_without_route() -> None:
    """S25: nobody is bound to a member without a route."""
    chooser = balancer(member(url="x"), member("2"))
    decision = chooser.choose(b"", (), 0.0)
    assert decision is not None
    assert decision.why == NEW


def test_shared_route() -> None:
    """S24: the second member of a route stands in for the first, and the client learns nothing new."""
    one, twin, other = member("1"), member("1", port=9), member("2")
    chooser = balancer(one, twin, other)
    first = chooser.choose(b"1", (), 0.0)
    chooser.fault(one, 0.0, "connection refused")
    second = chooser.choose(b"1", (), 0.0)
    within = chooser.choose(b"1", (twin,), 60.0)
    assert first is not None and first.member is one
    assert second is not None and (second.member, second.changed, second.why) == (twin, False, STUCK)
    assert within is not None and (within.member, within.changed) == (one, False)


def test_shared_route_with_a_standby() -> None:
    """A standby comes after the others of its route, wherever it stands (Apache's two passes)."""
    standby, regular = member("1", hot_standby=True), member("1", port=9)
    decision = balancer(standby, regular).choose(b"1", (), 0.0)
    assert decision is not None
    assert decision.member is regular


def test_shared_route_with_nofailover() -> None:
    """nofailover keeps a session on its route, not on one member."""
    one, twin, other = member("1"), member("1", port=9), member("2")
    chooser = balancer(one, twin, other, nofailover=True)
    decision = chooser.choose(b"1", (one,), 0.0)
    assert decision is not None and decision.member is twin
    assert chooser.choose(b"1", (one, twin), 0.0) is None


REDIRECTS: list[tuple[str, list[Spec], str, str]] = [
    ("S26", [{"redirect": b"3", "admin": DISABLED}, {}, {}], "1", "3*"),
    ("S26 up again", [{"redirect": b"3"}, {}, {}], "1", "1"),
    ("S27 a cycle", [{"redirect": b"2", "admin": DISABLED}, {"redirect": b"1", "admin": DISABLED}], "1", "503"),
    ("to itself", [{"redirect": b"1", "admin": DISABLED}, {}], "1", "2*"),
    ("of a redirect", [{"redirect": b"2", "admin": STOPPED}, {"redirect": b"3", "admin": STOPPED}, {}, {}], "1", "3*"),
    ("to a draining member", [{"redirect": b"3", "admin": DISABLED}, {}, {"admin": DRAIN}], "1", "3*"),
    ("to a standby of another set", [{"redirect": b"3", "admin": DISABLED}, {}, {"hot_standby": True, "lbset": 5}], "1", "3*"),
    ("to nobody", [{"redirect": b"9", "admin": DISABLED}, {}], "1", "2*"),
    ("to one who cannot serve", [{"redirect": b"2", "admin": DISABLED}, {"admin": DISABLED}, {}], "1", "3*"),
    ("of another route", [{"redirect": b"3", "admin": DISABLED}, {}, {}], "9", "2*"),
    ("while it drains", [{"redirect": b"3", "admin": DRAIN}, {}, {}], "1", "1"),
    ("before its twin", [{"redirect": b"3", "admin": DISABLED}, {"route": "1"}, {}], "1", "3*"),
    ("within its route", [{"redirect": b"1", "admin": DISABLED}, {"route": "1"}, {}], "1", "1"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "specs", "asked", "served"), REDIRECTS, ids=[row[0] for row in REDIRECTS])
def test_redirect(name: str, specs: list[Spec], asked: str, served: str) -> None:
    """While a member cannot serve, its users go where its redirect says, and learn that route if it is another."""
    chooser = balancer(*(member(**{"route": str(n), **changes}) for n, changes in enumerate(specs, 1)))
    assert route_of(chooser.choose(asked.encode(), (), 0.0)) == served


def test_redirect_with_nofailover() -> None:
    """Where a redirect leads is not a failover: nofailover allows it, and nothing else."""
    one, two, three = member("1", redirect=b"3", admin=DISABLED), member("2"), member("3")
    chooser = balancer(one, two, three, nofailover=True)
    decision = chooser.choose(b"1", (), 0.0)
    assert decision is not None
    assert (decision.member, decision.why, decision.changed) == (three, REDIRECTED, True)
    chooser.set_admin(three, DISABLED, 0.0)
    assert chooser.choose(b"1", (), 0.0) is None


def test_redirect_within_one_request() -> None:
    """A refused connect leads there too; and a member that serves beats one in error that might be forced."""
    one, two, three = member("1", redirect=b"3"), member("2"), member("3", admin=DRAIN)
    chooser = balancer(one, two, three)
    assert route_of(chooser.choose(b"1", (one,), 0.0)) == "3*"
    for who in (one, two):
        chooser.fault(who, 0.0, "connection refused")
    assert route_of(chooser.choose(b"1", (), 0.0)) == "3*"
    assert route_of(chooser.choose(b"1", (three,), 0.0)) == "1"


def test_tried_members_are_left_out() -> None:
    """A failover goes to another member, a spare or a standby included, until nobody is left."""
    one, two = member("1"), member("2")
    spare, standby = member("3", hot_spare=True), member("4", hot_standby=True)
    chooser = balancer(one, two, spare, standby)
    assert set(routes(chooser, 4, tried=(one,))) == {"2", "3"}
    assert routes(chooser, 2, tried=(one, two)) == "33"
    assert routes(chooser, 2, tried=(one, two, spare)) == "44"
    assert chooser.choose(None, (one, two, spare, standby), 0.0) is None


def test_retry_0_still_fails_over() -> None:
    """Other than Apache: a dead member with retry=0 is tried once per request, not for all of its attempts."""
    one, two = member("1", retry=0.0), member("2")
    chooser = balancer(one, two)
    for now in (0.0, 1.0, 2.0):
        assert route_of(chooser.choose(b"1", (), now)) == "1"
        chooser.fault(one, now, "connection refused")
        assert one.state == "up"
        assert route_of(chooser.choose(b"1", (one,), now)) == "2*"


def test_ignore_errors() -> None:
    """Such a member never gets into error, but a failover leaves it out like any other."""
    one, two = member("1", ignore_errors=True), member("2")
    chooser = balancer(one, two)
    chooser.fault(one, 0.0, "connection refused")
    assert one.state == "up"
    assert route_of(chooser.choose(b"1", (), 0.0)) == "1"
    assert route_of(chooser.choose(b"1", (one,), 0.0)) == "2*"


def test_an_error_ends_by_itself() -> None:
    """F3: nothing has to happen for it; the first request after ``retry`` finds the member usable."""
    one, two = member("1", retry=30.0), member("2", retry=10.0)
    chooser = balancer(one, two, member("3"))
    chooser.fault(one, 100.0, "connection refused")
    chooser.fault(two, 100.0, "connection refused")
    assert route_of(chooser.choose(b"2", (), 109.9)) == "3*"
    assert route_of(chooser.choose(b"2", (), 110.0)) == "2"
    assert route_of(chooser.choose(b"1", (), 129.9)).endswith("*")
    assert route_of(chooser.choose(b"1", (), 130.0)) == "1"


def both_refused(**changes: Any) -> Balancer:
    """Two members, both just put into error by live traffic."""
    chooser = balancer(member("1"), member("2"), **changes)
    for who in chooser.members:
        chooser.fault(who, 0.0, "connection refused")
    return chooser


def test_forcerecovery() -> None:
    """F5: when errors alone keep everybody out, the next request tries them, without waiting for ``retry``."""
    chooser = both_refused()
    assert routes(chooser, 4, now=0.1) == "1212"
    assert route_of(both_refused().choose(b"2", (), 0.1)) == "2"


def test_forcerecovery_within_one_request() -> None:
    """A failover goes on to the others in error, but nobody is tried a second time."""
    chooser = both_refused()
    one, two = chooser.members
    assert routes(chooser, 2, tried=(one,), now=0.1) == "22"
    assert chooser.choose(None, (one, two), 0.1) is None


def test_forcerecovery_keeps_the_order_of_members() -> None:
    """Who may be tried is who would serve without the errors: sets, spares and standbys keep their places."""
    for first, second in (({}, {"lbset": 1}), ({}, {"hot_standby": True}), ({}, {"hot_spare": True})):
        chooser = balancer(member("1", **first), member("2", **second))
        for who in chooser.members:
            chooser.fault(who, 0.0, "connection refused")
        assert routes(chooser, 3, now=0.1) == "111"
        assert routes(chooser, 3, now=0.1, tried=chooser.members[:1]) == "222"


def test_recovery() -> None:
    """One that was tried in spite of its error answered: what kept all away may be over, so all are tried again."""
    chooser = both_refused()
    one, two = chooser.members
    chooser.answered(one, 0.1)
    assert (one.state, two.state) == ("up", "up")
    chooser.fault(two, 0.2, "connection refused")
    assert routes(chooser, 3, now=0.3) == "111"
    chooser.answered(one, 0.4)
    assert (one.state, two.state) == ("up", "error")


def test_recovery_without_those_that_were_just_tried() -> None:
    """A member that refused the very request that another then answered is still away."""
    chooser = both_refused()
    one, two = chooser.members
    chooser.answered(two, 0.1, (one,))
    assert (one.state, two.state) == ("error", "up")


def test_no_forcerecovery() -> None:
    """F5: ``forcerecovery = false`` refuses until ``retry`` is over."""
    chooser = both_refused(forcerecovery=False)
    assert chooser.choose(None, (), 59.9) is None
    assert routes(chooser, 2, now=60.0) == "12"


def test_recovery_can_be_left_to_others() -> None:
    """Who only waits for somebody to come back does not try members in error."""
    chooser = both_refused()
    assert chooser.choose(b"1", (), 0.1, force=False) is None
    chooser.answered(chooser.members[1], 0.2)
    assert route_of(chooser.choose(b"1", (), 0.2, force=False)) == "1"


def test_forcerecovery_of_a_draining_member() -> None:
    """A draining member in error is tried for those who are bound to it, and for nobody else."""
    chooser = balancer(member("1", admin=DRAIN), member("2"))
    for who in chooser.members:
        chooser.fault(who, 0.0, "connection refused")
    assert route_of(chooser.choose(b"1", (), 0.1)) == "1"
    assert routes(chooser, 3, now=0.1) == "222"


@pytest.mark.parametrize("admin", [DISABLED, STOPPED, DRAIN])
def test_who_cannot_serve_does_not_prevent_recovery(admin: Admin) -> None:
    """F6, other than Apache: during maintenance of one member a restart of the other does not cost ``retry`` seconds."""
    chooser = balancer(member("1"), member("2", admin=admin))
    chooser.fault(chooser.members[0], 0.0, "connection refused")
    assert routes(chooser, 2, now=0.1) == "11"
    assert chooser.members[1].admin is admin


def test_checks_are_never_overruled() -> None:
    """H7: forcerecovery does not bring up what checks have taken down, nor does it stand in the way of recovery."""
    chooser = balancer(member("1"), member("2"))
    for who in chooser.members:
        chooser.observe(who, False, "it said no", 1, 1, 0.0)
    assert chooser.choose(None, (), 1e9) is None
    chooser = balancer(member("1"), member("2"))
    chooser.observe(chooser.members[0], False, "it said no", 1, 1, 0.0)
    chooser.fault(chooser.members[1], 0.0, "connection refused")
    assert routes(chooser, 2, now=0.1) == "22"


def test_first_states_are_no_news() -> None:
    """A watcher hears of changes, not of how it begins; at the end of ``retry`` it hears of that."""
    news: list[tuple[bytes, str, str]] = []

    def watch(who: Member, before: str, after: str, why: str) -> None:
        assert why
        news.append((who.spec.route, before, after))

    disabled, one = member("2", admin=DISABLED), member("1")
    chooser = balancer(one, disabled, watcher=watch)
    assert not news
    chooser.fault(one, 0.0, "connection refused")
    chooser.observe(one, False, "it said no", 1, 1, 0.0)
    chooser.observe(one, True, "", 1, 1, 0.0)
    chooser.set_admin(disabled, Admin.DRAIN, 0.0)
    chooser.set_admin(disabled, Admin.DRAIN, 0.0)
    chooser.fault(one, 1.0, "connection refused")
    chooser.choose(None, (), 61.0)
    one_, two = b"1", b"2"
    assert news == [
        (one_, "up", "error"),
        (one_, "error", "down"),
        (one_, "down", "up"),
        (two, "disabled", "drain"),
        (one_, "up", "error"),
        (one_, "error", "up"),
    ]


def test_attempts() -> None:
    """Apache's default of maxattempts is one less than there are members."""
    assert balancer(member("1"), member("2"), member("3")).maxattempts == 2
    assert balancer(member("1"), maxattempts=0).maxattempts == 0
    assert balancer(member("1"), cookie=RouteCookie("ROUTEID")).maxattempts == 0


def test_drain_that_moves_its_users() -> None:
    """Whose WebSockets a drain closes, goes to another member, page and all: as long as there is one, and it may."""
    one, two = member("1"), member("2")
    chooser = balancer(one, two)
    chooser.set_admin(one, DRAIN, 0.0)
    assert route_of(chooser.choose(b"1", (), 0.0)) == "1"
    chooser.set_admin(one, DRAIN, 0.0, moving=True)
    decision = chooser.choose(b"1", (), 0.0)
    assert route_of(decision) == "2*"
    assert decision is not None and decision.why == UNUSABLE
    chooser.fault(two, 1.0, "connection refused")
    assert route_of(chooser.choose(b"1", (), 1.0)) == "1"
    chooser.answered(two, 1.0, ())
    assert route_of(chooser.choose(b"1", (), 1.0)) == "2*"
    chooser.set_admin(two, DISABLED, 2.0)
    assert route_of(chooser.choose(b"1", (), 2.0)) == "1"
    chooser.set_admin(two, Admin.ACTIVE, 3.0)
    assert route_of(chooser.choose(b"1", (), 3.0)) == "2*"
    chooser.set_admin(one, DRAIN, 4.0)
    assert route_of(chooser.choose(b"1", (), 4.0)) == "1", "a drain of the other kind"
    chooser.set_admin(one, Admin.ACTIVE, 5.0, moving=True)
    assert route_of(chooser.choose(b"1", (), 5.0)) == "1", "only a drain moves anybody"


def test_drain_never_moves_anybody_with_nofailover() -> None:
    """Sessions that only their member has stay with it to the end."""
    one, two = member("1"), member("2")
    chooser = balancer(one, two, nofailover=True)
    chooser.set_admin(one, DRAIN, 0.0, moving=True)
    assert route_of(chooser.choose(b"1", (), 0.0)) == "1"
    assert routes(chooser, 2) == "22"
