"""Balancing methods: which of the candidates gets the next request that is bound to none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from .member import Member


class Policy(Protocol):
    """What a balancer asks of its method; one instance serves one balancer."""

    def pick(self, candidates: Sequence[Member]) -> Member:
        """Choose among ``candidates`` (at least one, in configured order)."""

    def stuck(self, member: Member, usable: Sequence[Member]) -> None:
        """Learn that a request went to ``member`` because it is bound to it; ``usable`` are all that could serve."""


class ByRequests:
    """Smooth weighted round robin: Apache's ``lbmethod=byrequests`` with its sequences and its ties.

    Every candidate gains its weight, the highest count wins (the first of equals), and the winner pays the sum.
    Requests that are bound to a member move the counts too, so that new users go where fewer requests went.
    """

    def pick(self, candidates: Sequence[Member]) -> Member:
        best = candidates[0]
        total = 0
        for member in candidates:
            member.lbstatus += member.loadfactor
            total += member.loadfactor
            if member.lbstatus > best.lbstatus:
                best = member
        best.lbstatus -= total
        return best

    def stuck(self, member: Member, usable: Sequence[Member]) -> None:
        """Count it as if the method had chosen ``member`` among all that are usable."""
        total = 0
        for other in usable:
            other.lbstatus += other.loadfactor
            total += other.loadfactor
        member.lbstatus -= total


class ByBusyness(ByRequests):
    """Fewest requests and WebSockets in flight; among equals as by requests: Apache's ``lbmethod=bybusyness``.

    Weights decide between equals only.
    """

    def pick(self, candidates: Sequence[Member]) -> Member:
        best = candidates[0]
        total = 0
        for member in candidates:
            member.lbstatus += member.loadfactor
            total += member.loadfactor
            busy, least = member.busy + member.elsewhere, best.busy + best.elsewhere
            if busy < least or (busy == least and member.lbstatus > best.lbstatus):
                best = member
        best.lbstatus -= total
        return best


class ByTraffic:
    """Fewest bytes so far, sent and received, for its weight: Apache's ``lbmethod=bytraffic``.

    Nothing is ever forgotten: a member that joins later gets all new users until it has caught up.
    """

    def pick(self, candidates: Sequence[Member]) -> Member:
        return min(candidates, key=_load)  # the first of equals

    def stuck(self, member: Member, usable: Sequence[Member]) -> None:
        """Its bytes are counted when they come."""


def _load(member: Member) -> int:
    return member.traffic_out // member.loadfactor + member.traffic_in // member.loadfactor
