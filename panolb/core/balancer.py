"""A balancer: its members, who of them may serve now, and the choice of one for each request.

Who may serve is prepared whenever something changes (`Balancer.refresh`) and only read when a request comes; the one
thing that changes by itself, an error that ends after ``retry`` seconds, is a single comparison away.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from .budget import Budget
from .candidates import by_route, eligible
from .cookie import RouteCookie
from .member import Admin, Member
from .panic import Alarm, Panic
from .pins import Pins
from .policies import Policy
from .ports import Later
from .standing import Past
from .warmup import taking_part

if TYPE_CHECKING:
    from .headers import Peer
    from .request import Request
    from .sticky import Resolver

NEVER = float("inf")

# Why a request went where it went; short, stable words for the access log.
STUCK = "sticky"
MOVED = "moved"
REDIRECTED = "redirect"
NEW = "new"
UNKNOWN = "unknown-route"
UNUSABLE = "member-unusable"
FAILOVER = "failover"

READY = ("up", "drain")  # the states in which a member serves its own users

Watcher = Callable[[Member, str, str, str], None]


class Fate(Enum):
    """What becomes of the users of a member; see `Balancer.fate`."""

    STAY = "it serves them itself"
    MOVE = "other members serve them"
    FORCED = "nobody can serve them, and members in error are tried all the same (forcerecovery)"
    REFUSED = "nobody can serve them: 503"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The rules between the members of a balancer.  Times are seconds.

    :ivar resolver: finds the route in a request; ``None`` without stickysession.
    :ivar cookie: how the route is given to clients; ``None`` when it is not.
    :ivar maxattempts: how many further members may be tried after a failed connect (Apache: members - 1).
    :ivar observe_fails: how many WebSockets in a row must speak against a member to put it in error; 0: they are not heard.
    :ivar wait: how long a request waits for a member that can serve it (Apache: the balancer's timeout).
    :ivar retry_budget: retries per request that are allowed at a high load; 1 for any number.
    :ivar panic_threshold: the share of the members in service that live traffic may put in error; see `Panic`.
    :ivar slow_start: the time in which the share of new users that a member gets grows after its return.
    """

    resolver: Resolver | None = None
    cookie: RouteCookie | None = None
    nofailover: bool = False
    maxattempts: int | None = None
    forcerecovery: bool = True
    failonstatus: Collection[int] = ()
    failontimeout: bool = False
    observe_fails: int = 0
    wait: float = 0.0
    retry_budget: float = 1.0
    panic_threshold: float = 1.0
    slow_start: float = 0.0


