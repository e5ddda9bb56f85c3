"""What members say about themselves, translated into what clients see: ProxyPassReverse and its cookie siblings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from .headers import Answer


class Translation(Protocol):
    """What a location asks of its translation."""

    def translate(self, answer: Answer, public: bytes, host: bytes) -> None:
        """Put the fields of an answer that name the member back to its lines, translated.

        :param public: scheme and host that the client used, ``https://dash.example``.
        :param host: the member's host name.
        """


class ReverseMap:
    """Translates by the location's path and its members' URLs, where the operator says nothing else.

    :param path: the location's path.
    :param members: ``(origin, path)`` of each member of the balancer; any of them may be named in an answer.
    """

    __slots__ = ("_inner", "_path", "_prefixes")

    def __init__(self, path: bytes, members: Iterable[tuple[bytes, bytes]]) -> None:
        self._path = path
        prefixes: list[tuple[bytes, bytes]] = []
        inner: set[bytes] = set()
        for origin, member_path in members:
            prefixes += [((one + member_path).lower(), member_path) for one in _spellings(origin)]
            inner.add(member_path)
        self._prefixes = tuple(prefixes)
        self._inner = next(iter(inner)) if len(inner) == 1 and inner != {path} else None

    def translate(self, answer: Answer, public: bytes, host: bytes) -> None:
        """See `Translation`."""
        for name, value in answer.mapped:
            if name.lower() == b"set-cookie":
                value = self.cookie(value, host)
            else:
                value = self.location(value, public)
            answer.lines.append(name + b": " + value)

    def location(self, value: bytes, public: bytes) -> bytes:
        """A Location or Content-Location as the client must see it.

        :param public: scheme and host that the client used, ``https://dash.example``.
        """
        lower = value.lower()
        host = public.partition(b"://")[2].lower()
        for prefix, _ in self._prefixes:
            if lower.startswith(prefix) and _at_boundary(value, len(prefix)):
                return public + self._outside(value[len(prefix) :])
        inner = self._inner
        if inner is None:
            return value
        # The paths differ: also what the member calls by the client's host, or by no host, is an inner path.
        origin = next(
            (one for one in (b"http://" + host, b"https://" + host, b"") if lower.startswith(one)), b""
        )
        path = value[len(origin) :]
        if (
            path.startswith(inner)
            and path[:1] == b"/"
            and path[:2] != b"//"
            and _at_boundary(path, len(inner))
        ):
            mapped = self._outside(path[len(inner) :])
            if origin or mapped[:2] not in (b"//", b"/\\"):  # where browsers see another host begin
                return origin + mapped
        return value

    def _outside(self, rest: bytes) -> bytes:
        """The public path of what follows a member's path; it begins with a slash also at the root."""
        return self._path + rest if self._path or rest[:1] == b"/" else b"/" + rest

    def cookie(self, value: bytes, host: bytes) -> bytes:
        """A Set-Cookie value whose Path and Domain fit the public side.

        :param host: the member's host name; a Domain of that name would be refused by the browser and is taken off.
        """
        inner = self._inner
        lower = value.lower()
        if (inner is None or b"path=" not in lower) and b"domain=" not in lower:
            return value
        kept: list[bytes] = []
        for position, part in enumerate(value.split(b";")):
            name, _, content = part.strip().partition(b"=")
            name = name.strip().lower()
            content = content.strip()
            if position and name == b"domain" and content.lstrip(b".").lower() == host:
                continue
            if (
                position
                and name == b"path"
                and inner
                and content.startswith(inner)
                and _at_boundary(content, len(inner))
            ):
                part = b" Path=" + (self._path + content[len(inner) :] or b"/")
            kept.append(part)
        return b";".join(kept)


class ReverseRules:
    """Translates by the operator's own pairs, as Apache does; the first that fits wins.

    :param locations: ``(public, internal)`` of ProxyPassReverse: a path (or URL), and the URL or path it stands for.
    :param paths: ``(internal, public)`` of ProxyPassReverseCookiePath.
    :param domains: ``(internal, public)`` of ProxyPassReverseCookieDomain.
    """

    __slots__ = ("_domains", "_locations", "_paths")

    def __init__(
        self,
        locations: Sequence[tuple[bytes, bytes]],
        paths: Sequence[tuple[bytes, bytes]] = (),
        domains: Sequence[tuple[bytes, bytes]] = (),
    ) -> None:
        self._locations = tuple(locations)
        self._paths = tuple(paths)
        self._domains = tuple((internal.lower(), public) for internal, public in domains)

    def translate(self, answer: Answer, public: bytes, host: bytes) -> None:
        """See `Translation`."""
        for name, value in answer.mapped:
            value = self.cookie(value) if name.lower() == b"set-cookie" else self.location(value, public)
            answer.lines.append(name + b": " + value)

    def location(self, value: bytes, public: bytes) -> bytes:
        """A Location as the client must see it.

        :param public: scheme and host that the client used.
        """
        lower = value.lower()
        for outside, inside in self._locations:
            if inside[:1] == b"/":
                origin = _origin(value)
                rest = value[len(origin) :]
                fits = rest[:1] == b"/" and rest[:2] != b"//" and _starts(rest, inside)
            else:
                rest = value
                fits = lower.startswith(inside.lower()) and _ends_at_boundary(inside, value)
            if fits:
                path = outside + rest[len(inside) :]
                return path if b"://" in outside else public + path
        return value

    def cookie(self, value: bytes) -> bytes:
        """A Set-Cookie value with the Path and Domain that clients see."""
        if not self._paths and not self._domains:
            return value
        first, *attributes = value.split(b";")
        return b";".join([first, *map(self._attribute, attributes)])

    def _attribute(self, part: bytes) -> bytes:
        name, _, content = part.strip().partition(b"=")
        content = content.strip()
        if name.strip().lower() == b"path":
            found = next((public for internal, public in self._paths if content.startswith(internal)), None)
        elif name.strip().lower() == b"domain":
            found = next(
                (public for internal, public in self._domains if content.lower().startswith(internal)), None
            )
        else:
            found = None
        return part if found is None else b" " + name.strip() + b"=" + found


def _spellings(origin: bytes) -> list[bytes]:
    """An origin with the port of its scheme and without it; an origin with another port as it is."""
    scheme, _, authority = origin.partition(b"://")
    port = b":443" if scheme == b"https" else b":80"
    if authority.endswith(port):
        return [origin[: -len(port)], origin]
    return [origin, origin + port] if authority.endswith(b"]") or b":" not in authority else [origin]


def _origin(value: bytes) -> bytes:
    """The ``scheme://host`` of an absolute value; empty for any other."""
    scheme, mark, rest = value.partition(b"://")
    if not mark or b"/" in scheme:
        return b""
    return scheme + mark + rest.partition(b"/")[0]


def _starts(path: bytes, inside: bytes) -> bool:
    return path.startswith(inside) and _ends_at_boundary(inside, path)


def _ends_at_boundary(inside: bytes, value: bytes) -> bool:
    return inside.endswith(b"/") or _at_boundary(value, len(inside))


def _at_boundary(value: bytes, at: int) -> bool:
    """Whether a prefix of ``at`` bytes ends where a name ends, so that ``/app`` is not found in ``/apple``."""
    return len(value) == at or value[at : at + 1] in b"/?#;"
