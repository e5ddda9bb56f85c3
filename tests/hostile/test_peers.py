"""The peers do what the page says of them, where the versions are installed that it speaks of."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from . import peers
from .seen import OR, Stand, load, standing
from .table import ROWS

REQUIRED = bool(os.environ.get("PANOLB_REQUIRE_REAL"))


@pytest.mark.real
@pytest.mark.parametrize("name", peers.TITLES)
def test_peer(tmp_path: Path, name: str) -> None:
    """Every row of a client brings what stands in the page."""
    version = peers.version(name)
    if version is None:
        missing = f"{name} is not installed: ops/install-test-servers"
        assert not REQUIRED, f"PANOLB_REQUIRE_REAL is set, but {missing}"
        pytest.skip(missing)
    column = load()[name]
    if version != column["version"]:
        pytest.skip(f"the page speaks of {name} {column['version']}, installed is {version}")
    with standing(name, tmp_path / name) as stand:
        wrong = {key: said for key, said in column["requests"].items() if not _does(stand, key, said)}
    assert not wrong, "python -m tests.hostile measure; python -m tests.hostile > docs/hostile.rst"


def _does(stand: Stand, key: str, said: str) -> bool:
    """Whether it makes of that row what is said; where a slow machine ran into a time limit, the next try will tell."""
    return any(stand.request(ROWS[key]) in said.split(OR) for _ in range(3))
