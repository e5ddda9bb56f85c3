"""A member's name and its state in one word."""

from __future__ import annotations

import pytest

from panolb.core.member import Admin

from .building import member, spec


@pytest.mark.parametrize(
    ("route", "host", "name"), [("1", "localhost", "b/1"), ("", "localhost", "b/localhost:8080")]
)
def test_name(route: str, host: str, name: str) -> None:
    """Logs call a member by its route, or else by its address."""
    assert spec(route, host=host).name == name


@pytest.mark.parametrize(
    ("admin", "up", "error", "word"),
    [
        (Admin.ACTIVE, True, False, "up"),
        (Admin.ACTIVE, True, True, "error"),
        (Admin.ACTIVE, False, True, "down"),
        (Admin.ACTIVE, False, False, "down"),
        (Admin.DRAIN, True, False, "drain"),
        (Admin.DRAIN, True, True, "error"),
        (Admin.DRAIN, False, False, "down"),
        (Admin.DISABLED, True, False, "disabled"),
        (Admin.DISABLED, False, True, "disabled"),
        (Admin.STOPPED, True, True, "stopped"),
    ],
)
def test_describe(admin: Admin, up: bool, error: bool, word: str) -> None:
    """What keeps a member out is named: the operator before the checks, the checks before live traffic."""
    who = member("1", admin=admin)
    who.health.up = up
    if error:
        who.health.fault(0.0, 60.0, "connection refused")
    assert who.describe(30.0) == word
