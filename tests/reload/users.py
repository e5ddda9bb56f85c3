"""Users: visitors send requests, viewers hold WebSockets; all of them in one event loop, in a thread of its own."""

from __future__ import annotations

import asyncio
import re
import threading
import time
import zlib
from array import array
from collections import Counter
from collections.abc import Collection, Coroutine
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.harness.waiting import ADDRESS
from tests.reload.frames import masked, read_frame
from tests.websocket.peer import CLOSE, PING, PONG, TEXT

SMALL, SLOW, UPLOAD = "small GET", "slow GET", "upload"
KINDS = {SMALL: 90, SLOW: 4, UPLOAD: 6}
"""How often a visitor does what."""
SLOWEST = 600  # milliseconds that a slow answer takes, at most
PATIENCE = 30.0  # seconds after which a request without an answer is lost
KEPT = (20, 400)  # requests on one connection
ALONE = 0.2  # the share of visitors that open a connection for each request
NEW_USER = 0.01  # chance that after a request somebody else comes
TALKS = 1.0  # seconds between two messages of a viewer
RESTLESS = 0.3  # the share of viewers who leave from time to time and come again as somebody else
STAYS = (2.0, 8.0)  # seconds until they leave
ATTEMPTS = 50  # handshakes under way at the same time
LEFT = 1000  # the close code of a viewer who leaves
RELEASED = 1012  # the close code that tells a page to connect again

STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})")
MEMBER = re.compile(rb"(?i)\r\nx-member: *(\S+)")
LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
CLOSES = re.compile(rb"(?i)\r\nconnection: *close")


@dataclass(frozen=True)
class Failure:
    """What must not happen.

    :ivar number: in the target of the request.
    :ivar how: in words.
    :ivar route: the member that the user was bound to; empty for none.
    :ivar at: clock reading.
    """

    number: int
    kind: str
    how: str
    route: str
    at: float


@dataclass
class Seen:
    """What the users have seen.

    :ivar done: requests by kind; ``times``: what each took in seconds, if its member answers at once.
    :ivar connections: how many the visitors have opened.
    :ivar moved: users who came to another member than before.
    :ivar ended: WebSockets by member and close code.
    :ivar opened: WebSockets by member.
    :ivar echoes: messages that came back; ``ticks``: those that members sent of their own accord.
    """

    done: Counter[str] = field(default_factory=Counter)
    times: array[float] = field(default_factory=lambda: array("d"))
    connections: int = 0
    moved: int = 0
    failures: list[Failure] = field(default_factory=list)
    opened: Counter[str] = field(default_factory=Counter)
    ended: Counter[tuple[str, int]] = field(default_factory=Counter)
    echoes: int = 0
    ticks: int = 0


class Lost(Exception):
    """A request was not answered as it must be; the text says how."""


class Users:
    """All of them.

    :param port: panolb's.
    :param staying: the routes of members that stay all the time: their users must never notice anything.
    :ivar open: how many WebSockets are open.
    """

    def __init__(self, port: int, staying: Collection[str]) -> None:
        self.port = port
        self.staying = frozenset(staying)
        self.seen = Seen()
        self.open = 0
        self.over = False
        self._numbers = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._going: list[Any] = []

    def begin(self, visitors: int, rate: float, viewers: int) -> None:
        """Let them come.

        :param rate: requests a second that all visitors together aim at.
        """
        self._thread.start()
        attempts = asyncio.Semaphore(ATTEMPTS)
        for seed in range(viewers):
            self._go(Viewer(self, seed, attempts).run())
        for seed in range(visitors):
            self._go(Visitor(self, viewers + seed, visitors / rate).run())

    def _go(self, coroutine: Coroutine[Any, Any, None]) -> None:
        self._going.append(asyncio.run_coroutine_threadsafe(coroutine, self._loop))

    def end(self) -> None:
        """Let all of them go: requests under way finish, WebSockets are closed by their viewers.

        :raises AssertionError: when one's own code has failed.
        """
        self.over = True
        for one in self._going:
            one.result(2 * PATIENCE)
        self.close()

    def close(self) -> None:
        """Nothing is left running."""
        if self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(_cancel_all(), self._loop).result(PATIENCE)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        self._loop.close()

    @property
    def opened(self) -> int:
        """How many WebSockets have been opened so far."""
        return self.seen.opened.total()

    def number(self) -> int:
        """For the next request's target."""
        self._numbers += 1
        return self._numbers

    def fail(self, number: int, kind: str, how: str, route: str) -> None:
        """Note what must not be."""
        self.seen.failures.append(Failure(number, kind, how, route, time.monotonic()))


