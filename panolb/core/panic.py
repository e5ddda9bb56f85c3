"""Panic: live traffic speaks against so many members that the trouble is probably not theirs.

When the network between here and the members fails, or all share something that does, taking one after the other out of
service leaves nobody.  So live traffic may put only a share of them in error; whoever would be one too many is *spared*
and serves on, since a member that fails some requests is better than none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from .member import Admin

if TYPE_CHECKING:
    from .member import Member

Alarm = Callable[["Member", int, str], None]


class Panic:
    """How many members of a balancer live traffic may put in error.

    :param alarm: told ``(member, how many are in error, why)`` when a member is spared, once until there is room again.

    :ivar threshold: the share of those in service, one member at least; 1: all, 0: none.
    :ivar spared: members that stay in service although live traffic could not use them, and have not answered since.
    """

    __slots__ = ("_alarmed", "_members", "alarm", "spared", "threshold")

    def __init__(self, alarm: Alarm | None) -> None:
        self._members: Sequence[Member] = ()
        self.threshold = 1.0
        self.alarm = alarm
        self.spared: set[Member] = set()
        self._alarmed = False

    def configure(self, members: Sequence[Member], threshold: float) -> None:
        """Have these members, all of a balancer's, and this threshold from now on."""
        self._members = members
        self.threshold = threshold
        self.spared.intersection_update(members)

    def spares(self, member: Member, now: float, reason: str) -> bool:
        """Whether ``member`` would be one too many in error; then it is spared.

        :param reason: why live traffic could not use it, in words.
        """
        in_error = sum(m is not member and m.describe(now) == "error" for m in self._members)
        if member.health.in_error(now) or in_error < self._most():
            return False
        self.spared.add(member)
        if not self._alarmed:
            self._alarmed = True
            if self.alarm is not None:
                self.alarm(member, in_error, reason)
        return True

    def look(self) -> None:
        """States have changed: it may be over."""
        if self._alarmed and sum(m.state == "error" for m in self._members) < self._most():
            self._alarmed = False
            self.spared.clear()

    def _most(self) -> int:
        """How many members live traffic may put in error."""
        share = self.threshold
        if not 0 < share < 1:
            return int(share) * len(self._members)
        in_service = sum(m.admin not in (Admin.DISABLED, Admin.STOPPED) for m in self._members)
        return max(int(share * in_service), 1)
