"""The site that serves the API: short requests, each within its time."""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IDelayedCall
from twisted.web.server import Request

from ..listeners import LimitedRequest, QuietSite

REQUEST_TIME = 20.0  # seconds from a request's first line to its end


class ApiRequest(LimitedRequest):
    """A request that comes within its time, and is not done when it was refused while it came."""

    _late: IDelayedCall | None = None
    _refused = False

    def __init__(self, channel: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(channel, *args, **kwargs)
        self._late = channel.callLater(REQUEST_TIME, self._out_of_time)

    def refuse(self, head: bytes, body: bytes) -> None:
        """Answer before all of it has come, and end the connection.

        :param head: status line and fields, without the end of the head.
        """
        if self._refused:
            return
        self._refused = True
        channel: Any = self.channel
        channel.transport.write(head + b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(body) + body)
        channel.persistent = False
        channel.loseConnection()

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """All of it has come."""
        self._in_time()
        if not self._refused:
            super().requestReceived(command, path, version)

    def connectionLost(self, reason: Any) -> None:
        """Its client is gone."""
        self._in_time()
        super().connectionLost(reason)

    def _check(self, size: int) -> None:
        channel: Any = self.channel
        site = channel.site
        if site.max_body is not None and size > site.max_body:
            head = b"HTTP/1.1 413 Content Too Large\r\nContent-Type: " + site.page_type + b"\r\n"
            self.refuse(head, site.too_large)

    def _in_time(self) -> None:
        late, self._late = self._late, None
        if late is not None:
            late.cancel()

    def _out_of_time(self) -> None:
        self._late = None
        self.channel.loseConnection()


class ApiSite(QuietSite):
    """Serves the API.

    :ivar door: who comes in by it; ``None`` where whoever can connect may ask.
    """

    door: Any = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.requestFactory: type[Request] = ApiRequest

    def acceptableProtocols(self) -> list[bytes]:
        """What ALPN offers."""
        return [b"http/1.1"]
