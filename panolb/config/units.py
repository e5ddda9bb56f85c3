"""Durations and sizes as people write them: ``"30s"``, ``"500ms"``, ``"16KiB"``, ``"8kB"``.

A bare number is seconds or bytes.  What :func:`format_duration` and :func:`format_size` print, the parsers read
back to the same value.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

DURATION_UNITS: Final = {
    "ms": Decimal("0.001"),
    "s": Decimal(1),
    "m": Decimal(60),
    "h": Decimal(3600),
    "d": Decimal(86400),
}
"""Unit to seconds."""

SIZE_UNITS: Final = {
    "B": 1,
    "kB": 1000,
    "KB": 1000,
    "KiB": 1024,
    "MB": 1000**2,
    "MiB": 1024**2,
    "GB": 1000**3,
    "GiB": 1024**3,
}
"""Unit to bytes; ``k`` is a thousand and ``Ki`` is 1024 (IEC 80000-13)."""

_DURATION = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,40})?) ?(ms|s|m|h|d)")
_SIZE = re.compile(r"([0-9]{1,18}) ?(B|kB|KB|KiB|MB|MiB|GB|GiB)")


def parse_duration(text: str) -> float:
    """Return the seconds that ``text`` means.

    :raises ValueError: the text is not a number with one of the units ms, s, m, h, d.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError("not a duration")
    return float(Decimal(match[1]) * DURATION_UNITS[match[2]])


def parse_size(text: str) -> int:
    """Return the bytes that ``text`` means.

    :raises ValueError: the text is not a whole number with one of the units of :data:`SIZE_UNITS`.
    """
    match = _SIZE.fullmatch(text)
    if match is None:
        raise ValueError("not a size")
    return int(match[1]) * SIZE_UNITS[match[2]]


def format_duration(seconds: float) -> str:
    """Write finite, non-negative seconds with the largest unit that divides them: 300 is ``5m``, 75 is ``75s``."""
    exact = Decimal(repr(float(seconds)))
    for unit in ("d", "h", "m", "s", "ms"):
        count = exact / DURATION_UNITS[unit]
        if count >= 1 and count == int(count):
            return f"{int(count)}{unit}"
    return f"{exact.normalize():f}s"


def format_size(count: int) -> str:
    """Write bytes with the largest binary unit that divides them, else the largest decimal one: 16384 is ``16KiB``."""
    for unit in ("GiB", "MiB", "KiB", "GB", "MB", "kB"):
        if count and count % SIZE_UNITS[unit] == 0:
            return f"{count // SIZE_UNITS[unit]}{unit}"
    return f"{count}B"
