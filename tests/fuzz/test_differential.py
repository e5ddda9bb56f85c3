"""Streams of requests that mean one thing only: that is what a client means, panolb counts and a member understands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .cuts import pieces_of
from .house import Houses
from .recording import Got, Said, read_requests
from .requests import outcome

TOKEN = "!#$%&'*+-.^_`|~0123456789ABCXYZabcxyz"
FIELDS = st.builds(
    "X-{}:{}{}".format,
    st.text(TOKEN, min_size=1, max_size=12),
    st.sampled_from(["", " ", "\t ", "  "]),
    st.text("".join(map(chr, (9, *range(0x20, 0x7F), *range(0x80, 0x100)))), max_size=30),
)
TARGETS = st.text("abc/?&=;,:@!$'()*+-._~%", max_size=20).map(
    lambda rest: "/app/" + rest.replace("%", "%41").replace(".", "x")
)
BODIES = st.binary(max_size=300) | st.sampled_from(
    [
        b"0\r\n\r\n",
        b"\r\n\r\n",
        b"GET /app/smuggled HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /app/ HTTP/1.1\r\nContent-Length: 5\r\n\r\n" * 3,
    ]
)
METHODS = st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD", "PROPFIND", "MKCOL"])


@dataclass(frozen=True)
class Meant:
    """A request, and one of the ways to write it."""

    said: Said
    raw: bytes


@st.composite
def meant(draw: st.DrawFn) -> Meant:
    """A request with a body in one of its framings, and fields in any order."""
    method, target = draw(METHODS), draw(TARGETS)
    fields = draw(st.lists(FIELDS, max_size=4))
    framing = draw(st.sampled_from(["none", "length", "chunked"]))
    body = b"" if framing == "none" else draw(BODIES)
    said = Said(method.encode(), target.encode(), body)
    if framing == "length":
        fields.append(draw(st.sampled_from(["Content-Length", "content-length"])) + f": {len(body)}")
    elif framing == "chunked":
        fields.append(draw(st.sampled_from(["Transfer-Encoding: chunked", "TRANSFER-ENCODING:Chunked"])))
        body = draw(chunked(body))
    head = [f"{method} {target} HTTP/1.1", *draw(st.permutations(["Host: x", *fields]))]
    return Meant(said, "\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body)


@st.composite
def chunked(draw: st.DrawFn, body: bytes) -> bytes:
    """A body in chunks of any size, with extensions and a trailer section."""
    pieces, at = [], 0
    while at < len(body):
        size = draw(st.integers(1, len(body) - at))
        digits = draw(st.sampled_from(["{:x}", "{:X}", "0{:x}", "{:x};a=b", '{:x};a="b c"'])).format(size)
        pieces.append(digits.encode() + b"\r\n" + body[at : at + size] + b"\r\n")
        at += size
    trailer = draw(st.sampled_from([b"", b"X-Sum: 1\r\n", b"X-A: b\r\nX-C: d\r\n"]))
    return b"".join(pieces) + draw(st.sampled_from([b"0", b"000"])) + b"\r\n" + trailer + b"\r\n"


@pytest.fixture(scope="module")
def houses() -> Iterator[Houses]:
    """For all streams."""
    houses = Houses()
    yield houses
    houses.close()


@settings(max_examples=120, derandomize=True)
@given(st.lists(meant(), min_size=1, max_size=5), st.booleans())
def test_streams(houses: Houses, stream: list[Meant], narrow: bool) -> None:
    """Pipelined, and cut anywhere: all arrive as they were meant, once and in order, and each gets its own answer."""
    data = b"".join(one.raw for one in stream)
    said = tuple(one.said for one in stream)
    assert tuple(read_requests(data)[0]) == said
    for pieces in ([data], pieces_of(data)):
        with houses.one() as house:
            came = outcome(house, pieces, narrow)
        assert came.arrived == said
        assert came.counted == tuple(one.method for one in said)
        assert came.got == tuple(Got(200, answer_to(one)) for one in said)


def answer_to(said: Said) -> bytes:
    """The body with which `Recorder` answers."""
    return b"" if said.method == b"HEAD" else b"%b %b %d" % (said.method, said.target, len(said.body))
