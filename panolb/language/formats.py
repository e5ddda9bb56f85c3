"""The values of mod_headers' rules: text with ``%{VARIABLE}e``, ``%D`` and ``%t`` in it."""

from __future__ import annotations

import re
from collections.abc import Callable

from ..errors import LanguageError
from .environment import variable_name
from .facts import Facts
from .words import encode, neutral

Format = Callable[[Facts], bytes]

_PIECE = re.compile(
    r"%(?:\{(?P<argument>[^}]*)\}?)?(?P<letter>.)|(?P<percent>%)\Z|(?P<text>[^%]+)", re.DOTALL
)
_ESCAPE = re.compile(r"\\([\\rnt])")
_ESCAPED = {"\\": "\\", "r": "\r", "n": "\n", "t": "\t"}
_MISSING = b"(null)"
_LOAD = {"l": "the load of the machine", "i": "the share of idle threads", "b": "the share of busy threads"}


def header_format(text: str) -> Format:
    """Read a value.  What control characters it or its variables have comes out as blanks.

    :raises LanguageError: when it has a format that is not known here.
    """
    parts: list[bytes | Format] = []
    for piece in _PIECE.finditer(text):
        part = _part(piece)
        if isinstance(part, bytes) and parts and isinstance(parts[-1], bytes):
            parts[-1] += part
        else:
            parts.append(part)
    return _joined(parts)


def _part(piece: re.Match[str]) -> bytes | Format:
    if piece["text"] is not None:
        return neutral(encode(_ESCAPE.sub(lambda found: _ESCAPED[found[1]], piece["text"])))
    letter = piece["letter"]
    if piece["percent"] or (letter == "%" and piece["argument"] is None):
        return b"%"
    if letter == "e":
        return _variable(variable_name(piece["argument"] or ""))
    if letter == "s":
        return _server_variable(piece["argument"] or "")  # mod_ssl's among them
    if letter == "D":
        return lambda facts: b"D=%d" % (facts.elapsed() * 1e6)
    if letter == "t":
        return lambda facts: b"t=%d" % (facts.wall() * 1e6)
    if letter in _LOAD:
        raise LanguageError(f"%{letter}, {_LOAD[letter]}, is not known here")
    raise LanguageError(f"there is no format %{letter}")


def _variable(name: bytes) -> Format:
    def value(facts: Facts) -> bytes:
        found = facts.env(name)
        return _MISSING if found is None else neutral(found)

    return value


def _server_variable(name: str) -> Format:
    def value(facts: Facts) -> bytes:
        return neutral(facts.variable(name)) or _MISSING

    return value


def _joined(parts: list[bytes | Format]) -> Format:
    if all(isinstance(part, bytes) for part in parts):
        fixed = b"".join(part for part in parts if isinstance(part, bytes))
        return lambda facts: fixed
    if len(parts) == 1:
        return parts[0]  # type: ignore[return-value]  # it is no bytes
    return lambda facts: b"".join([part if isinstance(part, bytes) else part(facts) for part in parts])
