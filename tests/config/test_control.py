"""Who may use the control API over HTTP: nobody by accident."""

from __future__ import annotations

from typing import Any

import pytest

from panolb.config import Config, Listener, Location, problems, warnings
from panolb.config.model import Control

LOOPBACK, ALL = "tcp:2:interface=127.0.0.1", "tcp:2"
TLS = {"certificate": "c.pem", "key": "c.key"}


def config(**keys: Any) -> Config:
    """One with these keys in [control]."""
    return Config(
        listener={"public": Listener(endpoint="tcp:1")},
        location=[Location(path="/", status=404)],
        control=Control(socket="/run/panolb/control.sock", **keys),
    )


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"endpoint": LOOPBACK, "token_file": "t"},
        {"endpoint": "127.0.0.1:2", "token_file": "t"},
        {"endpoint": ALL, "token_file": "t", **TLS},
        {"endpoint": ALL, "client_ca": "ca", **TLS},
        {"endpoint": ALL, "client_ca": "ca", "token_file": "t", **TLS},
    ],
)
def test_fine(keys: dict[str, Any]) -> None:
    """A token on the loopback; elsewhere TLS, and a token or the clients' certificates."""
    assert problems(config(**keys)) == warnings(config(**keys)) == []


@pytest.mark.parametrize(
    ("keys", "place", "words"),
    [
        ({"endpoint": LOOPBACK}, "endpoint", "whoever can connect could do everything"),
        ({"endpoint": LOOPBACK, **TLS}, "endpoint", "whoever can connect could do everything"),
        ({"endpoint": ALL, "token_file": "t"}, "endpoint", "without TLS only the loopback"),
        ({"endpoint": "ssl:2", "token_file": "t"}, "endpoint", "is no address to listen on"),
        ({"endpoint": LOOPBACK, "token_file": "t", "key": "k"}, "key", "needs certificate too"),
        ({"endpoint": LOOPBACK, "token_file": "t", "certificate": "c"}, "certificate", "needs key too"),
        ({"endpoint": LOOPBACK, "token_file": "t", "client_ca": "c"}, "client_ca", "needs certificate too"),
        (
            {"endpoint": "tcp:1", "token_file": "t", **TLS},
            "endpoint",
            "is already the endpoint of listener.public",
        ),
    ],
)
def test_refused(keys: dict[str, Any], place: str, words: str) -> None:
    """What would leave it open, or cannot work."""
    (problem,) = problems(config(**keys))
    assert problem.place == f"control.{place}"
    assert words in problem.message


def test_without_effect() -> None:
    """Keys that mean nothing without an endpoint are no problem, but said."""
    assert problems(config(token_file="t", **TLS)) == []
    found = [one.place for one in warnings(config(token_file="t", **TLS))]
    assert found == ["control.token_file", "control.certificate", "control.key"]
