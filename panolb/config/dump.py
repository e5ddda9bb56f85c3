"""Writes a configuration as TOML that a person would want to keep; :func:`panolb.config.toml.loads` reads it back.

Only keys that differ from their defaults are written, durations and sizes with units, tables in the order of the
reference, and above each of them the lines of another file that it came from.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from textwrap import wrap
from typing import Any, Final

import attrs

from panolb.config.model import Config
from panolb.config.places import KeyPath
from panolb.config.rules import Names, Seconds, Size
from panolb.config.tables import Field, keys, optional
from panolb.config.units import format_duration, format_size

WIDTH: Final = 100
"""Columns after which a list is written with an element on each line, and a comment goes on in the next line."""

Sources = Mapping[KeyPath, Sequence[object]]
"""For tables and keys, whatever says as text where they came from."""

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def dump(config: Config, sources: Sources | None = None) -> str:
    """Return the text of a file with this configuration.

    :param sources: where its tables and keys came from, for comments.
    """
    lines = list(_table(config, (), sources or {}))
    return "\n".join(lines).strip("\n") + "\n"


def comment(text: str) -> list[str]:
    """Write a sentence as comment lines; what a terminal would not print becomes ``?``."""
    lines = wrap(_printable(text), WIDTH, break_long_words=False, break_on_hyphens=False)
    return [f"# {line}" for line in lines]


def _table(table: Any, at: KeyPath, sources: Sources) -> Iterator[str]:
    """Write the keys of a table, and then the tables below it."""
    below: list[tuple[KeyPath, Any]] = []
    for name, one in keys(type(table)).items():
        value = getattr(table, name)
        path = (*at, name)
        if value == _initial(one):
            continue
        if any(map(attrs.has, map(type, _elements(value)))):
            below += _tables(value, path)
        else:
            yield from _pair(one, value, sources.get(path, ()))
    for path, inner in below:
        yield ""
        yield from comment(_said(sources.get(path, ())))
        header = ".".join(_key(part) for part in path if isinstance(part, str))
        yield f"[[{header}]]" if isinstance(path[-1], int) else f"[{header}]"
        yield from _table(inner, path, sources)


def _tables(value: Any, at: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    """Yield the tables in the value of a key, each with its place."""
    if isinstance(value, dict):
        yield from (((*at, name), one) for name, one in value.items())
    elif isinstance(value, list):
        yield from (((*at, index), one) for index, one in enumerate(value))
    else:
        yield at, value


def _pair(one: Field, value: Any, came_from: Sequence[object]) -> Iterator[str]:
    """Write ``key = value``; of a table of texts, a line for each of them."""
    said = f"  # {_printable(_said(came_from))}" if came_from else ""
    if isinstance(value, dict):
        yield from (f"{one.name}.{_key(name)} = {_scalar(text)}{said}" for name, text in value.items())
        return
    line = f"{one.name} = {_value(optional(one.type), value)}"
    if isinstance(value, list) and len(line) > WIDTH:
        line = "\n".join([f"{one.name} = [", *(f"    {_scalar(element)}," for element in value), "]"])
    yield line + said


def _value(kind: Any, value: Any) -> str:
    if value is None:
        return '""'  # what the default would be written for is switched off
    if kind == Seconds:
        return _scalar(format_duration(value))
    if kind == Size:
        return _scalar(format_size(value))
    if kind == Names and len(value) == 1:
        return _scalar(value[0])
    return "[" + ", ".join(map(_scalar, value)) + "]" if isinstance(value, list) else _scalar(value)


def _scalar(value: Any) -> str:
    """Write a single value; whatever is neither number nor truth is written as text."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value).removesuffix(".0")
    text = str(value)
    if text.isprintable() and re.search(r'["\\]', text) and "'" not in text:
        return f"'{text}'"  # regular expressions and header rules are unreadable with every backslash doubled
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else json.dumps(name, ensure_ascii=False)


def _elements(value: Any) -> list[Any]:
    """Return what a list or table holds; a value that is neither is its own only element."""
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else [value]


def _initial(one: Field) -> Any:
    """Return the default of a key; attrs.NOTHING, which no value equals, when it has none."""
    initial: Any = one.default
    return initial.factory() if hasattr(initial, "factory") else initial


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)


def _said(came_from: Sequence[object]) -> str:
    return ", ".join(dict.fromkeys(map(str, came_from)))
