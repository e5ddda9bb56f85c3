"""How the tests share out when several processes run them (pytest-xdist's ``--dist loadgroup``)."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The tests of a module stay together, since they share what it has started; so do all that share the Tomcats."""
    for item in items:
        place = item.path.relative_to(HERE)
        group = place.parts[0] if place.parts[0] == "real" else str(place)
        item.add_marker(pytest.mark.xdist_group(group))
