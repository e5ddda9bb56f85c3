"""Texts that the tests of the translation have in common, and a way to see what a translation has made."""

from __future__ import annotations

from typing import Any

import attrs

HEAD = "Listen 10080\nServerName dash.example.org\n"
"""What every configuration needs; the text under test begins with line 3."""

MEMBERS = """\
<Proxy balancer://c>
    BalancerMember http://10.0.0.1:8080/app route=1 upgrade=websocket
    BalancerMember http://10.0.0.2:8080/app route=2 upgrade=websocket
    ProxySet stickysession=ROUTEID
</Proxy>
"""
"""A balancer; what follows it begins with line 8."""

PASS = "ProxyPass /app balancer://c\nProxyPassReverse /app balancer://c\n"

ALWAYS = {"server_name": "dash.example.org", "encoded_slashes": "refuse", "preserve_host": False}
"""What a location has that is not written in these texts: Apache's defaults are not panolb's."""


def changed(thing: Any, *, but: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the keys of an object of the model that are neither as by default nor as in ``but``."""
    found: dict[str, Any] = {}
    for one in attrs.fields(type(thing)):
        default: Any = one.default
        default = default.factory() if hasattr(default, "factory") else default
        value = getattr(thing, one.name)
        if one.eq and value != default and not (but and one.name in but and but[one.name] == value):
            found[one.name] = value
    return found
