"""Request heads: what is understood, and what is refused because two recipients could understand it differently."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panolb.core.request import FORWARDED, Request, understand
from panolb.errors import BadRequest

from .building import ask

HOST = b"Host: dash.example"
KEY = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
VERSION = b"Sec-WebSocket-Version: 13"
SWITCH = (b"Connection: Upgrade", b"Upgrade: websocket")
CHUNKED, LENGTH = b"Transfer-Encoding: chunked", b"Content-Length: 3"


def refusal(*lines: bytes, method: bytes = b"GET", target: bytes = b"/", version: bytes = b"1.1") -> int:
    """The status that a request is refused with; 0 when it is understood."""
    try:
        understand(method, target, version, lines)
    except BadRequest as problem:
        assert problem.reason.endswith(".")
        return problem.status
    return 0


@pytest.mark.parametrize(
    ("method", "target", "version", "status"),
    [
        (b"GET", b"/", b"1.1", 0),
        (b"GET", b"/a?b=http://c", b"1.0", 0),
        (b"PROPFIND", b"/", b"1.1", 0),
        (b"OPTIONS", b"*", b"1.1", 0),
        (b"GET", b"*", b"1.1", 400),
        (b"GET", b"http://dash.example/", b"1.1", 400),
        (b"GET", b"panopticon", b"1.1", 400),
        (b"GET", b"", b"1.1", 400),
        (b"GET", b"/a#b", b"1.1", 400),
        (b"GET", b"/a?b#c", b"1.1", 400),
        (b"CONNECT", b"dash.example:443", b"1.1", 405),
        (b"CONNECT", b"/", b"1.1", 405),
        (b"TRACE", b"/", b"1.1", 405),
        (b"GET", b"/", b"2.0", 505),
        (b"GET", b"/", b"0.9", 505),
        (b"GET", b"/", b"1.2", 505),
    ],
)
def test_request_line(method: bytes, target: bytes, version: bytes, status: int) -> None:
    """Origin form only, and only what a reverse proxy is for."""
    assert refusal(HOST, method=method, target=target, version=version) == status


@pytest.mark.parametrize(
    ("hosts", "version", "status"),
    [
        ([b"dash.example"], b"1.1", 0),
        ([b"dash.example:10080"], b"1.1", 0),
        ([b"dash.example:"], b"1.1", 0),
        ([b"192.0.2.7:80"], b"1.1", 0),
        ([b"[2001:db8::1]:80"], b"1.1", 0),
        ([b"xn--bcher-kva.example"], b"1.0", 0),
        ([], b"1.0", 0),
        ([], b"1.1", 400),
        ([b""], b"1.1", 400),
        ([b"a", b"a"], b"1.1", 400),
        ([b"a", b"b"], b"1.0", 400),
        ([b"a b"], b"1.1", 400),
        ([b"user@dash.example"], b"1.1", 400),
        ([b"dash.example/x"], b"1.1", 400),
        ([b"dash.example?x"], b"1.1", 400),
        ([b"dash.example:http"], b"1.1", 400),
        ([b"dash.example:123456"], b"1.1", 400),
        ([b"dash.example\\x"], b"1.1", 400),
        ([b"::1"], b"1.1", 400),
        ([b"[::1"], b"1.1", 400),
        ([b"a<b>"], b"1.1", 400),
        ([b'a"b'], b"1.1", 400),
        ([b"\xc3\xa9.example"], b"1.1", 400),
    ],
)
def test_host(hosts: list[bytes], version: bytes, status: int) -> None:
    """Exactly one valid Host (RFC 9112 section 3.2); only HTTP/1.0 may go without."""
    assert refusal(*(b"Host: " + host for host in hosts), version=version) == status


@pytest.mark.parametrize(
    ("lines", "version", "length", "chunked"),
    [
        ([], b"1.1", None, False),
        ([b"Content-Length: 0"], b"1.1", 0, False),
        ([b"Content-Length: 42"], b"1.0", 42, False),
        ([b"Content-Length:  007 \t"], b"1.1", 7, False),
        ([b"content-LENGTH: 999999999999999999"], b"1.1", 999999999999999999, False),
        ([b"Transfer-Encoding: chunked"], b"1.1", None, True),
        ([b"transfer-encoding: Chunked"], b"1.1", None, True),
    ],
)
def test_framing(lines: list[bytes], version: bytes, length: int | None, chunked: bool) -> None:
    """The two ways to announce a body."""
    request = ask(*lines, method=b"POST", version=version)
    assert (request.length, request.chunked) == (length, chunked)
    assert request.has_body is (chunked or bool(length))
    assert request.lines == []


@pytest.mark.parametrize(
    "lines",
    [
        [b"Content-Length: -1"],
        [b"Content-Length: +3"],
        [b"Content-Length: 3,3"],
        [b"Content-Length: 3 3"],
        [b"Content-Length: 0x3"],
        [b"Content-Length: 3.0"],
        [b"Content-Length: "],
        [b"Content-Length: \xb2"],
        [b"Content-Length: " + b"9" * 19],
        [LENGTH, LENGTH],
        [LENGTH, b"Content-Length: 4"],
        [b"Content-Length: 0", b"Content-Length: 0"],
        [LENGTH, CHUNKED],
        [CHUNKED, LENGTH],
        [CHUNKED, b"Content-Length: 0"],
        [CHUNKED, CHUNKED],
        [b"Transfer-Encoding: chunked, chunked"],
        [b"Transfer-Encoding: gzip, chunked"],
        [b"Transfer-Encoding: chunked, identity"],
        [b"Transfer-Encoding: identity"],
        [b"Transfer-Encoding: gzip"],
        [b"Transfer-Encoding: xchunked"],
        [b"Transfer-Encoding: chunked;a=b"],
        [b"Transfer-Encoding: \x0bchunked"],
        [b"Transfer-Encoding: "],
    ],
    ids=repr,
)
def test_unclear_framing(lines: list[bytes]) -> None:
    """M39: whatever request smuggling is made of is the client's fault, and is no member's business."""
    assert refusal(HOST, *lines, method=b"POST") == 400


def test_chunks_from_http10() -> None:
    """RFC 9112 section 6.1: HTTP/1.0 knows no transfer coding."""
    assert refusal(HOST, CHUNKED, method=b"POST", version=b"1.0") == 400


@pytest.mark.parametrize(
    ("value", "version", "expects", "status"),
    [
        (b"100-continue", b"1.1", True, 0),
        (b"100-Continue", b"1.1", True, 0),
        (b"100-continue", b"1.0", False, 0),
        (b"foo", b"1.1", False, 417),
        (b"100-continue, foo", b"1.1", False, 417),
    ],
)
def test_expect(value: bytes, version: bytes, expects: bool, status: int) -> None:
    """M28, RFC 9110 section 10.1.1."""
    lines = (HOST, LENGTH, b"Expect: " + value)
    assert refusal(*lines, method=b"POST", version=version) == status
    if not status:
        assert understand(b"POST", b"/", version, lines).expects is expects


@pytest.mark.parametrize(
    ("lines", "version", "keep"),
    [
        ([], b"1.1", True),
        ([], b"1.0", False),
        ([b"Connection: keep-alive"], b"1.1", True),
        ([b"Connection: Keep-Alive"], b"1.0", True),
        ([b"Connection: keep-alive"], b"1.0", True),
        ([b"Connection: close"], b"1.1", False),
        ([b"Connection: CLOSE"], b"1.1", False),
        ([b"Connection: X-Foo, close"], b"1.1", False),
        ([b"Connection: keep-alive, close"], b"1.0", False),
        ([b"Connection: close", b"Connection: keep-alive"], b"1.1", False),
        ([b"Connection: keep-alive", b"Connection: close"], b"1.1", False),
        ([b"Connection: "], b"1.1", True),
        ([b"Connection: enclosed"], b"1.1", True),
    ],
)
def test_persistence(lines: list[bytes], version: bytes, keep: bool) -> None:
    """RFC 9112 section 9.3: close wins."""
    assert ask(*lines, version=version).keep is keep


def test_fields_that_end_here() -> None:
    """M18: what was meant for us, or for the connection, does not travel on; all else does, byte for byte, in order."""
    request = ask(
        b"Accept: */*",
        b"Connection: close, X-Hop , x-other",
        b"X-Hop: 1",
        b"X-Tend: a",
        b"X-OTHER: 2",
        b"x-tend:b  c",
        b"Keep-Alive: timeout=5",
        b"Proxy-Connection: keep-alive",
        b"TE: trailers",
        b"Trailer: X-Sum",
        b"Upgrade: h2c",
        b"HTTP2-Settings: AAMAAABk",
        b"Proxy: http://evil.example",
        b"Authorization: Basic eDp5",
        b"X-Hop: 3",
    )
    assert [line.replace(b":b", b": b") for line in request.lines] == [
        b"Accept: */*",
        b"X-Tend: a",
        b"x-tend: b  c",
        b"Authorization: Basic eDp5",
    ]


def test_nominated_cookies() -> None:
    """A client may even name its cookies; then it goes without."""
    assert ask(b"Cookie: a=b", b"Connection: cookie").cookie is None


@pytest.mark.parametrize("name", [b"Host", b"Content-Length", b"Transfer-Encoding", b"Sec-WebSocket-Key"])
def test_nominated_framing(name: bytes) -> None:
    """What a request is cannot be taken off it by naming it: framing and host stay what they are."""
    request = ask(b"Connection: close, " + name, b"Content-Length: 3", method=b"POST")
    assert (request.length, request.host) == (3, b"dash.example")


def test_cookies_are_joined() -> None:
    """M21: any number of Cookie fields is one, in order, with the separator of RFC 9113 section 8.2.3."""
    request = ask(b"Cookie: a=b", b"Accept: */*", b"cookie: c=d; e=f", b"COOKIE:g=h")
    assert request.cookie == b"a=b; c=d; e=f; g=h"
    assert request.lines == [b"Accept: */*"]


def test_forwarded_fields_are_set_aside() -> None:
    """What a client says about its way is kept apart: only of a trusted peer it is believed."""
    request = ask(
        *(name.title() + b": 1" for name in sorted(FORWARDED)), b"X-Forwarded-For: 2", b"X-Forwarded: 3"
    )
    assert request.lines == [b"X-Forwarded: 3"]
    assert request.forwarded is not None
    assert set(request.forwarded) == FORWARDED
    assert request.forwarded[b"x-forwarded-for"] == b"1, 2"
    assert ask().forwarded is None


def test_via() -> None:
    """Via fields are joined in order (RFC 9110 section 7.6.3)."""
    assert ask(b"Via: 1.0 a", b"Via: 1.1 b").via == b"1.0 a, 1.1 b"
    assert ask().via is None


@pytest.mark.parametrize(
    ("lines", "method", "version", "handshake"),
    [
        ([*SWITCH, KEY, VERSION], b"GET", b"1.1", True),
        ([b"Connection: keep-alive, UPGRADE", b"Upgrade: WebSocket", KEY, VERSION], b"GET", b"1.1", True),
        ([b"Connection: keep-alive", b"Connection: upgrade", b"Upgrade: foo, websocket", KEY, VERSION], b"GET", b"1.1", True),
        ([*SWITCH, KEY, VERSION, b"Content-Length: 0"], b"GET", b"1.1", True),
        ([b"Connection: Upgrade", b"Upgrade: h2c", KEY, VERSION], b"GET", b"1.1", False),
        ([b"Upgrade: websocket", KEY, VERSION], b"GET", b"1.1", False),
        ([b"Connection: Upgrade", KEY, VERSION], b"GET", b"1.1", False),
        ([*SWITCH, KEY, VERSION], b"POST", b"1.1", False),
        ([*SWITCH, KEY, VERSION], b"GET", b"1.0", False),
    ],
)  # fmt: skip
def test_upgrades(lines: list[bytes], method: bytes, version: bytes, handshake: bool) -> None:
    """W5, W6: only a WebSocket handshake is an upgrade; any other request goes on without its Upgrade field."""
    request = ask(*lines, method=method, version=version)
    assert (request.websocket is not None) is handshake
    assert request.lines == []


def test_handshake_fields() -> None:
    """A handshake keeps what it offers, to be offered anew to the member."""
    request = ask(*SWITCH, KEY, VERSION, b"Sec-WebSocket-Protocol: a", b"Sec-WebSocket-Protocol: b", b"Origin: x",
                  b"Sec-WebSocket-Extensions: permessage-deflate")  # fmt: skip
    assert request.websocket == {
        b"sec-websocket-key": b"dGhlIHNhbXBsZSBub25jZQ==",
        b"sec-websocket-version": b"13",
        b"sec-websocket-protocol": b"a, b",
        b"sec-websocket-extensions": b"permessage-deflate",
    }
    assert request.lines == [b"Origin: x"]


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ([VERSION], 400),
        ([KEY, KEY, VERSION], 400),
        ([b"Sec-WebSocket-Key: c2hvcnQ=", VERSION], 400),
        ([b"Sec-WebSocket-Key: " + b"a" * 24, VERSION], 400),
        ([b"Sec-WebSocket-Key: " + b"!" * 22 + b"==", VERSION], 400),
        ([KEY], 426),
        ([KEY, b"Sec-WebSocket-Version: 8"], 426),
        ([KEY, b"Sec-WebSocket-Version: 13, 8"], 426),
        ([KEY, VERSION, LENGTH], 400),
        ([KEY, VERSION, CHUNKED], 400),
    ],
)
def test_broken_handshakes(lines: list[bytes], status: int) -> None:
    """RFC 6455 section 4.2.1."""
    assert refusal(HOST, *SWITCH, *lines) == status


@pytest.mark.parametrize(
    ("method", "safe", "idempotent"),
    [(b"GET", True, True), (b"HEAD", True, True), (b"OPTIONS", True, True), (b"PUT", False, True),
     (b"DELETE", False, True), (b"POST", False, False), (b"PATCH", False, False), (b"PROPFIND", False, False),
     (b"get", False, False)],
)  # fmt: skip
def test_methods(method: bytes, safe: bool, idempotent: bool) -> None:
    """What may be repeated is decided by RFC 9110 section 9.2, and what is unknown may not."""
    request = ask(method=method)
    assert (request.safe, request.idempotent) == (safe, idempotent)


def test_path() -> None:
    """The path ends at the first question mark."""
    assert ask(target=b"/a;b?c?d").path == b"/a;b"
    assert ask(target=b"/a").path == b"/a"


def test_field_and_without() -> None:
    """Names are compared without case, and only whole."""
    request = ask(b"Accept: a", b"X-Accept: b", b"ACCEPT:c")
    assert request.field(b"accept") == b"a"
    assert request.field(b"x") is None
    assert request.without([b"accept"]) == [b"X-Accept: b"]


TOKENS = st.from_regex(rb"\A[!#$%&'*+.^_`|~0-9A-Za-z-]{1,20}\Z")
NAMES = TOKENS | st.sampled_from(
    [b"Host", b"Connection", b"Content-Length", b"Transfer-Encoding", b"Expect", b"Upgrade", b"Cookie", b"Via", b"TE",
     b"Sec-WebSocket-Key", b"Sec-WebSocket-Version", b"X-Forwarded-For", b"Forwarded", b"Keep-Alive"]
)  # fmt: skip
VALUES = st.from_regex(rb"\A[\t -~\x80-\xff]{0,20}\Z") | st.sampled_from(
    [b"chunked", b"3", b"close", b"Upgrade", b"websocket", b"13", b"100-continue", b"dGhlIHNhbXBsZSBub25jZQ==", b"a"]
)  # fmt: skip


@given(
    st.lists(st.tuples(NAMES, VALUES), max_size=10),
    st.sampled_from([b"GET", b"POST"]),
    st.sampled_from([b"1.1", b"1.0"]),
)
def test_anything_that_the_parser_takes(
    fields: list[tuple[bytes, bytes]], method: bytes, version: bytes
) -> None:
    """Any grammatical head is refused with a status of the client's, or has one meaning and no field for the way."""
    lines = [name + b": " + value for name, value in fields]
    try:
        request: Request = understand(method, b"/", version, lines)
    except BadRequest as problem:
        assert 400 <= problem.status < 500
        return
    assert not (request.chunked and request.length is not None)
    names = {line.partition(b":")[0].lower() for line in request.lines}
    assert not names & {
        b"host",
        b"connection",
        b"content-length",
        b"transfer-encoding",
        b"upgrade",
        b"te",
        *FORWARDED,
    }
    assert set(request.lines) <= set(lines)
    assert request.websocket is None or not request.has_body


