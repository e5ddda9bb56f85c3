"""Who breaks the rules of RFC 6455 hears which one, and the other side is not left alone.

In the splice only headers are looked at, and close frames; what is no text in a text passes.
"""

from __future__ import annotations

import socket
import struct

import pytest

from tests.harness.waiting import until
from tests.websocket.lab import LANES, MESSAGES, Lab
from tests.websocket.peer import BINARY, CLOSE, CONTINUATION, PING, TEXT, Frame, Peer

BOTH = pytest.mark.parametrize("sender", ["client", "member"])

OF_FRAMES: dict[str, tuple[int, list[Frame]]] = {
    "first reserved bit": (1002, [Frame(TEXT, b"x", rsv=4)]),
    "second reserved bit": (1002, [Frame(TEXT, b"x", rsv=2)]),
    "third reserved bit on a ping": (1002, [Frame(PING, b"x", rsv=1)]),
    "reserved opcode": (1002, [Frame(3, b"x")]),
    "reserved control opcode": (1002, [Frame(11, b"x")]),
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
}

OF_PAYLOADS: dict[str, tuple[int, list[Frame]]] = {
    "bad UTF-8": (1007, [Frame(TEXT, b"abc\xff")]),
    "overlong UTF-8": (1007, [Frame(TEXT, b"\xc0\xaf")]),
    "surrogate": (1007, [Frame(TEXT, b"\xed\xa0\x80")]),
    "UTF-8 that ends early": (1007, [Frame(TEXT, "€".encode()[:2])]),
    "bad UTF-8 in a later fragment": (1007, [Frame(TEXT, b"good ", False), Frame(CONTINUATION, b"\xff")]),
    "close reason that is no UTF-8": (1007, [Frame(CLOSE, b"\x03\xe8\xff")]),
    "close code 1016": (1002, [Frame(CLOSE, struct.pack("!H", 1016))]),
    "close code 2999": (1002, [Frame(CLOSE, struct.pack("!H", 2999))]),
}


def _offend(here: Peer, frames: list[Frame]) -> None:
    for frame in frames:
        here.send(frame.opcode, frame.payload, fin=frame.fin, rsv=frame.rsv)


def _sees_a_close(there: Peer, code: int) -> None:
    """A side that has broken no rule gets nothing of the offence but the code."""
    got = there.frame()
    while got.opcode != CLOSE:
        assert not got.fin and got.payload in (b"good ", b"a"), got  # rightful fragments may have passed
        got = there.frame()
    assert struct.unpack("!H", got.payload[:2])[0] == code


@LANES
@BOTH
@pytest.mark.parametrize("violation", OF_FRAMES)
def test_broken_frame_is_named_and_ends_both_sides(lab: Lab, sender: str, violation: str) -> None:
    """Both sides get 1002 and nothing of the offence: the offender when the other one has said its last words."""
    code, frames = OF_FRAMES[violation]
    here, there = lab.open().direction(sender)
    _offend(here, frames)
    _sees_a_close(there, code)
    there.close_frame(code)
    assert here.closed()[0] == code
    if sender == "client":
        assert here.ended()


@MESSAGES
@BOTH
@pytest.mark.parametrize("violation", [*OF_FRAMES, *OF_PAYLOADS])
def test_message_that_breaks_the_rules_is_named_at_once(lab: Lab, sender: str, violation: str) -> None:
    """In the lane of messages the offender need not wait for the other side, and payloads are looked at too."""
    code, frames = {**OF_FRAMES, **OF_PAYLOADS}[violation]
    here, there = lab.open().direction(sender)
    _offend(here, frames)
    assert here.closed()[0] == code
    _sees_a_close(there, code)


@BOTH
@pytest.mark.parametrize("violation", OF_PAYLOADS)
def test_splice_does_not_look_into_payloads(lab: Lab, sender: str, violation: str) -> None:
    """What is wrong within a payload is for the other end to find; it passes as it is, codes of tomorrow too."""
    _, frames = OF_PAYLOADS[violation]
    here, there = lab.open().direction(sender)
    _offend(here, frames)
    for frame in frames:
        assert there.frame() == frame


