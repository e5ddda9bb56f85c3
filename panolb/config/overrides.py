"""What operators changed while panolb runs, on top of what the file says.

Every change remembers the value of the file that it replaced.  It holds until it is dropped, or until the file says
something else in its place than it did then: the file is the newer word, and counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from attrs import evolve, field, frozen

from panolb.config import runtime
from panolb.config.balancers import Balancer, Member
from panolb.config.crosscheck import Known, findings
from panolb.config.model import Config
from panolb.config.places import KeyPath, Places
from panolb.config.runtime import (
    Addition,
    Change,
    Identity,
    Key,
    Removal,
    State,
    StateChange,
    WeightChange,
    identify,
    written,
)
from panolb.config.values import show

__all__ = ["FORMAT", "Addition", "Change", "Dropped", "Identity", "Overrides", "identify"]

FORMAT: Final = 1
"""Of the JSON; a later panolb that writes what this one cannot understand counts one up."""


@frozen
class Dropped:
    """A change that does not hold any longer.

    :ivar why: in words that follow a colon.
    """

    member: Identity
    key: Key
    why: str


def _in_order(changes: Iterable[Change]) -> tuple[Change, ...]:
    return tuple(changes)


@frozen
class Overrides:
    """Changes, in the order in which they were made; at most one for each key of a member.

    The methods ``with_...`` return others, and ask for the *file's* configuration; they raise ValueError with what an
    operator should hear when a change is not possible.
    """

    changes: tuple[Change, ...] = field(default=(), converter=_in_order)

    def __attrs_post_init__(self) -> None:
        seen: set[tuple[Identity, str]] = set()
        for one in self.changes:
            if (one.member, one.key) in seen:
                raise ValueError(f"{one.member.name}: {one.key} is there twice")
            seen.add((one.member, one.key))
        for one in self.changes:
            if isinstance(one, Removal) and any(
                (one.member, key) in seen for key in ("state", "weight", "added")
            ):
                raise ValueError(f"{one.member.name}: was removed, so nothing else of it can be changed")

    def __len__(self) -> int:
        return len(self.changes)

    def __iter__(self) -> Iterator[Change]:
        return iter(self.changes)

    def of(self, member: Identity) -> tuple[Change, ...]:
        """Return what was changed of one member."""
        return tuple(one for one in self.changes if one.member == member)

    def find(self, name: str) -> Identity:
        """Return the member of this name, or else address, of which something was changed.

        :raises LookupError: it is none, or not one only; the text is for an operator.
        """
        members = list(dict.fromkeys(one.member for one in self.changes))
        found = [one for one in members if one.name == name]
        if len(found) != 1:
            found = [one for one in members if one.address == name] or found
        if len(found) > 1:
            addresses = ", ".join(one.address for one in found)
            raise LookupError(f"several members are called {name}; say which: {addresses}")
        if not found:
            raise LookupError(f"nothing was changed of a member {name}; panolb overrides lists what was")
        return found[0]

    # --- changing ---

    def with_state(
        self, config: Config, member: Identity, state: State, moving: bool, since: float
    ) -> Overrides:
        """Set a member's state; the one of the file is no change.

        :param moving: its users move to other members: drain only.
        """
        was = self._changeable(config, member).status
        if (state, moving) == (was, False):
            return self._without(member, "state")
        return self._with(StateChange(member=member, since=since, was=was, state=state, moving=moving))

    def with_weight(self, config: Config, member: Identity, weight: float, since: float) -> Overrides:
        """Set a member's loadfactor; the one of the file is no change."""
        was = self._changeable(config, member).loadfactor
        if weight == was:
            return self._without(member, "weight")
        return self._with(WeightChange(member=member, since=since, was=was, weight=weight))

    def with_removed(self, config: Config, member: Identity, since: float) -> Overrides:
        """Remove a member, and whatever else was changed of it."""
        there = self._members(config, member.balancer)
        if member not in there:
            raise ValueError(f"no member {member.name}; there are: {_names(there)}")
        if len(there) == 1:
            raise ValueError(f"{member.name} is the last member of {member.balancer}, which needs one")
        rest = self.without(member)
        if member not in _file(config, member.balancer):
            return rest
        return rest._with(Removal(member=member, since=since))

    def with_added(
        self, config: Config, balancer: str, settings: Member, since: float, known: Known | None = None
    ) -> Overrides:
        """Add a member; one of the file that was removed comes back, with the state and weight asked for now.

        :param known: the names of the plugins that exist, to check the settings with.
        """
        if balancer not in config.balancer:
            raise ValueError(f"no balancer {balancer}; there are: {', '.join(config.balancer)}")
        member = identify(balancer, settings)
        there = self._members(config, balancer)
        if member in there:
            raise ValueError(f"{member.name} is there already")
        in_file = _file(config, balancer).get(member)
        if in_file is None:
            said = _impossible(config.balancer[balancer], there, member, settings, known)
            if said is not None:
                raise ValueError(said)
            return self.without(member)._with(Addition(member=member, since=since, settings=settings))
        return self.without(member)._brought_back(config, member, in_file, settings, since)

    def _brought_back(
        self, config: Config, member: Identity, in_file: Member, settings: Member, since: float
    ) -> Overrides:
        wanted = written(settings)
        state: State = wanted.pop("status", in_file.status)
        weight = wanted.pop("loadfactor", in_file.loadfactor)
        for key, value in wanted.items():
            if value != written(in_file).get(key):
                raise ValueError(
                    f"{member.name} is in the file with other settings ({key}); bring it back without, or change the file"
                )
        return self.with_state(config, member, state, False, since).with_weight(config, member, weight, since)

    def without(self, member: Identity | None) -> Overrides:
        """Drop all changes of a member, or of all members for ``None``."""
        return Overrides(one for one in self.changes if member is not None and one.member != member)

    def _without(self, member: Identity, key: Key) -> Overrides:
        return Overrides(one for one in self.changes if (one.member, one.key) != (member, key))

    def _with(self, change: Change) -> Overrides:
        """Put a change in the place of the one for the same key; saying the same once more changes nothing."""
        if any(evolve(one, since=change.since) == change for one in self.changes):
            return self
        return Overrides((*self._without(change.member, change.key).changes, change))

    def _changeable(self, config: Config, member: Identity) -> Member:
        """Return a member as the file, or who added it, has it."""
        if any(isinstance(one, Removal) for one in self.of(member)):
            raise ValueError(f"{member.name} was removed; add it again first")
        added = {one.member: one.settings for one in self.changes if isinstance(one, Addition)}
        found = _file(config, member.balancer).get(member) or added.get(member)
        if found is None:
            there = self._members(config, member.balancer)
            raise ValueError(f"no member {member.name}; there are: {_names(there)}")
        return found

    def _members(self, config: Config, balancer: str) -> dict[Identity, Member]:
        return _file(self.apply(config)[0], balancer)

    # --- applying ---

    def apply(self, config: Config, known: Known | None = None) -> tuple[Config, Overrides, list[Dropped]]:
        """Lay the changes over what the file says.

        What the file alone is free of, the result is free of too: no change makes a right configuration wrong.

        :param known: the names of the plugins that exist, to check added members with.
        :returns: the configuration in effect, the changes that hold, and those that do not.
        """
        laying = _Laying(config, known)
        laying.whole(self.changes)
        laying.values(self.changes)
        kept = [laying.kept[place] for place in sorted(laying.kept)]
        return laying.effective(), Overrides(kept), laying.dropped

    # --- as JSON ---

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON; `from_json` reads it back."""
        return {"format": FORMAT, "overrides": [one.as_json() for one in self.changes]}

    @classmethod
    def from_json(cls, data: object) -> Overrides:
        """Read what `as_json` has written.

        :raises ValueError: it is anything else.
        """
        if not isinstance(data, dict) or "format" not in data:
            raise ValueError("is no list of overrides: it has no format")
        if data["format"] != FORMAT or isinstance(data["format"], bool):
            raise ValueError(
                f"has format {show(data['format'])}; this panolb understands format {FORMAT} only"
            )
        for name in data:
            if name not in ("format", "overrides"):
                raise ValueError(f"{show(name)}: unknown key")
        if not isinstance(data.get("overrides"), list):
            raise ValueError("overrides: must be a list")
        changes: list[Change] = []
        for index, one in enumerate(data["overrides"]):
            try:
                changes.append(runtime.from_json(one))
            except ValueError as error:
                raise ValueError(f"overrides[{index}]: {error}") from None
        return cls(changes)


class _Laying:
    """Lays changes over a file's configuration, once.

    :ivar members: those that each changed balancer has in effect.
    :ivar kept: what holds, by its place among the changes.
    """

    def __init__(self, config: Config, known: Known | None) -> None:
        self.members: dict[str, dict[Identity, Member]] = {}
        self.kept: dict[int, Change] = {}
        self.dropped: list[Dropped] = []
        self._config = config
        self._known = known

    def whole(self, changes: Iterable[Change]) -> None:
        """Take members away and add others."""
        numbered = list(enumerate(changes))
        for place, one in numbered:
            if isinstance(one, Removal):
                self._remove(place, one)
        for place, one in numbered:
            if isinstance(one, Addition):
                self._add(place, one)
        for name, members in self.members.items():
            if not members:
                self._give_back(name)

    def _give_back(self, balancer: str) -> None:
        """Have all members of the file again, since nothing would be left without them."""
        self.members[balancer] = _file(self._config, balancer)
        for place, one in list(self.kept.items()):
            if isinstance(one, Removal) and one.member.balancer == balancer:
                del self.kept[place]
                self._drop(one, "the file leaves its balancer no other member")

    def values(self, changes: Iterable[Change]) -> None:
        """Set what is another for members that are there."""
        for place, one in enumerate(changes):
            if not isinstance(one, StateChange | WeightChange):
                continue
            members = self._of(one.member.balancer)
            if one.member not in members:
                self._drop(one, "the file has no such member any more")
            elif isinstance(one, StateChange):
                self._set_state(place, one, members)
            else:
                self._set_weight(place, one, members)

    def effective(self) -> Config:
        """Return the configuration with everything that holds."""
        if not self.kept:
            return self._config
        balancers = {
            name: evolve(one, member=list(self.members[name].values())) if name in self.members else one
            for name, one in self._config.balancer.items()
        }
        origins = {
            name: _origins(_file(self._config, name), members) for name, members in self.members.items()
        }
        where = Overridden(self._config.where.name, file=self._config.where, members=origins)
        return evolve(self._config, balancer=balancers, where=where)

    def _of(self, balancer: str) -> dict[Identity, Member]:
        if balancer not in self._config.balancer:
            return {}
        return self.members.setdefault(balancer, _file(self._config, balancer))

    def _remove(self, place: int, one: Removal) -> None:
        if self._of(one.member.balancer).pop(one.member, None) is None:
            self._drop(one, "the file does not have it any more either")
        else:
            self.kept[place] = one

    def _add(self, place: int, one: Addition) -> None:
        name = one.member.balancer
        if name not in self._config.balancer:
            self._drop(one, f"the file has no balancer {name} any more")
            return
        if one.member in _file(self._config, name):
            self._drop(one, "the file has it now")
            return
        members = self._of(name)
        said = _impossible(self._config.balancer[name], members, one.member, one.settings, self._known)
        if said is not None:
            self._drop(one, said)
        else:
            members[one.member] = one.settings
            self.kept[place] = one

    def _set_state(self, place: int, one: StateChange, members: dict[Identity, Member]) -> None:
        now = members[one.member].status
        if one.state == now and one.moving:
            one = evolve(one, was=now)  # The file agrees, and has no word for the rest.
        if self._holds(one, one.was, one.state, now):
            members[one.member] = one.on(members[one.member])
            self.kept[place] = one

    def _set_weight(self, place: int, one: WeightChange, members: dict[Identity, Member]) -> None:
        if self._holds(one, one.was, one.weight, members[one.member].loadfactor):
            members[one.member] = one.on(members[one.member])
            self.kept[place] = one

    def _holds(self, one: Change, was: object, wanted: object, now: object) -> bool:
        """Whether the file says what it said when the change was made."""
        if now == was:
            return True
        if now == wanted:
            self._drop(one, f"the file says {_said(now)} too now")
        else:
            self._drop(one, f"the file says {_said(now)} now, no longer {_said(was)}, and is newer")
        return False

    def _drop(self, one: Change, why: str) -> None:
        self.dropped.append(Dropped(one.member, one.key, why))


@frozen
class Overridden(Places):
    """Says where a key of an effective configuration stands in the file.

    :ivar members: for each changed balancer, where each of its members is in the file; None for one that was added.
    """

    file: Places = field(factory=Places, kw_only=True)
    members: Mapping[str, tuple[int | None, ...]] = field(factory=dict, kw_only=True, repr=False)

    def line(self, path: KeyPath) -> int | None:
        return self.file.line(self._in_file(path))

    def __call__(self, path: KeyPath) -> str:
        return self.file(self._in_file(path))

    def _in_file(self, path: KeyPath) -> KeyPath:
        match path:
            case ("balancer", str(name), "member", int(index), *rest) if name in self.members:
                place = self.members[name][index]
                return path[:3] if place is None else (*path[:3], place, *rest)
        return path


def _origins(in_file: Iterable[Identity], members: Iterable[Identity]) -> tuple[int | None, ...]:
    places = {member: index for index, member in enumerate(in_file)}
    return tuple(places.get(member) for member in members)


def _file(config: Config, balancer: str) -> dict[Identity, Member]:
    """Return the members of a balancer, in their order; none when there is no such balancer."""
    found = config.balancer.get(balancer)
    return {identify(balancer, one): one for one in found.member} if found is not None else {}


def _impossible(
    balancer: Balancer,
    there: Mapping[Identity, Member],
    member: Identity,
    settings: Member,
    known: Known | None,
) -> str | None:
    """Say why a member cannot be added to those that are there, or return None."""
    for other in there:
        if other.name == member.name:
            return f"{other.name} is the name of {other.url}; give {member.url} another route"
    index = len(there)
    grown = Config(balancer={member.balancer: evolve(balancer, member=[*there.values(), settings])})
    at: KeyPath = ("balancer", member.balancer, "member", index)
    for one in findings(grown, known):
        if one.path[:4] == at and not one.warning:
            return f"{'.'.join(map(str, one.path[4:]))} {one.message}"
    return None


def _names(members: Iterable[Identity]) -> str:
    return ", ".join(one.name for one in members) or "none"


def _said(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
