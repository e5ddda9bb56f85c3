"""While WebSockets are busy, everything else of the process goes on."""

from __future__ import annotations

import threading

from tests.websocket.lab import Lab, Pair
from tests.websocket.peer import BINARY, Frame

PUSHED = Frame(BINARY, b"x" * 200).encode(mask=False) * 5


class Traffic:
    """A WebSocket on which the member pushes as fast as the client takes."""

    def __init__(self, pair: Pair) -> None:
        self._pair = pair
        self._over = threading.Event()
        self.octets = 0
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._push, self._take)]
        for thread in self._threads:
            thread.start()

    def _push(self) -> None:
        while not self._over.is_set():
            self._pair.member.socket.sendall(PUSHED)

    def _take(self) -> None:
        while not self._over.is_set():
            self.octets += len(self._pair.browser.socket.recv(1 << 16))

    def end(self) -> None:
        """Push no more."""
        self._over.set()
        for thread in self._threads:
            thread.join()


def test_other_sockets_and_timers_have_their_turns(lab: Lab) -> None:
    """Other connections are accepted and answered, and a handshake under way is completed."""
    traffic = [Traffic(lab.open()) for _ in range(3)]
    try:
        for _ in range(20):
            assert lab.busy() == 3
        before = [one.octets for one in traffic]
        pair = lab.open()
        pair.member.send(BINARY, b"late")
        assert pair.browser.frame() == Frame(BINARY, b"late")
        assert all(one.octets > octets for one, octets in zip(traffic, before, strict=True))
    finally:
        for one in traffic:
            one.end()
