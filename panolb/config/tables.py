"""Reads nested tables into the model, and goes on after every mistake so that all of them can be told at once.

For a key that is missing or wrong the model gets its default (or a stand-in), and the key is remembered as unreadable:
a cross check that would only repeat the mistake in other words is then left out.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Mapping
from types import NoneType
from typing import Any, Final, TypeAlias, TypeVar, get_args, get_origin

import attrs

from panolb.config.findings import Finding
from panolb.config.model import NAME, TABLES, Config
from panolb.config.places import KeyPath, dotted
from panolb.config.rules import Rule, Seconds, Size
from panolb.config.units import format_duration, format_size
from panolb.config.values import WrongValue, convert

T = TypeVar("T")
Field: TypeAlias = "attrs.Attribute[Any]"

MANY: Final = 500
"""After so many mistakes no more guesses are made about what was meant; they take time."""


class Reader:
    """Builds one configuration; ``found`` are the mistakes, ``unreadable`` the keys that have a default in their place."""

    def __init__(self) -> None:
        self.found: list[Finding] = []
        self.unreadable: set[KeyPath] = set()

    def table(self, kind: type[T], data: Mapping[str, object], at: KeyPath) -> T:
        """Build an object of a model class from the table at ``at``; always returns one, right or with stand-ins."""
        fields = keys(kind)
        for name in data:
            if name not in fields:
                self._unknown(name, kind, at)
        values: dict[str, Any] = {}
        for name, one in fields.items():
            if name in data:
                got = self._key(one, data[name], (*at, name))
                if got is not None:
                    values[name] = got
            elif one.default is attrs.NOTHING:
                self._wrong((*at, name), f"is missing; write {name} = {example(one)}")
            if name not in values and one.default is attrs.NOTHING:
                values[name] = one.metadata["stand_in"]
        return kind(**values)

    def left_out(self, finding: Finding) -> bool:
        """Whether a cross check was drawn from keys that could not be read."""
        drawn = (finding.path, *finding.about)
        return any(path[:end] in self.unreadable for path in drawn for end in range(1, len(path) + 1))

    def _wrong(self, at: KeyPath, message: str, key: KeyPath | None = None) -> None:
        """Note a mistake at ``at``, that leaves ``key`` (if that is another) without its value."""
        self.found.append(Finding(at, message))
        self.unreadable.add(at if key is None else key)

    def _key(self, one: Field, value: object, at: KeyPath) -> Any:
        """Return the value of a key, or None when it has none that can be used."""
        kind = optional(one.type)
        element = get_args(kind)[-1] if get_args(kind) else kind
        if attrs.has(kind):
            return self._one_table(kind, value, at)
        if attrs.has(element):
            if get_origin(kind) is not list:
                return self._named(element, value, at)
            alone = one.metadata["alone"] and isinstance(value, dict)
            return self._list(element, [value] if alone else value, at)
        try:
            got = convert(value, kind, example=f"{one.name} = {example(one)}")
        except WrongValue as wrong:
            for inner, said in wrong.mistakes:
                self._wrong((*at, *inner), said, at)
            return None
        return got if self._allowed(one, got, at) else None

    def _allowed(self, one: Field, value: object, at: KeyPath) -> bool:
        complaints = list(one.validator.complaints(value)) if isinstance(one.validator, Rule) else []
        for inner, said in complaints:
            self._wrong((*at, *inner), said, at)
        return not complaints

    def _one_table(self, kind: type[T], value: object, at: KeyPath) -> T | None:
        if isinstance(value, dict):
            return self.table(kind, value, at)
        if isinstance(value, list) and value and all(isinstance(element, dict) for element in value):
            self._wrong(at, f"is needed once only: write [{dotted(at)}], with single brackets")
        else:
            self._wrong(at, f"is a table: write [{dotted(at)}] on a line of its own, and its keys below")
        return None

    def _named(self, kind: type[T], value: object, at: KeyPath) -> dict[str, T] | None:
        """Read ``[listener.NAME]`` tables."""
        header = f"[{dotted(at)}.NAME]"
        if not isinstance(value, dict):
            self._wrong(at, f"needs a name: write {header} on a line of its own, with single brackets")
            return None
        named = {name: one for name, one in value.items() if isinstance(one, dict)}
        own = [name for name in value if name not in named]
        if own and all(name in keys(kind) for name in own):
            self._wrong(at, f"needs a name: write {header} above {', '.join(own)}")
            self.table(kind, {name: value[name] for name in own}, at)
        else:
            for name in own:
                self._wrong((*at, name), f"is a table: write [{dotted((*at, name))}] on a line of its own")
        tables = {name: self.table(kind, one, (*at, name)) for name, one in named.items()}
        for name in named:
            said = NAME.complaint(name)
            if said is not None:
                self._wrong((*at, name), f"the name {said}")
                del tables[name]
        if value and not tables:
            self.unreadable.add(at)
        return tables

    def _list(self, kind: type[T], value: object, at: KeyPath) -> list[T] | None:
        """Read ``[[location]]`` tables."""
        header = f"[[{dotted(at)}]]"
        if isinstance(value, dict):
            self._wrong(at, f"write {header}, with double brackets: there may be several")
            self.table(kind, value, at)
            return None
        if not isinstance(value, list):
            self._wrong(at, f"is a list of tables: write {header} on a line of its own, and the keys below")
            return None
        tables: list[T] = []
        for index, element in enumerate(value):
            if isinstance(element, dict):
                tables.append(self.table(kind, element, (*at, index)))
            else:
                self._wrong(
                    (*at, index), f"is a table: write {header} on a line of its own, and the keys below"
                )
                self.unreadable.add(at)
        return tables

    def _unknown(self, name: str, kind: type, at: KeyPath) -> None:
        fields = keys(kind)
        near = nearest(name, fields) if len(self.found) < MANY else None
        if near is not None:
            message = f"unknown key; did you mean {near!r}?"
            self.unreadable.add((*at, near))
        else:
            elsewhere = [header(table) for table in TABLES if name in keys(table) and table is not Config]
            hint = f"it belongs to {' or '.join(elsewhere)}; " if elsewhere else ""
            message = f"unknown key; {hint}known here: {', '.join(sorted(fields))}"
        self.found.append(Finding((*at, name), message))


def keys(kind: type) -> dict[str, Field]:
    """Return the keys of a table, by name."""
    return {one.name: one for one in attrs.fields(kind) if "doc" in one.metadata}


def optional(kind: Any) -> Any:
    """Return the type without ``| None``."""
    rest = [one for one in get_args(kind) if one is not NoneType]
    return rest[0] if NoneType in get_args(kind) and len(rest) == 1 else kind


def example(one: Field) -> str:
    """Write a right value of a key as TOML: its example, or else its default."""
    return str(one.metadata["example"] or default(one))


def default(one: Field) -> str:
    """Write the default of a key as TOML; empty when it has none."""
    value: Any = one.default
    value = value.factory() if hasattr(value, "factory") else value
    if value is attrs.NOTHING or value is None:
        return ""
    kind = optional(one.type)
    if kind == Seconds:
        return json.dumps(format_duration(value))
    return json.dumps(format_size(value)) if kind == Size else json.dumps(value)


def header(kind: type) -> str:
    """Write the header of a table as in a file: ``[[balancer.NAME.member]]``."""
    return _HEADERS.get(kind.__name__, "")


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return the name that was probably meant."""
    plain = name[:64].lower().replace("-", "_")
    found = difflib.get_close_matches(plain, list(names), n=1, cutoff=0.7)
    return found[0] if found else None


_HEADERS = {
    "Listener": "[listener.NAME]",
    "Certificate": "[[listener.NAME.certificate]]",
    "Tls": "[listener.NAME.tls]",
    "Location": "[[location]]",
    "Balancer": "[balancer.NAME]",
    "Member": "[[balancer.NAME.member]]",
    "Health": "[balancer.NAME.health]",
    "Cookie": "[balancer.NAME.cookie]",
    "WebSockets": "[websockets]",
    "Admin": "[admin]",
    "Control": "[control]",
    "AccessLog": "[[access_log]]",
    "Shutdown": "[shutdown]",
}
