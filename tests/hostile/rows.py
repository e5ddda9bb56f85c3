"""What the tables of hostile requests are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """A request that two servers could understand differently, or that looks like one.

    :ivar name: what is odd about it, in a few words.
    :ivar data: its bytes.
    :ivar source: the CVEs that began with it, or the section that says more than its group's.
    :ivar status: the status with which panolb refuses it; 200 when it is passed on.
    :ivar arrives: what the member has to understand, each as ``METHOD target`` and the length of its body.
    :ivar kept: whether the next request on the connection is answered too.
    :ivar without: header fields that must not reach the member.
    """

    name: str
    data: bytes
    source: str = ""
    status: int = 400
    arrives: Sequence[str] = ()
    kept: bool = False
    without: Sequence[str] = ()


@dataclass(frozen=True)
class Group:
    """Rows about one rule.

    :ivar section: the section of the standard that has the rule.
    """

    title: str
    section: str
    rows: Sequence[Row]


def refused(name: str, data: bytes, source: str = "", status: int = 400) -> Row:
    """A row that panolb refuses: nothing of it reaches the member, and the connection ends."""
    return Row(name, data, source, status)


def passed(
    name: str,
    data: bytes,
    *arrives: str,
    source: str = "",
    kept: bool = True,
    without: Sequence[str] = (),
) -> Row:
    """A row that has one meaning only, and is passed on as ``arrives`` says."""
    return Row(name, data, source, 200, arrives, kept, without)


GET = "GET /app/ 0"
POST = "POST /app/ 3"


def get(*fields: str, line: str = "GET /app/ HTTP/1.1", host: str = "Host: panolb.test") -> bytes:
    """A head; its lines are joined by CRLF, whatever stands in them."""
    return "\r\n".join((line, host, *fields)).encode("latin-1") + b"\r\n\r\n"


def post(*fields: str, body: bytes = b"abc", version: str = "1.1") -> bytes:
    """A POST whose framing is in ``fields``."""
    return get(*fields, line=f"POST /app/ HTTP/{version}") + body


def chunked(body: bytes, *fields: str) -> bytes:
    """A POST in chunks."""
    return post("Transfer-Encoding: chunked", *fields, body=body)


SMUGGLED = get(line="GET /app/smuggled HTTP/1.1")
"""A request that nobody may take for one: it stands within another one's body."""
