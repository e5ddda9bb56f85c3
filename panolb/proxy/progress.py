"""How much of what was sent has arrived: what the system knows of a socket, and its transport does not.

A few megabytes fit into the buffers of the kernel.  Whoever takes them over a slow line is alive, although nothing waits
in panolb any more and nothing comes back.
"""

from __future__ import annotations

import socket
import struct
import sys

# struct tcp_info of Linux, <linux/tcp.h>: tcpi_bytes_acked, since Linux 4.1.
_INFO_SIZE = 128
_BYTES_ACKED = struct.Struct("=120xQ")

if sys.platform == "linux":
    import fcntl
    import termios

    def progress(connection: socket.socket | None) -> tuple[int, int] | None:
        """What the other side's system has acknowledged.

        :returns: bytes that it has, and bytes that were sent and that it has not; ``None`` where the system does not
            say.
        """
        if connection is None:
            return None
        try:
            info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO_SIZE)
            (queued,) = struct.unpack("=i", fcntl.ioctl(connection, termios.TIOCOUTQ, bytes(4)))
        except OSError:
            return None  # no TCP, or no connection any more
        return (_BYTES_ACKED.unpack(info)[0], queued) if len(info) == _INFO_SIZE else None

else:

    def progress(connection: socket.socket | None) -> tuple[int, int] | None:
        """Other systems do not say."""
        return None