def test_other_side_has_its_last_words(lab: Lab) -> None:
    """In the splice a client that broke the rules still gets what its member says before it answers the close."""
    pair = lab.open()
    pair.browser.send(3, b"bad")
    assert pair.member.closed()[0] == 1002
    pair.member.send(TEXT, b"by the way")
    assert pair.browser.frame() == Frame(TEXT, b"by the way")
    pair.member.close_frame(1002)
    assert pair.browser.closed()[0] == 1002


def test_offender_need_not_wait_for_ever(lab: Lab) -> None:
    """When the other side does not answer, the offender is told all the same, and its connection ends."""
    pair = lab.open()
    pair.browser.send(3, b"bad")
    assert pair.member.closed()[0] == 1002
    assert pair.browser.closed()[0] == 1002
    assert pair.browser.ended()


@LANES
def test_unmasked_frame_of_a_client(lab: Lab) -> None:
    """A client must mask (RFC 6455 section 5.1)."""
    pair = lab.open()
    pair.browser.send(TEXT, b"bare", masked=False)
    assert pair.member.closed()[0] == 1002
    pair.member.close_frame(1002)
    assert pair.browser.closed()[0] == 1002


@LANES
def test_masked_frame_of_a_member(lab: Lab) -> None:
    """A server must not."""
    pair = lab.open()
    pair.member.send(TEXT, b"disguised", masked=True)
    assert pair.browser.closed()[0] == 1002
    pair.browser.close_frame(1002)
    assert pair.member.closed()[0] == 1002


@LANES
@BOTH
@pytest.mark.parametrize(
    "length", [b"\x7e\x00\x7d", b"\x7f" + struct.pack("!Q", 0xFFFF), b"\x7f" + b"\xff" * 8]
)
def test_length_that_is_not_encoded_as_it_must_be(lab: Lab, sender: str, length: bytes) -> None:
    """Longer than needed, or with its first bit set (RFC 6455 section 5.2)."""
    here, there = lab.open().direction(sender)
    first, key = (b"\x82", b"") if sender == "member" else (b"\x82", b"\x00" * 4)
    if sender == "client":
        length = bytes((length[0] | 0x80,)) + length[1:]
    here.socket.sendall(first + length + key)
    assert there.closed()[0] == 1002
    there.close_frame(1002)
    assert here.closed()[0] == 1002


@LANES
@BOTH
def test_nothing_passes_after_a_violation(lab: Lab, sender: str) -> None:
    """What an offender goes on to send is not passed on."""
    here, there = lab.open().direction(sender)
    burst = (Frame(3, b"bad"), Frame(TEXT, b"as if nothing had happened"), Frame(PING, b"nor this"))
    here.socket.sendall(b"".join(frame.encode(sender == "client") for frame in burst))
    assert there.closed()[0] == 1002
    there.close_frame(1002)
    assert here.closed()[0] == 1002
    if sender == "client":
        there.socket.shutdown(socket.SHUT_WR)  # it is the server that ends the connection
    assert there.ended()


@LANES
def test_offender_that_goes_on_sending_hears_why(lab: Lab) -> None:
    """Megabytes behind the offence do not destroy the close frame: they are read and thrown away."""
    pair = lab.open()
    pair.browser.send(3, b"bad")
    for _ in range(64):
        pair.browser.send(BINARY, b"x" * (64 << 10))
    assert pair.member.closed()[0] == 1002
    pair.member.close_frame(1002)
    assert pair.browser.closed()[0] == 1002
    assert pair.browser.ended()


@MESSAGES
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


@MESSAGES
def test_sender_of_a_message_far_above_the_limit_hears_why(lab: Lab) -> None:
    """It has sent megabytes before it reads: they must not cost it the close frame."""
    pair = lab.open("/small")
    pair.browser.send(BINARY, b"x" * (8 << 20))
    assert pair.browser.closed()[0] == 1009
    assert pair.browser.ended()
    assert pair.member.closed()[0] == 1009
