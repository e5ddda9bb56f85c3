"""Time that the progress of a body earns: the rule of mod_reqtimeout."""

from __future__ import annotations

from panolb.core.patience import Patience


def test_standing_still() -> None:
    """Without progress the time runs out, counted from the beginning."""
    patience = Patience(60.0, 500)
    assert patience.begin(100.0) == 60.0
    assert patience.earn(0, 130.0) == 30.0
    assert patience.earn(0, 161.0) < 0


def test_progress_earns_time() -> None:
    """So many bytes are a second; never more than there was at the start."""
    patience = Patience(60.0, 500)
    patience.begin(0.0)
    assert patience.earn(1000, 30.0) == 32.0
    assert patience.earn(1_000_000, 31.0) == 60.0
    assert patience.earn(500, 90.0) == 2.0


def test_a_byte_now_and_then() -> None:
    """A client that is slower than the rate runs out of time, however steadily it drips."""
    patience = Patience(60.0, 500)
    patience.begin(0.0)
    now = 0.0
    while patience.earn(10, now) > 0:
        now += 1.0
    assert 60 < now < 65


def test_any_byte() -> None:
    """With a rate of 0 the first byte earns all of it, and no byte nothing."""
    patience = Patience(60.0, 0)
    patience.begin(0.0)
    assert patience.earn(1, 59.0) == 60.0
    assert patience.earn(0, 69.0) == 50.0


def test_a_pause_costs_nothing() -> None:
    """While the client is kept waiting its time stands still, however often that is said."""
    patience = Patience(60.0, 500)
    patience.begin(0.0)
    patience.pause(10.0)
    patience.pause(500.0)
    assert patience.resume(1000.0) == 50.0
    assert patience.resume(1001.0) == 49.0
    assert patience.earn(0, 1010.0) == 40.0
