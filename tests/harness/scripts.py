"""What a scripted member does with a request."""

from __future__ import annotations

import threading
from collections.abc import Callable

from .talk import Request, Talk
from .waiting import PATIENCE

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
