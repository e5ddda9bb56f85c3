"""How a WebSocket ends: whatever happens to one side, the other one is told, and nobody is waited for for ever."""

from __future__ import annotations

from typing import Any

import pytest

from panolb.core.controlframes import close_payload
from panolb.core.half import BETWEEN, WITHIN_FRAME, WITHIN_MESSAGE, Half
from panolb.core.tunnel import LOOKS, NEVER

from .tunnels import Order, RecordingEnd, Scene

QUIET = {"ping_interval": 0.0}
SIDES = pytest.mark.parametrize("whose", ["client", "member"])
NORMAL = close_payload(1000)
OTHER = {"client": "member", "member": "client"}


def half_of(scene: Scene, whose: str) -> Half:
    """The side with that name."""
    return scene.client if whose == "client" else scene.member


def end_of(scene: Scene, whose: str) -> RecordingEnd:
    """What that side is told through."""
    return scene.client_end if whose == "client" else scene.member_end


def closes(orders: list[Order]) -> list[Order]:
    """The close frames among orders, as (side, payload)."""
    return [(order[0], order[2]) for order in orders if order[1] == "close"]


# -- closes of the two sides --------------------------------------------------------------------------------------------


@SIDES
@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"", 1005),
        (NORMAL, 1000),
        (close_payload(4321, "licence expired"), 4321),
        (b"\x03\xf4" + b"x" * 123, 1012),
    ],
)
def test_close_passes_unchanged(whose: str, payload: bytes, code: int) -> None:
    """Code and reason reach the other side, its answer goes back, and both connections end when all has been said."""
    scene = Scene(**QUIET)
    one, other = half_of(scene, whose), half_of(scene, OTHER[whose])
    scene.tunnel.close_received(one, payload)
    assert scene.taken() == [(OTHER[whose], "close", payload)]
    scene.tunnel.close_received(other, payload)
    orders = scene.taken()
    assert orders[0] == (whose, "close", payload)
    assert sorted(orders[1:]) == [("client", "finish"), ("member", "finish")]
    scene.tunnel.lost(one)
    assert scene.ended == 0
    scene.tunnel.lost(other)
    assert scene.ended == 1
    assert scene.account == (f"closed-by-{whose}", whose, code)
    assert scene.due == NEVER
    assert closes(scene.taken()) == []


def test_answer_may_say_something_else() -> None:
    """Each side gets what the other one has said, even when that is no echo."""
    scene = Scene(**QUIET)
    scene.tunnel.close_received(scene.client, close_payload(4000))
    scene.tunnel.close_received(scene.member, close_payload(4001, "so be it"))
    assert closes(scene.taken()) == [
        ("member", close_payload(4000)),
        ("client", close_payload(4001, "so be it")),
    ]
    assert scene.account == ("closed-by-client", "client", 4000)


@SIDES
def test_no_answer_to_a_close(whose: str) -> None:
    """After 2 s the side that closed gets its own code back and is done; the silent one is cut at the deadline."""
    scene = Scene(close_timeout=5.0, **QUIET)
    scene.tunnel.close_received(half_of(scene, whose), NORMAL)
    scene.taken()
    assert scene.wait(1.9) == []
    assert scene.wait(0.2) == [(whose, "close", NORMAL), (whose, "finish")]
    scene.tunnel.lost(half_of(scene, whose))
    assert ("cut",) not in [order[1:] for order in scene.wait(2.8)]
    assert scene.wait(0.2) == [(OTHER[whose], "cut")]
    scene.tunnel.lost(half_of(scene, OTHER[whose]))
    assert scene.ended == 1


@SIDES
def test_operator_closes_what_is_being_closed(whose: str) -> None:
    """It changes nothing: the side that closed is told what the other one answers."""
    scene = Scene(**QUIET)
    scene.tunnel.close_received(half_of(scene, whose), NORMAL)
    scene.taken()
    scene.tunnel.close("drained")
    assert scene.taken() == []
    scene.tunnel.close_received(half_of(scene, OTHER[whose]), NORMAL)
    assert closes(scene.taken()) == [(whose, NORMAL)]
    assert scene.account == (f"closed-by-{whose}", whose, 1000)


