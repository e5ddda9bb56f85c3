"""A member that understands requests by the book, and writes down what was unclear about their bytes."""

from __future__ import annotations

import h11

from tests.harness.doubts import doubts, framed_twice
from tests.harness.member import Member
from tests.harness.talk import Request, Talk


class Recorder:
    """What came to a member, which answers each request with what it has understood of it.

    :ivar understood: method, target and length of the body of whole requests, in the order of their ends.
    :ivar fields: the names of all fields that came, lower case.
    :ivar trailers: the same of the trailers.
    :ivar doubts: what two servers could see differently in what came.
    """

    def __init__(self, member: Member) -> None:
        self.member = member
        self.begin()

    def begin(self) -> None:
        """Record from here on; nothing came yet."""
        self.member.script = self._serve
        self.understood: list[str] = []
        self.fields: set[str] = set()
        self.trailers: set[str] = set()
        self.doubts: list[str] = []

    def _serve(self, talk: Talk, request: Request) -> None:
        """Serve a connection from its first request to its end."""
        _Conversation(self, talk).serve(request.head + talk.rest())


class _Conversation:
    """One connection to a recording member."""

    def __init__(self, recorder: Recorder, talk: Talk) -> None:
        self._recorder = recorder
        self._talk = talk
        self._reader = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
        self._raw = b""
        self._line = ""
        self._length = 0

    def serve(self, data: bytes) -> None:
        """Go on from these bytes until one side has had enough."""
        reader, talk = self._reader, self._talk
        while data:
            self._raw += data
            reader.receive_data(data)
            try:
                while self._next():
                    pass
            except h11.RemoteProtocolError:
                self._look()
                self._recorder.doubts.append("what h11 refuses")
                return
            if reader.our_state is h11.MUST_CLOSE:
                return
            if reader.they_are_waiting_for_100_continue:
                talk.send(reader.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
            talk.idle = reader.our_state is h11.IDLE
            data = talk.socket.recv(1 << 18)

    def _next(self) -> bool:
        """Take in the next event; whether there was one."""
        event = self._reader.next_event()
        if isinstance(event, h11.Request):
            self._line = f"{event.method.decode()} {event.target.decode('latin-1')}"
            self._length = 0
            names = [name for name, _ in event.headers]
            self._recorder.fields.update(name.decode("latin-1") for name in names)
            if framed_twice(names):
                self._recorder.doubts.append("two framings")
        elif isinstance(event, h11.Data):
            self._length += len(event.data)
        elif isinstance(event, h11.EndOfMessage):
            self._recorder.trailers.update(name.decode("latin-1") for name, _ in event.headers)
            self._look()
            self._answer(f"{self._line} {self._length}")
        return event not in (h11.NEED_DATA, h11.PAUSED)

    def _look(self) -> None:
        """Look for doubts in the bytes since the last time."""
        raw, self._raw = self._raw, b""
        self._recorder.doubts += doubts(raw)

    def _answer(self, said: str) -> None:
        self._recorder.understood.append(said)
        reader, body = self._reader, said.encode("latin-1")
        head = h11.Response(status_code=200, headers=[("Content-Length", str(len(body)))])
        for part in (head, h11.Data(data=body), h11.EndOfMessage()):
            self._talk.send(reader.send(part) or b"")
        if reader.our_state is h11.DONE and reader.their_state is h11.DONE:
            reader.start_next_cycle()
