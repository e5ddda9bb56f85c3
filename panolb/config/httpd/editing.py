"""Writes the changes of operators into the text of an ``httpd.conf`` and of what it includes: into ``BalancerMember``.

A member that was removed becomes a comment: its line stays for whoever wants it back, beside what was said about it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import attrs
from attrs import evolve

from panolb.config.balancers import Balancer, Member
from panolb.config.edits import CannotSave, Edited, Piece, decode, replaced
from panolb.config.httpd.lines import Line
from panolb.config.httpd.nodes import Place
from panolb.config.httpd.parameters import MEMBER_PARAMETERS
from panolb.config.model import Config
from panolb.config.places import KeyPath
from panolb.config.runtime import Addition, Change, Identity, Removal, StateChange, WeightChange, identify

_STATES: Final = {"active": "", "drain": "N", "disabled": "D", "stopped": "S"}
_FLAGS: Final = {"hot_standby": "H", "hot_spare": "R", "ignore_errors": "I"}
_NAMES: Final = {
    one.key.removeprefix("member."): one.name
    for one in MEMBER_PARAMETERS.values()
    if one.key.startswith("member.")
}
"""Parameters by the keys of the model."""

_MILLISECONDS: Final = frozenset({"connect_timeout", "ping", "acquire"})
_IDENTITY: Final = frozenset({"url", "route", "status", "loadfactor"})


def edited(
    sources: Mapping[KeyPath, Sequence[Place]],
    config: Config,
    changes: Sequence[Change],
    content: Callable[[str], bytes],
) -> list[Edited]:
    """Return the files with changes written in.

    :param sources: the lines that each member was made of.
    :param config: what the files say.
    :param changes: what holds on top of it.
    :param content: says what stands in a file.
    :raises CannotSave: one of them cannot be written.
    """
    files = _Files(content)
    for name, balancer in config.balancer.items():
        mine = [one for one in changes if one.member.balancer == name]
        if mine:
            places = [sources["balancer", name, "member", index] for index in range(len(balancer.member))]
            _Editing(files, name, balancer, places).edit(mine)
    return files.edited()


class _Editing:
    """Edits the members of one balancer.

    :param places: where each of them is: several, if the file says it once for HTTP and once for WebSockets.
    """

    def __init__(
        self, files: _Files, name: str, balancer: Balancer, places: Sequence[Sequence[Place]]
    ) -> None:
        self._files = files
        self._members = balancer.member
        self._places = places
        self._numbers = {identify(name, one): index for index, one in enumerate(balancer.member)}

    def edit(self, changes: Sequence[Change]) -> None:
        """Write changes in."""
        added = {one.member: one.settings for one in changes if isinstance(one, Addition)}
        wanted: dict[Identity, Member] = {}
        for one in changes:
            if isinstance(one, Removal):
                for place in self._places[self._numbers[one.member]]:
                    self._files.comment_out(place)
            elif isinstance(one, StateChange | WeightChange):
                table = added if one.member in added else wanted
                before = table.get(one.member) or self._members[self._numbers[one.member]]
                table[one.member] = one.on(before)
        for member, settings in wanted.items():
            number = self._numbers[member]
            for place in self._places[number]:
                line = self._files.line(place)
                words = self._words(line, self._members[number], settings)
                self._files.replace(place, line.with_words(words))
        for settings in added.values():
            self._add(settings)

    def _add(self, settings: Member) -> None:
        """Write another member below the last one: the line of one like it, as far as there is one."""
        like = {key: getattr(settings, key) for key in _IDENTITY}
        numbers = range(len(self._members) - 1, -1, -1)
        model = next((one for one in numbers if evolve(self._members[one], **like) == settings), numbers[0])
        for place, last in zip(self._places[model], self._places[-1], strict=True):
            line = self._files.line(place)
            words = {"route": settings.route or None, **self._words(line, self._members[model], settings)}
            text = Line(place, line.with_url(settings.url)).with_words(words)
            self._files.add_below(last, text)

    def _words(self, line: Line, now: Member, wanted: Member) -> dict[str, str | None]:
        """Return the parameters that make a member be as wanted; None for those that have to go."""
        words: dict[str, str | None] = {}
        for key in attrs.fields_dict(Member):
            before, after = getattr(now, key), getattr(wanted, key)
            if before == after or key in ("url", "route", "status", *_FLAGS):
                continue
            if key not in _NAMES:
                raise CannotSave(f"{line.place}: Apache has no word for {key}; write it in a TOML file")
            words[_NAMES[key]] = None if after is None else _value(key, after, line.place)
        if any(getattr(now, key) != getattr(wanted, key) for key in ("status", *_FLAGS)):
            words["status"] = _status(line.flags, now, wanted)
        return words


def _status(flags: frozenset[str], now: Member, wanted: Member) -> str | None:
    """Return the value of ``status=`` that keeps other flags."""
    ours = {*_STATES.values(), *_FLAGS.values(), "U"}
    if now.status == "stopped" and not flags & {"S", "U"}:
        ours.add("C")  # It waits for a check that there is not.
    letters = [*sorted(flags - ours), *(letter for key, letter in _FLAGS.items() if getattr(wanted, key))]
    letters.append(_STATES[wanted.status])
    return "".join(f"+{letter}" for letter in letters if letter) or None


def _value(key: str, value: Any, place: Place) -> str:
    if key == "loadfactor":
        return _loadfactor(value, place)
    if key == "reuse":
        return "On" if value else "Off"
    if key in _MILLISECONDS:
        return f"{value * 1000:.15g}ms"
    return str(value) if isinstance(value, str) else f"{value:.15g}"


def _loadfactor(value: float, place: Place) -> str:
    """Return what Apache, which cuts after two decimals of what it has in binary, takes for a loadfactor."""
    for text in (f"{value:g}", f"{value + 0.001:.3f}"):
        if MEMBER_PARAMETERS["loadfactor"].read(text) == value:
            return text
    raise CannotSave(
        f"{place}: Apache has two decimals of a loadfactor only; set a weight like {value:.1f} first"
    )


class _Files:
    """The files that are edited.

    :param content: says what stands in a file.
    """

    def __init__(self, content: Callable[[str], bytes]) -> None:
        self._content = content
        self._files: dict[str, _File] = {}

    def line(self, place: Place) -> Line:
        """Return the line of a member."""
        return self._file(place).line(place)

    def replace(self, place: Place, text: str) -> None:
        """Put another line in the place of a member's."""
        self._file(place).replace(place, text)

    def comment_out(self, place: Place) -> None:
        """Make a comment of the line of a member, be it written on several."""
        self.replace(place, re.sub(r"^[ \t]*", r"\g<0># ", self.line(place).raw, flags=re.MULTILINE))

    def add_below(self, place: Place, text: str) -> None:
        """Write a line below a member's."""
        self._file(place).add_below(place, text)

    def edited(self) -> list[Edited]:
        """Return all files that were asked for."""
        return [one.edited() for one in self._files.values()]

    def _file(self, place: Place) -> _File:
        if place.file not in self._files:
            self._files[place.file] = _File(place.file, self._content(place.file))
        return self._files[place.file]


