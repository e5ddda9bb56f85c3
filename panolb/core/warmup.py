"""Warm-up: a member that has come back gets a growing share of its new users (slow_start).

It may have caches to fill and code to compile, and the method would give it more than the others at once, since it has
fewer requests.  So whatever the method is, it is asked about such a member in a growing share of the choices only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .member import Member

LEAST = 0.1  # the share at the beginning


class WarmUp:
    """That of one member."""

    __slots__ = ("_begun", "_ends", "_owed")

    def __init__(self) -> None:
        self._begun = 0.0  # clock readings
        self._ends = 0.0
        self._owed = 0.0  # choices in which the member should have taken part

    def begin(self, now: float, seconds: float) -> None:
        """The member is back."""
        self._begun, self._ends = now, now + seconds

    def end(self) -> None:
        """It does not serve any more."""
        self._ends = 0.0

    def share(self, now: float) -> float:
        """The share of its new users that the member gets; 1 when it is warm."""
        if now >= self._ends:
            return 1.0
        return LEAST + (1 - LEAST) * (now - self._begun) / (self._ends - self._begun)

    def takes_part(self, share: float) -> bool:
        """Whether this choice is one of its share."""
        self._owed += share
        if self._owed < 1:
            return False
        self._owed -= 1
        return True


def taking_part(candidates: tuple[Member, ...], now: float) -> tuple[Member, ...]:
    """Those among which the method chooses this time; all of them when all are warming up."""
    cold = 0
    chosen: list[Member] = []
    for member in candidates:
        share = member.warm_up.share(now)
        if share < 1:
            cold += 1
            if not member.warm_up.takes_part(share):
                continue
        chosen.append(member)
    return candidates if cold == len(candidates) else tuple(chosen)
