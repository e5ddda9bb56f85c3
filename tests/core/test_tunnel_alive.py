"""Keep-alive: who is quiet is asked, who does not answer is dropped, and nobody is blamed for what panolb held up."""

from __future__ import annotations

import pytest

from panolb.core.controlframes import close_payload
from panolb.core.half import BETWEEN, WITHIN_FRAME, WITHIN_MESSAGE

from .test_tunnel import OTHER, SIDES, closes, end_of, half_of
from .tunnels import PING, Order, Scene


def pings(orders: list[Order]) -> list[str]:
    """Who was pinged."""
    return [order[0] for order in orders if order[1] == "ping"]


def answer(scene: Scene, whose: str) -> None:
    """A side answers our ping, if there is one."""
    if half_of(scene, whose).pinged is not None:
        scene.tunnel.ponged(half_of(scene, whose), scene.now)


def test_both_sides_are_asked_when_they_are_quiet() -> None:
    """With our own payload, after the interval; again that long after each answer."""
    scene = Scene(ping_interval=30.0)
    assert scene.wait(29.9) == []
    assert scene.wait(0.2) == [("client", "ping", PING), ("member", "ping", PING)]
    scene.wait(0.4)
    answer(scene, "client")
    answer(scene, "member")
    assert scene.client.round_trip == pytest.approx(0.5, abs=0.11)
    assert pings(scene.wait(29.0)) == []
    assert sorted(pings(scene.wait(1.5))) == ["client", "member"]


def test_no_pings() -> None:
    """An interval of 0 asks nobody."""
    scene = Scene(ping_interval=0.0)
    assert scene.wait(1e6) == []


@SIDES
def test_who_speaks_is_not_asked(whose: str) -> None:
    """Any byte shows that a side lives."""
    scene = Scene(ping_interval=10.0)
    asked = []
    for _ in range(20):
        asked += pings(scene.wait(5.0))
        scene.tunnel.heard(half_of(scene, whose), scene.now)
        answer(scene, OTHER[whose])
    assert whose not in asked
    assert OTHER[whose] in asked


@SIDES
@pytest.mark.parametrize("misses", [1, 2, 5])
def test_silent_side_is_dropped(whose: str, misses: int) -> None:
    """After so many intervals without an answer it is cut, and the other one told why it is over."""
    scene = Scene(ping_interval=10.0, ping_misses=misses, lost_code=1014)
    other = OTHER[whose]
    scene.wait(10.1)
    orders: list[Order] = []
    for _ in range(misses * 10 - 1):
        answer(scene, other)
        orders += scene.wait(1.0)
    assert whose not in pings(orders), "a second ping in flight"
    assert [order for order in orders if order[1] != "ping"] == []
    answer(scene, other)
    orders = scene.wait(1.1)
    assert (whose, "cut") in orders
    scene.tunnel.lost(half_of(scene, whose))
    orders += scene.taken()
    told = close_payload(1014, "The server went away.")
    if whose == "client":
        told = close_payload(1001, "The client went away.")
    assert closes(orders) == [(other, told)]
    assert (scene.tunnel.term, scene.tunnel.closed_by, scene.tunnel.code) == (
        f"{whose}-silent",
        "panolb",
        1006,
    )


def test_round_trip_is_that_of_the_last_answer() -> None:
    """A pong that nobody asked for does not count."""
    scene = Scene(ping_interval=10.0)
    scene.tunnel.ponged(scene.member, scene.now)
    assert scene.member.round_trip is None
    scene.wait(10.0)
    scene.now += 0.25
    answer(scene, "member")
    assert scene.member.round_trip == pytest.approx(0.25)
    scene.now += 5.0
    scene.tunnel.ponged(scene.member, scene.now)
    assert scene.member.round_trip == pytest.approx(0.25)


@SIDES
def test_one_ping_in_flight(whose: str) -> None:
    """A side that speaks but does not answer, as a busy Tomcat may, is not asked again before it has answered.

    It is not dropped for it either, as long as it speaks.
    """
    scene = Scene(ping_interval=10.0, ping_misses=2)
    asked = pings(scene.wait(10.1))
    for _ in range(20):
        scene.tunnel.heard(half_of(scene, whose), scene.now)
        answer(scene, OTHER[whose])
        orders = scene.wait(15.0)
        asked += pings(orders)
        assert ("cut",) not in [order[1:] for order in orders]
    assert asked.count(whose) == 1
    answer(scene, whose)
    assert half_of(scene, whose).round_trip == pytest.approx(300.0, abs=0.2)
    assert whose in pings(scene.wait(10.1))


@SIDES
def test_silence_after_words_that_were_no_answer(whose: str) -> None:
    """The patience with an unanswered ping counts from the last sign of life, and ends."""
    scene = Scene(ping_interval=10.0, ping_misses=2)
    scene.wait(10.1)
    scene.wait(5.0)
    scene.tunnel.heard(half_of(scene, whose), scene.now)
    since = scene.now
    orders: list[Order] = []
    while (whose, "cut") not in orders:
        answer(scene, OTHER[whose])
        orders += scene.wait(1.0)
        assert scene.now < since + 25.0
    assert whose not in pings(orders), "a second ping in flight"
    assert scene.now >= since + 20.0


@SIDES
def test_answer_to_a_later_ping_of_somebody_else(whose: str) -> None:
    """Section 5.5.3: who got several pings may answer the last one only, so any pong ends the wait for ours."""
    scene = Scene(ping_interval=10.0, ping_misses=2)
    scene.wait(10.1)
    scene.tunnel.ponged(half_of(scene, whose), scene.now, ours=False)
    assert half_of(scene, whose).round_trip is None
    assert scene.tunnel.last_message == scene.now, "somebody else speaks through this WebSocket"
    answer(scene, OTHER[whose])
    assert whose in pings(scene.wait(10.1))


