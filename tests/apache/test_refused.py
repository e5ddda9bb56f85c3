"""Configurations with a mistake: Apache does not start with them, nor does panolb."""

from __future__ import annotations

from pathlib import Path

import pytest

from . import peers
from .cases.refused import CASES, Refused

PARAMETERS = [
    pytest.param(name, case, id=f"{name}-{case.id}", marks=[pytest.mark.real] if name == "apache" else [])
    for case in CASES
    for name in ("apache", "panolb")
]


@pytest.mark.parametrize(("name", "case"), PARAMETERS)
def test_refused(name: str, case: Refused, tmp_path: Path) -> None:
    """It ends by itself, with a failure, and says something."""
    peer = peers.peer(name, tmp_path / name, case.text)
    try:
        peer.launch()
        if case.differs and name == "apache":
            peer.wait_ready()
            return
        assert peer.wait() != 0
        assert peer.output.read_text() or peer.logs()[-1].read_text()
    finally:
        peer.close()
