"""Reading requests out of a byte stream, one message at a time.

llhttp reads heads and chunks, but neither limits a head nor stops at the end of a message.  Both are done here by
feeding it no further than the next empty line: every head and every chunked body ends with one (RFC 9112 sections 2.1
and 7.1), so it never sees the beginning of a second message, and what follows is known byte for byte.
"""

from __future__ import annotations

from collections.abc import Callable

from httptools import HttpParserCallbackError, HttpParserError, HttpParserUpgrade, HttpRequestParser

from ..core.request import Request, check_request_line, understand
from ..errors import BadRequest
from .frontend import Limits

EMPTY_LINE = b"\r\n\r\n"

# Heads that put a parser at the beginning of a body whose own head it was not shown.
_CHUNKED_HEAD = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
_LENGTH_HEAD = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"


class RequestReader:
    """Heads and bodies of one connection's requests.

    :param on_data: given each piece of a body.
    :ivar request: the request whose head is complete; ``None`` before.
    :ivar complete: whether its body is complete too.
    :ivar raw: the head as far as it has been read, in pieces.
    """

    __slots__ = (
        "_between",
        "_ended",
        "_head_done",
        "_known",
        "_known_fields",
        "_left",
        "_limits",
        "_on_data",
        "_parser",
        "_received",
        "_size",
        "_tail",
        "_url",
        "complete",
        "raw",
        "request",
    )

    def __init__(self, limits: Limits, on_data: Callable[[bytes], None]) -> None:
        self._limits = limits
        self._on_data = on_data
        self._parser: HttpRequestParser | None = HttpRequestParser(self)
        self._left = 0
        self._known: Request | None = None
        self._known_fields = b""
        self.next()

    def next(self) -> None:
        """Get ready for the next request."""
        self.request: Request | None = None
        self.complete = False
        self.raw: list[bytes] = []
        self._size = 0
        self._received = 0
        self._between = 0
        self._tail = b""
        self._url = b""
        self._head_done = False
        self._ended = False

    def close(self) -> None:
        """Let go of what was read, and of the parser, which holds this object's methods: a cycle for the collector."""
        self._parser = self._known = None
        self._known_fields = b""
        self.next()

    # -- heads ------------------------------------------------------------------------------------------------------

    def read_head(self, data: bytes) -> int:
        """Read as much of ``data`` as belongs to the head; `request` is set when it is complete.

        :returns: how many bytes were used.
        :raises BadRequest: what was wrong with the head.
        """
        cut = self._cut(data)
        piece = data if cut in (0, len(data)) else data[:cut]
        self.raw.append(piece)
        self._size += len(piece)
        if self._size > self._limits.max_head:
            raise BadRequest(431, "The head of the request is too large.")
        parser = self._parser
        assert parser is not None
        try:
            parser.feed_data(piece)
        except HttpParserUpgrade:
            pass  # it stops where a head asks for an upgrade; whether there is one is not its choice
        except HttpParserError as error:
            text = str(error)
            if text.startswith("Invalid HTTP version") or "PRI" in text:
                raise BadRequest(505, "Only HTTP/1.1 and HTTP/1.0 are spoken here.") from None
            raise BadRequest(400, f"The request is not HTTP/1.1: {text}.") from None
        if len(self._url) > self._limits.max_target:
            raise BadRequest(414, "The request target is too long.")
        if self._head_done:
            self._understand(parser)
        elif cut and not self._url:
            self.raw.clear()  # empty lines before a request line are allowed (RFC 9112 section 2.2)
        return len(piece)

    def _understand(self, parser: HttpRequestParser) -> None:
        raw = self.raw[0] if len(self.raw) == 1 else b"".join(self.raw)
        if raw[0] in b"\r\n":
            raw = raw.lstrip(b"\r\n")
        line_end = raw.find(b"\r\n")
        protocol, fields = raw[line_end - 8 : line_end], raw[line_end + 2 : -4]
        method = parser.get_method()
        if protocol == b"HTTP/1.1" and fields == self._known_fields and self._known is not None:
            check_request_line(method, self._url)
            request = self._known.again(method, self._url)
        else:
            # It accepts no line end but CRLF and no folded line, so cutting there finds the fields that it found, and
            # costs half of being called back for each of them.  It also takes RTSP and ICE for HTTP.
            most = self._limits.max_fields
            if most is not None and fields.count(b"\r\n") >= most:
                raise BadRequest(431, "The request has too many header fields.")
            version = protocol[5:] if protocol.startswith(b"HTTP/") else b""
            request = understand(method, self._url, version, fields.split(b"\r\n") if fields else ())
            if b"upgrade" not in fields.lower():  # whether that is a handshake depends on the method too
                self._known, self._known_fields = request, fields
        limit = self._limits.max_body
        if limit is not None and request.length is not None and request.length > limit:
            raise BadRequest(413, "The body of the request is too large.")
        self.request = request
        if request.has_body:
            self._left = request.length or 0
            self._tail = b""
            if self._ended:  # an Upgrade field made the parser think that there is none
                self._ended = False
                self._parser = HttpRequestParser(self)
                self._parser.feed_data(_CHUNKED_HEAD if request.chunked else _LENGTH_HEAD % self._left)
        else:
            self.complete = True
            if request.websocket is not None:
                self._parser = HttpRequestParser(self)  # the old one waits for another protocol

    # -- bodies -----------------------------------------------------------------------------------------------------

    def read_body(self, data: bytes) -> int:
        """Read as much of ``data`` as belongs to the body; `complete` is set when it is.

        :returns: how many bytes were used.
        :raises BadRequest: what was wrong with the body.
        """
        request, parser = self.request, self._parser
        assert request is not None and parser is not None
        if request.chunked:
            cut = self._cut(data)
            piece = data if cut == 0 else data[:cut]
        else:
            piece = data[: self._left]
            self._left -= len(piece)
        self._between += len(piece)
        try:
            parser.feed_data(piece)
            if self._between > self._limits.max_head:
                raise BadRequest(431, "The trailer section or a chunk extension is too large.")
        except HttpParserError as error:
            cause = error.__context__ if isinstance(error, HttpParserCallbackError) else None
            if cause is not None:
                raise cause from None
            raise BadRequest(400, f"The body of the request is not HTTP/1.1: {error}.") from None
        self.complete = self._ended
        return len(piece)

    def _cut(self, data: bytes) -> int:
        """Where the next empty line ends in ``data``, also one that began in an earlier read; 0 for nowhere."""
        if not self._tail:
            at = data.find(EMPTY_LINE)
            if at >= 0:
                return at + 4
            self._tail = data[-3:]
            return 0
        carried = len(self._tail)
        joint = self._tail + data
        at = joint.find(EMPTY_LINE)
        if at >= 0:
            self._tail = b""
            return at + 4 - carried
        self._tail = joint[-3:]
        return 0

    # -- what the parser tells --------------------------------------------------------------------------------------

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_headers_complete(self) -> None:
        self._head_done = True

    def on_body(self, data: bytes) -> None:
        self._received += len(data)
        self._between = 0
        limit = self._limits.max_body
        if limit is not None and self._received > limit:
            raise BadRequest(413, "The body of the request is too large.")
        self._on_data(data)

    def on_message_complete(self) -> None:
        self._ended = True
