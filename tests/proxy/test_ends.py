"""How exchanges end early: by the client, by the member, by the clock."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from tests.harness.client import Cut
from tests.harness.scripts import Stall, answer
from tests.harness.talk import Request, Talk
from tests.harness.waiting import PATIENCE, until
from tests.proxy.lab import Lab, running

LARGE = 8 << 20


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A member that is given little time to answer."""
    with running(
        tmp_path_factory.mktemp("lab"), balancer='response_timeout = "1s"\nstall_timeout = "4s"'
    ) as lab:
        yield lab


def test_a_client_that_leaves_while_waiting(lab: Lab) -> None:
    """The member's connection ends at once, so that it can stop working; it is not blamed."""
    stall = lab.member.script = Stall()
    with lab.client() as client:
        client.ask("GET", "/app/")
        stall.wait()
    assert stall.ended.wait(PATIENCE)
    assert lab.states()["1"] | {"state": "up", "busy": 0} == lab.states()["1"]


def test_a_client_that_leaves_within_the_answer(lab: Lab) -> None:
    """The same while an answer streams."""
    left = threading.Event()

    def script(talk: Talk, request: Request) -> None:
        talk.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n")
        if talk.ended():
            left.set()

    lab.member.script = script
    with lab.client() as client:
        client.ask("GET", "/app/")
        assert client.head().status == 200
        assert client.piece() == b"some"
    assert left.wait(PATIENCE)
    assert lab.states()["1"] | {"state": "up", "busy": 0} == lab.states()["1"]


def test_a_client_that_resets(lab: Lab) -> None:
    """A reset is as good as a close."""
    stall = lab.member.script = Stall()
    with lab.client() as client:
        client.ask("POST", "/app/", body=b"x")
        stall.wait()
        client.reset()
    assert stall.ended.wait(PATIENCE)


