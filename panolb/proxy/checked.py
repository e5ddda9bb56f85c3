"""Requests on a connection that twisted.web serves, checked by our own reader before twisted.web sees them.

twisted.web's parser takes what ours refuses, such as folded lines, control characters and trailers of any name.  What a connection
may send must not depend on what its first request was for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from ..errors import BadRequest
from .frontend import Frontend
from .reader import RequestReader


class Checked(Protocol):
    """Stands between a connection and its channel of twisted.web, and lets only whole heads and their bodies through.

    :param channel: twisted.web's.
    :param refuse: answers what was refused, given the reader that has refused it; the connection is the caller's again.
    :ivar received: bytes that have come.
    """

    def __init__(
        self, channel: Any, frontend: Frontend, refuse: Callable[[RequestReader, BadRequest], None]
    ) -> None:
        self.received = 0
        self._channel = channel
        self._site = frontend.site
        self._refuse = refuse
        self._reader = RequestReader(frontend.limits, lambda data: None)
        self._open = True  # whether what comes is still to be read as requests

    def connectionMade(self) -> None:
        self._channel.makeConnection(self.transport)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._reader.close()
        self._channel.connectionLost(reason)

    def drain(self) -> None:
        """End as soon as nothing is in flight."""
        self._site.drain(self._channel)

    @property
    def within_body(self) -> bool:
        """Whether the client still has some of a request to send."""
        return self._reader.request is not None

    def dataReceived(self, data: bytes) -> None:
        self.received += len(data)
        while data and self._open:
            data = self._read(data)

    def _read(self, data: bytes) -> bytes:
        """Let through what is the next head, or belongs to its body; returns the rest."""
        reader = self._reader
        begun = reader.request is not None
        try:
            used = reader.read_body(data) if begun else reader.read_head(data)
        except BadRequest as problem:
            self._stop(problem)
            return b""
        request = reader.request
        if request is None:
            return data[used:]
        passed = data[:used] if begun else b"".join(reader.raw)
        if request.websocket is not None:
            self._let_go(passed + data[used:])
            return b""
        if reader.complete:
            reader.next()
        self._channel.dataReceived(passed)
        return data[used:]

    def _let_go(self, data: bytes) -> None:
        """Behind a handshake there may be frames.  Unless our own HTTP takes it over, it is the last request."""
        self._open = False
        self._channel.dataReceived(data)
        self.drain()

    def _stop(self, problem: BadRequest) -> None:
        """Refuse what came; behind an answer that is under way there is no room for a refusal, and the end has to do."""
        self._open = False
        channel = getattr(self._channel, "_channel", self._channel)  # under the one that knows HTTP/2
        if channel._handlingRequest:
            self.drain()
        else:
            self._channel.connectionLost(Failure(problem))
            self._refuse(self._reader, problem)
