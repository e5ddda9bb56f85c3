"""Where a stream is cut into reads."""

from __future__ import annotations

import random
import zlib
from itertools import pairwise

SHORT = 400  # bytes of a stream that is worth being read one by one


def pieces_of(data: bytes) -> list[bytes]:
    """Cut ``data`` somewhere, and the same data always there: so a stream that was found says all that is needed."""
    chance = random.Random(zlib.crc32(data))
    if len(data) <= SHORT and chance.random() < 0.3:
        return [data[at : at + 1] for at in range(len(data))]
    ends = [
        at + 1 for at in range(len(data)) if data[at] == 10
    ]  # most that matters is around the ends of lines
    places = {0, len(data)}
    for _ in range(chance.randint(1, 6)):
        near = chance.choice(ends) if ends and chance.random() < 0.5 else chance.randint(0, len(data))
        places.add(max(0, min(len(data), near - chance.randint(-2, 2))))
    return [data[start:end] for start, end in pairwise(sorted(places))]
