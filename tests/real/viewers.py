"""Users of live pages, two hundred unless said otherwise: they watch, they scribble, and when they are told to come back, they do.

All of them live in one thread that looks at frames as little as it can, so that the servers have the processor.
"""

from __future__ import annotations

import base64
import os
import random
import select
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable
from itertools import count

from tests.harness.waiting import ADDRESS, until

from .browser import CONTEXT, PATIENCE

SNAKES, BOARDS = 120, 80  # a room of the drawboard has 100 seats, on each member
SCRIBBLE = 8.0  # seconds between two strokes of a user
COMING = 0.015
"""Seconds between two that come first: Tomcat's snake by itself ends some with 1001 when many join at once."""
COMING_BACK = (0.2, 3.0)
"""Seconds after which a page connects again, by chance."""

NEVER = float("inf")

OPEN, ABNORMAL, NO_CODE, NORMAL = 0, 1006, 1005, 1000
"""What stands for the code of a WebSocket that is open, ended without a close frame, or had no code in that."""

HANDSHAKE = """\
GET {path} HTTP/1.1\r
Host: {address}:{port}\r
Connection: Upgrade\r
Upgrade: websocket\r
Sec-WebSocket-Version: 13\r
Sec-WebSocket-Key: {key}\r
{cookie}\r
"""


class Viewer:
    """One user with one page.

    :ivar codes: how its WebSockets have ended: close codes, 1006 for an end without a close frame.
    :ivar routes: the members that they were with.
    :ivar refused: the answers to handshakes that were no 101; empty for a connection that ended before one.
    :ivar heard: messages since the last handshake.
    :ivar leaves: whether it closes its page at the next chance, and does not come back.
    :ivar due: clock reading at which it will do something by itself: connect, or scribble.
    """

    def __init__(self, port: int, page: str) -> None:
        self.page = page
        self.codes: list[int] = []
        self.routes: list[str] = []
        self.refused: list[str] = []
        self.heard = 0
        self.due = 0.0
        self.is_open = False
        self.leaves = False
        self.socket: socket.socket | None = None
        self._port = port
        self._cookie = ""
        self._buffer = b""
        self._skip = 0  # bytes to come of a frame of data
        self._code = ABNORMAL
        self._strokes = count(1)

    @property
    def route(self) -> str:
        """The member that it is with, or was with last."""
        return self.routes[-1]

    def leave(self) -> None:
        """Close the page for good."""
        self.leaves, self.due = True, 0.0

    @property
    def has_left(self) -> bool:
        """Whether its page is closed for good."""
        return self.leaves and self.socket is None

    def forget(self) -> None:
        """What was, does not count."""
        self.codes, self.routes, self.refused = [], self.routes[-1:], []

    def act(self, now: float) -> None:
        """Its time has come."""
        if self.socket is None:
            self.due = NEVER if self.leaves else now + PATIENCE
            if not self.leaves:
                self._connect()
        elif self.leaves and self.is_open:
            self.due = now + PATIENCE
            self._send(0x88, NORMAL.to_bytes(2, "big"))
        elif self.is_open:
            self.due = now + SCRIBBLE * random.uniform(0.5, 1.5)
            if self.page == "drawboard":
                x, y = random.randrange(800), random.randrange(500)
                self._send(0x81, f"1{next(self._strokes)}|1,0,0,0,255,4,{x},{y},{x + 9},{y + 9},1".encode())
        else:
            self._ended()  # nobody answers

    def _connect(self) -> None:
        self._buffer, self._skip, self._code = b"", 0, ABNORMAL
        self.socket = socket.create_connection((ADDRESS, self._port), timeout=PATIENCE)
        self.socket.setblocking(False)
        handshake = HANDSHAKE.format(
            path=f"{CONTEXT}/websocket/{self.page}",
            address=ADDRESS,
            port=self._port,
            key=base64.b64encode(os.urandom(16)).decode(),
            cookie=f"Cookie: ROUTEID={self._cookie}\r\n" if self._cookie else "",
        )
        self.socket.send(handshake.encode())

    def _send(self, first: int, payload: bytes) -> None:
        """Send a short frame; a mask of zeros is as good as any."""
        assert self.socket is not None
        try:
            self.socket.send(bytes((first, 0x80 | len(payload))) + b"\0\0\0\0" + payload)
        except OSError:
            pass  # the end of the connection is about to be seen

    def readable(self) -> None:
        """Something came."""
        assert self.socket is not None
        try:
            data = self.socket.recv(1 << 18)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._ended()
            return
        if self._skip:
            skipped = min(self._skip, len(data))
            self._skip -= skipped
            data = data[skipped:]
        self._buffer += data
        if not self.is_open:
            self._read_head()
        while self.is_open and self._read_frame():
            pass

    def _read_head(self) -> None:
        head, end, rest = self._buffer.partition(b"\r\n\r\n")
        if not end:
            return
        first, *lines = head.decode("latin-1").split("\r\n")
        if not first.startswith("HTTP/1.1 101 "):
            self._ended(first)
            return
        for line in lines:
            name, _, value = line.partition(": ")
            if name.lower() == "set-cookie" and value.startswith("ROUTEID="):
                self._cookie = value.partition(";")[0].partition("=")[2]
        self._buffer, self.is_open, self.heard = rest, True, 0
        self.due = 0.0
        self.routes.append(self._cookie.partition(".")[2])

    def _read_frame(self) -> bool:
        data = self._buffer
        if len(data) < 2:
            return False
        length, start = data[1], 2
        if length >= 126:
            start = 4 if length == 126 else 10
            if len(data) < start:
                return False
            (length,) = struct.unpack("!H" if start == 4 else "!Q", data[2:start])
        if data[0] & 0x08:
            if len(data) < start + length:
                return False
            self._control(data[0] & 0x0F, data[start : start + length])
        elif data[0] & 0x80:
            self.heard += 1
        self._skip = max(0, start + length - len(data))
        self._buffer = data[start + length :]
        return self.is_open

    def _control(self, opcode: int, payload: bytes) -> None:
        if opcode == 9:
            self._send(0x8A, payload)
        elif opcode == 8:
            self._code = int.from_bytes(payload[:2], "big") or NO_CODE
            self._send(0x88, payload)

    def _ended(self, answer: str = "") -> None:
        assert self.socket is not None
        self.socket.close()
        self.socket = None
        if self.is_open:
            self.codes.append(self._code)
            self.is_open = False
        else:
            self.refused.append(answer)
        self.due = time.monotonic() + random.uniform(*COMING_BACK)


