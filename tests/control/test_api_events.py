"""Events as they happen, over the API of a running panolb."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.control.operating import Lab, running
from tests.harness.process import rss
from tests.harness.waiting import PATIENCE, until


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A process whose members change their states."""
    with running(tmp_path_factory.mktemp("events")) as lab:
        yield lab
        lab.panolb.stop()


class Stream:
    """An answer that goes on."""

    def __init__(self, connection: socket.socket, query: str) -> None:
        self._connection = connection
        connection.sendall(f"GET /api/v1/events{query} HTTP/1.0\r\n\r\n".encode())
        self._file = connection.makefile("rb")
        self.head = b"".join(iter(self._file.readline, b"\r\n")).decode()

    def next(self) -> dict[str, Any] | None:
        """The next event; ``None`` at the end of the answer."""
        line = self._file.readline()
        return json.loads(line) if line else None


@contextmanager
def stream(lab: Lab, query: str) -> Iterator[Stream]:
    """An answer with events; its head has come."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(PATIENCE)
        connection.connect(lab.control.path)
        yield Stream(connection, query)


def last(lab: Lab) -> int:
    """The number of the last event."""
    body = lab.control.ask("GET", "/api/v1/events?limit=1")[2]
    return int(json.loads(body)["id"])


def test_following(lab: Lab) -> None:
    """Each comes when it happens, until somebody has had enough."""
    with stream(lab, "?follow=true") as following:
        assert "Content-Type: application/x-ndjson" in following.head
        lab.set("1", "drain")
        event = following.next()
        assert event is not None
        assert (event["event"], event["level"]) == ("member.drain", "info")
        assert event["fields"]["member"] == "app/1"
        assert "app/1: up -> drain" in event["message"]
        lab.set("1", "active")
        event = following.next()
        assert event is not None
        assert event["event"] == "member.up"


def test_from_somewhere_on(lab: Lab) -> None:
    """What is kept, and then what is new, without a gap; and no more than is asked for."""
    before = last(lab)
    lab.set("2", "drain")
    with stream(lab, f"?follow=true&after={before}&limit=2") as following:
        first = following.next()
        lab.set("2", "active")
        second = following.next()
        assert first is not None
        assert second is not None
        assert (first["id"], second["id"]) == (before + 1, before + 2)
        assert following.next() is None


def test_head(lab: Lab) -> None:
    """It tells the type, and ends."""
    status, headers, body = lab.control.ask("HEAD", "/api/v1/events?follow=true")
    assert (status, headers["Content-Type"], body) == (200, "application/x-ndjson", b"")


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("?after=-1", "after must be a number"),
        ("?after=1e3", "after must be a number"),
        ("?limit=0", "limit must be from 1"),
        ("?follow=yes", "follow is true or false"),
        ("?follow=true&follow=true", "2 times"),
        ("?since=1", "there are: after, limit, follow"),
    ],
)
def test_refused(lab: Lab, query: str, words: str) -> None:
    """As everywhere."""
    status, _, body = lab.control.ask("GET", f"/api/v1/events{query}")
    assert status == 400
    assert words in json.loads(body)["error"]


def test_too_many(lab: Lab) -> None:
    """Fifty can follow, and others again when one of them has gone."""
    connections = []
    try:
        for _ in range(50):
            one = socket.socket(socket.AF_UNIX)
            connections.append(one)
            one.settimeout(PATIENCE)
            one.connect(lab.control.path)
            Stream(one, "?follow=true")
        status, _, body = lab.control.ask("GET", "/api/v1/events?limit=1")
        assert (status, "50 others" in json.loads(body)["error"]) == (503, True)
    finally:
        for one in connections:
            one.close()
    until(lambda: lab.control.ask("GET", "/api/v1/events?limit=1")[0] == 200, "room for one")


def test_a_slow_reader_costs_nothing(lab: Lab) -> None:
    """It misses what was kept no longer, is told so, and goes on from there."""
    with stream(lab, "?follow=true") as following:
        size = 0
        for number in range(2200):
            lab.set("1", "drain" if number % 2 == 0 else "active")
            if number == 1000:
                size = rss(lab.panolb.process.pid)
        assert rss(lab.panolb.process.pid) - size < 8 << 20
        until_id = last(lab)
        events = [following.next()]
        while events[-1] is not None and events[-1]["id"] < until_id:
            events.append(following.next())
        ids = [event["id"] for event in events if event is not None]
        assert ids == sorted(set(ids))
        (skipped,) = [event for event in events if event is not None and event["event"] == "events.skipped"]
        assert skipped["fields"]["last"] == skipped["id"]
        missing = set(range(ids[0], until_id + 1)) - set(ids)
        assert missing == set(range(skipped["fields"]["first"], skipped["fields"]["last"]))


def test_the_end_of_panolb_ends_it(tmp_path: Path) -> None:
    """In good order, after what was said of it."""
    with running(tmp_path) as lab, stream(lab, "?follow=true") as following:
        lab.panolb.terminate()
        event = following.next()
        while event is not None and event["event"] != "stopping":
            event = following.next()
        assert event is not None
        while following.next() is not None:
            pass
        assert lab.panolb.wait() == 0
        assert "Traceback" not in lab.panolb.log
