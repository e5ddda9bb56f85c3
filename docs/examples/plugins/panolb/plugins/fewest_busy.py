"""A balancing method of one's own: ``lbmethod = "fewest-busy"``.

New users go to the member that has the fewest requests and WebSockets in flight for its ``loadfactor``.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.plugin import IPlugin
from zope.interface import implementer

from panolb.core.member import Member
from panolb.core.policies import Policy
from panolb.interfaces import IBalancingMethod


class FewestBusy:
    """The policy: panolb makes one for each balancer that names the method."""

    def pick(self, candidates: Sequence[Member]) -> Member:
        """The least busy candidate; of equals the one that comes first in the configuration."""
        return min(candidates, key=lambda member: member.busy / member.loadfactor)

    def stuck(self, member: Member, usable: Sequence[Member]) -> None:
        """Requests of users who stick to their member: ``busy`` counts them already."""


@implementer(IPlugin, IBalancingMethod)
class FewestBusyMethod:
    """What panolb finds: a name, and a way to make policies."""

    name = "fewest-busy"

    def policy(self) -> Policy:
        """A policy for one balancer."""
        return FewestBusy()


fewest_busy = FewestBusyMethod()
