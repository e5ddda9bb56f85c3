"""The tokens of access logs, ``%h`` and its like: what each asks, and how the answer is written."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum
from typing import Final, Protocol

from ..errors import LanguageError
from .environment import variable_name
from .facts import Facts
from .words import encode, neutral

_ODD = re.compile(rb"[^ !#-\[\]-~]")
_EVEN: Final = bytes(byte for byte in range(256) if not _ODD.match(bytes((byte,))))
_ESCAPED: Final = {
    **{byte: b"\\x%02x" % byte for byte in range(256)},
    8: b"\\b",
    9: b"\\t",
    10: b"\\n",
    11: b"\\v",
    13: b"\\r",
    34: b'\\"',
    92: b"\\\\",
}


class Logged(Facts, Protocol):
    """What a line of the access log is made of, beyond the facts about its request.

    A class may derive from this one: what it leaves out is then not known.
    """

    __slots__ = ()

    def status(self) -> int:
        """The status that the client got."""
        return 0

    def sent(self) -> int:
        """Bytes of the answer's body."""
        return 0

    def received(self) -> int:
        """Bytes of the request's body."""
        return 0

    def when(self, form: str, at_end: bool) -> bytes:
        """The time for people at which the request began or, on demand, ended.

        :param form: for ``strftime``; empty for ``22/Nov/2026:20:15:03 +0000``.
        """
        return b"-"

    def local_port(self) -> int:
        """The port that the client connected to; 0 when it is not known."""
        return 0

    def remote_port(self) -> int:
        """The port that the client connected from; 0 when it is not known."""
        return 0

    def kept(self) -> int:
        """How many requests the client's connection had carried before."""
        return 0

    def ending(self) -> bytes:
        """What became of the connection: ``X`` cut before the answer was whole, ``+`` kept, ``-`` closed."""
        return b"-"

    def process(self) -> int:
        """The id of the process."""
        return 0

    def told(self, scope: Scope) -> dict[object, bytes]:
        """What formats remember of all requests that are the same in this regard."""
        return {}


Token = Callable[[Logged], bytes]


def token(letter: str, argument: str) -> Token:
    """What ``%{argument}letter`` writes.

    :raises LanguageError: when it is not known, or known only to a server of files.
    """
    if letter in _PLAIN and not argument:
        return _PLAIN[letter]
    if letter in _WITH_ARGUMENT:
        return _WITH_ARGUMENT[letter](argument)
    if letter in _NEVER:
        return _nothing
    if letter in _PLAIN:  # as in Apache the argument does not matter
        return _PLAIN[letter]
    if letter == "f":
        raise LanguageError(
            "%f is the name of a file, and a balancer serves a request without looking for one"
        )
    raise LanguageError(f"there is no token %{letter}")


class Scope(Enum):
    """For what a piece of a line is the same: for ever, for requests of a connection with the same header fields, for
    requests that were balanced alike; or for one request only.
    """

    EVER = "ever"
    FIELDS = "fields"
    CHOICE = "choice"
    REQUEST = "request"


def scope(letter: str, argument: str) -> Scope:
    """That of a token."""
    if letter == "e" and argument.startswith("BALANCER_") and argument != "BALANCER_TERM":
        return Scope.CHOICE
    if letter in ("h", "a", "A", "p", "P", "C") or letter in _NEVER:
        return Scope.FIELDS
    # traceparent may have been made by panolb, for each request another one.
    return Scope.FIELDS if letter == "i" and argument.lower() != "traceparent" else Scope.REQUEST


def escaped(value: bytes | None) -> bytes:
    """A value that came from outside, as it may stand between quotes; ``-`` for none."""
    if value is None:
        return b"-"
    if not value.translate(None, _EVEN):  # nearly always, and faster than to search
        return value
    return _ODD.sub(lambda found: _ESCAPED[found[0][0]], value)


def _nothing(logged: Logged) -> bytes:
    return b"-"


def _variable(name: str) -> Token:
    def write(logged: Logged) -> bytes:
        value = logged.variable(name)
        return escaped(value) if value else b"-"

    return write


def _query(logged: Logged) -> bytes:
    query = logged.variable("QUERY_STRING")
    return b"?" + escaped(query) if query else b""


def _host(logged: Logged) -> bytes:
    """The name that the client asked for."""
    host = re.sub(rb":[0-9]*\Z", b"", logged.request_header(b"host") or b"").lower()
    return escaped(host or logged.variable("SERVER_NAME") or None)


def _known(port: int) -> bytes:
    return b"%d" % port if port else b"-"


