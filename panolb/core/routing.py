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
from .canonical import canonical, escaped, without_parameters

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

    :ivar hosts: lower-case host names it is for, ``*.name`` for all below a name; none for any.
    :ivar path: its path prefix in normal form; empty for the root.  With a trailing slash only what is below belongs.
    :ivar pattern: instead of the path: what the canonical path must match.
    :ivar requests: ``all``, only ``websocket`` handshakes, or all ``other`` requests.
    :ivar mapping: ``verbatim``, ``canonical`` or ``servlet``: which form of a path is matched.
    :ivar slashes: what becomes of an escaped slash; see `canonical`.
    """

    @property
    def hosts(self) -> tuple[bytes, ...]: ...
    @property
    def path(self) -> bytes: ...
    @property
    def pattern(self) -> re.Pattern[bytes] | None: ...
    @property
    def requests(self) -> str: ...
    @property
    def mapping(self) -> str: ...
    @property
    def slashes(self) -> str: ...


P = TypeVar("P", bound=Place)


class Table(Generic[P]):
    """The locations of a listener; immutable, so that a reload is one assignment.

    The first that matches wins.  Unless the operator's order counts, those for a host come before those for any, then
    those with a pattern, then the longest path.

    :param ordered: whether ``places`` are asked in the order in which they are given, as Apache asks ProxyPass.
    """

    __slots__ = ("_memo", "_plain", "places")

    def __init__(self, places: Iterable[P], ordered: bool = False) -> None:
        self.places = tuple(places) if ordered else tuple(sorted(places, key=_rank))
        # Where only the path counts, it is the whole key of the memo.
        self._plain = all(not place.hosts and place.requests == "all" for place in self.places)
        self._memo: dict[object, P | None] = {}

    def find(self, host: bytes, path: bytes, handshake: object = None) -> P | None:
        """The location of a path as it was sent, or ``None``.

        :param host: the Host field as it was sent.
        :param handshake: what makes the request a WebSocket handshake; ``None`` for any other.
        :raises BadRequest: see `normalise`.
        """
        websocket = handshake is not None
        key = path if self._plain else (host, path, websocket)
        try:
            return self._memo[key]
        except KeyError:
            found = self._find(host_name(host), _Forms(path), websocket)
        if len(path) <= MEMO_PATH:
            if len(self._memo) >= MEMO_SIZE:
                self._memo.clear()
            self._memo[key] = found
        return found

    def _find(self, host: bytes, forms: _Forms, websocket: bool) -> P | None:
        for place in self.places:
            if (
                (not place.hosts or is_for(place.hosts, host))
                and (place.requests == "all" or (place.requests == "websocket") == websocket)
                and forms.are_in(place)
            ):
                return place
        return None


def _rank(place: Place) -> tuple[int, bool, int]:
    hosts = place.hosts
    specific = 2 if not hosts else 1 if any(host.startswith(b"*") for host in hosts) else 0
    return specific, place.pattern is None, -len(place.path)


def is_for(hosts: tuple[bytes, ...], host: bytes) -> bool:
    """Whether a host name is among those of a location; see `Place`."""
    return any(host == one or (one.startswith(b"*.") and host.endswith(one[1:])) for one in hosts)


class _Forms:
    """A path in the forms that locations match, each worked out when it is first needed."""

    __slots__ = ("_canonical", "_normal", "_path")

    def __init__(self, path: bytes) -> None:
        self._path = path
        self._normal = normalise(path)
        self._canonical: dict[str, tuple[bytes, int] | None] = {}

    def are_in(self, place: Place) -> bool:
        """Whether the path belongs to ``place``."""
        if place.pattern is not None:
            form = self._in_canonical(place.slashes)
            # A regular expression says nothing of where a ".." behind it may lead.
            return form is not None and form[1] == _ANYWHERE and place.pattern.search(form[0]) is not None
        if place.mapping == "verbatim":
            refused = place.slashes == "refuse" and b"%2f" in self._path.lower()
            return not refused and _below(place.path, *self._normal)
        form = self._in_canonical(place.slashes)
        if form is None:
            return False
        path, floor = form
        return _below(place.path, without_parameters(path) if place.mapping == "servlet" else path, floor)

    def _in_canonical(self, slashes: str) -> tuple[bytes, int] | None:
        """The canonical form and its floor; a servlet container may still find a ``..`` in ``..;x``."""
        if slashes not in self._canonical:
            path = canonical(self._path, slashes)
            self._canonical[slashes] = None if path is None else (path, normalise(escaped(path))[1])
        return self._canonical[slashes]


def _below(prefix: bytes, path: bytes, floor: int) -> bool:
    """Whether a path is a prefix or something below it."""
    if not path.startswith(prefix):
        return False
    if prefix[-1:] == b"/":
        return prefix.count(b"/") - 1 <= floor
    return path[len(prefix) : len(prefix) + 1] in (b"", b"/") and prefix.count(b"/") <= floor


def host_name(host: bytes) -> bytes:
    """The name in a Host field: lower case, without port and final dot."""
    name = host.lower()
    if name[:1] == b"[":
        return name.partition(b"]")[0] + b"]"
    return name.partition(b":")[0].rstrip(b".")
