"""The checker of one member, on a clock that the test turns."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import succeed
from twisted.internet.task import Clock
from twisted.logger import capturedLogs

from panolb.control.checks import Checker
from panolb.control.probes import Target
from panolb.core.balancer import Balancer
from tests.core.building import balancer, member


def test_a_verdict_that_cannot_be_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The log tells whose it was, and the next check comes as ever."""
    clock, checked, probed = Clock(), member("1"), 0

    def probe(reactor: object, target: Target) -> Any:
        nonlocal probed
        probed += 1
        return succeed(None)

    def broken(*verdict: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(Balancer, "observe", broken)
    checker = Checker(
        clock,
        clock.seconds,
        balancer(checked),
        checked,
        probe,
        Target(host="localhost", port=1),
        interval=5.0,
        changing=5.0,
        passes=1,
        fails=1,
        chance=0.0,
    )
    with capturedLogs() as logged:
        checker.start()
        clock.pump([0.1] * 110)
        checker.stop()
    assert probed == 3
    assert [event["member"] for event in logged if "log_failure" in event] == ["b/1"] * 3
