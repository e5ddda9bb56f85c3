"""What holds for a balancer whatever happens to its members, in any order."""

from __future__ import annotations

from collections.abc import Callable, Collection

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from panolb.core.balancer import MOVED, REDIRECTED, STUCK, Balancer, Decision, Fate
from panolb.core.member import Admin, Member

from .building import balancer, member

WHO = st.integers(0, 4)
ROUTES = st.sampled_from([None, b"", b"1", b"2", b"3", b"9"])
ADMINS = st.sampled_from([Admin.ACTIVE] * 5 + [Admin.DRAIN, Admin.DISABLED, Admin.STOPPED])
SPECS = st.fixed_dictionaries(
    {"route": st.sampled_from(["", "1", "2", "3"]), "admin": ADMINS, "lbset": st.integers(0, 2)},
    optional={
        "hot_spare": st.booleans(),
        "hot_standby": st.booleans(),
        "ignore_errors": st.booleans(),
        "retry": st.sampled_from([0.0, 1.0, 60.0]),
        "redirect": st.sampled_from([b"1", b"2", b"3", b"9"]),
    },
)  # fmt: skip


def usable(who: Member, now: float) -> bool:
    """Whether a member may serve those who are bound to it; told from its parts, not from what was prepared."""
    return who.admin in (Admin.ACTIVE, Admin.DRAIN) and who.health.up and not who.health.in_error(now)


def in_error(who: Member, now: float) -> bool:
    """Whether nothing but an error of live traffic keeps a member from its users."""
    return who.admin in (Admin.ACTIVE, Admin.DRAIN) and who.health.up and who.health.in_error(now)


def candidates(
    members: Collection[Member], tried: Collection[Member], now: float, forced: bool = False
) -> list[Member]:
    """Apache's selection, written down as its source has it (mod_proxy_balancer, 2.4)."""
    for lbset in range(3):
        missing, best = 0, []
        spares: list[Member] = []
        standbys: list[Member] = []
        for m in members:
            if m.spec.lbset != lbset:
                continue
            free = usable(m, now) or (forced and in_error(m, now))
            free = free and m.admin is not Admin.DRAIN and m not in tried
            if m.spec.hot_spare:
                spares += [m] if free else []
            elif m.spec.hot_standby:
                standbys += [m] if free else []
            elif free:
                best.append(m)
            else:
                missing += 1
        best += spares[:missing]
        if best or standbys:
            return best or standbys
    return []


def member_of(
    route: bytes, members: Collection[Member], serves: Callable[[Member], bool], depth: int = 0
) -> Member | None:
    """Apache's search for who serves a route, redirects and all, likewise."""
    for standby in (False, True):
        for m in members:
            if m.spec.hot_standby is not standby or not route or m.spec.route != route:
                continue
            if serves(m):
                return m
            if m.spec.redirect and depth < len(members):
                other = member_of(m.spec.redirect, members, serves, depth + 1)
                if other is not None:
                    return other
    return None


