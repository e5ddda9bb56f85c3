"""What is sent and must arrive: bytes that follow from a request's number, so that no two requests' are alike."""

from __future__ import annotations

import hashlib
from random import Random


def content(number: int, size: int) -> bytes:
    """The body that belongs to a request."""
    return Random(number).randbytes(size)


def digest(number: int, body: bytes) -> bytes:
    """What a member answers to an upload."""
    return b"%d %b" % (number, hashlib.sha256(body).hexdigest().encode())
