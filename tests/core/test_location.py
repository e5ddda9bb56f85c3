"""What a member is asked: the target under its own path, and the head that is built for it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from panolb.core.exchange import Exchange
from panolb.core.headers import Peer, understand_answer
from panolb.core.location import Location
from panolb.core.member import Member
from panolb.core.request import Request
from panolb.core.rules import FixedAnswer

from .building import ask, balancer, member
from .script import RecordingClient

UNTRUSTED = Peer(b"192.0.2.7", False, False, b"lb")
TRUSTED = Peer(b"198.51.100.1", True, False, b"lb")
FOR_UNTRUSTED = [
    b"X-Forwarded-For: 192.0.2.7",
    b"X-Forwarded-Host: dash.example",
    b"X-Forwarded-Proto: http",
    b"X-Forwarded-Port: 80",
    b"X-Forwarded-Server: lb",
]


def place(
    path: bytes = b"/panopticon", inner: bytes = b"/panopticon", **changes: Any
) -> tuple[Location, Member]:
    """A location with one member, whose path is ``inner``."""
    who = member("1", path=inner)
    return Location(path, balancer(who), lambda: 0.0, **changes), who


def sent_head(
    location: Location,
    request: Request,
    who: Member,
    peer: Peer = UNTRUSTED,
    upgrade: tuple[bytes, ...] | None = None,
) -> bytes | None:
    """The head that the member gets, as it goes out."""
    exchange = Exchange(request, location, RecordingClient([], peer))
    exchange.upgrade = upgrade
    return location.request_head(exchange, who)


def head(
    request: Request, peer: Peer = UNTRUSTED, upgrade: tuple[bytes, ...] | None = None, **changes: Any
) -> list[bytes]:
    """The lines of the head that the member gets."""
    location, who = place(**changes)
    data = sent_head(location, request, who, peer, upgrade)
    assert data is not None
    assert data.endswith(b"\r\n\r\n")
    return data[:-4].split(b"\r\n")


@pytest.mark.parametrize(
    ("path", "inner", "target", "sent"),
    [
        # the same path: byte for byte, whatever the spelling
        (b"/app", b"/app", b"/app/x?a=%20&b=c%2F", b"/app/x?a=%20&b=c%2F"),
        (b"/app", b"/app", b"/app;jsessionid=a.1", b"/app;jsessionid=a.1"),
        (b"/app", b"/app", b"//app//x", b"//app//x"),
        (b"/app", b"/app", b"/%61pp/x", b"/%61pp/x"),
        (b"/app", b"/app", b"/app/x?", b"/app/x?"),
        (b"/app", b"/app", b"/app", b"/app"),
        (b"", b"", b"/x", b"/x"),
        # another path
        (b"/out", b"/in", b"/out/x?/out/y", b"/in/x?/out/y"),
        (b"/out", b"/in", b"/out/", b"/in/"),
        (b"/out", b"/in", b"/out", b"/in"),
        (b"/out", b"/in", b"/out?a", b"/in?a"),
        (b"/out", b"/in", b"/out;jsessionid=a.1/x", b"/in;jsessionid=a.1/x"),
        (b"/out", b"/in/deep", b"/out//x", b"/in/deep//x"),
        (b"/out", b"/in", b"//out/x", None),
        (b"/out", b"/in", b"/%6fut/x", None),
        # the root on one side
        (b"/out", b"", b"/out", b"/"),
        (b"/out", b"", b"/out?a", b"/?a"),
        (b"/out", b"", b"/out;j=1", b"/;j=1"),
        (b"/out", b"", b"/out/x", b"/x"),
        (b"", b"/in", b"/", b"/in/"),
        (b"", b"/in", b"/x?a", b"/in/x?a"),
    ],
)
def test_target(path: bytes, inner: bytes, target: bytes, sent: bytes | None) -> None:
    """M1, M5-M8: only the prefix is exchanged; what was spelt otherwise cannot be, and is not guessed."""
    location, who = place(path, inner)
    assert location.target(ask(target=target), who) == sent


def test_plain_head() -> None:
    """A head says what was understood: the client's host and fields, and where it came from."""
    request = ask(
        b"Accept: */*", b"Cookie: a=b", b"X-Forwarded-For: 10.0.0.1", b"Cookie: c=d", target=b"/panopticon/x"
    )
    assert head(request) == [
        b"GET /panopticon/x HTTP/1.1",
        b"Host: dash.example",
        b"Accept: */*",
        b"Cookie: a=b; c=d",
        *FOR_UNTRUSTED,
    ]


