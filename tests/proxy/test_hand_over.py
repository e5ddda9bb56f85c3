"""Files beside the balancer: twisted.web serves them on the same listener, on the same connection, in any order."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.client import Client
from tests.harness.scripts import Stall, answer, close, echo, raw, when_kept
from tests.harness.talk import Request, Talk
from tests.harness.waiting import PATIENCE, until
from tests.proxy.lab import Lab, running

FILES = """
[[location]]
path = "/files"
files = "{directory}"
"""
BELOW = """
[[location]]
path = "/app/static"
files = "{directory}"
"""
OF_HOSTS = """
[[location]]
path = "/files"
host = "*.one.test"
status = 410

[[location]]
path = "/files"
host = "a.one.test"
files = "{directory}"

[[location]]
path = "/both"
host = ["a.two.test", "b.two.test"]
files = "{directory}"

[[location]]
path = "/alone"
host = "b.two.test"
files = "{directory}"

[[location]]
path = "/"
host = "three.test"
files = "{directory}/below"

[[location]]
path = "/files"
files = "{directory}"
"""
MEGABYTE = bytes(range(256)) * 4096


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A directory with one file."""
    made = tmp_path_factory.mktemp("files")
    (made / "a.txt").write_text("a file")
    return str(made)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, directory: str) -> Iterator[Lab]:
    """A balancer beside a directory of files."""
    with running(
        tmp_path_factory.mktemp("lab"),
        more=FILES.format(directory=directory),
        listener='max_body = "2MiB"',
        balancer='response_timeout = "2s"',
    ) as lab:
        yield lab


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory, directory: str) -> Iterator[Lab]:
    """Files of several hosts."""
    (Path(directory) / "below").mkdir()
    with running(tmp_path_factory.mktemp("hosts"), more=OF_HOSTS.format(directory=directory)) as lab:
        yield lab


@pytest.fixture
def client(lab: Lab) -> Iterator[Client]:
    """A connection that twisted.web has taken over."""
    with lab.client() as client:
        assert client.get("/files/a.txt").body == b"a file"
        yield client


def test_files_then_members(lab: Lab) -> None:
    """One connection serves a file, then proxied requests, then a file again."""
    with lab.client() as client:
        assert client.get("/files/a.txt").body == b"a file"
        assert client.get("/app/x").body == b"member 1"
        assert client.get("/app/y?z").body == b"member 1"
        assert client.get("/nowhere").status == 404
    assert lab.member.lines == ["GET /app/x HTTP/1.1", "GET /app/y?z HTTP/1.1"]


@pytest.mark.parametrize(
    ("host", "path", "status"),
    [
        ("a.one.test", "/files/a.txt", 200),
        ("b.one.test", "/files/a.txt", 410),
        ("a.two.test", "/both/a.txt", 200),
        ("a.two.test", "/alone/a.txt", 404),
        ("b.two.test", "/both/a.txt", 200),
        ("b.two.test", "/alone/a.txt", 200),
        ("b.two.test", "/files/a.txt", 200),
        ("three.test", "/files/a.txt", 404),
        ("four.test", "/files/a.txt", 200),
    ],
)
def test_files_of_hosts(hosts: Lab, host: str, path: str, status: int) -> None:
    """Where locations of several names overlap, the tree serves what the table has found."""
    assert hosts.get(path, f"Host: {host}").status == status


def test_members_then_files(lab: Lab) -> None:
    """The other order."""
    with lab.client() as client:
        assert client.get("/app/x").body == b"member 1"
        assert client.get("/nowhere").status == 404
        assert client.get("/files/a.txt").body == b"a file"
        assert client.get("/app/x").body == b"member 1"


def test_pipelined_across_both(lab: Lab) -> None:
    """Pipelining works across the two as well."""
    with lab.client() as client:
        for target in ("/app/1", "/files/a.txt", "/app/2", "/files/a.txt"):
            client.ask("GET", target)
        assert [client.answer().body for _ in range(4)] == [b"member 1", b"a file"] * 2


def test_ranges_and_conditions_of_files(lab: Lab) -> None:
    """Files come from twisted.web with what it can do."""
    with lab.client() as client:
        got = client.get("/files/a.txt", "Range: bytes=2-5")
        assert (got.status, got.body) == (206, b"file")
        client.ask("HEAD", "/files/a.txt")
        assert client.answer("HEAD").one("Content-Length") == "6"
        client.ask("POST", "/files/a.txt", body=b"x" * 100000)
        assert client.answer("POST").status == 405
        assert client.get("/files/a.txt").status == 200


def test_a_location_below_another(tmp_path_factory: pytest.TempPathFactory, directory: str) -> None:
    """A directory of files below a balancer's path takes its own path and nothing else of it, in any order."""
    more = FILES.format(directory=directory) + BELOW.format(directory=directory)
    with running(tmp_path_factory.mktemp("below"), more=more) as lab, lab.client() as client:
        for _ in range(2):
            assert client.get("/app/x").body == b"member 1"
            assert client.get("/app/static/a.txt").body == b"a file"
            assert client.get("/app/").body == b"member 1"
            assert client.get("/app").body == b"member 1"
            assert client.get("/app/statics").body == b"member 1"
            assert client.get("/app/static/b.txt").status == 404


# -- proxied requests on a connection that twisted.web has taken over -------------------------------------------------


