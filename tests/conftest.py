"""What holds for all tests."""

from __future__ import annotations

import signal
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.harness.held import FAILED
from tests.harness.process import Panolb

# A shell that starts the tests in the background has them ignore Ctrl-C; what they start would inherit that, and some of
# it is to be ended so.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A busy machine is no counterexample to a property.
settings.register_profile("panolb", deadline=None)
settings.load_profile("panolb")

# Side by side (`make test`), a file's tests are run by one process, one after the other.  Nobody is to begin with a long
# file when the others are about to finish: so those directories come first whose tests start the most processes, and
# last those whose tests start none.
FIRST = ("workers", "apache", "control", "tls", "cli")
LAST = ("config", "language", "core")
TESTS = Path(__file__).parent


def _turn(item: pytest.Item) -> int:
    directory = item.path.relative_to(TESTS).parts[0]
    if directory in LAST:
        return len(FIRST) + 1 + LAST.index(directory)
    return FIRST.index(directory) if directory in FIRST else len(FIRST)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have the long ones first."""
    items.sort(key=_turn)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure shows the last lines of every panolb in use, and is remembered."""
    report = yield
    if report.failed:
        item.stash[FAILED] = True
        for process in Panolb.running:
            report.sections.append(("log of panolb", process.tail()))
    return report
