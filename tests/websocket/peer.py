"""One end of a WebSocket over a plain socket: sends any frame, right or wrong, and sees every frame as it came."""

from __future__ import annotations

import base64
import hashlib
import os
import socket
import struct
from dataclasses import dataclass

from tests.harness.client import RESET, Client
from tests.harness.talk import Request
from tests.harness.waiting import ADDRESS, PATIENCE, free_port

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

Closed = tuple[int | None, str]


def accept_for(key: str) -> str:
    """The Sec-WebSocket-Accept that answers a key (RFC 6455 section 4.2.2)."""
    return base64.b64encode(hashlib.sha1(key.encode() + GUID).digest()).decode()


@dataclass(frozen=True)
class Frame:
    """One frame (RFC 6455 section 5.2); ``rsv`` holds the three reserved bits, 4 for the first."""

    opcode: int
    payload: bytes = b""
    fin: bool = True
    rsv: int = 0

    def encode(self, mask: bool) -> bytes:
        head = bytes((self.fin << 7 | self.rsv << 4 | self.opcode,))
        length, bit = len(self.payload), mask << 7
        if length < 126:
            head += bytes((bit | length,))
        elif length < 1 << 16:
            head += struct.pack("!BH", bit | 126, length)
        else:
            head += struct.pack("!BQ", bit | 127, length)
        return head + (_masked(self.payload) if mask else self.payload)


