"""What systemd gives a service in its environment: a socket to be told on, and how often it wants a sign of life.

That is ``sd_notify(3)``: one datagram with lines of ``NAME=value``.
"""

from __future__ import annotations

import socket
from collections.abc import MutableMapping

from ..events import EventLogger

log = EventLogger()


class Notifier:
    """The socket of ``$NOTIFY_SOCKET``.

    :param address: its path; with an ``@`` before it, the name of an abstract socket.
    :raises OSError: when this system has no such sockets.
    """

    def __init__(self, address: str) -> None:
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._failed = False

    def send(self, **assignments: object) -> bool:
        """Send one message.

        The loop does not wait for a supervisor that does not read: what was not sent, the caller tries again.

        :param assignments: the message: ``READY=1``.
        :returns: whether it was sent.
        """
        message = "\n".join(f"{name}={value}" for name, value in assignments.items())
        try:
            self._socket.sendto(message.encode(), self._address)
        except OSError as error:
            if not self._failed:
                log.warn(
                    "systemd cannot be told how panolb is (NOTIFY_SOCKET): {error}",
                    event="systemd.untold",
                    error=error,
                )
            self._failed = True
            return False
        self._failed = False
        return True

    def close(self) -> None:
        """Let go of it."""
        self._socket.close()


def take_notifier(environ: MutableMapping[str, str]) -> Notifier | None:
    """The socket on which systemd wants to be told, taken out of the environment: it is not for processes that we start.

    :returns: ``None`` when nobody wants to be told.
    """
    address = environ.pop("NOTIFY_SOCKET", "")
    if not address:
        return None
    if not address.startswith(("/", "@")) or not hasattr(socket, "AF_UNIX"):
        log.warn(
            "NOTIFY_SOCKET is {address}, which panolb cannot write to",
            event="systemd.untold",
            address=address,
        )
        return None
    return Notifier(address)


def take_watchdog(environ: MutableMapping[str, str], pid: int) -> float | None:
    """Seconds after which systemd takes the process for dead, taken out of the environment.

    :param pid: this process's.
    :returns: ``None`` when it does not watch, or watches another process.
    """
    microseconds = environ.pop("WATCHDOG_USEC", "")
    watched = environ.pop("WATCHDOG_PID", str(pid))
    if not microseconds.isascii() or not microseconds.isdigit() or watched != str(pid):
        return None
    return int(microseconds) / 1e6 or None