class Balancer:
    """The members of one ``<Proxy balancer://name>`` and the rules between them.

    It lives as long as a balancer of its name is configured: exchanges under way see what was changed.

    :param later: calls something later; without it nobody waits.
    :param watcher: told ``(member, state before, state after, why)`` whenever a state has changed, when it is settled
        who may serve.
    :param alarm: told when a member is spared; see `Panic`.

    :ivar shared: called before each choice, for the members' counts to be those of all processes; ``None`` in a single one.
    :ivar budget: what is left for retries; ``None`` for no limit.
    :ivar past: how its members have stood.
    :ivar pins: the sessions that an operator has moved; ``None`` as long as there are none.
    :ivar spared: the members that `panic` spares.
    """

    __slots__ = (
        "_by_route",
        "_candidates",
        "_recheck",
        "_usable",
        "_warm_by",
        "budget",
        "cookie",
        "failonstatus",
        "failontimeout",
        "forcerecovery",
        "later",
        "maxattempts",
        "members",
        "name",
        "nofailover",
        "observe_fails",
        "panic",
        "past",
        "pins",
        "policy",
        "resolver",
        "settings",
        "shared",
        "slow_start",
        "spared",
        "wait",
        "watcher",
    )

    def __init__(
        self,
        name: str,
        members: Sequence[Member],
        policy: Policy,
        settings: Settings = Settings(),
        *,
        later: Later | None = None,
        watcher: Watcher | None = None,
        alarm: Alarm | None = None,
        now: float = 0.0,
    ) -> None:
        self.name = name
        self.members: tuple[Member, ...] = ()
        self.later = later
        self.watcher = watcher
        self.shared: Callable[[], None] | None = None
        self.budget: Budget | None = None
        self.pins: Pins | None = None
        self.past = Past()
        self.panic = Panic(alarm)
        self.spared = self.panic.spared
        self.settings = settings
        self._warm_by = 0.0  # clock reading at which all members get their full shares
        self._by_route: dict[bytes, tuple[Member, ...]] = {}
        self._usable: tuple[Member, ...] = ()
        self._candidates: tuple[Member, ...] = ()
        self._recheck = NEVER
        self.configure(members, policy, settings, now)

    def configure(self, members: Sequence[Member], policy: Policy, settings: Settings, now: float) -> None:
        """Have these members and these rules from now on.

        Members that stay keep their health, their counters and their users; whoever is missing gets nothing new.
        """
        before, self.members = self.members, tuple(members)
        self.policy = policy
        if self.budget is None or settings.retry_budget != self.settings.retry_budget:
            self.budget = None if settings.retry_budget >= 1 else Budget(settings.retry_budget)
        self.settings = settings
        # What every request asks for is one step away.
        self.resolver = settings.resolver
        self.cookie = settings.cookie
        self.nofailover = settings.nofailover
        self.maxattempts = len(members) - 1 if settings.maxattempts is None else settings.maxattempts
        self.forcerecovery = settings.forcerecovery
        self.failonstatus = frozenset(settings.failonstatus)
        self.failontimeout = settings.failontimeout
        self.observe_fails = settings.observe_fails
        self.wait = 0.0 if self.later is None else settings.wait
        self.slow_start = settings.slow_start
        self.panic.configure(self.members, settings.panic_threshold)
        self._by_route = by_route(self.members)
        for member in before:
            if member not in self.members:
                member.leave()
        if self.pins is not None:
            self.pins.keep(self.members)
        for member in self.members:
            if member not in before:
                self._welcome(member, now, joins=bool(before))
        self.refresh(now, "the configuration was changed")

    def _welcome(self, member: Member, now: float, joins: bool) -> None:
        """A member's first state is nobody's news.

        :param joins: whether others serve already: then it is as cold as one that comes back (slow_start).
        """
        member.returns = joins
        state = member.describe(now)
        self._comes_or_goes(member, state, now)
        member.state = state

    # -- choosing (hot) ---------------------------------------------------------------------------------------------

    def pinned(self, request: Request, peer: Peer, now: float) -> Member | None:
        """The member that an operator has moved the session of a request to; only while there are `pins`."""
        assert self.pins is not None
        member = self.pins.member(request, peer, now)
        if not self.pins:
            self.pins = None
        return member

    def choose(
        self,
        route: bytes | None,
        tried: Collection[Member],
        now: float,
        force: bool = True,
        pinned: Member | None = None,
    ) -> Decision | None:
        """The member for a request that carries ``route``, leaving out those already ``tried`` for it.

        :param force: whether members in error may be chosen when there is nobody else (forcerecovery), and spared ones.
        :param pinned: see `pinned`; it comes before whoever the route is of.
        :returns: ``None`` when nobody may serve it: 503.
        """
        if now >= self._recheck:
            self.refresh(now)
        if self.shared is not None:
            self.shared()
        failover = bool(tried)
        if self.spared and not force:
            tried = (*tried, *self.spared)  # in vain, a moment ago
        if pinned is not None and pinned.ready and pinned not in tried:
            return self._moved(pinned, route)
        forced = force and self.forcerecovery and self._all_suspected
        why = NEW
        if route:
            bound = self._by_route.get(route)
            if bound is None:
                why = UNKNOWN
            else:
                stuck: Member | None
                for stuck in bound:
                    if stuck.ready and stuck not in tried:
                        break
                else:
                    stuck = _in_error(bound, tried) if forced else None
                if stuck is not None:
                    self.policy.stuck(stuck, self._usable)
                    if stuck.spec.route == route:
                        return Decision(stuck, STUCK, False)
                    return Decision(stuck, REDIRECTED, True)
                if self.nofailover:
                    return None
                why = UNUSABLE
        candidates = eligible(self.members, tried, forced) if tried or forced else self._candidates
        if not candidates:
            return None
        if now < self._warm_by:
            candidates = taking_part(candidates, now)
        return Decision(
            self.policy.pick(candidates), FAILOVER if failover else why, self.resolver is not None
        )

    def _moved(self, member: Member, route: bytes | None) -> Decision:
        """An operator's choice; from when on the client has learnt the route it is stuck like any other."""
        self.policy.stuck(member, self._usable)
        if route and route == member.spec.route:
            return Decision(member, STUCK, False)
        return Decision(member, MOVED, self.resolver is not None)

    @property
    def _all_suspected(self) -> bool:
        """Whether live traffic has found nobody of use: all are in error, or spared."""
        return self.spared.issuperset(self._candidates) if self.spared else not self._candidates

    def fate(self, member: Member) -> Fate:
        """What becomes of requests that carry the route of ``member`` by the rules of `choose`, as things stand now."""
        if member.ready:
            return Fate.STAY
        bound = self._by_route.get(member.spec.route, ())
        free = member.leaving or not (bound and self.nofailover)
        if any(other.ready for other in bound) or (free and self._candidates):
            return Fate.MOVE
        if not self.forcerecovery or self._candidates:
            return Fate.REFUSED
        forced = _in_error(bound, ()) is not None or (free and eligible(self.members, (), forced=True))
        return Fate.FORCED if forced else Fate.REFUSED

    def reason(self, member: Member, now: float) -> str:
        """Why ``member`` does not serve as others do, in words; empty when it does."""
        if member.health.reason:
            return member.health.reason
        if member in self.spared:
            return "requests to it fail, but it stays in service: too many members are in error (panic_threshold)"
        warmth = member.warm_up.share(now)
        return "" if warmth == 1 else f"warming up: it gets {warmth:.0%} of its new users (slow_start)"

    # -- changing ---------------------------------------------------------------------------------------------------

    def fault(self, member: Member, now: float, reason: str, observed: bool = False) -> None:
        """Live traffic could not use ``member``: keep it out for its ``retry`` seconds (Apache's error state).

        :param observed: see `Health.fault`.
        """
        if member.spec.ignore_errors or member.leaving:
            return
        if self.panic.spares(member, now, reason):
            return
        member.health.fault(now, member.spec.retry, reason, observed)
        self.refresh(now, reason)

    def answered(self, member: Member, now: float, tried: Collection[Member] = ()) -> None:
        """Live traffic could use ``member`` although it was in error, or spared.

        If all were, then what had put them there may be over for the others too, but for those that were ``tried`` in
        vain by the same request: they are tried again (forcerecovery).
        """
        if self.forcerecovery and self._all_suspected:
            for other in self.members:
                if other not in tried:
                    other.health.forgive()
            self.refresh(now, f"{member.spec.name} answered a request after nobody could")
        else:
            member.health.forgive()
            self.refresh(now, "it answered a request")
        self.spared.discard(member)

    def observe(self, member: Member, passed: bool, reason: str, passes: int, fails: int, now: float) -> None:
        """Take the result of one check into account; see `Health.observe`."""
        member.health.observe(passed, reason, passes, fails)
        if passed:
            self.spared.discard(member)
        self.refresh(now, "a check passed" if passed else reason)

    def heard_of_tunnel(self, member: Member, against: str | None, now: float) -> None:
        """Take into account what a WebSocket said of ``member``; see `panolb.core.observing.verdict`."""
        if not self.observe_fails or against is None:
            return
        count = member.health.count_tunnel(bool(against))
        if count >= self.observe_fails:
            why = f"{count} WebSockets in a row failed, the last one because {against}"
            self.fault(member, now, why, observed=True)

    def set_admin(self, member: Member, admin: Admin, now: float, moving: bool = False) -> None:
        """Apply the operator's wish.

        :param moving: with a drain: its users are to go to other members too, as long as there are any.
        """
        member.admin = admin
        member.moving = moving and admin is Admin.DRAIN
        if self.pins is not None and (member.moving or admin in (Admin.DISABLED, Admin.STOPPED)):
            self.pins.leave(member)  # what was wanted before does not bring its users back afterwards
        self.refresh(now, "set by the operator")

    def refresh(self, now: float, cause: str = "its retry time is over") -> None:
        """Prepare who may serve, and tell the watcher what changed.

        :param cause: why it may have changed, in words for the log.
        """
        recheck = NEVER
        changed: list[tuple[Member, str]] = []
        for member in self.members:
            until = member.health.error_until
            if until is not None and until <= now:
                member.health.forgive()
            state = member.describe(now)
            member.ready = state in READY
            if until is not None and until > now:
                recheck = min(recheck, until)
            if state != member.state:
                changed.append((member, member.state))
                self._comes_or_goes(member, state, now)
                member.state = state
            member.returns = member.returns or state != "down"
        self._recheck = recheck
        self.panic.look()
        self._candidates = eligible(self.members, ())
        if self._candidates and not self.nofailover:
            for member in self.members:
                member.ready = member.ready and not member.moving
        self._usable = tuple(member for member in self.members if member.ready)
        self.past.note(self.members, now)
        if self.watcher is not None:
            for member, before in changed:
                self.watcher(member, before, member.state, cause)

    def _comes_or_goes(self, member: Member, state: str, now: float) -> None:
        """A member's state changes to ``state``: begin to warm it up, if that means that it is back."""
        if state not in READY:
            member.warm_up.end()
            self.spared.discard(member)  # it does not stay in service after all
        elif member.state not in READY and member.returns and self.slow_start:
            member.warm_up.begin(now, self.slow_start)
            self._warm_by = now + self.slow_start


def _in_error(members: Iterable[Member], tried: Collection[Member]) -> Member | None:
    """The first that nothing but an error keeps from its users."""
    return next((member for member in members if member.state == "error" and member not in tried), None)
