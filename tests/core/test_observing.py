"""observe = "websocket": what a WebSocket, or the handshake for one, says of the member that had it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from panolb.core.admission import Admission
from panolb.core.observing import EARLY, verdict
from panolb.core.rules import ErrorPage
from panolb.core.terms import Terms
from panolb.core.tunnel import Tunnel

from .building import ask
from .script import BOUND, HANDSHAKE, SWITCH, Script

PONG_TIME = 0.01  # seconds
CLOSE_1000 = b"\x03\xe8"


def handshake(**changes: Any) -> Script:
    """One of a user of member 1, with its connection standing."""
    return Script(ask(*HANDSHAKE, BOUND), **changes).begun()


def answered(status: int, **changes: Any) -> Script:
    """A handshake that got this answer."""
    script = handshake(**changes)
    script.head(status, b"Content-Length: 0")
    if not script.ends:
        script.exchange.response_end()
    return script


# -- handshakes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 204, 301, 302, 400, 401, 403, 404, 405, 426, 429])
@pytest.mark.parametrize("override", [frozenset(), frozenset((403, 404))])
def test_refusals_say_nothing(status: int, override: frozenset[int]) -> None:
    """Who may not, or asks for what is not there, gets an answer; that is no failure and no proof of health."""
    assert verdict(answered(status, place={"override": override}).exchange) is None


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize("override", [frozenset(), frozenset((500, 502, 503, 504))])
def test_errors_speak_against_it(status: int, override: frozenset[int]) -> None:
    """Whether the client sees the member's page or ours."""
    said = verdict(answered(status, place={"override": override}).exchange)
    assert said == f"it answered a WebSocket handshake with {status}"


def test_handshakes_that_break() -> None:
    """Broken off, out of time, or a 101 that does not fit: the member's doing."""
    script = handshake()
    script.exchange.link_failed("the connection ended")
    assert verdict(script.exchange) == "it broke off a WebSocket handshake"
    script = handshake()
    script.exchange.link_timeout()
    assert verdict(script.exchange) == "it did not answer a WebSocket handshake in time"
    script = handshake()
    script.client.bridges = False
    script.head(101, *SWITCH)
    assert script.link is not None
    script.exchange.switched(script.link, b"")
    assert verdict(script.exchange) == "it broke off a WebSocket handshake"


def test_handshakes_that_end_for_another_reason() -> None:
    """The client leaves; nobody can be connected to; a limit is reached: no word about a member."""
    script = handshake()
    script.exchange.client_lost()
    assert verdict(script.exchange) is None
    script = Script(ask(*HANDSHAKE, BOUND)).start()
    script.refused()
    script.refused()
    assert script.ends == [(503, "no-member", script.exchange.sent)]
    assert verdict(script.exchange) is None
    script = Script(ask(*HANDSHAKE, BOUND), place={"admission": Admission(0)}).start()
    assert script.ends[0][:2] == (503, "full")
    assert verdict(script.exchange) is None


# -- WebSockets ---------------------------------------------------------------------------------------------------------


def opened(terms: Terms | None = None) -> tuple[Script, Tunnel]:
    """A WebSocket that stands."""
    script = handshake(place={"websocket": terms or Terms()})
    script.head(101, *SWITCH)
    assert script.link is not None
    script.exchange.switched(script.link, b"")
    assert script.exchange.tunnel is not None
    return script, script.exchange.tunnel


def end(tunnel: Tunnel) -> None:
    """Whoever is still there goes."""
    for half in (tunnel.member, tunnel.client):
        if not half.lost:
            tunnel.lost(half)


def closes(code: int | None, whose: str = "member") -> Callable[[Tunnel], None]:
    """A side sends a close frame, and the other one answers it."""

    def act(tunnel: Tunnel) -> None:
        half = tunnel.member if whose == "member" else tunnel.client
        tunnel.close_received(half, b"" if code is None else code.to_bytes(2, "big"))
        tunnel.close_received(half.other, b"")

    act.__name__ = f"{whose} closes with {code}"
    return act


def loses(tunnel: Tunnel) -> None:
    """The member's connection ends."""
    tunnel.lost(tunnel.member)


def leaves(tunnel: Tunnel) -> None:
    """The client's connection ends, and the member does not get to say anything."""
    tunnel.lost(tunnel.client)


def breaks_rules(code: int, whose: str = "member") -> Callable[[Tunnel], None]:
    """A side sends what no frame is."""

    def act(tunnel: Tunnel) -> None:
        tunnel.broke_rules(tunnel.member if whose == "member" else tunnel.client, code, "why")

    act.__name__ = f"{whose} breaks the rules with {code}"
    return act


AGAINST = [loses, closes(1011), closes(1014), breaks_rules(1002)]
# Of a member that has said something: whatever the client does then, it is sound.
FOR = [
    closes(None),
    closes(1000),
    closes(1001),
    closes(1008),
    closes(1012),
    closes(1013),
    closes(4401),
    closes(1000, "client"),
    closes(1011, "client"),
    leaves,
    breaks_rules(1002, "client"),
    breaks_rules(1007, "client"),
]
# What a client can bring about although the member is well, or a member's own limits.
NOTHING = [breaks_rules(1007), breaks_rules(1009)]


def after(action: Callable[[Tunnel], None], seconds: float, spoke: bool) -> str | None:
    """The verdict when something happens so many seconds after the 101."""
    script, tunnel = opened()
    script.member_end.messages = int(spoke)
    script.now += seconds
    action(tunnel)
    end(tunnel)
    assert script.ends[0][0] == 101
    return verdict(script.exchange)


