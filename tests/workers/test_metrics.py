"""One page for all processes: what they count is added, and does not go backwards when one of them dies."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.metrics_core import Metric

from tests.control.test_metrics import families, times, value
from tests.harness.waiting import until
from tests.workers.lab import Crowd, kill, running


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Crowd]:
    """One with a status page."""
    with running(tmp_path, more='[admin]\nendpoint = "tcp:0:interface=127.0.0.1"\n') as made:
        yield made


def page(lab: Crowd) -> dict[str, Metric]:
    """All families, by name."""
    return families(int(re.findall(r"(?:RoutedSite|QuietSite|Site) starting on (\d+)", lab.panolb.log)[-1]))


def going_up(found: dict[str, Metric]) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """What must never go down."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in found.values()
        if family.type != "gauge"
        for sample in family.samples
    }


def test_one_page(lab: Crowd) -> None:
    """Everything is counted once, whichever process did it; what cannot be added stands beside each other."""
    pairs = lab.open_until_both_have("1")
    found = page(lab)
    number = len(pairs)
    assert value(found, "panolb_member_websockets", member="app/1") == number
    assert value(found, "panolb_member_sessions", member="app/1") == 1
    assert value(found, "panolb_websocket_opened", member="app/1") == number
    assert value(found, "panolb_open_connections", listener="public") == number
    assert value(found, "panolb_member_busy", member="app/1") == number
    assert value(found, "panolb_member_chosen", member="app/1") == number
    assert value(found, "panolb_build_info") == 1
    assert value(found, "panolb_config_generation") == 1
    assert (
        value(found, "panolb_workers", state="ready") == value(found, "panolb_workers", state="wanted") == 2
    )
    for family in ("panolb_loop_lag_seconds", "process_open_fds", "process_cpu_seconds"):
        assert {sample.labels["worker"] for sample in found[family].samples} == {"main", "1", "2"}
    assert times(found, "panolb_upstream_connect_seconds", member="app/1") == number


def test_a_worker_dies(lab: Crowd) -> None:
    """What it had counted stays, what it held is gone, and its death counts."""
    pairs = lab.open_until_both_have("2")
    before = page(lab)
    victim = lab.pids[0]
    held = sum(lab.worker_of(pair) == victim for pair in pairs)
    kill(victim)
    lab.all_accept(3)
    after = page(lab)
    shown, now = going_up(before), going_up(after)
    assert {name: (was, now.get(name)) for name, was in shown.items() if now.get(name, -1) < was} == {}
    assert value(after, "panolb_worker_deaths") == 1
    assert value(after, "panolb_websocket_opened", member="app/2") == len(pairs)
    assert value(after, "panolb_member_websockets", member="app/2") == len(pairs) - held


def test_a_worker_hangs(lab: Crowd) -> None:
    """The page comes all the same, with what it had said before."""
    pairs = lab.open_until_both_have("1")
    before = page(lab)
    victim = lab.pids[0]
    os.kill(victim, signal.SIGSTOP)
    try:
        now = page(lab)
    finally:
        os.kill(victim, signal.SIGCONT)
    assert value(now, "panolb_websocket_opened", member="app/1") == len(pairs)
    assert going_up(now).keys() >= going_up(before).keys()


def test_a_member_is_removed_and_comes_back(lab: Crowd) -> None:
    """It begins at 0, and has nothing of what a worker that is gone had counted for the one before it."""
    lab.open_until_both_have("2")
    assert value(page(lab), "panolb_websocket_opened", member="app/2") > 0
    kill(lab.pids[0])
    lab.all_accept(3)
    assert value(page(lab), "panolb_websocket_opened", member="app/2") > 0
    text = lab.panolb.file.read_text()
    member = re.findall(r'\[\[balancer\.app\.member\]\]\nurl = "[^"]*"\nroute = "2"\n', text)[0]
    lab.edit(member, "")
    lab.reload()
    assert not [s for s in page(lab)["panolb_websocket_opened"].samples if s.labels["member"] == "app/2"]
    lab.panolb.file.write_text(text)
    lab.reload()
    until(lambda: "panolb_websocket_opened" in page(lab), "the page")
    assert value(page(lab), "panolb_websocket_opened", member="app/2") == 0
