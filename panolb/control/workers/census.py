"""What there is in each worker, counted: WebSockets and connections, for whoever asks the supervisor."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import attrs

from ...config.overrides import Identity
from ...core.member import Member
from ..ledger import Ledger, RoundTrips, Tally
from ..plant import identity_of

if TYPE_CHECKING:
    from ..service import Panolb


@attrs.frozen
class Viewers:
    """The WebSockets of a member.

    :ivar sessions: the numbers of the sessions that have one.
    :ivar closing: how many are being closed.
    """

    tally: Tally
    sessions: Collection[int]
    closing: int


@attrs.frozen
class Census:
    """What one worker has.

    :ivar leaving: the same as ``viewers``, of members that are gone from the configuration.
    :ivar clients: connections by listener.
    :ivar lost: lines that access logs have lost, by path.
    """

    viewers: dict[Identity, Viewers] = attrs.field(factory=dict)
    leaving: dict[Identity, Viewers] = attrs.field(factory=dict)
    clients: Mapping[str, int] = attrs.field(factory=dict)
    resources: Mapping[str, Any] = attrs.field(factory=dict)
    lost: Mapping[str, int] = attrs.field(factory=dict)


def take(house: Panolb) -> Census:
    """Count what there is in this process."""
    return Census(
        _viewers(house, (seat.member for seat in house.plant.seats.values())),
        _viewers(house, house.plant.leaving),
        house.listening.clients,
        house.resources.as_json(),
        house.lost_lines(),
    )


def _viewers(house: Panolb, members: Iterable[Member]) -> dict[Identity, Viewers]:
    ledger = house.ledger
    return {
        identity_of(member): Viewers(
            ledger.tally(member), frozenset(ledger.sessions_of(member)), house.operations.closing(member)
        )
        for member in members
        if ledger.count(member)
    }


class CrewLedger(Ledger):
    """The ledger of a supervisor, which has no WebSockets of its own: it knows how many the workers have.

    :ivar censuses: the last of each worker.
    """

    def __init__(self, clock: Callable[[], float], wall_clock: Callable[[], float], key: bytes) -> None:
        super().__init__(clock, wall_clock, {}, key=key)
        self.censuses: Mapping[int, Census] = {}

    def __len__(self) -> int:
        return sum(one.tally.websockets for one in self._all())

    @property
    def users(self) -> int:
        return len({session for one in self._all() for session in one.sessions})

    def count(self, member: Member) -> int:
        return sum(one.tally.websockets for one in self._viewers(member))

    def closing(self, member: Member) -> int:
        """How many WebSockets of a member are being closed."""
        return sum(one.closing for one in self._viewers(member))

    def tally(self, member: Member) -> Tally:
        found = self._viewers(member)
        return Tally(
            sum(one.tally.websockets for one in found),
            len({session for one in found for session in one.sessions}),
            _together((one.tally.websockets, one.tally.client_round_trip) for one in found),
            _together((one.tally.websockets, one.tally.member_round_trip) for one in found),
        )

    def leave(self, identity: Identity) -> None:
        """A member is gone from the configuration; its WebSockets, as far as they are known, are with one that leaves."""
        for census in self.censuses.values():
            found = census.viewers.pop(identity, None)
            if found is not None:
                census.leaving[identity] = found

    def _viewers(self, member: Member) -> list[Viewers]:
        identity = identity_of(member)
        counted = [one.leaving if member.leaving else one.viewers for one in self.censuses.values()]
        return [viewers[identity] for viewers in counted if identity in viewers]

    def _all(self) -> Iterator[Viewers]:
        for census in self.censuses.values():
            yield from census.viewers.values()
            yield from census.leaving.values()


def clients(censuses: Iterable[Census]) -> dict[str, int]:
    """Connections by listener, of all workers."""
    return dict(sum((Counter(census.clients) for census in censuses), Counter()))


def resources(own: Mapping[str, Any], censuses: Iterable[Census]) -> dict[str, Any]:
    """What all processes hold together.

    :param own: what the supervisor holds.
    """
    parts = [own, *(census.resources for census in censuses if census.resources)]
    held: dict[str, Any] = {}
    for name, value in own.items():
        values = [part[name] for part in parts if part[name] is not None]
        if name == "descriptor_limit":
            held[name] = min(values, default=None)
        elif isinstance(value, bool):
            held[name] = any(values)
        elif isinstance(value, Mapping):
            held[name] = value  # the supervisor's own listening has it for all
        else:
            held[name] = sum(values)
    return held


def _together(times: Iterable[tuple[int, RoundTrips]]) -> RoundTrips:
    """The mean by the number of WebSockets, and the longest."""
    number, total, longest = 0, 0.0, 0.0
    for websockets, one in times:
        if one.mean_ms is not None and one.max_ms is not None:
            number += websockets
            total += websockets * one.mean_ms
            longest = max(longest, one.max_ms)
    return RoundTrips(total / number, longest) if number else RoundTrips(None, None)