@pytest.mark.parametrize("spoke", [False, True])
@pytest.mark.parametrize("action", AGAINST, ids=lambda action: action.__name__)
def test_breaking_off_early(action: Callable[[Tunnel], None], spoke: bool) -> None:
    """Of no use to anybody; later the same says nothing, for it has been of use."""
    assert after(action, EARLY - 0.1, spoke)
    assert after(action, EARLY, spoke) is None


@pytest.mark.parametrize("seconds", [0.0, EARLY, 1000.0])
@pytest.mark.parametrize("action", FOR, ids=lambda action: action.__name__)
def test_what_clients_do_is_not_the_members_fault(action: Callable[[Tunnel], None], seconds: float) -> None:
    """Neither is a close frame with which a member refuses a client."""
    assert after(action, seconds, spoke=True) == ""


@pytest.mark.parametrize("seconds", [0.0, EARLY, 1000.0])
@pytest.mark.parametrize("action", NOTHING, ids=lambda action: action.__name__)
def test_what_may_be_anybodys_fault(action: Callable[[Tunnel], None], seconds: float) -> None:
    """Text that is no text may be an echo; what is too long is too long for us."""
    assert after(action, seconds, spoke=True) is None


def test_silence_proves_nothing() -> None:
    """A member that took a handshake and never said a word after it is not known to be well."""
    assert after(leaves, 5.0, spoke=False) is None
    assert after(leaves, 1000.0, spoke=False) is None
    assert after(closes(1000, "client"), 5.0, spoke=False) == "", "it has answered the close frame"

    def pongs(tunnel: Tunnel) -> None:
        tunnel.member.pinged = tunnel.opened
        tunnel.ponged(tunnel.member, tunnel.opened + PONG_TIME)
        leaves(tunnel)

    assert after(pongs, 40.0, spoke=False) == ""


def test_missed_pings() -> None:
    """Speak against the member whenever that is; those of a client do not."""
    for whose, said in (("member", "it stopped answering pings"), ("client", "")):
        script, tunnel = opened(Terms(ping_interval=30.0, ping_misses=2))
        script.member_end.messages = 7
        for seconds in range(1, 1200):
            script.now += 1.0
            if seconds < 900 or whose == "client":
                tunnel.heard(tunnel.member, script.now)
            if seconds < 900 or whose == "member":
                tunnel.heard(tunnel.client, script.now)
            if tunnel.closing is None:
                tunnel.look()
            if tunnel.term and not tunnel.member.lost:
                break
        assert tunnel.term == f"{whose}-silent"
        end(tunnel)
        assert verdict(script.exchange) == said


def test_who_is_too_slow() -> None:
    """A member that takes no more may have been sent too much; a client that takes no more is the client's problem."""
    for whose, said in (("member", None), ("client", "")):
        script, tunnel = opened()
        script.member_end.messages = 7
        tunnel.stalled(tunnel.member if whose == "member" else tunnel.client)
        script.now += 16.0
        tunnel.look()
        assert tunnel.term == f"slow-{whose}"
        end(tunnel)
        assert verdict(script.exchange) == said


def test_closed_by_the_operator() -> None:
    """The member has done nothing."""
    script, tunnel = opened()
    tunnel.close("disabled")
    loses(tunnel)
    end(tunnel)
    assert script.ends[0][1] == "disabled"
    assert verdict(script.exchange) is None


# -- what comes of it ---------------------------------------------------------------------------------------------------


def test_so_many_in_a_row_put_it_in_error() -> None:
    """The count is the member's; one that is well begins it anew, and what says nothing does not."""
    script = answered(503, observe_fails=3)
    member, balancer = script.members["1"], script.balancer

    def hear(words: str) -> str:
        for word in words:
            said = {"-": "it failed", "+": "", "0": None}[word]
            balancer.heard_of_tunnel(member, said, script.now)
        return member.state

    assert hear("-+--") == "up"
    assert hear("00") == "up"
    assert hear("-") == "error"
    assert member.health.reason == "3 WebSockets in a row failed, the last one because it failed"
    assert script.members["2"].state == "up"


def test_checks_do_not_end_what_they_do_not_see() -> None:
    """A member that answers a page but no viewer stays out for its ``retry`` seconds."""
    script = answered(503, observe_fails=1)
    member, balancer, now = script.members["1"], script.balancer, script.now
    balancer.observe(member, True, "", 1, 1, now + 1)
    assert (member.state, member.health.reason != "") == ("error", True)
    balancer.refresh(now + member.spec.retry)
    assert (member.state, member.health.reason) == ("up", "")
    balancer.fault(member, now, "connection refused")
    balancer.observe(member, True, "", 1, 1, now + 1)
    assert member.state == "up", "that a check does see"


def test_hanging_up_on_a_handshake() -> None:
    """The user goes on to another member; that the first one hung up is not forgotten over it."""
    script = handshake(observe_fails=1)
    script.lost()
    assert script.waiting == "2"
    assert script.members["1"].state == "error"
    assert script.members["1"].health.reason.endswith("it broke off a WebSocket handshake")


def test_not_observed() -> None:
    """``observe = "none"``: nothing counts."""
    script = answered(503)
    for _ in range(100):
        script.balancer.heard_of_tunnel(script.members["1"], "it failed", script.now)
    assert script.members["1"].state == "up"


def test_page_of_the_operator() -> None:
    """An error page of our own is a failure like any other."""
    pages = {503: ErrorPage(b"<p>later</p>", b"text/html")}
    script = answered(503, observe_fails=1, place={"override": frozenset((503,)), "error_pages": pages})
    assert script.members["1"].state == "error"
