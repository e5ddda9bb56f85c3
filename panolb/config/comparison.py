"""What a change of configuration means: which listeners, balancers, members and locations stay, change, come and go.

It looks at what was written, not at what runs.  A value that a balancer hands down to its members is the balancer's,
and changes there only.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import attrs

from panolb.config.changedkeys import Change, changed_keys
from panolb.config.entries import Entry, Table
from panolb.config.model import Balancer, Config, Listener, Location, Member
from panolb.config.runtime import Identity, identify
from panolb.config.summary import where

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)


class LocationIdentity(NamedTuple):
    """What makes a location the same one: the requests that it takes.

    :ivar number: which one it is of those that are alike otherwise, in the order of the file.
    """

    hosts: tuple[str, ...]
    path: str | None
    match: str | None
    requests: str
    number: int


@attrs.frozen(kw_only=True)
class Comparison:
    """What changes from one configuration to another.

    :ivar others: the changed keys of everything that is no listener, balancer, member or location, as
        ``websockets.close_rate``.
    """

    old: Config
    new: Config
    listeners: Table[Listener]
    balancers: Table[Balancer]
    members: Table[Member]
    locations: Table[Location]
    others: tuple[Change, ...]

    @property
    def tables(self) -> dict[str, Table[Any]]:
        """The tables by the names that programs call them."""
        return {
            "listeners": self.listeners,
            "balancers": self.balancers,
            "members": self.members,
            "locations": self.locations,
        }

    def with_renewed(self, changes: Mapping[str, Change]) -> Comparison:
        """Return the same with the certificates that listeners get.

        :param changes: by the listener's name.
        """
        entries = (
            attrs.evolve(one, changes=(*one.changes, changes[one.name])) if one.name in changes else one
            for one in self.listeners.entries
        )
        return attrs.evolve(self, listeners=Table(tuple(entries)))

    @property
    def changes(self) -> bool:
        """Whether anything is not as it was."""
        return bool(self.others) or any(len(one.kept) < len(one.entries) for one in self.tables.values())

    def as_json(
        self,
        details: Mapping[Entry[Any], Mapping[str, Any]] | None = None,
        consequences: Mapping[Entry[Any], str] | None = None,
    ) -> dict[str, Any]:
        """For programs.

        :param details: what they are told of an entry besides.
        :param consequences: as for `lines`.
        """
        more = details or {}

        def told(entries: list[Entry[Any]]) -> list[dict[str, Any]]:
            return [{**one.as_json(), **more.get(one, {})} for one in entries]

        return {
            "changes": self.changes,
            **{
                name: {
                    "kept": [one.name for one in table.kept],
                    "changed": told(table.changed),
                    "added": told(table.added),
                    "removed": told(table.removed),
                }
                for name, table in self.tables.items()
            },
            "others": [change.as_json() for change in self.others],
            "summary": self.lines(consequences),
        }

    def lines(self, consequences: Mapping[Entry[Any], str] | None = None) -> list[str]:
        """For people: a line for each entry that does not stay as it is.

        :param consequences: what the change of an entry brings about; it becomes the end of its line.
        """
        lines: list[str] = []
        for title, table in self.tables.items():
            for one in (*table.removed, *table.added, *table.changed):
                ending = (consequences or {}).get(one)
                lines.append(f"{title.removesuffix('s')} {one}" + (f"; {ending}" if ending else ""))
        return [*lines, *map(str, self.others)]


def compare(old: Config, new: Config) -> Comparison:
    """Return what changes from one configuration to another."""
    others = changed_keys(old, new, leave_out=("listener", "balancer", "location"))
    return Comparison(
        old=old,
        new=new,
        listeners=_listeners(old, new),
        balancers=_balancers(old, new),
        members=_members(old, new),
        locations=_locations(old, new),
        others=tuple(others),
    )


def members_of(config: Config) -> dict[Identity, Member]:
    """Return all members of a configuration by their identities."""
    return {identify(name, one): one for name, balancer in config.balancer.items() for one in balancer.member}


# -- the tables ---------------------------------------------------------------------------------------------------------


def _entries(old: Mapping[K, T], new: Mapping[K, T], *leave_out: str) -> Iterator[tuple[K, Entry[T]]]:
    """Yield what is there before or after, each with its identity."""
    for identity in dict.fromkeys((*new, *old)):
        before, after = old.get(identity), new.get(identity)
        lasts = before is not None and after is not None
        changes = changed_keys(before, after, leave_out=leave_out) if lasts else ()
        yield identity, Entry(identity, str(identity), before, after, tuple(changes))


def _listeners(old: Config, new: Config) -> Table[Listener]:
    return Table(
        tuple(
            attrs.evolve(one, facts={"endpoint": one.table.endpoint, "reopens": reopens}, reopens=reopens)
            for _, one in _entries(old.listener, new.listener)
            for reopens in [one.old is not None and one.new is not None and _reopens(one.old, one.new)]
        )
    )


def _reopens(old: Listener, new: Listener) -> bool:
    """Whether a listener that stays has to be opened anew: for another address, or because it begins or ends to speak TLS."""
    return old.address != new.address or bool(old.shown) != bool(new.shown)


def _balancers(old: Config, new: Config) -> Table[Balancer]:
    """Compare the balancers' own keys; of their members only the order, which decides between equals."""
    found = []
    for _, one in _entries(old.balancer, new.balancer, "member"):
        tables = (one.old.member, one.new.member) if one.old and one.new else ([], [])
        before, after = ([(member.url, member.route) for member in table] for table in tables)
        was, is_ = ([url for url, _ in some] for some in _common(before, after))
        order = (Change("order of members", was, is_),) if was != is_ else ()
        found.append(attrs.evolve(one, changes=one.changes + order))
    return Table(tuple(found))


