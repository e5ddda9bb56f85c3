"""What the functions that recognise a difference between Apache and panolb work with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from .exchanges import Arrived, Ask, Lines, Reply, Seen


@dataclass(frozen=True)
class Sent:
    """One exchange, and where it stands.

    :ivar failed: whether a member has refused connections in this play.
    """

    ask: Ask
    reply: Reply
    failed: bool


class Parted(Exception):  # it is no error
    """The difference is one on purpose, and from here on both go ways of their own."""


Alike = Callable[[Sent, Seen, Seen], Seen]


def requests(change: Callable[[Ask, Arrived, Arrived], Arrived]) -> Alike:
    """A difference of what a member gets."""

    def alike(sent: Sent, apache: Seen, panolb: Seen) -> Seen:
        if apache.members != panolb.members:
            return apache
        pairs = zip(apache.arrived, panolb.arrived, strict=True)
        return replace(apache, arrived=[change(sent.ask, one, other) for one, other in pairs])

    return alike


def value(lines: Lines, name: str) -> str | None:
    """The value of a header."""
    return next((found for key, found in lines if key == name), None)


def like(lines: Lines, others: Lines, *names: str) -> Lines:
    """The lines with those of these names taken from the other side."""
    taken = [line for line in others if line[0] in names]
    return sorted([line for line in lines if line[0] not in names] + taken)
