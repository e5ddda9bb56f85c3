"""From a request's host and path to its location.

Servers read a path differently: some resolve ``..``, some take ``;x`` off, some take a backslash for a slash.  A path is
*passed on* byte for byte, so the member's reading counts, and it is not known.  Therefore a path that any reading puts
into a location which refuses is refused, and a path is given to a member only when every reading leads to its location;
else it is nobody's.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Generic, Protocol, TypeVar

from .readings import floor_of, is_plain, readings

# A dashboard asks for the same few paths over and over: a table remembers where some of them go.
MEMO_SIZE = 1024
MEMO_PATH = 256  # bytes; longer paths and hosts are not remembered


class Place(Protocol):
    """What a table needs to know of a location.

    :ivar hosts: lower-case host names it is for, ``*.name`` for all below a name; none for any.
    :ivar path: its path prefix in normal form; empty for the root.  With a trailing slash only what is below belongs.
    :ivar pattern: instead of the path: what the path, its escapes resolved, must match.
    :ivar answer: what is answered there instead of asking a member; ``None`` where one is asked.
    :ivar requests: ``all``, only ``websocket`` handshakes, or all ``other`` requests.
    :ivar mapping: ``verbatim``, ``canonical`` or ``servlet``: the form in which members get the path.
    :ivar slashes: what becomes of an escaped slash; see `canonical`.
    """

    @property
    def hosts(self) -> tuple[bytes, ...]: ...
    @property
    def path(self) -> bytes: ...
    @property
    def pattern(self) -> re.Pattern[bytes] | None: ...
    @property
    def answer(self) -> object: ...
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

    __slots__ = ("_memo", "_of_hosts", "_plain", "_resolved", "places")

    def __init__(self, places: Iterable[P], ordered: bool = False) -> None:
        self.places = tuple(places) if ordered else tuple(sorted(places, key=_rank))
        # Where only the path counts, it is the whole key of the memo.
        self._plain = all(not place.hosts and place.requests == "all" for place in self.places)
        # Where all members get resolved paths, no reading matters that leaves dots in.
        self._resolved = all(
            place.answer is not None or place.pattern is not None or place.mapping != "verbatim"
            for place in self.places
        )
        self._memo: dict[object, P | None] = {}
        self._of_hosts: dict[tuple[bytes, bool], tuple[P, ...]] = {}

    def find(self, host: bytes, path: bytes, handshake: object = None) -> P | None:
        """The location of a path as it was sent, or ``None``.

        :param host: the Host field as it was sent.
        :param handshake: what makes the request a WebSocket handshake; ``None`` for any other.
        :raises BadRequest: 400 when it cannot be read; see `panolb.core.readings.normalise`.
        """
        websocket = handshake is not None
        key = path if self._plain else (host, path, websocket)
        try:
            return self._memo[key]
        except KeyError:
            found = self._find(host_name(host), path, websocket)
        if len(path) <= MEMO_PATH and len(host) <= MEMO_PATH:
            if len(self._memo) >= MEMO_SIZE:
                self._memo.clear()
            self._memo[key] = found
        return found

    def matching(self, host: bytes, path: bytes, handshake: object = None) -> list[P]:
        """The places that some server may read a path as one of, in the order in which they are asked; to explain `find`.

        :raises BadRequest: as `find`.
        """
        paths = {path} if is_plain(path) else frozenset.union(*readings(path, dots=not self._resolved))
        places = self._of_host(host_name(host), handshake is not None)
        return [place for place in places if any(_first((place,), one) == 0 for one in paths)]

    def _find(self, host: bytes, path: bytes, websocket: bool) -> P | None:
        places = self.places if self._plain else self._of_host(host, websocket)
        if is_plain(path):
            found = _first(places, path)
            return places[found] if found < len(places) else None
        literal, stripped = (
            {_first(places, one) for one in some} for some in readings(path, dots=not self._resolved)
        )
        first = min(literal | stripped)
        if first == len(places):
            return None
        place = places[first]
        if place.slashes == "refuse" and b"%2f" in path.lower():
            return None
        if place.answer is None:
            agreed = stripped == {first} and len(literal) == 1 and _depth(place) <= floor_of(path)
            if not agreed:
                return None
            if place.mapping == "canonical" and not any(
                position < len(places) and places[position].answer is None for position in literal
            ):
                return None  # only a servlet container takes /app;x for /app
        return place

    def _of_host(self, host: bytes, websocket: bool) -> tuple[P, ...]:
        """The places for a host's requests; remembered, since clients ask for many paths of few hosts."""
        key = host, websocket
        found = self._of_hosts.get(key)
        if found is None:
            found = tuple(
                place
                for place in self.places
                if (not place.hosts or is_for(place.hosts, host))
                and (place.requests == "all" or (place.requests == "websocket") == websocket)
            )
            if len(host) <= MEMO_PATH:
                if len(self._of_hosts) >= MEMO_SIZE:
                    self._of_hosts.clear()
                self._of_hosts[key] = found
        return found


def _first(places: Sequence[Place], path: bytes) -> int:
    """The position of the first place that a path belongs to; behind the last when there is none."""
    for position, place in enumerate(places):
        if place.pattern is None:
            prefix = place.path
            if path.startswith(prefix) and (
                prefix[-1:] == b"/" or path[len(prefix) : len(prefix) + 1] in (b"", b"/")
            ):
                return position
        elif place.pattern.search(path) is not None:
            return position
    return len(places)


def _depth(place: Place) -> int:
    """How many leading segments of the path are exchanged for the member's, and must be beyond doubt."""
    return place.path.rstrip(b"/").count(b"/") if place.mapping == "verbatim" else 0


def _rank(place: Place) -> tuple[int, bool, int]:
    hosts = place.hosts
    specific = 2 if not hosts else 1 if any(host.startswith(b"*") for host in hosts) else 0
    return specific, place.pattern is None, -len(place.path)


def is_for(hosts: tuple[bytes, ...], host: bytes) -> bool:
    """Whether a host name is among those of a location; see `Place`."""
    return any(host == one or (one.startswith(b"*.") and host.endswith(one[1:])) for one in hosts)


def host_name(host: bytes) -> bytes:
    """The name in a Host field: lower case, without port and final dot."""
    name = host.lower()
    if name[:1] == b"[":
        return name.partition(b"]")[0] + b"]"
    return name.partition(b":")[0].rstrip(b".")
