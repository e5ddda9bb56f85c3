"""Reading requests out of a byte stream, one message at a time.

llhttp reads heads and chunks, but neither limits a head nor stops at the end of a message.  Both are done here by
feeding it no further than the next empty line: every head and every chunked body ends with one (RFC 9112 sections 2.1
and 7.1), so it never sees the beginning of a second message, and what follows is known byte for byte.
"""

from __future__ import annotations

from collections.abc import Callable

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from ..core.request import Request, check_request_line, understand
from ..errors import BadRequest
from .chunks import ChunkedBody
from .frontend import Limits

EMPTY_LINE = b"\r\n\r\n"

# RFC 9112 section 2.2: an empty line or a few before a request line are ignored; old clients send one behind a body.
_LEADING = b"\r\n" * 4

# The head that puts a parser at the beginning of a body whose own head it was not shown.
_LENGTH_HEAD = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"


class RequestReader:
    """Heads and bodies of one connection's requests.

    :param on_data: given each piece of a body.
    :ivar request: the request whose head is complete; ``None`` before.
    :ivar complete: whether its body is complete too.
    :ivar raw: the head as far as it has been read, in pieces, without empty lines before it.
    """

    __slots__ = (
        "_chunks",
        "_ended",
        "_head_done",
        "_known",
        "_known_fields",
        "_leading",
        "_left",
        "_limits",
        "_on_data",
        "_parser",
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
        self._chunks: ChunkedBody | None = None
        self._left = 0
        self._known: Request | None = None
        self._known_fields = b""
        self.next()

    def next(self) -> None:
        """Get ready for the next request."""
        self.request: Request | None = None
        self.complete = False
        self.raw: list[bytes] = []
        self._leading = 0
        self._size = 0
        self._tail = b""
        self._url = b""
        self._head_done = False
        self._ended = False
        chunks = self._chunks
        if chunks is not None:
            chunks.close()
            self._chunks = None

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
        if not self._size and (data[0] in b"\r\n" or self._leading % 2):
            return self._skip_empty_lines(data)
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
        return len(piece)

    def _skip_empty_lines(self, data: bytes) -> int:
        """Leave out what may stand before a request line; returns how many bytes that is."""
        used = len(data) - len(data.lstrip(b"\r\n"))
        already, self._leading = self._leading, self._leading + used
        whole = used == len(data) or self._leading % 2 == 0
        if data[:used] != _LEADING[already : self._leading] or not whole:
            raise BadRequest(400, "There is more before the request line than a few empty lines.")
        return used

    def _understand(self, parser: HttpRequestParser) -> None:
        raw = self.raw[0] if len(self.raw) == 1 else b"".join(self.raw)
        line_end = raw.find(b"\r\n")
        protocol, fields = raw[line_end - 8 : line_end], raw[line_end + 2 : -4]
        method = parser.get_method()
        if line_end != len(method) + len(self._url) + 10 and protocol.startswith(b"HTTP/"):
            raise BadRequest(400, "The parts of a request line are separated by single spaces.")
        if protocol == b"HTTP/1.1" and fields == self._known_fields and self._known is not None:
            check_request_line(method, self._url)
            request = self._known.again(method, self._url)
        else:
            # It accepts no line end but CRLF and no folded line, so cutting there finds the fields that it found, and
            # costs half of being called back for each of them.  It also takes RTSP and ICE for HTTP.
            if fields.count(b"\r\n") >= self._limits.max_fields:
                raise BadRequest(431, "The request has too many header fields.")
            version = protocol[5:] if protocol.startswith(b"HTTP/") else b""
            request = understand(method, self._url, version, fields.split(b"\r\n") if fields else ())
            if b"upgrade" not in fields.lower():  # whether that is a handshake depends on the method too
                self._known, self._known_fields = request, fields
        limit = self._limits.max_body
        if limit is not None and request.length is not None and request.length > limit:
            raise BadRequest(413, "The body of the request is too large.")
        self.request = request
        self._tail = b""
        if request.chunked:
            self._chunks = ChunkedBody(self._limits, self._on_data)
            self._parser = HttpRequestParser(self)  # the old one waits for that body
        elif request.length:
            self._left = request.length
            if self._ended:  # an Upgrade field made the parser think that there is none
                self._ended = False
                self._parser = HttpRequestParser(self)
                self._parser.feed_data(_LENGTH_HEAD % self._left)
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
        chunks, parser = self._chunks, self._parser
        if chunks is not None:
            cut = self._cut(data)
            piece = data if cut == 0 else data[:cut]
            chunks.feed(piece)
            self.complete = chunks.complete
            return len(piece)
        assert parser is not None
        piece = data[: self._left]
        self._left -= len(piece)
        try:
            parser.feed_data(piece)
        except HttpParserError as error:
            raise error.__context__ or error from None  # it finds nothing wrong in a counted body; we may
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
        self._on_data(data)

    def on_message_complete(self) -> None:
        self._ended = True
