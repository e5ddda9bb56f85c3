"""Answers of hostile members: each to a GET, with what the client has to get of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    """What a member sends.

    :ivar name: what is odd about it, in a few words.
    :ivar data: its bytes, sent at once.
    :ivar source: where the rule stands, or the CVE that broke it.
    :ivar status: what the client gets; 0 when its connection is cut, since the answer is under way.
    :ivar body: what it gets of the member's body, if the answer is the member's.
    """

    name: str
    data: bytes
    source: str
    status: int = 502
    body: bytes = b""


OK = b"HTTP/1.1 200 OK\r\n"
SOME = b"Content-Length: 4\r\n\r\nbody"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n"
EVIL = OK + b"Content-Length: 4\r\n\r\nevil"


LENGTHS = (
    Answer("two lengths", OK + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nbody", "RFC 9112 6.3"),
    Answer(
        "the same length twice", OK + b"Content-Length: 4\r\nContent-Length: 4\r\n\r\nbody", "RFC 9112 6.3"
    ),
    Answer("list of lengths", OK + b"Content-Length: 4, 4\r\n\r\nbody", "RFC 9112 6.3"),
    Answer("empty length", OK + b"Content-Length:\r\n\r\nbody", "RFC 9112 6.3"),
    Answer("minus sign", OK + b"Content-Length: -4\r\n\r\nbody", "RFC 9112 6.3"),
    Answer("plus sign", OK + b"Content-Length: +4\r\n\r\nbody", "RFC 9112 6.3"),
    Answer("hexadecimal length", OK + b"Content-Length: 0x4\r\n\r\nbody", "RFC 9112 6.3"),
    Answer("2^64 + 4", OK + b"Content-Length: 18446744073709551620\r\n\r\nbody", "RFC 9112 6.3"),
    Answer(
        "length and coding",
        OK + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "RFC 9112 6.3",
    ),
    Answer(
        "coding and length",
        OK + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
        "RFC 9112 6.3",
    ),
    Answer("unknown coding", OK + b"Transfer-Encoding: gzip\r\n\r\nbody", "RFC 9112 6.1"),
    Answer("two codings", OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "RFC 9112 6.1"),
    Answer("chunked twice", OK + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", "RFC 9112 6.1"),
    Answer("identity", OK + b"Transfer-Encoding: identity\r\n\r\nbody", "RFC 9112 6.1"),
    Answer(
        "vertical tab before chunked", OK + b"Transfer-Encoding:\vchunked\r\n\r\n0\r\n\r\n", "RFC 9112 6.1"
    ),
    Answer(
        "chunked in HTTP/1.0",
        b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "RFC 9112 6.1",
        200,
    ),
)

GRAMMAR = (
    Answer("garbage", b"\x00\x01\x02 what is this\r\n\r\n", "RFC 9112 4"),
    Answer("a TLS alert", bytes.fromhex("15030300020250"), "RFC 9112 4"),
    Answer("HTTP/2.0", b"HTTP/2.0 200 OK\r\n" + SOME, "RFC 9112 2.3"),
    Answer("HTTP/0.9", b"<html>hello</html>\r\n\r\n", "RFC 1945 4.1"),
    Answer("no status", b"HTTP/1.1\r\n\r\n", "RFC 9112 4"),
    Answer("a status of two digits", b"HTTP/1.1 20 OK\r\n\r\n", "RFC 9112 4"),
    Answer("a status of four digits", b"HTTP/1.1 2000 OK\r\n\r\n", "RFC 9112 4"),
    Answer("status 000", b"HTTP/1.1 000 What\r\n\r\n", "RFC 9110 15"),
    Answer("control character in the phrase", b"HTTP/1.1 200 O\x01K\r\n" + SOME, "RFC 9112 4"),
    Answer("bare LFs", b"HTTP/1.1 200 OK\nContent-Length: 4\n\nbody", "RFC 9112 2.2"),
    Answer("bare LF behind a field", OK + b"A: b\nC: d\r\n" + SOME, "RFC 9112 2.2"),
    Answer("bare CR in a value", OK + b"A: b\rSet-Cookie: c=d\r\n" + SOME, "CVE-2024-24795"),
    Answer("NUL in a value", OK + b"A: b\0c\r\n" + SOME, "RFC 9110 5.5"),
    Answer("control character in a value", OK + b"A: b\x01c\r\n" + SOME, "RFC 9110 5.5"),
    Answer("folded line", OK + b"A: b\r\n c\r\n" + SOME, "RFC 9112 5.2"),
    Answer("blank before the colon", OK + b"Content-Length : 4\r\n\r\nbody", "RFC 9112 5.1"),
    Answer("empty name", OK + b": b\r\n" + SOME, "CVE-2023-25725"),
    Answer("illegal name", OK + b"A(b): c\r\n" + SOME, "RFC 9110 5.1"),
    Answer("no colon", OK + b"nonsense\r\n" + SOME, "RFC 9112 5"),
    Answer("a head of 70,000 bytes", OK + b"X-Large: " + b"x" * 70000 + b"\r\n" + SOME, "RFC 9110 5.4"),
    Answer("a head of endless fields", OK + b"A: b\r\n" * 12000 + SOME, "RFC 9110 5.4"),
    Answer(
        "unasked 101",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
        "RFC 9110 7.8",
    ),
    Answer("bare 101", b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "RFC 9110 7.8"),
    Answer(
        "10,000 answers 103",
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 10000 + EVIL,
        "RFC 9110 15.2",
    ),
    Answer("10,000 answers 100", b"HTTP/1.1 100 Continue\r\n\r\n" * 10000 + EVIL, "RFC 9110 15.2"),
)

CHUNKS = (
    Answer("no number", CHUNKED + b"xyz\r\nmore\r\n0\r\n\r\n", "RFC 9112 7.1", 0),
    Answer("minus sign", CHUNKED + b"-1\r\nmore\r\n0\r\n\r\n", "RFC 9112 7.1", 0),
    Answer("data too long", CHUNKED + b"2\r\nmore\r\n0\r\n\r\n", "RFC 9112 7.1", 0),
    Answer("anything behind the data", CHUNKED + b"4\r\nmorexx0\r\n\r\n", "CVE-2025-43859", 0),
    Answer("bare LFs", CHUNKED + b"4\nmore\n0\n\n", "RFC 9112 7.1", 0),
    Answer("bare LF in an extension", CHUNKED + b"4;\nmore\r\n0\r\n\r\n", "CVE-2025-55315", 0),
    Answer("2^64 + 4", CHUNKED + b"10000000000000004\r\nmore\r\n0\r\n\r\n", "RFC 9112 7.1", 0),
    Answer("folded trailer", CHUNKED + b"0\r\nA: b\r\n c\r\n\r\n", "RFC 9112 5.2", 0),
)

PAST = tuple(
    Answer(f"{extra} behind {what}", data + more, "RFC 9112 9.2", int(data[9:12]), body)
    for what, data, body in (
        ("a length", OK + SOME, b"body"),
        ("the last chunk", OK + b"Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n", b"body"),
        ("204", b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        ("304", b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", b""),
    )
    for extra, more in (("a byte", b"x"), ("another answer", EVIL), ("half a head", b"HTTP/1.1 200"))
)

ANSWERS: dict[str, tuple[Answer, ...]] = {
    "Lengths and codings": LENGTHS,
    "Grammar, sizes and 1xx": GRAMMAR,
    "Bodies in chunks": CHUNKS,
    "Bytes past the end": PAST,
}
"""All of them, by what they are about."""

BY_NAME = {f"{title}: {row.name}": row for title, rows in ANSWERS.items() for row in rows}
