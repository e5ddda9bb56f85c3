"""The table of events, the page that is made of it, and the code that tells them."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from twisted.logger import LogEvent, LogPublisher, formatEventAsClassicLogText

import panolb
from panolb.events import EVENTS, EventLogger
from panolb.events.catalog import catalog
from panolb.events.reference import reference
from panolb.events.table import GROUPS, NOTHING

ROOT = Path(__file__).resolve().parents[1]
LEVELS = {"info": "info", "warn": "warn", "error": "error", "critical": "critical", "failure": "critical"}

# Not a line of the log, and what the log says under names that are made of states.
ELSEWHERE = {
    "events.skipped",
    *(f"member.{state}" for state in "up down error drain disabled stopped".split()),
}


def told() -> Iterator[tuple[str, str, str]]:
    """Of each call that tells an event by its name: where, which method, and the event's name."""
    for path in Path(panolb.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            for keyword in node.keywords:
                if keyword.arg == "event" and isinstance(keyword.value, ast.Constant):
                    yield f"{path}:{node.lineno}", node.func.attr, str(keyword.value.value)


def mentioned() -> set[str]:
    """All names of events that stand anywhere in the code but in the table."""
    names = set()
    for path in Path(panolb.__file__).parent.rglob("*.py"):
        if path.parent.name != "events":
            names |= {
                node.value
                for node in ast.walk(ast.parse(path.read_text()))
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in EVENTS
            }
    return names


def test_what_is_told_is_in_the_table() -> None:
    """With the level that the table says."""
    for place, method, name in told():
        assert name in EVENTS, f"{place}: {name} is not in panolb/events/table.py"
        assert LEVELS[method] == EVENTS[name].level, f"{place}: {name}"


def test_what_is_in_the_table_is_told() -> None:
    """Somewhere."""
    assert set(EVENTS) <= mentioned() | ELSEWHERE


def test_who_tells_events_knows_their_codes() -> None:
    """A plain Logger would leave the code out of the line."""
    for path in {Path(place.rpartition(":")[0]) for place, _, _ in told()}:
        assert " Logger(" not in path.read_text(), path


def test_the_codes() -> None:
    """Each has its own, in its group; the table is in their order, and says for each what to do."""
    numbers = [one.number for one in EVENTS.values()]
    assert numbers == sorted(set(numbers))
    assert {number // 100 for number in numbers} == set(GROUPS)
    for one in EVENTS.values():
        assert one.cause.endswith(".")
        assert one.cure == NOTHING or len(one.cure) > len(NOTHING)
        assert one.level == "info" or one.cure != NOTHING, one.name


@pytest.mark.parametrize(
    ("module", "path", "made"),
    [
        ("panolb.events.reference", "docs/events.rst", reference),
        ("panolb.events.catalog", "ops/systemd/panolb.catalog", catalog),
    ],
)
def test_what_is_made_of_it_is_up_to_date(module: str, path: str, made: Callable[[], str]) -> None:
    """The committed file is what the table says now; if not: python -m MODULE > that file."""
    command = [sys.executable, "-m", module]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout
    assert (ROOT / path).read_text(encoding="utf-8") == printed == made()


def test_the_journal_takes_the_catalog(tmp_path: Path) -> None:
    """And finds each event in it."""
    journalctl = shutil.which("journalctl")
    if journalctl is None:
        pytest.skip("there is no journalctl")
    for place in ("usr/lib/systemd/catalog", "var/lib/systemd/catalog"):
        (tmp_path / place).mkdir(parents=True)
    (tmp_path / "usr/lib/systemd/catalog/panolb.catalog").write_text(catalog())
    command = [journalctl, f"--root={tmp_path}"]
    subprocess.run([*command, "--update-catalog"], capture_output=True, check=True)
    listed = subprocess.run([*command, "--list-catalog"], capture_output=True, check=True, text=True).stdout
    assert {line.split()[0] for line in listed.splitlines()} == {one.message_id for one in EVENTS.values()}


def test_the_code_stands_in_the_line() -> None:
    """Behind the level; what is no event looks as ever."""
    seen: list[LogEvent] = []
    log = EventLogger("place", observer=LogPublisher(seen.append))  # type: ignore[arg-type]
    log.warn("member {member}: {why}", event="member.down", member="app/1", why="{no} format")
    log.info("nothing")
    log.info("unknown", event="no.such.event")
    try:
        raise ValueError("broken")
    except ValueError:
        log.failure("odd", event="internal.error")
    lines = [formatEventAsClassicLogText(one, lambda _: "-") or "" for one in seen]
    assert lines[0] == "- [place#warn PLB-1102] member app/1: {no} format\n"
    assert lines[1] == "- [place#info] nothing\n"
    assert lines[2] == "- [place#info] unknown\n"
    assert lines[3].startswith("- [place#critical PLB-1901] odd\n")
    assert "ValueError: broken" in lines[3]
