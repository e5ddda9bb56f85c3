"""Failures show the logs of the processes in use."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.harness.process import Panolb

HERE = Path(__file__).parent


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure shows the last lines of every panolb in use."""
    report = yield
    if report.failed and HERE in item.path.parents:
        for process in Panolb.running:
            report.sections.append(("log of panolb", process.tail()))
    return report
