"""Finds the files that ``Include`` and ``IncludeOptional`` name: paths, wildcards at any depth, whole directories."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

LARGEST: Final = 4 * 1024 * 1024
"""Bytes of a file; a larger one is no configuration."""

MOST: Final = 1000
"""Files that one Include may name."""

DEPTH: Final = 20
"""Directories in directories; a symbolic link may lead round in a circle."""

_LOOKS: Final = 20_000
"""Entries of directories that one Include may look at: ``Include /`` is a mistake, and must not take all day."""

_WILDCARD: Final = re.compile(r"[*?\[]")


class Unreadable(Exception):
    """A file cannot be read, or there is none; the message says why."""


def find(pattern: Path, *, optional: bool) -> list[Path]:
    """Return the files in the order in which they are read.

    :param pattern: an absolute path, in which any part may have wildcards.
    :param optional: nothing of that name is no mistake.
    :raises Unreadable: nothing is there, or a directory cannot be read, or there is too much.
    """
    looks = _Looks()
    try:
        matches = _matches(Path(pattern.anchor), pattern.parts[1:], looks)
        found = [file for match in matches for file in _files(match, looks)]
    except (OSError, ValueError) as error:
        raise Unreadable(f"cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if len(found) > MOST:
        raise Unreadable(f"names more than {MOST} files")
    if not found and not optional:
        if _WILDCARD.search(str(pattern)):
            raise Unreadable("matches no file; write IncludeOptional if there need not be any")
        if not pattern.is_dir():
            raise Unreadable("is not there; write IncludeOptional if it need not be")
    return found


def read(path: Path) -> bytes:
    """Return what is in a file.

    :raises Unreadable: it is no file, cannot be read, or is too large.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise Unreadable("is not a file")
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except (OSError, ValueError) as error:
        # ValueError: the name itself has a NUL in it.
        raise Unreadable(f"cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if len(data) > LARGEST:
        raise Unreadable(f"is larger than {LARGEST} bytes; that is no configuration")
    return data


class _Looks:
    """Counts the entries that were looked at."""

    def __init__(self) -> None:
        self._left = _LOOKS

    def names(self, directory: Path) -> list[str]:
        found: list[str] = []
        with os.scandir(directory) as entries:
            for entry in entries:
                self._left -= 1
                if self._left < 0:
                    raise Unreadable(f"would look at more than {_LOOKS} files; name a smaller directory")
                found.append(entry.name)
        return sorted(found)


def _matches(base: Path, parts: tuple[str, ...], looks: _Looks) -> Iterator[Path]:
    """Yield what exists; a leading dot has to be written out, as for the shell."""
    if not parts:
        if base.exists():
            yield base
        return
    first, rest = parts[0], parts[1:]
    if not _WILDCARD.search(first):
        yield from _matches(base / first, rest, looks)
    elif base.is_dir():
        for name in looks.names(base):
            if fnmatchcase(name, first) and name.startswith(".") <= first.startswith("."):
                yield from _matches(base / name, rest, looks)


def _files(path: Path, looks: _Looks, depth: int = 0) -> Iterator[Path]:
    """Yield the file, or all files in and below the directory."""
    if not path.is_dir():
        yield path
        return
    if depth > DEPTH:
        raise Unreadable(f"has directories nested more than {DEPTH} deep")
    for name in looks.names(path):
        yield from _files(path / name, looks, depth + 1)
