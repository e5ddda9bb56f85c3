"""Who may be chosen: by lbset, hot spare and hot standby for new users, by route and redirect for those bound."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Protocol, TypeVar

from .member import Admin, MemberSpec


class Candidate(Protocol):
    """What is asked about a member, the living one or a picture of it."""

    @property
    def spec(self) -> MemberSpec: ...
    @property
    def state(self) -> str: ...
    @property
    def ready(self) -> bool: ...
    @property
    def admin(self) -> Admin: ...


M = TypeVar("M", bound=Candidate)


def eligible(members: Sequence[M], excluded: Collection[M], forced: bool = False) -> tuple[M, ...]:
    """The members among which the method chooses: the lowest lbset that has any (Apache's selection).

    :param forced: whether members in error count as ready.
    """
    for lbset in sorted({member.spec.lbset for member in members}):
        found = _eligible_in([m for m in members if m.spec.lbset == lbset], excluded, forced)
        if found:
            return found
    return ()


def _eligible_in(members: Sequence[M], excluded: Collection[M], forced: bool) -> tuple[M, ...]:
    """Regular members, a spare for each of them that is missing, or else the standbys."""
    regular: list[M] = []
    spares: list[M] = []
    standbys: list[M] = []
    missing = 0
    for member in members:
        spec = member.spec
        usable = (
            (member.ready or (forced and member.state == "error"))
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


def by_route(members: Sequence[M]) -> dict[bytes, tuple[M, ...]]:
    """Who serves the users of a route, in the order in which they are asked.

    Several members may share a route; hot standbys come last among them (Apache's two passes), and each is followed by
    those who take over for it (``redirect``), as far as redirects lead.
    """
    index: dict[bytes, tuple[M, ...]] = {}
    for member in sorted(members, key=lambda m: m.spec.hot_standby):
        if member.spec.route:
            index[member.spec.route] = (*index.get(member.spec.route, ()), member)
    if any(member.spec.redirect for member in members):
        return {route: tuple(_followed(route, index, {})) for route in index}
    return index


def _followed(route: bytes, index: dict[bytes, tuple[M, ...]], found: dict[M, None]) -> Iterable[M]:
    """The members of ``route``, each before those that its redirect leads to, and nobody twice."""
    for member in index.get(route, ()):
        if member not in found:
            found[member] = None
            _followed(member.spec.redirect, index, found)
    return found
