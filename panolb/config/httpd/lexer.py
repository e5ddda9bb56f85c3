"""Takes the text of an ``httpd.conf`` apart: files into logical lines, lines into words.

As in Apache: a backslash at the end joins lines, a comment is a line that begins with ``#``, and a word may stand in
either kind of quotes, in which a backslash makes the quote or another backslash ordinary.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from attrs import frozen

LONGEST: Final = 256 * 1024
"""Characters of a logical line; a longer one is no configuration."""

_BLANK: Final = " \t\v\f\r"


@frozen
class Line:
    """A logical line without blanks around it; ``number`` is that of its first line in the file, from 1."""

    number: int
    text: str


@frozen
class Word:
    """A word as it stands in a line.

    :ivar text: what it means, without quotes.
    :ivar start: where it begins in the line; ``end`` where it ends.
    :ivar quoted: it stood in quotes, or began with one.
    """

    text: str
    start: int
    end: int
    quoted: bool


def decode(data: bytes) -> str:
    """Return the text of a file: UTF-8, with or without a byte order mark, or else Latin-1."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def logical_lines(text: str) -> Iterator[Line]:
    """Yield the lines that say something: joined where a backslash asks for it, without comments and empty ones."""
    parts: list[str] = []
    first = 1
    for number, raw in enumerate(text.split("\n"), 1):
        raw = raw.removesuffix("\r")
        if not parts:
            first = number
        if raw.endswith("\\"):
            parts.append(raw[:-1])
            continue
        joined = "".join([*parts, raw]).strip(_BLANK)
        parts = []
        if joined and not joined.startswith("#"):
            yield Line(first, joined)
    rest = "".join(parts).strip(_BLANK)
    if rest and not rest.startswith("#"):
        yield Line(first, rest)


def refusal(text: str) -> str | None:
    """Return why a logical line cannot be read at all, or None."""
    if len(text) > LONGEST:
        return f"is longer than {LONGEST} characters"
    if any(
        (character < " " and character not in _BLANK) or "\x7f" <= character < "\xa0" for character in text
    ):
        return "has a control character, which no directive may have"
    return None


def words(text: str, *, braces: bool = False) -> list[Word]:
    """Take a line apart.

    :param braces: a word may also stand in ``{ }``, which the directives with expressions of their own allow.
    """
    found: list[Word] = []
    at = 0
    while True:
        while at < len(text) and text[at] in _BLANK:
            at += 1
        if at >= len(text):
            return found
        word = _word(text, at, braces)
        found.append(word)
        at = word.end


def _word(text: str, start: int, braces: bool) -> Word:
    quote = text[start]
    if quote in "\"'":
        return _quoted(text, start, quote)
    if quote == "{" and braces:
        return _braced(text, start)
    end = start
    while end < len(text) and text[end] not in _BLANK:
        end += 1
    return Word(text[start:end].replace("\\\\", "\\"), start, end, False)


def _quoted(text: str, start: int, quote: str) -> Word:
    """Read up to the closing quote; where there is none, all the rest, as Apache does."""
    pieces: list[str] = []
    at = start + 1
    while at < len(text) and text[at] != quote:
        if text[at] == "\\" and text[at + 1 : at + 2] in (quote, "\\"):
            at += 1
        pieces.append(text[at : at + 1])
        at += 1
    return Word("".join(pieces), start, min(at + 1, len(text)), True)


def _braced(text: str, start: int) -> Word:
    depth = 0
    for at in range(start, len(text)):
        depth += (text[at] == "{") - (text[at] == "}")
        if depth == 0:
            return Word(text[start + 1 : at].replace("\\\\", "\\"), start, at + 1, True)
    return Word(text[start + 1 :], start, len(text), True)