@SIDES
def test_connection_ends_instead_of_an_answer(whose: str) -> None:
    """A side that has been told goodbye may end its connection without a word; the first reason counts."""
    scene = Scene(**QUIET)
    one, other = half_of(scene, whose), half_of(scene, OTHER[whose])
    scene.tunnel.close_received(one, NORMAL)
    scene.taken()
    scene.tunnel.lost(other)
    orders = scene.taken()
    assert [order[:2] for order in orders] == [(whose, "close"), (whose, "finish")]
    scene.tunnel.lost(one)
    assert scene.ended == 1
    assert scene.account == (f"closed-by-{whose}", whose, 1000)


# -- connections that break ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lost_code", [1012, 1014])
def test_member_dies(lost_code: int) -> None:
    """The client is told to come back, and its answer is waited for."""
    scene = Scene(lost_code=lost_code, **QUIET)
    scene.tunnel.lost(scene.member)
    assert scene.taken() == [("client", "close", close_payload(lost_code, "The server went away."))]
    assert scene.ended == 0
    scene.tunnel.close_received(scene.client, close_payload(lost_code))
    assert scene.taken() == [("client", "finish")]
    scene.tunnel.lost(scene.client)
    assert scene.ended == 1
    assert scene.account == ("member-lost", "member", 1006)


def test_client_dies() -> None:
    """The member is told that it went away."""
    scene = Scene(**QUIET)
    scene.tunnel.lost(scene.client)
    assert scene.taken() == [("member", "close", close_payload(1001, "The client went away."))]
    scene.tunnel.close_received(scene.member, close_payload(1001))
    assert scene.taken() == [("member", "finish")]
    scene.tunnel.lost(scene.member)
    assert scene.ended == 1
    assert scene.account == ("client-lost", "client", 1006)


@SIDES
def test_death_within_a_frame(whose: str) -> None:
    """A close frame cannot stand within a frame: the side whose frame will never end is cut."""
    scene = Scene(**QUIET)
    other = OTHER[whose]
    end_of(scene, other).readiness = WITHIN_FRAME
    scene.tunnel.lost(half_of(scene, whose))
    assert set(scene.taken()) == {(other, "cut")}
    scene.tunnel.lost(half_of(scene, other))
    assert scene.ended == 1
    assert scene.tunnel.term == f"{whose}-lost"


@SIDES
def test_death_within_a_message(whose: str) -> None:
    """The fragments that were to come never will: the other side is told at once."""
    scene = Scene(**QUIET)
    other = OTHER[whose]
    end_of(scene, other).readiness = WITHIN_MESSAGE
    scene.tunnel.lost(half_of(scene, whose))
    assert [order[:2] for order in scene.taken()] == [(other, "close")]


@SIDES
def test_both_die_at_once(whose: str) -> None:
    """The one that went first is the one to blame; the other one is told nothing after its end."""
    scene = Scene(**QUIET)
    scene.tunnel.lost(half_of(scene, whose))
    scene.taken()
    scene.tunnel.lost(half_of(scene, OTHER[whose]))
    assert scene.taken() == []
    assert scene.ended == 1
    assert scene.due == NEVER
    assert scene.tunnel.term == f"{whose}-lost"


@SIDES
def test_silence_after_a_death(whose: str) -> None:
    """The side that is left and does not answer is cut at the deadline."""
    scene = Scene(close_timeout=3.0, **QUIET)
    scene.tunnel.lost(half_of(scene, whose))
    scene.taken()
    assert scene.wait(2.9) == []
    assert scene.wait(0.2) == [(OTHER[whose], "cut")]


# -- breaches of the rules ----------------------------------------------------------------------------------------------


@SIDES
def test_breach_of_the_rules(whose: str) -> None:
    """The other side first; the offender when that one has said its last words."""
    scene = Scene(**QUIET)
    offender, other = half_of(scene, whose), half_of(scene, OTHER[whose])
    payload = close_payload(1002, "a masked frame")
    scene.tunnel.broke_rules(offender, 1002, "a masked frame")
    assert scene.taken() == [(OTHER[whose], "close", payload)]
    scene.tunnel.close_received(other, close_payload(1002))
    orders = scene.taken()
    assert orders[0][:2] == (whose, "close")
    assert orders[0][2][:2] == payload[:2]
    assert sorted(orders[1:]) == [("client", "finish"), ("member", "finish")]
    scene.tunnel.lost(offender)
    scene.tunnel.lost(other)
    assert scene.ended == 1
    assert scene.account == (f"{whose}-broke-rules", whose, 1002)