class AnyOrder(RuleBasedStateMachine):
    """Faults, checks, the operator's wishes, time and requests."""

    @initialize(specs=st.lists(SPECS, min_size=1, max_size=5), nofailover=st.booleans(), force=st.booleans())
    def begin(self, specs: list[dict[str, object]], nofailover: bool, force: bool) -> None:
        self.now = 10.0
        self.told: dict[Member, str] = {}
        members = [member(**changes) for changes in specs]  # type: ignore[arg-type]
        self.balancer: Balancer = balancer(
            *members, nofailover=nofailover, forcerecovery=force, watcher=self.watch, now=self.now
        )
        self.told = {m: m.state for m in members}

    def watch(self, who: Member, before: str, after: str, why: str) -> None:
        """A change is told once, in order, with its cause, and never without a change."""
        assert why
        assert self.told[who] == before != after == who.state
        self.told[who] = after

    def someone(self, number: int) -> Member:
        return self.balancer.members[number % len(self.balancer.members)]

    @rule()
    def outage(self) -> None:
        for who in self.balancer.members:
            self.balancer.fault(who, self.now, "connection refused")
        self.choose(None, set())

    @rule(who=WHO)
    def fault(self, who: int) -> None:
        self.balancer.fault(self.someone(who), self.now, "connection refused")

    @rule(who=WHO)
    def answered(self, who: int) -> None:
        self.balancer.answered(self.someone(who), self.now)

    @rule(who=WHO, passed=st.booleans(), passes=st.integers(1, 2), fails=st.integers(1, 2))
    def observe(self, who: int, passed: bool, passes: int, fails: int) -> None:
        self.balancer.observe(self.someone(who), passed, "it said no", passes, fails, self.now)

    @rule(who=WHO, admin=ADMINS)
    def set_admin(self, who: int, admin: Admin) -> None:
        self.balancer.set_admin(self.someone(who), admin, self.now)

    @rule(seconds=st.sampled_from([0.5, 1.0, 30.0, 60.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def refresh(self) -> None:
        """It can be done at any time, and a second time without any effect."""
        self.balancer.refresh(self.now)
        before = [(m.state, m.ready, m.lbstatus) for m in self.balancer.members]
        told = dict(self.told)
        self.balancer.refresh(self.now)
        assert before == [(m.state, m.ready, m.lbstatus) for m in self.balancer.members]
        assert told == self.told

    @rule(route=ROUTES, tried=st.sets(WHO, max_size=3))
    def choose(self, route: bytes | None, tried: set[int]) -> None:
        """Whoever is chosen may serve and was not tried before; nobody is refused who could have been served."""
        left_out = {self.someone(number) for number in tried}
        decision = self.balancer.choose(route, left_out, self.now)
        members = self.balancer.members
        bound = [m for m in members if route and m.spec.route == route]
        forced = self.balancer.forcerecovery and not candidates(members, (), self.now)
        stuck = member_of(route or b"", members, lambda m: usable(m, self.now) and m not in left_out)
        if stuck is None and forced:
            stuck = member_of(route or b"", members, lambda m: in_error(m, self.now) and m not in left_out)
        free = candidates(members, left_out, self.now) or candidates(members, left_out, self.now, forced)
        if decision is None:
            assert stuck is None
            assert not free or (bound and self.balancer.nofailover)
            return
        assert usable(decision.member, self.now) or (forced and in_error(decision.member, self.now))
        assert decision.member not in left_out
        assert decision.changed is (decision.why != STUCK)
        if stuck is not None:
            assert decision.why == (STUCK if stuck.spec.route == route else REDIRECTED)
            assert decision.member is stuck
        else:
            assert decision.member in free
        assert self.told == {m: m.describe(self.now) for m in self.balancer.members}

    @rule(route=ROUTES, tried=st.sets(WHO, max_size=3), who=WHO)
    def choose_moved(self, route: bytes | None, tried: set[int], who: int) -> None:
        """A session that was moved goes to its new member if that may serve, and else by the ordinary rules."""
        pinned, left_out = self.someone(who), {self.someone(number) for number in tried}
        if not usable(pinned, self.now) or pinned in left_out:
            counts = [m.lbstatus for m in self.balancer.members]
            ordinary = self.balancer.choose(route, left_out, self.now)
            for m, count in zip(self.balancer.members, counts, strict=True):
                m.lbstatus = count
            found = self.balancer.choose(route, left_out, self.now, pinned=pinned)
            assert _seen(found) == _seen(ordinary)
            return
        decision = self.balancer.choose(route, left_out, self.now, pinned=pinned)
        assert decision is not None
        assert decision.member is pinned
        knows = bool(route) and route == pinned.spec.route
        assert (decision.why, decision.changed) == ((STUCK, False) if knows else (MOVED, True))

    @rule(who=WHO)
    def fate(self, who: int) -> None:
        """What is said of a member's users is what becomes of them when they come."""
        one = self.someone(who)
        decision = self.balancer.choose(one.spec.route or None, (), self.now)
        fate = self.balancer.fate(one)
        if one.ready:
            assert fate is Fate.STAY
        elif decision is None:
            assert fate is Fate.REFUSED
        elif in_error(decision.member, self.now):
            assert fate is Fate.FORCED
        else:
            assert fate is Fate.MOVE
            assert decision.member is not one

    @invariant()
    def what_is_known_is_what_was_told(self) -> None:
        assert self.told == {m: m.state for m in self.balancer.members}


def _seen(decision: Decision | None) -> tuple[Member, str, bool] | None:
    return None if decision is None else (decision.member, decision.why, decision.changed)


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=150, stateful_step_count=25)
