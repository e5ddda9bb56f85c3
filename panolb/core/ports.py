"""What the brain of the data plane asks of the wires: three ports with a handful of verbs each."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from .headers import Answer, Peer

if TYPE_CHECKING:
    from .exchange import Exchange


class Timer(Protocol):
    """Something that is going to happen."""

    def cancel(self) -> None:
        """It is not to happen."""


Later = Callable[[float, Callable[[], None]], Timer]
"""Does something after so many seconds, and returns at once."""


class Client(Protocol):
    """The downstream port: the side that asked."""

    peer: Peer

    def interim(self, status: int, phrase: bytes, lines: list[bytes]) -> None:
        """Pass on a 1xx that is not a switch of protocols."""

    def respond(self, status: int, phrase: bytes, lines: list[bytes], length: int | None, keep: bool) -> None:
        """Send the head of the final answer.

        :param length: the length of the body in bytes; ``None`` when only its end will tell; -1 when it has none.
        :param keep: whether the connection may be kept as far as the exchange knows.
        """

    def send(self, data: bytes) -> None:
        """Send a piece of the body."""

    def finish(self) -> None:
        """The answer is complete."""

    def abort(self) -> None:
        """The answer cannot be completed: cut the connection, so that nobody takes it for whole."""

    def attach(self, link: Link) -> None:
        """Bodies flow between this client and ``link`` now: each pauses the other when it cannot keep up."""

    def detach(self) -> None:
        """The link is gone."""

    def hold(self) -> None:
        """Stop reading the request's body until `attach`: there is nowhere to put it yet."""

    def switch(self, link: Link, answer: Answer, early: bytes) -> bool:
        """The member switched to WebSocket: take the link over.

        :param early: what the member sent after its 101.
        :returns: whether it worked; if not, nothing was sent to the client.  If so, `Exchange.opened` was told.
        """


class Link(Protocol):
    """The upstream port: one connection to a member, for the time of one exchange."""

    reused: bool

    def begin(self, head: bytes, method: bytes) -> None:
        """Send the head of the request."""

    def expect(self, seconds: float) -> None:
        """The member's next word is due within so many seconds; if it does not come: `Exchange.link_timeout`."""

    def send(self, data: bytes) -> None:
        """Send a piece of its body (already framed)."""

    def abort(self) -> None:
        """Cut the connection."""


class Connector(Protocol):
    """Opens connections to one member, or re-uses them."""

    def connect(self, exchange: Exchange, fresh: bool) -> None:
        """Ask for a link; answered by `Exchange.connected` or `Exchange.connect_failed`, at once or later.

        :param fresh: whether it must be a new connection.
        """

    def cancel(self, exchange: Exchange) -> None:
        """The exchange no longer waits for a link."""