@SIDES
def test_offender_does_not_wait_for_ever(whose: str) -> None:
    """Whatever the other side does, the offender gets its code after 2 s."""
    scene = Scene(**QUIET)
    scene.tunnel.broke_rules(half_of(scene, whose), 1009, "too long")
    scene.taken()
    assert scene.wait(2.1) == [(whose, "close", close_payload(1009, "too long")), (whose, "finish")]


@SIDES
def test_breach_after_the_other_side_has_closed(whose: str) -> None:
    """Nobody has anything left to say: the offender is told at once, with what the other side said."""
    scene = Scene(**QUIET)
    scene.tunnel.close_received(half_of(scene, OTHER[whose]), NORMAL)
    assert closes(scene.taken()) == [(whose, NORMAL)]
    scene.tunnel.broke_rules(half_of(scene, whose), 1002, "no more")
    assert [order[:2] for order in scene.taken()] == [
        (OTHER[whose], "close"),
        ("client", "finish"),
        ("member", "finish"),
    ]
    assert scene.account == (f"closed-by-{OTHER[whose]}", OTHER[whose], 1000)


@SIDES
def test_breach_and_death(whose: str) -> None:
    """An offender that ends its connection is told nothing; one whose other side is gone is told at once."""
    scene = Scene(**QUIET)
    scene.tunnel.broke_rules(half_of(scene, whose), 1007, "not UTF-8")
    scene.taken()
    scene.tunnel.lost(half_of(scene, OTHER[whose]))
    assert scene.taken() == [(whose, "close", close_payload(1007, "not UTF-8")), (whose, "finish")]
    scene = Scene(**QUIET)
    scene.tunnel.broke_rules(half_of(scene, whose), 1007, "not UTF-8")
    scene.taken()
    scene.tunnel.lost(half_of(scene, whose))
    assert closes(scene.taken()) == []
    assert scene.tunnel.term == f"{whose}-broke-rules"


# -- closes by panolb ---------------------------------------------------------------------------------------------------


def test_close_on_the_operators_behalf() -> None:
    """Both sides get the location's code and reason, answer, and are gone; nobody is told anything twice."""
    scene = Scene(close_code=1001, close_reason="Maintenance.", **QUIET)
    scene.tunnel.close("drained")
    said = close_payload(1001, "Maintenance.")
    assert scene.taken() == [("client", "close", said), ("member", "close", said)]
    scene.tunnel.close("stopping")
    scene.tunnel.close_received(scene.client, said)
    scene.tunnel.close_received(scene.member, said)
    assert closes(scene.orders) == []
    assert set(scene.taken()) == {("client", "finish"), ("member", "finish")}
    scene.tunnel.lost(scene.client)
    scene.tunnel.lost(scene.member)
    assert scene.ended == 1
    assert scene.account == ("drained", "panolb", 1001)


@pytest.mark.parametrize("code", [1012, 3000, 4999])
def test_close_with_a_code_of_its_own(code: int) -> None:
    """A caller may say something else than the location does; a reason that is too long loses its end."""
    scene = Scene(**QUIET)
    scene.tunnel.close("removed", code, "x" * 200)
    assert closes(scene.taken()) == [(name, close_payload(code, "x" * 123)) for name in ("client", "member")]


@SIDES
def test_close_waits_for_the_end_of_a_message(whose: str) -> None:
    """A fragmented message that ends within 2 s is not broken; the close frame follows it at once."""
    scene = Scene(**QUIET)
    end = end_of(scene, whose)
    end.readiness = WITHIN_MESSAGE
    scene.tunnel.close("drained")
    assert [order[:2] for order in scene.taken()] == [(OTHER[whose], "close")]
    scene.now += 1.0
    scene.tunnel.boundary(half_of(scene, whose))
    end.readiness = WITHIN_FRAME
    scene.tunnel.boundary(half_of(scene, whose))
    assert scene.taken() == []
    end.readiness = BETWEEN
    scene.tunnel.boundary(half_of(scene, whose))
    assert [order[:2] for order in scene.taken()] == [(whose, "close")]


@SIDES
def test_close_does_not_wait_longer_than_two_seconds(whose: str) -> None:
    """A message that does not end is broken between two of its frames."""
    scene = Scene(close_timeout=5.0, **QUIET)
    end_of(scene, whose).readiness = WITHIN_MESSAGE
    scene.tunnel.close("drained")
    scene.taken()
    assert scene.wait(1.9) == []
    assert [order[:2] for order in scene.wait(0.2)] == [(whose, "close")]


