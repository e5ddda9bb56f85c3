"""What the reader of requests refuses, wherever the bytes are cut: no sockets, milliseconds."""

from __future__ import annotations

import pytest

from panolb.errors import BadRequest
from panolb.proxy.frontend import Limits
from panolb.proxy.reader import RequestReader

CHUNKED = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def read(data: bytes, step: int, limits: Limits | None = None) -> list[bytes]:
    """The bodies of all requests in ``data``, fed in pieces.

    :raises BadRequest: as the reader does.
    """
    bodies: list[bytes] = []
    pieces: list[bytes] = []
    reader = RequestReader(limits or Limits(), pieces.append)
    for at in range(0, len(data), step):
        rest = data[at : at + step]
        while rest:
            used = reader.read_head(rest) if reader.request is None else reader.read_body(rest)
            rest = rest[used:]
            if reader.complete:
                bodies.append(b"".join(pieces))
                pieces.clear()
                reader.next()
    return bodies


ACCEPTED = {
    "two requests": (GET + GET, [b"", b""]),
    "an empty line before each": (b"\r\n" + GET + b"\r\n" + GET, [b"", b""]),
    "four empty lines": (b"\r\n" * 4 + GET, [b""]),
    "empty lines behind the last": (GET + b"\r\n\r\n", [b""]),
    "chunks, then a request": (CHUNKED + b"3\r\nabc\r\n02;a=b\r\nde\r\n0\r\n\r\n" + GET, [b"abcde", b""]),
    "harmless trailers": (
        CHUNKED + b"1\r\nx\r\n0\r\nX-Sum: 1\r\nServer-Timing: a\r\n\r\n" + GET,
        [b"x", b""],
    ),
    "a thousand chunks": (CHUNKED + b"1\r\nx\r\n" * 1000 + b"0\r\n\r\n", [b"x" * 1000]),
    "a length, then a request": (GET[:-2] + b"Content-Length: 3\r\n\r\nabc" + GET, [b"abc", b""]),
    "extensions below the limit": (CHUNKED + b"1;a=bbbbbbbbb\r\nx\r\n" * 300 + b"0\r\n\r\n", [b"x" * 300]),
}


@pytest.mark.parametrize("step", [1, 7, 1 << 20])
@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted(name: str, step: int) -> None:
    """It is read as one would think."""
    data, bodies = ACCEPTED[name]
    assert read(data, step) == bodies


def trailer(field: bytes) -> bytes:
    """A request whose trailer section has this field beside a harmless one."""
    return CHUNKED + b"1\r\nx\r\n0\r\nX-Sum: 1\r\n" + field + b"\r\n\r\n"


REFUSED = {
    # RFC 9112 section 2.2
    "five empty lines": (b"\r\n" * 5 + GET, 400),
    "a bare CR before the request line": (b"\r" + GET, 400),
    "a bare LF before the request line": (b"\n" + GET, 400),
    "a bare LF within empty lines": (b"\r\n\n" + GET, 400),
    "CR CR LF": (b"\r\r\n" + GET, 400),
    "a space before the request line": (b" " + GET, 400),
    "nothing but empty lines": (b"\r\n" * 1000, 400),
    # RFC 9112 section 3
    "two spaces before the target": (GET.replace(b" /", b"  /"), 400),
    "two spaces behind the target": (GET.replace(b"/ ", b"/  "), 400),
    # RFC 9112 section 7.1.1, CVE-2023-39326
    "one large extension": (CHUNKED + b"1;" + b"a" * 5000 + b"\r\nx\r\n0\r\n\r\n", 400),
    "many small extensions": (CHUNKED + b"1;a=bbbbbbbbb\r\nx\r\n" * 500 + b"0\r\n\r\n", 400),
    "zeros before sizes": (CHUNKED + b"0000000000000001\r\nx\r\n" * 500 + b"0\r\n\r\n", 400),
    # RFC 9110 section 6.5.1
    **{
        f"trailer {field.decode()}": (trailer(field), 400)
        for field in (
            b"Content-Length: 5",
            b"Transfer-Encoding: chunked",
            b"Host: other",
            b"TE: trailers",
            b"Trailer: X-Sum",
            b"Connection: close",
            b"Upgrade: websocket",
            b"Authorization: Basic eDp5",
            b"Proxy-Authorization: Basic eDp5",
            b"COOKIE: ROUTEID=.2",
            b"Content-Type: text/html",
            b"X-Forwarded-For: 10.0.0.1",
            b"Forwarded: for=10.0.0.1",
            b"Expect: 100-continue",
            b"Via: 1.1 x",
            b"If-Match: x",
        )
    },
    "101 trailer fields": (CHUNKED + b"0\r\n" + b"A: b\r\n" * 101 + b"\r\n", 431),
    "101 fields": (GET[:-2] + b"A: b\r\n" * 100 + b"\r\n", 431),
}


@pytest.mark.parametrize("step", [1, 7, 1 << 20])
@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str, step: int) -> None:
    """It is refused with the same status, however it is cut."""
    data, status = REFUSED[name]
    with pytest.raises(BadRequest) as refused:
        read(data, step)
    assert refused.value.status == status
