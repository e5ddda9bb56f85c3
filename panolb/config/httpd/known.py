"""What is known about one directive of Apache, and the short notation in which the tables say it.

The tables are one line per directive, or per handful of directives of which the same is true.  The name is followed
by how many arguments it takes: ``1``, ``1-3``, ``2+`` or ``flag`` (one that is On or Off).  Sections are written in
angle brackets.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable, Iterator
from typing import Final

from attrs import evolve, field, frozen


class Verdict(enum.Enum):
    """What becomes of a directive."""

    RUN = "run"
    """panolb does what it says."""
    HARMLESS = "harmless"
    """Nothing is lost without it; the words say why."""
    UNSUPPORTED = "unsupported"
    """Something is lost; the words say what."""
    IMPROVED = "improved"
    """panolb does better than Apache by default; the words say how."""
    RESTORED = "restored"
    """The text needed help to be understood."""


@frozen
class Known:
    """One directive, or one section when the name is in angle brackets.

    :ivar module: the identifier in ``LoadModule``; one of several where alternatives have the same directive.
    :ivar least: fewest arguments.
    :ivar most: most arguments; None for any number.
    :ivar flag: the argument is On or Off.
    :ivar words: what it means for traffic, as a sentence.
    :ivar stops: not running it would change where traffic goes or who may see it.
    :ivar same: arguments that ask for what panolb does anyway: a regular expression, upper and lower case alike.
    :ivar mild: arguments without which traffic still goes the same way, likewise.
    """

    name: str
    least: int
    most: int | None
    flag: bool
    verdict: Verdict
    words: str
    stops: bool = False
    same: str | None = None
    mild: str | None = None
    module: str = ""

    @property
    def is_section(self) -> bool:
        return self.name.startswith("<")

    def verdict_for(self, args: tuple[str, ...]) -> tuple[Verdict, str, bool]:
        """Return verdict, words and whether the start stops, for these very arguments."""
        written = " ".join(args)
        if self.same is not None and re.fullmatch(self.same, written, re.IGNORECASE):
            return Verdict.HARMLESS, SAME, False
        if self.mild is not None and re.fullmatch(self.mild, written, re.IGNORECASE):
            return self.verdict, self.words, False
        return self.verdict, self.words, self.stops


SAME: Final = "This is what panolb does anyway."

_ITEM: Final = re.compile(
    r"(?P<name><?[A-Za-z0-9_]+>?) (?:(?P<flag>flag)|(?P<least>\d+)(?:-(?P<most>\d+)|(?P<more>\+))?)"
)


def _flat(lines: Iterable[Iterable[Known]]) -> tuple[Known, ...]:
    return tuple(one for line in lines for one in line)


@frozen
class Module:
    """A module of Apache and its directives.

    :ivar names: its identifier in ``LoadModule`` and its source file; of alternatives, all of them.
    :ivar about: what it is for, in a few words.
    """

    names: dict[str, str]
    about: str
    directives: tuple[Known, ...] = field(converter=_flat)

    def known(self) -> Iterator[Known]:
        """Its directives, which then know their module."""
        identifier = next(iter(self.names))
        return (evolve(one, module=identifier) for one in self.directives)


def run(names: str, words: str) -> list[Known]:
    """Directives that panolb runs."""
    return _all(names, Verdict.RUN, words)


def harmless(names: str, words: str) -> list[Known]:
    """Directives that are not needed."""
    return _all(names, Verdict.HARMLESS, words)


def lost(names: str, words: str, *, same: str | None = None) -> list[Known]:
    """Directives whose effect is missing, but traffic goes to the same places."""
    return _all(names, Verdict.UNSUPPORTED, words, same=same)


def stops(names: str, words: str, *, same: str | None = None, mild: str | None = None) -> list[Known]:
    """Directives without which traffic would go elsewhere, or be seen by others."""
    return _all(names, Verdict.UNSUPPORTED, words, stops=True, same=same, mild=mild)


def _all(
    names: str,
    verdict: Verdict,
    words: str,
    *,
    stops: bool = False,
    same: str | None = None,
    mild: str | None = None,
) -> list[Known]:
    found: list[Known] = []
    for item in names.split(","):
        match = _ITEM.fullmatch(item.strip())
        assert match is not None, item
        least = 1 if match["flag"] else int(match["least"])
        most = None if match["more"] else int(match["most"] or least)
        found.append(
            Known(match["name"], least, most, bool(match["flag"]), verdict, words, stops, same, mild)
        )
    return found
