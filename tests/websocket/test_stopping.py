"""SIGTERM: WebSockets are said goodbye to on both sides, and the process ends with 0."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.harness.waiting import until
from tests.websocket.lab import LANES, running
from tests.websocket.peer import TEXT, Frame


@pytest.mark.parametrize(("code", "more"), [(1012, ""), (1001, "websocket_close_code = 1001")])
def test_sigterm_closes_both_sides(tmp_path: Path, code: int, more: str) -> None:
    """Each side of each WebSocket gets its location's code; when they have answered, the process ends at once."""
    with running(tmp_path, grace="60s", more=more) as lab:
        pairs = [lab.open() for _ in range(2)]
        lab.lane = "messages"
        pairs += [lab.open() for _ in range(2)]
        for pair in pairs:
            pair.browser.send(TEXT, b"working")
            assert pair.member.frame() == Frame(TEXT, b"working")
        lab.panolb.terminate()
        for pair in pairs:
            assert pair.browser.closed()[0] == code
            assert pair.member.closed()[0] == code
            pair.browser.close_frame(code)
            pair.member.close_frame(code)
            assert pair.browser.ended()
            pair.member.socket.close()
        assert lab.panolb.wait() == 0
        assert "Traceback" not in lab.panolb.log


def test_sigterm_with_peers_that_answer_nothing(tmp_path: Path) -> None:
    """Peers that ignore the close frame do not use up the grace period."""
    with running(tmp_path, grace="60s") as lab:
        pairs = [lab.open()]
        lab.lane = "messages"
        pairs.append(lab.open())
        lab.panolb.terminate()
        for pair in pairs:
            assert pair.browser.closed()[0] == 1012
            assert pair.member.closed()[0] == 1012
        assert lab.panolb.wait() == 0
        assert "Traceback" not in lab.panolb.log


@LANES
def test_sigterm_within_a_handshake(tmp_path: Path, lane: str) -> None:
    """A handshake under way when the process is stopped is finished, and then said goodbye to at once."""
    with running(tmp_path, grace="60s") as lab:
        lab.lane = lane
        browser = lab.browse()
        browser.upgrade("/raw")
        visit = lab.raw.visit()
        lab.panolb.terminate()
        until(lambda: "stopping" in lab.panolb.log, "the process to stop")
        member = visit.switch()
        peer = browser.switched()
        assert peer.closed()[0] == 1012
        assert member.closed()[0] == 1012
        peer.close_frame(1012)
        member.close_frame(1012)
        member.socket.close()
        assert lab.panolb.wait() == 0
        assert "Traceback" not in lab.panolb.log


def test_grace_ends_for_a_handshake_that_is_not_answered(tmp_path: Path) -> None:
    """A member that never answers does not keep the process: after the grace period it ends, still with 0."""
    with running(tmp_path, grace="1s") as lab:
        browser = lab.browse()
        browser.upgrade("/raw")
        visit = lab.raw.visit()
        began = time.monotonic()
        lab.panolb.terminate()
        assert lab.panolb.wait() == 0
        assert time.monotonic() - began > 0.9
        assert visit.ended()
        assert "Traceback" not in lab.panolb.log


def test_second_signal_ends_at_once(tmp_path: Path) -> None:
    """Whoever cannot wait signals twice."""
    with running(tmp_path, grace="60s") as lab:
        lab.browse().upgrade("/raw")
        lab.raw.visit()
        lab.panolb.terminate()
        until(lambda: "stopping" in lab.panolb.log, "the process to stop")
        lab.panolb.terminate()
        assert lab.panolb.wait() in (-15, 1, 0)
