"""Whatever the tables accept stands in the table of deliberate differences."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from panolb.config.httpd.differences import DIFFERENCES as DELIBERATE

from .accepted import DIFFERENCES as ACCEPTED
from .cases.refused import CASES as REFUSED
from .test_cases import TABLES


def accepted() -> Iterator[tuple[str, str, bool]]:
    """Where a difference is accepted, its id, and whether the strict mode takes it back."""
    for cases in TABLES.values():
        for case in cases:
            for name in case.differs:
                yield f"case {case.id}", name, case.compat
    for refused in REFUSED:
        if refused.differs:
            yield f"case {refused.id}", refused.differs, False
    for difference in ACCEPTED:
        if not difference.id.startswith("("):
            yield "comparison", difference.id, False


@pytest.mark.parametrize(("where", "name", "compat"), sorted(set(accepted())))
def test_known(where: str, name: str, compat: bool) -> None:
    """It has an entry; and what the strict mode is said to take back, it takes back."""
    assert name in DELIBERATE, f"{where}: {name}"
    if compat:
        assert DELIBERATE[name].compat, f"{where}: {name}"


def test_both() -> None:
    """A case has steps of panolb's own if and only if it differs."""
    for cases in TABLES.values():
        for case in cases:
            assert (case.panolb is None) == (not case.differs), case.id
