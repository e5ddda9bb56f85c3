"""Persistence and pipelining: which connection stays, and in which order its answers come."""

from __future__ import annotations

import time

import pytest

from tests.harness.client import Client
from tests.harness.scripts import Stall, answer
from tests.harness.talk import Request, Talk
from tests.proxy.lab import Lab

CHUNKED_POST = (
    b"POST /app/first HTTP/1.1\r\nHost: panolb.test\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"4\r\nab\r\n\r\n1\r\n\n\r\n4;ext=1\r\n\r\n\r\n\r\n0\r\n\r\n"
)
CHUNKED_BODY = b"ab\r\n\n\r\n\r\n"
GET = b"GET /app/second HTTP/1.1\r\nHost: panolb.test\r\n\r\n"


def by_target(talk: Talk, request: Request) -> None:
    """Answer with the target and the body."""
    body = talk.read_body(request)
    answer(request.target.encode() + b" " + body)(talk, request)


def test_a_connection_is_kept(lab: Lab) -> None:
    """Many requests go over one connection, on both sides."""
    with lab.client() as client:
        for number in range(20):
            got = client.get(f"/app/{number}")
            assert (got.status, got.body, got.one("Connection")) == (200, b"member 1", None)
    assert [request.target for request in lab.member.requests] == [f"/app/{number}" for number in range(20)]
    assert lab.member.accepted == 1


def test_a_client_that_wants_to_close_gets_its_wish(lab: Lab) -> None:
    """Connection: close is obeyed and confirmed, and the member's connection is kept all the same."""
    for _ in range(2):
        with lab.client() as client:
            got = client.get("/app/", "Connection: close")
            assert got.closes
            assert client.ended()
    assert lab.member.accepted == 1
    assert all(request.one("Connection") is None for request in lab.member.requests)


