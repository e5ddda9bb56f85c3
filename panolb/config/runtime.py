"""One change that an operator made while panolb runs: what it is, what it replaced, since when, and all that as JSON.

:mod:`panolb.config.overrides` keeps several of them and lays them over what the file says.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any, ClassVar, Final, Literal, NamedTuple, cast, get_args

import attrs
from attrs import field, frozen

from panolb.config.addresses import split_url
from panolb.config.balancers import Member
from panolb.config.model import NAME
from panolb.config.tables import Reader, keys
from panolb.config.values import show

State = Literal["active", "drain", "disabled", "stopped"]
"""What an operator wants of a member; the values of its ``status``."""

Key = Literal["state", "weight", "removed", "added"]
"""What a change is about."""

_STATES: Final = get_args(State)


class Identity(NamedTuple):
    """What makes a member the same one, before and after: everything else of it may change.

    :ivar url: as the file writes it.
    :ivar route: empty when it has none.
    """

    balancer: str
    url: str
    route: str

    @property
    def name(self) -> str:
        """How logs and pages call the member: ``balancer/route``, or ``balancer/host:port`` without a route."""
        return f"{self.balancer}/{self.route}" if self.route else self.address

    @property
    def address(self) -> str:
        """What tells it from others of its balancer that have the same route: ``balancer/host:port``."""
        host, port, _ = split_url(self.url)
        return f"{self.balancer}/{host}:{port}"


def identify(balancer: str, member: Member) -> Identity:
    """Return the identity of a balancer's member."""
    return Identity(balancer, member.url, member.route)


def _since(instance: object, attribute: object, value: float) -> None:
    if not (isfinite(value) and value >= 0):
        raise ValueError(f"since: must be seconds since 1970, found {show(value)}")


@frozen(kw_only=True)
class Change:
    """What all changes have.

    :ivar since: when it was made, in seconds since 1970.
    """

    key: ClassVar[Key]
    member: Identity
    since: float = field(validator=_since)

    def told(self) -> dict[str, Any]:
        """Return what was and what is instead, for people."""
        raise NotImplementedError

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON; `from_json` reads it back."""
        return {
            **self.member._asdict(),
            "key": self.key,
            **self._as_json(),
            "since": self.since,
        }

    def _as_json(self) -> dict[str, Any]:
        return {}


@frozen(kw_only=True)
class StateChange(Change):
    """A member's state is another than in the file.

    :ivar moving: it drains, and its WebSockets are closed so that its users move; nothing that a file can say.
    """

    key: ClassVar[Key] = "state"
    was: State
    state: State
    moving: bool = False

    def __attrs_post_init__(self) -> None:
        for name, value in (("was", self.was), ("state", self.state)):
            if value not in _STATES:
                raise ValueError(f"{name}: must be one of {', '.join(_STATES)}, found {show(value)}")
        if self.moving and self.state != "drain":
            raise ValueError(f"the users of a member move while it drains, not while it is {self.state}")
        if self.state == self.was and not self.moving:
            raise ValueError(f"no change: the state was {self.was}")

    def on(self, member: Member) -> Member:
        """Return a member with it."""
        return attrs.evolve(member, status=self.state)

    def told(self) -> dict[str, Any]:
        return {"was": self.was, "is": self.state}

    def _as_json(self) -> dict[str, Any]:
        return {"was": self.was, "is": self.state, "moving": self.moving}


@frozen(kw_only=True)
class WeightChange(Change):
    """A member's loadfactor is another than in the file."""

    key: ClassVar[Key] = "weight"
    was: float
    weight: float

    def __attrs_post_init__(self) -> None:
        rule = attrs.fields(Member).loadfactor.validator
        for name, value in (("was", self.was), ("weight", self.weight)):
            said = rule.complaint(value)  # type: ignore[union-attr]
            if said is not None:
                raise ValueError(f"{name}: {said}")
        if self.was == self.weight:
            raise ValueError(f"no change: the weight was {self.was:g}")

    def on(self, member: Member) -> Member:
        """Return a member with it."""
        return attrs.evolve(member, loadfactor=self.weight)

    def told(self) -> dict[str, Any]:
        return {"was": self.was, "is": self.weight}

    def _as_json(self) -> dict[str, Any]:
        return self.told()


