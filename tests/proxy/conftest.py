"""Labs that several modules share, and what happens around every test."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.harness.held import FAILED, settle_all
from tests.harness.process import Panolb
from tests.proxy.lab import Lab, running

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One member, every setting at its default; a module may have a lab of its own instead."""
    with running(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Two members; an error is over at once, so that every test begins with both."""
    with running(
        tmp_path_factory.mktemp("pair"), members=2, balancer='retry = "0s"\nconnect_timeout = "500ms"'
    ) as lab:
        yield lab


@pytest.fixture(autouse=True)
def _anew(request: pytest.FixtureRequest) -> None:
    """Every test finds members that answer, and nothing recorded."""
    if "lab" in request.fixturenames:
        request.getfixturevalue("lab").reset()


@pytest.fixture(autouse=True)
def _nothing_is_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """After every test, panolb holds what it held before."""
    yield
    if not request.node.stash.get(FAILED, False):
        settle_all()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure shows the last lines of every panolb in use."""
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    if report.failed and HERE in item.path.parents:
        for process in Panolb.running:
            report.sections.append(("log of panolb", process.tail()))
    return report
