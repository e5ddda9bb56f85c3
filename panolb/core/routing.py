"""From a request's host and path to its location.

A path is *matched* in its normal form, so that neither ``..`` nor ``%2e`` nor ``..;x`` can leave a location, and is
*passed on* byte for byte.  A path that steps out of its location on the way is not in it, even when it comes back:
the member could understand it otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Generic, Protocol, TypeVar
from urllib.parse import unquote_to_bytes

from ..errors import BadRequest

_ANYWHERE = 1 << 30

# A dashboard asks for the same few paths over and over: a table remembers where some of them go.
MEMO_SIZE = 1024
MEMO_PATH = 256  # bytes; longer paths are not remembered

# What some servers take for a slash or for the beginning of path parameters, and others for a letter.
_DOUBTFUL = re.compile(rb"\\|%(?:2[Ff]|5[Cc]|3[Bb])")


def normalise(path: bytes) -> tuple[bytes, int]:
    """The normal form of a path, and its floor: how many leading segments are beyond doubt.

    No ``..`` ever removed them, and they end before the first backslash, escaped slash or escaped semicolon, which
    only some servers take for what they stand for.

    Escapes are resolved, path parameters (``;jsessionid=...``) taken off, empty and dot segments removed
    (RFC 3986 section 6.2.2; a backslash and an escaped slash count as slashes).

    :raises BadRequest: 400 for a broken escape, a NUL, a path above the root, or a ``..`` beside such a character.
    """
    if (
        b"%" not in path
        and b"/." not in path
        and b"//" not in path
        and b";" not in path
        and b"\\" not in path
    ):
        return path, _ANYWHERE
    doubt = _DOUBTFUL.search(path)
    floor = _ANYWHERE
    if doubt is not None:
        certain = path[: path.rindex(b"/", 0, doubt.start()) + 1]
        floor = len([name for name in normalise(certain)[0].split(b"/") if name])
    if b"%" in path:
        path = _unescape(path)
    segments: list[bytes] = []
    parts = path.replace(b"\\", b"/").split(b"/")
    for part in parts:
        name = part.partition(b";")[0]
        if name == b"..":
            if doubt is not None:
                raise BadRequest(400, "The path mixes '..' with what only some servers take for a slash.")
            if not segments:
                raise BadRequest(400, "The path leads above the root.")
            segments.pop()
            floor = min(floor, len(segments))
        elif name not in (b"", b"."):
            segments.append(name)
    tail = b"/" if segments and parts[-1].partition(b";")[0] in (b"", b".", b"..") else b""
    return b"/" + b"/".join(segments) + tail, floor


def _unescape(path: bytes) -> bytes:
    """RFC 3986 section 2.1; a broken escape or a NUL has no meaning that two servers share."""
    digits = b"0123456789abcdefABCDEF"
    at = path.find(b"%")
    while at >= 0:
        if len(path) < at + 3 or path[at + 1] not in digits or path[at + 2] not in digits:
            raise BadRequest(400, "The path has a broken escape.")
        at = path.find(b"%", at + 3)
    plain = unquote_to_bytes(path)
    if b"\0" in plain:
        raise BadRequest(400, "The path has a NUL.")
    return plain


class Place(Protocol):
    """What a table needs to know of a location.

    :ivar host: the lower-case host name it is for; ``None`` for any.
    :ivar path: its path prefix in normal form, without a trailing slash; empty for the root.
    """

    @property
    def host(self) -> bytes | None: ...
    @property
    def path(self) -> bytes: ...


P = TypeVar("P", bound=Place)


class Table(Generic[P]):
    """The locations of a listener; immutable, so that a reload is one assignment.

    The longest path wins; a location for the request's host comes before one for any host.
    """

    __slots__ = ("_any", "_by_host", "_memo", "places")

    def __init__(self, places: Iterable[P]) -> None:
        self.places = tuple(sorted(places, key=lambda place: -len(place.path)))
        self._any = _prefixes(place for place in self.places if place.host is None)
        self._memo: dict[bytes, P | None] = {}
        self._by_host = {
            host: _prefixes(place for place in self.places if place.host == host)
            for host in {place.host for place in self.places}
            if host is not None
        }

    def find(self, host: bytes, path: bytes) -> P | None:
        """The location of a path as it was sent, or ``None``.

        :param host: the Host field as it was sent.
        :raises BadRequest: see `normalise`.
        """
        if self._by_host:
            return self._find(host, path)
        try:
            return self._memo[path]
        except KeyError:
            found = self._find(host, path)
        if len(path) <= MEMO_PATH:
            if len(self._memo) >= MEMO_SIZE:
                self._memo.clear()
            self._memo[path] = found
        return found

    def _find(self, host: bytes, path: bytes) -> P | None:
        path, floor = normalise(path)
        if self._by_host:
            mine = self._by_host.get(host_name(host))
            if mine is not None:
                found = _longest(mine, path, floor)
                if found is not None:
                    return found
        return _longest(self._any, path, floor)


_Prefix = tuple[bytes, bytes, int, P]


def _prefixes(places: Iterable[P]) -> tuple[_Prefix[P], ...]:
    return tuple((place.path, place.path + b"/", place.path.count(b"/"), place) for place in places)


def _longest(prefixes: tuple[_Prefix[P], ...], path: bytes, floor: int) -> P | None:
    for exact, below, depth, place in prefixes:
        if (path.startswith(below) or path == exact) and depth <= floor:
            return place
    return None


def host_name(host: bytes) -> bytes:
    """The name in a Host field: lower case, without port and final dot."""
    name = host.lower()
    if name[:1] == b"[":
        return name.partition(b"]")[0] + b"]"
    return name.partition(b":")[0].rstrip(b".")
