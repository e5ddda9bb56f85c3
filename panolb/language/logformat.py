"""The format of access logs, in the words of mod_log_config: ``%h %l %u %t "%r" %>s %b``."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..errors import LanguageError
from . import logtokens
from .explaining import explained
from .logtokens import Logged, Token
from .words import encode, neutral

__all__ = ["LogFormat", "Logged", "explain", "parse"]

_PIECE = re.compile(
    r"""
    (?P<percent>%%)
  | %(?P<modifiers>(?:[!<>,]|[0-9]+|\{[^}]*+\}?+)*+)(?P<token>\^[A-Za-z]{2}|.)
  | (?P<unfinished>%.*)
  | \\(?P<escape>[\\rnt])
  | (?P<text>[^%\\]+|\\)
    """,
    re.DOTALL | re.VERBOSE,
)
_ARGUMENT = re.compile(r"\{([^}]*)\}?")


class LogFormat:
    """A format that was understood."""

    __slots__ = ("_tokens",)

    def __init__(self, tokens: Iterable[Token]) -> None:
        self._tokens = tuple(tokens)

    def line(self, logged: Logged) -> bytes:
        """The line for a request, without its end; what came from outside is escaped."""
        return b"".join([token(logged) for token in self._tokens])


def parse(text: str) -> LogFormat:
    """Read a format.

    :raises LanguageError: when it has a token that is not known, or known only to a server of files.
    """
    return LogFormat(_token(piece) for piece in _PIECE.finditer(text))


def explain(text: str) -> str | None:
    """Say why a text is no format, or return None."""
    return explained(parse, text)


def _token(piece: re.Match[str]) -> Token:
    if piece["text"] is not None:
        return _fixed(neutral(encode(piece["text"])))
    if piece["percent"]:
        return _fixed(b"%")
    if piece["escape"]:
        if piece["escape"] in "rn":
            raise LanguageError(f"\\{piece['escape']} is not supported: a request is one line")
        return _fixed(b"\t" if piece["escape"] == "t" else b"\\")
    if piece["unfinished"]:
        raise LanguageError(f"{piece['unfinished']!r} at the end lacks the letter that says what is wanted")
    return _conditional(piece["modifiers"], logtokens.token(piece["token"], _argument(piece["modifiers"])))


def _fixed(value: bytes) -> Token:
    return lambda logged: value


def _argument(modifiers: str) -> str:
    """What stands in braces; the last one counts."""
    arguments: list[str] = _ARGUMENT.findall(modifiers)
    return arguments[-1] if arguments else ""


def _conditional(modifiers: str, token: Token) -> Token:
    """``%400,501{User-agent}i``: only for these statuses, or with ``!`` for all others; else ``-``.

    ``<`` and ``>`` choose between a request and what became of it inside the server; here they are the same.
    """
    outside = _ARGUMENT.sub("", modifiers)
    statuses = frozenset(int(number) for number in re.findall(r"[0-9]{1,9}", outside))
    if not statuses:
        return token
    wanted = outside.count("!") % 2 == 0
    return lambda logged: token(logged) if (logged.status() in statuses) is wanted else b"-"
