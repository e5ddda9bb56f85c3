"""What runs behind the listeners: balancers, members and locations, as long as the configuration names them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from ..config import model
from ..config.overrides import Identity
from ..core.balancer import Balancer, Settings
from ..core.location import Location
from ..core.member import Admin, Member, MemberSpec
from ..core.policies import Policy
from ..proxy.pool import Pool
from .checks import Checker
from .contents import Contents
from .membercertificates import MemberSecurity


def identity_of(member: Member) -> Identity:
    """What makes a living member this one; for one that is configured it is `panolb.config.overrides.identify`."""
    spec = member.spec
    return Identity(spec.balancer, spec.url, spec.route.decode("ascii"))


@attrs.define(eq=False)
class Seat:
    """A member with all that belongs to it.

    :ivar health: how it is checked; ``None``: not at all.
    :ivar secured: how it is spoken to over TLS; ``None``: without.
    """

    member: Member
    pool: Pool
    health: model.Health | None = None
    checker: Checker | None = None
    secured: MemberSecurity | None = None

    @property
    def is_busy(self) -> bool:
        """Whether anything is under way with the member, or connected to it, in any process."""
        member, pool = self.member, self.pool
        return bool(member.busy or member.elsewhere or pool.open or pool.elsewhere)

    def check(self, checker: Checker | None, running: bool) -> None:
        """Be checked like this from now on; ``None``: not any more."""
        if self.checker is not None:
            self.checker.stop()
        self.checker = checker
        if checker is None:
            self.member.health.unchecked()
        elif running:
            checker.start()


@attrs.frozen
class SeatDraft:
    """What a member is to be.

    :ivar checker: checks it, if that is done otherwise than now.
    """

    seat: Seat
    spec: MemberSpec
    health: model.Health | None
    checker: Checker | None
    secured: MemberSecurity | None


@attrs.frozen
class BalancerDraft:
    """What a balancer is to be.

    :ivar balancer: the present one, where there is one of its name.
    """

    config: model.Balancer
    balancer: Balancer
    seats: Mapping[Identity, SeatDraft]
    policy: Policy
    settings: Settings

    @property
    def members(self) -> list[Member]:
        """Its members, in the order of the configuration."""
        return [draft.seat.member for draft in self.seats.values()]

    @property
    def specs(self) -> list[MemberSpec]:
        """What they are to be, in the same order."""
        return [draft.spec for draft in self.seats.values()]


@attrs.frozen
class PlantDraft:
    """What the plant is to be: `Builder` makes it without touching anything that runs.

    :ivar contents: of the files that members and locations take.
    """

    balancers: Mapping[str, BalancerDraft]
    locations: Sequence[Location]
    contents: Contents


@attrs.define(eq=False)
class Plant:
    """What runs now.

    :ivar drafts: what the balancers were made of.
    :ivar balancers: by name; the same dictionary at all times.
    :ivar locations: those of the configuration, in its order.
    :ivar contents: of the files that members and locations take, when they were made.
    """

    drafts: Mapping[str, BalancerDraft] = attrs.field(factory=dict)
    balancers: dict[str, Balancer] = attrs.field(factory=dict)
    seats: dict[Identity, Seat] = attrs.field(factory=dict)
    locations: list[Location] = attrs.field(factory=list)
    contents: Contents = attrs.field(factory=Contents)
    _running: bool = False
    _leaving: list[Seat] = attrs.field(factory=list)
    _former: list[Location] = attrs.field(factory=list)

    @property
    def pools(self) -> list[Pool]:
        """The connections to all members, those included that are leaving."""
        self._forget()
        return [seat.pool for seat in (*self.seats.values(), *self._leaving)]

    @property
    def leaving(self) -> list[Member]:
        """Members that are gone from the configuration, and have something under way."""
        self._forget()
        return [seat.member for seat in self._leaving]

    @property
    def secured(self) -> dict[Identity, MemberSecurity]:
        """Members that are spoken to over TLS."""
        return {identity: seat.secured for identity, seat in self.seats.items() if seat.secured is not None}

    @property
    def unknown(self) -> list[Member]:
        """Members that are to be checked, and have not been yet."""
        return [
            seat.member
            for seat in self.seats.values()
            if seat.checker is not None
            and not seat.checker.has_looked
            and seat.member.admin is not Admin.STOPPED
        ]

    @property
    def exchanges(self) -> int:
        """How many are under way, in locations of former configurations too."""
        self._forget()
        return sum(location.exchanges for location in (*self.locations, *self._former))

    def start(self) -> None:
        """Begin to check."""
        self._running = True
        for seat in self.seats.values():
            if seat.checker is not None:
                seat.checker.start()

    def stop(self) -> None:
        """Check nobody any more."""
        self._running = False
        for seat in self.seats.values():
            if seat.checker is not None:
                seat.checker.stop()

    def adjust(self, specs: Mapping[Identity, MemberSpec], now: float) -> None:
        """Have members otherwise that stay where they are."""
        for identity, spec in specs.items():
            seat = self.seats[identity]
            seat.member.configure(spec)
            seat.pool.configure(spec)
        for balancer in self.balancers.values():
            balancer.refresh(now)

    def become(self, draft: PlantDraft, now: float) -> list[Seat]:
        """Be like this from now on.

        :returns: those whose members are gone from the configuration; what is under way with them goes on.
        """
        seats: dict[Identity, Seat] = {}
        for one in draft.balancers.values():
            for identity, seat_draft in one.seats.items():
                seats[identity] = self._seat(seat_draft)
            one.balancer.configure(one.members, one.policy, one.settings, now)
        gone = [seat for seat in self.seats.values() if seat not in seats.values()]
        self.seats = seats
        self.drafts = draft.balancers
        self.balancers.clear()
        self.balancers.update((name, one.balancer) for name, one in draft.balancers.items())
        self._leaving += gone
        self._former += self.locations
        self.locations = list(draft.locations)
        self.contents = draft.contents
        for seat in gone:
            seat.member.leave()  # its balancer may be gone too
            if seat.checker is not None:
                seat.checker.stop()
            seat.pool.leave()
        self._forget()
        return gone

    def _seat(self, draft: SeatDraft) -> Seat:
        seat = draft.seat
        seat.member.configure(draft.spec)
        seat.pool.configure(draft.spec)
        seat.pool.secure(None if draft.secured is None else draft.secured.tls)
        seat.secured = draft.secured
        if draft.checker is not None or (draft.health is None and seat.health is not None):
            seat.check(draft.checker, self._running)
        seat.health = draft.health
        return seat

    def _forget(self) -> None:
        """Let go of what has left and has nothing under way any more."""
        if self._leaving:
            self._leaving = [seat for seat in self._leaving if seat.is_busy]
        if self._former:
            self._former = [location for location in self._former if location.exchanges]
