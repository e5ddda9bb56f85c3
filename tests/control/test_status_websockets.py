"""The WebSockets on the status page: numbers that are right, lists that end, and nothing that a client could inject."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from panolb.control.admin.page import in_bytes, in_ms, in_seconds
from panolb.control.admin.websockets import BadQuery, Query
from tests.control import lab as labs
from tests.control.lab import Lab
from tests.harness.waiting import until
from tests.websocket.peer import PING, PONG, TEXT, Browser, Peer, RawMember

EVIL = '/app/<script>alert("x")</script>&lt'


class Text(HTMLParser):
    """What a browser shows of a page; the tags that it has."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.words = ""
        self.tags: list[str] = []
        self.links: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value for name, value in attrs if name == "href" and value]

    def handle_data(self, data: str) -> None:
        self.words += data + "|"


class Viewers:
    """WebSockets of one balancer: three of two sessions, and one that has ended.

    :ivar lab: the process.
    """

    def __init__(self, lab: Lab, member: RawMember) -> None:
        self.lab = lab
        self._member = member
        self._browsers: list[Browser] = []
        self.client, self.server = self.open(
            "/app/one;jsessionid=SECRET?token=SECRET", "JSESSIONID=SECRET.r1"
        )
        self.open(EVIL, "JSESSIONID=SECRET.r1")
        self.open("/app/three", "JSESSIONID=other")
        client, server = self.open("/app/gone", "JSESSIONID=other")
        client.close_frame(4001, "gone")
        server.closed()
        server.close_frame(4001)
        client.closed()
        for peer in (client, server):
            peer.socket.close()
        until(lambda: self.json("/status.json")["websockets"] == 3, "one to be over")

    def open(self, target: str, cookies: str) -> tuple[Peer, Peer]:
        """Both ends of a new one."""
        browser = Browser(self.lab.port)
        self._browsers.append(browser)
        browser.upgrade(target, f"Cookie: {cookies}")
        server = self._member.visit().switch()
        return browser.switched(), server

    def leave(self) -> None:
        """All are gone."""
        for browser in self._browsers:
            browser.client.close()
        self._member.clear()

    def json(self, target: str, status: int = 200) -> Any:
        """A page for programs."""
        code, headers, body = self.lab.ask_admin("GET", target)
        assert code == status, body
        assert headers["Content-Type"] == "application/json"
        assert headers["Cache-Control"] == "no-store"
        assert "SECRET" not in body.decode()
        return json.loads(body)

    def page(self, target: str, status: int = 200) -> Text:
        """A page for people."""
        code, headers, body = self.lab.ask_admin("GET", target)
        assert code == status, body
        assert headers["Content-Type"] == "text/html; charset=utf-8"
        assert "SECRET" not in body.decode()
        text = Text(body.decode())
        assert "script" not in text.tags
        return text


@pytest.fixture(scope="module")
def viewers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Viewers]:
    """They stay for all tests of this module."""
    member = RawMember()
    members = [labs.member(member.port, route='"r1"'), labs.member(1, status='"disabled"')]
    directory: Path = tmp_path_factory.mktemp("viewers")
    balancers = {"app": labs.balancer(members), "pinged": labs.balancer(members[:1])}
    more = '[[location]]\npath = "/asks"\nbalancer = "pinged"\nwebsocket_ping_interval = "300ms"\n'
    try:
        with labs.running(directory, balancers, more) as lab:
            made = Viewers(lab, member)
            yield made
            made.leave()
    finally:
        member.close()


def test_members_are_counted(viewers: Viewers) -> None:
    """How many WebSockets and sessions each has; the page says the same."""
    members = viewers.lab.status()
    first, second = members["app/r1"], members["app/127.0.0.1:1"]
    assert (first["websockets"], first["sessions"]) == (3, 2)
    assert (second["websockets"], second["sessions"]) == (0, 0)
    assert second["client_round_trip"] == {"mean_ms": None, "max_ms": None}
    page = viewers.page("/")
    assert "/websockets?member=app%2Fr1" in page.links
    assert "|3|" in page.words


def test_list_for_programs(viewers: Viewers) -> None:
    """Every one that is open, with its numbers."""
    viewers.client.send(TEXT, b"ab")
    assert viewers.server.message() == b"ab"
    listed = viewers.json("/websockets.json")
    assert (listed["total"], listed["offset"], listed["limit"]) == (3, 0, 100)
    first, second, third = listed["websockets"]
    assert first["session"] == second["session"] != third["session"]
    assert [one["path"] for one in (first, third)] == ["/app/one", "/app/three"]
    assert (first["messages_in"], first["messages_out"], first["bytes_in"]) == (1, 0, 8)
    assert first["member"] == "app/r1"
    assert first["client"] == "127.0.0.1"
    assert first["lane"] == "splice"
    assert first["open_seconds"] >= first["idle_seconds"] >= 0


