"""Steps with WebSockets and other protocols that a connection can change to."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Unpack

from tests.harness.talk import Request, Talk
from tests.harness.waiting import until
from tests.websocket.peer import BINARY, CLOSE, TEXT, Browser, Frame

from .echo import switch
from .expected import Expected
from .scene import Scene, Step
from .steps import PATH, ask, head

HANDSHAKE = ("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13")


def handshake(*fields: str, on: str | None = None, **expected: Unpack[Expected]) -> Step:
    """A handshake that is answered like any other request."""
    return ask(
        "GET", PATH, "Connection: Upgrade", "Upgrade: websocket", *HANDSHAKE, *fields, on=on, **expected
    )


def opens(name: str, *fields: str, to: str | None = None, has: Sequence[str] = ()) -> Step:
    """A handshake that succeeds.

    :param to: the member that took it.
    :param has: the cookies that the 101 sets.
    """

    def step(scene: Scene) -> None:
        scene.forget()
        browser = Browser(scene.peer.port)
        browser.upgrade(PATH, f"Host: {scene.host}", *fields)
        scene.tunnels[name] = browser.switched()
        assert browser.all("Set-Cookie") == list(has), browser.headers
        assert to is None or scene.reached() == to, scene.requests()
        scene.forget()

    return step


def says(name: str, data: bytes = b"hello") -> Step:
    """A message, and its echo."""

    def step(scene: Scene) -> None:
        tunnel = scene.tunnels[name]
        tunnel.send(BINARY if len(data) > 1000 else TEXT, data)
        assert tunnel.message() == data

    return step


def at_rest(scene: Scene) -> None:
    """Wait until no member serves anything."""
    members = scene.members.values()
    until(lambda: not any(t.open and not t.idle for m in members for t in m.talks), "members to be idle")


def closes(name: str) -> Step:
    """The closing handshake, begun by the client; afterwards no member has anything open."""

    def step(scene: Scene) -> None:
        tunnel = scene.tunnels.pop(name)
        tunnel.close_frame(1000)
        tunnel.closed()
        tunnel.ended()
        tunnel.socket.close()
        at_rest(scene)

    return step


def cut(name: str) -> Step:
    """The balancer ends it, with or without a close frame."""

    def step(scene: Scene) -> None:
        tunnel = scene.tunnels.pop(name)
        try:
            if tunnel.frame().opcode == CLOSE:
                tunnel.close_frame(1000)
        except ConnectionError:
            pass  # without a word
        tunnel.ended()
        at_rest(scene)

    return step


def pipelined(*fields: str) -> Step:
    """A message right behind the handshake's head."""

    def step(scene: Scene) -> None:
        browser = Browser(scene.peer.port)
        frame = Frame(TEXT, b"early").encode(mask=True)
        browser.upgrade(PATH, f"Host: {scene.host}", *fields, behind=frame)
        scene.tunnels["early"] = browser.switched()
        assert scene.tunnels["early"].message() == b"early"
        scene.forget()

    return step


def half_closed(last: bytes) -> Step:
    """The client ends its side without a word; what the member says then, and still arrives."""

    def step(scene: Scene) -> None:
        def script(talk: Talk, request: Request) -> None:
            peer = switch(talk, request)
            assert any(talk.ended() for _ in range(200))  # panolb sends a close frame before the end
            peer.send(TEXT, b"last words")
            talk.close()

        scene.members["1"].script = script
        browser = Browser(scene.peer.port)
        browser.upgrade(PATH, f"Host: {scene.host}", "Cookie: ROUTEID=.1")
        tunnel = scene.tunnels["half"] = browser.switched()
        tunnel.socket.shutdown(socket.SHUT_WR)
        if last:
            assert tunnel.message() == last
        tunnel.ended()
        scene.forget()

    return step


def switched(scene: Scene, protocol: str, fields: Sequence[str]) -> socket.socket:
    """Ask for a protocol, and read the 101 that grants it."""
    client = scene.client(protocol)
    client.send(head(scene, "GET", PATH, (f"Upgrade: {protocol}", *fields)))
    data = b""
    while b"\r\n\r\n" not in data:
        more = client.socket.recv(1 << 16)
        assert more, data
        data += more
    assert data.startswith(b"HTTP/1.1 101 "), data
    assert f"upgrade: {protocol}" in data.decode().lower()
    return client.socket


def switches_to(protocol: str, *fields: str) -> Step:
    """A handshake with exactly these fields, which is granted."""

    def step(scene: Scene) -> None:
        switched(scene, protocol, fields)
        scene.forget()

    return step


def tunnels(protocol: str, *fields: str) -> Step:
    """Another protocol: bytes go both ways untouched."""

    def script(talk: Talk, request: Request) -> None:
        request.whole = True
        talk.send(
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %b\r\n\r\n"
            % protocol.encode()
        )
        talk.send(talk.socket.recv(100)[::-1])
        talk.close()

    def step(scene: Scene) -> None:
        before, scene.members["1"].script = scene.members["1"].script, script
        connection = switched(scene, protocol, ("Connection: Upgrade", *fields))
        connection.sendall(b"\x00abc")
        assert connection.recv(100) == b"cba\x00"
        scene.members["1"].script = before
        scene.forget()

    return step
