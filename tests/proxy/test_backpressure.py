"""Back-pressure: who reads slowly slows down who writes, and nothing piles up in between."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from tests.harness.client import Client
from tests.harness.scripts import answer
from tests.harness.talk import Request, Talk
from tests.harness.waiting import PATIENCE, steady, until
from tests.proxy.lab import Lab, running

MIB = 1 << 20
MUCH = 200 * 1000 * 1000
GROWTH = 16 * MIB
IN_KERNEL = 48 * MIB
"""More than all socket buffers between a writer and a reader that has stopped."""

FILES = """
[[location]]
path = "/files"
files = "{directory}"
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One member that has little time, and files, so that twisted.web can be given a connection."""
    directory = tmp_path_factory.mktemp("files")
    (directory / "a.txt").write_text("a file")
    with running(
        tmp_path_factory.mktemp("lab"),
        balancer='response_timeout = "5s"',
        listener='body_timeout = "5s"',
        more=FILES.format(directory=directory),
    ) as lab:
        yield lab


class Meter:
    """Counts bytes."""

    def __init__(self) -> None:
        self.sent = 0
        self.received = 0


def pour(send: Callable[[bytes], None], size: int, meter: Meter) -> None:
    """Send ``size`` bytes and count what was taken."""
    piece = bytes(256 * 1024)
    while meter.sent < size:
        part = piece[: size - meter.sent]
        send(part)
        meter.sent += len(part)


def drain(client: Client, size: int, meter: Meter) -> None:
    """Read ``size`` bytes of a body that was begun."""
    while meter.received < size:
        data = client.socket.recv(MIB)
        assert data, f"the connection ended after {meter.received} bytes"
        meter.received += len(data)


def test_both_ways_at_once(lab: Lab) -> None:
    """200 MB up and 200 MB down at the same time: whoever stops reading stops its writer, and the process stays small."""
    down, up = Meter(), Meter()
    read_on = threading.Event()

    def script(talk: Talk, request: Request) -> None:
        if request.method == "GET":
            talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % MUCH)
            pour(talk.send, MUCH, down)
            request.whole = True
        else:
            assert read_on.wait(PATIENCE)
            while up.received < MUCH:
                up.received += len(talk.read_some())
            request.whole = True
            answer(b"%d" % up.received)(talk, request)

    lab.get("/app/")  # whatever is made once is made
    lab.member.script = script
    before = lab.panolb.rss()
    with lab.client() as downloader, lab.client() as uploader:
        downloader.ask("GET", "/app/")
        uploader.ask("POST", "/app/", f"Content-Length: {MUCH}")
        sender = threading.Thread(target=pour, args=(uploader.send, MUCH, up), daemon=True)
        sender.start()
        assert steady(lambda: down.sent, "the member to be stopped") < IN_KERNEL
        assert steady(lambda: up.sent, "the client to be stopped") < IN_KERNEL
        assert lab.panolb.rss() - before < GROWTH

        read_on.set()
        head = downloader.head()
        assert head.one("Content-Length") == str(MUCH)
        assert downloader._reader is not None
        down.received = len(downloader._reader.trailing_data[0])
        reader = threading.Thread(target=drain, args=(downloader, MUCH, down), daemon=True)
        reader.start()
        most = 0
        while reader.is_alive() or sender.is_alive():
            most = max(most, lab.panolb.rss())
            time.sleep(0.01)
        assert (down.received, up.sent) == (MUCH, MUCH)
        assert uploader.answer("POST").body == b"%d" % MUCH
        assert most - before < GROWTH


def test_a_slow_reader_gets_everything(lab: Lab) -> None:
    """What was held back arrives whole and in order, however long it took."""
    body = b"".join(b"%07d\n" % number for number in range(MIB))
    lab.member.script = answer(body)
    with lab.client(receive_buffer=16384) as client:
        client.ask("GET", "/app/")
        digest = hashlib.sha256()
        assert client.head().status == 200
        for turn in range(MIB * 2):
            piece = client.piece()
            if piece is None:
                break
            digest.update(piece)
            if turn % 64 == 0:
                time.sleep(0.01)
        assert digest.digest() == hashlib.sha256(body).digest()


@pytest.mark.parametrize("handed_over", [False, True], ids=["ours", "after twisted.web"])
def test_a_connection_is_well_after_a_slow_reader(lab: Lab, handed_over: bool) -> None:
    """A member's connection that was paused for a slow reader is not paused for the next one."""
    size = 6 * MIB
    lab.member.script = answer(b"y" * size)
    for _ in range(3):
        with lab.client(receive_buffer=16384) as client:
            if handed_over:
                assert client.get("/files/a.txt").status == 200
            client.ask("GET", "/app/")
            assert client.head().status == 200
            time.sleep(0.3)
            read = 0
            while (piece := client.piece()) is not None:
                read += len(piece)
            assert read == size
        with lab.client() as client:
            assert len(client.get("/app/").body) == size
    assert lab.member.accepted == 1


def test_a_paused_connection_in_the_pool(lab: Lab) -> None:
    """The answer is complete at the member's side while its reader still reads: others can use the connection."""
    size = 6 * MIB
    lab.member.script = lambda talk, request: answer(
        b"y" * size if request.target == "/app/large" else b"small"
    )(talk, request)
    with lab.client(receive_buffer=16384) as slow, lab.client() as quick:
        slow.ask("GET", "/app/large")
        assert slow.head().status == 200
        until(lambda: lab.member.requests, "the request")
        for _ in range(40):
            slow.piece()
            assert quick.get("/app/").body == b"small"
        while slow.piece() is not None:
            pass
        for _ in range(3):
            assert quick.get("/app/").body == b"small"


@pytest.mark.parametrize("size", [20_000, MIB])
def test_a_reader_that_never_reads(lab: Lab, size: int) -> None:
    """Pipelined requests of a client that reads no answer do not pile up, and stand in nobody's way."""
    lab.member.script = answer(b"y" * size)
    before = lab.panolb.rss()
    with lab.client(receive_buffer=16384) as client:
        request = b"GET /app/ HTTP/1.1\r\nHost: a\r\n\r\n"
        client.socket.settimeout(0.5)
        try:
            for _ in range(20000):
                client.send(request * 100)
        except TimeoutError:
            pass
        asked = steady(lambda: len(lab.member.requests), "the member to be left alone")
        assert asked * size < IN_KERNEL
        assert lab.panolb.rss() - before < GROWTH
        for _ in range(4):
            assert len(lab.get("/app/").body) == size


def test_an_upload_whose_member_pauses(lab: Lab) -> None:
    """A member that is slow to read is not the client's fault: no limit of the client's runs while it waits."""
    size = 30 * MIB

    def script(talk: Talk, request: Request) -> None:
        time.sleep(1)
        talk.read_body(request)
        answer(b"%d" % len(request.body))(talk, request)

    lab.member.script = script
    with lab.client() as client:
        client.ask("POST", "/app/", f"Content-Length: {size}")
        pour(client.send, size, Meter())
        assert client.answer("POST").body == b"%d" % size
