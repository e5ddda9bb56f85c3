"""Many WebSockets at once."""

from __future__ import annotations

import asyncio

from websockets.asyncio.client import connect

from tests.harness.waiting import ADDRESS, PATIENCE, until
from tests.websocket.lab import LANES, Lab
from tests.websocket.peer import BINARY

pytestmark = LANES
MANY = 200


async def _talk(lab: Lab, number: int, all_open: asyncio.Barrier) -> int:
    """Open, wait until everybody is there, exchange messages, close."""
    path = "/plain" if number % 2 else "/deflate"
    uri = f"ws://{ADDRESS}:{lab.port}{lab.at(path)}?{number}"
    async with connect(uri, proxy=None, open_timeout=PATIENCE * 3, ping_interval=None) as connection:
        await all_open.wait()
        for turn in range(5):
            message = f"{number}/{turn} " * (1 + number)
            await connection.send(message)
            assert await connection.recv() == message
    return connection.close_code or 0


async def _all(lab: Lab) -> list[int]:
    barrier = asyncio.Barrier(MANY)
    async with asyncio.timeout(PATIENCE * 4):
        return await asyncio.gather(*(_talk(lab, number, barrier) for number in range(MANY)))


def test_two_hundred_at_once(lab: Lab) -> None:
    """Two hundred WebSockets are open together, each hears its own echo, and afterwards nobody is busy."""
    assert asyncio.run(_all(lab)) == [1000] * MANY
    until(lambda: lab.busy() == 0, "all WebSockets to be over")
    status = lab.status()
    elected = [status[name]["elected"] for name in status if name.startswith(("plain", "deflate"))]
    assert sum(elected) >= MANY


def test_access_log_has_two_lines_for_each(lab: Lab) -> None:
    """One line tells of the 101, and one, when the WebSocket is over, the bytes from the member and who ended it.

    In the splice they are bytes of frames, else of messages.
    """
    path = lab.at("/raw/logged")
    file = lab.panolb.directory / "access.log"
    pair = lab.open("/raw/logged")
    pair.member.send(BINARY, b"x" * 1234)
    assert pair.browser.frame().payload == b"x" * 1234
    pair.browser.close_frame(1000)
    assert pair.member.closed() == (1000, "")
    pair.member.close_frame(1000)
    pair.member.socket.close()
    size = 4 + 1234 if lab.lane == "splice" else 1234
    ended = f'"GET {path} HTTP/1.1" 101 {size} raw/r new - closed-by-client:1000 '
    until(lambda: ended in file.read_text(), "the line of the end")
    assert f'"GET {path} HTTP/1.1" 101 - raw/r new - opened ' in file.read_text()
    assert file.read_text().count(f'"GET {path} ') == 2


def test_busy_counts_open_websockets(lab: Lab) -> None:
    """A member's ``busy`` is the number of its open WebSockets, and goes back to nothing."""
    pairs = [lab.open() for _ in range(5)]
    assert lab.status()["raw/r"]["busy"] == 5
    for pair in pairs[:3]:
        pair.browser.close_frame(1000)
        assert pair.member.closed() == (1000, "")
        pair.member.close_frame(1000)
        pair.member.socket.close()
    until(lambda: lab.status()["raw/r"]["busy"] == 2, "three to be over")
