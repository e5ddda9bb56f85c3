"""What becomes of each line of an ``httpd.conf``: what ``panolb check`` prints, and what stops the start."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Final

from attrs import field, frozen

from panolb.config.httpd.known import Verdict
from panolb.config.httpd.nodes import Directive, Place, Section
from panolb.config.httpd.show import shown
from panolb.errors import Problem

__all__ = ["Entry", "Report", "Verdict", "written"]

TITLES: Final = {
    Verdict.UNSUPPORTED: "not supported",
    Verdict.IMPROVED: "run, and better than in Apache",
    Verdict.RESTORED: "read with help",
    Verdict.HARMLESS: "not needed",
    Verdict.RUN: "run",
}
"""The groups in the order in which they are printed, and their headings."""


FEW: Final = 2
"""So many lines of one kind are still told one by one."""

LISTED: Final = 12
"""So many lines are listed by their numbers."""


@frozen
class Entry:
    """What becomes of one line.

    :ivar text: the line, as in `written`.
    :ivar words: what that means for traffic, as a sentence.
    :ivar name: the directive, by which an operator can allow it; empty for what is none.
    :ivar stops: it is not supported, and the start stops unless that is allowed.
    """

    place: Place
    text: str
    verdict: Verdict
    words: str
    name: str = ""
    stops: bool = False

    def __str__(self) -> str:
        return f"{self.place}: {self.text}: {self.words}" if self.text else f"{self.place}: {self.words}"


def _entries(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    return tuple(entries)


@frozen
class Report:
    """All entries, in the order of the lines that they are about."""

    entries: tuple[Entry, ...] = field(default=(), converter=_entries)

    def problems(self, allowed: Collection[str] = ()) -> list[Problem]:
        """Return what stops the start.

        :param allowed: names of directives that may be left out, in any spelling.
        """
        spared = {name.lower() for name in allowed}
        return [
            Problem(
                f"{entry.place}: {entry.name}",
                f"is not supported. {entry.words} Start without it by --allow-unsupported {entry.name.strip('<>')}",
            )
            for entry in self.entries
            if entry.stops and entry.name.strip("<>").lower() not in spared
        ]

    def of(self, verdict: Verdict) -> list[Entry]:
        """Return the entries of one verdict."""
        return [entry for entry in self.entries if entry.verdict is verdict]

    def lines(self, verdicts: Iterable[Verdict] = tuple(TITLES)) -> list[str]:
        """Return what to print: a heading for each verdict that occurs, and its entries below it."""
        found: list[str] = []
        for verdict in verdicts:
            entries = self.of(verdict)
            if entries:
                found.append(f"{TITLES[verdict]} ({len(entries)}):")
                found += [f"  {line}" for line in _folded(entries)]
        return found


def _folded(entries: Iterable[Entry]) -> Iterator[str]:
    """Write the entries; those that say the same of one directive in one file are told once, with their lines."""
    alike: dict[object, list[Entry]] = {}
    for entry in entries:
        alike.setdefault((entry.name or entry, entry.words, entry.place.file), []).append(entry)
    for first, *more in alike.values():
        if len(more) < FEW:
            yield from map(str, (first, *more))
        else:
            lines = ", ".join(str(entry.place.line) for entry in more[:LISTED])
            rest = f" and {len(more) - LISTED} more" if len(more) > LISTED else ""
            yield f"{first} (likewise lines {lines}{rest})"


def written(node: Directive | Section) -> str:
    """Write a directive or the beginning of a section for a message: short and printable."""
    text = " ".join([node.name, *node.args])
    return shown(f"<{text}>" if isinstance(node, Section) else text)
