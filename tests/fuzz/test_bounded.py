"""What never ends is cut, paused or forgotten: panolb keeps no more of it than its limits say."""

from __future__ import annotations

import tracemalloc
import zlib
from collections.abc import Callable, Iterator

import pytest

from .answers import ASKED
from .frames import opened, script
from .house import House, Houses
from .network import Line, Mute

MUCH = 4 << 20  # bytes that are sent
LITTLE = 512 << 10  # bytes that may be kept of them; the largest limit is a message of 256 KiB
READ = 64 << 10  # bytes of a read

HEAD = b"POST /app/ HTTP/1.1\r\nHost: x\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\n"
CLIENTS = {
    "request line": (b"GET /", b"a"),
    "empty lines": (b"", b"\r\n"),
    "fields": (HEAD, b"X-A: b\r\n"),
    "field name": (HEAD, b"a"),
    "field value": (HEAD + b"X: ", b"a"),
    "blanks": (HEAD + b"X:", b" "),
    "chunk size": (CHUNKED, b"0"),
    "chunk extensions": (CHUNKED, b"1;a=bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\r\na\r\n"),
    "chunk extension": (CHUNKED + b"1;", b"a"),
    "trailers": (CHUNKED + b"0\r\n", b"X-A: b\r\n"),
    "trailer": (CHUNKED + b"0\r\nX: ", b"a"),
    "requests": (b"", b"GET /app/ HTTP/1.1\r\nHost: x\r\n\r\n"),
    "requests of nobody's": (b"", b"GET /nowhere HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 2000 + b"\r\n\r\n"),
    "body": (CHUNKED, b"400\r\n" + b"a" * 0x400 + b"\r\n"),
    "head for nobody": (b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n", b"a"),
    "body for nobody": (b"POST /nowhere HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", b"1;a\r\na\r\n"),
}  # fmt: skip
MEMBERS = {
    "status line": (b"HTTP/1.1 200 ", b"a"),
    "fields": (OK, b"X-A: b\r\n"),
    "field value": (OK + b"X: ", b"a"),
    "interim answers": (b"", b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\n"),
    "interim fields": (b"HTTP/1.1 103 Early\r\n", b"Link: x\r\n"),
    "chunk extension": (OK + b"Transfer-Encoding: chunked\r\n\r\n1;", b"a"),
    "trailers": (OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X-A: b\r\n"),
    "body": (OK + b"\r\n", b"a"),
    "bytes past the end": (OK + b"Content-Length: 0\r\n\r\n", b"a"),
    "answers": (b"", OK + b"Content-Length: 0\r\n\r\n"),
}

ZEROS = zlib.compressobj(wbits=-15)
BOMB = ZEROS.compress(bytes(64 << 10)) + ZEROS.flush(zlib.Z_FULL_FLUSH)
FRAMES = {
    "a frame without an end": (b"\x82\x7f" + (1 << 40).to_bytes(8, "big"), b"a"),
    "fragments": (b"\x02\x00", b"\x00\x7e\x04\x00" + b"a" * 1024),
    "empty fragments": (b"\x02\x00", b"\x00\x00" * 4 + b"\x00\x7e\x10\x00" + b"a" * 4096),
    "pings": (b"", b"\x89\x01p" * 4 + b"\x82\x7e\x10\x00" + b"a" * 4096),
    "pings within a message": (b"\x01\x01a", b"\x89\x7d" + b"p" * 125 + b"\x00\x7e\x10\x00" + b"a" * 4096),
    "messages": (b"", b"\x82\x7e\x10\x00" + b"a" * 4096),
    "bombs": (b"", b"\xc2\x7e" + len(BOMB).to_bytes(2, "big") + BOMB + b"\x82\x7e\x10\x00" + b"a" * 4096),
    "a bomb in fragments": (b"\x42\x00", b"\x00\x7e" + len(BOMB).to_bytes(2, "big") + BOMB),
    "bytes behind a close frame": (b"\x88\x00", b"a"),
    "bytes behind a broken rule": (b"\x83\x00", b"a"),
}


class Held(Mute):
    """A peer that says nothing, and lets go of what it gets."""

    def heard(self, data: bytes) -> None:
        self.got = data[-1:]


@pytest.fixture(scope="module")
def houses() -> Iterator[Houses]:
    """For all tests of this module."""
    houses = Houses()
    yield houses
    houses.close()


def pour(house: House, line: Line, begin: bytes, more: bytes, much: int = MUCH) -> None:
    """Send ``much``, as long as panolb reads."""
    piece = more * (READ // len(more))
    line.give(begin)
    for _ in range(much // len(piece)):
        if line.over or not line.reading:
            break
        line.give(piece)
        house.network.settle()


def kept(pouring: Callable[[], None]) -> int:
    """How many bytes are allocated at the end of it that were not before."""
    tracemalloc.start()
    try:
        pouring()
        return tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("what", CLIENTS)
def test_clients(houses: Houses, what: str) -> None:
    """A client that never comes to an end, of a head, a chunk or its requests, with a member that never answers."""
    with houses.one() as house, house.visit(Held):
        line = house.client(Held())
        assert kept(lambda: pour(house, line, *CLIENTS[what])) < LITTLE


@pytest.mark.parametrize("what", MEMBERS)
def test_members(houses: Houses, what: str) -> None:
    """A member that never comes to an end."""
    lines: list[Line] = []
    with houses.one() as house, house.visit(Held):
        house.network.reached = lambda line, peer: lines.append(line)
        house.client(Held()).give(ASKED[b"GET"])
        house.network.settle()
        assert kept(lambda: pour(house, lines[0], *MEMBERS[what])) < LITTLE


@pytest.mark.parametrize("lane", [b"member splice", b"member messages deflate"], ids=["splice", "messages"])
@pytest.mark.parametrize("what", FRAMES)
def test_frames(houses: Houses, what: str, lane: bytes) -> None:
    """A WebSocket's side that never comes to an end, while the other one takes little at a time."""
    begin, more = FRAMES[what]
    with (
        houses.one() as house,
        opened(house, script(lane), Held(), Held(), narrow=True) as (line, _),
    ):
        assert kept(lambda: pour(house, line, begin, more, MUCH // 4)) < LITTLE


def test_answers_that_nobody_takes(houses: Houses) -> None:
    """What panolb answers without a member waits until the client has taken the answers before."""
    request = b"GET /refused HTTP/1.1\r\nHost: x\r\n\r\n"
    many = 2 * READ // len(request)
    with houses.one() as house, house.visit(Mute, narrow=True):
        client = Mute()
        line = house.client(client)
        line.hold()
        for _ in range(2):
            line.give(request * (many // 2))
        house.network.settle()
        assert line.waiting < 2048
        assert not line.reading
        line.let_go()
        house.network.settle()
        assert client.got.count(b"HTTP/1.1 403 ") == many // 2 * 2
