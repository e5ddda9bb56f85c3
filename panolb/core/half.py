"""One side of a WebSocket: the port to it, and what is known of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from .histogram import Histogram

WITHIN_FRAME, WITHIN_MESSAGE, BETWEEN = range(3)


class End(Protocol):
    """The port to one side."""

    @property
    def readiness(self) -> int:
        """Where what it was sent stands: `WITHIN_FRAME`, `WITHIN_MESSAGE` or `BETWEEN`."""

    @property
    def backlog(self) -> int:
        """Bytes that wait to be sent to it."""

    @property
    def given(self) -> int:
        """Bytes that were sent to it, or wait to be."""

    @property
    def taken(self) -> int:
        """Those of them that have arrived, as far as anybody knows."""

    @property
    def messages(self) -> int:
        """How many messages came from it."""

    @property
    def octets(self) -> int:
        """How many bytes they had."""

    def send_ping(self, payload: bytes) -> None:
        """Ping it."""

    def send_close(self, payload: bytes) -> None:
        """Tell it goodbye; nothing else is sent to it after that."""

    def finish(self) -> None:
        """End its connection when everything has been sent."""

    def cut(self) -> None:
        """End its connection at once."""


class Half:
    """What is known of one side.

    :ivar whose: ``client`` or ``member``.
    :ivar heard: clock reading of the last byte from it.
    :ivar pinged: clock reading at which our ping went to it; ``None`` when none is in flight.
    :ivar before_ping: what had been given to it before that ping, in bytes; ``taken`` is what it had taken of it then,
        or at the last look since.
    :ivar round_trip: seconds that its last answer to a ping took; ``None`` before the first.
    :ivar round_trips: counts all of these; ``None`` where nobody does.
    :ivar counted: how many of the messages from it stand in somebody's sums; ``waiting`` how many bytes of them that wait
        to be sent to the other side.
    :ivar stalled: clock reading since which it takes so little that the other side is paused; ``None`` when it does not.
    :ivar goodbye: the payload of the close frame that is due to it; ``None`` as long as there is no reason for one.
    :ivar told: whether that close frame was sent.
    :ivar closed: whether it has sent one.
    :ivar lost: whether its connection has ended.
    """

    __slots__ = (
        "before_ping",
        "closed",
        "counted",
        "end",
        "goodbye",
        "heard",
        "lost",
        "other",
        "pinged",
        "round_trip",
        "round_trips",
        "stalled",
        "taken",
        "told",
        "waiting",
        "whose",
    )

    end: End
    other: Half

    def __init__(self, whose: str, now: float) -> None:
        self.whose = whose
        self.heard = now
        self.pinged: float | None = None
        self.before_ping = self.taken = 0
        self.round_trip: float | None = None
        self.round_trips: Histogram | None = None
        self.counted = self.waiting = 0
        self.stalled: float | None = None
        self.goodbye: bytes | None = None
        self.told = False
        self.closed = False
        self.lost = False

    @property
    def waits(self) -> bool:
        """Whether a close frame is due to it and was not sent yet."""
        return self.goodbye is not None and not self.told and not self.lost
