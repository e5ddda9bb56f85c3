"""A ``BalancerMember`` as it stands in a file, on one line or on several: other words are put into it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from attrs import frozen

from panolb.config.edits import Piece, replaced
from panolb.config.httpd import lexer
from panolb.config.httpd.nodes import Place
from panolb.config.httpd.parameters import MEMBER_PARAMETERS
from panolb.config.httpd.recovery import restore


@frozen
class _Word:
    """A word; ``start`` and ``end`` count in what stands in the file."""

    text: str
    start: int
    end: int

    @property
    def key(self) -> str:
        """What it is a value of, in lower case; empty when it is none."""
        name, equals, _ = self.text.partition("=")
        return name.lower() if equals else ""


@frozen
class Line:
    """One of them.

    :ivar raw: what stands in the file, without the end of the last line.
    """

    place: Place
    raw: str

    def complaint(self) -> str | None:
        """Say why it cannot be edited, or return None."""
        if restore(self._joined()[0]) is not None:
            return "line breaks are missing in this line"
        found = self._words()
        if not found or found[0].text.lower() != "balancermember":
            return "its member is not in a BalancerMember"
        return None

    @property
    def flags(self) -> frozenset[str]:
        """The letters of its ``status=``."""
        values = [one.text.partition("=")[2] for one in self._words() if one.key == "status"]
        try:
            return frozenset(MEMBER_PARAMETERS["status"].read(values[-1])) if values else frozenset()
        except ValueError:  # a variable is in it
            return frozenset()

    def with_words(self, words: Mapping[str, str | None]) -> str:
        """Return it with other parameters; with None, without them."""
        found = self._words()
        pieces: list[Piece] = []
        last = len(found) - 1
        for name, value in words.items():
            places = [index for index, one in enumerate(found) if one.key == name]
            gone = places[:-1] if value is not None else places
            pieces += [(found[index - 1].end, found[index].end, "") for index in gone]
            if value is not None and places:
                pieces.append((found[places[-1]].start, found[places[-1]].end, f"{name}={value}"))
            elif value is not None:
                pieces.append((found[last].end, found[last].end, f" {name}={value}"))
        return replaced(self.raw, pieces)

    def with_url(self, url: str) -> str:
        """Return it for another server, which it speaks to as to its own."""
        names = [one for one in self._words()[1:] if not one.key]
        here = next(one for one in names if not one.text.lower().startswith("balancer:"))
        if here.text.lower().startswith(("ws:", "wss:")):
            url = re.sub("^http", "ws", url, flags=re.IGNORECASE)
        return replaced(self.raw, [(here.start, here.end, url)])

    def _words(self) -> list[_Word]:
        text, places = self._joined()
        return [_Word(one.text, places[one.start], places[one.end - 1] + 1) for one in lexer.words(text)]

    def _joined(self) -> tuple[str, list[int]]:
        r"""Return it as one line, without the ``\`` at line ends, and where each character stands in the file."""
        characters: list[str] = []
        places: list[int] = []
        start = 0
        for part in self.raw.split("\n"):
            kept = part.removesuffix("\r").removesuffix("\\")
            characters.append(kept)
            places += range(start, start + len(kept))
            start += len(part) + 1
        return "".join(characters), places
