"""Reading in pieces, as the lane of messages must.

A read of 64 KiB can hold ten thousand frames, or inflate to a thousand times as much.  So little is received at a time,
what a transport brings beyond that waits for the next turn of the reactor, and when the other side takes no more even
what has been received is not read any further.
"""

from __future__ import annotations

from typing import Any

from .bridge import BridgeEnd
from .poller import RECEIVE, PolledReads

LITTLE = 4 << 10
"""Bytes that are received at a time between two frames, and within one no more than the rest of it.

autobahn takes some 35 us for a frame: of the smallest ones, 64 KiB would keep everybody else waiting for 0.4 s.
"""


class Pieces(BridgeEnd):
    """A side that is read so.

    :ivar data: what `take` has been given and autobahn not read yet.
    """

    data: bytes

    _held = b""  # what came and waits: the other side takes no more, or it is the others' turn
    _paused = False  # whether the other side takes no more
    _going_on = False  # whether `_go_on` is going to be called

    def take(self, data: bytes) -> None:
        """Read a piece."""
        raise NotImplementedError

    def read_little(self, rest: int) -> None:
        """Receive no more than ``LITTLE`` at a time, or the rest of the frame that is under way."""
        self._reads.at_once = LITTLE if rest <= LITTLE else min(rest, RECEIVE)

    def dataReceived(self, data: bytes) -> None:
        if self._held or self._paused:
            if not self.half.closed:
                self._held += data
                if len(self._held) > 4 * RECEIVE:  # more than a transport that lives brings once it is paused
                    self._held = b""
                    self.cut()
        elif len(data) <= self._reads.at_once:
            self.take(data)
        else:  # a transport such as TLS brings as much as it likes
            self._held = data
            self._reads.pause()
            self._go_on()

    def _go_on(self) -> None:
        """Take a piece of what is held, and another one in the next turn of the reactor."""
        self._going_on = False
        if self._paused or not self._held:
            return
        size = self._reads.at_once
        piece, self._held = self._held[:size], self._held[size:]
        self.take(piece)
        if self._held:
            self._go_on_soon()
        elif not self._paused:
            self._reads.resume()

    def _go_on_soon(self) -> None:
        """Receive nothing more before what is held has been taken."""
        if self._held and not self._paused:
            self._reads.pause()
            if not self._going_on:
                self._going_on = True
                self.bridge.client.frontend.reactor.callLater(0, self._go_on)

    def connectionLost(self, reason: Any = None) -> None:
        # What came before the end counts, and is no more than what one read brings.  The end of a paused plain socket
        # is seen only when it was reset: what it has sent then is lost, as TCP has it, instead of inflated at once.
        if self._paused and isinstance(self._reads, PolledReads):
            self._held = b""
        self._reads.stop()
        while self._held:
            rest, self._held = self._held, b""
            self.take(rest)
        try:
            super().connectionLost(reason)  # type: ignore[misc]
        except Exception:  # noqa: BLE001  # autobahn's part of it must not keep the other side waiting
            self.bridge.went_wrong(f"ending the {self.half.whose}'s side of a WebSocket")

    # -- back-pressure ------------------------------------------------------------------------------------------------

    def pause(self) -> None:
        """Read no further, not even what has been received already."""
        self._paused = True
        self._held, self.data = self.data + self._held, b""
        super().pause()

    def resume(self) -> None:
        self._paused = False
        super().resume()
        self._go_on_soon()

    def read_other(self) -> None:
        self.other._paused = False
        super().read_other()
        self.other._go_on_soon()