def test_list_can_be_narrowed(viewers: Viewers) -> None:
    """By member, by session, by state; a page of it at a time."""
    listed = viewers.json("/websockets.json?member=app/r1&offset=1&limit=1")
    assert (listed["total"], len(listed["websockets"])) == (3, 1)
    session = listed["websockets"][0]["session"]
    assert viewers.json(f"/websockets.json?session={session}")["total"] == 2
    assert viewers.json("/websockets.json?session=0123456789ab")["total"] == 0
    assert viewers.json("/websockets.json?member=app/127.0.0.1:1")["total"] == 0
    (gone,) = viewers.json("/websockets.json?state=ended")["websockets"]
    assert (gone["path"], gone["term"], gone["code"]) == ("/app/gone", "closed-by-client", 4001)


def test_list_for_people(viewers: Viewers) -> None:
    """The same, with units, and with nothing of what clients sent as HTML."""
    until(lambda: "8 B / 0 B" in viewers.page("/websockets").words, "a message to be counted")
    page = viewers.page("/websockets")
    assert "3 WebSockets in all, shown from number 1 to 3" in page.words
    assert EVIL.replace('"', '\\"') in page.words
    page = viewers.page("/websockets?limit=1&offset=1")
    assert "shown from number 2 to 2" in page.words
    assert {"/websockets?limit=1", "/websockets?offset=2&limit=1"} <= set(page.links)
    assert "/websockets.json?offset=1&limit=1" in page.links
    page = viewers.page("/websockets?state=ended")
    assert "closed-by-client, code 4001" in page.words
    page = viewers.page("/websockets?session=" + quote('"><script>'))
    assert "0 WebSockets in all" in page.words


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("limit=0", "limit must be from 1 to 1000"),
        ("limit=1001", "limit must be from 1 to 1000"),
        ("offset=-1", "offset must be a number"),
        ("offset=1&offset=2", "offset is given 2 times"),
        ("state=closed", "state must be open or ended"),
        ("members=app/r1", "there is no parameter members"),
        ("member=app/r9", "there is no member app/r9; there are: app/r1, app/127.0.0.1:1"),
        ("member=<script>", "there is no member <script>"),
    ],
)
def test_wrong_queries(viewers: Viewers, query: str, why: str) -> None:
    """400, and what would be right."""
    assert viewers.json(f"/websockets.json?{query}", 400)["error"].startswith(why)
    assert why in viewers.page(f"/websockets?{query}", 400).words


@pytest.mark.parametrize("target", ["/websockets", "/websockets.json"])
def test_nothing_can_be_changed(viewers: Viewers, target: str) -> None:
    """They are asked and not told."""
    assert viewers.lab.ask_admin("POST", target)[0] == 405
    assert viewers.lab.ask_admin("HEAD", target)[::2] == (200, b"")


def test_round_trips(viewers: Viewers) -> None:
    """What a side took to answer our ping, in milliseconds."""
    client, server = viewers.open("/asks", "JSESSIONID=third")
    for peer in (client, server):
        frame = peer.frame()
        assert frame.opcode == PING
        peer.send(PONG, frame.payload)

    def known() -> Any:
        member = viewers.lab.status()["pinged/r1"]
        return member["client_round_trip"]["mean_ms"] and member["member_round_trip"]["mean_ms"] and member

    member = until(known, "both to have answered")
    (record,) = viewers.json("/websockets.json?member=pinged/r1")["websockets"]
    for whose in ("client", "member"):
        times = member[f"{whose}_round_trip"]
        assert 0 < times["mean_ms"] == times["max_ms"] < 20_000
        assert record[f"{whose}_round_trip_ms"] > 0
    assert " ms|" in viewers.page("/").words
    client.reset()
    server.socket.close()


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "0.977 KiB"),
        (1024, "1 KiB"),
        (1536, "1.5 KiB"),
        (1 << 20, "1 MiB"),
        (1023 << 10, "0.999 MiB"),
        (5 << 40, "5 TiB"),
    ],
)
def test_sizes(number: int, words: str) -> None:
    """Three digits and a unit."""
    assert in_bytes(number) == words


def test_times() -> None:
    """Never more than two units, never without one."""
    assert [in_seconds(n) for n in (0, 59.9, 60, 3599, 3600, 86_399, 86_400, 10**7)] == [
        "0 s",
        "59 s",
        "1 min 0 s",
        "59 min 59 s",
        "1 h 0 min",
        "23 h 59 min",
        "1 d 0 h",
        "115 d 17 h",
    ]
    assert [in_ms(n) for n in (None, 0.04, 0.05001, 99.94, 99.96, 1234.5)] == [
        "-",
        "0.0 ms",
        "0.1 ms",
        "99.9 ms",
        "100 ms",
        "1234 ms",
    ]


def test_urls_say_no_more_than_they_must() -> None:
    """A query that is spelt out again is the same query."""
    query = Query.of({b"member": [b"a/1"], b"offset": [b"5"]})
    assert query.url("/x") == "/x?member=a%2F1&offset=5"
    assert query.url("/x", member=None, offset=0) == "/x"
    with pytest.raises(BadQuery):
        Query.of({b"limit": [b"\xd9\xa3"]})
