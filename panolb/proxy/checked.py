"""Requests on a connection that twisted.web serves, checked by our own reader before twisted.web sees them.

twisted.web's parser takes what ours refuses, such as folded lines, control characters and trailers of any name.  It sets
no limits on the time of answers, and few on that of bodies.  What a client may do must not depend on what its first
request was for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from ..core.patience import Patience
from ..errors import BadRequest
from .deadlines import NEVER
from .frontend import Frontend
from .reader import RequestReader
from .wire import Transport, Wire


class Checked(Protocol):
    """Stands between a connection and its channel of twisted.web, and lets only whole heads and their bodies through.

    :param channel: twisted.web's.
    :param wire: knows what the client has taken; twisted.web does not write to it.
    :param refuse: answers what was refused, given the reader that has refused it; the connection is the caller's again.
    """

    transport: Transport  # type: ignore[assignment]

    def __init__(
        self,
        channel: Any,
        frontend: Frontend,
        wire: Wire,
        refuse: Callable[[RequestReader, BadRequest], None],
    ) -> None:
        self.deadline = NEVER
        self.slot = 0
        self._channel = channel
        self._site = frontend.site
        self._refuse = refuse
        self._wire = wire
        self._reader = RequestReader(frontend.limits, lambda data: None)
        self._open = True  # whether what comes is still to be read as requests
        self._deadlines = frontend.deadlines
        self._patience = Patience(frontend.limits.body_timeout, frontend.limits.body_rate)
        # Nobody tells when an answer begins: so at most a quarter of its time has passed unseen by then.
        self._longest = frontend.limits.body_timeout / 4  # seconds between two looks
        self._received = 0  # bytes that have come
        self._progress = 0  # bytes that had come, or gone, when that was last looked at

    def connectionMade(self) -> None:
        self._channel.makeConnection(self.transport)
        self._patience.begin(self._deadlines.clock())
        self._look()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._deadlines.forget(self)
        self._reader.close()
        self._channel.connectionLost(reason)

    def drain(self) -> None:
        """End as soon as nothing is in flight."""
        self._site.drain(self._channel)

    def out_of_time(self) -> None:
        if not self._look():
            self.transport.abortConnection()

    def _look(self) -> bool:
        """See what has come and gone since the last time; returns whether the client may go on."""
        arrived, queued = self._wire.progress or (0, 0)
        octets = arrived + self._received
        earned, self._progress = octets - self._progress, octets
        now = self._deadlines.clock()
        # It owes progress with an answer to take, or with a request to send.
        owes = queued > 0 or self._reader.request is not None
        left = self._patience.earn(earned, now) if owes else self._patience.begin(now)
        if left <= 0:
            return False
        self._deadlines.set(self, min(left, self._longest))
        return True

    def dataReceived(self, data: bytes) -> None:
        self._received += len(data)
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
