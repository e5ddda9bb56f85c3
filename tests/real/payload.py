"""Bodies of which no two parts are alike, so that lost, doubled or swapped pieces show."""

from __future__ import annotations

import hashlib


def numbered(size: int) -> bytes:
    """The bytes that ``probe/big.jsp`` sends: numbered lines."""
    return b"".join(b"%015x\n" % line for line in range(size // 16 + 1))[:size]


def sha256(data: bytes) -> str:
    """The sum as ``probe/upload.jsp`` writes it."""
    return hashlib.sha256(data).hexdigest()
