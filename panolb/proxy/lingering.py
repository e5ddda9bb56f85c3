"""The end of a connection whose client may still be sending.

A close with unread input would reset the connection, and with it destroy the answer that the client has not read yet
(RFC 9112 section 9.6).  So our side is closed, and what comes is read for a while.
"""

from __future__ import annotations

from .deadlines import Deadlines, Limited
from .wire import Wire

LINGER = 30.0  # seconds to go on reading what a client still sends after its connection's last answer


class Lingering:
    """Closes our side when everything has been sent: the source of a wire that produces nothing any more.

    :param connection: is out of time when the client should have closed its side too.
    """

    __slots__ = ("_connection", "_deadlines", "_wire")

    def __init__(self, connection: Limited, wire: Wire, deadlines: Deadlines) -> None:
        self._connection = connection
        self._wire = wire
        self._deadlines = deadlines

    def pause(self) -> None:
        """Nothing is produced."""

    def resume(self) -> None:
        """The last answer has been sent."""
        self._wire.half_close()
        self._deadlines.set(self._connection, LINGER)
