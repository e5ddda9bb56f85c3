"""The access log as JSON: always an object per line with the same keys, and nothing in it that is a secret."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.web.server import Request as WebRequest
from twisted.web.test.requesthelper import DummyChannel

from panolb.control.jsonlog import JsonLog
from panolb.control.logged import Times
from panolb.core.headers import Peer
from panolb.core.terms import Terms
from tests.control import lab as labs
from tests.control.test_accesslog import balancers, config, written
from tests.core.building import ask
from tests.core.script import HANDSHAKE, SWITCH, Script
from tests.harness.member import Member
from tests.harness.waiting import until

WALL = 1_790_000_000.25
KEYS = (
    "ts req_id trace_id client host ua tls method path proto status bytes_in bytes_out t_total t_queue t_connect t_header balancer member route_source "
    "route_reason pin_changed retries term"
).split()
OF_WEBSOCKETS = (
    "ws_duration ws_messages_in ws_messages_out ws_close_code ws_closed_by ws_client_round_trip ws_member_round_trip"
).split()


class Desk:
    """A log that keeps its lines."""

    def __init__(self) -> None:
        self.raw: list[bytes] = []
        self.now = 1000.0
        self.log = JsonLog(self.raw.append, Times(lambda: self.now, lambda ago: "", lambda: WALL))

    def lines(self) -> list[dict[str, Any]]:
        """Each must be a line by itself, in ASCII."""
        for line in self.raw:
            assert line.isascii() and line.endswith(b"\n")
            assert all(32 <= byte < 127 for byte in line[:-1])
        return [json.loads(line, object_pairs_hook=_once) for line in self.raw]


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object, none of whose keys stands in it twice."""
    found = dict(pairs)
    assert len(found) == len(pairs)
    return found


def served(script: Script) -> Script:
    """An exchange that ends well, with three bytes after 12.5 ms."""
    script.begun()
    script.now += 0.0125
    script.head(200, b"Content-Length: 3")
    script.exchange.response_data(b"abc")
    script.exchange.response_end()
    return script


def test_a_request() -> None:
    """All keys, in this order."""
    desk = Desk()
    script = served(
        Script(
            ask(
                b"Cookie: ROUTEID=.1; JSESSIONID=secret",
                b"User-Agent: Browser/1",
                b"Authorization: secret",
                target=b"/panopticon/a;jsessionid=secret/b%3Bx=secret?token=secret",
            ),
            place={"run": "run"},
        )
    )
    desk.log.write(script.exchange)
    (line,) = desk.lines()
    assert list(line) == KEYS
    assert line == {
        "ts": "2026-09-21T14:13:20.250Z",
        "req_id": script.exchange.request_id,
        "trace_id": None,
        "client": "192.0.2.7",
        "host": "dash.example",
        "ua": "Browser/1",
        "tls": False,
        "method": "GET",
        "path": "/panopticon/a/b",
        "proto": "HTTP/1.1",
        "status": 200,
        "bytes_in": 0,
        "bytes_out": 3,
        "t_total": 0.0125,
        "t_queue": 0,
        "t_connect": 0,
        "t_header": 0.0125,
        "balancer": "b",
        "member": "b/1",
        "route_source": "cookie",
        "route_reason": "sticky",
        "pin_changed": False,
        "retries": 0,
        "term": None,
    }
    assert b"secret" not in desk.raw[0]


def test_a_request_that_nobody_could_serve() -> None:
    """The first member refuses, the second too: one retry, no answer of theirs."""
    desk = Desk()
    script = Script(ask()).start()
    script.refused()
    script.refused()
    desk.log.write(script.exchange)
    (line,) = desk.lines()
    assert list(line) == KEYS
    assert (line["status"], line["term"], line["retries"]) == (503, "no-member", 1)
    assert (line["route_source"], line["route_reason"], line["pin_changed"]) == (None, "failover", True)


