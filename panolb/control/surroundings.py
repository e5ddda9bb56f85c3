"""What a configuration needs of its surroundings: endpoints that Twisted can parse, and paths that exist."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

from twisted.internet.endpoints import serverFromString
from twisted.internet.testing import MemoryReactor

from ..config import model
from ..errors import ConfigError, Problem
from . import credentials
from .locations import FILE
from .logtarget import Target

BACKLOG = 511
"""Clients that may wait to be accepted, as in Apache and nginx; Twisted's 50 are few when everybody comes back at once."""


def make_endpoint(reactor: Any, config: model.Config, description: str, path: tuple[str, ...]) -> Any:
    """The server endpoint that a string describes.

    :param path: where the string stands in the configuration.
    :raises ConfigError: when Twisted cannot make sense of it.
    """
    try:
        return serverFromString(reactor, _with_backlog(description))
    except Exception as error:  # noqa: BLE001  # endpoint parsers are plugins and raise whatever they like
        message = f'is no endpoint ({error}); write for example "tcp:10080:interface=127.0.0.1"'
        raise ConfigError([Problem(config.where(path), message)]) from None


def _with_backlog(description: str) -> str:
    if description.startswith(("tcp:", "tcp6:", "ssl:")) and ":backlog=" not in description:
        return f"{description}:backlog={BACKLOG}"
    return description


def surrounding_problems(config: model.Config) -> list[Problem]:
    """What a configuration names that this machine does not have.  Nothing is opened."""
    return _endpoint_problems(config) + _path_problems(config) + credentials.problems(config)


def _path_problems(config: model.Config) -> list[Problem]:
    problems: list[Problem] = []
    for index, location in enumerate(config.location):
        for status, page in location.error_pages.items():
            if page.startswith(FILE) and not Path(page.removeprefix(FILE)).is_file():
                place = config.where(("location", index, "error_pages", status))
                problems.append(Problem(place, f"there is no file {page.removeprefix(FILE)}"))
        if location.files is not None and not Path(location.files).is_dir():
            place = config.where(("location", index, "files"))
            problems.append(Problem(place, f"{location.files} is no directory"))
    if config.control is not None:
        path = Path(config.control.socket)
        place = config.where(("control", "socket"))
        if not hasattr(socket, "AF_UNIX"):
            problems.append(Problem(place, "this system has no UNIX sockets; take [control] away"))
        elif path.exists() and not path.is_socket():
            problems.append(
                Problem(place, f"{path} exists and is no socket; remove it, or choose another path")
            )
    for index, log in enumerate(config.access_log):
        path = Path(log.path)
        place = config.where(("access_log", index, "path"))
        if path.is_dir():
            problems.append(Problem(place, f"{path} is a directory; name a file in it"))
        elif not Target(log.path).is_stream and not path.parent.is_dir():
            said = f"{path} cannot be written: there is no directory {path.parent}; make it first"
            problems.append(Problem(place, said))
    return problems


def _endpoint_problems(config: model.Config) -> list[Problem]:
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
