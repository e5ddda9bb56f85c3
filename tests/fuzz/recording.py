"""Members and clients that read by the book: h11, and some things that h11 takes and another reader may not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import h11

from tests.harness.doubts import doubts, framed_twice

ROOM = 1 << 20  # bytes of a head that h11 reads; panolb's limits come first


@dataclass(frozen=True)
class Said:
    """A whole request."""

    method: bytes
    target: bytes
    body: bytes


def read_requests(data: bytes) -> tuple[list[Said], str]:
    """What h11 understands of a stream of requests, and why it reads no further.

    It is helped over empty lines before a request, which RFC 9112 section 2.2 allows and it refuses.
    """
    said: list[Said] = []
    while True:
        reader = h11.Connection(h11.SERVER, max_incomplete_event_size=ROOM)
        while data.startswith(b"\r\n"):
            data = data[2:]
        reader.receive_data(data)
        try:
            one = _read_request(reader)
        except h11.RemoteProtocolError as error:
            return said, str(error)
        if one is None:
            return said, "incomplete"
        said.append(one)
        if reader.their_state is h11.MUST_CLOSE:
            return said, "it wants no more"
        data = reader.trailing_data[0]


def _read_request(reader: h11.Connection) -> Said | None:
    body = b""
    request: h11.Request | None = None
    while True:
        event = reader.next_event()
        if isinstance(event, h11.Request):
            request = event
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage) and request is not None:
            return Said(request.method, request.target, body)
        else:
            return None


class Recorder:
    """One connection to a member that notes the requests that come, and answers each with what it has understood.

    :param give: sends to panolb; set once the connection stands.
    :param said: gets the requests that came whole.
    """

    give: Callable[[bytes], None]
    end: Callable[[], None]

    def __init__(self, said: list[Said]) -> None:
        self.begun = 0
        self._said = said
        self._reader = h11.Connection(h11.SERVER, max_incomplete_event_size=ROOM)
        self._raw = b""  # since the end of the request before
        self._request: h11.Request | None = None
        self._body = b""

    def heard(self, data: bytes) -> None:
        self._raw += data
        self._reader.receive_data(data)
        while self._next():
            pass

    def finished(self) -> None:
        """A request that was not sent whole is none."""

    def _next(self) -> bool:
        try:
            event = self._reader.next_event()
        except h11.RemoteProtocolError as error:
            raise AssertionError(f"a member gets what is not HTTP/1.1: {error}: {self._raw!r}") from error
        if isinstance(event, h11.Request):
            self.begun += 1
            self._request, self._body = event, b""
            self._look_at_head(event)
        elif isinstance(event, h11.Data):
            self._body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            assert not event.headers.raw_items(), "a trailer is passed on"
            self._answer()
        return event not in (h11.NEED_DATA, h11.PAUSED)

    def _look_at_head(self, request: h11.Request) -> None:
        head, end, _ = self._raw.partition(b"\r\n\r\n")
        assert end, f"a head that is not ended by an empty line: {self._raw!r}"
        assert not doubts(head), f"a member gets a head that is not clear: {head!r}"
        names = [name for name, _ in request.headers]
        assert not framed_twice(names), f"two framings: {head!r}"
        assert names.count(b"host") == 1 or request.http_version == b"1.0", f"hosts: {head!r}"

    def _answer(self) -> None:
        request = self._request
        assert request is not None
        said = Said(request.method, request.target, self._body)
        self._said.append(said)
        body = b"%b %b %d" % (said.method, said.target, len(said.body))
        answer = h11.Response(status_code=200, headers=[("Content-Length", str(len(body)))])
        parts = (answer, h11.Data(data=b"" if said.method == b"HEAD" else body), h11.EndOfMessage())
        self.give(b"".join(self._reader.send(part) or b"" for part in parts))
        self._raw = self._reader.trailing_data[0]
        assert not self._raw, f"a member gets more than the request that it was sent: {self._raw!r}"
        if self._reader.our_state is h11.DONE and self._reader.their_state is h11.DONE:
            self._reader.start_next_cycle()
        else:
            self.end()


@dataclass(frozen=True)
class Got:
    """An answer to a client.

    :ivar status: 0 when there is no such answer.
    :ivar body: as it was sent; empty where it is panolb's own, whose pages have an id.
    :ivar whole: whether it came to its end.
    """

    status: int
    body: bytes = b""
    whole: bool = True


def read_answers(data: bytes, methods: list[bytes], ended: bool) -> tuple[list[Got], bytes]:
    """What a strict client makes of the answers to its requests, and what came behind the last of them.

    :param methods: of the requests; further ones were GET.
    :param ended: whether the connection has ended behind ``data``.
    """
    answers: list[Got] = []
    asked = iter(methods)
    while data:
        reader = h11.Connection(h11.CLIENT, max_incomplete_event_size=ROOM)
        reader.send(h11.Request(method=next(asked, b"GET"), target="/", headers=[("Host", "x")]))
        reader.send(h11.EndOfMessage())
        reader.receive_data(data)
        if ended:
            reader.receive_data(b"")
        answer, closes = _read_answer(reader, data)
        answers.append(answer)
        data = reader.trailing_data[0] if answer.whole else b""
        if closes:
            break
    return answers, data


def _read_answer(reader: h11.Connection, data: bytes) -> tuple[Got, bool]:
    status, body, own = 0, b"", False
    while True:
        try:
            event = reader.next_event()
        except h11.RemoteProtocolError as error:
            if reader.trailing_data[1]:
                return Got(status, b"" if own else body, False), True
            raise AssertionError(f"a client gets what is not HTTP/1.1: {error}: {data!r}") from error
        if isinstance(event, h11.Response):
            status = event.status_code
            own = (b"cache-control", b"no-store") in list(event.headers)
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            return Got(status, b"" if own else body), reader.their_state is h11.MUST_CLOSE
        elif event in (h11.NEED_DATA, h11.PAUSED) or isinstance(event, h11.ConnectionClosed):
            return Got(status, b"" if own else body, False), True
