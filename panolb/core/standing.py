"""How the members of a balancer stand: a picture that does not change, and the pictures of the past."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from .member import Admin, Member, MemberSpec

if TYPE_CHECKING:
    from .warmup import WarmUp

KEPT = 500  # pictures of a balancer; about 250 bytes for each member in each


class Standing(NamedTuple):
    """A member at one moment; the names mean what they mean of a `Member`.

    :ivar reason: why it is not well, in words; empty when it is.
    """

    spec: MemberSpec
    state: str
    ready: bool
    admin: Admin
    moving: bool
    loadfactor: int
    reason: str
    warm_up: WarmUp

    def holds(self, member: Member) -> bool:
        """Whether nothing has changed that decides about who is chosen."""
        return (
            self.spec is member.spec
            and self.state == member.state
            and self.ready is member.ready
            and self.admin is member.admin
            and self.moving is member.moving
            and self.loadfactor == member.loadfactor
        )


def standings(members: Iterable[Member]) -> tuple[Standing, ...]:
    """How some members stand now."""
    return tuple(
        Standing(
            member.spec,
            member.state,
            member.ready,
            member.admin,
            member.moving,
            member.loadfactor,
            member.health.reason,
            copy.copy(member.warm_up),
        )
        for member in members
    )


class Past:
    """How the members of a balancer have stood; a new picture only when something changes.

    :param kept: how many pictures.
    """

    __slots__ = ("_pictures",)

    def __init__(self, kept: int = KEPT) -> None:
        self._pictures: deque[tuple[float, tuple[Standing, ...]]] = deque(maxlen=kept)

    def note(self, members: Sequence[Member], now: float) -> None:
        """Something may have changed; when many members fail that is asked for each failure."""
        last = self._pictures[-1][1] if self._pictures else ()
        if len(members) != len(last) or not all(map(Standing.holds, last, members)):
            self._pictures.append((now, standings(members)))

    def at(self, when: float) -> tuple[Standing, ...]:
        """How they stood at a clock reading; empty when that is not known any more."""
        for since, picture in reversed(self._pictures):
            if since <= when:
                return picture
        return ()
