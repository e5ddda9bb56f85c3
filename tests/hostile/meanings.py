"""Fields that ask the balancer for something: expectations, upgrades, and what ends or is made here."""

from __future__ import annotations

from .rows import GET, POST, SMUGGLED, Group, Row, chunked, get, passed, post, refused

HANDSHAKE = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)
H2C = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__")

UPGRADES = Group(
    "Upgrades",
    "RFC 9110 7.8",
    (
        passed("h2c", get(*H2C), GET, source="RFC 9113 3.1", without=("Upgrade", "HTTP2-Settings")),
        passed(
            "h2c without its settings", get("Connection: Upgrade", "Upgrade: h2c"), GET, without=("Upgrade",)
        ),
        passed(
            "h2c with a body", post("Content-Length: 3", *H2C), POST, without=("Upgrade", "HTTP2-Settings")
        ),
        passed(
            "TLS",
            get("Connection: Upgrade", "Upgrade: TLS/1.3"),
            GET,
            source="RFC 2817",
            without=("Upgrade",),
        ),
        passed("not named by Connection", get("Upgrade: websocket"), GET, without=("Upgrade",)),
        passed(
            "in HTTP/1.0",
            get("Connection: Upgrade", "Upgrade: websocket", line="GET /app/ HTTP/1.0"),
            GET,
            kept=False,
            without=("Upgrade",),
        ),
        passed(
            "a WebSocket that the member refuses",
            get(*HANDSHAKE, "Sec-WebSocket-Version: 13"),
            GET,
            source="RFC 6455 4.2.2",
            kept=False,
        ),
        refused(
            "a WebSocket of another version",
            get(*HANDSHAKE, "Sec-WebSocket-Version: 1337") + SMUGGLED,
            "RFC 6455 4.4",
            426,
        ),
        refused(
            "a WebSocket without a key", get(*HANDSHAKE[:2], "Sec-WebSocket-Version: 13"), "RFC 6455 4.2.1"
        ),
        refused(
            "a WebSocket with a body",
            get(*HANDSHAKE, "Sec-WebSocket-Version: 13", f"Content-Length: {len(SMUGGLED)}") + SMUGGLED,
            "RFC 6455 4.1",
        ),
    ),
)

EXPECTATIONS = Group(
    "Expectations",
    "RFC 9110 10.1.1",
    (
        passed("100-continue", post("Expect: 100-continue", "Content-Length: 3"), POST),
        passed("100-continue without a body", get("Expect: 100-continue"), GET),
        refused("another one", post("Expect: tea", "Content-Length: 3"), status=417),
        refused(
            "100-continue and another one", post("Expect: 100-continue, tea", "Content-Length: 3"), status=417
        ),
    ),
)

CONNECTION = Group(
    "What ends at the balancer",
    "RFC 9110 7.6.1",
    (
        passed(
            "fields that Connection names",
            get("Connection: X-Secret, close-not", "X-Secret: a"),
            GET,
            without=("X-Secret",),
        ),
        passed("nothing between the commas of Connection", get("Connection: , keep-alive ,,"), GET),
        passed(
            "Keep-Alive, TE, Proxy-Connection",
            get("Keep-Alive: timeout=9", "TE: trailers", "Proxy-Connection: x"),
            GET,
            without=("Keep-Alive", "TE", "Proxy-Connection"),
        ),
        passed(
            "underscores for hyphens",
            get("X_Forwarded_For: 192.0.2.1", "Content_Length: 9", "Transfer_Encoding: chunked"),
            GET,
            source="CVE-2015-0219",
            without=("X_Forwarded_For", "Content_Length", "Transfer_Encoding"),
        ),
        passed("Proxy", get("Proxy: http://192.0.2.1"), GET, source="CVE-2016-5387", without=("Proxy",)),
    ),
)

ORDER = Group(
    "Several requests at once",
    "RFC 9112 9.3.2",
    (
        passed(
            "three",
            get() + chunked(b"3\r\nabc\r\n0\r\n\r\n") + get(line="GET /app/third HTTP/1.1"),
            GET,
            POST,
            "GET /app/third 0",
            source="CVE-2024-41671",
        ),
        Row(
            "a request in the body of one that nobody serves",
            get(f"Content-Length: {len(SMUGGLED)}", line="POST /nowhere HTTP/1.1") + SMUGGLED,
            "CVE-2022-22720",
            404,
            kept=True,
        ),
    ),
)
