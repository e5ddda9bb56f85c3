"""Sets of characters, as integers of 256 bits, of what ``re`` parsed."""

from __future__ import annotations

import importlib
import re
from functools import cache
from typing import Any, Final

# Not public, and there is no other parser of what `re` will run; it has been much the same since Python 1.6.
parser: Any = importlib.import_module("re._parser")

ALL: Final = (1 << 256) - 1
"""Every character."""


@cache
def _members(pattern: bytes) -> int:
    compiled = re.compile(pattern, re.DOTALL)
    return sum(1 << byte for byte in range(256) if compiled.match(bytes((byte,))))


_CATEGORIES: Final = {
    "CATEGORY_DIGIT": rb"\d",
    "CATEGORY_NOT_DIGIT": rb"\D",
    "CATEGORY_SPACE": rb"\s",
    "CATEGORY_NOT_SPACE": rb"\S",
    "CATEGORY_WORD": rb"\w",
    "CATEGORY_NOT_WORD": rb"\W",
}
_LOWER = range(97, 123)


def characters(op: str, argument: Any, flags: int) -> int:
    """Those that a node of the tree takes: LITERAL, NOT_LITERAL, ANY or IN."""
    if op == "ANY":
        return ALL
    ignore_case = bool(flags & re.IGNORECASE)
    if op in ("LITERAL", "NOT_LITERAL"):
        one = _cases(1 << argument) if ignore_case else 1 << argument
        return one if op == "LITERAL" else ALL & ~one
    made, negated = 0, False
    for kind, value in argument:
        if str(kind) == "NEGATE":
            negated = True
        elif str(kind) == "LITERAL":
            made |= 1 << value
        elif str(kind) == "RANGE":
            made |= (1 << value[1] + 1) - (1 << value[0])
        else:
            made |= _members(_CATEGORIES[str(value)])
    if ignore_case:
        made = _cases(made)
    return ALL & ~made if negated else made


def _cases(taken: int) -> int:
    """With the other case of each letter."""
    for lower in _LOWER:
        both = 1 << lower | 1 << lower - 32
        if taken & both:
            taken |= both
    return taken
