"""Answers to requests that never become an exchange: they cannot be understood, or are too many."""

from __future__ import annotations

import re

from ..core import pages
from ..errors import BadRequest

_ACCEPT = re.compile(rb"(?i)\r\naccept:([^\r\n]*)")


def too_many(wait: int) -> BadRequest:
    """What is wrong with a request beyond its client's rate (RFC 6585 section 4).

    :param wait: whole seconds after which to send it again.
    """
    return BadRequest(429, "There are too many requests from your address.", (b"Retry-After: %d" % wait,))


def refusal(problem: BadRequest, head: bytes, connection: bytes) -> bytes:
    """A whole answer.

    :param head: what came of the request's head; it need not have been understood.
    :param connection: the value of the answer's Connection field; empty for none.
    """
    accept = _ACCEPT.search(head)
    content_type, body = pages.page(problem.status, problem.reason, "", accept[1] if accept else None)
    lines = [
        b"HTTP/1.1 %d %b" % (problem.status, pages.PHRASES[problem.status].encode()),
        *problem.lines,
        b"Content-Type: " + content_type,
        b"Content-Length: %d" % len(body),
        b"Cache-Control: no-store",
    ]
    if connection:
        lines.append(b"Connection: " + connection)
    if head.startswith(b"HEAD "):
        body = b""
    return b"\r\n".join(lines) + b"\r\n\r\n" + body
