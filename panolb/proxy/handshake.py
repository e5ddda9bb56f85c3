"""The opening handshakes of a bridged WebSocket, and what autobahn is told of them."""

from __future__ import annotations

import base64
import os
from functools import lru_cache
from typing import Any

from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketServerFactory
from autobahn.websocket.compress import (
    PerMessageDeflateOffer,
    PerMessageDeflateOfferAccept,
    PerMessageDeflateResponseAccept,
)

from ..core import deflate
from ..core.headers import Answer
from ..core.terms import Terms

OPEN_TIMEOUT = 5.0  # seconds; both handshakes are complete at once, autobahn only wants a number

# autobahn bounds what it inflates, but can then lose up to one match of deflate at the bound without a word; so its
# bound lies above ours by more than that.
DEFLATE_MATCH = 1024

# What panolb compresses with, zlib's parameters: 32 KiB instead of 256 for each side, and with JSON of a dashboard, in
# messages of 200 to 1,200 bytes, a third less time for six per cent more bytes.  Using less than was agreed upon is
# allowed and need not be said.
WINDOW, MEM_LEVEL = 12, 5

OF_HANDSHAKES = frozenset(
    """_results _transport_details _valid_events _wskey allowNullOrigin allowedOrigins allowedOriginsPatterns
    answer_headers flashSocketPolicy http_headers http_request_data http_request_host http_request_params
    http_request_path http_request_uri http_response_data http_status_line is_open maxConnections
    perMessageCompressionAccept perMessageCompressionOffers send_queue serveFlashSocketPolicy subprotocol
    trustXForwardedFor versions webStatus websocket_extensions websocket_key websocket_protocols""".split()
)
"""What autobahn keeps of a handshake and nobody asks for again: 4 KiB for each side."""


class Offer:
    """What a WebSocket handshake offers to the member, instead of what the browser offered to us.

    In the lane of messages these are two handshakes, with a key and extensions of their own; else it is one.

    :ivar lines: the fields of the handshake.
    :ivar browser: the browser's own Sec-WebSocket-* fields by lower-case name.
    """

    __slots__ = ("browser", "deflate", "key", "lines", "terms")

    def __init__(self, browser: dict[bytes, bytes], terms: Terms) -> None:
        self.browser = {name: value for name, value in browser.items() if name != b"sec-websocket-extensions"}
        self.terms = terms
        extensions = browser.get(b"sec-websocket-extensions", b"")
        # Declined offers are not shown to autobahn, which would answer some of them with a 400.
        self.deflate = deflate.acceptable(extensions)
        self.key = base64.b64encode(os.urandom(16)) if terms.messages else browser[b"sec-websocket-key"]
        lines = [
            b"Connection: Upgrade",
            b"Upgrade: websocket",
            b"Sec-WebSocket-Version: 13",
            b"Sec-WebSocket-Key: " + self.key,
        ]
        protocols = browser.get(b"sec-websocket-protocol")
        if protocols is not None:
            lines.append(b"Sec-WebSocket-Protocol: " + protocols)
        if terms.messages:
            extensions = (
                PerMessageDeflateOffer().get_extension_string().encode()
                if self.compresses and terms.compression == "pass"
                else b""
            )
        elif terms.compression == "refuse":
            extensions = deflate.without(extensions)
        if extensions:
            lines.append(b"Sec-WebSocket-Extensions: " + extensions)
        self.lines = tuple(lines)

    @property
    def compresses(self) -> bool:
        """Whether compression is wanted and the browser offers it; in the lane of messages only."""
        return self.terms.compression != "refuse" and self.deflate is not None


def head_of_101(accept: bytes, fields: dict[bytes, bytes]) -> bytes:
    """The member's 101, reduced to what autobahn's client negotiates about."""
    lines = [
        b"HTTP/1.1 101 Switching Protocols",
        b"Upgrade: websocket",
        b"Connection: Upgrade",
        b"Sec-WebSocket-Accept: " + accept,
    ]
    extensions = fields.get(b"sec-websocket-extensions")
    if extensions is not None:
        lines.append(b"Sec-WebSocket-Extensions: " + extensions)
    return b"\r\n".join(lines) + b"\r\n\r\n"


def head_of_request(offer: Offer) -> bytes:
    """The browser's handshake, reduced to what autobahn's server negotiates about."""
    lines = [b"GET / HTTP/1.1", b"Host: localhost", b"Upgrade: websocket", b"Connection: Upgrade"]
    fields = dict(offer.browser)
    protocols = fields.get(b"sec-websocket-protocol")
    if protocols is not None:
        # autobahn would refuse a name that is said twice; whether to is the member's business.
        names = dict.fromkeys(name.strip(b" \t") for name in protocols.split(b","))
        fields[b"sec-websocket-protocol"] = b", ".join(names)
    lines += [name + b": " + value for name, value in fields.items()]
    if offer.compresses and offer.deflate is not None:
        lines.append(b"Sec-WebSocket-Extensions: " + offer.deflate)
    return b"\r\n".join(lines) + b"\r\n\r\n"


def headers_for_browser(answer: Answer) -> dict[str, list[str]]:
    """The end-to-end fields of the member's 101."""
    headers: dict[str, list[str]] = {}
    for line in answer.lines:
        name, _, value = line.decode("latin-1").partition(": ")
        if not name.lower().startswith("sec-websocket-"):
            headers.setdefault(name, []).append(value)
    return headers


@lru_cache(maxsize=64)
def factories(reactor: Any, compresses: bool, max_message: int) -> tuple[Any, Any]:
    """autobahn's factories, which carry nothing but options here."""
    servers = WebSocketServerFactory(reactor=reactor)
    servers.server = ""
    servers.setProtocolOptions(
        webStatus=False,
        failByDrop=False,
        echoCloseCodeReason=True,
        openHandshakeTimeout=OPEN_TIMEOUT,
        closeHandshakeTimeout=0,
        maxMessagePayloadSize=max_message + DEFLATE_MATCH,
        perMessageCompressionAccept=_accept_offer if compresses else None,
    )
    clients = WebSocketClientFactory(reactor=reactor)
    clients.setProtocolOptions(
        failByDrop=False,
        echoCloseCodeReason=True,
        openHandshakeTimeout=OPEN_TIMEOUT,
        closeHandshakeTimeout=0,
        serverConnectionDropTimeout=0,
        maxMessagePayloadSize=max_message + DEFLATE_MATCH,
        perMessageCompressionAccept=_accept_response if compresses else None,
    )
    return servers, clients


def _accept_offer(offers: list[Any]) -> PerMessageDeflateOfferAccept | None:
    for offer in offers:
        if isinstance(offer, PerMessageDeflateOffer):
            window = min(WINDOW, offer.request_max_window_bits or WINDOW)
            return PerMessageDeflateOfferAccept(offer, window_bits=window, mem_level=MEM_LEVEL)
    return None


def _accept_response(response: Any) -> PerMessageDeflateResponseAccept:
    window = min(WINDOW, response.client_max_window_bits or WINDOW)
    return PerMessageDeflateResponseAccept(response, window_bits=window, mem_level=MEM_LEVEL)
