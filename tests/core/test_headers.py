"""Header fields on their way through."""

from __future__ import annotations

import pytest

from panolb.core.headers import (
    Peer,
    check_websocket_answer,
    port_of,
    understand_answer,
    websocket_accept,
)
from panolb.core.request import Request
from panolb.core.reverse import ReverseMap
from panolb.errors import BadResponse

from .building import ask

UNTRUSTED = Peer(b"192.0.2.7", False, False, b"lb")
OVER_TLS = Peer(b"2001:db8::7", False, True, b"lb")
TRUSTED = Peer(b"198.51.100.1", True, False, b"lb")


def forwarded(peer: Peer, *lines: bytes, version: bytes = b"1.1") -> dict[bytes, bytes]:
    """The fields that a member gets about the way of a request."""
    sent = peer.forwarded(ask(*lines, version=version))
    fields = dict(line.split(b": ", 1) for line in sent)
    assert len(fields) == len(sent)
    return fields


@pytest.mark.parametrize(
    ("peer", "host", "proto", "port"),
    [
        (UNTRUSTED, b"dash.example", b"http", b"80"),
        (UNTRUSTED, b"dash.example:10080", b"http", b"10080"),
        (OVER_TLS, b"dash.example", b"https", b"443"),
        (OVER_TLS, b"dash.example:8443", b"https", b"8443"),
        (UNTRUSTED, b"[::1]:10080", b"http", b"10080"),
        (UNTRUSTED, b"[::1]", b"http", b"80"),
    ],
)
def test_told_to_members(peer: Peer, host: bytes, proto: bytes, port: bytes) -> None:
    """A member learns who asked, how, and for what; Apache says nothing of scheme and port."""
    assert forwarded(peer, b"Host: " + host) == {
        b"X-Forwarded-For": peer.address,
        b"X-Forwarded-Host": host,
        b"X-Forwarded-Proto": proto,
        b"X-Forwarded-Port": port,
        b"X-Forwarded-Server": b"lb",
    }


def test_lies_of_clients() -> None:
    """A client that nobody trusts cannot say where it comes from; other than Apache, not even beside the truth."""
    lies = [b"X-Forwarded-For: 10.0.0.1", b"X-Forwarded-Host: evil.example", b"X-Forwarded-Proto: https",
            b"X-Forwarded-Port: 1", b"Forwarded: for=10.0.0.1", b"X-Real-IP: 10.0.0.1"]  # fmt: skip
    assert forwarded(UNTRUSTED, *lies) == forwarded(UNTRUSTED)


def test_one_connection_many_hosts() -> None:
    """What is remembered of one request of a connection does not show in the next."""
    peer = Peer(b"192.0.2.7", False, False, b"lb")
    hosts = [b"a.example", b"b.example:81", b"a.example"]
    assert [forwarded(peer, b"Host: " + host)[b"X-Forwarded-Host"] for host in hosts] == hosts


def test_no_host() -> None:
    """An HTTP/1.0 client may name none."""
    fields = dict(
        line.split(b": ", 1) for line in Peer(b"192.0.2.7", False, False, b"lb").forwarded(_hostless())
    )
    assert b"X-Forwarded-Host" not in fields
    assert fields[b"X-Forwarded-Port"] == b"80"


def _hostless() -> Request:
    request = ask(version=b"1.0")
    request.host = b""
    return request


@pytest.mark.parametrize(
    ("lines", "changes"),
    [
        ([], {}),
        ([b"X-Forwarded-For: 192.0.2.7"], {b"X-Forwarded-For": b"192.0.2.7, 198.51.100.1"}),
        ([b"X-Forwarded-For: a", b"X-Forwarded-For: b"], {b"X-Forwarded-For": b"a, b, 198.51.100.1"}),
        ([b"X-Forwarded-Server: edge"], {b"X-Forwarded-Server": b"edge, lb"}),
        ([b"X-Forwarded-Proto: https"], {b"X-Forwarded-Proto": b"https", b"X-Forwarded-Port": b"443"}),
        ([b"X-Forwarded-Proto: WSS"], {b"X-Forwarded-Proto": b"https", b"X-Forwarded-Port": b"443"}),
        ([b"X-Forwarded-Proto: ws"], {b"X-Forwarded-Proto": b"http", b"X-Forwarded-Port": b"80"}),
        ([b"X-Forwarded-Host: www.example:8443"], {b"X-Forwarded-Host": b"www.example:8443", b"X-Forwarded-Port": b"8443"}),
        (
            [b"X-Forwarded-Host: www.example", b"X-Forwarded-Proto: https"],
            {b"X-Forwarded-Host": b"www.example", b"X-Forwarded-Proto": b"https", b"X-Forwarded-Port": b"443"},
        ),
        (
            [b"X-Forwarded-Port: 444", b"X-Forwarded-Proto: https"],
            {b"X-Forwarded-Port": b"444", b"X-Forwarded-Proto": b"https"},
        ),
        ([b"Forwarded: for=192.0.2.7"], {b"Forwarded": b"for=192.0.2.7"}),
    ],
)  # fmt: skip
def test_trusted_proxies(lines: list[bytes], changes: dict[bytes, bytes]) -> None:
    """M19: what a trusted proxy said of the client stays; the list of addresses grows; the rest fits to it."""
    known = {
        b"X-Forwarded-For": b"198.51.100.1",
        b"X-Forwarded-Host": b"dash.example",
        b"X-Forwarded-Proto": b"http",
        b"X-Forwarded-Port": b"80",
        b"X-Forwarded-Server": b"lb",
    }
    assert forwarded(TRUSTED, *lines) == {**known, **changes}


