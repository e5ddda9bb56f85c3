"""What the Autobahn test suite asks of UTF-8 (its group 6), with the sequences of Markus Kuhn's stress test.

Only the lane of messages looks at text; the splice passes it on as it comes.
"""

from __future__ import annotations

import pytest

from tests.websocket.lab import LANES, MESSAGES, Lab
from tests.websocket.peer import CONTINUATION, TEXT, Frame, Peer

BOTH = pytest.mark.parametrize("sender", ["client", "member"])

WORD = "κ\u1f79σμε"  # of two, three, two, two and two bytes
KAPPA = WORD.encode()

VALID = [
    *(f"hello{character}world".encode() for character in ("$", "¢", "€", "\U00024b62")),
    *(WORD[:length].encode() for length in range(1, 6)),
    *(chr(point).encode() for point in (0, 0x80, 0x800, 0x10000, 0x7F, 0x7FF, 0xFFFF, 0x10FFFF)),
    *(chr(point).encode() for point in (0xD7FF, 0xE000, 0xFFFD, 0xFFF9, 0xFFFA, 0xFFFB, 0xFFFC, 0xFFFE)),
    *(chr(plane << 16 | 0xFFFE).encode() for plane in range(1, 17)),
]

_LONELY = [
    b"".join(bytes((start, 0x20)) for start in range(first, last))
    for first, last in ((0xC0, 0xDF), (0xE0, 0xEF), (0xF0, 0xF7), (0xF8, 0xFB), (0xFC, 0xFD))
]
_CUT = [
    *(b"\xc0", b"\xe0\x80", b"\xf0\x80\x80", b"\xf8\x80\x80\x80", b"\xfc\x80\x80\x80\x80"),
    *(b"\xdf", b"\xef\xbf", b"\xf7\xbf\xbf", b"\xfb\xbf\xbf\xbf", b"\xfd\xbf\xbf\xbf\xbf"),
]
INVALID = [
    *(KAPPA[:length] for length in (1, 3, 4, 6, 8, 10)),
    *(b"\xf8\x88\x80\x80\x80", b"\xfc\x84\x80\x80\x80\x80"),
    *(b"\xf7\xbf\xbf\xbf", b"\xfb\xbf\xbf\xbf\xbf", b"\xfd\xbf\xbf\xbf\xbf\xbf", b"\xf4\x90\x80\x80"),
    *(b"\x80", b"\xbf", b"\x80\xbf", b"\x80\xbf\x80", bytes(range(0x80, 0xBF))),
    *_LONELY,
    *_CUT,
    b"".join(_CUT),
    *(b"\xfe", b"\xff", b"\xfe\xfe\xff\xff"),
    *(
        b"\xc0\xaf",
        b"\xe0\x80\xaf",
        b"\xf0\x80\x80\xaf",
        b"\xf8\x80\x80\x80\xaf",
        b"\xfc\x80\x80\x80\x80\xaf",
    ),
    *(
        b"\xc1\xbf",
        b"\xe0\x9f\xbf",
        b"\xf0\x8f\xbf\xbf",
        b"\xf8\x87\xbf\xbf\xbf",
        b"\xfc\x83\xbf\xbf\xbf\xbf",
    ),
    *(b"\xc0\x80", b"\xe0\x80\x80", b"\xf0\x80\x80\x80"),
    *(b"\xed\xa0\x80", b"\xed\xad\xbf", b"\xed\xae\x80", b"\xed\xaf\xbf", b"\xed\xb0\x80", b"\xed\xbf\xbf"),
    *(b"\xed\xa0\x80\xed\xb0\x80", b"\xed\xad\xbf\xed\xbf\xbf", b"\xed\xaf\xbf\xed\xbf\xbf"),
    KAPPA + b"\xed\xa0\x80edited",
]


def cut(payload: bytes) -> list[Frame]:
    """A text message in frames of one byte."""
    last = len(payload) - 1
    return [
        Frame(CONTINUATION if at else TEXT, payload[at : at + 1], fin=at == last)
        for at in range(len(payload))
    ]


def send(peer: Peer, sender: str, frames: list[Frame]) -> None:
    """Send them in one go."""
    peer.socket.sendall(b"".join(frame.encode(sender == "client") for frame in frames))


def _ends(here: Peer, there: Peer) -> None:
    """Both are told that it is no UTF-8, and the connection ends without another byte."""
    assert there.closed()[0] == 1007
    there.close_frame(1007)
    assert here.closed()[0] == 1007
    assert here.ended()


@LANES
@BOTH
def test_valid_text_passes(lab: Lab, sender: str) -> None:
    """6.5 to 6.7, 6.9, 6.11, 6.22 and 6.23: whole, and cut into single bytes."""
    here, there = lab.open().direction(sender)
    for payload in VALID:
        for frames in ([Frame(TEXT, payload)], cut(payload)):
            send(here, sender, frames)
            assert [there.frame() for _ in frames] == frames


@BOTH
def test_splice_does_not_look_at_text(lab: Lab, sender: str) -> None:
    """6.3 and all that follows in splice: what is no UTF-8 is for the receiver to refuse, and all of it arrives."""
    here, there = lab.open().direction(sender)
    for payload in INVALID:
        for frames in ([Frame(TEXT, payload)], cut(payload)):
            send(here, sender, frames)
            assert [there.frame() for _ in frames] == frames


@MESSAGES
@BOTH
def test_invalid_text_ends_it(lab: Lab, sender: str) -> None:
    """6.3 and all that follows in messages: 1007 to both, and nothing of the message arrives."""
    for payload in INVALID:
        here, there = lab.open().direction(sender)
        send(here, sender, [Frame(TEXT, payload)])
        assert there.closed()[0] == 1007, payload
        assert here.closed()[0] == 1007, payload


@MESSAGES
@BOTH
@pytest.mark.parametrize("bad", [b"\xf4\x90\x80\x80", b"\xf4\x90", b"\xed\xa0"], ids=bytes.hex)
def test_invalid_text_is_refused_at_once(lab: Lab, sender: str, bad: bytes) -> None:
    """6.4.1 and 6.4.2: at the fragment that makes it invalid, though the message goes on."""
    here, there = lab.open().direction(sender)
    good = Frame(TEXT, KAPPA, fin=False)
    send(here, sender, [good, Frame(CONTINUATION, bad, fin=False)])
    assert there.frame() == good
    _ends(here, there)


@MESSAGES
@BOTH
def test_invalid_text_is_refused_within_a_frame(lab: Lab, sender: str) -> None:
    """6.4.3 and 6.4.4: at the byte that makes it invalid, though the frame is not complete."""
    here, there = lab.open().direction(sender)
    wire = Frame(TEXT, KAPPA + b"\xf4\x90" + b"edited" * 3).encode(sender == "client")
    here.socket.sendall(wire[:-18])
    _ends(here, there)


def test_splice_passes_a_clients_frame_as_it_comes(lab: Lab) -> None:
    """6.4.3 in splice: the member gets the bytes in time to refuse them itself."""
    pair = lab.open()
    wire = Frame(TEXT, KAPPA + b"\xf4\x90" + b"edited" * 3).encode(mask=True)
    pair.browser.socket.sendall(wire[:-18])
    assert pair.member._take(len(wire) - 18) == wire[:-18]
    pair.member.close_frame(1007, "no UTF-8")
    assert pair.browser.closed() == (1007, "no UTF-8")
