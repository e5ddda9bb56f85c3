"""What a configuration needs of its surroundings: endpoints that Twisted can parse, and paths that exist."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

from twisted.internet.endpoints import serverFromString

from ..config import controlendpoint, model
from ..errors import ConfigError, Problem
from . import credentials, inherited
from .logtarget import Target

FILE = "file:"
"""What an error page begins with that is the name of a file."""

BACKLOG = 511
"""Clients that may wait to be accepted, as in Apache and nginx; Twisted's 50 are few when everybody comes back at once."""


def make_endpoint(reactor: Any, config: model.Config, description: str, path: tuple[str, ...]) -> Any:
    """The server endpoint that a string describes.

    :param path: where the string stands in the configuration.
    :raises ConfigError: when Twisted cannot make sense of it.
    """
    try:
        if inherited.is_meant(description):
            return inherited.named(reactor, description)
        taken_over = inherited.matching(reactor, description)
        return taken_over or serverFromString(reactor, _with_backlog(description))
    except inherited.NotPassed as error:
        raise ConfigError([Problem(config.where(path), str(error))]) from None
    except Exception as error:  # noqa: BLE001  # endpoint parsers are plugins and raise whatever they like
        message = f'is no endpoint ({error}); write for example "tcp:10080:interface=127.0.0.1"'
        raise ConfigError([Problem(config.where(path), message)]) from None


def _with_backlog(description: str) -> str:
    if description.startswith(("tcp:", "tcp6:", "ssl:")) and ":backlog=" not in description:
        return f"{description}:backlog={BACKLOG}"
    return description


def surrounding_problems(config: model.Config, reactor: Any) -> list[Problem]:
    """What a configuration names that this machine does not have.  Nothing is opened.

    :param reactor: for the parsers of endpoints.
    """
    return _endpoint_problems(config, reactor) + _path_problems(config) + credentials.problems(config)


def _path_problems(config: model.Config) -> list[Problem]:
    problems: list[Problem] = []
    for index, location in enumerate(config.location):
        for status, page in location.error_pages.items():
            file = page.removeprefix(FILE)
            place = config.where(("location", index, "error_pages", status))
            if page.startswith(FILE) and not Path(file).is_file():
                problems.append(Problem(place, f"there is no file {file}"))
            elif page.startswith(FILE) and not os.access(file, os.R_OK):
                problems.append(Problem(place, f"this user may not read {file}"))
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
        if config.control.state_file is not None:
            path = Path(config.control.state_file)
            if not path.parent.is_dir():
                said = f"{path} cannot be written: there is no directory {path.parent}; make it first"
                problems.append(Problem(config.where(("control", "state_file")), said))
    for index, log in enumerate(config.access_log):
        path = Path(log.path)
        place = config.where(("access_log", index, "path"))
        if path.is_dir():
            problems.append(Problem(place, f"{path} is a directory; name a file in it"))
        elif not Target(log.path).is_stream and not path.parent.is_dir():
            said = f"{path} cannot be written: there is no directory {path.parent}; make it first"
            problems.append(Problem(place, said))
    return problems


def warn_of_unused_sockets(reactor: Any, config: model.Config) -> None:
    """Name the sockets that systemd has passed and the configuration does not use."""
    descriptions = list(_endpoints(config).values())
    if config.control is not None and config.control.endpoint is not None:
        descriptions.append(controlendpoint.parse(config.control.endpoint).description)
    inherited.warn_of_unused(reactor, descriptions)


def _endpoints(config: model.Config) -> dict[tuple[str, ...], str]:
    """All of a configuration, by where they stand."""
    places: dict[tuple[str, ...], str] = {
        ("listener", name, "endpoint"): one.address for name, one in config.listener.items()
    }
    if config.admin is not None:
        places["admin", "endpoint"] = config.admin.endpoint
    return places


def _endpoint_problems(config: model.Config, reactor: Any) -> list[Problem]:
    problems: list[Problem] = []
    for path, description in _endpoints(config).items():
        if inherited.is_meant(description):
            mistake = inherited.mistake(description)
            problems += [] if mistake is None else [Problem(config.where(path), mistake)]
            continue
        try:
            make_endpoint(reactor, config, description, path)
        except ConfigError as error:
            problems += error.problems
    return problems
