"""The reference and the summary say what the model says."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from panolb.config import AccessLog, Config, describe
from panolb.config.model import TABLES
from panolb.config.reference import EXAMPLE, reference
from panolb.config.tables import example, header, keys

ROOT = Path(__file__).resolve().parents[2]
Read = Callable[[str], Config]


def test_the_committed_page_is_up_to_date() -> None:
    """docs/configuration.rst is what the model says now; if not: python -m panolb.config.reference > that file."""
    printed = subprocess.run(
        [sys.executable, "-m", "panolb.config.reference"],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    assert (ROOT / "docs" / "configuration.rst").read_text(encoding="utf-8") == printed == reference()


def test_every_key_is_in_the_page() -> None:
    """Each key has a row, with a sentence that ends."""
    page = reference()
    for table in TABLES[1:]:
        assert f"``{header(table)}``\n---" in page
        for name, one in keys(table).items():
            assert f"   * - ``{name}``\n" in page
            assert one.metadata["doc"].endswith("."), name


TABLES_BELOW = ("member", "health", "cookie", "tls")
VALUES = [
    (table, name)
    for table in TABLES[1:]
    for name in keys(table)
    if name not in TABLES_BELOW and (table.__name__, name) != ("Listener", "certificate")
]


@pytest.mark.parametrize(("table", "name"), VALUES, ids=lambda part: getattr(part, "__name__", part))
def test_every_example_is_right(read: Read, table: type, name: str) -> None:
    """What messages offer as the right form can be written into the file."""
    headers = {
        "Location": "[[location]]\npath = '/other'",
        "Member": "[[balancer.b.member]]\nurl = 'http://other'",
    }
    lines = [
        "[balancer.b]\nstickysession = 'X'",
        "[[balancer.b.member]]\nurl = 'http://a'\nroute = 'a'",
        "[balancer.panopticoncluster]\n[[balancer.panopticoncluster.member]]\nurl = 'http://b'",
        "[listener.public]\nendpoint = 'tcp:1'",
        "[[location]]\npath = '/'\nbalancer = 'b'",
    ]
    value = example(keys(table)[name])
    line = f"{name} = {value}"
    if name in ("path", "match") and table.__name__ == "Location":
        headers["Location"] = "[[location]]"
    if name == "url":
        headers["Member"] = "[[balancer.b.member]]"
    places = {
        "Listener": "[listener.l2]" + ("" if name == "endpoint" else "\nendpoint = 'tcp:2'"),
        "Location": headers["Location"]
        + ("" if name in ("balancer", "files", "redirect", "status") else "\nbalancer = 'b'"),
        "Balancer": "[[balancer.c.member]]\nurl = 'http://c'\nroute = 'c'\n[balancer.c]",
        "Member": headers["Member"] + ("" if name == "route" else "\nroute = '2'"),
        "Health": "[balancer.b.health]",
        "Certificate": "[listener.l]\nendpoint = 'tcp:2'\n[[listener.l.certificate]]"
        + ("" if name == "file" else "\nfile = 'x.pem'"),
        "Tls": "[listener.l]\nendpoint = 'tcp:2'\n[listener.l.tls]",
        "Cookie": "[balancer.b.cookie]",
        "WebSockets": "[websockets]",
        "Admin": "[admin]",
        "Control": "[control]"
        + ("" if name == "socket" else "\nsocket = '/run/c'")
        + ("\ntoken_file = '/run/token'" if name == "endpoint" else ""),
        "AccessLog": "[access_log]" + ("" if name == "path" else "\npath = 'x'"),
        "Shutdown": "[shutdown]",
    }
    read("\n".join([*lines, places[table.__name__], line, ""]))


def test_what_check_prints(read: Read) -> None:
    """An operator sees listeners, locations, balancers, members, stickiness, checks and time limits with units."""
    lines = describe(read(EXAMPLE))
    assert lines[0] == "listener public: tcp:10080:interface=127.0.0.1"
    text = "\n".join(lines)
    for fact in (
        "clients speak plain HTTP",
        "location /panopticon -> balancer panopticoncluster",
        "balancer panopticoncluster: 2 members, new users by byrequests",
        "users stick by cookie ROUTEID or URL parameter ROUTEID",
        "sets cookie ROUTEID; Path=/; HttpOnly; SameSite=Lax\n",
        "a user whose member cannot serve moves to another",
        "member http://localhost:8081/panopticon, route 2",
        "checks: http GET /panopticon/ (expects 200-399) every 5s",
        "out after 2 fails, back after 1 pass; up at the start",
        "waits 5s to connect, 5m for an answer",
        "WebSockets: frames pass as the bytes they are, compressed as client and member agree",
        "    a side that is silent for 30s is pinged, and dropped 1m after a ping that nothing follows",
        "    never closed for being idle or old",
        "    up to 1MiB wait for a slow side, then the other one pauses; after 15s of that it is closed with 1013",
        (
            '    closed by panolb with 1012 "The server restarts; please reconnect.", '
            "and with 1012 when the member breaks off"
        ),
        "WebSockets of each member: any number; new ones: 1000 at once, then 200 per second",
        "when checks take a member out, its WebSockets stay",
        "tells sessions apart by cookie JSESSIONID",
        (
            "WebSockets in all: any number, of each client address any number; of many to close, 100 per second; "
            "5s for the answer to a close"
        ),
        "admin page: tcp:10088:interface=127.0.0.1",
        "control API: none",
        "access log: none",
        "requests in flight get 30s to finish, WebSockets are closed",
    ):
        assert fact in text


def test_what_check_prints_of_the_rest(read: Read) -> None:
    """Settings other than the defaults show."""
    config = read(
        """
        [listener.tls]
        endpoint = "ssl:443"
        trusted_proxies = ["10.0.0.0/8"]
        max_body = "1GiB"
        [listener.plain]
        endpoint = "tcp:80"
        [balancer.app]
        stickysession = "A|a"
        nofailover = true
        failonstatus = [503]
        failontimeout = true
        max_connections = 7
        max_websockets = 2000
        websocket_rate = 50
        websocket_burst = 100
        observe = "websocket"
        observe_fails = 3
        close_on_failure = true
        session_cookie = ""
        cookie.enabled = true
        cookie.max_age = "1h"
        cookie.domain = "example.org"
        health.check = "websocket"
        health.uri = "/ws"
        [[balancer.app.member]]
        url = "http://h"
        route = "r"
        loadfactor = 2.5
        lbset = 1
        status = "drain"
        hot_standby = true
        response_timeout = "1h"
        max_websockets = 7
        websocket_rate = 0.5
        websocket_burst = 1
        [[location]]
        path = "/"
        host = "example.org"
        balancer = "app"
        websocket = false
        preserve_host = false
        strip_request_headers = ["X-User"]
        [[location]]
        path = "/live"
        balancer = "app"
        websocket_compression = "offload"
        websocket_filter = "audit"
        websocket_max_message = "4MiB"
        websocket_ping_interval = 0
        websocket_idle_timeout = "1h"
        websocket_lifetime = "12h"
        websocket_close_code = 1001
        websocket_close_reason = ""
        websocket_lost_code = 1014
        websocket_backlog = "64KiB"
        websocket_slow_timeout = "5s"
        [[location]]
        path = "/files"
        files = "/srv"
        [websockets]
        max_open = 9000
        max_per_client = 100
        close_rate = 12.5
        close_timeout = "2s"
        [control]
        socket = "/run/panolb/control.sock"
        [access_log]
        path = "/var/log/x"
        websockets = "end"
        """
    )
    assert config.access_log == [AccessLog(path="/var/log/x", websockets="end")]
    text = "\n".join(describe(config))
    for fact in (
        "clients speak TLS",
        "bodies up to 1GiB",
        "X-Forwarded-* headers of 10.0.0.0/8",
        "location example.org/ -> balancer app",
        "sends members the member's own Host, X-Forwarded-*",
        "takes away what clients send as X-User",
        "lets no WebSockets through",
        "location /files -> files in /srv",
        "cookie A or URL parameter a",
        "sets cookie A; Path=/; Domain=example.org; Max-Age=3600; HttpOnly; SameSite=Lax; Secure (on listeners with TLS)",
        "gets 503",
        (
            "member http://h, route r, loadfactor 2.5, lbset 1, drain, hot standby, response_timeout 1h, "
            "max_websockets 7, websocket_rate 0.5, websocket_burst 1\n"
        ),
        "WebSockets: message by message, each at most 4MiB, compressed for clients by panolb",
        "    every message is seen by audit",
        "    nobody is pinged",
        "    closed after 1h without traffic and after 12h in any case",
        "    up to 64KiB wait for a slow side, then the other one pauses; after 5s of that",
        "    closed by panolb with 1001, and with 1014 when the member breaks off",
        "WebSockets of each member: at most 2000; new ones: 100 at once, then 50 per second",
        "also in error after 3 WebSockets in a row that failed early",
        "when checks take a member out, its WebSockets are closed",
        "does not tell sessions apart",
        (
            "WebSockets in all: at most 9000, of each client address at most 100; of many to close, 12.5 per second; "
            "2s for the answer to a close"
        ),
        "control API: /run/panolb/control.sock, mode 0660",
        "checks: websocket /ws with ping every 5s",
        "also in error after 503, a response timeout",
        "at most 7 per member",
        "access log: /var/log/x, format combined, of WebSockets the end only",
    ):
        assert fact in text