def _members(old: Config, new: Config) -> Table[Member]:
    before, after = members_of(old), members_of(new)
    names = {**_member_names(before), **_member_names(after)}
    return Table(
        tuple(
            attrs.evolve(one, name=names[identity], facts=identity._asdict())
            for identity, one in _entries(before, after)
        )
    )


def _member_names(members: Collection[Identity]) -> dict[Identity, str]:
    """Call each member ``balancer/route``; by its address where it has no route, or shares it with others."""
    routes = Counter((identity.balancer, identity.route) for identity in members)
    return {
        identity: identity.name if routes[identity.balancer, identity.route] == 1 else identity.address
        for identity in members
    }


def _locations(old: Config, new: Config) -> Table[Location]:
    """Compare the locations, and their order where it decides which of them serves a request."""
    before, after = _identified(old.location), _identified(new.location)
    moved = _moved(*_common(_in_order(old, before), _in_order(new, after)))
    found = []
    for identity, one in _entries(before, after):
        order: tuple[Change, ...] = ()
        if identity in moved:
            order = (Change("order", *(1 + list(some).index(identity) for some in (before, after))),)
        facts = {} if one.table.balancer is None else {"balancer": one.table.balancer}
        found.append(attrs.evolve(one, name=where(one.table), changes=one.changes + order, facts=facts))
    return Table(tuple(found))


def _identified(locations: Sequence[Location]) -> dict[LocationIdentity, Location]:
    counts: Counter[tuple[object, ...]] = Counter()
    found = {}
    for one in locations:
        key = tuple(sorted(one.host)), one.path, one.match, one.requests
        found[LocationIdentity(*key, counts[key])] = one
        counts[key] += 1
    return found


def _in_order(config: Config, locations: Mapping[LocationIdentity, Location]) -> list[LocationIdentity]:
    """Those locations that are asked in the order of the file; of the others the longest path is."""
    return [
        identity
        for identity, one in locations.items()
        if config.location_order == "first" or one.match is not None or any("*" in host for host in one.host)
    ]


def _common(old: Sequence[K], new: Sequence[K]) -> tuple[list[K], list[K]]:
    """Return what is in both, in either order."""
    both = set(old) & set(new)
    return [one for one in old if one in both], [one for one in new if one in both]


def _moved(old: Sequence[K], new: Sequence[K]) -> set[K]:
    """Return the fewest that have to be moved to come from one order to the other.

    All others are a longest ascending row of their old places (patience sorting).
    """
    places = {one: number for number, one in enumerate(old)}
    ends: list[int] = []  # for each length the smallest last place of a row that is so long
    rows: list[list[K]] = []
    for one in new:
        length = bisect_left(ends, places[one])
        row = [*(rows[length - 1] if length else ()), one]
        ends[length : length + 1] = [places[one]]
        rows[length : length + 1] = [row]
    return set(new) - set(rows[-1] if rows else ())
