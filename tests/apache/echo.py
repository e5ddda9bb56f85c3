"""A member's end of a WebSocket: what comes goes back."""

from __future__ import annotations

from tests.harness.member import Script
from tests.harness.talk import Request, Talk
from tests.websocket.peer import CLOSE, Peer, accept_for


def either(plain: Script, upgraded: Script) -> Script:
    """One script for WebSocket handshakes, another for all else."""

    def script(talk: Talk, request: Request) -> None:
        websocket = "websocket" in (request.one("Upgrade") or "").lower()
        (upgraded if websocket else plain)(talk, request)

    return script


def switch(talk: Talk, request: Request, *fields: str) -> Peer:
    """Answer a handshake; the open WebSocket."""
    request.whole = True
    key = request.one("Sec-WebSocket-Key") or ""
    lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"]
    lines += [f"Sec-WebSocket-Accept: {accept_for(key)}", *fields]
    talk.send("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n")
    return Peer(talk.socket, client=False, rest=talk.rest())


def echoes(talk: Talk, request: Request, *fields: str) -> None:
    """Accept a WebSocket, with these fields in the 101, and send back whatever comes, the close too."""
    peer = switch(talk, request, *fields)
    while True:
        frame = peer.frame()
        peer.send(frame.opcode, frame.payload, fin=frame.fin)
        if frame.opcode == CLOSE:
            talk.close()
            return