@pytest.mark.parametrize(
    ("lines", "framing"),
    [
        ([], []),
        ([b"Content-Length: 0"], [b"Content-Length: 0"]),
        ([b"Content-Length: 007"], [b"Content-Length: 7"]),
        ([b"Transfer-Encoding: Chunked"], [b"Transfer-Encoding: chunked"]),
        ([b"Expect: 100-continue", b"Content-Length: 3"], [b"Content-Length: 3", b"Expect: 100-continue"]),
        ([b"Expect: 100-continue", b"Content-Length: 0"], [b"Content-Length: 0"]),
        ([b"Expect: 100-continue"], []),
    ],
)
def test_framing(lines: list[bytes], framing: list[bytes]) -> None:
    """M24, M27: framing is made anew, and an expectation without a body is none."""
    assert head(ask(*lines, method=b"POST"), forwarded=False)[2:] == framing


def test_preserve_host_off() -> None:
    """The member's own name takes the place of the client's (ProxyPreserveHost Off); X-Forwarded-Host still says it."""
    lines = head(ask(), preserve_host=False)
    assert lines[1] == b"Host: localhost:8081"
    assert b"X-Forwarded-Host: dash.example" in lines


def test_no_host() -> None:
    """M20: for an HTTP/1.0 client without Host the member is asked by its own name."""
    request = ask(version=b"1.0")
    request.host = b""
    assert head(request)[:2] == [b"GET /panopticon/ HTTP/1.1", b"Host: localhost:8081"]


def test_strip() -> None:
    """Fields that say who somebody is must not come from a client, in whatever case."""
    request = ask(b"Remote-User: root", b"X-Ok: 1", b"REMOTE-USER:admin")
    assert head(request, strip=frozenset({b"remote-user"}), forwarded=False)[2:] == [b"X-Ok: 1"]


@pytest.mark.parametrize(
    ("peer", "lines"),
    [(UNTRUSTED, []), (TRUSTED, [b"X-Forwarded-For: 10.0.0.1", b"Forwarded: for=10.0.0.1"])],
)
def test_forwarded_off(peer: Peer, lines: list[bytes]) -> None:
    """``forwarded = false`` adds nothing, passes on what a trusted proxy said, and still drops what a client said."""
    request = ask(b"X-Forwarded-For: 10.0.0.1", b"Forwarded: for=10.0.0.1")
    assert head(request, peer, forwarded=False)[2:] == lines


@pytest.mark.parametrize(
    ("received", "version", "via", "sent"),
    [
        ([], b"1.1", False, []),
        ([], b"1.1", True, [b"Via: 1.1 panolb"]),
        ([], b"1.0", True, [b"Via: 1.0 panolb"]),
        ([b"Via: 1.1 edge"], b"1.1", False, [b"Via: 1.1 edge"]),
        ([b"Via: 1.1 edge"], b"1.1", True, [b"Via: 1.1 edge, 1.1 panolb"]),
    ],
)
def test_via(received: list[bytes], version: bytes, via: bool, sent: list[bytes]) -> None:
    """Via names the version that was received (RFC 9110 section 7.6.3), and us if wanted."""
    assert head(ask(*received, version=version), via=via, forwarded=False)[2:] == sent


