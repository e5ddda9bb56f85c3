"""What holds for all tests."""

from __future__ import annotations

from collections.abc import Generator

import pytest
from hypothesis import settings

from tests.harness.held import FAILED
from tests.harness.process import Panolb

# A busy machine is no counterexample to a property.
settings.register_profile("panolb", deadline=None)
settings.load_profile("panolb")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure shows the last lines of every panolb in use, and is remembered."""
    report = yield
    if report.failed:
        item.stash[FAILED] = True
        for process in Panolb.running:
            report.sections.append(("log of panolb", process.tail()))
    return report
