"""Members that do as they are told: every connection is a thread with a plain socket, every answer a script."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable
from types import TracebackType

from .client import RESET
from .waiting import ADDRESS, PATIENCE, free_port, until


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

    def ended(self, seconds: float = PATIENCE) -> bool:
        """Wait for the other side to close; whether it did within ``seconds``."""
        self.socket.settimeout(seconds)
        try:
            return not self.socket.recv(1)
        except TimeoutError:
            return False
        except ConnectionError:
            return True


Script = Callable[[Talk, Request], None]


def answer(body: bytes = b"", *fields: str, status: str = "200 OK") -> Script:
    """Read the request to its end and answer with a Content-Length."""
    head = "\r\n".join((f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *fields)) + "\r\n\r\n"
    return raw(head.encode("latin-1") + body)


def raw(*pieces: bytes, end: bool = False) -> Script:
    """Read the request to its end, send these bytes, and with ``end`` close the connection."""

    def script(talk: Talk, request: Request) -> None:
        talk.read_body(request)
        for piece in pieces:
            talk.send(piece)
        if end:
            talk.close()

    return script


def close(talk: Talk, request: Request) -> None:
    """Read the request to its end and close without an answer."""
    talk.read_body(request)
    talk.close()


def reset(talk: Talk, request: Request) -> None:
    """Read the request to its end and reset the connection."""
    talk.read_body(request)
    talk.reset()


def echo(talk: Talk, request: Request) -> None:
    """Answer with the request's own body."""
    body = talk.read_body(request)
    talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


def when_kept(kept: Script, fresh: Script) -> Script:
    """One script for requests on a connection that was used before, another for those on a new one."""
    return lambda talk, request: (kept if request.kept else fresh)(talk, request)


class Stall:
    """Read the request to its end and hold the answer back until `release`."""

    def __init__(self, then: Script | None = None) -> None:
        self.reached = threading.Event()
        self.ended = threading.Event()
        self._go = threading.Event()
        self._then = then or answer(b"late")

    def __call__(self, talk: Talk, request: Request) -> None:
        talk.read_body(request)
        self.reached.set()
        while not self._go.is_set():
            if talk.ended(0.02):
                self.ended.set()
                talk.close()
                return
        talk.socket.settimeout(PATIENCE)
        self._then(talk, request)

    def release(self) -> None:
        self._go.set()

    def wait(self) -> None:
        """Until a request is here."""
        assert self.reached.wait(PATIENCE), "no request came"


class Member:
    """A member on a port of its own.

    :ivar script: what it does with each request; may be replaced at any time.
    :ivar requests: every request whose head came, in order.
    :ivar accepted: how many connections it took.
    :ivar failures: what went wrong in a script, for the end of the test.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.port = free_port()
        self.script: Script = answer(name.encode())
        self.requests: list[Request] = []
        self.accepted = 0
        self.failures: list[BaseException] = []
        self.talks: list[Talk] = []
        self._listening: socket.socket | None = None
        self._blockers: list[socket.socket] = []
        self.listen()

    def __enter__(self) -> Member:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.refuse()

    # -- its port ---------------------------------------------------------------------------------------------------

    def _bind(self, backlog: int) -> socket.socket:
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((ADDRESS, self.port))
        listening.listen(backlog)
        return listening

    def listen(self) -> None:
        """Take connections."""
        self.refuse()
        self._listening = self._bind(100)
        threading.Thread(target=self._accept, args=(self._listening,), daemon=True).start()

    def refuse(self) -> None:
        """Close the port and every connection: as if the server had ended."""
        listening, self._listening = self._listening, None
        if listening is not None:
            try:
                listening.shutdown(socket.SHUT_RDWR)  # wakes the thread in accept()
            except OSError:
                pass
            listening.close()
        blockers, self._blockers = self._blockers, []
        for blocker in blockers:
            blocker.close()
        self.hang_up()

    def black_hole(self) -> None:
        """Answer no attempt to connect: the backlog is full and nobody takes from it."""
        self.refuse()
        self._listening = self._bind(0)
        for _ in range(3):
            blocker = socket.socket()
            blocker.setblocking(False)
            blocker.connect_ex((ADDRESS, self.port))
            self._blockers.append(blocker)

    def hang_up(self) -> None:
        """End every connection without a request, and wait until the other side has noticed."""
        for talk in self.talks:
            if talk.open and talk.idle:
                try:
                    talk.socket.shutdown(socket.SHUT_WR)
                except OSError:
                    continue
        until(lambda: not any(talk.open and talk.idle for talk in self.talks), "idle connections to end")
        self.talks = [talk for talk in self.talks if talk.open]

    def forget(self) -> None:
        """Begin anew: nothing recorded, no idle connection, the ordinary answer, an open port."""
        if self._listening is None or self._blockers:
            self.listen()
        self.script = answer(self.name.encode())
        self.hang_up()
        self.requests.clear()
        self.failures.clear()
        self.accepted = 0

    # -- its connections --------------------------------------------------------------------------------------------

    def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.accepted += 1
            talk = Talk(connection, self.accepted)
            self.talks.append(talk)
            threading.Thread(target=self._serve, args=(talk,), daemon=True).start()

    def _serve(self, talk: Talk) -> None:
        kept = False
        try:
            while talk.open:
                talk.idle = True
                request = talk.read_head(kept)
                if request is None:
                    break
                talk.idle = False
                self.requests.append(request)
                self.script(talk, request)
                if not request.whole:
                    break
                kept = True
        except OSError:
            pass  # the other side left, or a test ended
        except BaseException as error:  # noqa: BLE001  # the test that looks at the member must hear of it
            self.failures.append(error)
        finally:
            talk.close()

    @property
    def lines(self) -> list[str]:
        """The request lines that came."""
        return [request.line for request in self.requests]

    def one(self) -> Request:
        """The only request that came."""
        assert not self.failures, self.failures
        assert len(self.requests) == 1, self.requests
        return self.requests[0]


def whole(members: Iterable[Member]) -> list[Request]:
    """All requests that some member has received to their end."""
    return [request for member in members for request in member.requests if request.whole]
