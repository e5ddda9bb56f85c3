"""Puts line breaks back into text that lost them, as configurations do that were copied from a web page.

Only a line that cannot be right as it stands is touched: one with something after the ``>`` of a section, with a
``</Section>`` among its arguments, or with more arguments than its directive takes.  It is cut before the names of
directives and sections, so that every piece has the arguments that it needs; where that cannot be done it stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from panolb.config.httpd import arguments
from panolb.config.httpd.directives import DIRECTIVES, SECTIONS
from panolb.config.httpd.known import Known
from panolb.config.httpd.lexer import Word, words

_SPELT: Final = frozenset(one.name for one in DIRECTIVES.values())
"""Names as the manual writes them: ``header`` may be an argument, ``Header`` hardly."""

_CLOSING: Final = frozenset(f"</{one.name[1:]}" for one in SECTIONS.values())
_OPENING: Final = frozenset(one.name.removesuffix(">") for one in SECTIONS.values())
_PAIRS: Final = frozenset({"BalancerMember", "ProxySet", "ProxyPass", "ProxyPassMatch"})
"""After their first two words, these have words with = and three known ones only."""

_TRIES: Final = 32
"""How many places for one directive's end are tried; no directive has so many arguments that are names of others."""

_OPERATOR: Final = re.compile(r"!?(?:>|>=)")


def restore(text: str) -> list[str] | None:
    """Return the lines that a line was made of; None when it is right as it stands, or past help."""
    broken = _Broken(words(text, braces="ProxyHCExpr" in text))
    ends = broken.ends() if broken.is_broken() else None
    if ends is None:
        return None
    starts = [0, *ends[:-1]]
    return [
        text[broken.words[first].start : broken.words[end - 1].end]
        for first, end in zip(starts, ends, strict=True)
    ]


class _Broken:
    """One line, as words; what stands where is worked out once."""

    def __init__(self, line: Sequence[Word]) -> None:
        self.words = line
        count = len(line)
        self._plain = ["" if word.quoted else word.text for word in line]
        self._hard = [plain in _CLOSING or _opens(plain) for plain in self._plain]
        self._starts = [hard or plain in _SPELT for hard, plain in zip(self._hard, self._plain, strict=True)]
        self._next_start = [count] * (count + 1)
        self._next_bracket = [count] * (count + 1)
        for at in range(count - 1, -1, -1):
            self._next_start[at] = at if self._starts[at] else self._next_start[at + 1]
            self._next_bracket[at] = at if self._plain[at].endswith(">") else self._next_bracket[at + 1]

    def is_broken(self) -> bool:
        """Whether the line cannot be right as it stands."""
        if not self.words:
            return False
        first = self._plain[0]
        if first.startswith("<"):
            end = 1 if first.startswith("</") else self._header_end(0)
            return end < len(self.words) and self._starts[end]
        known = DIRECTIVES.get(first.lower())
        if known is None:
            return False
        args = [word.text for word in self.words[1:]]
        if any(self._hard[at] and self._complete(at) for at in range(1 + known.least, len(self.words))):
            return True
        if known.name in _PAIRS:
            return self._next_start[min(2, len(self.words))] < len(self.words)
        highest = arguments.most(known, args)
        if highest is None or len(args) <= highest:
            return False
        return self._next_start[1 + known.least] < len(self.words)

    def ends(self) -> list[int] | None:
        """Return where the pieces end, as early as possible each; None when they cannot all be right."""
        count = len(self.words)
        after: dict[int, int] = {}
        for at in range(count - 1, -1, -1):
            if self._starts[at] or at == 0:
                end = next((end for end in self._candidates(at) if end == count or end in after), None)
                if end is not None:
                    after[at] = end
        found = [0]
        while found[-1] < count:
            if found[-1] not in after:
                return None
            found.append(after[found[-1]])
        return found[1:]

    def _candidates(self, at: int) -> Iterator[int]:
        """Yield where a piece that starts here may end, the earliest first."""
        plain = self._plain[at]
        known = DIRECTIVES.get(plain.lower())
        if plain.startswith("</"):
            yield at + 1
        elif plain.startswith("<") and self._complete(at):
            yield self._header_end(at)
        elif known is not None:
            yield from self._directive_ends(at, known)

    def _directive_ends(self, at: int, known: Known) -> Iterator[int]:
        least = at + 1 + known.least
        if any(self._hard[at + 1 : least]):
            return
        end = self._next_start[min(least, len(self.words))]
        for _ in range(_TRIES):
            args = [word.text for word in self.words[at + 1 : end]]
            if known.most is not None and len(args) > known.most:
                return
            if arguments.wrong(known, args) is None:
                yield end
            if end >= len(self.words) or self._hard[end]:
                return
            end = self._next_start[end + 1]

    def _complete(self, at: int) -> bool:
        """Whether a section's beginning has its ``>``, or it is an end."""
        return self._plain[at].startswith("</") or self._header_end(at) <= len(self.words)

    def _header_end(self, at: int) -> int:
        """Return the word after the ``>`` that ends a section's beginning; more than there are words if there is none."""
        if self._plain[at].endswith(">"):
            return at + 1
        after = at + 1
        if after < len(self.words) and _OPERATOR.fullmatch(self._plain[after]):
            after += 1  # <IfVersion > 2.4>
        return self._next_bracket[min(after, len(self.words))] + 1


def _opens(plain: str) -> bool:
    return plain.startswith("<") and plain.removesuffix(">") in _OPENING