@SIDES
def test_close_waits_for_the_end_of_a_frame(whose: str) -> None:
    """Within a frame there is no way to say anything: its end is waited for, up to the deadline."""
    scene = Scene(close_timeout=5.0, **QUIET)
    end = end_of(scene, whose)
    end.readiness = WITHIN_FRAME
    scene.tunnel.close("drained")
    scene.taken()
    assert scene.wait(3.0) == []
    end.readiness = WITHIN_MESSAGE
    scene.tunnel.boundary(half_of(scene, whose))
    assert [order[:2] for order in scene.taken()] == [(whose, "close")]


@SIDES
def test_close_within_a_frame_that_does_not_end(whose: str) -> None:
    """At the deadline both connections are cut."""
    scene = Scene(close_timeout=5.0, **QUIET)
    end_of(scene, whose).readiness = WITHIN_FRAME
    scene.tunnel.close("drained")
    scene.taken()
    assert scene.wait(4.9) == []
    assert scene.wait(0.2) == [("client", "cut"), ("member", "cut")]
    scene.tunnel.lost(scene.client)
    scene.tunnel.lost(scene.member)
    assert closes(scene.taken()) == []
    assert scene.ended == 1
    assert scene.account == ("drained", "panolb", 1012)


@pytest.mark.parametrize("close_timeout", [0.5, 1.0, 2.0])
@SIDES
def test_deadline_that_is_shorter_than_two_seconds(whose: str, close_timeout: float) -> None:
    """A side within a message gets its close frame all the same, and a moment to take it."""
    scene = Scene(close_timeout=close_timeout, **QUIET)
    end_of(scene, whose).readiness = WITHIN_MESSAGE
    scene.tunnel.close("drained")
    scene.taken()
    told = scene.wait(close_timeout + 0.1)
    assert [order[:2] for order in told] == [(whose, "close")], (
        "what is cut at once never sees its close frame"
    )
    assert {order[1] for order in scene.wait(2.5)} == {"cut"}


def cuts(orders: list[Order]) -> bool:
    """Whether anybody is cut."""
    return any(order[1] == "cut" for order in orders)


def test_deadline_is_extended_while_data_is_taken() -> None:
    """The close frame stands behind what a slow reader still takes: a dozen times as long, and not for ever."""
    scene = Scene(close_timeout=5.0, **QUIET)
    scene.client_end.given = 1 << 20
    scene.tunnel.close("drained")
    for _ in range(LOOKS):
        assert not cuts(scene.wait(5.0))
        scene.client_end.taken += 1000
    assert not cuts(scene.wait(4.9))
    assert scene.wait(0.2) == [("client", "cut"), ("member", "cut")]


@pytest.mark.parametrize("taken", [0, 1 << 20], ids=["nothing", "everything"])
def test_deadline_is_not_extended_for_nothing(taken: int) -> None:
    """A reader that takes nothing from one look to the next has had its time, and so has one that has taken all."""
    scene = Scene(close_timeout=5.0, **QUIET)
    scene.client_end.given = 1 << 20
    scene.tunnel.close("drained")
    assert not cuts(scene.wait(7.0))
    scene.client_end.taken += taken
    assert scene.wait(3.1) == [("client", "cut"), ("member", "cut")]


def test_cut() -> None:
    """Both connections, or the one that is left."""
    scene = Scene(**QUIET)
    scene.tunnel.cut()
    assert scene.taken() == [("client", "cut"), ("member", "cut")]
    scene = Scene(**QUIET)
    scene.tunnel.lost(scene.client)
    scene.taken()
    scene.tunnel.cut()
    assert scene.taken() == [("member", "cut")]


@SIDES
def test_close_by_panolb_and_a_side_at_once(whose: str) -> None:
    """Close frames that cross on the way: each side has sent one and got one, and that is all there is to say."""
    scene = Scene(**QUIET)
    scene.tunnel.close("drained")
    assert len(closes(scene.taken())) == 2
    scene.tunnel.close_received(half_of(scene, whose), close_payload(4000, "mine"))
    assert scene.taken() == [(whose, "finish")]
    assert scene.account == ("drained", "panolb", 1012)


# -- limits -------------------------------------------------------------------------------------------------------------


