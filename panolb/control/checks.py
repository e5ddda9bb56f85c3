"""Health checks: the probes, and the loop that runs one for each member."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import attrs
from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.error import ConnectionRefusedError, DNSLookupError, TimeoutError
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.client import Agent, HTTPConnectionPool, _HTTP11ClientFactory
from twisted.web.http_headers import Headers
from twisted.web.iweb import IResponse

from ..core.balancer import Balancer
from ..core.member import Admin, Member

log = Logger()

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


def probe_tcp(reactor: Any, target: Target) -> Deferred[str | None]:
    """Passed when a connection can be made; a starting or stopping Tomcat passes too, so prefer ``http``."""

    def close(protocol: Protocol) -> None:
        assert protocol.transport is not None
        protocol.transport.loseConnection()

    return _endpoint(reactor, target).connect(Factory.forProtocol(Protocol)).addCallback(close)


def probe_http(reactor: Any, target: Target) -> Deferred[str | None]:
    """Passed when the answer has the expected status and body.  Redirects are not followed, cookies not kept."""
    pool = _QuietPool(reactor, persistent=False)
    headers = Headers({"User-Agent": ["panolb-health-check"], "Connection": ["close"]})
    headers.setRawHeaders("Host", [target.authority])
    for name, value in target.headers.items():
        headers.setRawHeaders(name, [value])
    agent = Agent.usingEndpointFactory(reactor, _Fixed(reactor, target), pool=pool)
    url = f"http://{_bracketed(target.host)}:{target.port}{target.uri}".encode("ascii")
    return agent.request(target.method.encode("ascii"), url, headers).addCallback(_judge, target)


class _QuietFactory(_HTTP11ClientFactory):  # type: ignore[misc]
    noisy = False


class _QuietPool(HTTPConnectionPool):
    """Makes connections without two log lines for each of them."""

    _factory = _QuietFactory


def _judge(response: IResponse, target: Target) -> Deferred[str | None] | str | None:
    if not target.passes_status(response.code):
        _drop(response)
        return f"answered {response.code}"
    expected = target.expect_body
    if expected is None:
        _drop(response)
        return None
    done: Deferred[bytes] = Deferred()
    response.deliverBody(_Beginning(done))
    return done.addCallback(
        lambda body: None if expected.search(body) else "the body is not the expected one"
    )


def _drop(response: Any) -> None:
    """Nobody wants the body."""
    response.deliverBody(_Beginning(Deferred(), 0))


class _Beginning(Protocol):
    """Takes the beginning of a body and ends the connection when it has enough."""

    def __init__(self, done: Deferred[bytes], limit: int = MAX_BODY) -> None:
        self._done: Deferred[bytes] | None = done
        self._body = b""
        self._limit = limit

    def dataReceived(self, data: bytes) -> None:
        self._body += data
        if len(self._body) >= self._limit and self.transport is not None:
            self.transport.abortConnection()  # type: ignore[attr-defined]

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        done, self._done = self._done, None
        if done is not None:
            done.callback(self._body[: self._limit])


def probe_websocket(reactor: Any, target: Target) -> Deferred[str | None]:
    """Passed when a WebSocket handshake succeeds and, if wanted, a ping is answered."""
    factory = WebSocketClientFactory(
        f"ws://{_bracketed(target.host)}:{target.port}{target.uri}",
        headers=dict(target.headers),
        protocols=list(target.subprotocols),
        useragent="panolb-health-check",
        reactor=reactor,
    )
    factory.noisy = False
    name, _, port = target.authority.rpartition(":")
    factory.host, factory.port = (name, int(port)) if port.isdigit() and name else (target.authority, 80)
    factory.setProtocolOptions(openHandshakeTimeout=target.timeout, closeHandshakeTimeout=1)
    done: Deferred[str | None] = Deferred()
    factory.buildProtocol = lambda address: _probe_protocol(factory, done, target.ping)
    connecting = _endpoint(reactor, target).connect(factory)
    connecting.addErrback(lambda failure: done.called or done.errback(failure))
    done.addErrback(_also_cancel, connecting)
    return done


def _also_cancel(failure: Failure, connecting: Deferred[Any]) -> Failure:
    connecting.cancel()
    return failure


def _probe_protocol(factory: Any, done: Deferred[str | None], ping: bool) -> WebSocketClientProtocol:
    protocol = _WebSocketProbe(done, ping)
    protocol.factory = factory
    return protocol


class _WebSocketProbe(WebSocketClientProtocol):  # type: ignore[misc]
    def __init__(self, done: Deferred[str | None], ping: bool) -> None:
        super().__init__()
        self._done = done
        self._ping = ping

    def _tell(self, reason: str | None) -> None:
        if not self._done.called:
            self._done.callback(reason)

    def onOpen(self) -> None:
        if self._ping:
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


# -- the loop -------------------------------------------------------------------------------------------------------


class Checker:
    """Checks one member again and again; a check in flight is never doubled.

    :param probe: one check, see `panolb.interfaces.IHealthCheck`.
    :param interval: seconds between two checks.
    :param changing: seconds between two checks while the last ones disagree with the member's state.
    :param chance: a number in [0, 1) that spreads the checks of many members over the interval.
    """

    def __init__(
        self,
        reactor: Any,
        clock: Callable[[], float],
        balancer: Balancer,
        member: Member,
        probe: Callable[[Any, Target], Deferred[str | None]],
        target: Target,
        *,
        interval: float,
        changing: float,
        passes: int,
        fails: int,
        chance: float,
    ) -> None:
        self._reactor = reactor
        self._clock = clock
        self._balancer = balancer
        self._member = member
        self._probe = probe
        self._target = target
        self._interval = interval
        self._changing = min(changing, interval)
        self._passes = passes
        self._fails = fails
        self._chance = chance
        self._loop = LoopingCall(self._check)
        self._loop.clock = reactor
        self._delay: Any = None
        self._flight: Deferred[str | None] | None = None

    def start(self) -> None:
        """Begin, at a moment of the first fast interval that differs from the other members'."""
        self._delay = self._reactor.callLater(self._chance * self._changing, self._begin)

    def _begin(self) -> None:
        self._delay = None
        self._loop.start(self._interval)

    def stop(self) -> None:
        """End, also the check in flight."""
        if self._delay is not None:
            self._delay.cancel()
            self._delay = None
        if self._loop.running:
            self._loop.stop()
        if self._flight is not None:
            self._flight.cancel()

    def _check(self) -> Deferred[None] | None:
        """One check; the loop waits for it."""
        if self._member.admin is Admin.STOPPED:
            return None
        try:
            flight = self._probe(self._reactor, self._target)
        except Exception:  # noqa: BLE001  # a plugin's fault must not end the loop
            flight = Deferred()
            flight.errback(Failure())
        self._flight = flight
        flight.addTimeout(self._target.timeout, self._reactor)
        return flight.addErrback(self._in_words).addCallback(self._observe)

    def _in_words(self, failure: Failure) -> str:
        if failure.check(CancelledError, TimeoutError):
            return f"no answer within {self._target.timeout:g} s"
        if failure.check(ConnectionRefusedError):
            return "connection refused"
        if failure.check(DNSLookupError):
            return f"the name {self._target.host} has no address"
        return failure.getErrorMessage() or failure.type.__name__

    def _observe(self, reason: str | None) -> None:
        self._flight = None
        if not self._loop.running:
            return
        self._balancer.observe(
            self._member, reason is None, f"check failed: {reason}", self._passes, self._fails, self._clock()
        )
        self._loop.interval = self._interval if self._member.health.settled else self._changing
