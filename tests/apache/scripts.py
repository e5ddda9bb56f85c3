"""What members do in some cases, beyond the harness's own."""

from __future__ import annotations

from tests.harness.member import Script
from tests.harness.talk import Request, Talk
from tests.harness.waiting import PATIENCE


def stalls(data: bytes = b"") -> Script:
    """Read the request, send so much, and no more until the other side gives up."""

    def script(talk: Talk, request: Request) -> None:
        talk.read_body(request)
        talk.send(data)
        talk.ended(PATIENCE)
        talk.close()

    return script


def pauses(seconds: float) -> Script:
    """Send half of a body, and after a while the rest, if the other side is still there."""

    def script(talk: Talk, request: Request) -> None:
        talk.read_body(request)
        talk.send(page(body=bytes(200))[:-100])
        if talk.ended(seconds):
            talk.close()
            return
        talk.socket.settimeout(PATIENCE)
        talk.send(bytes(100))

    return script


def deaf(talk: Talk, request: Request) -> None:
    """Say nothing after a head, not even 100, until the other side gives up."""
    talk.ended(PATIENCE)
    talk.close()


def resets_upload(talk: Talk, request: Request) -> None:
    """Cut the connection while the body comes."""
    talk.read_some()
    talk.reset()


def continues(talk: Talk, request: Request) -> None:
    """Ask for the body with a 100, then answer with it."""
    if (request.one("Expect") or "").lower() == "100-continue":
        talk.send(b"HTTP/1.1 100 Continue\r\n\r\n")
    body = talk.read_body(request)
    talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


def page(*fields: str, status: str = "200 OK", body: bytes = b"page") -> bytes:
    """An answer with a length."""
    lines = (f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *fields)
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body
