"""One exchange: what a client sends, what the members do with it, and all that was seen of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import h11

from tests.harness.client import Answer, Client, Cut
from tests.harness.member import Member, Script, close, raw, reset
from tests.harness.talk import Request, Talk

from .steps import framed

Lines = list[tuple[str, str]]
"""Header fields, names in lower case, in order."""


class Blob(bytes):
    """A body, short in messages."""

    def __repr__(self) -> str:
        return super().__repr__() if len(self) < 100 else f"<{len(self)} bytes, {self[:10]!r} first>"


@dataclass(frozen=True)
class Ask:
    """What a client sends.

    :ivar fields: header lines without Host and framing.
    """

    method: str
    target: str
    fields: tuple[str, ...] = ()
    body: bytes = b""
    chunked: bool = False

    def encode(self, host: str) -> bytes:
        """Its bytes."""
        lines, body = framed(self.body, self.chunked, self.fields)
        head = "\r\n".join(
            (f"{self.method} {self.target} HTTP/1.1", f"Host: {host}", *lines, "Connection: close")
        )
        return head.encode("latin-1") + b"\r\n\r\n" + body


@dataclass(frozen=True)
class Reply:
    """What every member does with it.

    :ivar framing: "length", "chunked" or "close".
    :ivar failure: what it does instead: "close", "reset", "garbage", "no colon", "half".
    """

    status: str = "200 OK"
    fields: tuple[str, ...] = ()
    body: bytes = b"ok"
    framing: str = "length"
    failure: str = ""

    def script(self, member: str, ports: Mapping[str, int]) -> Script:
        """What a member does; the answer says which one it was."""
        failures: dict[str, Script] = {
            "close": close,
            "reset": reset,
            "garbage": raw(b"garbage\r\n\r\n", end=True),
            "no colon": raw(b"HTTP/1.1 200 OK\r\nno colon\r\nContent-Length: 0\r\n\r\n", end=True),
            "half": raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", end=True),
        }
        return failures[self.failure] if self.failure else self._answer(member, ports)

    def _answer(self, member: str, ports: Mapping[str, int]) -> Script:
        lines = [f"HTTP/1.1 {self.status}", f"X-Member: {member}"]
        for line in self.fields:
            for number, port in ports.items():
                line = line.replace(f"//b{number}/", f"//127.0.0.1:{port}/")
            lines.append(line)
        bodiless = self.status[:3] in {"204", "304"}
        body = b"" if bodiless else self.body
        framing: list[str] = []
        data = b""
        if bodiless:
            pass  # no body, no framing
        elif self.framing == "chunked":
            framing, data = framed(body, True, ())
        elif self.framing == "close":
            framing, data = ["Connection: close"], body
        else:
            framing, data = [f"Content-Length: {len(body)}"], body
        head = "\r\n".join((*lines, *framing)).encode("latin-1") + b"\r\n\r\n"

        def script(talk: Talk, request: Request) -> None:
            talk.read_body(request)
            talk.send(head if request.method == "HEAD" else head + data)
            if self.framing == "close" and not bodiless:
                talk.close()

        return script


@dataclass(frozen=True)
class Arrived:
    """A request as a member got it."""

    member: str
    line: str
    fields: Lines
    body: bytes


@dataclass(frozen=True)
class Seen:
    """What one peer made of an exchange.

    :ivar ended: how the answer ended: "whole", or "cut" with as much of it as came.
    :ivar status: 0 when not even a head came.
    """

    arrived: list[Arrived] = field(default_factory=list)
    ended: str = "whole"
    status: int = 0
    reason: str = ""
    fields: Lines = field(default_factory=list)
    body: bytes = b""

    @property
    def members(self) -> str:
        """Who was asked."""
        return " ".join(one.member for one in self.arrived)

    @property
    def own(self) -> bool:
        """Whether the balancer itself wrote the answer."""
        return self.status > 0 and not any(name == "x-member" for name, _ in self.fields)

    def without(self, *names: str) -> Seen:
        """The same without these headers of the answer."""
        return replace(self, fields=[line for line in self.fields if line[0] not in names])


def _lines(fields: Sequence[tuple[str, str]]) -> Lines:
    return sorted((name.lower(), value) for name, value in fields)


def exchange(port: int, host: str, ask: Ask, members: Mapping[str, Member]) -> Seen:
    """Send a request on a connection of its own and see what comes of it."""
    for member in members.values():
        member.requests.clear()
    ended, answer = "whole", Answer(0, "", [])
    with Client(port) as client:
        try:
            client.send(ask.encode(host))
            answer = client.head(ask.method)
            while (piece := client.piece()) is not None:
                answer.body += piece
            # Apache counts a request as over after it has sent the answer, but before it closes the connection.
            client.socket.recv(1)
        except (Cut, OSError, h11.RemoteProtocolError):
            ended = "cut"
    arrived = [
        Arrived(number, request.line, _lines(request.headers), Blob(request.body))
        for number, member in sorted(members.items())
        for request in member.requests
    ]
    return Seen(arrived, ended, answer.status, answer.reason, _lines(answer.headers), Blob(answer.body))
