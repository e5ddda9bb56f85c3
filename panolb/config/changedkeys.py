"""Keys of a table that have another value than before, shown as an operator would write them.

Generic over the keys of the model: a new key is compared without a line here.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from typing import Any, Final

import attrs

from panolb.config.places import KeyPath, dotted
from panolb.config.rules import Seconds, Size
from panolb.config.tables import Field, keys, optional
from panolb.config.units import format_duration, format_size

SHOWN: Final = 60
"""Characters of a value in a line for people; programs are given all of it."""


@attrs.frozen
class Change:
    """One key with another value.

    :ivar key: with dots where it is in a table below: ``health.interval``.
    :ivar before: the value as an operator would write it; ``None`` where it was not set.
    :ivar after: the same for the new one.
    """

    key: str
    before: Any
    after: Any

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {"key": self.key, "from": self.before, "to": self.after}

    def __str__(self) -> str:
        before, after = _text(self.before), _text(self.after)
        if before == after:
            return f"{self.key}: changed"  # further behind than is shown
        return f"{self.key}: {before} -> {after}"


def changed_keys(
    old: Any, new: Any, at: KeyPath = (), *, leave_out: Collection[str] = ()
) -> Iterator[Change]:
    """Yield the keys of two tables of the same class whose values differ.

    :param at: where the tables stand.
    :param leave_out: keys that are not looked at.
    """
    for name, one in keys(type(new)).items():
        before, after = getattr(old, name), getattr(new, name)
        if name not in leave_out and before != after:
            yield from _changes(one, before, after, (*at, name))


def _changes(one: Field, before: Any, after: Any, at: KeyPath) -> Iterator[Change]:
    """Yield what has changed of a key: of tables below it the single keys, where both have them."""
    if attrs.has(type(before)) and attrs.has(type(after)):
        yield from changed_keys(before, after, at)
    elif _has_tables(before) or _has_tables(after):
        tables = _by_place(before), _by_place(after)
        for place in dict.fromkeys((*tables[0], *tables[1])):
            was, is_ = tables[0].get(place), tables[1].get(place)
            if was != is_:
                yield from _changes(one, was, is_, (*at, place))
    else:
        yield Change(dotted(at), written(one, before), written(one, after))


def written(one: Field, value: Any) -> Any:
    """Return a value of a key as it would stand in a file, for JSON; a table as those of its keys that were set."""
    if attrs.has(type(value)):
        return {
            name: written(key, getattr(value, name))
            for name, key in keys(type(value)).items()
            if getattr(value, name) != _initial(key)
        }
    if value is None:
        return None if _initial(one) is None or attrs.has(optional(one.type)) else ""
    kind = optional(one.type)
    if kind == Seconds:
        return format_duration(value)
    if kind == Size:
        return format_size(value)
    return _plain(value)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    return value if isinstance(value, bool | int | str) else str(value)


def _text(value: Any) -> str:
    """Write a value, as `written` returns it, for people."""
    if value is None:
        return "not set"
    text = value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
    text = "".join(character if character.isprintable() else "?" for character in text)
    return text if len(text) <= SHOWN else text[: SHOWN - 3] + "..."


def _initial(one: Field) -> Any:
    """Return the default of a key; attrs.NOTHING, which no value equals, when it has none."""
    initial: Any = one.default
    return initial.factory() if hasattr(initial, "factory") else initial


def _has_tables(value: Any) -> bool:
    return isinstance(value, dict | list) and any(
        attrs.has(type(inner)) for inner in _by_place(value).values()
    )


def _by_place(value: Any) -> dict[str | int, Any]:
    """Return what a list or table holds, by the last part of its key path."""
    return dict(value.items() if isinstance(value, dict) else enumerate(value or ()))
