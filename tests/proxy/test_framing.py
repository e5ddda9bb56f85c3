"""Bodies: however one side frames them, the other side gets the same bytes in a frame of ours."""

from __future__ import annotations

import threading

import pytest

from tests.harness.client import Cut
from tests.harness.scripts import answer, echo, raw
from tests.harness.talk import Request, Talk
from tests.harness.waiting import PATIENCE
from tests.proxy.lab import Lab

BINARY = bytes(range(256)) * 300


def test_request_body_by_length(lab: Lab) -> None:
    """A body with a length arrives whole, with the same length."""
    lab.member.script = echo
    with lab.client() as client:
        assert client.post("/app/", BINARY).body == BINARY
    request = lab.member.one()
    assert request.body == BINARY
    assert (request.one("Content-Length"), request.one("Transfer-Encoding")) == (str(len(BINARY)), None)


def test_request_body_of_length_zero(lab: Lab) -> None:
    """Content-Length: 0 is passed on, and the connection goes on."""
    lab.member.script = echo
    with lab.client() as client:
        for _ in range(2):
            client.ask("POST", "/app/", "Content-Length: 0")
            assert client.answer("POST").body == b""
    assert [request.one("Content-Length") for request in lab.member.requests] == ["0", "0"]


def test_request_without_a_body(lab: Lab) -> None:
    """A POST without a body gets none, and no length."""
    with lab.client() as client:
        for _ in range(2):
            client.ask("POST", "/app/")
            assert client.answer("POST").status == 200
    assert [request.one("Content-Length") for request in lab.member.requests] == [None, None]


def test_chunked_request_is_framed_anew(lab: Lab) -> None:
    """Chunks are made anew: extensions, odd sizes and leading zeros end here, the bytes do not."""
    lab.member.script = echo
    with lab.client() as client:
        client.send("POST /app/ HTTP/1.1\r\nHost: panolb.test\r\nTransfer-Encoding: Chunked\r\n\r\n")
        client.send(b'0000a;name="v;v"\r\n0123456789\r\n')
        client.send(b"%X\r\n%b\r\n" % (len(BINARY), BINARY))
        client.send(b"0\r\n\r\n")
        assert client.answer("POST").body == b"0123456789" + BINARY
        client.send("POST /app/ HTTP/1.1\r\nHost: panolb.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
        assert client.answer("POST").body == b""
    first, second = lab.member.requests
    assert first.chunked
    assert first.one("Content-Length") is None
    assert b";name" not in first.raw
    assert second.chunked
    assert second.whole


def test_request_trailers_are_dropped(lab: Lab) -> None:
    """Trailers end here: what stands there must not become a header of anybody."""
    lab.member.script = echo
    with lab.client() as client:
        client.send(
            "POST /app/ HTTP/1.1\r\nHost: panolb.test\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n"
        )
        client.send("3\r\nabc\r\n0\r\nX-Sum: 1\r\nX-Remote-User: root\r\n\r\n")
        assert client.answer("POST").body == b"abc"
        assert client.get("/app/").status == 200
    assert b"X-Sum" not in lab.member.requests[0].raw
    assert b"X-Remote-User" not in lab.member.requests[0].raw + lab.member.requests[1].raw


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "GET", "OPTIONS", "PROPFIND"])
def test_a_body_with_any_method(lab: Lab, method: str) -> None:
    """Whether a request has a body is a matter of its fields, not of its method."""
    lab.member.script = echo
    with lab.client() as client:
        client.ask(method, "/app/", body=b"some")
        assert client.answer(method).body == b"some"
        assert client.get("/app/").body == b""
    assert lab.member.requests[0].method == method


def test_answer_by_length(lab: Lab) -> None:
    """A length stays a length."""
    lab.member.script = answer(BINARY)
    with lab.client() as client:
        for _ in range(2):
            got = client.get("/app/")
            assert got.body == BINARY
            assert (got.one("Content-Length"), got.one("Transfer-Encoding")) == (str(len(BINARY)), None)


def test_chunked_answer_loses_its_trailers(lab: Lab) -> None:
    """Chunks stay chunks; trailers and extensions are dropped."""
    lab.member.script = raw(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n5;a=b\r\nhello\r\n",
        b"6\r\n world\r\n0\r\nX-Sum: 1\r\nSet-Cookie: a=b\r\n\r\n",
    )
    with lab.client() as client:
        for _ in range(2):
            got = client.get("/app/")
            assert (got.body, got.trailers) == (b"hello world", [])
            assert got.one("Transfer-Encoding") == "chunked"
            assert got.one("Trailer") is None
            assert got.one("X-Sum") is None
    assert lab.member.accepted == 1


