"""The control API's UNIX socket.

Imported only where there is one to open: on Windows Twisted has no UNIX sockets.
"""

from __future__ import annotations

import os
import socket
import stat
from typing import Any

from twisted.internet import tcp, unix
from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import CannotListenError
from twisted.python.failure import Failure

from ..events import EventLogger
from .listeners import QuietSite

log = EventLogger()

MODE = 0o660


class ControlSocket:
    """The API's UNIX socket.

    :ivar description: what the log calls it.
    """

    def __init__(self, reactor: Any, path: str, site: QuietSite) -> None:
        self.description = f"unix:{path}"
        self._reactor = reactor
        self._path = path
        self._site = site
        self._port: _Port | None = None

    @property
    def is_open(self) -> bool:
        """Whether it listens."""
        return self._port is not None

    def start(self) -> None:
        """Listen.

        :raises OSError: when that is not possible; for example because another process listens there.
        """
        _make_room(self._path)
        port = _Port(os.fsencode(self._path), self._site, mode=MODE, reactor=self._reactor)
        # The file has its rights before anybody can connect: Twisted changes them between bind() and listen().
        try:
            port.startListening()
        except CannotListenError as error:
            raise OSError(str(error.socketError)) from None
        port.own = _identity(self._path)
        self._port = port
        log.info("control API: listening on {path}", event="door.open", path=self._path)

    def stop(self) -> Deferred[None]:
        """Close the socket and remove its file."""
        port, self._port = self._port, None
        if port is None:
            return succeed(None)
        stopped: Deferred[None] = port.stopListening()
        return stopped


class _Port(unix.Port):
    """Removes its file at the end, if that is still its own.

    Twisted's removes whatever has that name by then, and when there is nothing, it never ends.
    """

    own: tuple[int, int] | None = None

    def connectionLost(self, reason: Failure) -> None:
        path = os.fsdecode(self._bindPath)
        if self.own is not None and _identity(path) == self.own:
            os.unlink(path)
        tcp.Port.connectionLost(self, reason)


def _identity(path: str) -> tuple[int, int] | None:
    """What tells a file from others that had or will have its name."""
    try:
        found = os.lstat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _make_room(path: str) -> None:
    """Remove the socket of a process that has died.

    :raises OSError: when it is something else, or lives.
    """
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        directory = os.path.dirname(path)
        if not os.path.isdir(directory):
            raise OSError(
                f"there is no directory {directory}; make it first (systemd: RuntimeDirectory=)"
            ) from None
        return
    if not stat.S_ISSOCK(mode):
        raise OSError(f"{path} exists and is no socket; remove it, or choose another path")
    with socket.socket(socket.AF_UNIX) as probe:
        probe.setblocking(False)
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            os.unlink(path)
            return
        except BlockingIOError:  # its queue is full
            pass
    raise OSError(f"another process listens on {path}; stop it, or choose another path")
