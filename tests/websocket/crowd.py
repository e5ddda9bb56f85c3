"""Thousands of WebSockets, both ends of them, in one thread that does next to nothing while they are quiet."""

from __future__ import annotations

import re
import resource
import select
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.harness.waiting import ADDRESS, free_port
from tests.websocket.peer import BINARY, CLOSE, PING, PONG, Frame, accept_for

KEY_FIELD = re.compile(rb"(?i)\r\nSec-WebSocket-Key: *([^\r]+)")
SWITCH = (
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Accept: {accept}\r\n\r\n"
)
HANDSHAKE = (
    "GET {path} HTTP/1.1\r\nHost: panolb.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
PENDING = 128  # handshakes at a time, as many as any listener's queue takes
SPARE = 250  # descriptors that a process needs for other things


@contextmanager
def room_for(wanted: int) -> Iterator[int]:
    """How many WebSockets, ``wanted`` at most, this system's limit on open files allows to a process that has both ends.

    The limit is raised as far as it may be meanwhile, also for the processes that are started.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = (
        max(soft, min(hard, 2 * wanted + 2 * SPARE))
        if hard != resource.RLIM_INFINITY
        else 2 * wanted + 2 * SPARE
    )
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    try:
        number = min(wanted, (limit - SPARE) // 2)
        if number < wanted:
            print(
                f"only {number} of {wanted} WebSockets: the limit is {limit} open files, and each takes two"
            )
        yield number
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Side:
    """One end of one WebSocket.

    :ivar pings: how many pings it has got, and answered.
    :ivar code: that of the close frame that it has got; 1005 for none in it, 1006 if the connection ended without one.
    """

    __slots__ = ("buffer", "code", "ended", "is_client", "open", "pings", "socket")

    def __init__(self, connection: socket.socket, is_client: bool) -> None:
        self.socket = connection
        self.is_client = is_client
        self.open = False
        self.ended = False
        self.buffer = b""
        self.pings = 0
        self.code = 0

    def send(self, opcode: int, payload: bytes) -> None:
        """Send a short frame."""
        self.socket.send(Frame(opcode, payload).encode(mask=self.is_client))


class Crowd:
    """Clients of a port, and the member that serves them.

    :param path: what the clients ask for.
    :param buffer: bytes that the clients' sockets receive ahead, and those of the member send ahead; ``None`` for what the
        system takes, which is megabytes each, and all of its memory for TCP when there are hundreds.
    :ivar refused: statuses of handshakes that were answered otherwise than with 101.
    :ivar sent: bytes of the frames that the member has sent in `flood`.
    """

    def __init__(self, path: str, buffer: int | None = None) -> None:
        self.clients: list[Side] = []
        self.members: list[Side] = []
        self.refused: Counter[str] = Counter()
        self.sent = 0
        self.port = free_port()
        self._handshake = HANDSHAKE.format(path=path).encode()
        self._buffer = buffer
        self._sides: dict[int, Side] = {}
        self._pending = 0
        self._flooded: list[bytes] = []
        self._epoll = select.epoll()
        self._listening = socket.create_server((ADDRESS, self.port), backlog=4096)
        self._listening.setblocking(False)
        self._epoll.register(self._listening, select.EPOLLIN)

    # -- what a test wants --------------------------------------------------------------------------------------------

    def open(self, port: int, number: int, seconds: float) -> None:
        """Open so many WebSockets to a port, and wait until both ends of all of them are open."""
        left = number

        def all_open() -> bool:
            nonlocal left
            while left and self._pending < PENDING:
                left -= 1
                self._dial(port)
            return not left and not self._pending

        self.run(all_open, f"{number} WebSockets to open", seconds)
        assert not self.refused, self.refused
        assert sum(side.open for side in self.members) == number

    def run(self, condition: Callable[[], bool], what: str, seconds: float) -> None:
        """Do what the sides do until the condition holds."""
        deadline = time.monotonic() + seconds
        while not condition():
            for fd, event in self._epoll.poll(0.05):
                self._on_event(fd, event)
            assert time.monotonic() < deadline, f"waited {seconds:g} s in vain for {what}"

    def flood(self, size: int, limit: int, quiet: float, seconds: float, look: Callable[[], object]) -> None:
        """Let the member send messages to all clients, ``limit`` bytes each at most, until nobody takes anything any more.

        That is when nobody has for ``quiet`` seconds, and again after ``look``, which waits for an answer of panolb: on a
        machine that has other things to do silence alone says nothing.
        """
        frame = Frame(BINARY, b"x" * size).encode(mask=False)
        rest = {side.socket.fileno(): b"" for side in self.members}
        counts = dict.fromkeys(rest, 0)
        for side in self.members:
            self._epoll.modify(side.socket, select.EPOLLIN | select.EPOLLOUT)
        last = time.monotonic()
        deadline = last + seconds
        looked = False
        while rest:
            if time.monotonic() - last >= quiet:
                if looked:
                    break
                look()
                looked, last = True, time.monotonic()
            assert time.monotonic() < deadline, "the flood finds no end"
            for fd, event in self._epoll.poll(0.05):
                if fd not in rest or not event & select.EPOLLOUT:
                    self._on_event(fd, event)
                    continue
                data = rest[fd] or frame
                try:
                    sent = self._sides[fd].socket.send(data)
                except BlockingIOError:
                    continue
                looked, last = False, time.monotonic()
                self.sent += sent
                counts[fd] += sent
                rest[fd] = data[sent:]
                if counts[fd] > limit and not rest[fd]:
                    del rest[fd]
                    self._epoll.modify(fd, select.EPOLLIN)

    def deafen(self) -> None:
        """From now on no client reads anything."""
        for side in self.clients:
            self._epoll.modify(side.socket, 0)

    def codes(self) -> tuple[Counter[int], Counter[int]]:
        """The close codes that clients and members have got; 0 for those that are open."""
        return Counter(side.code for side in self.clients), Counter(side.code for side in self.members)

    def close(self) -> None:
        """End all connections."""
        for side in (*self.clients, *self.members):
            side.socket.close()
        self._listening.close()
        self._epoll.close()

    # -- what happens -------------------------------------------------------------------------------------------------

    def _dial(self, port: int) -> None:
        connection = socket.socket()
        connection.setblocking(False)
        if self._buffer is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._buffer)
        side = Side(connection, is_client=True)
        self.clients.append(side)
        self._pending += 1
        self._sides[connection.fileno()] = side
        try:
            connection.connect((ADDRESS, port))
        except BlockingIOError:
            pass
        self._epoll.register(connection, select.EPOLLOUT)

    def _on_event(self, fd: int, event: int) -> None:
        if fd == self._listening.fileno():
            self._accept()
            return
        side = self._sides.get(fd)
        if side is None:
            return
        if event & select.EPOLLOUT and side.is_client and not side.open:
            side.socket.send(self._handshake)
            self._epoll.modify(fd, select.EPOLLIN)
        elif event & (select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR):
            self._on_readable(side)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except BlockingIOError:
                return
            connection.setblocking(False)
            if self._buffer is not None:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self._buffer)
            side = Side(connection, is_client=False)
            self.members.append(side)
            self._sides[connection.fileno()] = side
            self._epoll.register(connection, select.EPOLLIN)

    def _on_readable(self, side: Side) -> None:
        try:
            data = side.socket.recv(1 << 16)
        except BlockingIOError:
            return
        except ConnectionError:
            data = b""
        if not data:
            self._end(side)
            return
        side.buffer += data
        if not side.open:
            self._read_head(side)
        while side.open and self._read_frame(side):
            pass

    def _read_head(self, side: Side) -> None:
        head, end, rest = side.buffer.partition(b"\r\n\r\n")
        if not end:
            return
        side.buffer = rest
        if side.is_client:
            self._pending -= 1
            if not head.startswith(b"HTTP/1.1 101 "):
                self.refused[head.partition(b"\r\n")[0].decode()] += 1
                return
        else:
            (key,) = KEY_FIELD.findall(head)
            side.socket.send(SWITCH.format(accept=accept_for(key.decode())).encode())
        side.open = True

    def _read_frame(self, side: Side) -> bool:
        """Take the next control frame from the buffer; data is of no interest to anybody."""
        data = side.buffer
        if len(data) < 2:
            return False
        length, start = data[1] & 0x7F, 2 if side.is_client else 6
        assert length < 126, "a long frame"
        if len(data) < start + length:
            return False
        payload = data[start : start + length]
        if not side.is_client:
            key = data[2:6]
            payload = bytes(byte ^ key[at % 4] for at, byte in enumerate(payload))
        side.buffer = data[start + length :]
        opcode = data[0] & 0x0F
        if opcode == PING:
            side.pings += 1
            side.send(PONG, payload)
        elif opcode == CLOSE:
            side.code = int.from_bytes(payload[:2], "big") or 1005
            side.send(CLOSE, payload)
            if not side.is_client:
                self._end(side)  # RFC 6455 section 7.1.1: the server ends the connection
                return False
        return True

    def _end(self, side: Side) -> None:
        if not side.ended:
            side.ended = True
            side.code = side.code or 1006
            self._sides.pop(side.socket.fileno(), None)
            side.socket.close()
