"""What h11 takes, and another server may not take, or take for something else."""

from __future__ import annotations

import re
from collections.abc import Iterable

_UNCLEAR = {  # RFC 9112 sections 2.2, 5.1 and 5.2
    "a bare LF": re.compile(rb"(?<!\r)\n"),
    "a bare CR": re.compile(rb"\r(?!\n)"),
    "a folded line": re.compile(rb"\r\n[ \t]"),
    "a control character": re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]"),
}
_FRAMING = (b"content-length", b"transfer-encoding")


def doubts(data: bytes) -> list[str]:
    """What is unclear about the bytes of a request."""
    return [what for what, pattern in _UNCLEAR.items() if pattern.search(data)]


def framed_twice(names: Iterable[bytes]) -> bool:
    """Whether the fields of a head say more than once how long its body is.

    :param names: in lower case.
    """
    return sum(name in _FRAMING for name in names) > 1
