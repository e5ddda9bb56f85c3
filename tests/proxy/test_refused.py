"""What two recipients could understand differently is refused: a clear status, a log line, and no member hears of it."""

from __future__ import annotations

import pytest

from tests.harness.client import Client
from tests.harness.waiting import until
from tests.proxy.lab import Lab

HOST = "Host: panolb.test\r\n"


def head(*fields: str, line: str = "GET /app/ HTTP/1.1") -> bytes:
    """A request without a body, or the head of one with a body."""
    return "\r\n".join((line, "Host: panolb.test", *fields)).encode("latin-1") + b"\r\n\r\n"


POST = "POST /app/ HTTP/1.1"
REFUSED: dict[str, tuple[bytes, int]] = {
    # Host (RFC 9112 section 3.2)
    "no Host": (b"GET /app/ HTTP/1.1\r\n\r\n", 400),
    "two Hosts": (head("Host: panolb.test"), 400),
    "two Hosts in HTTP/1.0": (head("Host: other", line="GET /app/ HTTP/1.0"), 400),
    "empty Host": (b"GET /app/ HTTP/1.1\r\nHost:\r\n\r\n", 400),
    "Host with a path": (b"GET /app/ HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
    "Host with user information": (b"GET /app/ HTTP/1.1\r\nHost: user@a\r\n\r\n", 400),
    "Host with a space": (b"GET /app/ HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
    "Host with two ports": (b"GET /app/ HTTP/1.1\r\nHost: a:1:2\r\n\r\n", 400),
    "Host with a list": (b"GET /app/ HTTP/1.1\r\nHost: a, b\r\n\r\n", 400),
    # length (RFC 9112 section 6.3)
    "two different lengths": (head("Content-Length: 3", "Content-Length: 4", line=POST) + b"abcd", 400),
    "the same length twice": (head("Content-Length: 3", "Content-Length: 3", line=POST) + b"abc", 400),
    "list of lengths": (head("Content-Length: 3, 3", line=POST) + b"abc", 400),
    "signed length": (head("Content-Length: +3", line=POST) + b"abc", 400),
    "negative length": (head("Content-Length: -3", line=POST) + b"abc", 400),
    "hexadecimal length": (head("Content-Length: 0x3", line=POST) + b"abc", 400),
    "empty length": (head("Content-Length:", line=POST), 400),
    "length with a space": (head("Content-Length: 1 2", line=POST) + b"abc", 400),
    "huge length": (head("Content-Length: 99999999999999999999999", line=POST), 400),
    # transfer codings (RFC 9112 section 6.1)
    "length and coding": (
        head("Content-Length: 3", "Transfer-Encoding: chunked", line=POST) + b"0\r\n\r\n",
        400,
    ),
    "coding and length": (
        head("Transfer-Encoding: chunked", "Content-Length: 3", line=POST) + b"0\r\n\r\n",
        400,
    ),
    "unknown coding": (head("Transfer-Encoding: gzip", line=POST), 400),
    "identity": (head("Transfer-Encoding: identity", line=POST), 400),
    "two codings": (head("Transfer-Encoding: gzip, chunked", line=POST) + b"0\r\n\r\n", 400),
    "chunked not last": (head("Transfer-Encoding: chunked, gzip", line=POST) + b"0\r\n\r\n", 400),
    "chunked twice": (head(*["Transfer-Encoding: chunked"] * 2, line=POST) + b"0\r\n\r\n", 400),
    "chunked with a tab and more": (head("Transfer-Encoding: chunked\t, x", line=POST) + b"0\r\n\r\n", 400),
    "misspelt chunked": (head("Transfer-Encoding: xchunked", line=POST) + b"0\r\n\r\n", 400),
    "coding in HTTP/1.0": (
        head("Transfer-Encoding: chunked", line="POST /app/ HTTP/1.0") + b"0\r\n\r\n",
        400,
    ),
    # grammar (RFC 9112 sections 2.2 and 5)
    "bare LF in the head": (b"GET /app/ HTTP/1.1\nHost: panolb.test\n\n", 400),
    "bare LF behind a field": (b"GET /app/ HTTP/1.1\r\nHost: panolb.test\r\nA: b\nC: d\r\n\r\n", 400),
    "bare LF at the end": (b"GET /app/ HTTP/1.1\r\nHost: panolb.test\r\n\n", 400),
    "bare CR": (head("A: b\rC: d"), 400),
    "folded line": (head("A: b", " c"), 400),
    "space before the colon": (head("A : b"), 400),
    "space before the first field": (b"GET /app/ HTTP/1.1\r\n Host: panolb.test\r\n\r\n", 400),
    "field without a colon": (head("nonsense"), 400),
    "empty field name": (head(": b"), 400),
    "illegal field name": (head("A(b): c"), 400),
    "NUL in a value": (head("A: b\0c"), 400),
    "control character in a value": (head("A: b\x01c"), 400),
    "DEL in a value": (head("A: b\x7fc"), 400),
    "NUL in the target": (head(line="GET /app/\0 HTTP/1.1"), 400),
    "control character in the target": (head(line="GET /app/\x01 HTTP/1.1"), 400),
    "tab in the request line": (head(line="GET\t/app/ HTTP/1.1"), 400),
    "space in the target": (head(line="GET /app/ x HTTP/1.1"), 400),
    # targets (RFC 9112 section 3.2)
    "absolute form": (head(line="GET http://panolb.test/app/ HTTP/1.1"), 400),
    "absolute form to elsewhere": (head(line="GET http://other.test/app/ HTTP/1.1"), 400),
    "no slash": (head(line="GET app/ HTTP/1.1"), 400),
    "fragment": (head(line="GET /app/#top HTTP/1.1"), 400),
    "asterisk without OPTIONS": (head(line="GET * HTTP/1.1"), 400),
    "CONNECT": (b"CONNECT panolb.test:80 HTTP/1.1\r\nHost: panolb.test:80\r\n\r\n", 405),
    "TRACE": (head(line="TRACE /app/ HTTP/1.1"), 405),
    # versions
    "HTTP/0.9": (b"GET /app/\r\n\r\n", 505),
    "HTTP/2.0": (head(line="GET /app/ HTTP/2.0"), 505),
    "HTTP/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    "HTTP/1.2": (head(line="GET /app/ HTTP/1.2"), 505),
    "HTTP/3.7": (head(line="GET /app/ HTTP/3.7"), 505),
    "lower-case version": (head(line="GET /app/ http/1.1"), 400),
    "another protocol": (head(line="GET /app/ RTSP/1.0"), 505),
    # junk
    "TLS": (bytes.fromhex("160301020001fc0303") + bytes(range(200)), 400),
    "binary": (bytes(range(256)), 400),
    "SSH": (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", 400),
    "unknown method": (head(line="FROBNICATE /app/ HTTP/1.1"), 400),
    "lower-case method": (head(line="get /app/ HTTP/1.1"), 400),
    # expectations (RFC 9110 section 10.1.1)
    "unknown expectation": (head("Expect: tea", "Content-Length: 3", line=POST) + b"abc", 417),
}
EITHER = {400: (400,), 405: (400, 405), 417: (417,), 505: (400, 505)}
"""llhttp refuses some of it before us, with a 400."""


@pytest.mark.parametrize("sent", REFUSED.values(), ids=REFUSED)
def test_refused(lab: Lab, sent: tuple[bytes, int]) -> None:
    """The status, Connection: close, the end of the connection, one log line; and no member saw a byte."""
    data, status = sent
    before = len(lab.panolb.lines("refused with"))
    with lab.client() as client:
        client.send(data + head(line="GET /app/smuggled HTTP/1.1"))
        got = client.answer()
        assert got.status in EITHER[status]
        assert got.closes
        assert client.ended()
    lines = until(lambda: lab.panolb.lines("refused with")[before:], "a log line")
    assert len(lines) == 1
    assert f"refused with {got.status}" in lines[0]
    assert lab.member.requests == []
    assert lab.member.accepted == 0
    assert lab.states()["1"]["state"] == "up"


def test_refused_behind_a_good_one(lab: Lab) -> None:
    """A bad request costs its own connection, and nothing before it."""
    with lab.client() as client:
        client.send(head() + head("Content-Length: 3", "Transfer-Encoding: chunked", line=POST) + head())
        assert client.answer().status == 200
        assert client.answer("POST").status == 400
        assert client.ended()
    assert len(lab.member.requests) == 1


@pytest.mark.parametrize(
    "chunk",
    [
        b"x\r\nabc\r\n",
        b"-1\r\nabc\r\n",
        b"0x3\r\nabc\r\n",
        b"3\nabc\n0\n\n",
        b"3\r\nabcd\r\n",
        b"fffffffffffffffff\r\nabc\r\n",
        b"\r\n3\r\nabc\r\n",
        b"3 \r\nabc\r\n",
        b"3;\n\r\nabc\r\n",
    ],
)
def test_broken_chunks(lab: Lab, chunk: bytes) -> None:
    """A body whose chunks are not clear is refused; the member is cut off and not blamed."""
    with lab.client() as client:
        client.send(
            head("Transfer-Encoding: chunked", line=POST) + b"2\r\nok\r\n" + chunk + b"0\r\n\r\n" + head()
        )
        got = client.answer("POST")
        assert got.status == 400
        assert got.closes
        assert client.ended()
    assert not any(request.whole for request in lab.member.requests)
    assert lab.states()["1"]["state"] == "up"


def test_a_refused_head_request(lab: Lab) -> None:
    """The answer to a refused HEAD has no body: a client would take it for the next answer."""
    with lab.client() as client:
        client.send(head("Host: other", line="HEAD /app/ HTTP/1.1"))
        got = client.answer("HEAD")
        assert got.status == 400
        assert client.ended()


def test_what_is_unusual_but_clear(lab: Lab) -> None:
    """Nothing is refused that has one meaning only."""
    good = [
        head("Host-Header: x", "X-Empty:", "X-Latin: \xe9", "X-Tab: a\tb"),
        b"GET /app/ HTTP/1.1\r\nHOST:panolb.test:8080  \r\n\r\n",
        b"GET /app/ HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
        b"GET /app/ HTTP/1.1\r\nHost: [::1]\r\n\r\n",
        head(line="GET /app/?a=[]{}|^\\\"<>' HTTP/1.1"),
        head("Content-Length: 0003", line=POST) + b"abc",
        head("Connection: , keep-alive ,,"),
    ]
    for data in good:
        with Client(lab.port) as client:
            client.send(data)
            assert client.answer().status == 200, data
    assert len(lab.member.requests) == len(good)
