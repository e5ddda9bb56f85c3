"""What a change of configuration costs the users who are there now, and what an operator should know before it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import attrs

from ..config import model
from ..config.comparison import Comparison
from ..config.entries import Entry
from ..config.runtime import Identity
from ..core.member import Member
from ..errors import Problem
from .membercertificates import RENEWED
from .operations import Operations

CLOSING = ("disabled", "stopped")  # the states in which a member loses its WebSockets
UNUSABLE = ("down", "error")

# What tells members whose user it is: whoever has the old cookie is a new user for the new one.
STICKINESS = ("stickysession", "stickysessionsep", "cookie.name", "resolver")

MemberEntry: TypeAlias = Entry[model.Member]


@attrs.frozen
class Cost:
    """The users of a member now.

    :ivar sessions: how many users' sessions have at least one of its WebSockets.
    :ivar busy: requests and WebSockets under way.
    """

    websockets: int = 0
    sessions: int = 0
    busy: int = 0

    @property
    def requests(self) -> int:
        """Requests under way."""
        return max(self.busy - self.websockets, 0)

    def __str__(self) -> str:
        return f"{count(self.websockets, 'WebSocket')} of {count(self.sessions, 'user')}"


def report(comparison: Comparison, operations: Operations, connections: Mapping[str, int]) -> dict[str, Any]:
    """Return what changes, and what that means now, for the control API.

    :param operations: those of what runs.
    :param connections: how many each listener has.
    """
    costs = {entry: _cost(entry, operations) for entry in comparison.members.entries}
    rate = comparison.new.websockets.close_rate
    details: dict[Entry[Any], dict[str, Any]] = {}
    consequences: dict[Entry[Any], str] = {}
    for member, cost in costs.items():
        if member.old is not None:
            details[member] = attrs.asdict(cost)
            consequences[member] = _of_member(member, cost, rate)
    for listener in comparison.listeners.entries:
        if listener.old is not None:
            number = connections.get(listener.name, 0)
            details[listener] = {"connections": number}
            consequences[listener] = _of_listener(listener, number)
    told = [{"place": one.place, "message": one.message} for one in warnings(comparison, operations, costs)]
    return {**comparison.as_json(details, consequences), "warnings": told}


def running(identity: object, operations: Operations) -> Member | None:
    """The member that runs under an identity, or ``None``."""
    assert isinstance(identity, Identity)
    balancer = operations.balancers.get(identity.balancer)
    for member in () if balancer is None else balancer.members:
        if (member.spec.url, member.spec.route.decode("ascii")) == identity[1:]:
            return member
    return None


def _cost(entry: MemberEntry, operations: Operations) -> Cost:
    member = running(entry.identity, operations)
    if member is None:
        return Cost()
    tally = operations.ledger.tally(member)
    return Cost(tally.websockets, tally.sessions, member.busy + member.elsewhere)


def count(number: int, noun: str) -> str:
    """Say how many there are."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


# -- consequences -------------------------------------------------------------------------------------------------------


def _of_member(entry: MemberEntry, cost: Cost, rate: float) -> str:
    """What the change of a member that runs brings about; empty where that goes without saying."""
    assert entry.old is not None
    if entry.new is None or (entry.new.status in CLOSING and entry.old.status != entry.new.status):
        return ", ".join(filter(None, (_closed(cost, rate), _finished(cost))))
    if entry.new.status == "drain" and entry.old.status != "drain":
        return f"its {cost} stay until they are closed by their users, and it gets no new users"
    if {change.key for change in entry.changes} == {"loadfactor"}:
        return "it counts for new users, and moves nobody"
    if any(change.key == RENEWED or change.key.startswith("tls_") for change in entry.changes):
        return "new connections to it are made with it, idle ones end, and WebSockets stay"
    return ""