def test_answer_delimited_by_close(lab: Lab) -> None:
    """An answer that only the end of its connection delimits is sent in chunks, and the client's connection is kept."""
    lab.member.script = raw(b"HTTP/1.1 200 OK\r\nX-A: b\r\n\r\n", BINARY, end=True)
    with lab.client() as client:
        for _ in range(2):
            got = client.get("/app/")
            assert got.body == BINARY
            assert (got.one("Transfer-Encoding"), got.one("Connection")) == ("chunked", None)


def test_answer_of_an_http10_member(lab: Lab) -> None:
    """A member may speak HTTP/1.0; the client hears HTTP/1.1."""
    lab.member.script = raw(b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nold", end=True)
    with lab.client() as client:
        for _ in range(2):
            got = client.get("/app/")
            assert (got.body, got.one("Connection")) == (b"old", None)


@pytest.mark.parametrize(
    "pieces",
    [
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n0\r\n\r\n",),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", b"some"),
    ],
    ids=["chunked", "close"],
)
def test_answer_without_a_length_to_http10(lab: Lab, pieces: tuple[bytes, ...]) -> None:
    """An HTTP/1.0 client knows no chunks: the end of its connection is the end of the answer."""
    lab.member.script = raw(*pieces, end=True)
    with lab.client() as client:
        client.ask("GET", "/app/", "Connection: keep-alive", version="1.0")
        got = client.answer()
        assert (got.body, got.one("Transfer-Encoding"), got.one("Content-Length")) == (b"some", None, None)
        assert got.closes


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
    ],
    ids=["length", "chunked", "neither"],
)
def test_head(lab: Lab, head: bytes) -> None:
    """An answer to HEAD has no body whatever it says, its length is passed on, and both connections are kept."""
    lab.member.script = lambda talk, request: (raw(head) if request.method == "HEAD" else answer(b"get"))(
        talk, request
    )
    with lab.client() as client:
        for _ in range(3):
            client.ask("HEAD", "/app/")
            got = client.answer("HEAD")
            assert got.status == 200
            assert got.one("Content-Length") == ("1234" if b"1234" in head else None)
            assert client.get("/app/").body == b"get"
    assert lab.member.accepted == 1


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n",
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 77\r\n\r\n",
    ],
)
def test_answers_without_a_body(lab: Lab, head: bytes) -> None:
    """204 and 304 end with their head; both connections are kept."""
    lab.member.script = raw(head)
    with lab.client() as client:
        for _ in range(3):
            got = client.get("/app/")
            assert (got.status, got.body) == (int(head[9:12]), b"")
            assert got.one("Transfer-Encoding") is None
            if got.status == 204:
                assert got.one("Content-Length") is None
            else:
                assert got.one("Content-Length") == ("77" if b"77" in head else None)
    assert lab.member.accepted == 1


def test_empty_reason_and_strange_status(lab: Lab) -> None:
    """Tomcat sends no reason phrase; a status nobody knows is nobody's business here."""
    lab.member.script = raw(b"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n")
    got = lab.get("/app/")
    assert (got.status, got.reason) == (200, "")
    lab.member.script = raw(b"HTTP/1.1 299 Fine So Far\r\nContent-Length: 0\r\n\r\n")
    got = lab.get("/app/")
    assert (got.status, got.reason) == (299, "Fine So Far")


def test_answer_in_single_bytes(lab: Lab) -> None:
    """However the network cuts an answer, the client gets the same."""
    data = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A: b\r\n\r\n4\r\nsome\r\n5\r\n\r\n\r\n\r\r\n0\r\n\r\n"
    lab.member.script = raw(*(data[at : at + 1] for at in range(len(data))))
    with lab.client() as client:
        for _ in range(5):
            got = client.get("/app/")
            assert (got.body, got.one("X-A")) == (b"some\r\n\r\n\r", "b")
    assert lab.member.accepted == 1


@pytest.mark.parametrize(
    "body", [b"Content-Length: 10\r\n\r\nsome", b"Transfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n"]
)
def test_a_truncated_answer_is_cut(lab: Lab, body: bytes) -> None:
    """An answer that breaks off is never completed as if it were whole: the client's connection is cut."""
    lab.member.script = raw(b"HTTP/1.1 200 OK\r\n" + body, end=True)
    with lab.client() as client, pytest.raises(Cut):
        client.ask("GET", "/app/")
        client.answer()


def test_a_broken_off_answer_without_a_length_is_cut(lab: Lab) -> None:
    """An answer delimited by close is complete only after a close in good order; a reset cuts it."""
    seen = threading.Event()

    def script(talk: Talk, request: Request) -> None:
        talk.read_body(request)
        talk.send(b"HTTP/1.1 200 OK\r\n\r\nsome")
        assert seen.wait(PATIENCE)
        talk.reset()

    lab.member.script = script
    with lab.client() as client:
        client.ask("GET", "/app/")
        assert client.head().status == 200
        assert client.piece() == b"some"
        seen.set()
        with pytest.raises(Cut):
            while client.piece() is not None:
                pass
