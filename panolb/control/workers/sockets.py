"""The sockets of listeners that a worker has from its supervisor."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from typing import Any, Final

from twisted.internet.interfaces import IProtocolFactory

from ...config import model
from ...errors import ConfigError, Problem
from ..inherited import Inherited
from ..listeners import NotPassedYet
from ..surroundings import make_endpoint

SHARED: Final = ("tcp:", "tcp6:", "unix:", "systemd:")
"""Endpoints of which a socket is all: others may speak a protocol of their own, such as TLS."""


def make_shared_endpoint(reactor: Any, config: model.Config, description: str, path: tuple[str, ...]) -> Any:
    """The endpoint of a listener, for a supervisor; see `panolb.control.surroundings.make_endpoint`.

    :raises ConfigError: when workers cannot share it, too.
    """
    if not description.startswith(SHARED):
        message = (
            f"workers cannot share this endpoint, but only those of {', '.join(SHARED)}; write workers = 1"
        )
        raise ConfigError([Problem(config.where(path), message)])
    return make_endpoint(reactor, config, description, path)


class Sockets:
    """They, by the endpoints that the supervisor has opened."""

    def __init__(self) -> None:
        self._descriptors: dict[str, int] = {}

    def take(self, names: Sequence[str], descriptors: Sequence[int]) -> list[str]:
        """Have these too; those that are there already stay as they are.

        A listener may have been opened anew at the same endpoint: that is another socket, and at the former one nobody
        arrives any more.

        :returns: at which endpoints that is so.
        """
        anew: list[str] = []
        for name, descriptor in zip(names, descriptors, strict=True):
            present = self._descriptors.get(name)
            if present is not None and os.path.sameopenfile(present, descriptor):
                os.close(descriptor)
                continue
            if present is not None:
                os.close(present)
                anew.append(name)
            self._descriptors[name] = descriptor
        return anew

    def keep(self, names: Sequence[str]) -> None:
        """Have only these: at one that stays open here, clients would wait in vain."""
        for name in [one for one in self._descriptors if one not in names]:
            os.close(self._descriptors.pop(name))

    def make_endpoint(
        self, reactor: Any, config: model.Config, description: str, path: tuple[str, ...]
    ) -> Any:
        """The endpoint of a listener; see `panolb.control.surroundings.make_endpoint`."""
        return _Handed(reactor, self, description)

    def inherited(self, reactor: Any, description: str) -> Inherited:
        """One of them.

        :raises NotPassedYet: when the supervisor has no such socket.
        """
        descriptor = self._descriptors.get(description)
        if descriptor is None:
            raise NotPassedYet(f"{description}: the supervisor has passed no socket for it")
        with socket.socket(fileno=os.dup(descriptor)) as copy:
            return Inherited(reactor, descriptor, socket.AddressFamily(copy.family))


class _Handed:
    """An endpoint whose socket is asked for when it is to listen: a reload makes it before the socket has come."""

    def __init__(self, reactor: Any, sockets: Sockets, description: str) -> None:
        self._reactor = reactor
        self._sockets = sockets
        self._description = description

    def listen(self, factory: IProtocolFactory) -> Any:
        return self._sockets.inherited(self._reactor, self._description).listen(factory)
