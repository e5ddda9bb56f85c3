"""The head of a request: understood once, or refused.

The parser (llhttp) has already refused what breaks the grammar.  Here is refused what two recipients could still
understand differently (RFC 9112 sections 3.2, 6.1 and 6.3), because what a member gets is built from this
understanding alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..errors import BadRequest
from .secured import CERTIFICATE_FIELDS

Header = tuple[bytes, bytes]

# RFC 9112 section 3.2 and RFC 3986 section 3.2.2: uri-host [ ":" port ], without user information.
_HOST = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+,;=%-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{0,5})?")

# Fields about the way of a request that only a trusted proxy may set (RFC 7239 and its de-facto forerunners).
FORWARDED = frozenset(
    b"forwarded x-real-ip x-forwarded-for x-forwarded-host x-forwarded-proto x-forwarded-port x-forwarded-server "
    b"x-forwarded-by x-forwarded-scheme x-forwarded-ssl x-forwarded-prefix x-forwarded-path x-forwarded-uri".split()
)
WEBSOCKET = {  # a WebSocket keeps its handshake's fields for hours: all of them under the same names
    name: name
    for name in b"sec-websocket-key sec-websocket-version sec-websocket-extensions sec-websocket-protocol".split()
}
# Fields that end here: hop-by-hop (RFC 9110 section 7.6.1), or carried on in another form.
_ENDS_HERE = frozenset(b"keep-alive proxy-connection te trailer proxy http2-settings".split())
_SPECIAL = (
    FORWARDED
    | WEBSOCKET.keys()
    | CERTIFICATE_FIELDS
    | _ENDS_HERE
    | frozenset(b"host connection cookie content-length transfer-encoding expect upgrade via".split())
    | {b"x-panolb-explain"}
)
# What decides about framing, routing, rights and what is to be done (RFC 9110 section 6.5.1).
_NOT_IN_TRAILERS = _SPECIAL | frozenset(
    b"authorization proxy-authorization range max-forwards cache-control pragma origin referer".split()
)


class Memo:
    """What was worked out from header fields alone, for whoever sees the same fields again.

    :ivar asks_why: whether the client wants to know why it is served by whom; see `panolb.core.answers.why`.
    :ivar resolver: who found `route` in the cookies.
    :ivar logged_json: what the access log says of the fields in JSON; ``told`` what it says in other formats.
    :ivar location: whose `section` for `member` the header section is.
    :ivar trace: the id of the trace that the fields name, as `panolb.core.tracing` has it; ``None``: nobody has asked.
    """

    __slots__ = (
        "asks_why",
        "location",
        "logged_json",
        "member",
        "resolver",
        "route",
        "section",
        "told",
        "trace",
    )

    def __init__(self) -> None:
        self.asks_why = False
        self.resolver: object = None
        self.route: object = None
        self.logged_json: str | None = None
        self.told: dict[object, bytes] | None = None
        self.trace: bytes | None = None
        self.location: object = None
        self.member: object = None
        self.section = b""


class Request:
    """A request head that was understood.

    :ivar target: the request target byte for byte, in origin form.
    :ivar path: the target up to the query, byte for byte.
    :ivar http11: whether the client speaks HTTP/1.1 (else 1.0).
    :ivar host: the Host field; empty only for an HTTP/1.0 client without one.
    :ivar lines: the end-to-end fields as ``Name: value``, in order, without those below.
    :ivar cookie: all Cookie fields as one, or ``None``.
    :ivar forwarded: what the client sent about the way it came (`FORWARDED`), by lower-case name.
    :ivar via: the Via fields joined, or ``None``.
    :ivar length: the announced length of the body in bytes; ``None`` without one or when it is chunked.
    :ivar chunked: whether the body comes in chunks.
    :ivar expects: whether the client waits for ``100 Continue``.
    :ivar keep: whether the client wants to keep the connection.
    :ivar memo: what others have worked out from the fields alone; shared with `again`.
    :ivar websocket: the Sec-WebSocket-* fields of a WebSocket handshake by lower-case name; ``None`` for any
        other request.
    """

    __slots__ = (
        "chunked",
        "cookie",
        "expects",
        "forwarded",
        "host",
        "http11",
        "keep",
        "length",
        "lines",
        "memo",
        "method",
        "path",
        "target",
        "via",
        "websocket",
    )

    def __init__(self, method: bytes, target: bytes, http11: bool) -> None:
        self.method = method
        self.target = target
        query = target.find(b"?")
        self.path = target if query < 0 else target[:query]
        self.http11 = http11
        self.host = b""
        self.lines: list[bytes] = []
        self.cookie: bytes | None = None
        self.forwarded: dict[bytes, bytes] | None = None
        self.via: bytes | None = None
        self.length: int | None = None
        self.chunked = False
        self.expects = False
        self.keep = http11
        self.websocket: dict[bytes, bytes] | None = None
        self.memo = Memo()

    def again(self, method: bytes, target: bytes) -> Request:
        """The request that a client makes when it repeats these fields for another target.

        A dashboard polls with the same fields over and over; understanding them once per connection saves a quarter
        of panolb's own work on a small request.
        """
        other = Request(method, target, self.http11)
        other.host = self.host
        other.lines = self.lines
        other.cookie = self.cookie
        other.forwarded = self.forwarded
        other.via = self.via
        other.length = self.length
        other.chunked = self.chunked
        other.expects = self.expects
        other.keep = self.keep
        other.memo = self.memo
        return other

    @property
    def has_body(self) -> bool:
        return self.chunked or bool(self.length)

    @property
    def idempotent(self) -> bool:
        """RFC 9110 section 9.2.2: acting on it twice is the same as once."""
        return self.method in (b"GET", b"HEAD", b"OPTIONS", b"PUT", b"DELETE")

    @property
    def safe(self) -> bool:
        """RFC 9110 section 9.2.1: it asks for nothing but an answer."""
        return self.method in (b"GET", b"HEAD", b"OPTIONS")

    def field(self, name: bytes) -> bytes | None:
        """The first end-to-end field called ``name`` (lower case), for uses off the hot path."""
        for line in self.lines:
            key, _, value = line.partition(b":")
            if key.lower() == name:
                return value.strip()
        return None

    def without(self, names: Iterable[bytes]) -> list[bytes]:
        """The lines but those called ``names`` (lower case), or so with underscores for hyphens."""
        dropped = frozenset(name.replace(b"_", b"-") for name in names)
        return [
            line for line in self.lines if line.partition(b":")[0].lower().replace(b"_", b"-") not in dropped
        ]


def understand(method: bytes, target: bytes, version: bytes, fields: Iterable[bytes]) -> Request:
    """Make a `Request` of what the parser read.

    :param fields: the header fields as lines without their ends, ``Name: value``.
    :raises BadRequest: with the 4xx (or 505) that says what no recipient should have to guess.
    """
    if version not in (b"1.1", b"1.0"):
        raise BadRequest(505, "Only HTTP/1.1 and HTTP/1.0 are spoken here.")
    check_request_line(method, target)
    request = Request(method, target, version == b"1.1")
    keep = request.lines.append
    special: list[Header] = []
    for line in fields:
        name, _, value = line.partition(b":")
        name = name.lower()
        if name in _SPECIAL:
            special.append((name, value.strip(b" \t")))
        # CGI and WSGI take X_Forwarded_For for X-Forwarded-For (CVE-2015-0219): a client's must not pass for ours.
        elif b"_" not in name or name.replace(b"_", b"-") not in _SPECIAL:
            keep(line)
    _take_special(request, special)
    return request


def check_request_line(method: bytes, target: bytes) -> None:
    """Refuse what is not asked of a reverse proxy.

    :raises BadRequest: 405 or 400.
    """
    if method in (b"CONNECT", b"TRACE"):
        raise BadRequest(405, "This method is not for a reverse proxy.")
    if target[:1] != b"/" and not (target == b"*" and method == b"OPTIONS"):
        raise BadRequest(400, "The request target must be a path that begins with a slash.")
    if b"#" in target:
        raise BadRequest(400, "The request target has a fragment.")


def check_trailer(name: bytes) -> None:
    """Refuse a field that must not stand behind a body (RFC 9110 section 6.5.1): whoever merges trailers into headers
    would take it for the truth.

    :param name: in lower case.
    :raises BadRequest: 400.
    """
    if name in _NOT_IN_TRAILERS or name.startswith((b"content-", b"x-forwarded-", b"sec-", b"if-")):
        raise BadRequest(400, "The trailer section has a field that must stand in the header section.")


def _take_special(request: Request, special: Iterable[Header]) -> None:
    """Take in the fields that mean something to a proxy."""
    hosts = 0
    connection = upgrade = b""
    websocket: dict[bytes, bytes] = {}
    for name, value in special:
        if name == b"host":
            hosts += 1
            request.host = value
        elif name == b"cookie":
            request.cookie = value if request.cookie is None else request.cookie + b"; " + value
        elif name == b"connection":
            connection = connection + b"," + value if connection else value
        elif name == b"content-length":
            _take_length(request, value)
        elif name == b"transfer-encoding":
            _take_coding(request, value)
        elif name == b"expect":
            _take_expectation(request, value)
        elif name == b"upgrade":
            upgrade = upgrade + b"," + value if upgrade else value
        elif name == b"via":
            request.via = value if request.via is None else request.via + b", " + value
        elif name in FORWARDED:
            request.forwarded = request.forwarded or {}
            known = request.forwarded.get(name)
            request.forwarded[name] = value if known is None else known + b", " + value
        elif name == b"x-panolb-explain":
            request.memo.asks_why = value == b"1"
        elif name in WEBSOCKET:
            websocket[WEBSOCKET[name]] = websocket[name] + b", " + value if name in websocket else value
    if hosts != 1 or not _HOST.fullmatch(request.host):
        _refuse_host(request, hosts)
    if connection and connection != b"keep-alive":
        _take_connection(request, connection.lower(), upgrade.lower(), websocket)
    elif connection:
        request.keep = True


def _refuse_host(request: Request, hosts: int) -> None:
    """RFC 9112 section 3.2: none, more than one or an illegal Host is a 400; only HTTP/1.0 may go without."""
    if hosts == 0 and not request.http11:
        return
    raise BadRequest(400, "A request must carry exactly one valid Host field.")


def _take_length(request: Request, value: bytes) -> None:
    if request.length is not None or request.chunked or not value.isdigit() or len(value) > 18:
        raise BadRequest(400, "The length of the body is not clear.")
    request.length = int(value)


def _take_coding(request: Request, value: bytes) -> None:
    """RFC 9112 section 6.1: only a single ``chunked``, only from HTTP/1.1, never beside a Content-Length."""
    if value.lower() != b"chunked" or request.chunked or request.length is not None or not request.http11:
        raise BadRequest(400, "Of the transfer codings only a single 'chunked' is understood.")
    request.chunked = True


def _take_expectation(request: Request, value: bytes) -> None:
    """RFC 9110 section 10.1.1; an HTTP/1.0 client's expectation is ignored."""
    if value.lower() != b"100-continue":
        raise BadRequest(417, "Of the expectations only '100-continue' is understood.")
    request.expects = request.http11


