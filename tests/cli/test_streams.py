"""Commands that run on: events that are followed, and a status that is watched."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.shell import Shell, end, interrupt
from tests.control.operating import Lab, running


def test_events_are_followed(lab: Lab, shell: Shell) -> None:
    """Each comes as it happens; Ctrl-C ends it with 130."""
    with shell.running("events", "--follow", "--after", "0") as process:
        assert process.stdout is not None
        lab.set("1", "drain")
        while "member.drain" not in process.stdout.readline():
            pass
        done = interrupt(process)
    assert done.code == 130


def test_events_for_programs(lab: Lab, shell: Shell) -> None:
    """A line is an event, and nothing else is there."""
    lab.set("1", "drain")
    done = shell.run("events", "--json", "--limit", "3")
    assert done.code == 0
    events = [json.loads(line) for line in done.out.splitlines()]
    assert 0 < len(events) <= 3
    last = events[-1]["id"]
    lab.set("1", "active")
    after = [json.loads(line) for line in shell.run("events", "--json", "--after", last).out.splitlines()]
    assert after
    assert all(event["id"] > last for event in after)


def test_events_end_with_panolb(tmp_path: Path) -> None:
    """Who follows is told that nothing more will come: 3."""
    with (
        running(tmp_path) as lab,
        Shell(lab.control.path).running("events", "--follow", "--after", "0") as process,
    ):
        lab.set("1", "drain")
        assert process.stdout is not None
        process.stdout.readline()
        lab.panolb.stop()
        done = end(process)
    assert done.code == 3
    assert done.err


def test_watch(lab: Lab, shell: Shell) -> None:
    """On a terminal the status is drawn anew; Ctrl-C ends it."""
    with shell.terminal("status", "--watch") as terminal:
        terminal.shows("app/2")
        lab.set("2", "drain")
        terminal.shows("drain")
        terminal.process.send_signal(2)
        assert terminal.ended() == 130


def test_watch_without_a_terminal(lab: Lab, shell: Shell) -> None:
    """One status after the other."""
    with shell.running("status", "--watch") as process:
        assert process.stdout is not None
        for _ in range(2):
            while "app/2" not in process.stdout.readline():
                pass
        assert interrupt(process).code == 130
