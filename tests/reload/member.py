"""``python -m tests.reload.member PORT ROUTE``: a member in a process of its own, fast enough for many users."""

from __future__ import annotations

import asyncio
import re
import sys
import zlib
from urllib.parse import parse_qs, urlsplit

from tests.harness.waiting import ADDRESS
from tests.reload.frames import read_frame
from tests.websocket.peer import CLOSE, PING, PONG, TEXT, Frame, accept_for

LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
KEY = re.compile(rb"(?i)\r\nsec-websocket-key: *(\S+)")
TICK = 1.0
"""Seconds between two messages that the member sends of its own accord."""


class Application:
    """``/small``, ``/slow``, ``/upload`` and ``/live`` of a member.

    :param route: is told in ``X-Member``.
    """

    def __init__(self, route: str) -> None:
        self._route = route.encode()
        self._live: set[asyncio.StreamWriter] = set()

    async def serve(self, port: int) -> None:
        """Serve until killed."""
        server = await asyncio.start_server(self._connected, ADDRESS, port, backlog=4096)
        async with server:
            while True:
                await asyncio.sleep(TICK)
                for writer in self._live:
                    writer.write(Frame(TEXT, b"tick").encode(mask=False))

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                target = urlsplit(head.split(b" ", 2)[1].decode())
                asked = {key: int(values[0]) for key, values in parse_qs(target.query).items()}
                length = LENGTH.search(head)
                body = await reader.readexactly(int(length[1])) if length else b""
                if target.path.endswith("/live"):
                    await self._talk(head, reader, writer)
                    return
                if target.path.endswith("/slow"):
                    await asyncio.sleep(asked["ms"] / 1000)
                number = asked.get("n", 0)
                said = b"%d" % (zlib.crc32(body, number) if body else number)
                answer = b"HTTP/1.1 200 OK\r\nX-Member: %b\r\nContent-Length: %d\r\n\r\n%b"
                writer.write(answer % (self._route, len(said), said))
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _talk(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Echo a WebSocket's messages until it closes; ticks come in between."""
        (key,) = KEY.findall(head)
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"X-Member: %b\r\nSec-WebSocket-Accept: %b\r\n\r\n"
            % (self._route, accept_for(key.decode()).encode())
        )
        self._live.add(writer)
        try:
            while (frame := await read_frame(reader)).opcode != CLOSE:
                if frame.opcode != PONG:
                    opcode = PONG if frame.opcode == PING else frame.opcode
                    writer.write(Frame(opcode, frame.payload).encode(mask=False))
            writer.write(Frame(CLOSE, frame.payload).encode(mask=False))
        finally:
            self._live.discard(writer)


if __name__ == "__main__":
    asyncio.run(Application(sys.argv[2]).serve(int(sys.argv[1])))
