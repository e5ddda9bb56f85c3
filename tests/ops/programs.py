"""Runs programs of the system that read the files under ``ops/``."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.harness.waiting import PATIENCE

OPS = Path(__file__).parents[2] / "ops"
REQUIRED = bool(os.environ.get("PANOLB_REQUIRE_REAL"))


def run(program: str, *arguments: str | Path) -> str:
    """What a program of the system prints, which must be content; without it the test is skipped."""
    found = shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if found is None:
        assert not REQUIRED, f"PANOLB_REQUIRE_REAL is set, but there is no {program}"
        pytest.skip(f"there is no {program}")
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "SYSTEMD_COLORS": "0"}
    done = subprocess.run(
        [found, *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, f"{program}: {done.stdout}"
    return done.stdout