def _closed(cost: Cost, rate: float) -> str:
    if not cost.websockets:
        return "it has no WebSockets"
    return f"{cost} {'is' if cost.websockets == 1 else 'are'} closed, {rate:g} a second"


def _finished(cost: Cost) -> str:
    if not cost.requests:
        return ""
    return f"{count(cost.requests, 'request')} under way {'finishes' if cost.requests == 1 else 'finish'}"


def _of_listener(entry: Entry[model.Listener], connections: int) -> str:
    number = count(connections, "connection")
    if entry.new is None:
        return f"of its {number} requests under way finish, and WebSockets stay"
    if entry.reopens:
        return (
            f"the new one opens before the old one closes; of its {number} requests under way finish, "
            "and WebSockets stay"
        )
    if any(change.key.startswith(("certificate", "tls.")) for change in entry.changes):
        return "new connections get it"
    return ""


# -- warnings -----------------------------------------------------------------------------------------------------------


def warnings(
    comparison: Comparison, operations: Operations, costs: Mapping[MemberEntry, Cost]
) -> Iterator[Problem]:
    """Yield what is allowed but may cost more users more than was meant."""
    operations.refresh()
    if comparison.old.workers != comparison.new.workers:
        yield Problem("workers", "the number takes effect at the next start, and not by a reload")
    for balancer in comparison.balancers.entries:
        mine = [entry for entry in costs if _balancer(entry) == balancer.name]
        if balancer.new is None or not (balancer.changes or any(map(_differs, mine))):
            continue
        place = f"balancer {balancer.name}"
        for message in (*_who_stays(mine, costs), *_who_serves(mine, operations)):
            yield Problem(place, message)
        keys = [change.key for change in balancer.changes if change.key in STICKINESS]
        users = sum(costs[entry].sessions for entry in mine)
        if keys:
            yield Problem(
                place,
                f"users stick by another {' and '.join(keys)}: until they have a new cookie their requests may go to "
                f"other members than before; {count(users, 'user')} with WebSockets now",
            )
    yield from _other_urls(comparison, costs)


def _balancer(entry: MemberEntry) -> str:
    assert isinstance(entry.identity, Identity)
    return entry.identity.balancer


def _differs(entry: MemberEntry) -> bool:
    return entry.old is None or entry.new is None or bool(entry.changes)


def _who_stays(members: Sequence[MemberEntry], costs: Mapping[MemberEntry, Cost]) -> Iterator[str]:
    before = [entry for entry in members if entry.old is not None]
    if before and all(entry.new is None for entry in before):
        users = sum(costs[entry].sessions for entry in before)
        yield f"none of its members stays: those with WebSockets, {count(users, 'user')}, come to new ones"


def _who_serves(members: Sequence[MemberEntry], operations: Operations) -> Iterator[str]:
    """Whether anybody is left for new users."""
    active = [entry for entry in members if entry.new is not None and entry.new.status == "active"]
    if not active:
        yield "no member is left that takes new users: none is active"
        return
    found = [(entry.name, running(entry.identity, operations)) for entry in active]
    unusable = [f"{name} is {one.state}" for name, one in found if one is not None and one.state in UNUSABLE]
    new = [name for name, one in found if one is None]
    if len(unusable) == len(active):
        yield f"no member is left that serves now: {', '.join(unusable)}"
    elif unusable and len(unusable) + len(new) == len(active):
        yield f"only new members are left, {', '.join(new)}: {', '.join(unusable)}"


def _other_urls(comparison: Comparison, costs: Mapping[MemberEntry, Cost]) -> Iterator[Problem]:
    """Yield the members that are replaced by others of the same name: for panolb these are not the same."""
    new = {entry.name: entry.table.url for entry in comparison.members.added}
    for entry in comparison.members.removed:
        if entry.name in new and costs[entry].websockets:
            yield Problem(
                f"member {entry.name}",
                f"with the URL {new[entry.name]} it is another member: {costs[entry]} are closed and come back to it",
            )