class _File:
    """One of them."""

    def __init__(self, path: str, data: bytes) -> None:
        self._path = path
        self._data = data
        self._text, self._codec = decode(data)
        self._starts = [0, *(match.end() for match in re.finditer("\n", self._text))]
        self._pieces: dict[Piece, None] = {}

    def line(self, place: Place) -> Line:
        start, end = self._span(place)
        line = Line(place, self._text[start:end])
        said = line.complaint()
        if said is not None:
            raise CannotSave(f"{place} cannot be edited: {said}; write it there by hand")
        return line

    def replace(self, place: Place, text: str) -> None:
        self._pieces[*self._span(place), text] = None

    def add_below(self, place: Place, text: str) -> None:
        _, end = self._span(place)
        # What is there of a line's end is the same for the new line; the last line of a file may have none.
        line_end = "\r\n" if self._text.startswith("\r\n", end) else "\n"
        self._pieces[end, end, f"{line_end}{text}"] = None

    def edited(self) -> Edited:
        return Edited(self._path, self._data, replaced(self._text, self._pieces).encode(self._codec))

    def _span(self, place: Place) -> tuple[int, int]:
        """Return begin and end of a logical line, without the end of its last line."""
        start = end = self._starts[place.line - 1]
        for after in (*self._starts[place.line :], len(self._text) + 1):
            end = after - 1
            if self._text.endswith("\r", start, end):
                end -= 1
            if not self._text.endswith("\\", start, end):
                break
        return start, end