@pytest.mark.parametrize(
    ("host", "port"),
    [(b"a", b"80"), (b"a:81", b"81"), (b"a:", b"80"), (b"[::1]", b"80"), (b"[::1]:81", b"81"), (b"", b"80")],
)
def test_port_of(host: bytes, port: bytes) -> None:
    """The last group of an IPv6 address is no port."""
    assert port_of(host, False) == port
    assert port_of(host, True) == (b"443" if port == b"80" else port)


# -- what members say of themselves -------------------------------------------------------------------------------------

PUBLIC = b"https://dash.example"
MEMBERS = [
    (b"http://localhost:8080", b"/in"),
    (b"http://localhost:8081", b"/in"),
    (b"http://[::1]:80", b"/in"),
    (b"http://plain", b"/in"),
    (b"https://secure", b"/in"),
    (b"https://tomcat:8443", b"/in"),
]


@pytest.mark.parametrize(
    ("value", "mapped"),
    [
        (b"http://localhost:8080/in/x?y#z", PUBLIC + b"/out/x?y#z"),
        (b"http://localhost:8081/in/x", PUBLIC + b"/out/x"),  # M12: of any member
        (b"HTTP://LocalHost:8080/in/X", PUBLIC + b"/out/X"),
        (b"http://localhost:8080/in", PUBLIC + b"/out"),
        (b"http://localhost:8080/in?y", PUBLIC + b"/out?y"),
        (b"http://localhost:8080/in;jsessionid=a.1", PUBLIC + b"/out;jsessionid=a.1"),
        (b"http://[::1]/in/", PUBLIC + b"/out/"),
        (b"http://[::1]:80/in/", PUBLIC + b"/out/"),
        (b"http://plain/in/", PUBLIC + b"/out/"),
        (b"http://plain:80/in/", PUBLIC + b"/out/"),
        (b"/in/x", b"/out/x"),
        (b"/in", b"/out"),
        (b"/in?y", b"/out?y"),
        (b"https://secure/in/x", PUBLIC + b"/out/x"),
        (b"https://secure:443/in", PUBLIC + b"/out"),
        (b"HTTPS://Tomcat:8443/in?a", PUBLIC + b"/out?a"),
        (b"/in;jsessionid=a.1", b"/out;jsessionid=a.1"),
        (
            b"https://dash.example/in/x",
            b"https://dash.example/out/x",
        ),  # what it calls by the client's own host
        (b"http://DASH.example/in", b"http://dash.example/out"),
    ],
)
def test_location_of_a_member(value: bytes, mapped: bytes) -> None:
    """A redirect to any member of the balancer leads back to us, with the location's path instead of the member's."""
    assert ReverseMap(b"/out", MEMBERS).location(value, PUBLIC) == mapped


@pytest.mark.parametrize(
    "value",
    [
        b"http://localhost:8080/inner/x",
        b"http://localhost:8080/",
        b"http://localhost:8080",
        b"http://localhost:80801/in/x",
        b"http://localhost:8080.evil.example/in/x",
        b"http://localhost/in/x",
        b"https://localhost:8080/in/x",
        b"http://secure/in/x",
        b"https://secure:8443/in/x",
        b"https://tomcat/in/x",
        b"http://127.0.0.1:8080/in/x",
        b"//localhost:8080/in/x",
        b"http://other.example/?http://localhost:8080/in/x",
        b"https://dash.example.evil/in/x",
        b"https://dash.example:81/in/x",
        b"https://dash.example/inner/x",
        b"https://dash.example",
        b"/inner/x",
        b"/IN/x",
        b"in/x",
        b"../x",
        b"?y",
        b"",
    ],
)
def test_location_of_somebody_else(value: bytes) -> None:
    """M13: what is not a member's, or only begins like it, stays byte for byte."""
    assert ReverseMap(b"/out", MEMBERS).location(value, PUBLIC) == value


