"""Writes what a file holds for a message: short, printable, and safe whatever it is."""

from __future__ import annotations

from typing import Final

LONGEST: Final = 100


def shown(text: str, longest: int = LONGEST) -> str:
    """Return the text on one line, cut where it becomes too long to read."""
    clean = "".join(character if character.isprintable() else "?" for character in text[: longest + 1])
    return clean if len(clean) <= longest else clean[: longest - 3] + "..."
