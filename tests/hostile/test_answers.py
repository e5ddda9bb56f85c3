"""Every row of a member: a 502 or a cut, its connection never used again, and the next client's answer untouched."""

from __future__ import annotations

import pytest

from tests.harness.client import Client
from tests.harness.scripts import answer, raw
from tests.harness.waiting import until
from tests.proxy.lab import Lab

from .answering import expected, observe
from .answers import BY_NAME, EVIL, OK, Answer
from .rows import get


@pytest.mark.parametrize("row", BY_NAME.values(), ids=BY_NAME)
def test_row(lab: Lab, row: Answer) -> None:
    """The client gets what the row says, and the next one its own answer, on another connection to the member."""
    seen = observe(lab.port, lab.member, row)
    if row.status == 0 and seen.status == 502:
        return  # nothing of it had been sent yet: as good
    assert seen == expected(row)
    assert lab.states()["1"]["state"] == "up"


def test_client_goes_on(lab: Lab) -> None:
    """A 502 that stands for a broken answer leaves the client its connection; the member loses the one to it."""
    lab.reset()
    lab.member.script = raw(OK + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nbody")
    with lab.client() as client:
        got = client.get("/app/")
        assert got.status == 502
        assert b"502" in got.body
        until(lambda: all(not talk.open for talk in lab.member.talks), "the member's connection to end")
        lab.member.script = answer(b"well")
        assert client.get("/app/").body == b"well"
    assert lab.member.accepted == 2


def test_late_bytes_on_an_idle_connection(lab: Lab) -> None:
    """Bytes that come while a connection waits belong to no answer and end it."""
    lab.reset()
    lab.member.script = answer(b"well")
    with lab.client() as client:
        assert client.get("/app/").body == b"well"
        talk = lab.member.talks[-1]
        talk.send(EVIL)
        until(lambda: not talk.open, "the member's connection to end")
        assert client.get("/app/").body == b"well"
    assert lab.member.accepted == 2


def test_body_behind_head(lab: Lab) -> None:
    """A member that sends a body with an answer to HEAD loses its connection; nothing of it is passed on."""
    lab.reset()
    lab.member.script = raw(EVIL)
    with lab.client() as client:
        client.ask("HEAD", "/app/")
        got = client.answer("HEAD")
        assert (got.status, got.one("Content-Length")) == (200, "4")
        lab.member.script = answer(b"well")
        assert client.get("/app/").body == b"well"
    assert lab.member.accepted == 2


def test_answers_of_pipelined_requests_keep_apart(lab: Lab) -> None:
    """An answer with another one behind it is one answer; the second request gets its own (CVE-2024-41671)."""
    lab.reset()
    lab.member.script = lambda talk, request: (
        raw(OK + b"Content-Length: 4\r\n\r\nwell" + EVIL)
        if request.target == "/app/first"
        else answer(b"too")
    )(talk, request)
    with Client(lab.port) as client:
        client.send(get(line="GET /app/first HTTP/1.1") + get(line="GET /app/then HTTP/1.1"))
        assert client.answer().body == b"well"
        assert client.answer().body == b"too"
