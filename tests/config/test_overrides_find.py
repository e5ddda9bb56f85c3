"""Whose changes an operator means."""

from __future__ import annotations

import pytest

from panolb.config.overrides import Identity, Overrides
from panolb.config.runtime import Removal

ALONE = Identity("app", "http://192.0.2.1:8080", "1")
TWIN = Identity("app", "http://192.0.2.2:8080", "2")
OTHER_TWIN = Identity("app", "http://192.0.2.3:8080", "2")
CHANGED = Overrides([Removal(member=one, since=0.0) for one in (ALONE, TWIN, OTHER_TWIN)])


@pytest.mark.parametrize(
    ("name", "member"),
    [("app/1", ALONE), ("app/192.0.2.1:8080", ALONE), ("app/192.0.2.3:8080", OTHER_TWIN)],
)
def test_a_member_by_its_name_or_address(name: str, member: Identity) -> None:
    """The address tells those apart that have the same name."""
    assert CHANGED.find(name) == member


@pytest.mark.parametrize(
    ("name", "said"),
    [("app/2", "several .* app/192.0.2.2:8080, app/192.0.2.3:8080"), ("app/3", "nothing was changed")],
)
def test_not_one_only(name: str, said: str) -> None:
    """An operator hears which there are."""
    with pytest.raises(LookupError, match=said):
        CHANGED.find(name)