def _take_connection(
    request: Request, connection: bytes, upgrade: bytes, websocket: dict[bytes, bytes]
) -> None:
    """Obey the Connection field: persistence, the upgrade, and fields that were meant for us alone."""
    options = {option.strip(b" \t") for option in connection.split(b",")}
    if b"close" in options:
        request.keep = False
    elif b"keep-alive" in options:
        request.keep = True
    named = options - {b"close", b"keep-alive", b"upgrade", b""}
    if b"cookie" in named:
        request.cookie = None
    if named:
        request.lines = request.without(named)
    if (
        b"upgrade" in options
        and b"websocket" in (token.strip(b" \t") for token in upgrade.split(b","))
        and request.method == b"GET"
        and request.http11
    ):
        _take_websocket(request, websocket)


def _take_websocket(request: Request, websocket: dict[bytes, bytes]) -> None:
    """RFC 6455 section 4.2.1: what a handshake must have."""
    if request.has_body:
        raise BadRequest(400, "A WebSocket handshake has no body.")
    if not re.fullmatch(rb"[A-Za-z0-9+/]{22}==", websocket.get(b"sec-websocket-key", b"")):
        raise BadRequest(400, "The WebSocket handshake has no valid Sec-WebSocket-Key.")
    if websocket.get(b"sec-websocket-version") != b"13":
        raise BadRequest(
            426,
            "Of the WebSocket versions only 13 is spoken here.",
            (
                b"Upgrade: websocket",
                b"Sec-WebSocket-Version: 13",
            ),  # RFC 9110 section 15.5.22, RFC 6455 section 4.4
        )
    request.websocket = websocket
