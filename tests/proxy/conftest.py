"""Labs that several modules share, and what happens around every test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.harness.held import FAILED, settle_all
from tests.proxy.lab import Lab, running


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