def test_idle() -> None:
    """Nothing for so long, answers to our pings do not count: both are told 1001."""
    scene = Scene(idle_timeout=100.0, ping_interval=30.0)
    scene.wait(20.0)
    scene.tunnel.heard(scene.client, scene.now)
    for _ in range(3):
        scene.wait(30.0)
        scene.tunnel.ponged(scene.client, scene.now)
        scene.tunnel.ponged(scene.member, scene.now)
    assert closes(scene.wait(9.9)) == []
    assert closes(scene.wait(0.2)) == [
        (name, close_payload(1001, "idle for too long")) for name in ("client", "member")
    ]
    assert scene.account == ("idle", "panolb", 1001)


@SIDES
def test_not_idle(whose: str) -> None:
    """Whatever either side says puts the limit off."""
    scene = Scene(idle_timeout=10.0, **QUIET)
    for _ in range(5):
        assert scene.wait(9.0) == []
        scene.tunnel.heard(half_of(scene, whose), scene.now)
    assert len(closes(scene.wait(10.1))) == 2


def test_lifetime() -> None:
    """However busy it is, with the location's code."""
    scene = Scene(lifetime=60.0, close_code=1001, close_reason="Please log in again.", **QUIET)
    for _ in range(59):
        assert scene.wait(1.0) == []
        scene.tunnel.heard(scene.client, scene.now)
    said = close_payload(1001, "Please log in again.")
    assert closes(scene.wait(1.1)) == [("client", said), ("member", said)]
    assert scene.account == ("lifetime", "panolb", 1001)


@pytest.mark.parametrize(("whose", "code"), [("client", 1001), ("member", 1013)])
def test_slow(whose: str, code: int) -> None:
    """A side that keeps the other one paused for so long is told 1013, as is a client whose member is slow."""
    scene = Scene(slow_timeout=15.0, **QUIET)
    scene.wait(100.0)
    scene.tunnel.stalled(half_of(scene, whose))
    assert scene.wait(14.9) == []
    reason = f"the {whose} is too slow"
    assert closes(scene.wait(0.2)) == [
        ("client", close_payload(1013, reason)),
        ("member", close_payload(code, reason)),
    ]
    assert scene.account == (f"slow-{whose}", "panolb", 1013)


@SIDES
def test_not_slow(whose: str) -> None:
    """Every time that it takes again, it has all the time anew."""
    scene = Scene(slow_timeout=15.0, **QUIET)
    for _ in range(5):
        scene.tunnel.stalled(half_of(scene, whose))
        assert scene.wait(14.0) == []
        scene.tunnel.flowing(half_of(scene, whose))
        scene.wait(3.0)
    assert scene.tunnel.term == ""


def test_nothing_is_due_without_a_limit() -> None:
    """Neither pings nor limits: nobody is woken."""
    assert Scene(**QUIET).due == NEVER


# -- what goes on the wire ----------------------------------------------------------------------------------------------


@SIDES
def test_slow_side_that_is_stuck_within_a_frame(whose: str) -> None:
    """The rest of the frame would be more than it can take: it is cut, the other one is told."""
    scene = Scene(slow_timeout=15.0, **QUIET)
    end_of(scene, whose).readiness = WITHIN_FRAME
    scene.tunnel.stalled(half_of(scene, whose))
    orders = scene.wait(15.1)
    assert (whose, "cut") in orders
    assert [name for name, _ in closes(orders)] == [OTHER[whose]]


@pytest.mark.parametrize("terms", [{}, {"lost_code": 1014}, {"close_code": 4999}])
def test_every_end_has_a_code_that_may_be_sent(terms: dict[str, Any]) -> None:
    """1005 and 1006 stand in logs; a client never gets them, whatever happened to the member."""
    for ending in ("lost", "close", "silent"):
        scene = Scene(ping_interval=1.0, **terms)
        if ending == "lost":
            scene.tunnel.lost(scene.member)
        elif ending == "close":
            scene.tunnel.close_received(scene.member, b"")
        orders = scene.taken()
        if ending == "silent":
            while ("member", "cut") not in orders:
                scene.tunnel.ponged(scene.client, scene.now)
                orders += scene.wait(0.5)
        ((_, payload),) = [order for order in closes(orders) if order[0] == "client"]
        assert payload == b"" or int.from_bytes(payload[:2], "big") in (1012, terms.get("lost_code"))
