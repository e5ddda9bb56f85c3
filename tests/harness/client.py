"""A client that sends any bytes and reads answers by the book: h11 refuses what HTTP/1.1 does not allow."""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import h11

from .waiting import ADDRESS, PATIENCE

Fields = list[tuple[str, str]]
RESET = struct.pack("ii", 1, 0)  # SO_LINGER that makes a close a reset


class Cut(Exception):
    """The connection ended, or was reset, where it must not."""


@dataclass
class Answer:
    """One response with its whole body.

    :ivar interim: status and headers of the 1xx before it.
    :ivar trailers: the fields behind a chunked body.
    """

    status: int
    reason: str
    headers: Fields
    body: bytes = b""
    interim: list[tuple[int, Fields]] = field(default_factory=list)
    trailers: Fields = field(default_factory=list)

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]

    def one(self, name: str) -> str | None:
        """The value of a header that must not come twice."""
        values = self.all(name)
        assert len(values) <= 1, f"{name} came {len(values)} times: {values}"
        return values[0] if values else None

    @property
    def closes(self) -> bool:
        return (self.one("Connection") or "").lower() == "close"


def _fields(headers: object) -> Fields:
    raw = headers.raw_items() if isinstance(headers, h11._headers.Headers) else []
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in raw]


class Client:
    """One connection to a port.

    :param receive_buffer: a small one makes the client a slow reader.
    :param source: the address that it comes from.
    """

    def __init__(self, port: int, *, receive_buffer: int | None = None, source: str | None = None) -> None:
        self.port = port
        self._source = source
        self._receive_buffer = receive_buffer
        self._connect()

    def _connect(self) -> None:
        self.socket = socket.socket()
        if self._receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._receive_buffer)
        if self._source is not None:
            self.socket.bind((self._source, 0))
        self.socket.settimeout(PATIENCE)
        self.socket.connect((ADDRESS, self.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._rest = b""
        self._trailers: Fields = []
        self._reader: h11.Connection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()

    @property
    def address(self) -> tuple[str, int]:
        """This side of the connection."""
        host, port = self.socket.getsockname()
        return host, port

    def close(self) -> None:
        self.socket.close()

    def reconnect(self) -> None:
        """Begin anew, as a browser does after Connection: close."""
        self.socket.close()
        self._connect()

    def reset(self) -> None:
        """Cut the connection."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.socket.close()

    def send(self, data: bytes | str) -> None:
        self.socket.sendall(data.encode("latin-1") if isinstance(data, str) else data)

    def ask(self, method: str, target: str, *fields: str, body: bytes = b"", version: str = "1.1") -> None:
        """Send a request; a body gets its length."""
        lines = [f"{method} {target} HTTP/{version}", *fields]
        if version == "1.1" and not any(line.lower().startswith("host:") for line in fields):
            lines.insert(1, "Host: panolb.test")
        if body:
            lines.append(f"Content-Length: {len(body)}")
        self.send("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)

    def get(self, target: str, *fields: str) -> Answer:
        """One GET and its answer."""
        self.ask("GET", target, *fields)
        return self.answer()

    def post(self, target: str, body: bytes, *fields: str) -> Answer:
        """One POST and its answer."""
        self.ask("POST", target, *fields, body=body)
        return self.answer("POST")

    # -- reading ----------------------------------------------------------------------------------------------------

    def _event(self, method: str) -> h11.Event:
        reader = self._reader
        if reader is None:
            reader = self._reader = h11.Connection(h11.CLIENT, max_incomplete_event_size=1 << 20)
            reader.send(h11.Request(method=method, target="/", headers=[("Host", "x")]))
            reader.send(h11.EndOfMessage())
            if self._rest:
                reader.receive_data(self._rest)
                self._rest = b""
        while True:
            try:
                event = reader.next_event()
            except h11.RemoteProtocolError as error:
                if reader.trailing_data[1]:
                    raise Cut(str(error)) from error
                raise
            if event is not h11.NEED_DATA:
                assert isinstance(event, h11.Event), event
                return event
            try:
                reader.receive_data(self.socket.recv(1 << 18))
            except ConnectionError as error:
                raise Cut(str(error)) from error

    def interim(self, method: str = "POST") -> tuple[int, Fields]:
        """The next answer, which must be a 1xx."""
        event = self._event(method)
        assert isinstance(event, h11.InformationalResponse), event
        return event.status_code, _fields(event.headers)

    def head(self, method: str = "GET") -> Answer:
        """The final answer's head; `body` reads on."""
        interim = []
        while isinstance(event := self._event(method), h11.InformationalResponse):
            interim.append((event.status_code, _fields(event.headers)))
        if isinstance(event, h11.ConnectionClosed):
            raise Cut("the connection ended before an answer")
        assert isinstance(event, h11.Response), event
        reason = event.reason.decode("latin-1")
        return Answer(event.status_code, reason, _fields(event.headers), interim=interim)

    def piece(self) -> bytes | None:
        """The next piece of the body; ``None`` at its end."""
        event = self._event("")
        if isinstance(event, h11.Data):
            return bytes(event.data)
        assert isinstance(event, h11.EndOfMessage), event
        assert self._reader is not None
        self._trailers = _fields(event.headers)
        self._rest = self._reader.trailing_data[0]
        self._reader = None
        return None

    def answer(self, method: str = "GET") -> Answer:
        """The next final answer with its whole body.

        :raises Cut: when the connection ends before it is complete.
        """
        answer = self.head(method)
        pieces = []
        while (piece := self.piece()) is not None:
            pieces.append(piece)
        answer.body = b"".join(pieces)
        answer.trailers = self._trailers
        return answer

    def end(self) -> bytes:
        """Read until the other side closes; what came, which as a rule must be nothing.

        :raises Cut: on a reset.
        """
        data, self._rest = self._rest, b""
        while True:
            try:
                more = self.socket.recv(1 << 18)
            except ConnectionError as error:
                raise Cut(str(error)) from error
            if not more:
                return data
            data += more

    def ended(self) -> bool:
        """Wait until the other side closes in good order, without another byte."""
        return self.end() == b""