@SIDES
def test_no_ping_within_a_frame(whose: str) -> None:
    """It waits for the frame's end; within a message it may stand between two frames (section 5.4)."""
    scene = Scene(ping_interval=10.0)
    end_of(scene, whose).readiness = WITHIN_FRAME
    for _ in range(60):
        answer(scene, OTHER[whose])
        assert whose not in pings(scene.wait(1.0))
    end_of(scene, whose).readiness = WITHIN_MESSAGE
    answer(scene, OTHER[whose])
    assert whose in pings(scene.wait(10.1))


@SIDES
def test_nobody_is_asked_while_one_is_paused(whose: str) -> None:
    """Neither the slow side, whose ping would stand behind what it has not taken, nor the other one, which is not read."""
    scene = Scene(ping_interval=10.0, slow_timeout=1000.0)
    scene.tunnel.stalled(half_of(scene, whose))
    assert scene.wait(500.0) == []
    scene.tunnel.flowing(half_of(scene, whose))
    assert sorted(pings(scene.wait(20.1))) == ["client", "member"]


@SIDES
def test_pause_within_a_ping_is_no_miss(whose: str) -> None:
    """Asked before the pause: the time that the answer may take begins anew when things flow again."""
    scene = Scene(ping_interval=10.0, ping_misses=2, slow_timeout=1000.0)
    assert sorted(pings(scene.wait(10.1))) == ["client", "member"]
    scene.wait(1.0)
    scene.tunnel.stalled(half_of(scene, whose))
    assert scene.wait(200.0) == []
    scene.tunnel.flowing(half_of(scene, whose))
    assert scene.wait(19.0) == [], "nobody had a chance to answer yet"
    assert scene.tunnel.term == ""
    answer(scene, "client")
    answer(scene, "member")
    assert sorted(pings(scene.wait(10.1))) == ["client", "member"]


@SIDES
def test_pause_does_not_keep_the_dead_alive(whose: str) -> None:
    """After the pause, patience is what it always was."""
    scene = Scene(ping_interval=10.0, ping_misses=2, slow_timeout=1000.0)
    scene.wait(10.1)
    scene.tunnel.stalled(half_of(scene, whose))
    scene.wait(50.0)
    scene.tunnel.flowing(half_of(scene, whose))
    orders = []
    for _ in range(31):
        answer(scene, OTHER[whose])
        orders += scene.wait(1.0)
    assert (whose, "cut") in orders


@SIDES
def test_slow_line_is_not_silence(whose: str) -> None:
    """As long as it takes of what stands before our ping, the side cannot have seen it, and does what it can."""
    scene = Scene(ping_interval=30.0, ping_misses=2)
    end = end_of(scene, whose)
    end.given = 900_000
    orders: list[Order] = []
    while end.taken < end.given:
        end.taken += 50_000
        scene.tunnel.heard(half_of(scene, OTHER[whose]), scene.now)
        orders += scene.wait(10.0)
    assert orders == [(whose, "ping", PING)]
    for _ in range(20):
        scene.tunnel.heard(half_of(scene, OTHER[whose]), scene.now)
        orders += scene.wait(10.0)
    assert (whose, "cut") in orders, "nothing stands before it any more"


@SIDES
def test_slow_line_that_is_kept_full(whose: str) -> None:
    """It takes as fast as the other side sends: what waits is always as much, and yet the ping comes nearer."""
    scene = Scene(ping_interval=30.0, ping_misses=2)
    end, half = end_of(scene, whose), half_of(scene, whose)
    end.given = 900_000
    for _ in range(100):
        end.given += 50_000
        end.taken += 50_000
        if half.pinged is not None and end.taken >= half.before_ping:
            answer(scene, whose)
        scene.tunnel.heard(half_of(scene, OTHER[whose]), scene.now)
        assert ("cut",) not in [order[1:] for order in scene.wait(10.0)]


@SIDES
def test_silence_with_much_before_the_ping(whose: str) -> None:
    """Who takes nothing of what waits, and says nothing, is as silent as anybody, however much more is sent to it."""
    scene = Scene(ping_interval=30.0, ping_misses=2)
    orders: list[Order] = []
    for _ in range(13):
        end_of(scene, whose).given += 50_000
        scene.tunnel.heard(half_of(scene, OTHER[whose]), scene.now)
        orders += scene.wait(10.0)
    assert (whose, "cut") in orders


def test_no_pings_while_it_is_closing() -> None:
    """A side that was told goodbye gets nothing more, one that is about to be either."""
    scene = Scene(ping_interval=1.0, close_timeout=60.0)
    scene.client_end.readiness = WITHIN_FRAME
    scene.tunnel.close("drained")
    assert pings(scene.wait(30.0)) == []
    scene.client_end.readiness = BETWEEN
    scene.tunnel.boundary(scene.client)
    assert pings(scene.taken() + scene.wait(20.0)) == []


def test_close_after_a_side_was_dropped() -> None:
    """The operator's close and the drop cross: the other side is told once, the dropped connection nothing more."""
    scene = Scene(ping_interval=1.0, ping_misses=1)
    scene.wait(1.0)
    answer(scene, "client")
    orders = scene.wait(1.0)
    assert ("member", "cut") in orders
    scene.tunnel.close("drained")
    scene.tunnel.lost(scene.member)
    scene.tunnel.close_received(scene.client, b"")
    scene.tunnel.lost(scene.client)
    assert [name for name, _ in closes(orders + scene.taken())] == ["client"]
    assert scene.ended == 1
    assert scene.tunnel.term == "member-silent"
