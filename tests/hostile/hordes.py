"""Thousands of slow clients, and members that are as slow, in one thread: what they make panolb hold is measured."""

from __future__ import annotations

import resource
import select
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.harness.waiting import ADDRESS, free_port

SPARE = 250  # descriptors that a process needs for other things
QUIET = 1.0  # seconds without a byte after which nobody takes or sends any more


@contextmanager
def room_for(descriptors: int) -> Iterator[None]:
    """Raise the limit of open files, also for the processes that are started, so that there are so many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = descriptors + SPARE
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"this system allows {hard} open files, and this takes {wanted}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Horde:
    """Clients that all send the same, and as much of it as is taken, and read nothing.

    :param opening: what each sends at first, as a whole.
    :param more: what each goes on sending, again and again, up to ``limit`` bytes.
    :param receive_buffer: of their sockets, in bytes; ``None`` for the system's.
    :ivar sent: bytes that the system has taken of ``more``, from all together.
    """

    def __init__(self, opening: bytes, more: bytes = b"", limit: int = 0, receive_buffer: int | None = None):
        self.sent = 0
        self.sockets: list[socket.socket] = []
        self._opening = opening
        self._more = more
        self._limit = limit
        self._receive_buffer = receive_buffer

    def come(self, port: int, number: int) -> None:
        """Let so many connect, and send."""
        for _ in range(number):
            one = socket.socket()
            if self._receive_buffer is not None:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._receive_buffer)
            one.settimeout(60)
            one.connect((ADDRESS, port))
            one.sendall(self._opening)
            one.setblocking(False)
            self.sockets.append(one)

    def push(self) -> None:
        """Send until nobody takes any more."""
        self.sent += flood(self.sockets, self._more, self._limit)

    def ended(self) -> int:
        """How many of the connections panolb has ended; what it sent before is thrown away."""
        number = 0
        for one in self.sockets:
            try:
                while one.recv(1 << 16):
                    pass
                number += 1
            except BlockingIOError:
                pass
            except ConnectionError:
                number += 1
        return number

    def leave(self) -> None:
        """End all connections."""
        for one in self.sockets:
            one.close()
        self.sockets = []


class FloodingMember:
    """A member that begins to answer each request, and then sends as much as is taken.

    :param beginning: what it sends at first, as a whole.
    :param length: bytes that it has behind that.
    """

    def __init__(self, beginning: bytes, length: int) -> None:
        self.port = free_port()
        self.sent = 0
        self._beginning = beginning
        self._length = length
        self._listening = socket.create_server((ADDRESS, self.port), backlog=4096)
        self._listening.settimeout(60)
        self._accepted: list[socket.socket] = []

    def serve(self, number: int) -> None:
        """Take so many requests, and send until nobody takes any more."""
        for _ in range(number):
            one, _ = self._listening.accept()
            one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 18)  # what waits is to be panolb's
            one.settimeout(60)
            one.recv(1 << 16)
            one.sendall(self._beginning)
            one.setblocking(False)
            self._accepted.append(one)
        self.sent = flood(self._accepted, b"x" * (1 << 16), self._length) if self._length else 0

    def close(self) -> None:
        for one in (self._listening, *self._accepted):
            one.close()


@contextmanager
def deaf_member() -> Iterator[int]:
    """The port of a member that takes connections and reads nothing from them."""
    port = free_port()
    with socket.create_server((ADDRESS, port), backlog=4096):
        yield port


def flood(sockets: list[socket.socket], data: bytes, limit: int) -> int:
    """Send the same again and again on all of them, ``limit`` bytes each at most, until nobody has taken any for `QUIET`.

    :returns: how many bytes were taken in all.
    """
    taken = {one.fileno(): 0 for one in sockets}
    by_number = {one.fileno(): one for one in sockets}
    last = time.monotonic()
    with select.epoll() as epoll:
        for number in taken:
            epoll.register(number, select.EPOLLOUT)
        while time.monotonic() - last < QUIET:
            for number, _ in epoll.poll(0.1):
                try:
                    taken[number] += by_number[number].send(data)
                    last = time.monotonic()
                except BlockingIOError:
                    continue
                except ConnectionError:
                    epoll.unregister(number)
                    continue
                if taken[number] >= limit:
                    epoll.unregister(number)
    return sum(taken.values())
