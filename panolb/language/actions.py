"""What mod_headers' rules do to the lines of a head.

An action returns the list it was given when nothing changes, else a new one; it never changes the one it was given.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from .facts import Facts
from .formats import Format
from .patterns import Substitution, groups_of
from .words import neutral

Lines = list[bytes]
Action = Callable[[Lines, Facts], Lines]

_TOKEN = re.compile(rb'[^,"]*(?:"[^"]*(?:"|\Z)[^,"]*)*')


def _line(name: bytes, value: bytes) -> bytes:
    return name + b": " + neutral(value)


def _finder(name: bytes) -> Callable[[Lines], list[int]]:
    """Where the lines of that name are."""
    start = name.lower() + b":"
    length = len(start)
    return lambda lines: [at for at, line in enumerate(lines) if line[:length].lower() == start]


def add(name: bytes, value: Format) -> Action:
    """One more line at the end."""
    return lambda lines, facts: [*lines, _line(name, value(facts))]


def assign(name: bytes, value: Format) -> Action:
    """One line, in the place of the first of that name; there is no other afterwards."""
    find = _finder(name)

    def act(lines: Lines, facts: Facts) -> Lines:
        line = _line(name, value(facts))
        found = find(lines)
        if not found:
            return [*lines, line]
        changed = lines.copy()
        changed[found[0]] = line
        for at in reversed(found[1:]):
            del changed[at]
        return changed

    return act


def set_if_missing(name: bytes, value: Format) -> Action:
    """A line, unless there is one of that name."""
    find = _finder(name)
    return lambda lines, facts: lines if find(lines) else [*lines, _line(name, value(facts))]


def append(name: bytes, value: Format) -> Action:
    """The value at the end of the first line's list, or a line of its own."""
    find = _finder(name)
    return lambda lines, facts: _appended(lines, find(lines), name, value(facts))


def merge(name: bytes, value: Format) -> Action:
    """The same, unless the first line's list has the value already."""
    find = _finder(name)

    def act(lines: Lines, facts: Facts) -> Lines:
        found = find(lines)
        new = neutral(value(facts))
        if found and new in _listed(_value_of(lines[found[0]])):
            return lines
        return _appended(lines, found, name, new)

    return act


def unset(name: bytes) -> Action:
    """No line of that name."""
    find = _finder(name)

    def act(lines: Lines, facts: Facts) -> Lines:
        found = frozenset(find(lines))
        return [line for at, line in enumerate(lines) if at not in found] if found else lines

    return act


def edit(name: bytes, pattern: re.Pattern[bytes], value: Format, repeat: bool) -> Action:
    """What the pattern matches, in each line of that name, gives way to the value; ``$1`` is its first group.

    :param repeat: whether all matches of a line give way, or the first alone.
    """
    find = _finder(name)

    def act(lines: Lines, facts: Facts) -> Lines:
        found = find(lines)
        if not found:
            return lines
        substitution = Substitution(value(facts))
        changed = lines.copy()
        for at in found:
            old = _value_of(lines[at])
            new = _edited(old, pattern, substitution, repeat)
            if new != old:
                changed[at] = lines[at].partition(b":")[0] + b": " + neutral(new)
        return changed

    return act


def _edited(value: bytes, pattern: re.Pattern[bytes], substitution: Substitution, repeat: bool) -> bytes:
    """As in Apache what follows a match is looked at as a text of its own, so that ``^`` matches there again."""
    done: list[bytes] = []
    while True:
        match = pattern.search(value)
        if match is None:
            break
        done += (value[: match.start()], substitution.fill(groups_of(match)))
        value = value[match.end() :]
        if not repeat or not value or not match[0]:  # after an empty match Apache would go on for ever
            break
    return b"".join((*done, value))


def _appended(lines: Lines, found: list[int], name: bytes, value: bytes) -> Lines:
    if not found:
        return [*lines, _line(name, value)]
    changed = lines.copy()
    changed[found[0]] = lines[found[0]] + b", " + neutral(value)
    return changed


def _value_of(line: bytes) -> bytes:
    return line.partition(b":")[2].strip(b" \t")


def _listed(value: bytes) -> list[bytes]:
    """The elements of a list; a comma in quotes does not end one."""
    elements: list[bytes] = []
    at = 0
    while at < len(value):
        found = _TOKEN.match(value, at)
        assert found is not None
        elements.append(found[0].lstrip())
        at = found.end() + 1
    return elements
