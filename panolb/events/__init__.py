"""What panolb tells of itself under a stable name and code: one table, and the logger that knows it.

An event is a line of the process log that says its name: ``log.warn("member {member}: ...", event="member.down",
member=...)``, by an `EventLogger`.
"""

from __future__ import annotations

from .logger import EventLogger
from .table import EVENTS, Happening

__all__ = ["EVENTS", "EventLogger", "Happening"]
