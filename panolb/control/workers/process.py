"""One worker process, as its supervisor sees it."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any, Final

from twisted.internet.protocol import Factory, ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from .channel import Channel, Order

log = Logger()

CHANNEL: Final = 3
"""The worker's file descriptor for the channel."""
MOST_LINE: Final = 10_000  # bytes of a line on its standard error


class Worker(ProcessProtocol):
    """A process, and the channel to it.

    :param index: which one of the workers it is, from 0.
    :param orders: what it may have done here; each is called with the worker first.
    :param ended: told when it has ended, with how in words.

    :ivar is_ready: whether it accepts clients.
    :ivar since: clock reading of when that began; of its making until then.
    :ivar heard: of its last answer.
    :ivar pid: its process; ``None`` before the start.
    """

    def __init__(
        self,
        reactor: Any,
        index: int,
        orders: dict[str, Callable[..., object]],
        ended: Callable[[Worker, str], None],
    ) -> None:
        self.index = index
        self.is_ready = False
        self.since: float = reactor.seconds()
        self.heard: float = self.since
        self.pid: int | None = None
        self._reactor = reactor
        self._ended = ended
        self._errors = b""
        mine: dict[str, Order] = {name: _of(self, order) for name, order in orders.items()}
        self.channel = Channel(mine, lambda: None)

    @property
    def name(self) -> str:
        """What people call it; the first is 1."""
        return f"worker {self.index + 1}"

    def start(self) -> None:
        """Start the process.

        :raises OSError: when the system has no more processes or descriptors.
        """
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.setblocking(False)
            command = [sys.executable, "-P", "-m", "panolb.worker"]
            descriptors = {0: 0, 1: 1, 2: "r", CHANNEL: theirs.fileno()}
            self._reactor.adoptStreamConnection(
                ours.fileno(), socket.AF_UNIX, Factory.forProtocol(lambda: self.channel)
            )
            # Where this process finds modules and plugins, it does too.
            env = {**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))}
            env.pop("NOTIFY_SOCKET", None)  # what systemd is told, the supervisor tells
            process = self._reactor.spawnProcess(self, command[0], command, env=env, childFDs=descriptors)
            self.pid = process.pid

    def kill(self) -> None:
        """End it at once."""
        if self.transport is not None and self.transport.pid is not None:
            self.transport.signalProcess("KILL")

    # -- told by Twisted --------------------------------------------------------------------------------------------

    def errReceived(self, data: bytes) -> None:
        """What it writes on its standard error, it could say in no better way."""
        *lines, self._errors = (self._errors + data).split(b"\n")
        self._errors = self._errors[-MOST_LINE:]
        for line in lines:
            log.error("{worker}: {line}", worker=self.name, line=line[:MOST_LINE].decode(errors="replace"))

    def processEnded(self, reason: Failure) -> None:
        self._ended(self, _in_words(reason.value))


def _of(worker: Worker, order: Callable[..., object]) -> Order:
    return lambda *words: order(worker, *words)


def _in_words(end: Any) -> str:
    """How a process ended."""
    if getattr(end, "signal", None) is not None:
        return f"by {signal.Signals(end.signal).name}"
    return f"with exit code {getattr(end, 'exitCode', None)}"
