"""The logger of everybody who tells events."""

from __future__ import annotations

from typing import Any

from twisted.logger import Logger

from .table import EVENTS


class EventLogger(Logger):
    """A logger that adds an event's code to its line, behind the level: ``[panolb.control.build#warn PLB-1102]``.

    Observers find it as ``log_code``.
    """

    def emit(self, level: Any, format: str | None = None, **fields: Any) -> None:  # Twisted's name
        """As `twisted.logger.Logger.emit`; a field ``event`` is the name of an event."""
        happening = EVENTS.get(fields.get("event", ""))
        if happening is not None:
            fields["log_code"] = happening.code
            fields["log_system"] = f"{self.namespace}#{level.name} {happening.code}"
        super().emit(level, format, **fields)
