"""Chunked bodies of requests (RFC 9112 section 7.1), and what may surround their data.

A body has a parser of its own: one that tells header fields, which is wanted in a trailer section and too dear in
heads.
"""

from __future__ import annotations

from collections.abc import Callable

from httptools import HttpParserCallbackError, HttpParserError, HttpRequestParser

from ..core.request import check_trailer
from ..errors import BadRequest
from .frontend import Limits

_HEAD = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"

SIZE_LINE = 20  # bytes of the line with a chunk's size that has not been accounted for yet


class ChunkedBody:
    """One body, as it arrives.

    :param on_data: given each piece of its data.
    :ivar complete: whether its trailer section has ended.
    """

    __slots__ = (
        "_accounted",
        "_between",
        "_chunk",
        "_data",
        "_fields",
        "_head_done",
        "_limits",
        "_on_data",
        "_parser",
        "_raw",
        "complete",
    )

    def __init__(self, limits: Limits, on_data: Callable[[bytes], None]) -> None:
        self.complete = False
        self._limits = limits
        self._on_data = on_data
        self._raw = 0  # bytes as they came
        self._accounted = 0  # of those, what data, sizes and trailer fields need
        self._chunk = 0  # bytes of data in the current chunk
        self._data = 0
        self._between = 0  # bytes since the last of the data
        self._fields = 0
        self._head_done = False
        self._parser: HttpRequestParser | None = HttpRequestParser(self)
        self._parser.feed_data(_HEAD)

    def feed(self, piece: bytes) -> None:
        """Read on, no further than to the next empty line.

        :raises BadRequest: what is wrong with the body, or beyond a limit.
        """
        parser = self._parser
        assert parser is not None
        self._raw += len(piece)
        self._between += len(piece)
        try:
            parser.feed_data(piece)
        except HttpParserError as error:
            cause = error.__context__ if isinstance(error, HttpParserCallbackError) else None
            if cause is not None:
                raise cause from None
            raise BadRequest(400, f"The body of the request is not HTTP/1.1: {error}.") from None
        # Extensions cost their sender little and a server a look at each byte, and nobody uses them (CVE-2023-39326).
        if self._raw - self._accounted - self._chunk > self._limits.max_chunk_extensions + SIZE_LINE:
            raise BadRequest(400, "The chunk extensions of the body, or a field behind it, are too large.")
        if self._between > self._limits.max_head:
            raise BadRequest(431, "The trailer section is too large.")

    def close(self) -> None:
        """Let go of the parser, which holds this object's methods."""
        self._parser = None

    # -- what the parser tells --------------------------------------------------------------------------------------

    def on_headers_complete(self) -> None:
        self._head_done = True

    def on_body(self, data: bytes) -> None:
        self._chunk += len(data)
        self._data += len(data)
        self._between = 0
        limit = self._limits.max_body
        if limit is not None and self._data > limit:
            raise BadRequest(413, "The body of the request is too large.")
        self._on_data(data)

    def on_chunk_complete(self) -> None:
        self._accounted += self._chunk + len(b"%x\r\n\r\n" % self._chunk)
        self._chunk = 0

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._head_done:
            return  # of the head that the parser was fed
        check_trailer(name.lower())
        self._fields += 1
        if self._fields > self._limits.max_fields:
            raise BadRequest(431, "The trailer section has too many fields.")
        self._accounted += len(name) + len(value) + 4

    def on_message_complete(self) -> None:
        self.complete = True
