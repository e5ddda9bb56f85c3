"""What systemd is to a service: the socket on which it is told, and sockets that it has opened before."""

from __future__ import annotations

import fcntl
import os
import socket
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from .process import Panolb
from .waiting import until

Message = dict[str, str]


class Supervisor:
    """A notification socket, read all the time.

    :param address: a path, or ``@`` and the name of an abstract socket.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind("\0" + address[1:] if address.startswith("@") else address)
        self._messages: list[Message] = []
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while datagram := self._socket.recv(65536):
            self._messages.append(dict(line.split("=", 1) for line in datagram.decode().splitlines()))

    @property
    def messages(self) -> list[Message]:
        """All that have come, in their order."""
        return list(self._messages)

    def of(self, name: str) -> list[Message]:
        """Those in which something is assigned to a name."""
        return [message for message in self.messages if name in message]

    def next(self, name: str, after: int) -> Message:
        """The first of those behind so many others of them; it must come."""
        return until(lambda: self.of(name)[after:], f"message {after + 1} of {name}")[0]

    def statuses(self) -> list[str]:
        """What it was told for people."""
        return [message["STATUS"] for message in self.of("STATUS")]

    def silent(self, name: str, seconds: float) -> bool:
        """Whether nothing of a name comes for so long."""
        before = len(self.of(name))
        time.sleep(seconds)
        return len(self.of(name)) == before

    def close(self) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
            end.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()


class Supervised(Panolb):
    """A process that has more in its environment."""

    def __init__(self, directory: Path, config: str, **variables: str) -> None:
        super().__init__(directory, config, ())
        self.variables = variables

    @property
    def environment(self) -> dict[str, str]:
        return {**super().environment, **self.variables}


LAUNCHER = """\
import os, sys
count = len(sys.argv[2].split(","))
for target, source in enumerate(sys.argv[2].split(","), 3):
    os.dup2(int(source), target)  # the sources are above all targets
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(count), LISTEN_FDNAMES=sys.argv[1])
os.execv(sys.argv[3], sys.argv[3:])
"""


class Activated(Supervised):
    """A process that is given listening sockets, as from a socket unit, at each start.

    :param sockets: by their names.
    """

    def __init__(
        self, directory: Path, config: str, sockets: Mapping[str, socket.socket], **variables: str
    ) -> None:
        super().__init__(directory, config, **variables)
        self.sockets = sockets
        # Above all numbers that they are to have, in a process that has no more than its standard streams.
        self._filenos = [fcntl.fcntl(one, fcntl.F_DUPFD, 100) for one in sockets.values()]

    @property
    def passed(self) -> Sequence[int]:
        return self._filenos

    @property
    def command(self) -> list[str]:
        filenos = ",".join(map(str, self._filenos))
        return [sys.executable, "-c", LAUNCHER, ":".join(self.sockets), filenos, *super().command]

    def close(self) -> None:
        super().close()
        for fileno in self._filenos:
            os.close(fileno)
        self._filenos = []
