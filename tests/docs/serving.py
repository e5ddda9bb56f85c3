"""Processes for the examples: demo members, and a way to ask them over HTTP."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.harness.waiting import ADDRESS, PATIENCE, until

from .blocks import ROOT

MEMBERS = ROOT / "tests" / "demo" / "run_members.py"


def environment(*path: Path) -> dict[str, str]:
    """The environment of a process that finds panolb, and what is in ``path``, in front of all else."""
    entries = [*map(str, path), str(ROOT), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, entries)), "PYTHONUNBUFFERED": "1"}


@contextmanager
def process(command: Sequence[str], log: Path, *path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process whose output goes to a file; it is asked to end, and must end well."""
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command,
            cwd=log.parent,
            env=environment(*path),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as running,
    ):
        try:
            yield running
            running.send_signal(signal.SIGTERM)
            assert running.wait(PATIENCE) == 0, log.read_text()
        finally:
            if running.poll() is None:
                running.kill()
    assert "Traceback" not in log.read_text(), log.read_text()


@contextmanager
def members() -> Iterator[list[int]]:
    """Two demo members, "Member 1" and "Member 2"; their ports."""
    command = [sys.executable, str(MEMBERS), "5", "Member 1", "1", "Member 2", "2"]
    with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        try:
            yield [int(running.stdout.readline()) for _ in range(2)]
        finally:
            running.terminate()
            running.wait(PATIENCE)


def ask(
    port: int, method: str, path: str, body: bytes | None = None, **headers: str
) -> tuple[http.client.HTTPResponse, bytes]:
    """One request on a connection of its own."""
    connection = http.client.HTTPConnection(ADDRESS, port, timeout=PATIENCE)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer, answer.read()
    finally:
        connection.close()


def who(port: int, **headers: str) -> str:
    """The demo member that answers."""
    answer, body = ask(port, "GET", "/panopticon/whoami", None, **headers)
    assert answer.status == 200, body
    told: dict[str, Any] = json.loads(body)
    return str(told["member"])


def wait_until_served(port: int, path: str) -> None:
    """Wait until a path is answered with 200."""
    until(lambda: ask(port, "GET", path)[0].status == 200, f"200 for {path}")
