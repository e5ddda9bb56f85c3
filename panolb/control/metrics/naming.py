"""What balancers and members are called in labels."""

from __future__ import annotations

from collections import Counter

from ...core.member import Member
from ..plant import Plant, Seat
from .sheet import Labels


def names_of(plant: Plant) -> dict[Member, str]:
    """What members are called; those that share a name are told apart by their addresses."""
    members = [seat.member for seat in plant.seats.values()]
    times = Counter(member.spec.name for member in members)
    return {
        member: member.spec.name if times[member.spec.name] == 1 else f"{member.spec.name} {member.spec.url}"
        for member in members
    }


def labelled(plant: Plant) -> list[tuple[Labels, Seat]]:
    """All members that are in the configuration, each behind the names of its balancer and of itself."""
    names = names_of(plant)
    return [((seat.member.spec.balancer, names[seat.member]), seat) for seat in plant.seats.values()]
