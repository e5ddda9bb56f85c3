"""Health probes: one question to a member, and whether the answer counts as well."""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping
from typing import Any

import attrs
from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol
from twisted.internet.defer import CancelledError, Deferred, inlineCallbacks
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import Agent, HTTPConnectionPool, _HTTP11ClientFactory
from twisted.web.http_headers import Headers

from ..proxy.quiet import Quiet

AGENT = "panolb-health-check"
MAX_BODY = 64 << 10  # bytes of an answer that are looked at for ``expect_body``


@attrs.frozen(kw_only=True)
class Target:
    """Whom to probe, and what counts as passed.  Times are seconds.

    :ivar expect_status: pairs of the first and last status that pass.
    :ivar expect_body: what the first 64 KiB of the body must contain; ``None`` for anything.
    :ivar authority: what Host says.
    :ivar ping: whether a WebSocket must also answer a ping.
    """

    host: str
    port: int
    uri: str = "/"
    method: str = "GET"
    expect_status: tuple[tuple[int, int], ...] = ((200, 399),)
    expect_body: re.Pattern[bytes] | None = None
    authority: str = ""
    headers: Mapping[str, str] = attrs.field(factory=dict)
    timeout: float = 3.0
    ping: bool = True
    subprotocols: tuple[str, ...] = ()

    def passes_status(self, status: int) -> bool:
        """Whether a status is among those expected."""
        return any(first <= status <= last for first, last in self.expect_status)


# -- the probes -----------------------------------------------------------------------------------------------------


@inlineCallbacks
def probe_tcp(reactor: Any, target: Target) -> Generator[Any, Any, str | None]:
    """Passed when a connection can be made; a starting or stopping Tomcat passes too, so prefer ``http``."""
    connected = yield _endpoint(reactor, target).connect(_QuietProtocols.forProtocol(Protocol))
    connected.transport.loseConnection()
    return None


class _QuietProtocols(Factory):
    noisy = False


@inlineCallbacks
def probe_http(reactor: Any, target: Target) -> Generator[Any, Any, str | None]:
    """Passed when the answer has the expected status and body.  Redirects are not followed, cookies not kept."""
    headers = Headers({"User-Agent": [AGENT], "Connection": ["close"], "Host": [target.authority]})
    for name, value in target.headers.items():
        headers.setRawHeaders(name, [value])
    agent = Agent.usingEndpointFactory(
        reactor, _Fixed(reactor, target), pool=_QuietPool(reactor, persistent=False)
    )
    url = f"http://{_bracketed(target.host)}:{target.port}{target.uri}".encode("ascii")
    response = yield agent.request(target.method.encode("ascii"), url, headers)
    beginning = _Beginning(MAX_BODY if target.expect_body is not None else 0)
    response.deliverBody(beginning)
    if not target.passes_status(response.code):
        return f"answered {response.code}"
    if target.expect_body is None:
        return None
    body = yield beginning.done
    return None if target.expect_body.search(body) else "the body is not the expected one"


class _QuietFactory(_HTTP11ClientFactory):
    noisy = False


class _QuietPool(HTTPConnectionPool):
    """Makes connections without two log lines for each of them."""

    _factory = _QuietFactory


class _Beginning(Protocol):
    """Takes the beginning of a body and ends the connection when it has enough.

    :ivar done: fires with it.
    """

    def __init__(self, limit: int) -> None:
        self.done: Deferred[bytes] = Deferred(lambda done: self._abort())
        self._body = b""
        self._limit = limit

    def connectionMade(self) -> None:
        """If nothing is wanted of the body, end at once."""
        if not self._limit:
            self._abort()

    def dataReceived(self, data: bytes) -> None:
        self._body += data
        if len(self._body) >= self._limit:
            self._abort()

    def _abort(self) -> None:
        transport: Any = self.transport
        transport.loseConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if not self.done.called:
            self.done.callback(self._body[: self._limit])


@inlineCallbacks
def probe_websocket(reactor: Any, target: Target) -> Generator[Any, Any, str | None]:
    """Passed when a WebSocket handshake succeeds and, if wanted, a ping is answered."""
    factory = _WebSocketProbeFactory(
        f"ws://{target.authority}{target.uri}",
        headers=dict(target.headers),
        protocols=list(target.subprotocols),
        useragent=AGENT,
        reactor=reactor,
    )
    factory.ping = target.ping
    factory.setProtocolOptions(openHandshakeTimeout=0, closeHandshakeTimeout=1)  # the caller keeps time
    probe = yield _endpoint(reactor, target).connect(factory)
    try:
        reason: str | None = yield probe.told
    except CancelledError:
        probe.dropConnection(abort=True)
        raise
    return reason


class _WebSocketProbe(WebSocketClientProtocol):
    """Tells once whether the member passed.

    :ivar told: fires with ``None`` or the reason why it did not.
    """

    log = Quiet()

    def __init__(self) -> None:
        super().__init__()
        self.told: Deferred[str | None] = Deferred()

    def onOpen(self) -> None:
        if self.factory.ping:
            self.sendPing(b"panolb")
        else:
            self._passed()

    def onPong(self, payload: bytes) -> None:
        self._passed()

    def _passed(self) -> None:
        self._tell(None)
        self.sendClose(1000)

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        self._tell(f"the WebSocket did not open: {self.wasNotCleanReason or reason or 'closed'}")

    def _tell(self, reason: str | None) -> None:
        if not self.told.called:
            self.told.callback(reason)


class _WebSocketProbeFactory(WebSocketClientFactory):
    protocol = _WebSocketProbe
    noisy = False
    ping = True


@attrs.frozen
class _Fixed:
    """Gives twisted.web's client the member's address, whatever Host says."""

    reactor: Any
    target: Target

    def endpointForURI(self, uri: Any) -> HostnameEndpoint:
        return _endpoint(self.reactor, self.target)


def _endpoint(reactor: Any, target: Target) -> HostnameEndpoint:
    return HostnameEndpoint(reactor, target.host, target.port, timeout=target.timeout, attemptDelay=0.05)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
