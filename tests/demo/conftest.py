"""Demo members in a process of their own, as a balancer meets them: by their ports alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

HERE = Path(__file__).parent
OUTAGE = 1.0
PATIENCE = 30.0


@contextmanager
def running(*names_and_routes: str) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """A process with demo members; ends it and insists that it ended well."""
    command = [sys.executable, str(HERE / "run_members.py"), str(OUTAGE), *names_and_routes]
    path = os.pathsep.join(filter(None, [str(HERE.parent.parent), os.environ.get("PYTHONPATH")]))
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path}
    ) as process:
        assert process.stdout is not None
        try:
            yield process, [int(process.stdout.readline()) for _ in names_and_routes[::2]]
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE) == 0


@pytest.fixture(scope="module")
def member() -> Iterator[int]:
    """The port of one member that the tests of a module share and leave alive: "Member 1", route "1"."""
    with running("Member 1", "1") as (_, ports):
        yield ports[0]


@pytest.fixture
def process() -> Iterator[tuple[subprocess.Popen[str], int]]:
    """One fresh "Member 1" and the process that it lives in, to be killed or stopped."""
    with running("Member 1", "1") as (process, ports):
        yield process, ports[0]


@pytest.fixture(scope="module")
def members() -> Iterator[list[int]]:
    """The ports of two members that the tests of a module share, routes "1" and "2", names that try to be markup."""
    with running("<i>One", "1", "Two", "2") as (_, ports):
        yield ports
