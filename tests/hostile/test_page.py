"""docs/hostile.rst says what the tables say."""

from __future__ import annotations

from tests.harness.printed import ROOT, printed

from .answers import BY_NAME
from .peers import TITLES
from .seen import load
from .table import ROWS

AGAIN = "python -m tests.hostile measure; python -m tests.hostile > docs/hostile.rst"


def test_the_committed_page_is_up_to_date() -> None:
    """What is printed is what stands there; if not: python -m tests.hostile > docs/hostile.rst."""
    assert (ROOT / "docs" / "hostile.rst").read_text(encoding="utf-8") == printed("tests.hostile")


def test_all_peers_were_asked_for_all_rows() -> None:
    """No row is new to them, and none is left of a row that has another name now."""
    columns = load()
    assert columns.keys() == TITLES.keys(), AGAIN
    for column in columns.values():
        assert column["requests"].keys() == ROWS.keys(), AGAIN
        assert column["answers"].keys() == BY_NAME.keys(), AGAIN


def test_the_page_is_in_the_table_of_contents() -> None:
    """Nobody would find it otherwise."""
    assert "\n   hostile\n" in (ROOT / "docs" / "index.rst").read_text(encoding="utf-8")
