"""The members of the WebSocket and memory measurements: they run in the benchmark's own event loop.

Three kinds of work: a small GET, a stream of bytes either way, and a WebSocket that pushes messages.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import socket
import struct
import zlib
from collections.abc import AsyncIterator, Callable
from urllib.parse import parse_qs

from bench.frames import BINARY, TEXT, accept_key, frame, unmasked

SMALL = b"hello from the member\n"
CHUNK = bytes(range(250)) * 400  # 100,000 bytes
BACKLOG = 4096


class Throttle:
    """Slows a reader down to so many bytes a second; 0 is no limit."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._due = asyncio.get_running_loop().time()

    async def took(self, size: int) -> None:
        """Wait until ``size`` bytes more may have been read."""
        if self._rate:
            self._due += size / self._rate
            await asyncio.sleep(max(0.0, self._due - asyncio.get_running_loop().time()))


class Pusher:
    """Pushes ``rate`` binary messages of ``size`` bytes a second, each beginning with the time it was sent at."""

    def __init__(self, transport: asyncio.WriteTransport, rate: float, size: int) -> None:
        self._transport = transport
        self._gap = 1 / rate
        self._rest = bytes(size - 8)
        self._loop = asyncio.get_running_loop()
        self._due = self._loop.time() + random.random() * self._gap
        self._timer = self._loop.call_at(self._due, self._push)

    def _push(self) -> None:
        self._transport.write(frame(BINARY, struct.pack("!d", self._loop.time()) + self._rest))
        self._due += self._gap
        self._timer = self._loop.call_at(self._due, self._push)

    def stop(self) -> None:
        """No more messages."""
        self._timer.cancel()


class Conversation:
    """One connection from a proxy: any number of requests, or a WebSocket."""

    def __init__(self, name: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._name = name
        self._reader = reader
        self._writer = writer

    async def run(self) -> None:
        """Answer until the proxy leaves."""
        try:
            while True:
                await self._exchange(await self._reader.readuntil(b"\r\n\r\n"))
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._writer.close()

    async def _exchange(self, head: bytes) -> None:
        path, _, text = head.split(b" ", 2)[1].decode("ascii").partition("?")
        query = {name: values[0] for name, values in parse_qs(text).items()}
        if path.endswith("/ws"):
            await self._websocket(head, float(query["rate"]), int(query["size"]))
        elif path.endswith("/download"):
            await self._download(int(query["bytes"]))
        elif path.endswith("/upload"):
            await self._upload(head, float(query["rate"]))
        else:
            self._answer(SMALL)
        await self._writer.drain()

    def _answer(self, body: bytes, size: int | None = None) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-Member: %b\r\nContent-Length: %d\r\n\r\n"
        self._writer.write(head % (self._name, len(body) if size is None else size) + body)

    async def _download(self, size: int) -> None:
        self._answer(b"", size)
        for _ in range(size // len(CHUNK)):
            self._writer.write(CHUNK)
            await self._writer.drain()

    async def _upload(self, head: bytes, rate: float) -> None:
        found = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        assert found is not None, "the proxy dropped Content-Length"
        left, check, throttle = int(found[1]), 0, Throttle(rate)
        while left:
            data = await self._reader.read(min(left, len(CHUNK)))
            if not data:
                return
            left -= len(data)
            check = zlib.crc32(data, check)
            await throttle.took(len(data))
        self._answer(b"%s %d" % (found[1], check))

    async def _websocket(self, head: bytes, rate: float, size: int) -> None:
        """Say who we are, echo the client's first message, then push until the connection ends."""
        found = re.search(rb"(?i)\r\nsec-websocket-key: *(\S+)", head)
        assert found is not None, "the proxy dropped Sec-WebSocket-Key"
        self._writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept_key(found[1]) + b"\r\n\r\n" + frame(TEXT, self._name)
        )
        first = await self._reader.readexactly(2)
        mask = await self._reader.readexactly(4)
        payload = await self._reader.readexactly(first[1] & 0x7F)
        self._writer.write(frame(TEXT, unmasked(mask, payload)))
        pusher = Pusher(self._writer.transport, rate, size) if rate else None
        try:
            while await self._reader.read(65536):
                pass
        finally:
            if pusher:
                pusher.stop()
        raise ConnectionError("the WebSocket has ended")


class Members:
    """Two members, which listen before the proxy is started and answer while ``serving`` lasts."""

    def __init__(self) -> None:
        self._sockets = [socket.create_server(("127.0.0.1", 0), backlog=BACKLOG) for _ in range(2)]
        self.ports: tuple[int, int] = (self._sockets[0].getsockname()[1], self._sockets[1].getsockname()[1])

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Answer on both ports, as members ``1`` and ``2``; the sockets are closed at the end."""
        tasks: set[asyncio.Task[None]] = set()

        def answer_as(name: bytes) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]:
            def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                task = asyncio.create_task(Conversation(name, reader, writer).run())
                tasks.add(task)
                task.add_done_callback(tasks.discard)

            return connected

        servers = [
            await asyncio.start_server(answer_as(b"%d" % number), sock=listening, backlog=BACKLOG)
            for number, listening in enumerate(self._sockets, 1)
        ]
        try:
            yield
        finally:
            for server in servers:
                server.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