def test_a_websocket() -> None:
    """A line at its 101, and one at its end that has its figures too; both with one id."""
    desk = Desk()
    script = Script(
        ask(*HANDSHAKE, b"Cookie: ROUTEID=.1"), place={"opened": desk.log.opened, "websocket": Terms()}
    )
    script.begun()
    script.head(101, *SWITCH)
    assert script.link is not None
    desk.now = script.now = 1000.5
    script.exchange.switched(script.link, b"")
    tunnel = script.exchange.tunnel
    assert tunnel is not None
    tunnel.client.round_trip = 0.025
    script.client_end.messages, script.member_end.messages = 1, 2
    script.now = 1002.0
    script.end_tunnel(3, 4)
    desk.log.write(script.exchange)
    opened, closed = desk.lines()
    assert (list(opened), list(closed)) == (KEYS, KEYS + OF_WEBSOCKETS)
    assert (opened["term"], closed["term"]) == ("opened", "closed-by-client")
    assert opened["req_id"] == closed["req_id"]
    assert (opened["t_total"], closed["t_total"]) == (0.5, 2.0)
    assert [closed[name] for name in OF_WEBSOCKETS] == [1.5, 1, 2, 1000, "client", 0.025, None]
    assert (closed["bytes_in"], closed["bytes_out"]) == (3, 4)


def test_a_proxy_before_us() -> None:
    """What it says of the client and of TLS."""
    desk = Desk()
    script = served(
        Script(
            ask(b"X-Forwarded-For: 198.51.100.9", b"X-Forwarded-Proto: https"),
            peer=Peer(b"192.0.2.1", True, False, b"lb"),
        )
    )
    desk.log.write(script.exchange)
    (line,) = desk.lines()
    assert (line["client"], line["tls"]) == ("198.51.100.9", True)


ANYTHING = st.binary(max_size=40) | st.text(max_size=20).map(lambda text: text.encode("utf-8", "replace"))
TARGETS = ANYTHING.map(lambda tail: b"/" + tail.replace(b"#", b""))


@given(
    TARGETS,
    ANYTHING,
    st.binary(min_size=1, max_size=9).filter(lambda name: name not in (b"CONNECT", b"TRACE")),
)
def test_nobody_can_forge_a_line(target: bytes, agent: bytes, method: bytes) -> None:
    """Whatever the parser might let through, the values come back as they were sent."""
    desk = Desk()
    script = served(Script(ask(b"User-Agent: " + agent, target=target, method=method)))
    desk.log.write(script.exchange)
    (line,) = desk.lines()
    assert list(line) == KEYS
    assert (line["ua"] or "") == agent.strip().decode("utf-8", "backslashreplace")
    assert line["method"] == method.decode("utf-8", "backslashreplace")
    path = target.partition(b"?")[0]
    if b";" not in path and b"%" not in path:
        assert line["path"] == path.decode("utf-8", "backslashreplace")


@given(TARGETS, ANYTHING, ANYTHING, ANYTHING)
def test_nor_one_of_a_request_for_a_file(target: bytes, agent: bytes, host: bytes, method: bytes) -> None:
    """The same of what twisted.web serves, which is less strict."""
    desk = Desk()
    request = WebRequest(DummyChannel())
    request.method, request.uri, request.clientproto = method, target, b"HTTP/1.1"
    request.requestHeaders.addRawHeader(b"user-agent", agent)
    request.requestHeaders.addRawHeader(b"host", host)
    desk.log.write_web(request)
    (line,) = desk.lines()
    assert list(line) == KEYS
    assert line["method"] == method.decode("utf-8", "backslashreplace")
    assert (line["route_reason"], line["req_id"], line["t_total"]) == ("local", None, None)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=20), st.floats(0, 3e9))
def test_times(moments: list[float], begin: float) -> None:
    """To the millisecond, in whatever order they come."""
    now = 0.0
    times = Times(lambda: now, lambda ago: "", lambda: begin + now)
    for now in moments:  # the clocks read it
        told = datetime.fromisoformat(times.utc(now)).astimezone(UTC).timestamp()
        assert abs(told - (begin + now)) < 0.00101


def test_a_real_process(tmp_path: Path) -> None:
    """Requests to a member and one that nobody takes, with bytes that no one should send."""
    with Member("one") as one, labs.running(tmp_path, balancers(one), config("json")) as lab:
        lab.get("/app/first?secret=1", "Cookie: JSESSIONID=secret", "User-Agent: Gr\xfc\xdfe")
        lab.get("/nowhere;secret?secret")
        until(lambda: len(written(tmp_path)) == 2, "two lines")
        first, nowhere = map(json.loads, written(tmp_path))
    assert list(first) == list(nowhere) == KEYS
    assert (first["member"], first["path"], first["status"]) == ("app/1", "/app/first", 200)
    assert first["ua"] == "Gr\\xfc\\xdfe"
    assert abs(datetime.fromisoformat(first["ts"]).timestamp() - datetime.now(UTC).timestamp()) < 60
    assert (nowhere["path"], nowhere["status"], nowhere["member"]) == ("/nowhere", 404, None)
    assert "secret" not in "".join(written(tmp_path))
