"""Errors that nobody foresaw: logged once, at the cost of one exchange or one connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from ..core.exchange import Exchange

from ..events import EventLogger

log = EventLogger()


class Owner(Protocol):
    """Whose connection or time limit something is, and who pays when it breaks."""

    def went_wrong(self, doing: str) -> None:
        """An unexpected exception is at hand: log it, and end what it was about.  Never raises.

        :param doing: what was being done, to stand behind "while".
        """


def log_unexpected(doing: str, exchange: Exchange | None) -> None:
    """Write down the exception at hand, with its traceback.

    :param doing: what was being done, to stand behind "while".
    :param exchange: whose request or WebSocket it was; ``None`` for a connection without one.
    """
    log.failure(
        "{whose}: unexpected error while {doing}; it costs nobody else anything; please report it with this traceback",
        event="internal.error",
        whose="a connection" if exchange is None else f"exchange {exchange.request_id}",
        doing=doing,
    )