def test_nothing_is_served_behind_a_close(lab: Lab) -> None:
    """RFC 9112 section 9.6: what a client pipelines behind its Connection: close is not served."""
    lab.member.script = by_target
    with lab.client() as client:
        client.send(GET + GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") + GET)
        assert not client.answer().closes
        assert client.answer().closes
        assert client.ended()
    assert len(lab.member.requests) == 2


def test_the_same_fields_again(lab: Lab) -> None:
    """Requests with the very same fields are different requests: method, target, body and length are their own."""
    lab.member.script = by_target
    fields = "Host: panolb.test\r\nContent-Length: 4\r\nCookie: a=b\r\nX-Forwarded-For: lie\r\n\r\n"
    with lab.client() as client:
        for number, method in enumerate(("POST", "PUT", "GET", "POST", "DELETE", "PATCH")):
            client.send(f"{method} /app/{number}?q HTTP/1.1\r\n{fields}b{number:03}")
            assert client.answer(method).body == b"/app/%d?q b%03d" % (number, number)
        client.send(f"POST /app/http/1.0 HTTP/1.0\r\n{fields}last")
        got = client.answer()
        assert got.body == b"/app/http/1.0 last"
        assert got.closes
        assert client.ended()
    for request in lab.member.requests:
        assert request.one("X-Forwarded-For") == "127.0.0.1"
        assert request.one("Cookie") == "a=b"


def test_a_member_that_closes_does_not_close_the_client(lab: Lab) -> None:
    """Connection: close of a member is about the member's connection alone."""
    lab.member.script = answer(b"bye", "Connection: close")
    with lab.client() as client:
        for _ in range(3):
            got = client.get("/app/")
            assert (got.body, got.one("Connection")) == (b"bye", None)
    assert lab.member.accepted == 3


def test_pipelined_gets_are_answered_in_order(lab: Lab) -> None:
    """Answers come in the order of the requests, the slow first one first."""
    stall = Stall(by_target)
    lab.member.script = lambda talk, request: (stall if request.target == "/app/0" else by_target)(
        talk, request
    )
    with lab.client() as client:
        client.send(b"".join(GET.replace(b"second", b"%d" % number) for number in range(30)))
        stall.wait()
        assert len(lab.member.requests) == 1  # a pipelined request waits for its turn
        stall.release()
        assert [client.answer().body for _ in range(30)] == [b"/app/%d " % number for number in range(30)]


def test_a_get_right_behind_a_chunked_post(lab: Lab) -> None:
    """The end of a chunked body is found to the byte: what follows in the same segment is the next request."""
    lab.member.script = by_target
    with lab.client() as client:
        client.send(CHUNKED_POST + GET + GET)
        assert client.answer("POST").body == b"/app/first " + CHUNKED_BODY
        assert client.answer().body == b"/app/second "
        assert client.answer().body == b"/app/second "


def test_a_get_right_behind_a_body_with_a_length(lab: Lab) -> None:
    """A body that looks like a request is a body, and the request behind it a request."""
    lab.member.script = by_target
    with lab.client() as client:
        client.ask("POST", "/app/first", body=GET * 2)
        client.send(GET)
        assert client.answer("POST").body == b"/app/first " + GET * 2
        assert client.answer().body == b"/app/second "


def test_cut_at_every_byte(lab: Lab) -> None:
    """Wherever the network cuts the bytes, the same two requests arrive."""
    lab.member.script = by_target
    data = CHUNKED_POST + GET
    with lab.client() as client:
        for cut in range(1, len(data)):
            client.send(data[:cut])
            time.sleep(0.003)  # lets the first part arrive by itself; nothing depends on it
            client.send(data[cut:])
            assert client.answer("POST").body == b"/app/first " + CHUNKED_BODY, cut
            assert client.answer().body == b"/app/second ", cut
    assert {request.body for request in lab.member.requests[::2]} == {CHUNKED_BODY}


def test_byte_by_byte(lab: Lab) -> None:
    """The same, one byte at a time."""
    lab.member.script = by_target
    with lab.client() as client:
        for at in range(len(CHUNKED_POST + GET)):
            client.send((CHUNKED_POST + GET)[at : at + 1])
            time.sleep(0.001)
        assert client.answer("POST").body == b"/app/first " + CHUNKED_BODY
        assert client.answer().body == b"/app/second "


def test_empty_lines_before_a_request(lab: Lab) -> None:
    """RFC 9112 section 2.2: old clients send an empty line too many behind a body."""
    with lab.client() as client:
        client.send(b"\r\n" + GET)
        assert client.answer().status == 200
        client.send(b"\r\n\r\n\r\n" + GET)
        assert client.answer().status == 200
    assert len(lab.member.requests) == 2


def test_http10_closes(lab: Lab) -> None:
    """An HTTP/1.0 client without a word gets one answer and the end of the connection, and needs no Host."""
    with lab.client() as client:
        client.ask("GET", "/app/", version="1.0")
        got = client.answer()
        assert (got.status, got.body, got.one("Content-Length")) == (200, b"member 1", "8")
        assert client.ended()
    assert lab.member.one().version == "HTTP/1.1"
    assert lab.member.one().one("Host") == f"127.0.0.1:{lab.member.port}"


def test_http10_keep_alive(lab: Lab) -> None:
    """An HTTP/1.0 client that asks for it keeps its connection while lengths are known."""
    with lab.client() as client:
        for _ in range(3):
            client.ask("GET", "/app/", "Connection: keep-alive", version="1.0")
            got = client.answer()
            assert (got.body, got.one("Connection")) == (b"member 1", "keep-alive")
    assert lab.member.accepted == 1
    assert all(request.one("Connection") is None for request in lab.member.requests)


@pytest.mark.parametrize("upgrade", ["h2c", "TLS/1.0", "websocket-but-not-quite"])
def test_an_upgrade_that_is_none(lab: Lab, upgrade: str) -> None:
    """An offer to switch to what is not spoken here is ignored, and the connection goes on in HTTP/1.1."""
    fields = ("Connection: Upgrade, HTTP2-Settings", f"Upgrade: {upgrade}", "HTTP2-Settings: AAMAAABk")
    lab.member.script = by_target
    with lab.client() as client:
        assert client.get("/app/one", *fields).body == b"/app/one "
        assert client.get("/app/two", *fields).body == b"/app/two "
        assert client.post("/app/three", b"body", *fields).body == b"/app/three body"
        client.send(CHUNKED_POST.replace(b"\r\n\r\n", b"\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n", 1))
        assert client.answer("POST").body == b"/app/first " + CHUNKED_BODY
        assert client.get("/app/four").body == b"/app/four "
    for request in lab.member.requests:
        assert request.one("Upgrade") is None
        assert request.one("Connection") is None
        assert request.one("HTTP2-Settings") is None


def test_many_clients_at_once(lab: Lab) -> None:
    """Each of many clients gets its own answers."""
    lab.member.script = by_target
    clients = [Client(lab.port) for _ in range(40)]
    for turn in range(3):
        for number, client in enumerate(clients):
            client.ask("GET", f"/app/{turn}/{number}")
        for number, client in enumerate(clients):
            assert client.answer().body == b"/app/%d/%d " % (turn, number)
    for client in clients:
        client.close()
