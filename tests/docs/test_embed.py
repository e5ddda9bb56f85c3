"""``docs/examples/embed.py`` as a real process in front of two members."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.sync.client import connect

from tests.harness.client import Client
from tests.harness.waiting import PATIENCE, free_port

from .blocks import EXAMPLES
from .serving import ask, members, process, wait_until_served, who


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of the example application."""
    port = free_port()
    log: Path = tmp_path_factory.mktemp("embed") / "log"
    with members() as ports:
        urls = [f"http://127.0.0.1:{one}/panopticon" for one in ports]
        with process([sys.executable, str(EXAMPLES / "embed.py"), str(port), *urls], log):
            wait_until_served(port, "/")
            yield port


def test_its_own_page(port: int) -> None:
    """The application's page is served beside the balancer."""
    assert b"/panopticon/" in ask(port, "GET", "/")[1]


@pytest.mark.parametrize("line", ["A: b\x01c", "A: b\x1b[2J"])
def test_control_characters(port: int, line: str) -> None:
    """What the application's own server lets through is still refused."""
    with Client(port) as client:
        assert client.get("/panopticon/whoami", line).status == 400


def test_sticky(port: int) -> None:
    """A first request gets a route; with it every request goes to the same member."""
    answer, body = ask(port, "GET", "/panopticon/whoami")
    cookie = (answer.getheader("Set-Cookie") or "").partition(";")[0]
    assert cookie == f"ROUTEID=.{json.loads(body)['route']}"
    member = json.loads(body)["member"]
    assert {who(port, Cookie=cookie) for _ in range(6)} == {member}
    assert {who(port, Cookie=f"ROUTEID=.{route}") for route in "12"} == {"Member 1", "Member 2"}


def test_post(port: int) -> None:
    """A large body arrives whole, a form arrives unread by twisted.web, and the log-in's cookies come back."""
    body = bytes(range(256)) * 4096
    _, told = ask(port, "POST", "/panopticon/upload", body, Cookie="ROUTEID=.2")
    assert json.loads(told) == {
        "member": "Member 2",
        "length": len(body),
        "sha256": hashlib.sha256(body).hexdigest(),
    }
    form = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": "ROUTEID=.2"}
    answer, _ = ask(port, "POST", "/panopticon/login", b"user=Ann", **form)
    session = (answer.getheader("Set-Cookie") or "").partition(";")[0]
    _, told = ask(port, "GET", "/panopticon/whoami", Cookie=f"ROUTEID=.2; {session}")
    assert json.loads(told)["user"] == "Ann"


def test_websocket(port: int) -> None:
    """A WebSocket reaches the member of its cookie, and texts go both ways."""
    for route in "21":
        url = f"ws://127.0.0.1:{port}/panopticon/ws"
        with connect(url, additional_headers={"Cookie": f"ROUTEID=.{route}"}, open_timeout=PATIENCE) as live:
            assert json.loads(live.recv(PATIENCE))["member"] == f"Member {route}"
            live.send("hello")
            while (message := live.recv(PATIENCE)) != f"Member {route}: hello":
                assert json.loads(message)["type"] == "tick"