def test_targets_and_headers_after_a_hand_over(lab: Lab, client: Client) -> None:
    """The member sees the same as ever."""
    for target in ("/app", "/app/?a=b?c", "/app/a%2Fb;jsessionid=x.1", "/app/a?", "/app//a"):
        assert (
            client.get(target, "Connection: X-Hop", "X-Hop: 1", "X-Forwarded-For: lie", "Cookie: a=b").status
            == 200
        )
        came = lab.member.requests[-1]
        assert came.target == target
        assert came.one("Host") == "panolb.test"
        assert came.one("X-Forwarded-For") == "127.0.0.1"
        assert came.one("Cookie") == "a=b"
        assert came.one("X-Hop") is None
        assert came.one("Connection") is None


def test_the_route_after_a_hand_over(lab: Lab, client: Client) -> None:
    """Stickiness as ever."""
    got = client.get("/app/")
    assert got.all("Set-Cookie") == ["ROUTEID=.1; Path=/; HttpOnly; SameSite=Lax"]
    assert client.get("/app/", "Cookie: ROUTEID=.1").all("Set-Cookie") == []


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_upload_after_a_hand_over(lab: Lab, client: Client, framing: str) -> None:
    """A body of 1 MB arrives byte for byte, however it was framed, and the connection goes on."""
    lab.member.script = echo
    for _ in range(2):
        if framing == "length":
            client.ask("POST", "/app/", body=MEGABYTE)
        else:
            client.ask("POST", "/app/", "Transfer-Encoding: chunked")
            client.send(b"%x\r\n%b\r\n0\r\n\r\n" % (len(MEGABYTE), MEGABYTE))
        got = client.answer("POST")
        assert got.status == 200
        assert hashlib.sha256(got.body).digest() == hashlib.sha256(MEGABYTE).digest()
    assert [request.body == MEGABYTE for request in lab.member.requests] == [True, True]


def test_download_after_a_hand_over(lab: Lab, client: Client) -> None:
    """A large answer arrives whole, though its reader begins late."""
    lab.member.script = answer(MEGABYTE * 16)
    client.ask("GET", "/app/")
    until(lambda: lab.member.requests, "the request")
    assert client.answer().body == MEGABYTE * 16


def test_streaming_after_a_hand_over(lab: Lab, client: Client) -> None:
    """An answer is streamed: its first piece is here before the last is made."""
    seen = threading.Event()

    def script(talk: Talk, request: Request) -> None:
        talk.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        assert seen.wait(PATIENCE)
        talk.send(b"6\r\nsecond\r\n0\r\n\r\n")
        talk.read_body(request)

    lab.member.script = script
    client.ask("GET", "/app/")
    assert client.head().status == 200
    assert client.piece() == b"first"
    seen.set()
    assert client.piece() == b"second"
    assert client.piece() is None
    lab.member.script = answer(b"well")
    assert client.get("/app/").body == b"well"


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 404 Not Here\r\nContent-Length: 0\r\nContent-Type: text/x\r\n\r\n",
    ],
)
def test_answers_without_a_body_after_a_hand_over(lab: Lab, client: Client, data: bytes) -> None:
    """Answers without a body do not confuse the connection."""
    lab.member.script = raw(data)
    for _ in range(2):
        got = client.get("/app/")
        assert (got.status, got.body) == (int(data.rpartition(b"HTTP/1.1 ")[2][:3]), b"")
    lab.member.script = answer(b"well")
    assert client.get("/app/").body == b"well"


def test_head_after_a_hand_over(lab: Lab, client: Client) -> None:
    """HEAD has its length and no body."""
    lab.member.script = raw(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")
    for _ in range(2):
        client.ask("HEAD", "/app/")
        got = client.answer("HEAD")
        assert (got.status, got.one("Content-Length")) == (200, "4")
    lab.member.script = answer(b"well")
    assert client.get("/app/").body == b"well"


def test_own_pages_after_a_hand_over(lab: Lab, client: Client) -> None:
    """502 and 504 are our pages as ever, and the connection goes on."""
    lab.member.script = close
    assert client.get("/app/").status == 502
    stall = lab.member.script = Stall()
    assert client.get("/app/", "Accept: application/json").one("Content-Type") == "application/json"
    assert stall.ended.wait(PATIENCE)
    lab.member.script = answer(b"well")
    assert client.get("/app/").body == b"well"


def test_a_kept_connection_dies_after_a_hand_over(lab: Lab, client: Client) -> None:
    """The repetition works there too."""
    assert client.get("/app/").status == 200
    lab.member.script = when_kept(close, answer(b"again"))
    assert client.get("/app/").body == b"again"


def test_a_client_that_leaves_after_a_hand_over(lab: Lab, client: Client) -> None:
    """The member's connection ends with the client's."""
    stall = lab.member.script = Stall()
    client.ask("GET", "/app/")
    stall.wait()
    client.close()
    assert stall.ended.wait(PATIENCE)


def test_max_body_after_a_hand_over(lab: Lab, client: Client) -> None:
    """The limit of the listener holds whoever reads the body."""
    client.ask("POST", "/app/", "Content-Length: 3000000")
    try:
        client.send(MEGABYTE * 3)
    except ConnectionError:
        pass
    got = client.answer("POST")
    assert got.status == 413
    assert lab.member.requests == []
