"""What exchanges tell of themselves, brought to all who write it down."""

from __future__ import annotations

from collections.abc import Callable

from twisted.web.server import Request as WebRequest

from ..core.exchange import Exchange
from ..proxy.unexpected import log_unexpected
from .accesslog import AccessLogs
from .ledger import Ledger
from .metrics.counting import Counts
from .metrics.flows import Flows
from .operations import Operations
from .recent import Recent
from .sessions import Sessions
from .shortages import Shortages


class Recording:
    """Hears when a WebSocket stands, and when an exchange or a request of twisted.web is over."""

    def __init__(
        self,
        counts: Counts,
        flows: Flows,
        ledger: Ledger,
        sessions: Sessions,
        operations: Operations,
        recent: Recent,
        shortages: Shortages,
    ) -> None:
        self._counts = counts
        self._flows = flows
        self._ledger = ledger
        self._sessions = sessions
        self._operations = operations
        self._recent = recent
        self._shortages = shortages
        self._note_opened: Callable[[Exchange], object] | None = None
        self._note: Callable[[Exchange], object] | None = None
        self._note_web: Callable[[WebRequest], object] | None = None

    def write_to(self, logs: AccessLogs) -> None:
        """Have these access logs written from now on."""
        self._note_opened, self._note, self._note_web = logs.opener(), logs.writer(), logs.web_writer()

    def opened(self, exchange: Exchange) -> None:
        """A WebSocket stands."""
        try:
            self._counts.opened(exchange)
            self._flows.opened(exchange)
            self._ledger.opened(exchange)
            self._sessions.opened(exchange)
            if self._note_opened is not None:
                self._note_opened(exchange)
            self._operations.opened(exchange)
            self._recent.opened(exchange)
        except Exception:  # noqa: BLE001  # what is written down of it must not cost the WebSocket
            log_unexpected("writing down that a WebSocket was opened", exchange)

    def finished(self, exchange: Exchange) -> None:
        """An exchange is over."""
        try:
            self._counts.finished(exchange)
            if exchange.tunnel is not None:
                self._flows.finished(exchange)
                self._ledger.finished(exchange)
                self._operations.finished(exchange)
            self._recent.note(exchange)
            if exchange.term:
                self._shortages.note(exchange)
            if self._note is not None:
                self._note(exchange)
        except Exception:  # noqa: BLE001  # what is written down of it must not cost the rest of its answer
            log_unexpected("writing down how it ended", exchange)

    def answered_web(self, request: WebRequest) -> None:
        """A request is over that twisted.web served."""
        self._counts.answered(request)
        if self._note_web is not None:
            self._note_web(request)
