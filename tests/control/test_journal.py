"""The process log in systemd's journal: a real one of the test's own, as a unit with LogNamespace= has it."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.logger import LogPublisher

from panolb.control.journal import Journal
from panolb.events import EVENTS, EventLogger
from tests.harness.process import Panolb
from tests.harness.waiting import ADDRESS, PATIENCE, free_port, until

JOURNALD = "/lib/systemd/systemd-journald"
NAMESPACE = f"panolb{os.getpid()}"
RUN = Path("/run/systemd") / f"journal.{NAMESPACE}"


def real() -> bool:
    """Whether this machine has what it takes: a journald that root may start beside the system's own."""
    programs = all(map(shutil.which, (JOURNALD, "journalctl", "systemd-cat", "unshare")))
    return programs and os.geteuid() == 0 and Path("/etc/machine-id").exists()


@pytest.fixture(scope="module")
def journald() -> Iterator[Path]:
    """The directory of its sockets."""
    if not real():
        assert not os.environ.get("PANOLB_REQUIRE_REAL"), "no systemd-journald can be started"
        pytest.skip("no systemd-journald can be started")
    process = subprocess.Popen([JOURNALD, NAMESPACE], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until((RUN / "stdout").exists, "journald's sockets")
        yield RUN
    finally:
        process.terminate()
        process.wait(PATIENCE)
        for place in (
            RUN,
            *Path("/run/log/journal").glob(f"*.{NAMESPACE}"),
            *Path("/var/log/journal").glob(f"*.{NAMESPACE}"),
        ):
            shutil.rmtree(place, ignore_errors=True)


def entries(*matches: str) -> list[dict[str, Any]]:
    """What the journal has with these fields."""
    printed = subprocess.run(
        ["journalctl", f"--namespace={NAMESPACE}", "--output=json", "--all", "--no-pager", *matches],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    return [json.loads(line) for line in printed.splitlines() if line.startswith("{")]


def the_entry(*matches: str) -> dict[str, Any]:
    """The first of them; it must come."""
    return dict(until(lambda: entries(*matches), f"the journal to have {matches}")[0])


def test_the_fields(journald: Path) -> None:
    """An event can be found by what it is about; its message may have more than one line."""
    log = EventLogger("place", observer=LogPublisher(Journal(str(journald / "socket"))))
    log.warn("member {member}: {why}", event="member.down", member="app/1", why="two\nlines", odd=[1, b"x"])
    log.info("nothing in particular")
    try:
        raise ValueError("broken")
    except ValueError:
        log.failure("odd", event="internal.error")
    found = the_entry("PANOLB_MEMBER=app/1")
    wanted = {
        "MESSAGE": "PLB-1102 member app/1: two\nlines",
        "PRIORITY": "4",
        "SYSLOG_IDENTIFIER": "panolb",
        "MESSAGE_ID": EVENTS["member.down"].message_id,
        "PANOLB_EVENT": "member.down",
        "PANOLB_CODE": "PLB-1102",
        "PANOLB_WHY": "two\nlines",
        "PANOLB_ODD": '[1, "x"]',
        "PANOLB_LOGGER": "place",
    }
    assert {key: found.get(key) for key in wanted} == wanted
    assert the_entry("MESSAGE=nothing in particular")["PRIORITY"] == "6"
    failed = the_entry("PANOLB_CODE=PLB-1901")
    assert failed["PRIORITY"] == "2"
    assert failed["MESSAGE"].endswith("ValueError: broken\n")


class Unit(Panolb):
    """A process that systemd-cat connects with the journal of a namespace, and that sees no other one."""

    @property
    def command(self) -> list[str]:
        stream = "JOURNAL_STREAM=$(stat --dereference --format=%d:%i /proc/$$/fd/1) exec " + shlex.join(
            super().command
        )
        mounted = f"mount --bind {RUN} /run/systemd/journal && exec systemd-cat sh -c {shlex.quote(stream)}"
        return ["unshare", "--mount", "sh", "-c", mounted]


def test_a_process_that_systemd_has_started(journald: Path, tmp_path: Path) -> None:
    """Its log goes to the journal with its fields, and with nothing to be configured."""
    Path("/run/systemd/journal").mkdir(parents=True, exist_ok=True)
    port = free_port()
    listener = f'[listener.public]\nendpoint = "tcp:{port}:interface={ADDRESS}"\n'
    unit = Unit(tmp_path, f'{listener}[[location]]\npath = "/"\nstatus = 404\n', [port])
    unit.start()
    try:
        found = the_entry("PANOLB_EVENT=listener.open", f"_PID={unit.process.pid}")
        assert found["PANOLB_NAME"] == "public"
        assert found["_TRANSPORT"] == "journal"
    finally:
        unit.stop()
    assert the_entry("PANOLB_EVENT=stopped", f"_PID={unit.process.pid}")["PANOLB_CODE"] == "PLB-1005"
    assert not unit.log


def test_a_journal_that_takes_nothing(tmp_path: Path) -> None:
    """Nobody waits for it, and it is told how much it has missed; what is too large for it is cut."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as slow:
        slow.bind(str(tmp_path / "socket"))
        journal = Journal(str(tmp_path / "socket"))
        log = EventLogger("place", observer=LogPublisher(journal))
        sent = 0
        while not journal.lost:
            log.info("{text}", text="x" * 1000)
            sent += 1
        log.info("lost, too")
        assert journal.lost == 2
        for _ in range(sent - 1):
            slow.recv(1 << 16)
        log.error("{text}", event="reload.refused", text="y" * 10**6)
        assert b"PANOLB_LINES=2\n" in slow.recv(1 << 16)
        told = slow.recv(1 << 20)
        assert b"MESSAGE=PLB-1302 yyy" in told
        assert b"PANOLB_EVENT=reload.refused\n" in told
        assert len(told) < 1 << 18
    log.info("there is no journal any more")
    assert journal.lost == 1
