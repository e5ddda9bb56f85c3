"""Upstream HTTP/1.1: one connection to a member."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from httptools import HttpParserCallbackError, HttpParserError, HttpParserUpgrade, HttpResponseParser
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from ..core.exchange import Exchange
from ..core.headers import Answer
from ..errors import BadResponse
from .deadlines import NEVER
from .identity import alert
from .kernel import receive_little_ahead, send_little_ahead
from .membertls import MemberTls, end
from .reader import EMPTY_LINE
from .unexpected import log_unexpected
from .wire import Transport, Wire, wire_for

if TYPE_CHECKING:
    from .pool import Pool

MAX_HEAD = 64 << 10  # bytes of an answer's head; Tomcat's own limit is 8 KiB
TOO_LARGE = "the head of its answer is too large"
CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")

# 1xx before an answer: a 102 every 20 s (RFC 2518 section 10.1) makes 15 within response_timeout.
MAX_INTERIM = 32


class Upstream(Protocol):
    """One connection to a member; the `panolb.core.ports.Link` of one exchange after the other.

    :ivar reused: whether it served an exchange before this one.
    :ivar onward: who gets the bytes after a switch of protocols.
    :ivar tls: what it was secured with; ``None`` without TLS.
    """

    __slots__ = (
        "_answer",
        "_begun",
        "_complete",
        "_excess",
        "_interim",
        "_method",
        "_parser",
        "_raw",
        "connected",
        "deadline",
        "exchange",
        "onward",
        "paused",
        "pool",
        "reused",
        "slot",
        "tls",
        "transport",
        "wire",
    )

    transport: Transport  # type: ignore[assignment]
    wire: Wire

    def __init__(self, pool: Pool, exchange: Exchange | None, tls: MemberTls | None = None) -> None:
        self.pool = pool
        self.exchange = exchange
        self.tls = tls
        self.onward: Protocol | None = None
        self.paused = False
        self.reused = False
        self.deadline = NEVER
        self.slot = 0
        self._parser: HttpResponseParser | None = HttpResponseParser(self)
        self._reset(b"")

    def _reset(self, method: bytes) -> None:
        self._method = method
        self._raw = b""  # of heads, as far as they have come
        self._answer: Answer | None = None  # the final one, when its head is complete
        self._interim = 0
        self._begun = False
        self._complete = False
        self._excess = False

    def connectionMade(self) -> None:
        self.transport.setTcpNoDelay(True)
        receive_little_ahead(self.transport)
        send_little_ahead(self.transport)
        self.wire = wire_for(self.transport, self.pool.turn)
        self.wire.owner = self
        self.wire.last_words = self._hear_out
        if self.exchange is None:
            self.pool.put(self)
        else:
            self.serve(self.exchange)

    def serve(self, exchange: Exchange) -> None:
        """Be the link of ``exchange``."""
        self.exchange = exchange
        try:
            exchange.connected(self)
        except Exception:  # noqa: BLE001  # it is to cost this exchange and this connection, no others
            self.went_wrong("sending a request to a member")

    # -- orders of the exchange -------------------------------------------------------------------------------------

    def begin(self, head: bytes, method: bytes) -> None:
        self._reset(method)
        self.pool.deadlines.set(self, self.pool.spec.response_timeout)
        self.wire.write(head)

    def expect(self, seconds: float) -> None:
        self.pool.deadlines.set(self, seconds)

    def send(self, data: bytes) -> None:
        self.pool.deadlines.set(self, self._patience)
        self.wire.write(data)

    @property
    def _patience(self) -> float:
        """Seconds that the member may be silent at this point of its answer."""
        spec = self.pool.spec
        return spec.response_timeout if self._answer is None else spec.stall_timeout

    def abort(self) -> None:
        self.exchange = None
        self.wire.cut()

    def close(self) -> None:
        """End the connection, on which nothing is in flight."""
        self.wire.close()
        if self.tls is not None:
            end(self.transport)

    def pause(self) -> None:
        """The client cannot keep up."""
        self.paused = True
        self.transport.pauseProducing()

    def resume(self) -> None:
        self.paused = False
        self.transport.resumeProducing()
        if self.exchange is not None:
            self.pool.deadlines.set(self, self._patience)  # while we did not listen it could not speak

    # -- what arrives -----------------------------------------------------------------------------------------------

    def dataReceived(self, data: bytes) -> None:
        try:
            self._read(data)
        except Exception:  # noqa: BLE001  # see serve
            self.went_wrong("reading from a member")

    def _hear_out(self, data: bytes) -> None:
        """The connection is lost, by the member's will or by ours; then nobody asks any more what it said."""
        if self.exchange is not None:
            self.dataReceived(data)

    def _read(self, data: bytes) -> None:
        exchange = self.exchange
        if exchange is None or self._parser is None:
            if self.onward is not None:
                self.onward.dataReceived(data)
            else:
                self.pool.retire(self)  # bytes on an idle connection belong to no answer
            return
        self._begun = True
        if self._answer is None:
            self._raw = self._raw + data if self._raw else data
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade as switch:
            self._switch(exchange, data[switch.args[0] :])
            return
        except HttpParserError as error:
            if not self._complete or isinstance(error, HttpParserCallbackError):
                self._fail(exchange, error)
                return
            self._excess = True
        if self._complete:
            self._recycle(exchange)
        elif self.exchange is None:
            return  # it has ended
        elif self._answer is not None:
            self.pool.deadlines.set(self, self.pool.spec.stall_timeout)
        elif len(self._raw) > MAX_HEAD:
            exchange.link_failed(TOO_LARGE)

    def on_headers_complete(self) -> None:
        if self._complete:
            self._excess = True
            return
        exchange, parser = self.exchange, self._parser
        assert exchange is not None and parser is not None
        status = parser.get_status_code()
        line, fields = self._take_head()
        version, phrase = line[:8], line[13:]
        if version not in (b"HTTP/1.1", b"HTTP/1.0") or status < 100:
            raise BadResponse("its answer is not HTTP/1.1")
        if phrase != b"OK" and CONTROL.search(phrase):
            raise BadResponse("its reason phrase has a control character")  # RFC 9112 section 4
        answer = exchange.response_head(status, phrase, fields, version == b"HTTP/1.1")
        if self.exchange is None:
            return  # the exchange gave a page of its own instead
        if status >= 200:
            self._answer = answer
            self.deadline = NEVER
            if self._method == b"HEAD":
                self._end(exchange)
        else:
            self._interim += 1
            if self._interim > MAX_INTERIM:
                raise BadResponse(f"it sent more than {MAX_INTERIM} interim answers")

    def _take_head(self) -> tuple[bytes, list[bytes]]:
        """The status line and the fields of the head that the parser has accepted; see `RequestReader`."""
        raw = self._raw
        if raw[0] in b"\r\n":
            raw = raw.lstrip(b"\r\n")
        end = raw.find(EMPTY_LINE)
        if end > MAX_HEAD:
            raise BadResponse(TOO_LARGE)
        self._raw = raw[end + 4 :]
        fields = raw[:end].split(b"\r\n")
        return fields.pop(0), fields

    def on_body(self, data: bytes) -> None:
        if self._complete:
            self._excess = True
        elif self.exchange is not None:
            self.exchange.response_data(data)

    def on_message_complete(self) -> None:
        if self._answer is not None and not self._complete and self.exchange is not None:
            self._end(self.exchange)

    def on_message_begin(self) -> None:
        if self._complete:
            self._excess = True

    def out_of_time(self) -> None:
        exchange = self.exchange
        if exchange is None:
            self.pool.retire(self)
        elif self.paused or (exchange.owed and not self.wire.blocked):
            # The member waits for the client, and so do we: a client has a time limit of its own.
            self.pool.deadlines.set(self, self._patience)
        else:
            try:
                exchange.link_timeout()
            except Exception:  # noqa: BLE001  # see serve
                self.went_wrong("giving up a silent member")

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.pool.gone(self)
        self._parser = None
        exchange, self.exchange = self.exchange, None
        try:
            if self.onward is not None:
                self.onward.connectionLost(reason)
            if exchange is not None:
                self._lost(exchange, reason)
        except Exception:  # noqa: BLE001  # see serve
            self.exchange = exchange
            self.went_wrong("ending a connection to a member")

    def _lost(self, exchange: Exchange, reason: Failure) -> None:
        answer = self._answer
        refusal = alert(reason.value)
        if refusal is not None and not self.reused and not self._begun:
            # In TLS 1.3 a member refuses our side of the handshake when that is over for us (RFC 8446 section 4.4.2.4).
            exchange.link_refused(refusal)
        elif answer is None:
            exchange.link_lost("the connection ended before its answer", self._begun)
        elif not answer.chunked and answer.length is None and reason.check(ConnectionDone):
            exchange.response_end()  # RFC 9112 section 6.3: delimited by the end of the connection
        else:
            exchange.link_failed("the connection ended within its answer")

    def went_wrong(self, doing: str) -> None:
        """Something of ours raised the exception at hand: that ends this exchange and this connection, no others.

        :param doing: what was being done, to stand behind "while".
        """
        exchange, self.exchange = self.exchange, None
        log_unexpected(doing, exchange)
        try:
            if exchange is not None:
                exchange.failed_here()
        except Exception:  # noqa: BLE001  # then the client's side is broken too, and the next link must not be
            log_unexpected("ending an exchange", exchange)
        self.wire.cut()

    # -- how an answer ends -----------------------------------------------------------------------------------------

    def _end(self, exchange: Exchange) -> None:
        self._complete = True
        exchange.response_end()

    def _recycle(self, exchange: Exchange) -> None:
        """Keep the connection if nothing speaks against it.

        Bytes after the end of an answer mean that the two sides no longer agree where one ends.
        """
        answer = self._answer
        self.exchange = None
        if exchange.sending or self.wire.blocked:
            self.transport.abortConnection()  # the member does not want the rest of the request
            return
        if self._excess or answer is None or not answer.keep:
            self.close()
            return
        if self._method == b"HEAD":
            self._parser = HttpResponseParser(self)  # llhttp cannot be told that no body follows
        self.reused = True
        self.pool.put(self)

    def _switch(self, exchange: Exchange, early: bytes) -> None:
        self.deadline = NEVER
        self._parser = None
        self.exchange = None  # from here on the connection belongs to the bridge
        exchange.switched(self, early)

    def _fail(self, exchange: Exchange, error: HttpParserError) -> None:
        cause = error.__context__ if isinstance(error, HttpParserCallbackError) else None
        if isinstance(cause, BadResponse):
            exchange.link_failed(cause.reason)
        elif cause is not None:
            raise cause
        else:
            exchange.link_failed("its answer is not HTTP/1.1")
