"""Endpoint strings of the configuration: parsed by Twisted, so checked apart from the rest of it."""

from __future__ import annotations

from typing import Any

from twisted.internet.endpoints import serverFromString
from twisted.internet.testing import MemoryReactor

from ..config import model
from ..errors import ConfigError, Problem


def make_endpoint(reactor: Any, config: model.Config, description: str, path: tuple[str, ...]) -> Any:
    """The server endpoint that a string describes.

    :param path: where the string stands in the configuration.
    :raises ConfigError: when Twisted cannot make sense of it.
    """
    try:
        return serverFromString(reactor, description)
    except Exception as error:  # noqa: BLE001  # endpoint parsers are plugins and raise whatever they like
        message = f'is no endpoint ({error}); write for example "tcp:10080:interface=127.0.0.1"'
        raise ConfigError([Problem(config.where(path), message)]) from None


def endpoint_problems(config: model.Config) -> list[Problem]:
    """Every endpoint of a configuration that cannot be used.  Nothing is opened."""
    places = {("listener", name, "endpoint"): one.endpoint for name, one in config.listener.items()}
    if config.admin is not None:
        places["admin", "endpoint"] = config.admin.endpoint  # type: ignore[index]
    problems: list[Problem] = []
    for path, description in places.items():
        try:
            make_endpoint(MemoryReactor(), config, description, path)
        except ConfigError as error:
            problems += error.problems
    return problems
