"""Which trace a request belongs to: the field ``traceparent`` of W3C Trace Context, level 1.

https://www.w3.org/TR/trace-context-1/: a field that is valid is passed on as it is, and ``tracestate`` with it.  One that is
not valid counts as missing, and then ``tracestate`` means nothing either.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from .exchange import Exchange
    from .request import Request

FIELDS: Final = frozenset((b"traceparent", b"tracestate"))

# Section 3.2: versions after 00 may have more behind the flags, and ff is none.
_VALID: Final = re.compile(
    rb"(?:00|(?!ff)[0-9a-f]{2}(?=.{53}(?:-|\Z)))-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-.*)?",
    re.DOTALL,
)


def trace_id(traceparent: bytes) -> bytes:
    """The id of the trace, 32 hexadecimal digits; empty for a field that is not valid."""
    found = _VALID.fullmatch(traceparent)
    if found is None or (found[2] is not None and traceparent[:2] == b"00"):
        return b""
    return found[1]


def trace_of(request: Request) -> bytes:
    """The id of the trace that the client has begun; empty for none.  Worked out once for a set of fields."""
    memo = request.memo
    if memo.trace is None:
        found = [line[12:].strip(b" \t") for line in request.lines if line[:12].lower() == b"traceparent:"]
        memo.trace = trace_id(found[0]) if len(found) == 1 else b""
    return memo.trace


class Tracer:
    """Begins traces.

    The flags of a new one say that it may be recorded, as if nobody stood in front of the member: those that decide for
    themselves whether to record a request would record none at all if panolb said no.

    :param digits: 48 hexadecimal digits by chance, in lower case.
    """

    __slots__ = ("_digits",)

    def __init__(self, digits: Callable[[], str]) -> None:
        self._digits = digits

    def line(self, exchange: Exchange) -> bytes:
        """The field for the member, with its end; empty where the client has begun a trace."""
        if trace_of(exchange.request):
            return b""
        if not exchange.trace:  # one for all attempts
            digits = self._digits().encode("ascii")
            exchange.trace = b"00-%b-%b-01" % (digits[:32], digits[32:])
        return b"traceparent: %b\r\n" % exchange.trace
