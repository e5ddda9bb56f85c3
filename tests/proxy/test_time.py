"""How long a client can hold its connection, whatever it does: on a network in memory, whose time is moved."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat

import pytest

from panolb.proxy.wire import DirectWire, Wire
from tests.fuzz.house import House
from tests.fuzz.network import Mute

POST = b"POST /app/ HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n"
GET = b"GET /app/ HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """Heads, bodies and idle connections have 5 s, a body 500 bytes a second; its member never answers."""
    house = House()
    yield house
    house.close()


def held(house: House, first: bytes, drip: bytes, every: float, most: float = 200.0) -> tuple[float, bytes]:
    """How many seconds a client holds its connection that sends ``drip`` again and again, and what it gets."""
    with house.visit(Mute):
        client = Mute()
        line = house.client(client)
        line.give(first)
        house.network.settle()
        passed = 0.0
        while not line.over and passed < most:
            for _ in repeat(None, round(every / 0.25)):
                house.network.settle(0.25)
            passed += every
            line.give(drip)
            house.network.settle()
    return passed, client.got


def test_a_head_that_drips(house: House) -> None:
    """It has header_timeout, however steadily it comes."""
    seconds, got = held(house, b"GET /app/ HTTP/1.1\r\n", b"X", 1.0)
    assert got.startswith(b"HTTP/1.1 408 ")
    assert 5 <= seconds <= 7


def test_empty_lines_that_drip(house: House) -> None:
    """They are no progress of anything."""
    for first in (b"\r\n", b"\r"):
        seconds, _ = held(house, first, b"\r\n" if first == b"\r\n" else b"\n\r", 2.0)
        assert seconds <= 8


def test_a_head_after_an_empty_line(house: House) -> None:
    """The time of a head does not begin anew with each empty line."""
    _, got = held(house, b"\r\nGET /app/ HTTP/1.1\r\n", b"X", 1.0)
    assert got.startswith(b"HTTP/1.1 408 ")


def test_after_a_refusal(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever goes on sending to a connection that says no more is cut after half a minute."""
    monkeypatch.setattr(Wire, "half_close", DirectWire.half_close)  # these connections can do it too
    seconds, got = held(house, b"nonsense\r\n\r\n", b"x" * 10000, 1.0)
    assert got.startswith(b"HTTP/1.1 400 ")
    assert 30 <= seconds <= 32


@pytest.mark.parametrize(("piece", "seconds"), [(b"x", 5), (b"x" * 250, 10), (b"x" * 450, 50)])
def test_a_body_that_drips(house: House, piece: bytes, seconds: float) -> None:
    """Below body_rate the time runs out, the later the nearer it is to that."""
    passed, got = held(house, POST, piece, 1.0)
    assert got.startswith(b"HTTP/1.1 408 ")
    assert seconds * 0.8 <= passed <= seconds * 1.1 + 2


def test_a_body_at_the_rate(house: House) -> None:
    """At body_rate it may take as long as it likes."""
    passed, got = held(house, POST, b"x" * 500, 1.0, most=100.0)
    assert (passed, got) == (100.0, b"")


def test_silence(house: House) -> None:
    """A connection without a request is closed without a word, and cut when the client does not close either."""
    seconds, got = held(house, b"", b"", 1.0)
    assert got == b""
    assert seconds <= 7
