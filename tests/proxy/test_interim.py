"""Interim answers: 100 Continue and its expectation, 103 and other 1xx."""

from __future__ import annotations

import threading

import pytest

from tests.harness.scripts import answer, raw
from tests.harness.talk import Request, Talk
from tests.harness.waiting import PATIENCE
from tests.proxy.lab import Lab

FINAL = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone"


def continued(talk: Talk, request: Request) -> None:
    """Ask for the body and answer with it."""
    if request.one("Expect") == "100-continue":
        talk.send(b"HTTP/1.1 100 Continue\r\n\r\n")
    answer(talk.read_body(request))(talk, request)


@pytest.mark.parametrize("framing", ["Content-Length: 4", "Transfer-Encoding: chunked"])
def test_100_continue_is_the_members(lab: Lab, framing: str) -> None:
    """The expectation goes to the member, and its 100 comes back before a byte of the body was sent."""
    lab.member.script = continued
    with lab.client() as client:
        for _ in range(2):
            client.ask("POST", "/app/", framing, "Expect: 100-Continue")
            assert client.interim() == (100, [])
            client.send(b"body" if "Length" in framing else b"4\r\nbody\r\n0\r\n\r\n")
            assert client.answer("POST").body == b"body"
    assert lab.member.accepted == 1


def test_no_100_of_our_own(lab: Lab) -> None:
    """panolb never says 100 by itself: a member that refuses the body is heard first."""
    lab.member.script = lambda talk, request: talk.send(
        b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno"
    )
    with lab.client() as client:
        client.ask("POST", "/app/", "Content-Length: 100000", "Expect: 100-continue")
        got = client.answer("POST")
        assert (got.status, got.body, got.interim) == (401, b"no", [])
        assert got.closes  # the body may or may not come: the connection is of no further use
        assert client.ended()


def test_a_body_that_does_not_wait(lab: Lab) -> None:
    """A client may send its body without waiting for the 100 that it asked for."""
    lab.member.script = continued
    with lab.client() as client:
        got = client.post("/app/", b"impatient", "Expect: 100-continue")
        assert (got.body, got.interim) == (b"impatient", [(100, [])])
        assert client.get("/app/").status == 200


def test_http10_has_no_expectations(lab: Lab) -> None:
    """RFC 9110 section 10.1.1: the expectation of an HTTP/1.0 client is ignored, and no 1xx is sent to it."""
    lab.member.script = raw(b"HTTP/1.1 100 Continue\r\n\r\n" + FINAL)
    with lab.client() as client:
        client.ask("POST", "/app/", "Expect: 100-continue", body=b"body", version="1.0")
        got = client.answer("POST")
        assert (got.body, got.interim) == (b"done", [])
    assert lab.member.one().one("Expect") is None


def test_early_hints(lab: Lab) -> None:
    """103 reaches the client at once, with its fields, while the final answer is still being made."""
    seen = threading.Event()

    def script(talk: Talk, request: Request) -> None:
        talk.send(
            b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nConnection: x-hop\r\nX-Hop: 1\r\n\r\n"
        )
        talk.send(b"HTTP/1.1 102 Processing\r\n\r\n")
        assert seen.wait(PATIENCE)
        raw(FINAL)(talk, request)

    lab.member.script = script
    with lab.client() as client:
        for _ in range(2):
            seen.clear()
            client.ask("GET", "/app/")
            assert client.interim("GET") == (103, [("Link", "</a.css>; rel=preload")])
            seen.set()
            got = client.answer()
            assert (got.body, got.interim) == (b"done", [(102, [])])
    assert lab.member.accepted == 1


def test_early_hints_are_not_for_http10(lab: Lab) -> None:
    """RFC 9110 section 15.2: no 1xx goes to an HTTP/1.0 client."""
    lab.member.script = raw(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n" + FINAL)
    with lab.client() as client:
        client.ask("GET", "/app/", version="1.0")
        got = client.answer()
        assert (got.status, got.body, got.interim) == (200, b"done", [])
        assert got.one("Link") is None