def test_an_answer_before_the_end_of_the_upload(lab: Lab) -> None:
    """A member may answer without reading the body: its answer gets through, then both connections end."""

    def script(talk: Talk, request: Request) -> None:
        talk.send(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 4\r\nX-Own: yes\r\n\r\nmuch")
        talk.ended()

    lab.member.script = script
    for _ in range(5):
        with lab.client() as client:
            client.ask("POST", "/app/", f"Content-Length: {LARGE}")
            client.send(b"x" * 100000)
            until(lambda: len(lab.member.requests), "the request")
            got = client.head("POST")
            assert (got.status, got.one("X-Own")) == (413, "yes")
            assert got.closes
            client.send(b"x" * 50000)  # a client may be slow to notice
            assert client.piece() == b"much"
            assert client.piece() is None
            assert client.ended()
    assert lab.states()["1"]["state"] == "up"


def test_a_member_that_answers_and_closes(lab: Lab) -> None:
    """As Tomcat does: it answers the upload with 413, closes, and resets what comes later."""

    def script(talk: Talk, request: Request) -> None:
        talk.send(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 4\r\nConnection: close\r\n\r\nmuch")
        talk.close()

    lab.member.script = script
    for _ in range(5):
        with lab.client() as client:
            client.ask("POST", "/app/", f"Content-Length: {LARGE}")
            try:
                client.send(b"x" * LARGE)
            except ConnectionError:
                pass  # it may be told to stop by a reset, but only after the answer
            got = client.answer("POST")
            assert (got.status, got.body) == (413, b"much")


def test_a_large_answer_before_the_end_of_the_upload(lab: Lab) -> None:
    """An early answer is not cut short because its reader is slow."""
    size = 400_000

    def script(talk: Talk, request: Request) -> None:
        talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"y" * size)
        talk.ended()

    lab.member.script = script
    with lab.client(receive_buffer=8192) as client:
        client.ask("POST", "/app/", "Content-Length: 1000")
        got = client.head("POST")
        assert got.closes
        time.sleep(2.5)  # a client may be slow to read; what it gets must not depend on that
        read = 0
        while (piece := client.piece()) is not None:
            read += len(piece)
        assert read == size


def test_an_answer_that_outlives_the_upload(lab: Lab) -> None:
    """An answer may begin before the body is complete and go on long after: no limit runs then."""

    def script(talk: Talk, request: Request) -> None:
        talk.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nin\r\n")
        talk.read_body(request)
        time.sleep(1.6)  # beyond response_timeout
        talk.send(b"3\r\nout\r\n0\r\n\r\n")

    lab.member.script = script
    with lab.client() as client:
        client.ask("POST", "/app/", "Content-Length: 5")
        assert client.head("POST").status == 200
        assert client.piece() == b"in"
        client.send("hello")
        assert client.piece() == b"out"
        assert client.piece() is None
    assert lab.member.one().body == b"hello"


def test_response_timeout(lab: Lab) -> None:
    """An answer that does not begin in time is a 504; the member's connection ends, it is not in error."""
    stall = lab.member.script = Stall()
    with lab.client() as client:
        got = client.get("/app/")
        assert got.status == 504
        assert not got.closes
        assert stall.ended.wait(PATIENCE)
        lab.member.script = answer(b"well")
        assert client.get("/app/").body == b"well"
    assert lab.member.accepted == 2
    assert lab.states()["1"]["state"] == "up"


def test_response_timeout_within_the_head(lab: Lab) -> None:
    """Half a head is no answer."""

    def script(talk: Talk, request: Request) -> None:
        talk.send(b"HTTP/1.1 200 OK\r\nContent-Le")
        talk.ended()

    lab.member.script = script
    assert lab.get("/app/").status == 504


def test_a_slow_answer_body_is_no_timeout(lab: Lab) -> None:
    """response_timeout is about the head: a body, such as server-sent events, may take its time."""

    def script(talk: Talk, request: Request) -> None:
        talk.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        time.sleep(1.6)
        talk.send(b"6\r\nsecond\r\n0\r\n\r\n")

    lab.member.script = script
    with lab.client() as client:
        client.ask("GET", "/app/")
        assert client.head().status == 200
        assert client.piece() == b"first"  # at once, not when it is complete
        assert client.piece() == b"second"
        assert client.piece() is None


def test_a_member_that_stops_reading(lab: Lab) -> None:
    """A member that reads no more of a body, and does not answer, is a 504 as well."""
    lab.member.script = lambda talk, request: talk.cut()
    with lab.client() as client:
        client.ask("POST", "/app/", f"Content-Length: {LARGE * 4}")
        sender = threading.Thread(target=_send_all, args=(client, LARGE * 4), daemon=True)
        sender.start()
        assert client.answer("POST").status == 504
    sender.join()


def _send_all(client: object, size: int) -> None:
    try:
        client.send(b"x" * size)  # type: ignore[attr-defined]
    except OSError:
        pass


@pytest.mark.parametrize("piece", [b"", b"HTTP/1.1 200 O"], ids=["at once", "within the head"])
def test_a_new_connection_that_closes(lab: Lab, piece: bytes) -> None:
    """A member that takes a request and closes is a 502, and got it once."""

    def script(talk: Talk, request: Request) -> None:
        talk.read_body(request)
        talk.send(piece)
        talk.close()

    lab.member.script = script
    for method in ("GET", "POST"):
        with lab.client() as client:
            client.ask(method, "/app/")
            assert client.answer(method).status == 502
    assert len(lab.member.requests) == 2


def test_a_reset_within_the_answer_is_a_cut(lab: Lab) -> None:
    """The client must not take a part for the whole."""

    def script(talk: Talk, request: Request) -> None:
        talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome")
        assert seen.wait(PATIENCE)
        talk.reset()

    seen = threading.Event()
    lab.member.script = script
    with lab.client() as client:
        client.ask("GET", "/app/")
        assert client.head().status == 200
        assert client.piece() == b"some"
        seen.set()
        with pytest.raises(Cut):
            client.piece()
