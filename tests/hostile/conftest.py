"""The panolb that the tables are run against, with a member that records, or does as it is told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.harness.held import FAILED, settle_all
from tests.proxy.lab import Lab, running


@pytest.fixture(scope="package")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One member, every setting at its default."""
    with running(tmp_path_factory.mktemp("hostile")) as lab:
        yield lab


@pytest.fixture(autouse=True)
def _nothing_is_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """After every test with a lab, panolb holds what it held before."""
    yield
    if "lab" in request.fixturenames and not request.node.stash.get(FAILED, False):
        settle_all()