_PLAIN: Final[dict[str, Token]] = {
    "h": _variable("REMOTE_HOST"),
    "a": _variable("REMOTE_ADDR"),
    "A": _variable("SERVER_ADDR"),
    "t": lambda logged: b"[" + logged.when("", False) + b"]",
    "r": _variable("THE_REQUEST"),
    "s": lambda logged: b"%d" % logged.status(),
    "b": lambda logged: b"%d" % sent if (sent := logged.sent()) else b"-",
    "B": lambda logged: b"%d" % logged.sent(),
    "D": lambda logged: b"%d" % (logged.elapsed() * 1e6),
    "T": lambda logged: b"%d" % logged.elapsed(),
    "m": _variable("REQUEST_METHOD"),
    "U": _variable("REQUEST_URI"),
    "q": _query,
    "H": _variable("SERVER_PROTOCOL"),
    "v": _variable("SERVER_NAME"),
    "V": _host,
    "p": lambda logged: _known(logged.local_port()),
    "P": lambda logged: b"%d" % logged.process(),
    "I": lambda logged: b"%d" % logged.received(),
    "O": lambda logged: b"%d" % logged.sent(),
    "S": lambda logged: b"%d" % (logged.received() + logged.sent()),
    "X": lambda logged: logged.ending(),
    "k": lambda logged: b"%d" % logged.kept(),
    "L": _variable("REQUEST_LOG_ID"),
    "R": lambda logged: b"proxy-server",
}
_NEVER: Final = frozenset("l u n c ^ti ^to ^FB".split())
"""Names from identd, users, notes, trailers: nothing here knows them."""


def _time(argument: str) -> Token:
    """``%{format}t``, where ``begin:`` or ``end:`` may stand before the format."""
    which, colon, form = argument.partition(":")
    at_end = which == "end"
    if which not in ("begin", "end"):
        form = argument
    elif not colon:
        form = ""
    if form in _EPOCH:
        write = _EPOCH[form]
        return lambda logged: write(int((logged.wall() + (logged.elapsed() if at_end else 0.0)) * 1e6))
    if not form:
        return lambda logged: b"[" + logged.when("", at_end) + b"]"
    form = neutral(encode(form)).decode("utf-8", "surrogateescape")
    return lambda logged: neutral(logged.when(form, at_end))


_EPOCH: Final[dict[str, Callable[[int], bytes]]] = {
    "sec": lambda micros: b"%d" % (micros // 1_000_000),
    "msec": lambda micros: b"%d" % (micros // 1000),
    "usec": lambda micros: b"%d" % micros,
    "msec_frac": lambda micros: b"%03d" % (micros // 1000 % 1000),
    "usec_frac": lambda micros: b"%06d" % (micros % 1_000_000),
}


def _duration(argument: str) -> Token:
    scale = {"s": 1.0, "ms": 1e3, "us": 1e6}.get(argument.lower())
    if scale is None:
        raise LanguageError(f"%{{{argument}}}T: the unit must be s, ms or us")
    return lambda logged: b"%d" % (logged.elapsed() * scale)


def _port(argument: str) -> Token:
    kind = argument.lower()
    if kind not in ("canonical", "local", "remote"):
        raise LanguageError(f"%{{{argument}}}p: it must be canonical, local or remote")
    if kind == "remote":
        return lambda logged: _known(logged.remote_port())
    return _PLAIN["p"]


def _process(argument: str) -> Token:
    if argument.lower() not in ("pid", "tid", "hextid"):
        raise LanguageError(f"%{{{argument}}}P: it must be pid, tid or hextid")
    return _PLAIN["P"]


def _named(letter: str, argument: str) -> str:
    if not argument:
        raise LanguageError(f"%{letter} needs a name, as in %{{NAME}}{letter}")
    return argument


def _request_header(argument: str) -> Token:
    name = encode(_named("i", argument)).lower()
    return lambda logged: escaped(logged.request_header(name))


def _response_header(argument: str) -> Token:
    name = encode(_named("o", argument)).lower()
    if name == b"content-type":  # without its parameters, as Apache writes it
        return lambda logged: escaped(_type(logged.response_header(name)))
    return lambda logged: escaped(logged.response_header(name))


def _type(value: bytes | None) -> bytes | None:
    return None if value is None else value.partition(b";")[0].rstrip()


def _environment(argument: str) -> Token:
    name = variable_name(_named("e", argument))
    return lambda logged: escaped(logged.env(name))


def _cookie(argument: str) -> Token:
    name = encode(_named("C", argument)).lower()

    def value(logged: Logged) -> bytes:
        for pair in (logged.request_header(b"cookie") or b"").split(b";"):
            key, _, found = pair.partition(b"=")
            if key.strip().lower() == name and found.strip():
                return escaped(found.strip())
        return b"-"

    return value


def _address(argument: str) -> Token:
    return _variable("CONN_REMOTE_ADDR") if argument == "c" else _variable("REMOTE_ADDR")


_WITH_ARGUMENT: Final[dict[str, Callable[[str], Token]]] = {
    "a": _address,
    "h": _address,
    "t": _time,
    "T": _duration,
    "p": _port,
    "P": _process,
    "i": _request_header,
    "o": _response_header,
    "e": _environment,
    "C": _cookie,
    "x": lambda argument: _variable(_named("x", argument).upper()),
}