@pytest.mark.parametrize(
    ("path", "inner", "value", "mapped"),
    [
        (b"/a", b"/a", b"http://m:1/a/x", PUBLIC + b"/a/x"),
        (b"/a", b"/a", b"/a/x", b"/a/x"),
        (b"", b"", b"http://m:1/x", PUBLIC + b"/x"),
        (b"", b"", b"http://m:1", PUBLIC + b"/"),
        (b"", b"", b"//evil.example/x", b"//evil.example/x"),
        (b"", b"/in", b"http://m:1/in/x", PUBLIC + b"/x"),
        (b"", b"/in", b"http://m:1/in", PUBLIC + b"/"),
        (b"", b"/in", b"http://m:1/in;jsessionid=a.1", PUBLIC + b"/;jsessionid=a.1"),
        (b"", b"/in", b"http://m:1/in?y", PUBLIC + b"/?y"),
        (b"", b"/in", b"/in/x", b"/x"),
        (b"/out", b"", b"http://m:1/x", PUBLIC + b"/out/x"),
        (b"/out", b"", b"http://m:1", PUBLIC + b"/out"),
        (b"/out", b"", b"/x", b"/out/x"),
        (b"/out", b"", b"//evil.example/x", b"//evil.example/x"),
    ],
)
def test_location_at_the_root(path: bytes, inner: bytes, value: bytes, mapped: bytes) -> None:
    """The root on either side: the host always ends with a slash, and no path of ours turns into a host."""
    assert ReverseMap(path, [(b"http://m:1", inner)]).location(value, PUBLIC) == mapped


@pytest.mark.parametrize("value", [b"/in//evil.example/x", b"/in/\\evil.example/x", b"//evil.example/in/x"])
@pytest.mark.parametrize("inner", [b"", b"/in"])
@pytest.mark.parametrize("path", [b"", b"/out"])
def test_no_redirect_to_strangers(path: bytes, inner: bytes, value: bytes) -> None:
    """Taking a prefix off never turns a path of ours into somebody else's host (``//evil.example``)."""
    mapped = ReverseMap(path, [(b"http://m:1", inner)]).location(value, PUBLIC)
    assert mapped == value or mapped.replace(b"\\", b"/")[:2] != b"//"


@pytest.mark.parametrize(
    ("value", "mapped"),
    [
        (b"a=b; Path=/in; HttpOnly", b"a=b; Path=/out; HttpOnly"),
        (b"a=b; path=/in/x", b"a=b; Path=/out/x"),
        (b"a=b; Path=/in/", b"a=b; Path=/out/"),
        (b"a=b;PATH=/in;Secure", b"a=b; Path=/out;Secure"),
        (b"a=b; Path=/inner", b"a=b; Path=/inner"),
        (b"a=b; Path=/", b"a=b; Path=/"),
        (b"path=/in; Path=/x", b"path=/in; Path=/x"),
        (b"domain=localhost; Path=/in", b"domain=localhost; Path=/out"),
        (b"a=b; Domain=localhost; Path=/in", b"a=b; Path=/out"),
        (b"a=b; domain=.LOCALHOST", b"a=b"),
        (b"a=b; Domain=example.com", b"a=b; Domain=example.com"),
        (b"a=b; Domain=mylocalhost", b"a=b; Domain=mylocalhost"),
        (b"a=b; HttpOnly", b"a=b; HttpOnly"),
        (b"a=Path=/in", b"a=Path=/in"),
        (b"a=b", b"a=b"),
        (b"", b""),
    ],
)
def test_cookies_of_a_member(value: bytes, mapped: bytes) -> None:
    """M16: the path of a cookie is the location's, at a boundary; a member's own name as its domain is taken off."""
    assert ReverseMap(b"/out", MEMBERS).cookie(value, b"localhost") == mapped


@pytest.mark.parametrize(
    ("path", "inners", "value", "mapped"),
    [
        (b"/a", [b"/a"], b"a=b; Path=/a", b"a=b; Path=/a"),
        (b"/a", [b"/b", b"/c"], b"a=b; Path=/b", b"a=b; Path=/b"),
        (b"", [b"/in"], b"a=b; Path=/in", b"a=b; Path=/"),
        (b"", [b"/in"], b"a=b; Path=/in/x", b"a=b; Path=/x"),
        (b"/out", [b""], b"a=b; Path=/", b"a=b; Path=/"),
    ],
)
def test_cookie_paths_that_stay(path: bytes, inners: list[bytes], value: bytes, mapped: bytes) -> None:
    """Members that disagree about their path are left alone; a cookie for everything stays one."""
    reverse = ReverseMap(path, [(b"http://m:%d" % n, inner) for n, inner in enumerate(inners)])
    assert reverse.cookie(value, b"localhost") == mapped


