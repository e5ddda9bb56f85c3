"""What the tests of the translation share: a text in, a configuration or its problems out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from panolb.config import Known
from panolb.config.httpd.imported import Imported
from panolb.config.httpd.loading import load
from panolb.errors import ConfigError
from tests.harness.httpdconf import HEAD

Translate = Callable[..., Imported]
Problems = Callable[..., list[str]]


@pytest.fixture(scope="session")
def methods() -> Known:
    """The plugins of an ordinary installation."""
    return Known(
        lbmethods=frozenset({"byrequests", "bytraffic", "bybusyness"}),
        checks=frozenset({"http", "tcp", "websocket"}),
        resolvers=frozenset({"route"}),
    )


@pytest.fixture
def translate(tmp_path: Path, methods: Known) -> Translate:
    """Translate a text to which Listen and ServerName are added; line 3 is its first."""

    def run(text: str, *, head: str = HEAD, **options: Any) -> Imported:
        path = tmp_path / "httpd.conf"
        path.write_text(head + text)
        return load(path, methods, **options)

    return run


@pytest.fixture
def problems(translate: Translate) -> Problems:
    """Translate a text; its problems, as lines that begin with the number of the line."""

    def run(text: str, **options: Any) -> list[str]:
        try:
            translate(text, **options)
        except ConfigError as error:
            return [str(problem).rpartition("httpd.conf:")[2] for problem in error.problems]
        return []

    return run
