"""Closing many WebSockets in turn, on a clock that the test turns."""

from __future__ import annotations

import math
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panolb.control.closing import BEAT, CATCHING_UP, Closing, Closings, Counts
from tests.control.viewers import BEGIN, Viewer, clock, turn


class Room:
    """Some viewers and the orders to close them."""

    def __init__(self, seed: int = 1) -> None:
        self.clock = clock()
        self.closings = Closings(self.clock, Random(seed).random)

    def viewers(self, number: int, **more: Any) -> list[Any]:
        return [Viewer(self.clock, self.closings.finished, **more) for _ in range(number)]

    def close(
        self, viewers: list[Any], *, rate: float, deadline: float = 60.0
    ) -> tuple[Closing, list[Counts]]:
        """The order, and where its counts will stand when it is done."""
        done: list[Counts] = []
        closing = self.closings.begin(viewers, "drained", rate=rate, deadline=deadline)
        closing.done.addCallback(done.append)
        return closing, done


def times(viewers: list[Any]) -> list[float]:
    """When each was told; every one exactly once."""
    assert all(len(viewer.told) == 1 for viewer in viewers)
    return [viewer.told[0] for viewer in viewers]


def test_in_turn_with_pauses_of_chance() -> None:
    """Each gets its close frame in the order given; no pause is as long as the next, all are near the mean."""
    room = Room()
    viewers = room.viewers(40)
    _, done = room.close(viewers, rate=10.0)
    turn(room.clock, 10.0)
    told = times(viewers)
    assert told == sorted(told)
    pauses = [after - before for before, after in pairwise(told)]
    assert all(0.05 - 0.002 <= pause <= 0.15 + 0.002 for pause in pauses)
    assert len({round(pause, 2) for pause in pauses}) > 5
    assert told[-1] == pytest.approx(39 / 10.0, rel=0.25)
    assert done == [Counts(answered=40)]
    assert {viewer.tunnel.term for viewer in viewers} == {"drained"}
    assert {viewer.code for viewer in viewers} == {1012}


def test_faster_than_a_timer() -> None:
    """A high rate closes several at each beat, and no beat is shorter than half of what a timer can do."""
    room = Room()
    viewers = room.viewers(600)
    room.close(viewers, rate=1000.0)
    turn(room.clock, 4.0)
    told = times(viewers)
    beats = sorted(set(told))
    assert all(after - before >= BEAT / 2 - 0.001 for before, after in pairwise(beats))
    assert max(told.count(beat) for beat in beats) <= 1000.0 * BEAT
    assert told[-1] == pytest.approx(0.6, rel=0.1)


@settings(max_examples=50)
@given(
    rate=st.floats(1.0, 5000.0),
    number=st.integers(0, 150),
    step=st.sampled_from([0.001, 0.004, 0.03]),
    seed=st.integers(0, 9),
)
def test_never_faster_than_the_rate(rate: float, number: int, step: float, seed: int) -> None:
    """Whatever the rate and the timer's resolution: in no window more than the rate allows, jitter and batch included."""
    room = Room(seed)
    viewers = room.viewers(number)
    _, done = room.close(viewers, rate=rate, deadline=1000.0)
    turn(room.clock, 1.6 * number / rate + 1.0, step)
    told = times(viewers)
    batch = math.ceil(rate * BEAT)
    for first in range(0, number, 7):
        for last in range(first, number, 7):
            window = told[last] - told[first] + 2 * step
            assert last - first + 1 <= 2 * window * rate + 2 * batch
    assert done == [Counts(answered=number)]


def test_a_busy_reactor_is_made_up_for_only_so_far() -> None:
    """After a standstill some are told at once, but not all that were due in a long one."""
    room = Room()
    viewers = room.viewers(700)
    room.close(viewers, rate=100.0, deadline=1000.0)
    turn(room.clock, 1.0)
    before = sum(len(viewer.told) for viewer in viewers)
    room.clock.advance(10.0)
    burst = sum(len(viewer.told) for viewer in viewers) - before
    assert 100.0 * CATCHING_UP * 0.6 <= burst <= 100.0 * CATCHING_UP * 1.5 + 1


def test_nobody_is_told_twice() -> None:
    """A second order takes those only that no other one has; each order counts its own."""
    room = Room()
    viewers = room.viewers(6)
    _, first = room.close(viewers[:4], rate=2.0)
    turn(room.clock, 0.6)
    still_open = [viewer for viewer in viewers if not viewer.over]
    assert len(still_open) == 4
    second, counts = room.close(still_open, rate=2.0)
    assert second.left == 2
    assert second.add(still_open, 60.0) == 0
    turn(room.clock, 10.0)
    times(viewers)
    assert first == [Counts(answered=4)]
    assert counts == [Counts(answered=2)]