async def _cancel_all() -> None:
    """Of the loop that this runs in."""
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


class User:
    """Somebody with a cookie.

    :ivar route: the member that he is bound to; empty for none.
    """

    def __init__(self, users: Users, seed: int) -> None:
        self.users = users
        self.chance = Random(seed)
        self.route = ""

    @property
    def cookie(self) -> str:
        return f"Cookie: ROUTEID=.{self.route}\r\n" if self.route else ""

    def served(self, head: bytes, number: int, kind: str) -> None:
        """Note who has answered; that must be the user's own member, as long as it is there."""
        found = MEMBER.search(head)
        by = found[1].decode() if found else ""
        if self.route and by != self.route:
            self.users.seen.moved += 1
            if self.route in self.users.staying:
                self.users.fail(number, kind, f"moved to member {by}, although its own stays", self.route)
        self.route = by


class Visitor(User):
    """Sends one request after the other.

    :param every: seconds from one to the next.
    """

    def __init__(self, users: Users, seed: int, every: float) -> None:
        super().__init__(users, seed)
        self._every = every
        self._alone = self.chance.random() < ALONE
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._left = 0

    async def run(self) -> None:
        """Until all is over."""
        loop = asyncio.get_running_loop()
        due = loop.time() + self.chance.random() * self._every
        while not self.users.over:
            await asyncio.sleep(max(0.0, due - loop.time()))
            due = max(due + self._every, loop.time())  # what is late stays away
            await self._visit()
        self._leave()

    async def _visit(self) -> None:
        (kind,) = self.chance.choices(list(KINDS), list(KINDS.values()))
        number, began = self.users.number(), time.monotonic()
        fresh = self._streams is None
        try:
            async with asyncio.timeout(PATIENCE):
                head = await self._ask(kind, number)
            self.served(head, number, kind)
            if kind == SMALL:
                self.users.seen.times.append(time.monotonic() - began)
            self._left -= 1
            if not self._left or CLOSES.search(head):
                self._leave()
        except (Lost, OSError, asyncio.IncompleteReadError) as error:
            on = "a new connection" if fresh else "a kept connection"
            self.users.fail(number, kind, f"{_how(error)}, on {on}", self.route)
            self._leave()
        self.users.seen.done[kind] += 1
        if self.chance.random() < NEW_USER:
            self.route = ""

    async def _ask(self, kind: str, number: int) -> bytes:
        """Send a request and read its answer; returns the head of it."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(ADDRESS, self.users.port)
            self._left = 1 if self._alone else self.chance.randint(*KEPT)
            self.users.seen.connections += 1
        reader, writer = self._streams
        writer.write(self._request(kind, number))
        head = await reader.readuntil(b"\r\n\r\n")
        status, length = STATUS.match(head), LENGTH.search(head)
        body = await reader.readexactly(int(length[1])) if length else b""
        if status is None or status[1] != b"200":
            raise Lost(f"status {status[1].decode() if status else 'none'}")
        if int(body) != (zlib.crc32(_body(number), number) if kind == UPLOAD else number):
            raise Lost("the answer to another request")
        return head

    def _request(self, kind: str, number: int) -> bytes:
        fields = f"Host: panolb.test\r\n{self.cookie}"
        if kind == UPLOAD:
            body = _body(number)
            head = f"POST /app/upload?n={number} HTTP/1.1\r\n{fields}Content-Length: {len(body)}\r\n\r\n"
            return head.encode() + body
        what = f"slow?ms={self.chance.randint(1, SLOWEST)}&" if kind == SLOW else "small?"
        return f"GET /app/{what}n={number} HTTP/1.1\r\n{fields}\r\n".encode()

    def _leave(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


class Viewer(User):
    """Holds a WebSocket, sends messages and has them echoed; comes again when he is told to.

    :param attempts: how many handshakes may be under way.
    """

    def __init__(self, users: Users, seed: int, attempts: asyncio.Semaphore) -> None:
        super().__init__(users, seed)
        self._attempts = attempts
        self._restless = self.chance.random() < RESTLESS
        self._leaves = False
        self._owed: list[bytes] = []  # what was sent and has not come back

    async def run(self) -> None:
        """Until all is over."""
        while not self.users.over:
            number = self.users.number()
            try:
                async with self._attempts, asyncio.timeout(PATIENCE):
                    streams = await self._open(number)
            except (Lost, OSError, asyncio.IncompleteReadError) as error:
                self.users.fail(number, "handshake", _how(error), self.route)
                await asyncio.sleep(0.2)
                continue
            await self._view(number, *streams)

    async def _open(self, number: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(ADDRESS, self.users.port)
        writer.write(
            f"GET /app/live?n={number} HTTP/1.1\r\nHost: panolb.test\r\n{self.cookie}"
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            "Sec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        head = await reader.readuntil(b"\r\n\r\n")
        status = STATUS.match(head)
        if status is None or status[1] != b"101":
            writer.close()
            raise Lost(f"status {status[1].decode() if status else 'none'}")
        self.served(head, number, "handshake")
        self.users.seen.opened[self.route] += 1
        return reader, writer

    async def _view(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._owed.clear()
        self._leaves = False
        self.users.open += 1
        talking = asyncio.create_task(self._talk(number, writer))
        code = 1006
        try:
            code = await self._listen(reader, writer)
        except (OSError, asyncio.IncompleteReadError, Lost) as error:
            self.users.fail(number, "WebSocket", _how(error), self.route)
        finally:
            talking.cancel()
            self.users.open -= 1
            writer.close()
        if self._leaves and code == LEFT:
            if self._owed:
                missing = f"{len(self._owed)} messages never came back"
                self.users.fail(number, "WebSocket", missing, self.route)
            self.route = ""
            return
        self.users.seen.ended[self.route, code] += 1
        if self.route in self.users.staying:
            self.users.fail(number, "WebSocket", f"ended with {code}, although its member stays", self.route)
        elif code != RELEASED:
            self.users.fail(number, "WebSocket", f"ended with {code}", self.route)
        await asyncio.sleep(self.chance.random())  # as pages do

    async def _talk(self, number: int, writer: asyncio.StreamWriter) -> None:
        """Send a message from time to time, and in the end a close frame."""
        until = time.monotonic() + self.chance.uniform(*STAYS) if self._restless else float("inf")
        await asyncio.sleep(self.chance.random() * TALKS)
        while not self.users.over and time.monotonic() < until:
            message = b"%d/%d" % (number, self.users.number())
            self._owed.append(message)
            writer.write(masked(TEXT, message))
            await asyncio.sleep(TALKS)
        deadline = time.monotonic() + PATIENCE
        while self._owed and time.monotonic() < deadline:  # the last echo is still to come
            await asyncio.sleep(0.02)
        self._leaves = True
        writer.write(masked(CLOSE, LEFT.to_bytes(2, "big")))

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
        """Take what comes; returns the code of the close frame."""
        while True:
            async with asyncio.timeout(PATIENCE):  # ticks come all the time
                frame = await read_frame(reader)
            if frame.opcode == PING:
                writer.write(masked(PONG, frame.payload))
            elif frame.opcode == CLOSE:
                if not self._leaves:
                    writer.write(masked(CLOSE, frame.payload))
                return int.from_bytes(frame.payload[:2], "big") or 1005
            elif frame.payload == b"tick":
                self.users.seen.ticks += 1
            elif self._owed and frame.payload == self._owed[0]:
                del self._owed[0]
                self.users.seen.echoes += 1
            else:
                raise Lost(f"another message than the next one: {frame.payload!r}")


def _body(number: int) -> bytes:
    """The body of an upload."""
    return b"%d" % number * (1 + number % 200)


def _how(error: BaseException) -> str:
    if isinstance(error, Lost):
        return str(error)
    if isinstance(error, TimeoutError):
        return f"silence for {PATIENCE:g} s"
    if isinstance(error, asyncio.IncompleteReadError):
        return "cut within an answer" if error.partial else "cut before an answer"
    return type(error).__name__