class Viewers:
    """All of them, in a thread.

    :param snakes: how many see the one page; ``boards``: the other.
    :ivar all: each of them.
    """

    def __init__(self, port: int, snakes: int = SNAKES, boards: int = BOARDS) -> None:
        self.all = [Viewer(port, "snake") for _ in range(snakes)]
        self.all += [Viewer(port, "drawboard") for _ in range(boards)]
        began = time.monotonic()
        for number, one in enumerate(self.all):
            one.due = began + number * COMING
        self._failure: BaseException | None = None
        self._over = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            with select.epoll() as epoll:
                self._live(epoll)
        except BaseException as error:  # noqa: BLE001  # whoever waits is told
            self._failure = error

    def _live(self, epoll: select.epoll) -> None:
        known: dict[int, Viewer] = {}
        while not self._over:
            for fd, _ in epoll.poll(0.02):
                viewer = known[fd]
                viewer.readable()
                if viewer.socket is None:
                    del known[fd]
            now = time.monotonic()
            for viewer in self.all:
                if viewer.due > now:
                    continue
                before = viewer.socket
                try:
                    viewer.act(now)
                except ConnectionRefusedError:
                    viewer.socket = None
                    viewer.due = now + COMING_BACK[1]
                if viewer.socket is not None and before is None:
                    known[viewer.socket.fileno()] = viewer
                    epoll.register(viewer.socket, select.EPOLLIN)

    def wait(
        self, condition: Callable[[Viewer], bool], what: str, viewers: list[Viewer] | None = None
    ) -> None:
        """Until it holds for all of them, or of ``viewers``."""
        some = self.all if viewers is None else viewers
        left: list[Viewer] = []

        def done() -> bool:
            nonlocal left
            if self._failure is not None:
                raise AssertionError("the viewers have failed") from self._failure
            left = [one for one in some if not condition(one)]
            return not left

        try:
            until(done, what, seconds=2 * PATIENCE)
        except AssertionError as error:
            some_left = [(one.page, one.routes, one.codes, one.refused, one.heard) for one in left[:5]]
            raise AssertionError(f"{error}; not so with {len(left)} of {len(some)}: {some_left}") from error

    def watching(self, viewers: list[Viewer] | None = None) -> None:
        """Wait until everybody, or each of ``viewers``, has an open page on which something moves."""
        self.wait(lambda one: one.is_open and one.heard > 2, "all pages to be open and live", viewers)

    def on(self, route: str) -> list[Viewer]:
        """Those who are with a member now."""
        return [one for one in self.all if one.is_open and one.route == route]

    def codes(self) -> dict[str, Counter[int]]:
        """For each kind of page how its WebSockets have ended, those that are open included."""
        found: dict[str, Counter[int]] = {"snake": Counter(), "drawboard": Counter()}
        for one in self.all:
            found[one.page].update(one.codes)
            if one.is_open:
                found[one.page][OPEN] += 1
        return found

    def close(self) -> None:
        """Everybody leaves."""
        self._over = True
        self._thread.join(PATIENCE)
        for viewer in self.all:
            if viewer.socket is not None:
                viewer.socket.close()
