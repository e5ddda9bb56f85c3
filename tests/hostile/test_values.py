"""What others write never becomes more than a value: no header field, no line of a log, no markup, no terminal's command."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator
from urllib.parse import unquote_to_bytes

import pytest

from tests.harness.client import Answer, Client
from tests.harness.scripts import answer
from tests.harness.talk import Request, Talk
from tests.harness.waiting import until
from tests.proxy.lab import Lab, running
from tests.websocket.peer import accept_for

# What an operator's own rules can ask for; those of the path come with its escapes resolved.
RULES = """\
request_headers = [
    'set X-Route "route %{BALANCER_SESSION_ROUTE}e"',
    'set X-Path "expr=%{REQUEST_URI}"',
    'set X-Agent "expr=%{HTTP_USER_AGENT}"',
    'set X-Decoded "expr=%{unbase64:%{req:X-Base64}}"',
]
response_headers = [
    'always set X-Route "route %{BALANCER_SESSION_ROUTE}e"',
    'always set X-Path "expr=%{REQUEST_URI}"',
    'always set X-Decoded "expr=%{unbase64:%{req:X-Base64}}"',
]
"""
MORE = """\
[[location]]
path = "/moved"
redirect = "https://other.test%{REQUEST_URI}"

[[location]]
path = "/gone"
status = 410

[access_log]
path = "access.log"
format = "combined"
"""
VALUES = {
    "encoded CR LF": "%0d%0aX-Evil:%20evil%0d%0a%0d%0aevil",
    "CR LF encoded twice": "%250d%250aX-Evil:%20evil",
    "markup": "<script>evil()</script>",
    "quotes": "\"'evil'\"",
    "terminal escape": "%1b[2J%1b]0;evil%07",
    "terminal escape of one byte": "%9b2Jevil",
    "format": "{evil}{0}$1%25s",
    "backslash": "\\nevil\\x0a",
    "another host": "//evil.test/\\evil.test",
    "nothing but separators": ";,.=&?",
}
Carrier = Callable[[str], tuple[str, list[str]]]
CARRIERS: dict[str, Carrier] = {
    "path": lambda value: (f"/app/{value}", []),
    "query": lambda value: (f"/app/?{value}", []),
    "path parameter": lambda value: (f"/app/x;ROUTEID=.{value}", []),
    "cookie": lambda value: ("/app/", [f"Cookie: ROUTEID=.{value}"]),
    "several cookies": lambda value: ("/app/", [f"Cookie: a={value}", f"Cookie: ROUTEID={value}"]),
    "User-Agent and Referer": lambda value: ("/app/", [f"User-Agent: {value}", f"Referer: {value}"]),
    "encoded field": lambda value: (
        "/app/",
        [f"X-Base64: {base64.b64encode(unquote_to_bytes(value)).decode()}"],
    ),
    "X-Forwarded-For": lambda value: ("/app/", [f"X-Forwarded-For: {value}", f"X-Forwarded-Host: {value}"]),
    "redirect": lambda value: (f"/moved/{value}", []),
    "fixed answer": lambda value: (f"/gone/{value}", []),
    "path that nobody serves": lambda value: (f"/nowhere/{value}", []),
}

# The fields that a member and a client may see, in lower case.
TO_MEMBER = set(
    "host cookie user-agent referer x-base64 x-forwarded-for x-forwarded-host x-forwarded-proto x-forwarded-port "
    "x-forwarded-server x-route x-path x-agent x-decoded".split()
)
TO_CLIENT = set(
    "content-length content-type cache-control connection location set-cookie date x-route x-path x-decoded".split()
)
CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Rules that repeat what clients send, in both directions, and an access log."""
    with running(
        tmp_path_factory.mktemp("values"),
        location=RULES,
        more=MORE,
    ) as lab:
        yield lab


def ask(lab: Lab, target: str, fields: list[str]) -> Answer:
    """One request, strictly read."""
    with lab.client() as client:
        client.ask("GET", target, *fields)
        return client.answer()


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
@pytest.mark.parametrize("carrier", CARRIERS.values(), ids=CARRIERS)
def test_value(lab: Lab, carrier: Carrier, value: str) -> None:
    """Heads in both directions have the fields that they should, and pages of ours show nothing of it."""
    lab.reset()
    lab.member.script = answer(b"well")
    got = ask(lab, *carrier(value))
    assert got.status in (200, 301, 302, 400, 404, 410)
    assert {name.lower() for name, _ in got.headers} <= TO_CLIENT
    assert not any(CONTROL.search(text) for _, text in got.headers)
    assert b"evil" not in got.body
    location = got.one("Location")
    assert location is None or location.startswith("https://other.test/moved/")
    assert len(lab.member.requests) == (got.status == 200)
    for request in lab.member.requests:
        assert {name.lower() for name, _ in request.headers} <= TO_MEMBER
        assert not any(CONTROL.search(text) for _, text in request.headers)
        assert not request.body


def test_logs(lab: Lab) -> None:
    """Each request is one line, in ASCII without control characters; the process log has no other lines than its own."""
    log = lab.panolb.directory / "access.log"
    ask(lab, "/app/last", [])
    until(lambda: "/app/last" in log.read_text(encoding="latin-1"), "the last line")
    text = log.read_bytes()
    assert re.fullmatch(rb"(?:[ -~]+\n)+", text)
    for line in text.decode().splitlines():
        assert re.fullmatch(
            r'127\.0\.0\.1 - - \[[^]]+\] "GET (?:[^"\\]|\\.)* HTTP/1\.[01]" \d{3} .*', line
        ), line
    assert b"\\x22" in text
    for line in lab.panolb.log.splitlines():
        assert re.match(r"\d{4}-\d\d-\d\dT[0-9:+]+ \[", line), line
        assert line.isprintable()
    assert "evil" not in lab.panolb.log


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_page_of_websockets(lab: Lab, value: str) -> None:
    """The status page shows the paths of WebSockets; they are text there, and printable in the JSON."""
    lab.reset()
    lab.member.script = _accept
    with lab.client() as client:
        key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
        client.ask(
            "GET",
            f"/app/{value}",
            *("Connection: Upgrade", "Upgrade: websocket", key, "Sec-WebSocket-Version: 13"),
            f"User-Agent: {value}",
        )
        assert client.socket.recv(1 << 16).startswith(b"HTTP/1.1 101 ")
        with Client(lab.admin) as admin:
            page = admin.get("/websockets").body.decode()
            (shown,) = json.loads(admin.get("/websockets.json").body)["websockets"]
            status = admin.get("/").body.decode()
        for text in (page, status):
            assert "<script>" not in text
            assert text.replace("\n", "").isprintable()
        assert shown["path"].isascii()
        assert shown["path"].isprintable()


def _accept(talk: Talk, request: Request) -> None:
    """Open the WebSocket, and end with the first frame, which says that the client has left."""
    accept = accept_for(request.one("Sec-WebSocket-Key") or "")
    fields = f"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}"
    talk.send(f"HTTP/1.1 101 Switching Protocols\r\n{fields}\r\n\r\n".encode())
    talk.socket.recv(1 << 16)
