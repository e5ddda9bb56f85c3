"""Many WebSockets at once."""

from __future__ import annotations

import asyncio

from websockets.asyncio.client import connect

from tests.harness.waiting import ADDRESS, PATIENCE, until
from tests.websocket.lab import Lab
from tests.websocket.peer import BINARY

MANY = 200


async def _talk(port: int, number: int, all_open: asyncio.Barrier) -> int:
    """Open, wait until everybody is there, exchange messages, close."""
    path = "/plain" if number % 2 else "/deflate"
    uri = f"ws://{ADDRESS}:{port}{path}?{number}"
    async with connect(uri, proxy=None, open_timeout=PATIENCE * 3, ping_interval=None) as connection:
        await all_open.wait()
        for turn in range(5):
            message = f"{number}/{turn} " * (1 + number)
            await connection.send(message)
            assert await connection.recv() == message
    return connection.close_code or 0


async def _all(port: int) -> list[int]:
    barrier = asyncio.Barrier(MANY)
    async with asyncio.timeout(PATIENCE * 4):
        return await asyncio.gather(*(_talk(port, number, barrier) for number in range(MANY)))


def test_two_hundred_at_once(lab: Lab) -> None:
    """Two hundred WebSockets are open together, each hears its own echo, and afterwards nobody is busy."""
    assert asyncio.run(_all(lab.port)) == [1000] * MANY
    until(lambda: lab.busy() == 0, "all WebSockets to be over")
    status = lab.status()
    elected = [status[name]["elected"] for name in status if name.startswith(("plain", "deflate"))]
    assert sum(elected) >= MANY


def test_access_log_has_a_line_for_each(lab: Lab) -> None:
    """When a WebSocket is over, its line tells the 101, the bytes that the member sent, the member and who ended it."""
    pair = lab.open("/raw/logged")
    pair.member.send(BINARY, b"x" * 1234)
    assert pair.browser.frame().payload == b"x" * 1234
    pair.browser.close_frame(1000)
    assert pair.member.closed() == (1000, "")
    pair.member.close_frame(1000)
    pair.member.socket.close()
    file = lab.panolb.directory / "access.log"
    until(lambda: "/raw/logged" in file.read_text(), "the line")
    (line,) = [line for line in file.read_text().splitlines() if "/raw/logged" in line]
    assert '"GET /raw/logged HTTP/1.1" 101 1234 raw/r new - closed-by-client ' in line


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