# -- answers --------------------------------------------------------------------------------------------------------


def test_answer_fields() -> None:
    """What ends here is taken off, also what Connection names; the rest keeps bytes and order."""
    answer = understand_answer(
        [
            b"Server: Tomcat",
            b"Connection: X-Hop, keep-alive",
            b"X-Hop: 1",
            b"Keep-Alive: timeout=20",
            b"Upgrade: h2c",
            b"Trailer: X-Sum",
            b"Content-Length:  12 ",
            b"Location: /x",
            b"set-cookie: a=b",
            b"Via: 1.1 a",
            b"Via: 1.0 b",
            b"X-A: 1",
            b"x-a:",
        ],
        True,
    )
    assert answer.lines == [b"Server: Tomcat", b"X-A: 1", b"x-a:"]
    assert answer.mapped == [(b"Location", b"/x"), (b"set-cookie", b"a=b")]
    assert (answer.length, answer.chunked, answer.keep, answer.via) == (12, False, True, b"1.1 a, 1.0 b")


@pytest.mark.parametrize(
    ("connections", "http11", "keep"),
    [
        ([], True, True),
        ([], False, False),
        ([b"close"], True, False),
        ([b"Close"], True, False),
        ([b"keep-alive"], False, True),
        ([b"keep-alive, close"], True, False),
        ([b"keep-alive", b"close"], True, False),
        ([b"close", b"keep-alive"], True, False),
    ],
)
def test_answer_persistence(connections: list[bytes], http11: bool, keep: bool) -> None:
    """RFC 9112 section 9.3: close wins, however the options are spread."""
    assert understand_answer([b"Connection: " + value for value in connections], http11).keep is keep


@pytest.mark.parametrize(
    "fields",
    [
        [b"Content-Length: abc"],
        [b"Content-Length: -1"],
        [b"Content-Length: "],
        [b"Content-Length: " + b"9" * 19],
        [b"Content-Length: 2", b"Content-Length: 3"],
        [b"Content-Length: 2, 3"],
        [b"Transfer-Encoding: gzip"],
        [b"Transfer-Encoding: gzip, chunked"],
        [b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"],
        [b"Transfer-Encoding: chunked", b"Content-Length: 2"],
        [b"Content-Length: 2", b"Transfer-Encoding: chunked"],
    ],
    ids=repr,
)
def test_unclear_answers(fields: list[bytes]) -> None:
    """An answer whose end is not clear is a 502 and nothing that gets to a client."""
    with pytest.raises(BadResponse) as caught:
        understand_answer(fields, True)
    assert caught.value.status == 502


def test_chunks_of_an_http10_member() -> None:
    """RFC 9112 section 6.1: such framing is faulty, so at least the connection must not be used again."""
    fields = [b"Transfer-Encoding: chunked", b"Connection: keep-alive"]
    try:
        answer = understand_answer(fields, False)
    except BadResponse:
        return
    assert not answer.keep


def test_websocket_accept() -> None:
    """The example of RFC 6455 section 1.3."""
    assert websocket_accept(b"dGhlIHNhbXBsZSBub25jZQ==") == b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


UPGRADE = (
    b"Upgrade: websocket",
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    b"Sec-WebSocket-Protocol: chat, live",
)
GOOD = [
    b"connection: keep-alive, Upgrade",
    b"UPGRADE:WebSocket",
    b"sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
]


@pytest.mark.parametrize(
    ("fields", "offer", "good"),
    [
        (GOOD, UPGRADE, True),
        ([*GOOD, b"Sec-WebSocket-Protocol: live"], UPGRADE, True),
        ([*GOOD, b"Sec-WebSocket-Protocol: other"], UPGRADE, False),
        ([*GOOD, b"Sec-WebSocket-Protocol: chat"], UPGRADE[:2], False),
        (GOOD[1:], UPGRADE, False),
        (GOOD[:1] + GOOD[2:], UPGRADE, False),
        (GOOD[:2], UPGRADE, False),
        ([*GOOD[:2], b"Sec-WebSocket-Accept: S3PPLMBiTxaQ9kYGzzhZRbK+xOo="], UPGRADE, False),
    ],
)
def test_answers_to_a_handshake(fields: list[bytes], offer: tuple[bytes, ...], good: bool) -> None:
    """RFC 6455 section 4.1: the member must have understood the handshake, and may choose only what was offered."""
    answer = understand_answer(fields, True)
    if good:
        check_websocket_answer(answer, fields, offer)
    else:
        with pytest.raises(BadResponse):
            check_websocket_answer(answer, fields, offer)
