"""Which failures are explained by what was done to a member.

A request's line in the access log says which member failed it and how.  That is explained when this member was in such
trouble just then, and when `docs/failures.rst` says that this kind of request then fails in this way.  Nothing else is:
not a status that fits but from another member, not a ``GET`` that could have been sent again, not a byte that is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

# What users do.
SMALL, DOWNLOAD, UPLOAD, WEBSOCKET = "small GET", "download", "upload", "WebSocket"
LEAVE = "left midway"
"""A download or an upload whose user resets the connection: nothing of it can fail."""

# What is done to members.
KILLED, FROZEN, DRAINED, EMPTIED = "killed", "frozen", "drained", "drained with its WebSockets closed"

# How a request fails; else it is an HTTP status or a close code.
CUT, MOVED, CONTENT, SILENCE = "cut", "moved", "wrong content", "silence"

SLACK = 1.0
"""Seconds that may lie between a trouble and what a busy machine notices of it."""


@dataclass(frozen=True)
class Failure:
    """A request, or a WebSocket, that did not go well.

    :ivar number: in its target.
    :ivar how: `CUT`, `MOVED`, `CONTENT`, `SILENCE`, a status or a close code.
    :ivar route: the member that its user was bound to; empty for none.
    :ivar began: clock reading in seconds, as for `Trouble`; likewise ``ended``.
    """

    number: int
    kind: str
    how: str
    route: str
    began: float
    ended: float


@dataclass
class Trouble:
    """What was done to a member, and until when it was not in order again; clock readings in seconds."""

    kind: str
    route: str
    began: float
    ended: float = float("inf")

    def during(self, failure: Failure) -> bool:
        """Whether the failed request was under way meanwhile."""
        return self.began - SLACK <= failure.ended and failure.began <= self.ended + SLACK


class Rule(NamedTuple):
    """One way in which a request may fail.

    :ivar term: how the access log says that it ended; for a WebSocket with the code of the side that ended it.
    """

    trouble: str
    term: str
    kinds: tuple[str, ...]
    how: tuple[str, ...]
    because: str


ANYTHING = (SMALL, DOWNLOAD, UPLOAD, WEBSOCKET)

RULES = (
    Rule(
        KILLED,
        "member-broke",
        (UPLOAD, WEBSOCKET),
        ("502",),
        "killed with the request in flight, which may have been acted on and is not sent again",
    ),
    Rule(KILLED, "member-broke", (DOWNLOAD,), (CUT,), "killed within the answer's body"),
    Rule(KILLED, "member-lost:1006", (WEBSOCKET,), ("1012",), "killed with the WebSocket open"),
    Rule(FROZEN, "member-timeout", ANYTHING, ("504",), "frozen for longer than response_timeout"),
    Rule(
        FROZEN, "member-timeout", (DOWNLOAD,), (CUT,), "frozen for longer than stall_timeout within the body"
    ),
    Rule(FROZEN, "member-silent:1006", (WEBSOCKET,), ("1012",), "frozen, and left pings unanswered"),
    Rule(EMPTIED, "drained:1012", (WEBSOCKET,), ("1012",), "drained with its WebSockets closed"),
)

MOVING = (KILLED, FROZEN, EMPTIED)
"""Troubles with which a member's users go to other members."""

LINE = re.compile(
    r'"\S+ \S+[?&]n=(?P<number>\d+)\S* HTTP/1\.1" (?P<status>\d+) \S+ (?:app/)?(?P<route>\S+) \S+ \S+ '
    r"(?P<term>\S+) \d+ \S+$"
)


class Logged(NamedTuple):
    """What the access log says of a request: the member, and how it ended."""

    route: str
    term: str


def read_log(file: Path, numbers: Iterable[int]) -> dict[int, Logged]:
    """What the access log says of some requests; of a WebSocket, how it ended."""
    wanted = set(numbers)
    found = {}
    with file.open(errors="replace") as lines:
        for line in lines:
            match = LINE.search(line)
            if match and int(match["number"]) in wanted and not match["term"].startswith("opened"):
                found[int(match["number"])] = Logged(match["route"], match["term"])
    return found


def explain(failure: Failure, logged: Logged | None, troubles: Iterable[Trouble]) -> str | None:
    """Why a request failed; ``None`` when nothing that was done explains it."""
    about = [trouble for trouble in troubles if trouble.during(failure)]
    if failure.how == MOVED:
        for trouble in about:
            if trouble.kind in MOVING and trouble.route == failure.route:
                return f"the user's member was {trouble.kind}: another one served him"
        return None
    if logged is None:
        return None
    for rule in RULES:
        if logged.term == rule.term and failure.kind in rule.kinds and failure.how in rule.how:
            for trouble in about:
                if trouble.kind == rule.trouble and trouble.route == logged.route:
                    return f"the member was {rule.because}"
    return None
