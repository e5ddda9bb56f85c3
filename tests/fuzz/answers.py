"""Bytes of members: a client gets what h11 makes of them, or a page of panolb's own, or sees its connection cut.

The first line of an input is not sent: it says what is asked for, and how the member goes on behind its answer, as in
``POST reset kept``.  Then comes what the member answers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import h11

from .cuts import pieces_of
from .house import LONG, House
from .network import DONE, LOST, Line, Mute
from .recording import ROOM, Got, read_answers

NOTHING = Got(0, b"", False)
OWN = (502, 503, 504)

_LENGTH = b"Content-Length: 3\r\n\r\nabc"
_HANDSHAKE = (
    b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Sec-WebSocket-Extensions: permessage-deflate\r\nSec-WebSocket-Protocol: a, b\r\n\r\n"
)
ASKED = {
    b"GET": b"GET /app/odd HTTP/1.1\r\nHost: x\r\n\r\n",
    b"HEAD": b"HEAD /app/odd HTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST": b"POST /app/odd HTTP/1.1\r\nHost: x\r\n" + _LENGTH,
    b"OLD": b"GET /app/odd HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    b"SPLICE": b"GET /splice/odd HTTP/1.1\r\nHost: x\r\n" + _HANDSHAKE,
    b"MESSAGES": b"GET /messages/odd HTTP/1.1\r\nHost: x\r\n" + _HANDSHAKE,
}
"""What the client asks for, by the first word of an input."""

SWITCHED = re.compile(rb"(?:HTTP/1\.1 1(?!01).*?\r\n\r\n)*HTTP/1\.1 101 ", re.DOTALL)


@dataclass(frozen=True)
class Script:
    """An input.

    :ivar asked: a key of `ASKED`.
    :ivar answer: what the member answers.
    :ivar end: ``close``, ``reset``, or that it leaves the connection as it is.
    :ivar kept: whether the member's connection has served a request before.
    """

    asked: bytes
    answer: bytes
    end: bytes
    kept: bool


def script(data: bytes) -> Script:
    """Take an input apart; what its first line does not say is the ordinary."""
    line, _, answer = data.partition(b"\n")
    words = line.split()
    asked = words[0] if words and words[0] in ASKED else b"GET"
    end = next((word for word in words if word in (b"close", b"reset")), b"")
    return Script(asked, answer, end, b"kept" in words)


class Odd:
    """A member's connection: the odd answer once, good ones to all other requests.

    :ivar sent: the targets of requests, whose heads come whole and at once.
    """

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.line: Line

    def heard(self, data: bytes) -> None:
        stage = self._stage
        for word in (b"/warm", b"/next", b"/odd"):
            if word + b" HTTP/1." in data:
                if word == b"/odd" and stage.odd is None:
                    stage.odd = self.line
                    return
                self.line.give(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(word), word))

    def finished(self) -> None:
        """Nothing follows from that."""


class Stage:
    """What the members of one script have in common: the connection on which the odd answer is to be given."""

    def __init__(self) -> None:
        self.odd: Line | None = None


@dataclass(frozen=True)
class Outcome:
    """What the client got.

    :ivar odd: the odd answer, or what it got instead; `NOTHING` when that was not whole.
    :ivar next: the answer to the next request, on the same connection as far as that goes.
    """

    odd: Got
    next: Got


def outcome(house: House, play: Script, pieces: Sequence[bytes], narrow: bool = False) -> Outcome:
    """Let a member answer so, each piece as one read."""
    stage = Stage()
    client, later = Mute(), Mute()
    methods = [b"HEAD" if play.asked == b"HEAD" else b"GET"]
    with house.visit(lambda: Odd(stage), narrow=narrow):
        house.network.reached = lambda line, peer: setattr(peer, "line", line)
        line = house.client(client)
        if play.kept:
            line.give(b"GET /app/warm HTTP/1.1\r\nHost: x\r\n\r\n")
            methods.insert(0, b"GET")
            house.network.settle()
        before = len(client.got)
        line.give(ASKED[play.asked])
        house.network.settle()
        assert stage.odd is not None
        for piece in pieces:
            stage.odd.give(piece)
            house.network.settle()
        if play.end:
            stage.odd.end(DONE if play.end == b"close" else LOST)
        house.network.settle()
        switched = bool(SWITCHED.match(client.got, before))
        if not switched and not play.end:
            for _ in range(4):
                house.network.settle(LONG / 4)
        answers, _ = ([], b"") if switched else read_answers(client.got, methods, line.ended)
        odd = answers[len(methods) - 1] if len(answers) == len(methods) else NOTHING
        odd = odd if odd.whole else NOTHING
        if line.over or line.silent or odd is NOTHING:
            line, client, methods = house.client(later), later, []
        line.give(b"GET /app/next HTTP/1.1\r\nHost: x\r\n\r\n")
        house.network.settle()
        answers, behind = read_answers(client.got, [*methods, b"GET"], line.ended)
    assert not behind
    return Outcome(odd, answers[-1] if len(answers) == len(methods) + 1 else NOTHING)


def understood(play: Script) -> Got:
    """What h11 makes of the odd answer; `NOTHING` when it does not take it for one."""
    reader = h11.Connection(h11.CLIENT, max_incomplete_event_size=ROOM)
    method = b"HEAD" if play.asked == b"HEAD" else b"GET"
    reader.send(h11.Request(method=method, target="/", headers=[("Host", "x")]))
    reader.send(h11.EndOfMessage())
    reader.receive_data(play.answer.lstrip(b"\r\n"))  # llhttp skips empty lines before an answer
    if play.end == b"close":
        reader.receive_data(b"")
    status, body = 0, b""
    while True:
        try:
            event = reader.next_event()
        except h11.RemoteProtocolError:
            return NOTHING
        if isinstance(event, h11.Response):
            status = event.status_code
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            return Got(status, body)
        elif not isinstance(event, h11.InformationalResponse):
            return NOTHING


def check(house: House, data: bytes) -> None:
    """Hold what must hold of any bytes of a member."""
    play = script(data)
    once = outcome(house, play, [play.answer])
    assert once.next == Got(200, b"/next"), f"the next answer is not its own: {once}"
    repeated = Got(200, b"" if play.asked == b"HEAD" else b"/odd")
    if once.odd not in (NOTHING, repeated) and once.odd.status not in OWN:
        assert once.odd == understood(play), f"the client got {once.odd}, where h11 reads {understood(play)}"
    pieces = pieces_of(play.answer)
    for narrow in (False, True):
        again = outcome(house, play, pieces, narrow)
        assert once == again, f"cut into {pieces!r} (narrow: {narrow}):\n{again}\ninstead of\n{once}"