def test_more_can_be_added() -> None:
    """Those that come later are closed by the same order, as slowly as it was; it is done when all are."""
    room = Room()
    viewers = room.viewers(4)
    closing, done = room.close(viewers[:2], rate=1.0)
    turn(room.clock, 0.5)
    assert closing.add(viewers[2:], 60.0) == 2
    turn(room.clock, 10.0)
    told = times(viewers)
    assert all(after - before >= 0.499 for before, after in pairwise(told))
    assert done == [Counts(answered=4)]


def test_who_leaves_before_costs_no_turn() -> None:
    """A viewer that ends by itself, or is just about to, takes nobody's turn."""
    room = Room()
    viewers = room.viewers(5)
    _, done = room.close(viewers, rate=1.0)
    turn(room.clock, 0.1)
    viewers[1].leave()
    turn(room.clock, 0.2)
    viewers[2].tunnel.client.end.answers = viewers[2].tunnel.member.end.answers = None
    viewers[2].leave()  # its member answers nothing: it is under way when its turn comes
    turn(room.clock, 20.0)
    assert viewers[1].over and viewers[1].tunnel.term == "closed-by-client"
    assert viewers[2].over and viewers[2].tunnel.term == "closed-by-client"
    assert viewers[3].told[0] < 1.51
    assert viewers[4].told[0] < 3.01
    assert done == [Counts(answered=3, silent=1, gone=1)]


def test_silent_ones_are_counted_apart() -> None:
    """Who does not answer is cut by the time limit of its tunnel, long before the order's."""
    room = Room()
    viewers = room.viewers(3) + room.viewers(2, answers=None)
    _, done = room.close(viewers, rate=100.0)
    turn(room.clock, 5.5, 0.01)
    assert done == [Counts(answered=3, silent=2)]
    assert all(viewer.over for viewer in viewers)


def test_the_deadline_cuts_what_is_left() -> None:
    """Those that were told and have not ended, and those whose turn has not come; their log says why."""
    room = Room()
    viewers = room.viewers(4, answers=None)
    _, done = room.close(viewers, rate=1.0, deadline=2.0)
    turn(room.clock, 1.9)
    assert not done and not any(viewer.over for viewer in viewers)
    turn(room.clock, 0.2)
    assert done == [Counts(cut=4)]
    assert all(viewer.over and viewer.tunnel.term == "drained" for viewer in viewers)
    turn(room.clock, 10.0, 0.01)
    assert done == [Counts(cut=4)]


def test_taken_back() -> None:
    """After a cancel nobody else is told, and the order is done when those that were have ended."""
    room = Room()
    viewers = room.viewers(5)
    closing, done = room.close(viewers, rate=1.0)
    turn(room.clock, 0.01)
    closing.cancel()
    assert not done
    turn(room.clock, 10.0)
    assert done == [Counts(answered=1, kept=4)]
    assert [len(viewer.told) for viewer in viewers] == [1, 0, 0, 0, 0]
    again, counts = room.close(viewers[1:], rate=100.0)
    assert again.left == 4
    turn(room.clock, 1.0)
    assert counts == [Counts(answered=4)]


def test_nothing_to_close() -> None:
    """An order for nobody is done at once and leaves no timer."""
    room = Room()
    closing, done = room.close([], rate=1.0)
    assert (closing.left, done) == (0, [Counts()])
    assert not room.clock.getDelayedCalls()


def test_no_grace() -> None:
    """An infinite rate and no time: everybody is told and cut in the next turn."""
    room = Room()
    viewers = room.viewers(50, answers=None)
    _, done = room.close(viewers, rate=math.inf, deadline=0.0)
    turn(room.clock, 0.01)
    assert done == [Counts(cut=50)]
    assert all(viewer.over and viewer.told[0] < 0.01 for viewer in viewers)


def test_one_that_fails_does_not_stop_the_others(caplog: pytest.LogCaptureFixture) -> None:
    """An error while one is told costs nobody else their close frame, and that one its peace at the deadline."""
    room = Room()
    viewers = room.viewers(3)

    def broken(payload: bytes) -> None:
        raise RuntimeError("broken on purpose")

    viewers[0].tunnel.client.end.send_close = broken
    _, done = room.close(viewers, rate=100.0, deadline=20.0)
    turn(room.clock, 1.0)
    assert [viewer.over for viewer in viewers] == [False, True, True]
    turn(room.clock, 20.0, 0.01)
    assert len(done) == 1
    assert viewers[0].over


def test_counts_in_words() -> None:
    """Only what happened is said."""
    assert str(Counts(answered=2, cut=1)) == "2 answered, 1 were cut"
    assert str(Counts()) == "none was left"


def test_longest_first_is_the_callers_order() -> None:
    """The order in which they are given is the order of their turns."""
    room = Room()
    viewers = room.viewers(5)
    _, _ = room.close(viewers[::-1], rate=10.0)
    turn(room.clock, 3.0)
    told = times(viewers)
    assert told == sorted(told, reverse=True)
    assert room.clock.seconds() > BEGIN
