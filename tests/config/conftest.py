"""What the tests of the configuration share: the names of the plugins that exist, and a way to see the problems."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from panolb.config import Config, Known, loads
from panolb.errors import ConfigError

Mistakes = Callable[[str], list[str]]
Read = Callable[[str], Config]


@pytest.fixture(scope="session")
def known() -> Known:
    """The plugins of an ordinary installation."""
    return Known(
        lbmethods=frozenset({"byrequests", "bytraffic"}),
        checks=frozenset({"http", "tcp", "websocket"}),
        resolvers=frozenset({"route"}),
        filters=frozenset({"audit"}),
    )


@pytest.fixture(scope="session")
def read(known: Known) -> Read:
    """Read a text that is expected to be right."""
    return lambda text: loads(text, known, "panolb.toml")


@pytest.fixture(scope="session")
def mistakes(known: Known) -> Mistakes:
    """Read a text; the problems as lines, none when it is right."""

    def tell(text: str) -> list[str]:
        try:
            loads(text, known, "panolb.toml")
        except ConfigError as error:
            return [str(problem) for problem in error.problems]
        return []

    return tell
