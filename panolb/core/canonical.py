"""The canonical form of a path, as Apache makes it: escapes resolved, slashes merged, dots removed; and back.

It is what ``ProxyPass`` without ``nocanon`` matches and, escaped anew, sends to members.
"""

from __future__ import annotations

import re
from urllib.parse import quote_from_bytes, unquote_to_bytes

from .readings import read

_SLASH = re.compile(rb"%2[Ff]")
# Stands for an escaped slash that is kept; a NUL cannot come from outside, since such paths are refused.
_KEPT = b"\0"

# What Apache's ap_proxy_canonenc leaves as it is in a path, beside letters and digits.
_LITERAL = "$-_.+!*'(),:@&=/~;"


def canonical(path: bytes, slashes: str) -> bytes | None:
    """The canonical form of a path that is known to have neither broken escapes nor NULs.

    :param slashes: what becomes of an escaped slash (AllowEncodedSlashes): ``pass``, ``refuse`` or ``decode``.
    :returns: ``None`` when an escaped slash is to be refused.
    """
    if b"%" in path:
        if slashes != "decode":
            path, found = _SLASH.subn(_KEPT, path)
            if found and slashes == "refuse":
                return None
        path = unquote_to_bytes(path)
    if b"//" not in path and b"/." not in path:
        return path
    return read(path, parameters=True, resolve=True)


def escaped(path: bytes) -> bytes:
    """A canonical path as it is sent."""
    sent = quote_from_bytes(path, _LITERAL).encode("ascii")
    return sent.replace(b"%00", b"%2F") if _KEPT in path else sent
