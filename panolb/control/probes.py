"""Health probes: one question to a member, and whether the answer counts as well."""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping
from functools import partial
from typing import Any

import attrs
from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol
from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser
from twisted.internet.defer import CancelledError, Deferred, inlineCallbacks
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure

from ..errors import BadResponse
from ..language.expression import Expression
from ..language.facts import Facts
from ..proxy.identity import alert
from ..proxy.membertls import MemberTls, Securing, end
from ..proxy.quiet import Quiet
from ..proxy.upstream import MAX_HEAD, TOO_LARGE

AGENT = "panolb-health-check"
MAX_BODY = 64 << 10  # bytes of an answer that are looked at


@attrs.frozen(kw_only=True)
class Target:
    """Whom to probe, and what counts as passed.  Times are seconds.

    :ivar http_version: "1.0" or "1.1".
    :ivar expect: a condition that alone decides; ``None`` when the next two do.
    :ivar expect_status: pairs of the first and last status that pass.
    :ivar expect_body: what the first 64 KiB of the body must contain; ``None`` for anything.
    :ivar authority: what Host says.
    :ivar ping: whether a WebSocket must also answer a ping.
    :ivar tls: how the member is spoken to; ``None`` without TLS.
    """

    host: str
    port: int
    uri: str = "/"
    method: str = "GET"
    http_version: str = "1.1"
    expect: Expression | None = None
    expect_status: tuple[tuple[int, int], ...] = ((200, 399),)
    expect_body: re.Pattern[bytes] | None = None
    authority: str = ""
    headers: Mapping[str, str] = attrs.field(factory=dict)
    timeout: float = 3.0
    ping: bool = True
    subprotocols: tuple[str, ...] = ()
    tls: MemberTls | None = None

    @property
    def reads_body(self) -> bool:
        """Whether the body of an answer counts."""
        return self.method != "HEAD" and (self.expect is not None or self.expect_body is not None)

    def verdict(self, answer: Answer) -> str | None:
        """Return ``None`` when an answer is the expected one, or the reason why it is not."""
        if self.expect is not None:
            passed = self.expect.holds(answer)
            return None if passed else f"answered {answer.status}, for which the condition does not hold"
        if not any(first <= answer.status <= last for first, last in self.expect_status):
            return f"answered {answer.status}"
        if self.expect_body is not None and not self.expect_body.search(answer.content):
            return "the body is not the expected one"
        return None


@attrs.frozen
class Answer(Facts):
    """What a member said to a check; a condition can ask for it.

    :ivar fields: header fields as they came.
    :ivar content: the first 64 KiB of the body; empty when it does not count.
    """

    status: int
    fields: tuple[tuple[bytes, bytes], ...]
    content: bytes

    def response_header(self, name: bytes) -> bytes | None:
        values = [value for one, value in self.fields if one.lower() == name]
        return b", ".join(values) if values else None

    def variable(self, name: str) -> bytes:
        return b"%d" % self.status if name == "REQUEST_STATUS" else b""

    def body(self) -> bytes:
        return self.content


# -- the probes -----------------------------------------------------------------------------------------------------


@inlineCallbacks
def probe_tcp(reactor: Any, target: Target) -> Generator[Any, Any, str | None]:
    """Passed when a connection can be made, over TLS when the member speaks that.

    A starting or stopping Tomcat passes too, so prefer ``http``.
    """
    connected = yield connect(reactor, target, _QuietProtocols.forProtocol(Protocol))
    end(connected.transport)
    return None


class _QuietProtocols(Factory):
    noisy = False


@inlineCallbacks
def probe_http(reactor: Any, target: Target) -> Generator[Any, Any, str | None]:
    """Passed when the answer is the expected one.  Redirects are not followed, cookies not kept."""
    question = _QuietProtocols.forProtocol(partial(_Question, target))
    asked = yield connect(reactor, target, question)
    answer = yield asked.answered
    return target.verdict(answer)


