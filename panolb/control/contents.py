"""What is in files, each read once: what was judged is what is used, later on and in other processes too."""

from __future__ import annotations

import errno
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import attrs

from ..config.files import read_regular

Stamp = tuple[tuple[int, int, int] | None, ...]


def stamp(paths: Iterable[str]) -> Stamp:
    """What tells whether files are still the same; ``None`` for one that is not there."""
    return tuple(map(_stamp, paths))


@attrs.frozen(eq=False, repr=False)  # keys are among what it has
class Contents:
    """Reads what it is asked for, and remembers it.

    :ivar reads: whether what it does not know yet is read from the disk.
    """

    reads: bool = True
    _files: dict[str, bytes] = attrs.field(factory=dict)
    _listings: dict[str, tuple[str, ...]] = attrs.field(factory=dict)
    _stamps: dict[str, tuple[int, int, int] | None] = attrs.field(factory=dict)

    def file(self, path: str, most: int = -1) -> bytes:
        """What is in a file.

        :param most: bytes to read at most; all of them for -1.
        :raises OSError: it cannot be read.
        :raises ValueError: the name has a NUL in it.
        """
        if path not in self._files:
            self._check(path)
            self._stamps[path] = _stamp(path)  # before: what is written meanwhile is noticed afterwards
            self._files[path] = read_regular(path, most)
        return self._files[path]

    def listing(self, path: str, find: Callable[[str], Iterable[str]]) -> tuple[str, ...]:
        """The files that are meant by a path, which may be a directory.

        :param find: looks for them.
        :raises OSError: it cannot be read.
        """
        if path not in self._listings:
            self._check(path)
            self._listings[path] = tuple(find(path))
        return self._listings[path]

    def stamp(self, paths: Iterable[str]) -> Stamp:
        """That of files when they were read."""
        return tuple(map(self._stamps.get, paths))

    def sealed(self) -> Contents:
        """What is known now, for good: nothing is read from the disk any more."""
        return Contents(False, dict(self._files), dict(self._listings), dict(self._stamps))

    def _check(self, path: str) -> None:
        if not self.reads:
            raise FileNotFoundError(errno.ENOENT, "the supervisor has not read it", path)


NOTHING: Final = Contents(reads=False)


@attrs.frozen
class FileContents:
    """What is in the files that a configuration names: certificates, keys, authorities, and error pages.

    :ivar listeners: in those of each listener, by name: one may show what is not there any more.
    :ivar plant: in those of all members and locations.
    """

    listeners: Mapping[str, Contents]
    plant: Contents


def on_disk() -> FileContents:
    """What is there now."""
    return FileContents(defaultdict(Contents), Contents())


def _stamp(path: str) -> tuple[int, int, int] | None:
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
