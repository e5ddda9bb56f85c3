"""What a change does to the text of a file: pieces of it are replaced, and everything else stays byte for byte."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterable

from attrs import frozen

Piece = tuple[int, int, str]
"""Begin and end of what is replaced, and by what."""


class CannotSave(Exception):
    """A change cannot be written into the file; the text says why, and what to do instead."""


@frozen
class Edited:
    """A file with changes.

    :ivar old: what stands in it now.
    :ivar new: what would stand in it.
    """

    path: str
    old: bytes
    new: bytes

    @property
    def text(self) -> str:
        """What would stand in it."""
        return decode(self.new)[0]

    @property
    def encoding(self) -> str:
        """What the text has to be written in: ``utf-8-sig`` begins with a byte order mark."""
        return decode(self.new)[1]

    @property
    def sha256(self) -> str:
        """Of what stands in it now, to see whether it is still that."""
        return hashlib.sha256(self.old).hexdigest()

    @property
    def diff(self) -> str:
        """The difference in unified format, as ``patch`` takes it."""
        old, new = (decode(data)[0].split("\n") for data in (self.old, self.new))
        return "".join(_lines(difflib.unified_diff(_ended(old), _ended(new), self.path, self.path)))


def _ended(lines: list[str]) -> list[str]:
    """Return lines with their ends; the last one has none."""
    ended = [f"{line}\n" for line in lines]
    ended[-1] = ended[-1][:-1]
    return ended if ended[-1] else ended[:-1]


def _lines(lines: Iterable[str]) -> Iterable[str]:
    for line in lines:
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def decode(data: bytes) -> tuple[str, str]:
    """Return the text of a file without its byte order mark, and the codec to write it with again."""
    for codec in ("utf-8-sig" if data.startswith(b"\xef\xbb\xbf") else "utf-8", "latin-1"):
        try:
            return data.decode(codec), codec
        except UnicodeDecodeError:
            continue
    raise AssertionError("Latin-1 has a character for every byte")


def replaced(text: str, pieces: Iterable[Piece]) -> str:
    """Return a text with pieces replaced; of those for the same place the first one comes first."""
    at = 0
    parts: list[str] = []
    for start, end, new in sorted(pieces, key=lambda piece: piece[:2]):
        parts += [text[at:start], new]
        at = end
    return "".join([*parts, text[at:]])