def test_upgrade() -> None:
    """The handshake that a member gets is ours; none of the client's is copied."""
    request = ask(b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
                  b"Sec-WebSocket-Version: 13", b"Origin: http://dash.example")  # fmt: skip
    ours = (b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Key: b3Vycw==")
    assert head(request, upgrade=ours, forwarded=False)[2:] == [b"Origin: http://dash.example", *ours]
    assert head(request, forwarded=False)[2:] == [b"Origin: http://dash.example"]


def test_unspeakable() -> None:
    """There is no head when there is no target."""
    location, who = place(b"/out", b"/in")
    assert sent_head(location, ask(target=b"//out/x"), who) is None


def test_location_of_files() -> None:
    """A location without a balancer maps nothing back."""
    location = Location(b"/files", None, lambda: 0.0)
    answer = understand_answer([b"Location: http://localhost:8081/files/x"], True)
    location.reverse.translate(answer, b"http://dash.example", b"localhost")
    assert answer.lines == [b"Location: http://localhost:8081/files/x"]


def test_repeated_fields() -> None:
    """Fields that were made once are used again for the same member only, and never for a WebSocket handshake."""
    one, two = member("1"), member("2", path=b"/panopticon")
    chooser = balancer(one, two)
    with_host, without = (
        Location(b"/panopticon", chooser, lambda: 0.0, preserve_host=keep) for keep in (True, False)
    )
    first = ask(b"Accept: */*", b"Cookie: a=b")
    for location, who, upgrade in [
        (with_host, one, None),
        (without, one, None),
        (without, two, None),
        (without, two, (b"Upgrade: websocket",)),
        (without, two, None),
        (with_host, one, None),
    ]:
        again = first.again(b"PUT", b"/panopticon/other")
        anew = ask(b"Accept: */*", b"Cookie: a=b", method=b"PUT", target=b"/panopticon/other")
        expected = sent_head(location, anew, who, UNTRUSTED, upgrade)
        assert sent_head(location, again, who, UNTRUSTED, upgrade) == expected


@pytest.mark.parametrize(
    ("path", "inner", "target", "asked", "sent"),
    [
        # M1: an empty rest becomes a slash, as in Apache
        (b"/app", b"/app", b"", b"/app", b"/app/"),
        (b"/app", b"/app", b"", b"/app?q=1", b"/app/?q=1"),
        (b"/app", b"/app", b"", b"/app/", b"/app/"),
        (b"/app", b"", b"/app", b"/app", b"/app"),
        (b"/app", b"/root", b"/sub", b"/app/x", b"/root/sub/x"),
        (b"", b"", b"", b"/app", b"/app"),
        # slashes are joined as they stand
        (b"/app", b"/app", b"/", b"/app", b"/app/"),
        (b"/app", b"/app", b"/", b"/app/", b"/app//"),
        (b"/app", b"/app", b"/", b"/app/x", b"/app//x"),
        (b"/app/", b"/app", b"/", b"/app/x", b"/app/x"),
        (b"/", b"", b"/", b"/app", b"/app"),
        # M3, M6, M7: dots, slashes and escapes; the query is nobody's business
        (b"/app", b"/app", b"", b"//app//x", b"/app/x"),
        (b"/app", b"/app", b"", b"/app/a/../b", b"/app/b"),
        (b"/app", b"/app", b"", b"/%61pp/./x", b"/app/x"),
        (b"/app", b"/app", b"", b"/app/%41%2B%3B%20%25%3F", b"/app/A+;%20%25%3F"),
        (b"/app", b"/app", b"", b"/app/%5B%7c%C3%BC", b"/app/%5B%7C%C3%BC"),
        (b"/app", b"/app", b"", b"/app?a=b&c=%20%2F//..", b"/app/?a=b&c=%20%2F//.."),
        (b"/app", b"/app", b"", b"/app/x?", b"/app/x?"),
        (b"/app", b"/app", b"", b"/app/a%2Fb", b"/app/a%2Fb"),
    ],
)
def test_canonical_target(path: bytes, inner: bytes, target: bytes, asked: bytes, sent: bytes) -> None:
    """What Apache makes of a path with mapping = "canonical"."""
    location, who = place(path, inner, target=target, mapping="canonical")
    assert location.target(ask(target=asked), who) == sent


def test_escaped_slashes() -> None:
    """M5: AllowEncodedSlashes NoDecode, On and Off."""
    asked = ask(target=b"/panopticon/a%2fb")
    for slashes, sent in [("pass", b"/panopticon/a%2Fb"), ("decode", b"/panopticon/a/b"), ("refuse", None)]:
        location, who = place(mapping="canonical", slashes=slashes)
        assert location.target(asked, who) == sent


def test_path_parameters_stay_in_a_servlet_mapping() -> None:
    """M11: they do not count for the location, and reach the member."""
    location, who = place(b"/app", b"/app", mapping="servlet")
    assert location.target(ask(target=b"/app;x=1/y"), who) == b"/app;x=1/y"


@pytest.mark.parametrize(
    ("pattern", "target", "asked", "sent"),
    [
        (rb"^/app/(.*)$", b"/in/$1", b"/app/x?q", b"/panopticon/in/x?q"),
        (rb"^/app/(.*)$", b"/in/$1", b"/app/a%20b", b"/panopticon/in/a%20b"),
        (rb"^/(a|b)/", b"", b"/b/x", b"/panopticon/b/x"),
        (rb"^/(a)/", b"/$2", b"/a/x", b"/panopticon/"),
    ],
)
def test_pattern(pattern: bytes, target: bytes, asked: bytes, sent: bytes) -> None:
    """ProxyPassMatch: without a group in the target the whole path is appended."""
    location, who = place(b"", pattern=re.compile(pattern), target=target)
    assert location.target(ask(target=asked), who) == sent


@pytest.mark.parametrize(
    ("redirect", "path", "pattern", "asked", "url"),
    [
        (b"https://b.example", b"", None, b"/x?q=1", b"https://b.example/x?q=1"),
        (b"https://b.example/new?a", b"/old", None, b"/old?q=1", b"https://b.example/new?a"),
        (b"/panopticon/", b"", rb"^/$", b"/", b"/panopticon/"),
        (b"/new/$1", b"", rb"^/old/(.*)", b"/old/a%0Db", b"/new/a%0Db"),
        (b"https://%{HTTP_HOST}%{REQUEST_URI}", b"", rb"^", b"/a%20b?c", b"https://dash.example/a%20b?c"),
        (
            b"https://%{HTTP_HOST}/$1",
            b"",
            rb"^/(.*)",
            b"/%25%7BHTTP_HOST%7D",
            b"https://dash.example/%25%7BHTTP_HOST%7D",
        ),
        (b"https://%{NOBODY}/", b"", rb"^", b"/", b"https:///"),
        (b"/", b"/old", None, b"/old/evil.example", b"/evil.example"),
        (b"/", b"/old", None, b"/old/\\evil.example", b"/evil.example"),
        (b"/$1", b"", rb"^/go/(.*)", b"/go//evil.example/x?q", b"/evil.example/x?q"),
        (b"%{REQUEST_URI}/", b"", rb"^", b"//evil.example", b"/evil.example/"),
        (b"//cdn.example", b"/old", None, b"/old/x", b"//cdn.example/x"),
    ],
)
def test_redirect(redirect: bytes, path: bytes, pattern: bytes | None, asked: bytes, url: bytes) -> None:
    """mod_alias and ``RewriteRule [R]``; what came escaped goes out escaped, so that no header can be broken."""
    location = Location(
        path,
        None,
        lambda: 0.0,
        pattern=None if pattern is None else re.compile(pattern),
        answer=FixedAnswer(301, redirect),
    )
    request = ask(target=asked)
    assert (
        location.redirect(request, Exchange(request, location, RecordingClient([], UNTRUSTED)).facts) == url
    )
