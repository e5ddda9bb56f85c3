"""Reads single words as Apache's own C does: ``atoi`` takes what digits there are, durations have four units.

Every reader raises ValueError with Apache's sentence, so that an operator finds it in a search engine.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

_INTEGER = re.compile(r"\s*([+-]?[0-9]{1,18})")
_DECIMAL = re.compile(r"\s*([+-]?[0-9]{0,18}(?:\.[0-9]{0,18})?)")
_DURATION = re.compile(r"\s*\+?([0-9]{1,15})(.*)", re.DOTALL)
_UNITS: Final = (("ms", 0.001), ("mi", 60.0), ("s", 1.0), ("h", 3600.0))
"""Only the beginning of a unit counts: ``60seconds`` is a minute, too."""


def atoi(text: str) -> int:
    """Return the integer that a text begins with, or 0: ``500ms`` is 500."""
    match = _INTEGER.match(text)
    return int(match[1]) if match else 0


def atof(text: str) -> float:
    """Return the decimal number that a text begins with, or 0."""
    match = _DECIMAL.match(text)
    digits = match[1] if match else ""
    return float(digits) if any(character.isdigit() for character in digits) else 0.0


def duration(text: str, unit: str) -> float:
    """Return seconds; ``unit`` is meant where the text has none.

    :raises ValueError: the text is no whole number with one of the units ms, s, mi, h.
    """
    match = _DURATION.match(text)
    if match is not None:
        written = match[2].lower() or unit
        for name, seconds in _UNITS:
            if written.startswith(name):
                return int(match[1]) * seconds
    raise ValueError("has wrong format; write a whole number and ms, s, mi or h, such as 500ms")


def lasting(unit: str, least: float, words: str) -> Callable[[str], float]:
    """Make a reader of durations that are at least ``least`` seconds."""

    def read(text: str) -> float:
        seconds = duration(text, unit)
        if seconds < least:
            raise ValueError(words)
        return seconds

    return read


def integer(least: int, most: int, words: str) -> Callable[[str], int]:
    """Make a reader of integers, by the rules of atoi, from ``least`` to ``most``."""

    def read(text: str) -> int:
        number = atoi(text)
        if not least <= number <= most:
            raise ValueError(words)
        return number

    return read


def flag(words: str) -> Callable[[str], bool]:
    """Make a reader of ``On`` and ``Off``."""

    def read(text: str) -> bool:
        if text.lower() not in ("on", "off"):
            raise ValueError(words)
        return text.lower() == "on"

    return read


def text_of(least: int, most: int, words: str) -> Callable[[str], str]:
    """Make a reader of texts of so many bytes."""

    def read(text: str) -> str:
        if not least <= len(text.encode()) <= most:
            raise ValueError(words)
        return text

    return read
