"""Regular expressions of the file: whether they can be read, and how they are put into others."""

from __future__ import annotations

import re
from typing import Final

from panolb.config.httpd.show import shown
from panolb.language.patterns import compile_pattern, explain

_FLAGS: Final = re.compile(r"\(\?([imsx]+)\)")
"""``(?i)`` at the beginning is about everything that follows."""


def wrong(pattern: str) -> str | None:
    """Say why an expression cannot be read, as a part of a sentence; None when it can."""
    found = explain(pattern)
    if found is None:
        return None
    reason = found.rpartition("is not a regular expression: ")[2]
    return f"{shown(pattern)} is no regular expression that panolb understands: {reason}"


def inner(pattern: str) -> str:
    """Write an expression so that it may stand in another, whatever it begins with."""
    flags = _FLAGS.match(pattern)
    return pattern if flags is None else f"(?{flags[1]}:{pattern[flags.end() :]})"


_PIECE: Final = re.compile(
    r"""\\.                                              # an escape
      | \[\^?\]?(?:\[:\^?[a-z]+:\]|\\.|[^\]\\])*\]       # a set
      | (?P<group>\((?![?*])|\(\?P?<(?![=!])[^>]*>|\(\?'[^']*')""",
    re.DOTALL | re.VERBOSE,
)
_REFERENCE: Final = re.compile(r"\\(?:[1-9gkQ])|\(\?(?:P=|P>|[0-9&R(+-])")
"""Something in an expression that counts its groups, or looks as if."""


def uncounted(pattern: str) -> str:
    """Write an expression so that its groups do not count, unless it refers to them itself."""
    if _REFERENCE.search(pattern):
        return pattern
    return _PIECE.sub(lambda piece: "(?:" if piece["group"] else piece[0], pattern)


def count(pattern: str) -> int:
    """Return how many groups an expression has; none when it cannot be read, since there is no location of it then."""
    return 0 if explain(pattern) is not None else compile_pattern(pattern).groups


def shifted(pattern: str, by: int) -> str:
    """Renumber an expression's own references to its groups, before which others have been put."""
    return re.sub(r"(?<!\\)\\([1-9])", lambda match: f"\\{int(match[1]) + by}", pattern) if by else pattern
