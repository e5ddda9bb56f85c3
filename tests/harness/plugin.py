"""Somebody else's plugin, for the processes of a test."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def plugin(directory: Path, source: str) -> Iterator[None]:
    """Processes that are started meanwhile find a module of plugins in a ``panolb/plugins/`` beside panolb's own."""
    plugins = directory / "theirs" / "panolb" / "plugins"
    plugins.mkdir(parents=True)
    (plugins / "their_plugins.py").write_text(source)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(plugins.parents[1]), prepend=os.pathsep)
        yield
