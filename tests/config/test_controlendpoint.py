"""Where the control API listens over HTTP, as operators write it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panolb.config.controlendpoint import ControlEndpoint, parse


@pytest.mark.parametrize(
    ("text", "interface", "port", "loopback", "description"),
    [
        ("tcp:10089:interface=127.0.0.1", "127.0.0.1", 10089, True, "tcp:10089:interface=127.0.0.1"),
        ("tcp:port=10089:interface=127.9.9.9", "127.9.9.9", 10089, True, "tcp:10089:interface=127.9.9.9"),
        ("tcp:interface=localhost:port=1", "localhost", 1, True, "tcp:1:interface=localhost"),
        (r"tcp6:1:interface=\:\:1", "::1", 1, True, r"tcp6:1:interface=\:\:1"),
        (r"tcp:1:interface=\:\:1:backlog=9", "::1", 1, True, r"tcp6:1:interface=\:\:1:backlog=9"),
        ("127.0.0.1:10089", "127.0.0.1", 10089, True, "tcp:10089:interface=127.0.0.1"),
        ("[::1]:10089", "::1", 10089, True, r"tcp6:10089:interface=\:\:1"),
        ("localhost:10089", "localhost", 10089, True, "tcp:10089:interface=localhost"),
        ("tcp:10089", "", 10089, False, "tcp:10089"),
        ("tcp6:10089", "::", 10089, False, r"tcp6:10089:interface=\:\:"),
        ("0.0.0.0:1", "0.0.0.0", 1, False, "tcp:1:interface=0.0.0.0"),
        ("localhost.example:1", "localhost.example", 1, False, "tcp:1:interface=localhost.example"),
        (
            "tcp:1:interface=127.0.0.1.example",
            "127.0.0.1.example",
            1,
            False,
            "tcp:1:interface=127.0.0.1.example",
        ),
    ],
)
def test_addresses(text: str, interface: str, port: int, loopback: bool, description: str) -> None:
    """Either form becomes a Twisted endpoint, and it is known whether others can connect."""
    endpoint = parse(text)
    assert (endpoint.interface, endpoint.port, endpoint.is_loopback) == (interface, port, loopback)
    assert endpoint.description == description
    assert parse(endpoint.description) == endpoint


@pytest.mark.parametrize(
    "text",
    [
        "",
        "10089",
        ":10089",
        "tcp:",
        "tcp:70000",
        "tcp:1:2",
        "tcp:1:interface",
        "tcp:1:what=2",
        "ssl:1",
        "unix:/run/x",
        "127.0.0.1",
        "127.0.0.1:99999",
        "systemd:domain=INET:index=0",
        "http://127.0.0.1:1",
    ],
)
def test_others(text: str) -> None:
    """What else there is makes no port that only this machine can reach."""
    with pytest.raises(ValueError, match="is no address to listen on"):
        parse(text)


@given(st.ip_addresses(), st.integers(0, 65535))
def test_any_address(address: object, port: int) -> None:
    """Written in either way, it comes back."""
    text = f"[{address}]" if ":" in str(address) else str(address)
    endpoint = parse(f"{text}:{port}")
    assert (endpoint.interface, endpoint.port) == (str(address), port)
    assert parse(endpoint.description) == endpoint == ControlEndpoint(str(address), port)
