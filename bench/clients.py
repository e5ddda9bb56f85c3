"""The clients of the WebSocket and memory measurements: many connections in one event loop."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator, Callable
from typing import Generic, TypeVar

from bench import browser
from bench.errors import BenchError
from bench.frames import TEXT, accept_key, masked

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
HANDSHAKE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Key": KEY,
    "Sec-WebSocket-Version": "13",
    "Origin": "http://localhost",
}
ACCEPT = accept_key(KEY.encode("ascii"))
GREETING = b"who is there?"
AT_ONCE = 50
OPEN_SECONDS = 20.0


class Client(asyncio.Protocol):
    """A connection that sends one request and is ``ready`` when it has what it wants; then it stays open."""

    request = b""

    def __init__(self) -> None:
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.transport: asyncio.Transport | None = None
        self.open = False
        self._seen = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask at once."""
        assert isinstance(transport, asyncio.Transport)
        self.transport, self.open = transport, True
        transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        """Collect until the answer is whole."""
        self._seen += data
        try:
            if not self.ready.done() and self.complete():
                self.ready.set_result(None)
        except BenchError as error:
            self.ready.set_exception(error)

    def complete(self) -> bool:
        """Whether ``_seen`` holds all that is wanted; BenchError if it holds something else."""
        raise NotImplementedError

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody but us should end it."""
        self.open = False
        if not self.ready.done():
            error = BenchError(f"the connection was closed ({exc!r}) after {self._seen[:200]!r}")
            self.ready.set_exception(error)
            self.ready.exception()  # taken note of, in case that nobody waits any more


class KeptClient(Client):
    """One GET on a kept connection."""

    def __init__(self, path: str, cookie: str, body: bytes) -> None:
        super().__init__()
        self.request = browser.request("GET", path, cookie)
        self._body = body

    def complete(self) -> bool:
        """Whether a 200 with our body has come."""
        if len(self._seen) > 12 and not self._seen.startswith(b"HTTP/1.1 200"):
            raise BenchError(f"answered {self._seen[:200]!r}")
        return self._seen.endswith(b"\r\n\r\n" + self._body)


class Tally:
    """What all WebSocket clients together have received; delays in seconds, from the member's write to our read."""

    def __init__(self) -> None:
        self.bytes = 0
        self.delays: list[float] = []

    def clear(self) -> None:
        """Start counting from here."""
        self.bytes = 0
        self.delays.clear()


class PushClient(Client):
    """A WebSocket: learns its member's name, has one message echoed, then counts what is pushed.

    :param size: bytes of a pushed message's frame, its head included.
    """

    def __init__(self, path: str, cookie: str, size: int, tally: Tally) -> None:
        super().__init__()
        self.request = browser.request("GET", path, cookie, HANDSHAKE)
        self.member = ""
        self._size = size
        self._tally = tally
        self._clock = asyncio.get_running_loop().time

    def data_received(self, data: bytes) -> None:
        """Count, or go on opening. A read that is one whole message also tells how long it took."""
        if not self.ready.done():
            super().data_received(data)
            return
        self._tally.bytes += len(data)
        if len(data) == self._size:
            (sent,) = struct.unpack_from("!d", data, 4)
            self._tally.delays.append(self._clock() - sent)

    def complete(self) -> bool:
        """Whether the handshake is done, the member has named itself and our greeting has come back."""
        head, end, rest = self._seen.partition(b"\r\n\r\n")
        if not end:
            return False
        if not head.startswith(b"HTTP/1.1 101") or ACCEPT not in head:
            raise BenchError(f"the WebSocket handshake was answered {self._seen[:200]!r}")
        messages: list[bytes] = []
        while len(rest) >= 2 and len(rest) >= 2 + rest[1] and len(messages) < 2:
            if rest[0] != 0x80 | TEXT:
                raise BenchError(f"a WebSocket brought {rest[:20]!r} where a text message was due")
            messages.append(rest[2 : 2 + rest[1]])
            rest = rest[2 + rest[1] :]
        if messages and not self.member:
            self.member = messages[0].decode("ascii")
            assert self.transport is not None
            self.transport.write(masked(TEXT, GREETING))
        if len(messages) == 2 and messages[1] != GREETING:
            raise BenchError(f"a WebSocket's echo came back as {messages[1]!r}")
        return len(messages) == 2


ClientT = TypeVar("ClientT", bound=Client)


class Crowd(Generic[ClientT]):
    """Many open connections of one kind to one port."""

    def __init__(self, port: int, make: Callable[[], ClientT]) -> None:
        self.clients: list[ClientT] = []
        self._port = port
        self._make = make
        self._gate = asyncio.Semaphore(AT_ONCE)

    async def grow(self, count: int) -> None:
        """Open so many more; return when all of them are ready. BenchError if one cannot."""
        await asyncio.gather(*(self._join() for _ in range(count)))

    async def _join(self) -> None:
        async with self._gate:
            loop = asyncio.get_running_loop()
            try:
                async with asyncio.timeout(OPEN_SECONDS):
                    _, client = await loop.create_connection(self._make, "127.0.0.1", self._port)
                    self.clients.append(client)
                    await client.ready
            except TimeoutError:
                raise BenchError(f"connection {len(self.clients)} was not served within {OPEN_SECONDS:.0f} s")
            except OSError as error:
                raise BenchError(f"connection {len(self.clients) + 1} could not be made: {error}")

    def check_open(self) -> None:
        """BenchError if somebody has closed one of them."""
        closed = sum(not client.open for client in self.clients)
        if closed:
            raise BenchError(f"{closed:,} of {len(self.clients):,} connections were closed")

    def leave(self) -> None:
        """Drop every connection."""
        for client in self.clients:
            if client.transport is not None:
                client.transport.abort()


@contextlib.asynccontextmanager
async def crowd(port: int, make: Callable[[], ClientT]) -> AsyncIterator[Crowd[ClientT]]:
    """A crowd, still empty, which leaves at the end."""
    clients = Crowd(port, make)
    try:
        yield clients
    finally:
        clients.leave()
