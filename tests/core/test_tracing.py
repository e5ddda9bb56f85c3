"""W3C Trace Context: what is a trace, and when a new one is begun."""

from __future__ import annotations

import re
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panolb.core.tracing import Tracer, trace_id, trace_of
from tests.core.building import ask
from tests.core.script import BOUND, Script

TRACE = b"4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = b"00f067aa0ba902b7"
VALID = b"00-%b-%b-01" % (TRACE, PARENT)

HEX = "0123456789abcdef"


def hexadecimal(digits: int) -> st.SearchStrategy[str]:
    """So many digits, not all of them 0."""
    return st.text(HEX, min_size=digits, max_size=digits).filter(lambda text: text.strip("0") != "")


@given(hexadecimal(32), hexadecimal(16), st.text(HEX, min_size=2, max_size=2))
def test_what_the_standard_allows_is_valid(trace: str, parent: str, flags: str) -> None:
    """Of version 00, and of versions to come, which may have more behind it."""
    field = f"{trace}-{parent}-{flags}"
    assert trace_id(f"00-{field}".encode()) == trace.encode()
    assert trace_id(f"cc-{field}".encode()) == trace.encode()
    assert trace_id(f"cc-{field}-what-the-future-brings".encode()) == trace.encode()


def by_the_book(field: bytes) -> bool:
    """Section 3.2 of level 1, word by word."""
    try:
        text = field.decode("ascii")
    except UnicodeDecodeError:
        return False
    if len(text) < 55 or any(text[place] != "-" for place in (2, 35, 52)):
        return False
    version, trace, parent, flags = text[:2], text[3:35], text[36:52], text[53:55]
    if any(set(part) - set(HEX) for part in (version, trace, parent, flags)) or version == "ff":
        return False
    if not trace.strip("0") or not parent.strip("0"):
        return False
    return len(text) == 55 if version == "00" else len(text) == 55 or text[55] == "-"


NEARLY = st.builds(
    lambda field, place, byte: field[:place] + byte + field[place + len(byte) :],
    st.sampled_from(
        [VALID, VALID.replace(b"00-4", b"cc-4"), VALID + b"-x", VALID.replace(b"00-4", b"01-4") + b"-x"]
    ),
    st.integers(0, 60),
    st.sampled_from([b"", b"-", b"0", b"f", b"F", b"g", b"\n", b" ", b"ff", b"0" * 16, b"0" * 32, b"\xff"]),
)


@given(NEARLY | st.binary(max_size=70))
def test_valid_is_what_the_standard_says(field: bytes) -> None:
    """And nothing else, however near."""
    assert trace_id(field) == (field[3:35] if by_the_book(field) else b"")


@pytest.mark.parametrize(
    ("lines", "trace"),
    [
        ([], b""),
        ([b"TraceParent:  " + VALID + b" "], TRACE),
        ([b"traceparent: " + VALID, b"traceparent: " + VALID], b""),
        ([b"traceparent: x"], b""),
    ],
)
def test_the_trace_of_a_request(lines: list[bytes], trace: bytes) -> None:
    """One field that is valid; of two nobody knows which counts."""
    request = ask(*lines)
    assert trace_of(request) == trace
    assert trace_of(request) == trace


def heads(*lines: bytes, tracer: bool = True) -> list[bytes]:
    """What a member gets of a request with these fields, and the one that is tried next."""
    script = Script(ask(BOUND, *lines))
    numbers = count(1)
    if tracer:
        script.exchange.location.tracer = Tracer(lambda: f"{next(numbers):048x}")
    head = script.exchange.location.request_head
    members = script.balancer.members
    return [head(script.exchange, member) or b"" for member in (members[0], members[0], members[1])]


def fields(head: bytes) -> list[bytes]:
    """Those of a head that are about traces."""
    return re.findall(rb"(?i)\r\n(trace[a-z]+: [^\r]*)", head)


def test_what_is_valid_is_passed_on() -> None:
    """As it came, with tracestate, whether new traces are begun or not."""
    sent = [b"traceparent: " + VALID, b"tracestate: a=b"]
    for tracer in (True, False):
        assert [fields(head) for head in heads(*sent, tracer=tracer)] == [sent] * 3


def test_a_new_trace() -> None:
    """The same one for all attempts of a request; a field that is not valid and its tracestate go no further."""
    new = [b"traceparent: 00-%032x-%016x-01" % (0, 1)]
    assert [fields(head) for head in heads()] == [new] * 3
    assert [fields(head) for head in heads(b"traceparent: x", b"Tracestate: a=b")] == [new] * 3


def test_nothing_is_done_unless_it_is_wanted() -> None:
    """What is not valid is the member's to judge then."""
    assert [fields(head) for head in heads(tracer=False)] == [[]] * 3
    sent = [b"traceparent: x", b"tracestate: a=b"]
    assert [fields(head) for head in heads(*sent, tracer=False)] == [sent] * 3