def _masked(payload: bytes) -> bytes:
    key = os.urandom(4)
    length = len(payload)
    stream = (key * (length // 4 + 1))[:length]
    return key + (int.from_bytes(payload, "big") ^ int.from_bytes(stream, "big")).to_bytes(length, "big")


class Peer:
    """An open WebSocket.

    :param client: whether this is the client's end, which must mask.
    :param rest: what was read behind the handshake.
    """

    def __init__(self, connection: socket.socket, *, client: bool, rest: bytes = b"") -> None:
        self.socket = connection
        self._client = client
        self._buffer = rest

    # -- sending ----------------------------------------------------------------------------------------------------

    def send(
        self, opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, masked: bool | None = None
    ) -> None:
        """Send one frame, masked as it should be unless said otherwise."""
        mask = self._client if masked is None else masked
        self.socket.sendall(Frame(opcode, payload, fin, rsv).encode(mask))

    def close_frame(self, code: int | None = None, reason: str = "") -> None:
        """Send a close frame."""
        self.send(CLOSE, b"" if code is None else struct.pack("!H", code) + reason.encode())

    def reset(self) -> None:
        """Cut the connection."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.socket.close()

    # -- receiving --------------------------------------------------------------------------------------------------

    def _take(self, length: int) -> bytes:
        while len(self._buffer) < length:
            data = self.socket.recv(1 << 18)
            if not data:
                raise ConnectionError(f"the connection ended; unread: {self._buffer!r}")
            self._buffer += data
        taken, self._buffer = self._buffer[:length], self._buffer[length:]
        return taken

    def frame(self) -> Frame:
        """The next frame, which must be masked if and only if it comes from a client."""
        first, second = self._take(2)
        length = second & 127
        if length == 126:
            (length,) = struct.unpack("!H", self._take(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", self._take(8))
        masked = bool(second & 128)
        assert masked != self._client, "masked by a server" if masked else "not masked by a client"
        key = self._take(4) if masked else b""
        payload = self._take(length)
        if masked:
            stream = (key * (length // 4 + 1))[:length]
            payload = (int.from_bytes(payload, "big") ^ int.from_bytes(stream, "big")).to_bytes(length, "big")
        return Frame(first & 15, payload, bool(first & 128), first >> 4 & 7)

    def message(self) -> bytes:
        """The payload of the next message, however many frames it came in."""
        frame = self.frame()
        assert frame.opcode in (TEXT, BINARY), frame
        pieces = [frame.payload]
        while not frame.fin:
            frame = self.frame()
            assert frame.opcode == CONTINUATION, frame
            pieces.append(frame.payload)
        return b"".join(pieces)

    def closed(self) -> Closed:
        """Code and reason of the next frame, which must be a close."""
        frame = self.frame()
        assert frame.opcode == CLOSE, frame
        if not frame.payload:
            return None, ""
        return struct.unpack("!H", frame.payload[:2])[0], frame.payload[2:].decode()

    def ended(self) -> bool:
        """Wait for the end of the connection, orderly or not; whether no byte came before it."""
        rest = self._buffer
        try:
            while data := self.socket.recv(1 << 18):
                rest += data
        except ConnectionError:
            pass
        return rest == b""


class Browser:
    """A client's connection before and during the handshake.

    :param prefix: goes before all its targets.
    """

    def __init__(self, port: int, prefix: str = "") -> None:
        self.client = Client(port)
        self._prefix = prefix
        self.key = base64.b64encode(os.urandom(16)).decode()
        self.headers: list[tuple[str, str]] = []

    def upgrade(self, target: str, *fields: str, behind: bytes = b"") -> None:
        """Send a handshake; ``behind`` goes into the same segment."""
        lines = [f"GET {self._prefix}{target} HTTP/1.1", "Connection: Upgrade", "Upgrade: websocket"]
        lines += [f"Sec-WebSocket-Key: {self.key}", "Sec-WebSocket-Version: 13", *fields]
        if not any(line.lower().startswith("host:") for line in fields):
            lines.insert(1, "Host: panolb.test")
        self.client.send("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + behind)

    def switched(self) -> Peer:
        """Read the 101, which must be right."""
        data = b""
        while b"\r\n\r\n" not in data:
            more = self.client.socket.recv(1 << 16)
            assert more, f"the connection ended within the handshake: {data!r}"
            data += more
        head, _, rest = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        assert first.startswith("HTTP/1.1 101 "), head
        self.headers = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
        assert self.all("Sec-WebSocket-Accept") == [accept_for(self.key)]
        assert [value.lower() for value in self.all("Upgrade")] == ["websocket"]
        assert [value.lower() for value in self.all("Connection")] == ["upgrade"]
        return Peer(self.client.socket, client=True, rest=rest)

    def all(self, name: str) -> list[str]:
        """The values of a header of the 101."""
        return [value for key, value in self.headers if key.lower() == name.lower()]


class Visit:
    """A request that has come to a `RawMember` and waits for the test to answer it."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        head = b""
        while b"\r\n\r\n" not in head:
            data = connection.recv(1 << 16)
            assert data, f"the connection ended within the head: {head!r}"
            head += data
        head, separator, self.rest = head.partition(b"\r\n\r\n")
        self.request = Request(head + separator, 0, False)

    def send(self, data: str | bytes) -> None:
        self.socket.sendall(data.encode("latin-1") if isinstance(data, str) else data)

    def ended(self) -> bool:
        """Wait for the end of the connection; whether no byte came before it."""
        try:
            return self.rest == b"" and self.socket.recv(1) == b""
        except ConnectionError:
            return True

    def switch(self, *fields: str, behind: bytes = b"", accept: str | None = None) -> Peer:
        """Answer with a 101; ``behind`` goes into the same segment."""
        key = self.request.one("Sec-WebSocket-Key")
        assert key is not None, self.request.head
        lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"]
        lines += [f"Sec-WebSocket-Accept: {accept or accept_for(key)}", *fields]
        self.send("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + behind)
        return Peer(self.socket, client=False, rest=self.rest)


class RawMember:
    """A member whose connections the test itself accepts, so that both ends of a WebSocket are in one thread."""

    def __init__(self) -> None:
        self.port = free_port()
        self._listening = socket.create_server((ADDRESS, self.port), backlog=100)
        self._visits: list[Visit] = []

    def visit(self) -> Visit:
        """The next request."""
        self._listening.settimeout(PATIENCE)
        connection, _ = self._listening.accept()
        connection.settimeout(PATIENCE)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        visit = Visit(connection)
        self._visits.append(visit)
        return visit

    def clear(self) -> None:
        """End every connection, also those that nobody took."""
        visits, self._visits = self._visits, []
        for visit in visits:
            visit.socket.close()
        self._listening.setblocking(False)
        while True:
            try:
                connection, _ = self._listening.accept()
            except BlockingIOError:
                return
            connection.close()

    def close(self) -> None:
        self.clear()
        self._listening.close()
