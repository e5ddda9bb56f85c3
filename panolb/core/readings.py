"""What a path may mean to the servers that read it."""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

from ..errors import BadRequest

_ANYWHERE = 1 << 30

# What some servers take for a slash or for the beginning of path parameters, and others for a letter.
_DOUBTFUL = re.compile(rb"\\|%(?:2[Ff]|5[Cc]|3[Bb])")


def floor_of(path: bytes) -> int:
    """How many leading segments of a path are beyond doubt; see `normalise`."""
    return normalise(path)[1]


def normalise(path: bytes) -> tuple[bytes, int]:
    """The normal form of a path, and its floor: how many leading segments are beyond doubt.

    No ``..`` ever removed them, and they end before the first backslash, escaped slash or escaped semicolon, which
    only some servers take for what they stand for.

    Escapes are resolved, path parameters (``;jsessionid=...``) taken off, empty and dot segments removed
    (RFC 3986 section 6.2.2; a backslash and an escaped slash count as slashes).

    :raises BadRequest: 400 for a broken escape, a NUL, a path above the root, or a ``..`` beside such a character.
    """
    if is_plain(path):
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


def is_plain(path: bytes) -> bool:
    """Whether a path means the same to all servers at first sight."""
    return (
        b"%" not in path
        and b"/." not in path
        and b"//" not in path
        and b";" not in path
        and b"\\" not in path
    )


def readings(path: bytes, dots: bool) -> tuple[frozenset[bytes], frozenset[bytes]]:
    """The paths that servers may read in ``path``: those that take ``;x`` for a part of a name, and those that do not.

    In all of them escapes are resolved and slashes merged.  They differ in whether ``..`` is resolved, and in whether a
    backslash, escaped dots, an escaped slash and an escaped semicolon are what they stand for.

    :param dots: whether readings with ``..`` left in count too.
    :raises BadRequest: see `normalise`.
    """
    normalise(path)
    literal = _DOUBTFUL_ESCAPE.sub(rb"%25\1", path)
    if dots:
        literal = _ESCAPED_DOTS.sub(lambda found: found[0].replace(b"%", b"%25"), literal)
    spelt = {unquote_to_bytes(path).replace(b"\\", b"/"), unquote_to_bytes(literal)}
    resolved = (True, False) if dots else (True,)
    return (
        frozenset(read(one, True, resolve) for one in spelt for resolve in resolved),
        frozenset(read(one, False, resolve) for one in spelt for resolve in resolved),
    )


# Such an escape, its percent sign escaped, survives as text.
_DOUBTFUL_ESCAPE = re.compile(rb"%(2[Ff]|5[Cc]|3[Bb])")
# Dots that a server does not see which looks for them before it resolves escapes.
_ESCAPED_DOTS = re.compile(rb"(?<=/)(?:(?:%2[Ee]){1,2}|\.%2[Ee]|%2[Ee]\.)(?=[/;]|\Z)")


def read(path: bytes, parameters: bool, resolve: bool) -> bytes:
    """One reading of a path whose escapes are resolved: slashes merged, single dots removed.

    :param parameters: whether ``;x`` is part of a name; else it is taken off.
    :param resolve: whether ``..`` is resolved.
    """
    names: list[bytes] = []
    last = b""
    for part in path.split(b"/"):
        last = part if parameters else part.partition(b";")[0]
        if resolve and last == b"..":
            del names[-1:]
        elif last not in (b"", b"."):
            names.append(last)
    ends = last in (b"", b".") or (resolve and last == b"..")
    return b"/" + b"/".join(names) + (b"/" if names and ends else b"")