FACTS = [
    "host",
    "lines",
    "cookie",
    "forwarded",
    "via",
    "length",
    "chunked",
    "expects",
    "keep",
    "http11",
    "path",
    "target",
    "method",
]


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [b"Accept: */*", b"Cookie: a=b", b"Cookie: c=d", b"Via: 1.1 edge", b"X-Forwarded-For: 10.0.0.1"],
        [LENGTH, b"Expect: 100-continue"],
        [CHUNKED, b"Connection: close, X-Hop", b"X-Hop: 1"],
    ],
)
@pytest.mark.parametrize("version", [b"1.1", b"1.0"])
def test_again(lines: list[bytes], version: bytes) -> None:
    """A client that repeats its fields for another target is understood as if they had been read anew."""
    lines = [line for line in lines if line != CHUNKED or version == b"1.1"]
    first = ask(*lines, version=version)
    again, anew = (
        first.again(b"POST", b"/other?x"),
        ask(*lines, method=b"POST", target=b"/other?x", version=version),
    )
    assert {fact: getattr(again, fact) for fact in FACTS} == {fact: getattr(anew, fact) for fact in FACTS}
    assert again.websocket is None


def test_upgrade_required() -> None:
    """A client with another version of WebSocket is told which one would do (RFC 6455 section 4.4)."""
    with pytest.raises(BadRequest) as caught:
        ask(*SWITCH, KEY, b"Sec-WebSocket-Version: 8")
    assert set(caught.value.lines) == {b"Upgrade: websocket", VERSION}
