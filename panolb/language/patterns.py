r"""Regular expressions of Perl's kind, as Apache compiles them, in Python's words.

Where the two differ in spelling, the pattern is rewritten: classes such as ``[[:alpha:]]``, ``\Q...\E``, ``\z``,
``\h``, ``(?<name>``.  As in Apache a dot matches line ends, and ``$`` only the very end.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from ..errors import LanguageError
from .backtracking import doubles
from .explaining import explained
from .positions import TooLarge
from .wildcards import quickened
from .words import encode

_PIECE = re.compile(
    r"""
    \\Q(?P<literal>.*?)(?:\\E|\Z)
  | \\x\{(?P<code>[0-9A-Fa-f]{1,2})\}
  | (?P<escape>\\.)
  | (?P<set>\[\^?\]?(?:\[:\^?[a-z]+:\]|\\.|[^\]\\])*\])
  | (?P<open>\[)
  | (?P<named>\(\?<(?=[A-Za-z_]))
  | (?P<end>\$)
    """,
    re.DOTALL | re.VERBOSE,
)
_IN_SET = re.compile(r"\[:(?P<posix>\^?[a-z]+):\]|(?P<escape>\\.)|[\[&~|]", re.DOTALL)
_ESCAPES = {
    r"\z": r"\Z",
    r"\Z": r"(?=\n?\Z)",
    r"\h": r"[ \t]",
    r"\H": r"[^ \t]",
    r"\R": r"(?:\r\n|[\n\r])",
}
_POSIX = {
    "alpha": "A-Za-z",
    "digit": "0-9",
    "alnum": "A-Za-z0-9",
    "upper": "A-Z",
    "lower": "a-z",
    "space": r"\s",
    "blank": r" \t",
    "punct": r"!-/:-@\[-`{-~",
    "print": " -~",
    "graph": "!-~",
    "cntrl": r"\x00-\x1f\x7f",
    "xdigit": "0-9A-Fa-f",
    "word": r"\w",
}
POWER: Final = 2
"""The time that a pattern may take grows at most with this power of the text's length."""

_FOR_EVER: Final = (
    "can take for ever on a long text: a repeat within a repeat, or alternatives within one, take the same text in "
    "several ways; write it with one repeat, as in ([a-z]+/)+, or with a possessive one inside, as in ([a-z]++/?)+"
)
_TOO_LONG: Final = (
    "can take minutes on a long text: several repeats one behind the other take the same text; begin it with ^, or "
    "let them take less, as [^/]+ does between slashes"
)
_REPEAT: Final = re.compile(rb"[*+{]")
_REFERENCE = re.compile(rb"\$([0-9])|\\(.)|([^$\\]+|.)", re.DOTALL)


def compile_pattern(text: str, *, ignore_case: bool = False, multiline: bool = False) -> re.Pattern[bytes]:
    """Compile a regular expression.

    :raises LanguageError: when it is none, or one that Python cannot run, or not in a time that can be waited for.
    """
    flags = re.DOTALL | (re.IGNORECASE if ignore_case else 0) | (re.MULTILINE if multiline else 0)
    try:
        pattern = encode(_PIECE.sub(lambda piece: _in_python(piece, multiline), text))
        return _compiled(pattern, flags)
    except _TooSlow as error:
        raise LanguageError(f"{text!r} {error}") from None
    except (re.error, OverflowError, RecursionError, ValueError) as error:
        raise LanguageError(f"{text!r} is not a regular expression: {error}") from None


class _TooSlow(Exception):
    """A pattern that could stop everything; the message goes on after its name."""


@lru_cache(maxsize=1024)
def _compiled(pattern: bytes, flags: int) -> re.Pattern[bytes]:
    compiled = re.compile(pattern, flags)
    if not _REPEAT.search(pattern):
        return compiled
    try:
        if doubles(pattern, flags):
            raise _TooSlow(_FOR_EVER)
        quick, power = quickened(pattern, flags)
        if power > POWER:
            raise _TooSlow(_TOO_LONG)
    except TooLarge:
        raise _TooSlow(
            "is too long to say whether it ends in time on any text; write several shorter ones"
        ) from None
    return compiled if quick == pattern else re.compile(quick, flags)


def explain(text: str) -> str | None:
    """Say why a text is no regular expression, or return None."""
    return explained(compile_pattern, text)


def _in_python(piece: re.Match[str], multiline: bool) -> str:
    kind = piece.lastgroup
    if kind == "literal":
        return re.escape(piece["literal"])
    if kind == "code":
        return f"\\x{int(piece['code'], 16):02x}"
    if kind == "escape":
        return _ESCAPES.get(piece[0], piece[0])
    if kind == "named":
        return "(?P<"
    if kind == "open":
        raise ValueError("a set of characters does not end")
    if kind == "set":
        return _set_in_python(piece[0])
    return "$" if multiline else r"\Z"


def _set_in_python(text: str) -> str:
    head = "[^" if text.startswith("[^") else "["
    inner = text[len(head) : -1]
    if inner.startswith("]"):  # the first one is a member
        head, inner = head + r"\]", inner[1:]
    return head + _IN_SET.sub(_member_in_python, inner) + "]"


def _member_in_python(member: re.Match[str]) -> str:
    posix = member["posix"]
    if posix is not None:
        if posix not in _POSIX:
            raise ValueError(f"unknown class [:{posix}:]")
        return _POSIX[posix]
    if member["escape"] is not None:
        return {r"\h": r" \t"}.get(member[0], member[0])
    return "\\" + member[0]  # Python keeps these for sets of sets


class Substitution:
    """What takes the place of a match: ``$0`` to ``$9`` are its groups, a backslash takes their meaning (``ap_pregsub``)."""

    __slots__ = ("_parts",)

    def __init__(self, text: bytes) -> None:
        parts: list[bytes | int] = []
        for reference, escaped, plain in _REFERENCE.findall(text):
            if reference:
                parts.append(int(reference))
            elif parts and isinstance(parts[-1], bytes):
                parts[-1] += escaped or plain
            else:
                parts.append(escaped or plain)
        self._parts = tuple(parts)

    def fill(self, groups: tuple[bytes, ...]) -> bytes:
        """The text for the groups of a match, the whole match first."""
        return b"".join(
            part if isinstance(part, bytes) else groups[part] if part < len(groups) else b""
            for part in self._parts
        )


def groups_of(match: re.Match[bytes]) -> tuple[bytes, ...]:
    """The whole match and its groups; those that took no part are empty."""
    return (match[0], *match.groups(b""))
