"""A balancer: its members, who of them may serve now, and the choice of one for each request.

Who may serve is prepared whenever something changes (`Balancer.refresh`) and only read when a request comes; the one
thing that changes by itself, an error that ends after ``retry`` seconds, is a single comparison away.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING

from .cookie import RouteCookie
from .member import Admin, Member
from .policies import Policy

if TYPE_CHECKING:
    from .sticky import Resolver

NEVER = float("inf")

# Why a request went where it went; short, stable words for the access log.
STUCK = "sticky"
NEW = "new"
UNKNOWN = "unknown-route"
UNUSABLE = "member-unusable"
FAILOVER = "failover"

Watcher = Callable[[Member, str, str, str], None]


class Decision:
    """Why a request goes to ``member``.

    :ivar why: one of the words above.
    :ivar changed: whether the client has to learn a new route (Apache's ``BALANCER_ROUTE_CHANGED``).
    """

    __slots__ = ("changed", "member", "why")

    def __init__(self, member: Member, why: str, changed: bool) -> None:
        self.member = member
        self.why = why
        self.changed = changed


class Balancer:
    """The members of one ``<Proxy balancer://name>`` and the rules between them.

    :param resolver: finds the route in a request; ``None`` without stickysession.
    :param cookie: how the route is given to clients; ``None`` when it is not.
    :param maxattempts: how many further members may be tried after a failed connect (Apache: members - 1).
    :param watcher: told ``(member, state before, state after, why)`` whenever a state changes.
    """

    __slots__ = (
        "_by_route",
        "_candidates",
        "_recheck",
        "_usable",
        "cookie",
        "failonstatus",
        "failontimeout",
        "forcerecovery",
        "maxattempts",
        "members",
        "name",
        "nofailover",
        "policy",
        "resolver",
        "watcher",
    )

    def __init__(
        self,
        name: str,
        members: Sequence[Member],
        policy: Policy,
        *,
        resolver: Resolver | None = None,
        cookie: RouteCookie | None = None,
        nofailover: bool = False,
        maxattempts: int | None = None,
        forcerecovery: bool = True,
        failonstatus: Collection[int] = (),
        failontimeout: bool = False,
        watcher: Watcher | None = None,
        now: float = 0.0,
    ) -> None:
        self.name = name
        self.members = tuple(members)
        self.policy = policy
        self.resolver = resolver
        self.cookie = cookie
        self.nofailover = nofailover
        self.maxattempts = len(self.members) - 1 if maxattempts is None else maxattempts
        self.forcerecovery = forcerecovery
        self.failonstatus = frozenset(failonstatus)
        self.failontimeout = failontimeout
        self.watcher = watcher
        self._by_route = self._index_routes()
        self._usable: tuple[Member, ...] = ()
        self._candidates: tuple[Member, ...] = ()
        self._recheck = NEVER
        for member in self.members:
            member.state = member.describe(now)  # the first state is nobody's news
        self.refresh(now)

    # -- choosing (hot) ---------------------------------------------------------------------------------------------

    def choose(self, route: bytes | None, tried: Collection[Member], now: float) -> Decision | None:
        """The member for a request that carries ``route``, leaving out those already ``tried`` for it.

        :returns: ``None`` when nobody may serve it: 503.
        """
        if now >= self._recheck:
            self.refresh(now)
        forced = self.forcerecovery and not self._candidates
        why = NEW
        if route:
            bound = self._by_route.get(route)
            if bound is None:
                why = UNKNOWN
            else:
                for member in bound:
                    if (member.ready or (forced and _only_in_error(member))) and member not in tried:
                        self.policy.stuck(member, self._usable)
                        return Decision(member, STUCK, False)
                if self.nofailover:
                    return None
                why = UNUSABLE
        candidates = self._eligible(tried, forced) if tried or forced else self._candidates
        if not candidates:
            return None
        return Decision(self.policy.pick(candidates), FAILOVER if tried else why, self.resolver is not None)

    # -- changing ---------------------------------------------------------------------------------------------------

    def fault(self, member: Member, now: float, reason: str) -> None:
        """Live traffic could not use ``member``: keep it out for its ``retry`` seconds (Apache's error state)."""
        if not member.spec.ignore_errors:
            member.health.fault(now, member.spec.retry, reason)
            self.refresh(now, reason)

    def answered(self, member: Member, now: float) -> None:
        """Live traffic could use ``member`` although it was in error."""
        member.health.forgive()
        self.refresh(now, "it answered a request")

    def observe(self, member: Member, passed: bool, reason: str, passes: int, fails: int, now: float) -> None:
        """Take the result of one check into account; see `Health.observe`."""
        member.health.observe(passed, reason, passes, fails)
        self.refresh(now, "a check passed" if passed else reason)

    def set_admin(self, member: Member, admin: Admin, now: float) -> None:
        """Apply the operator's wish."""
        member.admin = admin
        self.refresh(now, "set by the operator")

    def refresh(self, now: float, cause: str = "its retry time is over") -> None:
        """Prepare who may serve, and tell the watcher what changed.

        :param cause: why it may have changed, in words for the log.
        """
        recheck = NEVER
        for member in self.members:
            until = member.health.error_until
            if until is not None and until <= now:
                member.health.forgive()
            state = member.describe(now)
            member.ready = state in ("up", "drain")
            if until is not None and until > now:
                recheck = min(recheck, until)
            if state != member.state:
                before, member.state = member.state, state
                if self.watcher is not None:
                    self.watcher(member, before, state, cause)
        self._recheck = recheck
        self._usable = tuple(member for member in self.members if member.ready)
        self._candidates = self._eligible(())

    # -- preparing --------------------------------------------------------------------------------------------------

    def _index_routes(self) -> dict[bytes, tuple[Member, ...]]:
        """Members by route; several may share one, and hot standbys come last (Apache's two passes)."""
        index: dict[bytes, tuple[Member, ...]] = {}
        for member in sorted(self.members, key=lambda m: m.spec.hot_standby):
            if member.spec.route:
                index[member.spec.route] = (*index.get(member.spec.route, ()), member)
        return index

    def _eligible(self, excluded: Collection[Member], forced: bool = False) -> tuple[Member, ...]:
        """The members among which the method chooses: the lowest lbset that has any (Apache's selection)."""
        for lbset in sorted({member.spec.lbset for member in self.members}):
            candidates = self._eligible_in(
                [m for m in self.members if m.spec.lbset == lbset], excluded, forced
            )
            if candidates:
                return candidates
        return ()

    @staticmethod
    def _eligible_in(
        members: Sequence[Member], excluded: Collection[Member], forced: bool
    ) -> tuple[Member, ...]:
        """Regular members, a spare for each of them that is missing, or else the standbys."""
        regular: list[Member] = []
        spares: list[Member] = []
        standbys: list[Member] = []
        missing = 0
        for member in members:
            spec = member.spec
            usable = (
                (member.ready or (forced and _only_in_error(member)))
                and member.admin is not Admin.DRAIN
                and member not in excluded
            )
            if spec.hot_spare or spec.hot_standby:
                if usable:
                    (spares if spec.hot_spare else standbys).append(member)
            elif usable:
                regular.append(member)
            else:
                missing += 1
        return tuple(regular + spares[:missing]) or tuple(standbys)


def _only_in_error(member: Member) -> bool:
    """Whether nothing but an error of live traffic keeps it from new users; forcerecovery is for these."""
    return member.state == "error" and member.admin is Admin.ACTIVE
