"""A log's file when its disk is full."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pytest

from panolb.control.logfile import LogFile

FULL = Path("/dev/full")

pytestmark = pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")


def opening(*paths: Path) -> Iterator[BinaryIO]:
    """One after the other, whenever a file is to be opened."""
    return (path.open("ab") for path in paths)


def test_a_full_disk_does_not_keep_the_balancer_from_stopping() -> None:
    """What was buffered is lost when the file is closed, too."""
    file = LogFile(opening(FULL).__next__)
    file.add(b"a line\n")
    file.stop()


def test_a_full_disk_does_not_keep_from_a_new_file(tmp_path: Path) -> None:
    """Reopening is how an operator makes room."""
    file = LogFile(opening(FULL, tmp_path / "new.log").__next__)
    file.add(b"lost\n")
    file.reopen()
    file.add(b"kept\n")
    file.stop()
    assert (tmp_path / "new.log").read_bytes() == b"kept\n"
