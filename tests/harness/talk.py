"""One connection to a scripted member, and the requests on it."""

from __future__ import annotations

import select
import socket

from .client import RESET
from .waiting import PATIENCE


class Request:
    """A request as it came over the wire.

    :ivar raw: its exact bytes, as far as they were read.
    :ivar body: the body without its framing.
    :ivar whole: whether it was read to its end.
    :ivar kept: whether the connection had served a request before.
    :ivar connection: the number of its connection, counted by the member.
    """

    def __init__(self, head: bytes, connection: int, kept: bool) -> None:
        self.raw = head
        self.head = head
        first, *lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
        self.line = first
        self.method, self.target, self.version = first.split(" ")
        self.headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
        self.body = b""
        self.whole = False
        self.connection = connection
        self.kept = kept

    def __repr__(self) -> str:
        return f"<{self.line} on {self.connection}, {len(self.body)} bytes{'' if self.whole else ' so far'}>"

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def one(self, name: str) -> str | None:
        """The value of a header that must not come twice."""
        values = self.all(name)
        assert len(values) <= 1, f"{name} came {len(values)} times: {values}"
        return values[0] if values else None

    @property
    def chunked(self) -> bool:
        return self.one("Transfer-Encoding") == "chunked"


class Talk:
    """One connection, from the member's side.

    :ivar received: how many bytes were read from it.
    """

    def __init__(self, connection: socket.socket, number: int) -> None:
        self.socket = connection
        self.number = number
        self.open = True
        self.idle = True
        self.received = 0
        self._buffer = b""

    def _more(self) -> bool:
        data = self.socket.recv(1 << 18)
        self.received += len(data)
        self._buffer += data
        return bool(data)

    def _line(self) -> bytes:
        while b"\r\n" not in self._buffer:
            if not self._more():
                raise ConnectionError("the request ended within a line")
        line, _, self._buffer = self._buffer.partition(b"\r\n")
        return line

    def _exactly(self, length: int) -> bytes:
        pieces = []
        while length:
            if not self._buffer and not self._more():
                raise ConnectionError("the request ended within its body")
            piece, self._buffer = self._buffer[:length], self._buffer[length:]
            pieces.append(piece)
            length -= len(piece)
        return b"".join(pieces)

    def read_head(self, kept: bool) -> Request | None:
        """The next request's head; ``None`` when the connection ends before it."""
        while b"\r\n\r\n" not in self._buffer:
            if not self._more():
                return None
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        return Request(head + b"\r\n\r\n", self.number, kept)

    def read_some(self) -> bytes:
        """Whatever of the body came, unframed; at least a byte."""
        if not self._buffer and not self._more():
            raise ConnectionError("the request ended within its body")
        data, self._buffer = self._buffer, b""
        return data

    def rest(self) -> bytes:
        """What has come behind all that was read; nobody else will see it."""
        data, self._buffer = self._buffer, b""
        return data

    def read_body(self, request: Request) -> bytes:
        """The rest of the request; strict about its framing."""
        if request.whole:
            return request.body
        if request.chunked:
            while True:
                line = self._line()
                size = int(line, 16)
                data = self._exactly(size + 2)
                assert data.endswith(b"\r\n"), f"a chunk of {size} bytes ends with {data[-2:]!r}"
                request.raw += line + b"\r\n" + data
                request.body += data[:-2]
                if size == 0:
                    break
        else:
            request.body = self._exactly(int(request.one("Content-Length") or 0))
            request.raw += request.body
        request.whole = True
        return request.body

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def close(self) -> None:
        """End the connection in good order."""
        if self.open:
            self.open = False
            self.socket.close()

    def reset(self) -> None:
        """Cut the connection."""
        if self.open:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            self.close()

    def cut(self) -> None:
        """Wait for the other side to reset the connection, without reading what it sent."""
        poll = select.poll()
        poll.register(self.socket, 0)  # errors and hang-ups are always told
        assert poll.poll(PATIENCE * 1000), "the connection was not reset"

    def ended(self, seconds: float = PATIENCE) -> bool:
        """Wait for the other side to close; whether it did within ``seconds``."""
        self.socket.settimeout(seconds)
        try:
            return not self.socket.recv(1)
        except TimeoutError:
            return False
        except ConnectionError:
            return True
