"""Answers that are not HTTP/1.1: a 502, never passed on, and their connection is never used again."""

from __future__ import annotations

import pytest

from tests.harness.client import Cut
from tests.harness.scripts import answer, raw
from tests.harness.waiting import until
from tests.proxy.lab import Lab

OK = b"HTTP/1.1 200 OK\r\n"
MALFORMED: dict[str, bytes] = {
    "two lengths": OK + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nbody",
    "list of lengths": OK + b"Content-Length: 4, 4\r\n\r\nbody",
    "negative length": OK + b"Content-Length: -4\r\n\r\nbody",
    "signed length": OK + b"Content-Length: +4\r\n\r\nbody",
    "length and coding": OK + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "coding and length": OK + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
    "unknown coding": OK + b"Transfer-Encoding: gzip\r\n\r\nbody",
    "two codings": OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "unasked 101": b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    "bare 101": b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    "garbage": b"\x00\x01\x02 what is this\r\n\r\n",
    "TLS alert": bytes.fromhex("15030300020250"),
    "HTTP/2.0": b"HTTP/2.0 200 OK\r\nContent-Length: 4\r\n\r\nbody",
    "HTTP/0.9": b"<html>hello</html>\r\n\r\n",
    "no status": b"HTTP/1.1\r\n\r\n",
    "short status": b"HTTP/1.1 20 OK\r\n\r\n",
    "long status": b"HTTP/1.1 2000 OK\r\n\r\n",
    "status zero": b"HTTP/1.1 000 What\r\n\r\n",
    "bare LF": b"HTTP/1.1 200 OK\nContent-Length: 4\n\nbody",
    "NUL in a value": OK + b"A: b\0c\r\nContent-Length: 4\r\n\r\nbody",
    "control character in a value": OK + b"A: b\x01c\r\nContent-Length: 4\r\n\r\nbody",
    "folded line": OK + b"A: b\r\n c\r\nContent-Length: 4\r\n\r\nbody",
    "space before the colon": OK + b"Content-Length : 4\r\n\r\nbody",
    "illegal field name": OK + b"A(b): c\r\nContent-Length: 4\r\n\r\nbody",
    "head too large": OK + b"X-Large: " + b"x" * 70000 + b"\r\nContent-Length: 4\r\n\r\nbody",
}


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED)
def test_malformed(lab: Lab, data: bytes) -> None:
    """The client gets a 502 of ours on a connection that goes on, and the member's connection is gone."""
    lab.member.script = raw(data)
    with lab.client() as client:
        got = client.get("/app/")
        assert got.status == 502
        assert b"502" in got.body
        until(lambda: all(not talk.open for talk in lab.member.talks), "the member's connection to end")
        lab.member.script = answer(b"well")
        assert client.get("/app/").body == b"well"
    assert lab.member.accepted == 2
    assert len(lab.member.requests) == 2
    assert lab.states()["1"]["state"] == "up"


BROKEN_BODIES: dict[str, bytes] = {
    "chunk size": b"4\r\nsome\r\nxyz\r\nmore\r\n0\r\n\r\n",
    "negative chunk": b"4\r\nsome\r\n-1\r\n\r\n",
    "chunk too long": b"4\r\nsome\r\n2\r\nmore\r\n0\r\n\r\n",
    "bare LF in a chunk": b"4\r\nsome\r\n4\nmore\n0\n\n",
    "huge chunk": b"4\r\nsome\r\nffffffffffffffffff\r\nmore",
}


@pytest.mark.parametrize("body", BROKEN_BODIES.values(), ids=BROKEN_BODIES)
def test_broken_body(lab: Lab, body: bytes) -> None:
    """When the answer is under way already, the client's connection is cut: it must not look complete."""
    lab.member.script = raw(OK + b"Transfer-Encoding: chunked\r\n\r\n", body)
    with lab.client() as client, pytest.raises(Cut):
        client.ask("GET", "/app/")
        got = client.answer()
        assert got.status == 502  # nothing of it was sent yet: as good
        raise Cut
    until(lambda: all(not talk.open for talk in lab.member.talks), "the member's connection to end")
    lab.member.script = answer(b"well")
    assert lab.get("/app/").body == b"well"
    assert lab.member.accepted == 2


PAST: dict[str, bytes] = {
    "length": OK + b"Content-Length: 4\r\n\r\nbody",
    "chunked": OK + b"Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
    "204": b"HTTP/1.1 204 No Content\r\n\r\n",
    "304": b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
}
EXTRA = {
    "junk": b"x",
    "another answer": OK + b"Content-Length: 4\r\n\r\nevil",
    "half a head": b"HTTP/1.1 200",
}


@pytest.mark.parametrize("data", PAST.values(), ids=PAST)
@pytest.mark.parametrize("extra", EXTRA.values(), ids=EXTRA)
def test_bytes_past_the_end(lab: Lab, data: bytes, extra: bytes) -> None:
    """The answer is passed on; what follows it is nobody's answer, and ends the connection."""
    lab.member.script = raw(data + extra)
    with lab.client() as client:
        got = client.get("/app/")
        assert got.status == int(data[9:12])
        assert got.body == (b"body" if got.status == 200 else b"")
        lab.member.script = answer(b"well")
        assert client.get("/app/").body == b"well"
    assert lab.member.accepted == 2


def test_late_bytes_on_an_idle_connection(lab: Lab) -> None:
    """Bytes that come while a connection waits belong to no answer and end it."""
    lab.member.script = answer(b"well")
    with lab.client() as client:
        assert client.get("/app/").body == b"well"
        talk = lab.member.talks[-1]
        talk.send(OK + b"Content-Length: 4\r\n\r\nevil")
        until(lambda: not talk.open, "the member's connection to end")
        assert client.get("/app/").body == b"well"
    assert lab.member.accepted == 2


def test_a_body_behind_head(lab: Lab) -> None:
    """A member that sends a body with an answer to HEAD loses its connection; nothing of it is passed on."""
    lab.member.script = raw(OK + b"Content-Length: 4\r\n\r\nbody")
    with lab.client() as client:
        client.ask("HEAD", "/app/")
        got = client.answer("HEAD")
        assert (got.status, got.one("Content-Length")) == (200, "4")
        lab.member.script = answer(b"well")
        assert client.get("/app/").body == b"well"
    assert lab.member.accepted == 2
