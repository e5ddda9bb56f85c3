"""Collects what reading an ``httpd.conf`` has to say: mistakes, and what became of lines."""

from __future__ import annotations

from difflib import get_close_matches
from functools import lru_cache
from typing import Final

from panolb.config.httpd.directives import DIRECTIVES, SECTIONS
from panolb.config.httpd.known import Verdict
from panolb.config.httpd.nodes import Place
from panolb.config.httpd.report import Entry
from panolb.config.httpd.show import shown
from panolb.errors import Problem

MOST: Final = 500
"""Mistakes after which reading ends; nobody mends more at once."""

_GUESSES: Final = 50
"""Unknown names for which a known one is sought; that takes its time."""


class Findings:
    """Problems and entries, in the order in which they were found."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.entries: list[Entry] = []
        self._undefined: set[str] = set()
        self._strangers: list[str] = []
        self._guesses = 0

    @property
    def is_full(self) -> bool:
        return len(self.problems) >= MOST

    def problem(self, place: Place, words: str) -> None:
        """Note a mistake."""
        if not self.is_full:
            self.problems.append(Problem(str(place), shown(words, 400)))
        if len(self.problems) == MOST:
            self.problems[-1] = Problem(str(place), f"there are {MOST} mistakes; what follows is not read")

    def entry(self, place: Place, text: str, verdict: Verdict, words: str, name: str = "") -> None:
        """Note what became of a line; ``name`` is its directive, where many such lines are to be told as one."""
        self.entries.append(Entry(place, shown(text), verdict, words, name))

    def undefined(self, name: str, place: Place) -> None:
        """Note, once for each, a variable that nothing defines."""
        if name not in self._undefined:
            self._undefined.add(name)
            words = (
                "Nothing defines it, so it stays as it is written; define it, or set it in the environment."
            )
            self.entry(place, f"${{{name}}}", Verdict.UNSUPPORTED, words)

    def stranger(self, name: str, place: Place) -> None:
        """Note a module that is none of Apache's: directives that nobody knows may be its own."""
        self._strangers.append(shown(name))
        self.entry(
            place,
            f"LoadModule {name}",
            Verdict.UNSUPPORTED,
            "panolb does not know this module, nor what it does.",
        )

    def unknown(self, name: str, place: Place) -> None:
        """Note a directive or section that nobody knows."""
        guess = self._guess(name)
        meant = f"; perhaps {guess}" if guess else ""
        if self._strangers:
            words = f"It may belong to {', '.join(self._strangers[:5])}, which panolb does not know{meant}."
            self.entries.append(
                Entry(place, shown(name), Verdict.UNSUPPORTED, words, shown(name), stops=True)
            )
        else:
            self.problem(place, f"{shown(name)} is unknown{meant}")

    def _guess(self, name: str) -> str | None:
        self._guesses += 1
        return _nearest(name) if self._guesses <= _GUESSES and len(name) < 60 else None


@lru_cache(maxsize=_GUESSES)
def _nearest(name: str) -> str | None:
    """Return the known name that looks most like it; of sections for a section."""
    table = SECTIONS if name.startswith("<") else DIRECTIVES
    found = get_close_matches(name.strip("<>").lower(), table, n=1)
    return table[found[0]].name if found else None
