"""Writes the changes of operators into the text of a TOML file, and leaves everything else as it stands there.

A member that was removed becomes a comment: its lines stay for whoever wants it back, beside what was said about them.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from panolb.config.balancers import Balancer, Member
from panolb.config.dump import dump
from panolb.config.edits import CannotSave, Edited, Piece, decode, replaced
from panolb.config.model import Config
from panolb.config.places import KeyPath, dotted, find_layout
from panolb.config.runtime import Addition, Change, Identity, Removal, StateChange, WeightChange, identify

_BLANKS: Final = re.compile(r"[ \t]*")


def edited(path: str, data: bytes, config: Config, changes: Sequence[Change]) -> Edited:
    """Return a file with changes written in.

    :param config: what the file says.
    :param changes: what holds on top of it.
    :raises CannotSave: one of them cannot be written.
    """
    text, codec = decode(data)
    is_crlf = 0 < text.count("\r\n") == text.count("\n")
    lf = text.replace("\r\n", "\n")
    if not lf.endswith("\n"):
        lf += "\n"
    pieces: list[Piece] = []
    for name, balancer in config.balancer.items():
        mine = [one for one in changes if one.member.balancer == name]
        if mine:
            pieces += _Editing(lf, path, name, balancer).pieces(mine)
    if not pieces:
        return Edited(path, data, data)
    new = replaced(lf, pieces)
    return Edited(path, data, (new.replace("\n", "\r\n") if is_crlf else new).encode(codec))


class _Editing:
    """Edits the members of one balancer."""

    def __init__(self, text: str, path: str, name: str, balancer: Balancer) -> None:
        self._text = text
        self._path = path
        self._layout = find_layout(text)
        self._at: KeyPath = ("balancer", name, "member")
        self._numbers = {identify(name, one): index for index, one in enumerate(balancer.member)}
        self._line_starts = [0, *(match.end() for match in re.finditer("\n", text))]

    @property
    def _is_inline(self) -> bool:
        """Whether members are elements of an array, and not tables of their own."""
        return (*self._at, 0) in self._layout.values

    def pieces(self, changes: Sequence[Change]) -> Iterator[Piece]:
        """Yield what has to be replaced."""
        missing = [one for one in self._numbers.values() if (*self._at, one) not in self._layout.lines]
        if missing:
            raise self._by_hand(f"{dotted((*self._at, missing[0]))} is nowhere to be found in it")
        added = {one.member: one.settings for one in changes if isinstance(one, Addition)}
        gone = [self._numbers[one.member] for one in changes if isinstance(one, Removal)]
        for one in changes:
            if isinstance(one, StateChange | WeightChange) and one.member in added:
                added[one.member] = one.on(added[one.member])
            elif isinstance(one, WeightChange):
                yield self._set(one.member, "loadfactor", repr(one.weight).removesuffix(".0"))
            elif isinstance(one, StateChange) and one.state != one.was:
                yield self._set(one.member, "status", f'"{one.state}"')
        if self._is_inline:
            yield from self._taken_out(gone)
        else:
            yield from (piece for number in gone for piece in self._commented(number))
        yield from self._appended(added)

    def _set(self, member: Identity, key: str, value: str) -> Piece:
        """Give a key another value, or write it after the other keys of the member."""
        at = (*self._at, self._numbers[member])
        values = self._layout.values
        if (*at, key) in values:
            return *values[*at, key], value
        start, end = max(span for path, span in values.items() if path[:-1] == at)
        if self._is_inline:
            return end, end, f", {key} = {value}"
        return self._below(end, f"{self._indentation(start)}{key} = {value}\n")

    # --- tables ---

    def _lines(self, number: int) -> set[int]:
        """Return the lines of everything that is said about a member."""
        at = (*self._at, number)
        found: set[int] = set()
        for path, line in self._layout.lines.items():
            if path[: len(at)] == at:
                end = self._layout.values[path][1] if path in self._layout.values else 0
                found |= {line, *range(line, bisect_right(self._line_starts, end - 1) + 1)}
        return found

    def _commented(self, number: int) -> Iterator[Piece]:
        for line in self._lines(number):
            start = self._line_starts[line - 1]
            start += len(self._indentation(start))
            yield start, start, "# "

    def _appended(self, added: Mapping[Identity, Member]) -> Iterator[Piece]:
        last = len(self._numbers) - 1
        for member, settings in added.items():
            text = dump(Config(balancer={member.balancer: Balancer(member=[settings])}))
            text = text[text.index("[[") :]
            if self._is_inline:
                yield self._one_more(last, text, member)
            else:
                yield self._below(self._line_starts[max(self._lines(last)) - 1], f"\n{text}")

    # --- arrays ---

    def _taken_out(self, gone: Sequence[int]) -> Iterator[Piece]:
        """Take elements out of an array, each with the comma that belongs to it."""
        spans = [self._layout.values[*self._at, number] for number in self._numbers.values()]
        kept = [number for number in range(len(spans)) if number not in gone]
        if not kept:
            raise self._by_hand(f"no element of {dotted(self._at)} would stay")
        for number in gone:
            if number < kept[-1]:
                yield spans[number][0], spans[number + 1][0], ""
        if kept[-1] < len(spans) - 1:
            yield spans[kept[-1]][1], spans[-1][1], ""

    def _one_more(self, last: int, text: str, member: Identity) -> Piece:
        """Return another element, on a line of its own if the last one has one."""
        _, *pairs = text.splitlines()
        if "" in pairs:
            raise self._by_hand(
                f"{member.name} has tables of its own, for which there is no room in an array"
            )
        start, end = self._layout.values[*self._at, last]
        indentation = self._indentation(start)
        alone = self._text.endswith(f"\n{indentation}", 0, start)
        before = f"\n{indentation}" if alone else " "
        return end, end, f",{before}{{ {', '.join(pairs)} }}"

    # --- text ---

    def _indentation(self, at: int) -> str:
        match = _BLANKS.match(self._text, self._text.rfind("\n", 0, at) + 1)
        assert match is not None
        return match[0]

    def _below(self, at: int, lines: str) -> Piece:
        """Write lines below the one that is there."""
        end = self._text.index("\n", at) + 1
        return end, end, lines

    def _by_hand(self, why: str) -> CannotSave:
        return CannotSave(f"{self._path} cannot be edited: {why}; write it there by hand")