@frozen(kw_only=True)
class Removal(Change):
    """A member of the file is gone."""

    key: ClassVar[Key] = "removed"

    def told(self) -> dict[str, Any]:
        return {"was": False, "is": True}


@frozen(kw_only=True)
class Addition(Change):
    """A member that the file does not have."""

    key: ClassVar[Key] = "added"
    settings: Member

    def __attrs_post_init__(self) -> None:
        if identify(self.member.balancer, self.settings) != self.member:
            raise ValueError(f"the settings are those of another member than {self.member.name}")

    def told(self) -> dict[str, Any]:
        return {"was": None, "is": written(self.settings)}

    def _as_json(self) -> dict[str, Any]:
        own = {name: value for name, value in written(self.settings).items() if name not in ("url", "route")}
        return {"is": own}


def written(table: Any) -> dict[str, Any]:
    """Return the keys of a member that differ from their defaults, as a TOML file could have them."""
    values: dict[str, Any] = {}
    for name, one in keys(type(table)).items():
        value = getattr(table, name)
        default: Any = one.default
        default = default.factory() if hasattr(default, "factory") else default
        if value != default:
            values[name] = written(value) if attrs.has(type(value)) else value
    return values


def settings(data: Mapping[str, object]) -> Member:
    """Read the keys of a member, as in a TOML file.

    :raises ValueError: with everything that is wrong.
    """
    reader = Reader()
    member = reader.table(Member, data, ())
    if reader.found:
        raise ValueError("; ".join(f"{'.'.join(map(str, one.path))}: {one.message}" for one in reader.found))
    return member


# --- from JSON ---

_KEYS: Final[Mapping[str, frozenset[str]]] = {
    "state": frozenset({"was", "is", "moving"}),
    "weight": frozenset({"was", "is"}),
    "removed": frozenset(),
    "added": frozenset({"is"}),
}
_ALWAYS: Final = frozenset({"balancer", "url", "route", "key", "since"})


def from_json(data: object) -> Change:
    """Read what `Change.as_json` has written.

    :raises ValueError: it is anything else.
    """
    if not isinstance(data, dict):
        raise ValueError(f"expected a change, found {show(data)}")
    key = data.get("key")
    if not isinstance(key, str) or key not in _KEYS:
        raise ValueError(f"key: must be one of {', '.join(_KEYS)}, found {show(key)}")
    _exactly(data, _ALWAYS | _KEYS[key])
    member = _identity(data)
    since = _number(data, "since")
    match key:
        case "state":
            was, state = (cast("State", _text(data, name)) for name in ("was", "is"))
            if not isinstance(data["moving"], bool):
                raise ValueError(f"moving: must be true or false, found {show(data['moving'])}")
            return StateChange(member=member, since=since, was=was, state=state, moving=data["moving"])
        case "weight":
            return WeightChange(
                member=member, since=since, was=_number(data, "was"), weight=_number(data, "is")
            )
        case "removed":
            return Removal(member=member, since=since)
        case _:
            return Addition(member=member, since=since, settings=_settings(data["is"], member))


def _exactly(data: Mapping[str, object], names: frozenset[str]) -> None:
    for name in sorted(names - data.keys()):
        raise ValueError(f"{name}: is missing")
    for name in data:
        if name not in names:
            raise ValueError(f"{show(name)}: unknown key")


def _identity(data: Mapping[str, object]) -> Identity:
    balancer, url, route = (_text(data, name) for name in ("balancer", "url", "route"))
    said = NAME.complaint(balancer)
    if said is not None:
        raise ValueError(f"balancer: {said}")
    return identify(balancer, Member(url=url, route=route))


def _settings(data: object, member: Identity) -> Member:
    if not isinstance(data, dict) or {"url", "route"} & data.keys():
        raise ValueError("is: must be a table of the member's other keys")
    return settings({**data, "url": member.url, "route": member.route})


def _text(data: Mapping[str, object], name: str) -> str:
    value = data[name]
    if not isinstance(value, str):
        raise ValueError(f"{name}: must be text, found {show(value)}")
    return value


def _number(data: Mapping[str, object], name: str) -> float:
    value = data[name]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name}: must be a number, found {show(value)}")
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"{name}: must be a smaller number") from None
