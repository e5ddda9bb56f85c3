"""The Set-Cookie line that binds a client to a member."""

from __future__ import annotations

from typing import Any

import pytest

from panolb.core.cookie import RouteCookie


@pytest.mark.parametrize(
    ("changes", "over_tls", "line"),
    [
        ({}, False, b"ROUTEID=.1; Path=/; HttpOnly; SameSite=Lax"),
        ({}, True, b"ROUTEID=.1; Path=/; HttpOnly; SameSite=Lax; Secure"),
        ({"secure": False}, True, b"ROUTEID=.1; Path=/; HttpOnly; SameSite=Lax"),
        ({"secure": True}, False, b"ROUTEID=.1; Path=/; HttpOnly; SameSite=Lax; Secure"),
        ({"separator": "!"}, False, b"ROUTEID=!1; Path=/; HttpOnly; SameSite=Lax"),
        ({"separator": ""}, False, b"ROUTEID=1; Path=/; HttpOnly; SameSite=Lax"),
        ({"httponly": False, "samesite": "off"}, False, b"ROUTEID=.1; Path=/"),
        ({"samesite": "None", "secure": True}, False, b"ROUTEID=.1; Path=/; HttpOnly; SameSite=None; Secure"),
        (
            {"path": "/panopticon", "domain": "dash.example", "max_age": 3600, "samesite": "Strict"},
            False,
            b"ROUTEID=.1; Path=/panopticon; Domain=dash.example; Max-Age=3600; HttpOnly; SameSite=Strict",
        ),
        ({"max_age": 0}, False, b"ROUTEID=.1; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"),
    ],
)
def test_line(changes: dict[str, Any], over_tls: bool, line: bytes) -> None:
    """Each setting is one attribute of RFC 6265; ``secure`` follows the client's connection unless it is set."""
    assert RouteCookie("ROUTEID", **changes).value(b"1", over_tls) == line


def test_lines_are_not_mixed_up() -> None:
    """Lines are made once for each route and kind of connection, and each stays what it was."""
    cookie = RouteCookie("ROUTEID")
    first = [cookie.value(route, tls) for route in (b"1", b"2") for tls in (False, True)]
    again = [cookie.value(route, tls) for route in (b"1", b"2") for tls in (False, True)]
    assert first == again
    assert len(set(first)) == 4
    assert [line.startswith(b"ROUTEID=.1;") for line in first] == [True, True, False, False]
