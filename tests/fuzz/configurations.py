"""Bytes of files that operators write: a configuration comes out that can be written down again, or problems."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from panolb.config import Config, Known, describe, loads, toml, warnings
from panolb.config.crosscheck import problems
from panolb.config.dump import dump
from panolb.config.httpd import loading
from panolb.errors import ConfigError

from .house import House

SCRATCH = tempfile.TemporaryDirectory(prefix="panolb-fuzz-")


def check_toml(house: House, data: bytes) -> None:
    """Hold what must hold of any file that is read as TOML."""
    _check(data, house.known, lambda path: toml.load(path, house.known))


def check_httpd(house: House, data: bytes) -> None:
    """Hold what must hold of any file that is read as an httpd.conf."""
    _check(data, house.known, lambda path: loading.load(path, house.known).config)


def _check(data: bytes, known: Known, load: Callable[[Path], Config]) -> None:
    path = Path(SCRATCH.name) / "file"
    path.write_bytes(data)
    try:
        config = load(path)
    except ConfigError as error:
        assert error.problems
        for problem in error.problems:
            assert str(path) in problem.place, f"nobody is told where: {problem}"
            assert problem.message
            assert str(problem).isprintable(), f"not safe on a terminal: {problem!s}"
            assert len(str(problem)) < 2000, f"too long to be read: {str(problem)[:100]}"
        return
    assert describe(config)
    warnings(config)
    assert problems(config, known) == []
    assert loads(dump(config), known) == config, "what is written down is read as something else"
