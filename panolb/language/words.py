"""Words as they stand in a line of httpd.conf, and bytes as they go out (Apache's ``ap_getword_conf``)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..errors import LanguageError

_QUOTED = re.compile(r'"((?:\\["\\]|[^"])*)"?|' r"'((?:\\['\\]|[^'])*)'?", re.DOTALL)
_PLAIN = re.compile(r"\S+")
_ESCAPES = {'"': re.compile(r'\\(["\\])'), "'": re.compile(r"\\(['\\])")}
_NEUTRAL = bytes(32 if (byte < 32 and byte != 9) or byte == 127 else byte for byte in range(256))


def split_words(text: str) -> list[str]:
    """Split a line into its words.

    A word may stand in quotes of either kind, in which a backslash takes the meaning from a quote or a backslash.  The
    closing quote at the end of the line may be missing.
    """
    words: list[str] = []
    at = _skip_space(text, 0)
    while at < len(text):
        quote = text[at]
        if quote in _ESCAPES:
            match = _QUOTED.match(text, at)
            assert match is not None
            words.append(_ESCAPES[quote].sub(r"\1", match[1] if quote == '"' else match[2]))
        else:
            match = _PLAIN.match(text, at)
            assert match is not None
            words.append(match[0].replace("\\\\", "\\"))
        at = _skip_space(text, match.end())
    return words


def _skip_space(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def join_words(words: Iterable[str]) -> str:
    """Write words as a line that `split_words` splits into them again."""
    return " ".join(_written(word) for word in words)


def _written(word: str) -> str:
    if word and not re.search(r"[\s\\]", word) and word[0] not in _ESCAPES:
        return word
    return '"' + re.sub(r'(["\\])', r"\\\1", word) + '"'


def encode(text: str) -> bytes:
    """The bytes of a text of the configuration; what was not UTF-8 when it was read comes out as it was.

    :raises LanguageError: when it has half a surrogate pair.
    """
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise LanguageError(f"{text!r} has half a character") from None


def neutral(value: bytes) -> bytes:
    """A value that may stand in a header field or a line: control characters but tab are blanks."""
    return value.translate(_NEUTRAL)
