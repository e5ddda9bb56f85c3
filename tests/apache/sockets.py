"""Steps with WebSockets."""

from __future__ import annotations

from tests.harness.waiting import until
from tests.websocket.peer import BINARY, TEXT, Browser

from .scene import Scene, Step
from .steps import PATH


def opens(name: str, *fields: str, to: str | None = None, has: str | None = None) -> Step:
    """A handshake that succeeds.

    :param to: the member that took it.
    :param has: a Set-Cookie that the 101 has; nothing of that name if not given.
    """

    def step(scene: Scene) -> None:
        scene.forget()
        browser = Browser(scene.peer.port)
        browser.upgrade(PATH, f"Host: {scene.host}", *fields)
        scene.tunnels[name] = browser.switched()
        assert browser.all("Set-Cookie") == ([] if has is None else [has])
        assert to is None or scene.reached() == to
        scene.forget()

    return step


def says(name: str, data: bytes = b"hello") -> Step:
    """A message, and its echo."""

    def step(scene: Scene) -> None:
        tunnel = scene.tunnels[name]
        tunnel.send(BINARY if len(data) > 1000 else TEXT, data)
        assert tunnel.message() == data

    return step


def closes(name: str) -> Step:
    """The closing handshake, begun by the client; afterwards no member has anything open."""

    def step(scene: Scene) -> None:
        tunnel = scene.tunnels.pop(name)
        tunnel.close_frame(1000)
        tunnel.closed()
        tunnel.ended()
        tunnel.socket.close()
        members = scene.members.values()
        until(lambda: not any(t.open and not t.idle for m in members for t in m.talks), "members to be idle")

    return step
