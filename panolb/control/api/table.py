"""All calls of the API."""

from __future__ import annotations

from . import configuring, explaining, happenings, held, members, overview, sessions
from .calls import Call

CALLS: tuple[Call, ...] = (
    *overview.CALLS,
    *members.CALLS,
    *sessions.CALLS,
    *held.CALLS,
    *configuring.CALLS,
    *explaining.CALLS,
    *happenings.CALLS,
)
