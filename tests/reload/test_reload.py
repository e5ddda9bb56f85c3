"""Reloads in small: every kind of change, and nobody loses anything."""

from __future__ import annotations

import signal
import socket
import threading
from pathlib import Path

import pytest

from tests.harness.waiting import ADDRESS, PATIENCE, free_port, until
from tests.reload import report
from tests.reload.configurations import FIRST, PASSING, State
from tests.reload.run import APPLIED, Load, Run, running

FEW = 30  # WebSockets

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("httpd", "workers"), [(False, 1), (True, 1), (False, 2)], ids=["toml", "httpd-conf", "workers"]
)
def test_reloads_under_load(tmp_path: Path, httpd: bool, workers: int) -> None:
    """Members come and go, weights and a limit change: no request fails, no user of a member that stays is moved, no
    WebSocket of it ends, and in the end nothing of former configurations is held.

    How much memory grows takes longer to tell: that is for ``make reload``.
    """
    with running(tmp_path, httpd=httpd, workers=workers) as run:
        result = run.run(Load(rate=300, viewers=100, reloads=10, every=0.5))
    print(report.text(result))
    assert result.sound, report.text(result)
    assert (sum(map(len, result.applied.values())), result.refused) == (10, 1)
    assert result.seen.moved > 0, "nobody had to leave a member: nothing was tried"


def test_many_signals_at_once(tmp_path: Path) -> None:
    """However often and quickly it is told, panolb ends up with what the file says last, and loses nothing."""
    with running(tmp_path) as run:
        run.users.begin(10, 200, FEW)
        until(lambda: run.users.opened >= FEW, "WebSockets to open")
        with_passing = dict(FIRST.weights) | dict.fromkeys(PASSING, 1)
        for number in range(40):
            weights = with_passing if number % 2 else FIRST.weights
            _write(run, State({**weights, "1": 1 + number}))
            run.panolb.process.send_signal(signal.SIGHUP)
        until(lambda: "-> 40" in (run.panolb.lines(APPLIED) or [""])[-1], "the last file to be in effect")
        members = {one["name"] for one in run.control.get("/api/v1/members")["members"]}
        assert members == {f"app/{route}" for route in with_passing}
        run.users.end()
        assert run.users.seen.failures == []
        run.panolb.stop()


def _write(run: Run, state: State) -> None:
    """As careful editors do, so that no half of a file is ever read."""
    new = run.panolb.file.with_suffix(".new")
    new.write_text(run.writer.text(state))
    new.replace(run.panolb.file)


def test_a_listener_moves(tmp_path: Path) -> None:
    """The new one is open before the old one closes: whoever finds the old one closed is served by the new one at once.

    WebSockets that came through the old one never notice.
    """
    with running(tmp_path) as run:
        old, new = run.writer.port, free_port()
        run.users.begin(0, 1, FEW)
        until(lambda: run.users.opened >= FEW, "WebSockets to open")
        found: list[bool] = []

        def look() -> None:
            while _connects(old):
                pass
            found.append(_connects(new))

        looking = threading.Thread(target=look)
        looking.start()
        text = run.panolb.file.read_text()
        run.panolb.file.write_text(text.replace(f"tcp:{old}:", f"tcp:{new}:"))
        run.panolb.process.send_signal(signal.SIGHUP)
        looking.join(PATIENCE)
        assert found == [True]
        echoes = run.users.seen.echoes
        until(lambda: run.users.seen.echoes >= echoes + 2 * FEW, "messages to come back")
        run.users.end()
        assert run.users.seen.failures == []
        run.panolb.stop()


def _connects(port: int) -> bool:
    try:
        with socket.create_connection((ADDRESS, port), timeout=PATIENCE):
            return True
    except (
        ConnectionRefusedError,
        ConnectionResetError,
    ):  # the second while it is being closed: docs/reload.rst
        return False
