"""One lab for all tests that leave the process as they found it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.harness.held import FAILED, settle_all
from tests.websocket.lab import Lab, running


@pytest.fixture(scope="session")
def _shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with running(tmp_path_factory.mktemp("websocket")) as lab:
        yield lab
        lab.panolb.stop()


@pytest.fixture
def lane() -> str:
    """The lane under test; `tests.websocket.lab.LANES` makes it both, one after the other."""
    return "splice"


@pytest.fixture
def lab(_shared: Lab, lane: str) -> Iterator[Lab]:
    """The shared process; after each test it must serve nobody, or something was left behind."""
    _shared.lane = lane
    yield _shared
    _shared.settle()


@pytest.fixture(autouse=True)
def _nothing_is_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """After every test, panolb holds what it held before."""
    yield
    if not request.node.stash.get(FAILED, False):
        settle_all()
