"""Reads a TOML file into the model; raises one ConfigError with every problem of the file, in the file's order."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import attrs

from panolb.config.crosscheck import Known, findings
from panolb.config.files import read_regular
from panolb.config.findings import Finding
from panolb.config.model import Config
from panolb.config.places import Places, find_lines
from panolb.config.tables import Reader
from panolb.errors import ConfigError, Problem

__all__ = ["Known", "load", "loads"]

LARGEST: Final = 4 * 1024 * 1024
"""Bytes of a file; a larger one is no configuration."""

_POSITION = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)\Z")


def load(path: Path, known: Known, instead: Mapping[str, bytes] | None = None) -> Config:
    """Read the file.

    :param known: the names of the plugins that exist.
    :param instead: by name, what to take for what stands in a file.
    :raises ConfigError: the file cannot be read, or is no right configuration.
    """
    place = str(path)
    data = instead[place] if instead is not None and place in instead else _data(path)
    if len(data) > LARGEST:
        raise _single(place, f"is larger than {LARGEST} bytes; that is no configuration")
    try:
        # Some editors put a byte order mark first.
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _single(f"{place}:{line}", "is not UTF-8; save the file as UTF-8") from None
    return loads(text, known, place)


def _data(path: Path) -> bytes:
    try:
        return read_regular(path, LARGEST + 1)
    except (OSError, ValueError) as error:
        # ValueError: the name itself has a NUL in it.
        raise _single(str(path), f"cannot be read: {getattr(error, 'strerror', None) or error}") from None


def loads(text: str, known: Known, place: str = "configuration") -> Config:
    """Read the text of a file; ``place`` is the file's name in messages.

    :raises ConfigError: the text is no right configuration.
    """
    data = _parse(text, place)
    where = Places(place, find_lines(text))
    reader = Reader()
    config = attrs.evolve(reader.table(Config, data, ()), where=where)
    found = reader.found + [
        one for one in findings(config, known) if not one.warning and not reader.left_out(one)
    ]
    if found:
        raise ConfigError([Problem(where(one.path), one.message) for one in _in_order(found, where)])
    return config


def _parse(text: str, place: str) -> dict[str, object]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _syntax(str(error), text, place) from None
    except RecursionError:
        raise _single(place, "is nested too deeply") from None
    except ValueError as error:
        # int() refuses numbers of thousands of digits with a plain ValueError.
        raise _single(place, f"has a value that cannot be read: {error}") from None


def _syntax(message: str, text: str, place: str) -> ConfigError:
    """Put tomllib's position in front."""
    match = _POSITION.search(message)
    if match is None:
        return _single(place, f"is not TOML: {message}")
    line = match[1] or str(text.count("\n") + (not text.endswith("\n")))
    column = f" (column {match[2]})" if match[2] else " (at the end of the file)"
    return _single(f"{place}:{line}", f"is not TOML: {message[: match.start()]}{column}")


def _single(place: str, message: str) -> ConfigError:
    return ConfigError([Problem(place, message)])


def _in_order(found: list[Finding], where: Places) -> list[Finding]:
    """Sort by line; what has no line, such as a table that is missing altogether, comes last."""
    return sorted(found, key=lambda one: where.line(one.path) or float("inf"))
