"""The Resource tree's face of an exchange.

On a listener of ours a request whose path ends at a `ReverseProxyResource` never gets here, since `panolb.proxy.http1`
serves it; unless the connection was handed to twisted.web by an earlier request.  Mounted in somebody else's Twisted
application the resource does the whole job.  twisted.web has then read the request's body already (into a file, when
it is large), and passes on no 1xx.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IPushProducer
from twisted.protocols.policies import ProtocolWrapper
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET
from twisted.web.server import Request as WebRequest
from zope.interface import implementer

from ..core import pages
from ..core.answers import add_hsts
from ..core.exchange import Exchange
from ..core.headers import Answer, Peer
from ..core.ports import Link
from ..core.request import understand
from ..errors import BadRequest
from .frontend import Frontend
from .http1 import Http1
from .unexpected import log_unexpected
from .upstream import CONTROL, Upstream

PIECE = 64 << 10  # bytes of a body that are sent at once


class ReverseProxyResource(Resource):
    """Serves a location through its balancer; the same resource also stands between and beside locations.

    The tree matches segments as they were spelt, but the frontend's table knows what ``..`` and its disguises mean, and
    it knows locations that no tree can hold, such as those with a regular expression: the table decides.

    :param frontend: what its connections share: the table, and what a WebSocket's connection needs.
    """

    def getChild(self, path: bytes, request: object) -> Resource:
        """Whatever lies below, but for resources put there, is served here too."""
        return self

    def __init__(self, frontend: Frontend) -> None:
        super().__init__()
        self.frontend = frontend

    def render(self, request: WebRequest) -> Any:
        """Pass the request on; the answer comes later."""
        fields = [
            name + b": " + value
            for name, values in request.requestHeaders.getAllRawHeaders()
            for value in values
        ]
        version = request.clientproto.rpartition(b"/")[2]
        try:
            if any(CONTROL.search(part) for part in (request.method, request.uri, *fields)):
                raise BadRequest(400, "The request has control characters.")  # twisted.web lets them through
            understood = understand(request.method, request.uri, version, fields)
            location = self.frontend.table.find(understood.host, understood.path, understood.websocket)
        except BadRequest as problem:
            self.frontend.refuse(self.frontend.peer(request.getClientAddress()), problem)
            return refuse(request, problem)
        if location is None or location.for_web:
            return refuse(request, BadRequest(404, "Nothing is served at this path."))
        if understood.websocket is not None and location.websocket is not None:
            self._take_over(request, fields)
            return NOT_DONE_YET
        content: Any = request.content
        length = content.seek(0, 2)
        content.seek(0)
        understood.length = length if understood.has_body else None
        understood.chunked = understood.expects = False
        client = _WebClient(request, self.frontend)
        client.begin(Exchange(understood, location, client))
        return NOT_DONE_YET

    def _take_over(self, request: Any, fields: list[bytes]) -> None:
        """A WebSocket needs the connection itself: it goes (back) to our own HTTP/1.1."""
        head = b"\r\n".join((b"%b %b HTTP/1.1" % (request.method, request.uri), *fields, b"\r\n"))
        channel = request.channel
        # What the client sent right behind its handshake waits in twisted.web's buffers.
        head += b"".join(channel._dataBuffer) + channel.clearLineBuffer()
        transport, channel.transport = channel.transport, None
        transport.unregisterProducer()
        channel.setTimeout(None)
        current = transport.protocol
        if isinstance(current, Http1):
            current.come_back(head)
            return
        http1 = Http1(self.frontend)
        if isinstance(transport, ProtocolWrapper):
            transport.wrappedProtocol = http1
        else:
            transport.protocol = http1
        http1.makeConnection(transport)
        http1.peer = self.frontend.peer(transport.getPeer(), request.isSecure() or None)
        http1.dataReceived(head)


def refuse(request: WebRequest, problem: BadRequest) -> bytes:
    """Answer a twisted.web request with the same small page as everywhere."""
    content_type, body = pages.page(problem.status, problem.reason, "", request.getHeader(b"accept"))
    request.setResponseCode(problem.status)
    request.setHeader(b"content-type", content_type)
    request.setHeader(b"cache-control", b"no-store")
    for line in problem.lines:
        name, _, value = line.partition(b": ")
        request.setHeader(name, value)
    return b"" if request.method == b"HEAD" else body


def peer_of(request: Any) -> Peer | None:
    """The client of a request that has come to a listener of ours: its connection knows it, and what its TLS came to."""
    connection = getattr(getattr(request.channel, "transport", None), "protocol", None)
    return connection.peer if isinstance(connection, Http1) else None


@implementer(IPushProducer)
class _WebClient:
    """A twisted.web request as the `panolb.core.ports.Client` of an exchange."""

    def __init__(self, request: WebRequest, frontend: Frontend) -> None:
        self._request: Any = request
        own = frontend.peer(request.getClientAddress(), request.isSecure() or None)
        self.peer = peer_of(request) or own
        self._hsts = frontend.hsts
        self._exchange: Exchange | None = None
        self._link: Link | None = None
        self._blocked = False
        self._gone = False

    def begin(self, exchange: Exchange) -> None:
        """Start the exchange and then its body."""
        self._exchange = exchange
        self._request.notifyFinish().addErrback(self._lost)
        try:
            exchange.start()
        except Exception:  # noqa: BLE001  # twisted.web would answer, and the exchange be left under way
            self._went_wrong("beginning a request that came through twisted.web", exchange)

    def _lost(self, reason: object) -> None:
        self._gone = True
        exchange, self._exchange = self._exchange, None
        if exchange is None:
            return
        try:
            exchange.client_lost()
        except Exception:  # noqa: BLE001  # its member's connection has still to be let go
            self._went_wrong("ending a request whose client had left", exchange)

    def _went_wrong(self, doing: str, exchange: Exchange) -> None:
        log_unexpected(doing, exchange)
        try:
            exchange.failed_here()
        except Exception:  # noqa: BLE001  # the page cannot be sent either
            self.abort()

    def _pump(self) -> None:
        """Send the body on, as far as the member takes it."""
        exchange = self._exchange
        while exchange is not None and exchange.sending and not self._blocked and self._link is not None:
            piece = self._request.content.read(PIECE)
            if piece:
                exchange.request_data(piece)
            else:
                exchange.request_end()

    # -- orders of the exchange -------------------------------------------------------------------------------------

    def interim(self, status: int, phrase: bytes, lines: list[bytes]) -> None:
        """twisted.web has no way to send one."""

    def respond(self, status: int, phrase: bytes, lines: list[bytes], length: int | None, keep: bool) -> None:
        if self._gone:
            return
        request = self._request
        request.defaultContentType = None
        request.setResponseCode(status, phrase)
        request.responseHeaders.removeHeader(b"server")
        request.responseHeaders.removeHeader(b"date")
        request.responseHeaders.removeHeader(b"strict-transport-security")
        if self._hsts is not None:
            add_hsts(lines, self._hsts)
        for line in lines:
            name, _, value = line.partition(b": ")
            request.responseHeaders.addRawHeader(name, value)
        if length is not None and length >= 0:
            request.responseHeaders.setRawHeaders(b"content-length", [b"%d" % length])
        request.registerProducer(self, True)

    def send(self, data: bytes) -> None:
        if not self._gone:
            self._request.write(data)

    def finish(self) -> None:
        self._exchange = None
        self.detach()
        if not self._gone:
            self._request.unregisterProducer()
            self._request.finish()

    def abort(self) -> None:
        self._exchange = None
        if not self._gone:
            self._request.transport.abortConnection()

    def attach(self, link: Link) -> None:
        self._link = link
        if isinstance(link, Upstream):
            link.wire.source = self
        self._pump()

    def detach(self) -> None:
        link, self._link = self._link, None
        if isinstance(link, Upstream):
            link.wire.source = None

    def hold(self) -> None:
        """The body is sent when a link is attached."""

    def switch(self, link: Link, answer: Answer, early: bytes) -> bool:
        return False

    # -- back-pressure ----------------------------------------------------------------------------------------------

    def pause(self) -> None:
        """The member cannot keep up with the request's body."""
        self._blocked = True

    def resume(self) -> None:
        self._blocked = False
        self._pump()

    def pauseProducing(self) -> None:
        """The client cannot keep up with the answer."""
        if isinstance(self._link, Upstream):
            self._link.pause()

    def resumeProducing(self) -> None:
        if isinstance(self._link, Upstream):
            self._link.resume()

    def stopProducing(self) -> None:
        """The connection is lost; `_lost` hears of it."""
