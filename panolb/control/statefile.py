"""The file that keeps what operators change while panolb runs, for the next start.

It is never half written: a new one is complete on the disk before it takes the old one's name.  One that cannot be
read all the same is set aside, so that nothing is lost, and the balancer starts without it: users matter more.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from ..config.files import read_regular
from ..config.overrides import Overrides
from ..events import EventLogger

log = EventLogger()

LARGEST: Final = 16 << 20
"""Bytes of a file; a larger one is no list of overrides."""

MODE: Final = 0o640


class _Refused(Exception):
    """It is there, but cannot be used; the text says why, to follow the file's name."""


class StateFile:
    """One such file.

    :param path: in a directory that panolb may write to.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self, now: float) -> Overrides:
        """Return what it keeps; nothing when it is not there, or cannot be read, which is logged.

        :param now: the time of day, in seconds since 1970.
        """
        try:
            return _parse(self._bytes())
        except FileNotFoundError:
            return Overrides()
        except _Refused as refused:
            self._refuse(str(refused), now)
        except OSError as error:
            self._refuse(f"cannot be read: {error.strerror or error}", now)
        return Overrides()

    def write(self, overrides: Overrides) -> None:
        """Put them in the place of what it keeps.

        :raises OSError: that is not possible; then it keeps what it has.
        """
        data = (json.dumps(overrides.as_json(), indent=1) + "\n").encode("ascii")
        # A symbolic link stays one.
        target = Path(os.path.realpath(self.path))
        new = target.with_name(f"{target.name}.new")
        try:
            new.unlink(missing_ok=True)  # of a process that was killed
            try:
                _write(new, data)
                os.replace(new, target)
            except OSError:
                new.unlink(missing_ok=True)
                raise
            _sync(target.parent)
        except OSError as error:
            raise OSError(f"state file {self.path}: cannot be written: {error.strerror or error}") from None

    def _bytes(self) -> bytes:
        data = read_regular(self.path, LARGEST + 1)
        if len(data) > LARGEST:
            raise _Refused(f"is larger than {LARGEST} bytes")
        return data

    def _refuse(self, why: str, now: float) -> None:
        try:
            aside = self._set_aside(now)
        except OSError as error:
            done = f"could not be set aside either ({error.strerror or error})"
        else:
            done = f"is now {aside}"
        log.error(
            "state file {path}: {why}; it {done}. What operators changed before is not in effect: look at panolb status, "
            "and make the changes that are still wanted again",
            event="state_file.refused",
            path=str(self.path),
            why=why,
            done=done,
        )

    def _set_aside(self, now: float) -> Path:
        """Give it a name that is free, and return that."""
        when = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
        aside = self.path.with_name(f"{self.path.name}.refused-{when}")
        number = 1
        while os.path.lexists(aside):
            number += 1
            aside = self.path.with_name(f"{self.path.name}.refused-{when}-{number}")
        self.path.rename(aside)
        return aside


def _parse(data: bytes) -> Overrides:
    try:
        text = data.decode("utf-8")
        found = json.loads(text, object_pairs_hook=_once, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        # UnicodeDecodeError is a ValueError, too, but its text would show the bytes.
        said = "not UTF-8" if isinstance(error, UnicodeDecodeError) else error
        raise _Refused(f"is cut off or damaged ({said})") from None
    try:
        return Overrides.from_json(found)
    except ValueError as error:
        raise _Refused(f"cannot be used: {error}") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is there twice")
    return found


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number")


def _write(path: Path, data: bytes) -> None:
    """Write a file that is not there yet, and wait until it is on the disk."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, MODE)
    with open(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(descriptor)


def _sync(directory: Path) -> None:
    """Wait until the names in a directory are on the disk."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
