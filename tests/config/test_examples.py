"""The configurations in docs/examples can be used as they are, and the one about WebSockets leaves nothing out."""

from __future__ import annotations

from pathlib import Path

import pytest

from panolb.config import Known, describe, load, warnings
from panolb.config.model import TABLES
from panolb.config.tables import keys

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.toml")), ids=lambda path: path.name)
def test_an_example(path: Path, known: Known) -> None:
    """It is right, and nothing in it looks like a mistake."""
    config = load(path, known)
    assert warnings(config) == []
    assert describe(config)


def test_every_key_about_websockets_is_shown() -> None:
    """But for filters, which need a plugin."""
    text = (EXAMPLES / "dashboards.toml").read_text(encoding="utf-8")
    lines = {line.partition(" = ")[0] for line in text.splitlines()}
    about = {name for table in TABLES for name in keys(table) if "websocket" in name}
    assert about - lines == {"websocket_filter"}
