"""An authority for all tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from .authority import Authority


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """One whose files are in the test's directory."""
    return Authority(tmp_path, "authority")
