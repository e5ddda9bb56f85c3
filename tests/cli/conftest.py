from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cli.shell import Shell
from tests.control.operating import Lab, running


@pytest.fixture(scope="package")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The process of the tests that leave it as it was."""
    with running(tmp_path_factory.mktemp("cli")) as lab:
        yield lab
        lab.panolb.stop()


@pytest.fixture
def lab(shared: Lab) -> Iterator[Lab]:
    """The shared process, which serves nobody after each test, with both members active."""
    yield shared
    shared.settle()


@pytest.fixture
def shell(lab: Lab) -> Shell:
    """An operator of that process."""
    return Shell(lab.control.path)
