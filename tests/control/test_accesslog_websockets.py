"""Which logs get which of the two lines of a WebSocket, and what stands in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from panolb.config import model
from panolb.control.accesslog import AccessLogs
from panolb.control.logged import Times
from panolb.core.rules import Rules
from panolb.language import environment, headers
from tests.core.building import ask
from tests.core.script import HANDSHAKE, SWITCH, Script

STAMP = "22/Nov/2026:20:15:03 +0000"
WALL = 1_790_000_000.0


class Desk:
    """Access logs in a directory, and WebSockets that are noted in them."""

    def __init__(self, directory: Path, *tables: dict[str, Any]) -> None:
        self.now = 1000.0
        self.directory = directory
        logs = [
            model.AccessLog(**{"path": str(directory / "access.log"), "format": "common", **table})
            for table in tables
        ]
        times = Times(lambda: self.now, lambda ago: STAMP, lambda: WALL + self.now - 1000.0)
        self.logs = AccessLogs(model.Config(access_log=logs), times)

    def open(self, target: bytes = b"/panopticon/live", **place: Any) -> Script:
        """One that begins now and gets its 101 after 7.8 ms."""
        opener = self.logs.opener()
        script = Script(
            ask(*HANDSHAKE, b"Cookie: ROUTEID=.1", target=target),
            place={"opened": opener, "run": "run", **place},
        )
        script.begun()
        script.head(101, *SWITCH)
        assert script.link is not None
        self.now = script.now = 1000.0078125
        script.exchange.switched(script.link, b"")
        return script

    def close(self, script: Script) -> None:
        """Its client closes it after 2 s in all, having sent 3 bytes and got 4."""
        writer = self.logs.writer()
        assert writer is not None
        self.now = script.now = 1002.0
        script.client_end.messages, script.member_end.messages = 1, 2
        script.end_tunnel(3, 4)
        writer(script.exchange)

    def lines(self, name: str = "access.log") -> list[str]:
        self.logs.stop()
        return (self.directory / name).read_text().splitlines()


def test_common(tmp_path: Path) -> None:
    """The first has no bytes and its own time, the second a close code; both have one id."""
    desk = Desk(tmp_path, {})
    script = desk.open(b'/panopticon/"x"')
    desk.close(script)
    start = f'192.0.2.7 - - [{STAMP}] "GET /panopticon/\\x22x\\x22 HTTP/1.1" 101'
    assert desk.lines() == [
        f"{start} - b/1 sticky cookie opened 7 {script.exchange.request_id}",
        f"{start} 4 b/1 sticky cookie closed-by-client:1000 2000 {script.exchange.request_id}",
    ]


VARIABLES = (
    "%{WEBSOCKET_CLOSE_CODE}e %{WEBSOCKET_CLOSED_BY}e %{WEBSOCKET_MESSAGES_IN}e %{WEBSOCKET_MESSAGES_OUT}e"
)


def test_formats(tmp_path: Path) -> None:
    """Sizes, times and variables as they are at that moment."""
    desk = Desk(tmp_path, {"format": f"%s %B %I %{{ms}}T %{{sec}}t %{{end:sec}}t %X {VARIABLES}"})
    desk.close(desk.open())
    begin, end = int(WALL), int(WALL) + 2
    assert desk.lines() == [
        f"101 0 0 7 {begin} {begin} + - - 0 0",
        f"101 4 3 2000 {begin} {end} - 1000 client 1 2",
    ]


def test_variables_are_those_of_a_websocket(tmp_path: Path) -> None:
    """A request of another kind has none, and nobody can set them."""
    desk = Desk(tmp_path, {"format": VARIABLES})
    rules = Rules(
        environment.Environment([environment.parse("SetEnv WEBSOCKET_CLOSE_CODE 7")]),
        headers.RequestRules([]),
        headers.ResponseRules([]),
        False,
    )
    script = Script(ask(), place={"rules": rules}).begun()
    script.head(200, b"Content-Length: 0")
    script.exchange.response_end()
    writer = desk.logs.writer()
    assert writer is not None
    writer(script.exchange)
    assert desk.lines() == ["- - - -"]


def test_who_gets_which_line(tmp_path: Path) -> None:
    """By each log's own ``websockets``, ``condition`` and ``servers``."""
    desk = Desk(
        tmp_path,
        {"format": "both %X"},
        {"format": "end %X", "websockets": "end"},
        {"format": "over %X", "condition": "WEBSOCKET_CLOSED_BY"},
        {"format": "here %X", "servers": ["dash.example"]},
        {"format": "there %X", "servers": ["other.example"]},
        {"format": "here over %X", "servers": ["dash.example"], "condition": "!websocket_closed_by"},
    )
    desk.close(desk.open(server_name=b"dash.example:443"))
    assert desk.lines() == ["both +", "here +", "here over +", "both -", "end -", "over -", "here -"]


@pytest.mark.parametrize("tables", [[], [{"websockets": "end"}], [{"websockets": "end"}] * 2])
def test_nobody_wants_the_first_line(tmp_path: Path, tables: list[dict[str, Any]]) -> None:
    """Then nothing is called."""
    desk = Desk(tmp_path, *tables)
    assert desk.logs.opener() is None
    desk.logs.stop()


@pytest.mark.parametrize(
    ("whose", "term", "mark"), [("client", "client-lost:1006", "X"), ("member", "member-lost:1006", "-")]
)
def test_lost(tmp_path: Path, whose: str, term: str, mark: str) -> None:
    """Whose connection broke; for Apache's ``%X`` that of the client is what counts."""
    desk = Desk(tmp_path, {"websockets": "end"}, {"websockets": "end", "format": "%X"})
    script = desk.open()
    tunnel = script.exchange.tunnel
    assert tunnel is not None
    halves = [tunnel.client, tunnel.member]
    for half in halves if whose == "client" else halves[::-1]:
        tunnel.lost(half)
    writer = desk.logs.writer()
    assert writer is not None
    writer(script.exchange)
    plain, formatted = desk.lines()
    assert plain.split()[-3] == term
    assert formatted == mark
