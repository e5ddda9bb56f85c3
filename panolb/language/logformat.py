"""The format of access logs, in the words of mod_log_config: ``%h %l %u %t "%r" %>s %b``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from ..errors import LanguageError
from . import logtokens
from .explaining import explained
from .logtokens import Logged, Scope, Token
from .words import encode, neutral

__all__ = ["PRESETS", "LogFormat", "Logged", "Scope", "explain", "parse"]

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


PRESETS: Final = {
    "vhost_combined": '%v:%p %h %l %u %t "%r" %>s %O "%{Referer}i" "%{User-Agent}i"',
    "apache-balancer": '%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i" '
    "%{BALANCER_NAME}e %{BALANCER_WORKER_NAME}e %{BALANCER_WORKER_ROUTE}e "
    "%{BALANCER_SESSION_STICKY}e %{BALANCER_SESSION_ROUTE}e %{BALANCER_ROUTE_CHANGED}e",
}
"""Formats that have a name: that of Debian's Apache, and one with what mod_proxy_balancer says of a request."""


class _Piece(NamedTuple):
    """A piece of a format; ``text`` is what it is always, ``None`` for a token."""

    write: Token
    scope: Scope
    text: bytes | None = None


class LogFormat:
    """A format that was understood.

    Only what each request has of its own is worked out for each; what many requests have in common is remembered.
    """

    __slots__ = ("_template", "_tokens")

    def __init__(self, pieces: Iterable[_Piece]) -> None:
        template = b""
        tokens: list[Token] = []
        for scope, run in _runs(pieces):
            if scope is Scope.EVER:
                template += b"".join(piece.text or b"" for piece in run).replace(b"%", b"%%")
            else:
                template += b"%b"
                tokens.append(run[0].write if scope is Scope.REQUEST else _remembering(scope, run))
        self._template = template
        self._tokens = tuple(tokens)

    def line(self, logged: Logged) -> bytes:
        """The line for a request, without its end; what came from outside is escaped."""
        return self._template % tuple([token(logged) for token in self._tokens])


def _runs(pieces: Iterable[_Piece]) -> list[tuple[Scope, list[_Piece]]]:
    """Pieces that follow one another and can be remembered together; texts go along with what is before them."""
    runs: list[tuple[Scope, list[_Piece]]] = []
    for piece in pieces:
        last = runs[-1][0] if runs else Scope.REQUEST
        if last is not Scope.REQUEST and piece.scope in (last, Scope.EVER):
            runs[-1][1].append(piece)
        else:
            runs.append((piece.scope, [piece]))
    return runs


def _remembering(scope: Scope, run: list[_Piece]) -> Token:
    key = object()

    def write(logged: Logged) -> bytes:
        told = logged.told(scope)
        known = told.get(key)
        if known is None:
            known = told[key] = b"".join([piece.write(logged) for piece in run])
        return known

    return write


def parse(text: str) -> LogFormat:
    """Read a format, or one of those that have a name.

    :raises LanguageError: when it has a token that is not known, or known only to a server of files.
    """
    return LogFormat(_piece(piece) for piece in _PIECE.finditer(PRESETS.get(text, text)))


def explain(text: str) -> str | None:
    """Say why a text is no format, or return None."""
    return explained(parse, text)


def _piece(piece: re.Match[str]) -> _Piece:
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
    letter, argument = piece["token"], _argument(piece["modifiers"])
    token = logtokens.token(letter, argument)
    conditional = _conditional(piece["modifiers"], token)
    # What depends on the status is asked for each request.
    return _Piece(conditional, logtokens.scope(letter, argument) if conditional is token else Scope.REQUEST)


def _fixed(value: bytes) -> _Piece:
    return _Piece(lambda logged: value, Scope.EVER, value)


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
