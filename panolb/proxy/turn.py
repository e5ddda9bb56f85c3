"""One turn of the reactor: what was written in it is sent at its end, all together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twisted.internet.interfaces import IReactorTime

from .poller import poller_for

if TYPE_CHECKING:
    from .wire import Wire


class Turn:
    """What has been written in the current turn of the reactor and is sent at its end.

    :ivar poller: reads many sockets in one turn; ``None`` where that cannot be.
    """

    __slots__ = ("_entered", "_reactor", "_wires", "poller")

    def __init__(self, reactor: IReactorTime) -> None:
        self._reactor = reactor
        self._wires: list[Wire] = []
        self._entered = False
        self.poller = poller_for(reactor, self)

    def add(self, wire: Wire) -> None:
        """This wire has something to send."""
        if not self._wires and not self._entered:
            self._reactor.callLater(0, self._end)
        self._wires.append(wire)

    def __enter__(self) -> None:
        """Whoever knows when the turn's reading is over need not wait for a timer."""
        self._entered = True

    def __exit__(self, *error: object) -> None:
        self._entered = False
        self._end()

    def _end(self) -> None:
        wires, self._wires = self._wires, []
        for wire in wires:
            try:
                wire.flush()
            except Exception:  # noqa: BLE001  # what the other connections have to say must go out all the same
                wire.went_wrong("writing to a connection")
