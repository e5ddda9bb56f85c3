"""A logger for autobahn that says only what an operator can act on."""

from __future__ import annotations

from typing import Any

from twisted.logger import Logger


class Quiet:
    """autobahn warns of every peer that breaks off; here that is a line of the access log or a member's flip."""

    _log = Logger("autobahn")

    def debug(self, message: str, /, **fields: Any) -> None:
        """Not said."""

    trace = info = warn = debug

    def error(self, message: str, /, **fields: Any) -> None:
        """Said."""
        self._log.error(message, **fields)
