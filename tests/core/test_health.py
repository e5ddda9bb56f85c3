"""The health of a member: thresholds of checks, and errors of live traffic."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panolb.core.health import Health


def watch(health: Health, checks: str, passes: int = 2, fails: int = 3) -> str:
    """Observe checks (``+`` passed, ``-`` did not); returns the state after each (``U`` up, ``d`` down)."""
    states = ""
    for check in checks:
        health.observe(check == "+", "it said no", passes, fails)
        states += "U" if health.up else "d"
    return states


@pytest.mark.parametrize(
    ("up", "checks", "states"),
    [
        (True, "---", "UUd"),
        (True, "--+---", "UUUUUd"),
        (True, "-++-++-++", "UUUUUUUUU"),  # Apache goes down here: its count of failures is never reset
        (True, "----++", "UUdddU"),
        (True, "---+-++", "UUddddU"),
        (False, "++", "dU"),
        (False, "+-+-++", "dddddU"),
        (False, "---", "ddd"),
    ],
)
def test_thresholds(up: bool, checks: str, states: str) -> None:
    """Only checks in a row count: hcpasses = 2, hcfails = 3."""
    assert watch(Health(up), checks) == states


@given(st.booleans(), st.text("+-", max_size=40), st.integers(1, 4), st.integers(1, 4))
def test_consecutive(up: bool, checks: str, passes: int, fails: int) -> None:
    """A member changes exactly when enough of the latest checks agree against its state."""
    health = Health(up)
    expected = up
    for seen in range(1, len(checks) + 1):
        so_far = checks[:seen]
        watch(health, so_far[-1], passes, fails)
        if so_far.endswith("+" * passes):
            expected = True
        elif so_far.endswith("-" * fails):
            expected = False
        assert health.up is expected


def test_reasons() -> None:
    """The status page can say why a member is not well, and says nothing when it is."""
    health = Health()
    assert health.reason == ""
    watch(health, "--")
    assert health.reason == ""
    watch(health, "-")
    assert health.reason == "it said no"
    health.observe(False, "it said never", 2, 3)
    assert health.reason == "it said never"
    watch(health, "++")
    assert health.reason == ""
    assert Health(up=False).reason != ""


def test_an_error_lasts_as_long_as_retry_says() -> None:
    """Live traffic keeps a member out until the moment ``retry`` is over, not longer."""
    health = Health()
    health.fault(100.0, 60.0, "connection refused")
    assert health.in_error(100.0)
    assert health.in_error(159.999)
    assert not health.in_error(160.0)
    assert health.up


def test_no_time_of_error() -> None:
    """``retry = 0``: the member may be tried again at once."""
    health = Health()
    health.fault(100.0, 0.0, "connection refused")
    assert not health.in_error(100.0)


def test_a_pass_ends_an_error_at_once() -> None:
    """H6: one passing check is enough, however many are needed to bring up a member that is down."""
    health = Health()
    health.fault(100.0, 60.0, "connection refused")
    health.observe(True, "", 5, 3)
    assert not health.in_error(100.0)
    assert health.reason == ""


def test_a_failing_check_does_not_end_an_error() -> None:
    """Nor does one that fails lengthen it."""
    health = Health()
    health.fault(100.0, 60.0, "connection refused")
    health.observe(False, "it said no", 1, 3)
    assert health.in_error(159.0)
    assert not health.in_error(160.0)
    assert health.reason == "connection refused"


def test_down_and_in_error() -> None:
    """The two signals are separate: the end of an error does not bring up what checks have taken down."""
    health = Health()
    health.fault(100.0, 60.0, "connection refused")
    watch(health, "---")
    assert not health.up
    health.forgive()
    assert not health.up
    assert not health.in_error(100.0)
    assert health.reason != ""


def test_forgive() -> None:
    """An error can be ended early."""
    health = Health()
    health.fault(100.0, 60.0, "connection refused")
    health.forgive()
    assert not health.in_error(100.0)
    assert health.reason == ""


@pytest.mark.parametrize(
    ("up", "checks", "settled"),
    [(True, "", True), (True, "-", False), (True, "-+", True), (True, "---", True), (True, "---+", False),
     (True, "---++", True), (False, "", True), (False, "+", False), (False, "+-", True)],
)  # fmt: skip
def test_settled(up: bool, checks: str, settled: bool) -> None:
    """A checker hurries while the latest checks contradict the state."""
    health = Health(up)
    watch(health, checks)
    assert health.settled is settled


def test_an_error_that_is_over_and_one_since() -> None:
    """Another process that tells of the end of an error does not end one that it has not heard of yet."""
    here, there = Health(), Health()
    here.fault(0, 60, "refused")
    there.believe(here.standing)
    there.forgive()
    assert not here.knows_better(there.standing, 60)  # its time is over, or it answered before that
    assert not here.knows_better(there.standing, 10)
    here.fault(60.01, 60, "refused again")
    assert here.knows_better(there.standing, 60.02)
    assert not here.knows_better(there.standing, 121)
    there.fault(60.03, 60, "refused there")
    assert not here.knows_better(there.standing, 60.04)
    there.believe(here.standing)
    there.forgive()
    assert not here.knows_better(there.standing, 60.05)
