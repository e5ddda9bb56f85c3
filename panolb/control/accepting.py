"""Accepting clients, as long as there is room for them; those who wait stay in the system's queue."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IListeningPort
from twisted.internet.tcp import Port

if TYPE_CHECKING:
    from .descriptors import Descriptors

# Why nobody is accepted.
FULL, SHORT, ELSEWHERE = 1, 2, 4

# accept(2): what this machine has no more of.
_SHORTAGES = frozenset((errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))


class Acceptor:
    """Whether one listener accepts.

    :param stopped: why it does not at the start; 0 when it does.
    :ivar stopped: why it does not now.
    """

    def __init__(self, descriptors: Descriptors, stopped: int = 0) -> None:
        self.stopped = stopped
        self.descriptors = descriptors
        self._port: Any = None

    def watch(self, port: IListeningPort) -> None:
        """Decide from now on whether ``port`` accepts; a port that is none of Twisted's own accepts always."""
        self.descriptors.acceptors.append(self)
        if self.descriptors.short:
            self.stopped |= SHORT
        if isinstance(port, Port):
            port.socket = _Queue(port.socket, self)
            self._port = port
            if self.stopped:
                port.pauseProducing()

    def forget(self) -> None:
        """The port is closed."""
        self._port = None
        if self in self.descriptors.acceptors:
            self.descriptors.acceptors.remove(self)

    def stop(self, why: int) -> None:
        """Accept nobody, for a reason."""
        if not self.stopped and self._port is not None:
            self._port.pauseProducing()
        self.stopped |= why

    def go_on(self, why: int) -> None:
        """This reason is gone."""
        if self.stopped == why and self._port is not None:
            self._port.resumeProducing()
        self.stopped &= ~why


class _Queue:
    """What a port accepts from, in front of its socket: empty as soon as nobody is to be accepted.

    A port accepts dozens in one go, whether it is paused meanwhile or not; and out of descriptors it would accept all who
    wait and close their connections.
    """

    def __init__(self, listening: Any, acceptor: Acceptor) -> None:
        self._socket = listening
        self._acceptor = acceptor

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)

    def accept(self) -> Any:
        """The next client, as `socket.socket.accept` has it."""
        acceptor = self._acceptor
        if acceptor.stopped:
            raise BlockingIOError(errno.EAGAIN, "nobody is accepted now")
        try:
            client, address = self._socket.accept()
        except OSError as error:
            if error.errno not in _SHORTAGES:
                raise
            acceptor.descriptors.run_short()
            raise BlockingIOError(errno.EAGAIN, "no descriptor is left") from None
        acceptor.descriptors.took(client.fileno())
        return client, address
