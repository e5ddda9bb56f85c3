"""The wheel of time limits, on a clock that the test turns."""

from __future__ import annotations

import gc
import weakref

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock

from panolb.proxy.deadlines import NEVER, TICK, Deadlines


class Thing:
    """Something with a time limit that notes when it struck."""

    def __init__(self, clock: Clock) -> None:
        self.deadline = NEVER
        self.slot = 0
        self.struck: list[float] = []
        self._clock = clock

    def out_of_time(self) -> None:
        self.struck.append(self._clock.seconds())


def wheel() -> tuple[Clock, Deadlines]:
    """A started wheel and the clock that drives it."""
    clock = Clock()
    clock.advance(1000.0)  # as any monotonic clock: not zero
    deadlines = Deadlines(clock.seconds)
    deadlines.start(clock)
    return clock, deadlines


THINGS = 4
STEP = TICK / 4  # how far the clock is turned at once; a strike can be that much later than on a real one
SECONDS = st.floats(0, 5) | st.integers(0, 12).map(lambda ticks: ticks * TICK) | st.just(20.0)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("set"), st.integers(0, THINGS - 1), SECONDS),
        st.tuples(st.just("never"), st.integers(0, THINGS - 1), st.just(0.0)),
        st.tuples(st.just("forget"), st.integers(0, THINGS - 1), st.just(0.0)),
        st.tuples(st.just("wait"), st.just(0), st.floats(0, 2) | st.just(TICK)),
    ),
    max_size=40,
)


@settings(max_examples=150)
@given(STEPS)
def test_nothing_early_everything_in_time_forgotten_never(steps: list[tuple[str, int, float]]) -> None:
    """Against a list of dates: a limit strikes once, at its date or at most one tick later, and never if taken back."""
    clock, deadlines = wheel()
    things = [Thing(clock) for _ in range(THINGS)]
    due: list[float | None] = [None] * THINGS

    def look() -> None:
        now = clock.seconds()
        for number, thing in enumerate(things):
            date = due[number]
            if thing.struck:
                (at,) = thing.struck
                assert date is not None, "struck without a limit"
                assert date <= at <= date + TICK + STEP + 1e-6
                thing.struck.clear()
                due[number] = None
            else:
                assert date is None or now <= date + TICK + STEP + 1e-6, f"late: {now - date} s"

    for what, number, seconds in steps:
        if what == "set":
            deadlines.set(things[number], seconds)
            due[number] = clock.seconds() + seconds
        elif what == "never":
            things[number].deadline = NEVER  # as connections do on their hot path
            due[number] = None
        elif what == "forget":
            deadlines.forget(things[number])
            due[number] = None
        else:
            left = seconds
            while left > 0:
                step = min(left, STEP)
                clock.advance(step)
                left -= step
                look()
        look()
    for _ in range(int(30 / STEP)):
        clock.advance(STEP)
        look()
    assert due == [None] * THINGS


@settings(max_examples=50)
@given(st.lists(SECONDS, min_size=1, max_size=20), st.floats(0, 500))
def test_slow_reactor_catches_up(limits: list[float], pause: float) -> None:
    """After a standstill of the process all that is due strikes, once, and nothing else."""
    clock, deadlines = wheel()
    things = [Thing(clock) for _ in limits]
    for thing, seconds in zip(things, limits, strict=True):
        deadlines.set(thing, seconds)
    clock.advance(pause)
    now = clock.seconds()
    for thing, seconds in zip(things, limits, strict=True):
        if thing.struck:
            assert 1000.0 + seconds <= now
        else:
            assert 1000.0 + seconds + TICK > now
        assert len(thing.struck) <= 1


def test_limit_may_be_set_again_when_it_strikes() -> None:
    """What is out of time may ask for more, as often as it likes."""
    clock, deadlines = wheel()

    class Again(Thing):
        def out_of_time(self) -> None:
            super().out_of_time()
            deadlines.set(self, 1.0)

    thing = Again(clock)
    deadlines.set(thing, 1.0)
    for _ in range(int(10 / TICK)):
        clock.advance(TICK)
    assert 7 <= len(thing.struck) <= 10


def test_one_that_strikes_may_forget_another() -> None:
    """Two limits of one moment: the first may take the second back."""
    clock, deadlines = wheel()

    class Jealous(Thing):
        other: Thing

        def out_of_time(self) -> None:
            super().out_of_time()
            deadlines.forget(self.other)

    one, two = Jealous(clock), Jealous(clock)
    one.other, two.other = two, one
    deadlines.set(one, 1.0)
    deadlines.set(two, 1.0)
    for _ in range(20):
        clock.advance(TICK)
    assert len(one.struck) + len(two.struck) == 1


def test_exception_of_one_does_not_stop_time_for_the_others() -> None:
    """A limit whose striking fails costs itself: the wheel goes on."""
    clock, deadlines = wheel()

    class Broken(Thing):
        def out_of_time(self) -> None:
            raise RuntimeError("broken")

    others = [Thing(clock) for _ in range(20)]
    broken = Broken(clock)
    for thing in (*others[:10], broken, *others[10:]):
        deadlines.set(thing, 1.0)
    late = Thing(clock)
    deadlines.set(late, 3.0)
    for _ in range(20):
        clock.advance(TICK)
    assert all(len(thing.struck) == 1 for thing in others)
    assert len(late.struck) == 1


def test_forgotten_things_are_let_go() -> None:
    """A forgotten connection is not kept in memory until its hour has come."""
    clock, deadlines = wheel()
    thing = Thing(clock)
    gone = weakref.ref(thing)
    for seconds in (300.0, 10.0, 200.0, 1.0):
        deadlines.set(thing, seconds)
    deadlines.forget(thing)
    del thing
    gc.collect()
    assert gone() is None


def test_stopped_wheel_strikes_nobody() -> None:
    """After `stop` no limit strikes."""
    clock, deadlines = wheel()
    thing = Thing(clock)
    deadlines.set(thing, 1.0)
    deadlines.stop()
    clock.advance(100)
    assert thing.struck == []
    assert not clock.getDelayedCalls()
