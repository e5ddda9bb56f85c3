"""What happens around the tests with a real Apache: skipped without it, unless it is required."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.real.process import ServerProcess

from . import peers

REQUIRED = bool(os.environ.get("PANOLB_REQUIRE_REAL"))
HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Without Apache, tests with it are skipped, or fail where it is required."""
    if HERE not in item.path.parents or item.get_closest_marker("real") is None:
        return
    lacking = peers.missing()
    if lacking is not None and REQUIRED:
        pytest.fail(f"PANOLB_REQUIRE_REAL is set, but: {lacking}", pytrace=False)
    elif lacking is not None:
        pytest.skip(f"real servers: {lacking}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure shows the last lines of every server in use."""
    report = yield
    if report.failed and HERE in item.path.parents:
        for server in ServerProcess.known:
            report.sections.append((f"log of {server.name}", server.tail()))
    return report
