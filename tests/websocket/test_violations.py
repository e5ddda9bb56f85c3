"""Who breaks the rules of RFC 6455 hears which one, and the other side is not left alone."""

from __future__ import annotations

import struct

import pytest

from tests.harness.waiting import until
from tests.websocket.lab import Lab
from tests.websocket.peer import BINARY, CLOSE, CONTINUATION, PING, TEXT, Frame

BOTH = pytest.mark.parametrize("sender", ["client", "member"])

VIOLATIONS: dict[str, tuple[int, list[Frame]]] = {
    "first reserved bit": (1002, [Frame(TEXT, b"x", rsv=4)]),
    "second reserved bit": (1002, [Frame(TEXT, b"x", rsv=2)]),
    "third reserved bit on a ping": (1002, [Frame(PING, b"x", rsv=1)]),
    "reserved opcode": (1002, [Frame(3, b"x")]),
    "reserved control opcode": (1002, [Frame(11, b"x")]),
    "bad UTF-8": (1007, [Frame(TEXT, b"abc\xff")]),
    "overlong UTF-8": (1007, [Frame(TEXT, b"\xc0\xaf")]),
    "surrogate": (1007, [Frame(TEXT, b"\xed\xa0\x80")]),
    "UTF-8 that ends early": (1007, [Frame(TEXT, "€".encode()[:2])]),
    "bad UTF-8 in a later fragment": (1007, [Frame(TEXT, b"good ", False), Frame(CONTINUATION, b"\xff")]),
    "fragmented ping": (1002, [Frame(PING, b"x", fin=False)]),
    "fragmented close": (1002, [Frame(CLOSE, b"\x03\xe8", fin=False)]),
    "ping of 126 bytes": (1002, [Frame(PING, b"x" * 126)]),
    "continuation of nothing": (1002, [Frame(CONTINUATION, b"x")]),
    "message within a message": (1002, [Frame(TEXT, b"a", fin=False), Frame(TEXT, b"b")]),
    "close of one byte": (1002, [Frame(CLOSE, b"\x03")]),
    "close code 999": (1002, [Frame(CLOSE, struct.pack("!H", 999))]),
    "close code 1005": (1002, [Frame(CLOSE, struct.pack("!H", 1005))]),
    "close code 1006": (1002, [Frame(CLOSE, struct.pack("!H", 1006))]),
    "close code 5000": (1002, [Frame(CLOSE, struct.pack("!H", 5000))]),
    "close reason that is no UTF-8": (1007, [Frame(CLOSE, b"\x03\xe8\xff")]),
}


@BOTH
@pytest.mark.parametrize("violation", VIOLATIONS)
def test_violation_is_named_and_ends_both_sides(lab: Lab, sender: str, violation: str) -> None:
    """The offender gets the right code, the other side a close frame, and nothing of the offence."""
    code, frames = VIOLATIONS[violation]
    pair = lab.open()
    here, there = pair.direction(sender)
    for frame in frames:
        here.send(frame.opcode, frame.payload, fin=frame.fin, rsv=frame.rsv)
    assert here.closed()[0] == code
    got = there.frame()
    while got.opcode != CLOSE:
        assert not got.fin and got.payload in (b"good ", b"a"), got  # rightful fragments may have passed
        got = there.frame()
    assert struct.unpack("!H", got.payload[:2])[0] in (1001, 1002, 1007, 1011)


def test_unmasked_frame_of_a_client(lab: Lab) -> None:
    """A client must mask (RFC 6455 section 5.1)."""
    pair = lab.open()
    pair.browser.send(TEXT, b"bare", masked=False)
    assert pair.browser.closed()[0] == 1002
    assert pair.member.closed()[0] in (1001, 1002)


def test_masked_frame_of_a_member(lab: Lab) -> None:
    """A server must not."""
    pair = lab.open()
    pair.member.send(TEXT, b"disguised", masked=True)
    assert pair.member.closed()[0] == 1002
    assert pair.browser.closed()[0] in (1001, 1002, 1011)


@BOTH
def test_nothing_passes_after_a_violation(lab: Lab, sender: str) -> None:
    """What an offender goes on to send is not passed on."""
    here, there = lab.open().direction(sender)
    here.send(3, b"bad")
    here.send(TEXT, b"as if nothing had happened")
    assert here.closed()[0] == 1002
    there.closed()
    here.socket.close()
    there.socket.close()
    until(lambda: lab.busy() == 0, "the WebSocket to be over")


@BOTH
@pytest.mark.parametrize("kind", ["one frame", "fragments", "announced only"])
def test_message_above_the_limit(lab: Lab, sender: str, kind: str) -> None:
    """1009 to whoever sent it, and the other side is told; an announced length is enough to know."""
    here, there = lab.open("/small").direction(sender)
    here.send(BINARY, b"x" * 1024)
    assert there.message() == b"x" * 1024
    if kind == "one frame":
        here.send(BINARY, b"x" * 1025)
    elif kind == "fragments":
        here.send(BINARY, b"x" * 1000, fin=False)
        assert there.frame() == Frame(BINARY, b"x" * 1000, fin=False)
        here.send(CONTINUATION, b"x" * 25)
    else:
        here.socket.sendall(Frame(BINARY, b"x" * (1 << 20)).encode(sender == "client")[:500])
    assert here.closed()[0] == 1009
    assert there.closed()[0] == 1009
    here.socket.close()
    there.socket.close()
    until(lambda: lab.busy() == 0, "the WebSocket to be over")


def test_length_beyond_all_reason(lab: Lab) -> None:
    """A frame that announces 2^63 bytes has an illegal length (RFC 6455 section 5.2)."""
    pair = lab.open()
    pair.browser.socket.sendall(b"\x82\xff" + struct.pack("!Q", 1 << 63) + b"\x00\x00\x00\x00")
    assert pair.browser.closed()[0] in (1002, 1009)
    assert pair.member.closed()[0] in (1001, 1002, 1009)
