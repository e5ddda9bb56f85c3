"""Finds the line on which each key of a TOML document stands, and where its value does; :mod:`tomllib` does not tell.

The text has been accepted by :mod:`tomllib` before, so the scanner only has to know where strings, arrays and
tables begin and end.  Where it loses its way it stops, and the keys below get the line of the nearest table above.
"""

from __future__ import annotations

import json
import re
import tomllib
from bisect import bisect_right
from collections.abc import Mapping
from typing import Final

import attrs

KeyPath = tuple[str | int, ...]
"""Where a value is: ``("location", 0, "path")`` is ``path`` in the first ``[[location]]``."""

DEPTH: Final = 12
"""Deeper keys are not remembered; the configuration has none, and a hostile file may have very many."""

WIDTH: Final = 80
"""Characters of a name that are shown."""

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_SCALAR = re.compile(r"[^,\]}\n#]+")
_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"""(?:"{0,2})'  # a multi-line string may end in up to two quotes of its own
    r"|'''.*?'''(?:'{0,2})"
    r'|"(?:\\.|[^"\\])*"'
    r"|'[^']*'",
    re.DOTALL,
)


def dotted(path: KeyPath) -> str:
    """Write a path as in ``balancer.app.member[0].url``; names that TOML wants quoted are quoted."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            part = part if len(part) <= WIDTH else part[: WIDTH - 3] + "..."
            name = part if _BARE.fullmatch(part) else json.dumps(part)
            text += f".{name}" if text else name
    return text


@attrs.frozen
class Places:
    """Says where a key stands: ``FILE:LINE: key.path``, or the key path alone for a configuration without a file."""

    name: str = ""
    lines: Mapping[KeyPath, int] = attrs.field(factory=dict, repr=False)

    def line(self, path: KeyPath) -> int | None:
        """Return the line of the key or, when it is not written, of the nearest table around it."""
        for end in range(len(path), 0, -1):
            if path[:end] in self.lines:
                return self.lines[path[:end]]
        return None

    def __call__(self, path: KeyPath) -> str:
        line = self.line(path)
        where = self.name if line is None or not self.name else f"{self.name}:{line}"
        return ": ".join(part for part in (where, dotted(path)) if part)


@attrs.frozen
class Layout:
    """Where everything stands in a TOML document.

    :ivar lines: the line (from 1) of every table, array element and key.
    :ivar values: begin and end of the value of every key, and of every array element.
    """

    lines: dict[KeyPath, int] = attrs.field(factory=dict)
    values: dict[KeyPath, tuple[int, int]] = attrs.field(factory=dict)


def find_lines(text: str) -> dict[KeyPath, int]:
    """Return the line (from 1) of every table, array element and key in TOML that tomllib has accepted."""
    return find_layout(text.replace("\r\n", "\n")).lines


def find_layout(text: str) -> Layout:
    """Return where everything stands in TOML that tomllib has accepted; its lines end in LF alone."""
    scanner = _Scanner(text)
    try:
        scanner.document()
    except (_Lost, ValueError, RecursionError):
        pass  # What was found so far is right; what follows is reported with the line of an enclosing table.
    return Layout(scanner.lines, scanner.values)


class _Lost(Exception):
    """The text is not what the scanner expects."""


class _Scanner:
    """Walks over one document once, from left to right."""

    def __init__(self, text: str) -> None:
        self.lines: dict[KeyPath, int] = {}
        self.values: dict[KeyPath, tuple[int, int]] = {}
        self._text = text
        self._at = 0
        self._newlines = [match.start() for match in re.finditer("\n", text)]
        self._counts: dict[KeyPath, int] = {}
        """How many elements each array of tables has so far."""

    def document(self) -> None:
        """Read every statement; raises _Lost when the text is no TOML."""
        table: KeyPath = ()
        while self._skip(_BLANK) < len(self._text):
            if self._take("[["):
                table = self._header("]]")
            elif self._take("["):
                table = self._header("]")
            else:
                self._pair(table)

    def _header(self, closing: str) -> KeyPath:
        """Read ``a.b]`` or ``a.b]]``; the table that the following keys belong to."""
        line = self._line()
        *parents, last = self._key()
        if not self._take(closing):
            raise _Lost
        path: KeyPath = ()
        for part in parents:
            path += (part,)
            self._note(path, line, first=True)
            if path in self._counts:
                path += (self._counts[path] - 1,)
        path += (last,)
        if closing == "]]":
            self._note(path, line, first=True)
            index = self._counts.get(path, 0)
            self._counts[path] = index + 1
            path += (index,)
        self._note(path, line)
        return path

    def _pair(self, table: KeyPath) -> None:
        """Read ``a.b = value``."""
        line = self._line()
        path = table
        for part in self._key():
            path = _join(path, part)
            self._note(path, line, first=True)
        if not self._take("="):
            raise _Lost
        self._skip(_SPACE)
        self._value(path)

    def _key(self) -> list[str]:
        """Read a dotted key; only as many parts as are remembered."""
        parts: list[str] = []
        while True:
            self._skip(_SPACE)
            raw = self._match(_BARE) or self._match(_STRING)
            if not raw:
                raise _Lost
            if len(parts) <= DEPTH:
                parts.append(tomllib.loads(f"{raw} = 0").popitem()[0])
            self._skip(_SPACE)
            if not self._take("."):
                return parts

    def _value(self, path: KeyPath) -> None:
        start = self._at
        self._contents(path)
        if len(path) <= DEPTH:
            self.values[path] = (start, start + len(self._text[start : self._at].rstrip()))

    def _contents(self, path: KeyPath) -> None:
        if self._take("["):
            self._array(path)
        elif self._take("{"):
            while not self._closed("}"):
                self._pair(path)
        elif not (self._match(_STRING) or self._match(_SCALAR)):
            raise _Lost

    def _array(self, path: KeyPath) -> None:
        index = 0
        while not self._closed("]"):
            element = _join(path, index)
            self._note(element, self._line())
            self._value(element)
            index += 1

    def _closed(self, closing: str) -> bool:
        """Skip to the next element of an array or inline table; true when there is none."""
        self._skip(_BLANK)
        if self._take(","):
            self._skip(_BLANK)
        if self._at >= len(self._text):
            raise _Lost
        return self._take(closing)

    def _note(self, path: KeyPath, line: int, *, first: bool = False) -> None:
        if len(path) <= DEPTH and not (first and path in self.lines):
            self.lines[path] = line

    def _line(self) -> int:
        return bisect_right(self._newlines, self._at - 1) + 1

    def _skip(self, pattern: re.Pattern[str]) -> int:
        self._match(pattern)
        return self._at

    def _match(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        if match is None:
            return ""
        self._at = match.end()
        return match[0]

    def _take(self, token: str) -> bool:
        if not self._text.startswith(token, self._at):
            return False
        self._at += len(token)
        return True


def _join(path: KeyPath, part: str | int) -> KeyPath:
    """Grow a path, but not without end: a path longer than DEPTH is never remembered, so it may stay as it is."""
    return (*path, part) if len(path) <= DEPTH else path