def http_request(target: Target) -> bytes:
    """Write the request of a check, which is alone on its connection."""
    fields = {"Host": target.authority, "User-Agent": AGENT, "Connection": "close"}
    if target.method in ("POST", "PUT", "PATCH"):
        fields["Content-Length"] = "0"  # RFC 9110 section 8.6: these have a body, if only an empty one
    own = {name.lower() for name in target.headers}
    fields = {name: value for name, value in fields.items() if name.lower() not in own} | dict(target.headers)
    lines = [f"{target.method} {target.uri} HTTP/{target.http_version}"]
    lines += [f"{name}: {value}" for name, value in fields.items()]
    return "\r\n".join([*lines, "", ""]).encode("ascii")


class _Question(Protocol):
    """Asks once, takes as much of the answer as counts, and leaves.

    :ivar answered: fires with the `Answer`, or fails with `BadResponse`.
    """

    def __init__(self, target: Target) -> None:
        self.answered: Deferred[Answer] = Deferred(lambda answered: self._leave())
        self._target = target
        self._parser = HttpResponseParser(self)
        self._taken = 0
        self._final = False  # whether the head of the answer is complete
        self._fields: list[tuple[bytes, bytes]] = []
        self._body = bytearray()

    def connectionMade(self) -> None:
        transport: Any = self.transport
        transport.write(http_request(self._target))

    def dataReceived(self, data: bytes) -> None:
        self._taken += len(data)
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade:
            self._tell()  # a 101 that nobody asked for
        except HttpParserError:
            self._fail("its answer is not HTTP")
        if not self._final and self._taken > MAX_HEAD:
            self._fail(TOO_LARGE)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200 and status != 101:
            self._fields.clear()  # an interim answer: the real one is still to come
            return
        self._final = True
        if not self._target.reads_body:
            self._tell()

    def on_body(self, data: bytes) -> None:
        self._body += data
        if len(self._body) >= MAX_BODY:
            self._tell()

    def on_message_complete(self) -> None:
        if self._final:
            self._tell()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._final:
            self._tell()  # a body may end with its connection
        else:
            self._fail(alert(reason.value) or "the connection was closed without an answer")

    def _tell(self) -> None:
        if not self.answered.called:
            status = self._parser.get_status_code()
            self.answered.callback(Answer(status, tuple(self._fields), bytes(self._body[:MAX_BODY])))
        self._leave()

    def _fail(self, reason: str) -> None:
        if not self.answered.called:
            self.answered.errback(BadResponse(reason))
        self._leave()

    def _leave(self) -> None:
        end(self.transport)


@inlineCallbacks
def probe_websocket(reactor: Any, target: Target) -> Generator[Any, Any, str | None]:
    """Passed when a WebSocket handshake succeeds and, if wanted, a ping is answered."""
    factory = _WebSocketProbeFactory(
        f"{'ws' if target.tls is None else 'wss'}://{target.authority}{target.uri}",
        headers=dict(target.headers),
        protocols=list(target.subprotocols),
        useragent=AGENT,
        reactor=reactor,
    )
    factory.ping = target.ping
    factory.setProtocolOptions(openHandshakeTimeout=0, closeHandshakeTimeout=1)  # the caller keeps time
    probe = yield connect(reactor, target, factory)
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


# -- the way to a member ------------------------------------------------------------------------------------------


@inlineCallbacks
def connect(reactor: Any, target: Target, factory: IProtocolFactory) -> Generator[Any, Any, Any]:
    """Have one protocol of a factory's connected; over TLS, when the member has shown who it is."""
    endpoint = HostnameEndpoint(reactor, target.host, target.port, timeout=target.timeout, attemptDelay=0.05)
    if target.tls is None:
        connected = yield endpoint.connect(factory)
        return connected
    secured: Deferred[Any] = Deferred(lambda _: connection.abortConnection())

    def failed(reason: Failure) -> None:
        if not secured.called:  # else the check was over before
            secured.errback(reason)

    securing = Securing(target.tls, factory, reactor, target.timeout, failed, secured.callback)
    connection = yield endpoint.connect(securing)
    protocol = yield secured
    return protocol
