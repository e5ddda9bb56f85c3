"""What the Autobahn test suite asks of a WebSocket's frames, group by group, in both lanes and both directions.

The suite itself needs Python 2.7 (``make conformance``).  Here both ends are the test's own, so that it sees not only
what an echo brings back but every byte that arrives.  Numbers such as 5.8 are the suite's cases.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass

import pytest

from tests.websocket.lab import LANES, Lab
from tests.websocket.peer import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Frame, Peer

BOTH = pytest.mark.parametrize("sender", ["client", "member"])
SPLICE = "splice"

HELLO = Frame(TEXT, b"Hello, world!")
ODD = b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff"


@dataclass(frozen=True)
class Stream:
    """Frames that one side sends.

    :ivar chop: bytes per write; 0 for all in one.
    :ivar good: of frames that break the rules: how many of them do not yet.
    """

    frames: list[Frame]
    chop: int = 0
    good: int = 0

    def send(self, peer: Peer, client: bool) -> bytes:
        """Send them in the background, since who sends much must be able to wait for who reads it."""
        wire = b"".join(frame.encode(client) for frame in self.frames)
        step = self.chop or len(wire)

        def send() -> None:
            with suppress(OSError):  # behind a broken rule nobody has to take it
                for at in range(0, len(wire), step):
                    peer.socket.sendall(wire[at : at + step])

        threading.Thread(target=send, daemon=True).start()
        return wire


def fragments(payload: bytes, size: int, opcode: int = TEXT) -> list[Frame]:
    """A message cut into frames."""
    cuts = range(0, len(payload), size)
    return [
        Frame(CONTINUATION if at else opcode, payload[at : at + size], fin=at + size >= len(payload))
        for at in cuts
    ]


def _sizes(opcode: int, filling: bytes) -> dict[str, Stream]:
    lengths = (0, 1, 125, 126, 127, 128, 65535, 65536)
    return {
        f"1: {length} bytes of kind {opcode}": Stream([Frame(opcode, filling * length)]) for length in lengths
    }


PART = [Frame(TEXT, b"fragment1", fin=False), Frame(CONTINUATION, b"fragment2")]
INTERRUPTED = [PART[0], Frame(PING, b"ping payload"), PART[1]]
PINGED_TWICE = [
    Frame(TEXT, b"fragment1", fin=False),
    Frame(CONTINUATION, b"fragment2", fin=False),
    Frame(PING, b"pongme 1!"),
    Frame(CONTINUATION, b"fragment3", fin=False),
    Frame(PING, b"pongme 2!"),
    Frame(CONTINUATION, b"fragment4"),
]
UMLAUTS = "Hello-µ@ßöäüàá-UTF-8!!".encode()
MEGABYTE = b"BAsd7&jh23------" * 65536

LEGAL: dict[str, Stream] = {
    **_sizes(TEXT, b"*"),
    **_sizes(BINARY, b"\xfe"),
    "1.1.8: 65536 bytes in chops of 997": Stream([Frame(TEXT, b"*" * 65536)], chop=997),
    "2.1: ping without payload": Stream([Frame(PING)]),
    "2.2: ping with text": Stream([Frame(PING, b"Hello, world!")]),
    "2.3: ping with bytes that are no text": Stream([Frame(PING, ODD)]),
    "2.4: ping of 125 bytes": Stream([Frame(PING, b"\xfe" * 125)]),
    "2.6: ping of 125 bytes, byte by byte": Stream([Frame(PING, b"\xfe" * 125)], chop=1),
    "2.7: pong that nobody asked for": Stream([Frame(PONG)]),
    "2.9: pong that nobody asked for, then a ping": Stream(
        [Frame(PONG, b"unsolicited"), Frame(PING, b"ping")]
    ),
    "2.10: ten pings": Stream([Frame(PING, b"payload-%d" % number) for number in range(10)]),
    "2.11: ten pings, byte by byte": Stream(
        [Frame(PING, b"payload-%d" % number) for number in range(10)], chop=1
    ),
    "5.3: two fragments": Stream(PART),
    "5.5: two fragments, byte by byte": Stream(PART, chop=1),
    "5.6: a ping between them": Stream(INTERRUPTED),
    "5.8: a ping between them, byte by byte": Stream(INTERRUPTED, chop=1),
    "5.19: pings within a message": Stream(PINGED_TWICE),
    "6.1.1: empty text": Stream([Frame(TEXT)]),
    "6.1.2: three empty fragments": Stream(
        [Frame(TEXT, fin=False), Frame(CONTINUATION, fin=False), Frame(CONTINUATION)]
    ),
    "6.1.3: only the middle one is not empty": Stream(
        [Frame(TEXT, fin=False), Frame(CONTINUATION, b"middle", fin=False), Frame(CONTINUATION)]
    ),
    "6.2.2: fragments between characters": Stream(fragments(UMLAUTS, len("Hello-µ@ßöä".encode()))),
    "6.2.3: fragments within characters": Stream(fragments(UMLAUTS, 1)),
    "9.1: a megabyte": Stream([Frame(TEXT, MEGABYTE)]),
    "9.2: a megabyte of bytes": Stream([Frame(BINARY, MEGABYTE)]),
    "9.3: a megabyte in fragments of 4096": Stream(fragments(MEGABYTE, 4096)),
    "9.4: a megabyte in fragments of 256 KiB": Stream(fragments(MEGABYTE, 1 << 18, BINARY)),
    "9.5: a megabyte in chops of 64 KiB": Stream([Frame(TEXT, MEGABYTE)], chop=1 << 16),
    "9.6: 64 KiB in chops of 512": Stream([Frame(BINARY, MEGABYTE[: 1 << 16])], chop=512),
    "9.7: a thousand small messages": Stream([Frame(TEXT, b"*" * 16)] * 1000),
    "10.1: 65536 bytes in fragments of 1300": Stream(fragments(b"*" * 65536, 1300)),
}

ILLEGAL: dict[str, Stream] = {
    "2.5: ping of 126 bytes": Stream([Frame(PING, b"\xfe" * 126)]),
    "3.1: reserved bit 1 without an extension": Stream([Frame(TEXT, b"Hello", rsv=4)]),
    "3.2: reserved bit 2, then a ping": Stream([HELLO, Frame(TEXT, b"Hello", rsv=2), Frame(PING)], good=1),
    "3.3: bits 2 and 3": Stream([HELLO, Frame(TEXT, b"Hello", rsv=3), Frame(PING)], good=1),
    "3.4: bit 3, byte by byte": Stream([HELLO, Frame(TEXT, b"Hello", rsv=1), Frame(PING)], good=1, chop=1),
    "3.5: bits 1 and 3": Stream([Frame(BINARY, ODD, rsv=5)]),
    "3.6: bits 1 and 2 on a ping": Stream([Frame(PING, b"Hello", rsv=6)]),
    "3.7: all bits on a close": Stream([Frame(CLOSE, rsv=7)]),
    **{f"4.1: opcode {opcode}": Stream([Frame(opcode)]) for opcode in range(3, 8)},
    **{f"4.2: opcode {opcode}": Stream([Frame(opcode, b"reserved")]) for opcode in range(11, 16)},
    "4.1.4: opcode 6 behind a message": Stream([HELLO, Frame(6, b"Hello"), Frame(PING)], good=1),
    "4.1.5: opcode 7 behind a message, byte by byte": Stream(
        [HELLO, Frame(7, b"x"), Frame(PING)], good=1, chop=1
    ),
    "4.2.5: opcode 15 behind a message, byte by byte": Stream(
        [HELLO, Frame(15), Frame(PING)], good=1, chop=1
    ),
    "5.1: ping in fragments": Stream([Frame(PING, b"1", fin=False), Frame(CONTINUATION, b"2")]),
    "5.2: pong in fragments": Stream([Frame(PONG, b"1", fin=False), Frame(CONTINUATION, b"2")]),
    "5.9: the end of nothing": Stream([Frame(CONTINUATION, b"nothing"), HELLO]),
    "5.11: the end of nothing, byte by byte": Stream([Frame(CONTINUATION, b"nothing"), HELLO], chop=1),
    "5.12: the middle of nothing": Stream([Frame(CONTINUATION, b"nothing", fin=False), HELLO]),
    "5.15: the middle of nothing behind a message": Stream(
        [*PART, Frame(CONTINUATION, b"nothing", fin=False), HELLO], good=2
    ),
    "5.18: a message within a message": Stream([PART[0], Frame(TEXT, b"fragment2")], good=1),
}


def _ends(here: Peer, there: Peer, code: int) -> None:
    """The one is told goodbye, answers, and both connections end without another byte."""
    assert there.closed()[0] == code
    there.close_frame(code)
    assert here.closed()[0] == code
    assert here.ended()


@LANES
@BOTH
@pytest.mark.parametrize("name", LEGAL)
def test_legal_frames_arrive_unchanged(lab: Lab, lane: str, sender: str, name: str) -> None:
    """In splice byte by byte, mask and all; in messages frame by frame.  Nothing comes before the close behind them."""
    stream = LEGAL[name]
    here, there = lab.open().direction(sender)
    wire = stream.send(here, sender == "client")
    if lane == SPLICE:
        assert there._take(len(wire)) == wire
    else:
        assert [there.frame() for _ in stream.frames] == stream.frames
    here.close_frame(1000, "done")
    assert there.closed() == (1000, "done")
    there.close_frame(1000, "done")
    assert here.closed() == (1000, "done")


@LANES
@BOTH
@pytest.mark.parametrize("name", ILLEGAL)
def test_illegal_frames_end_it(lab: Lab, lane: str, sender: str, name: str) -> None:
    """What is legal before them arrives, nothing behind it does, and both sides are closed with 1002."""
    stream = ILLEGAL[name]
    here, there = lab.open().direction(sender)
    stream.send(here, sender == "client")
    assert [there.frame() for _ in range(stream.good)] == stream.frames[: stream.good]
    _ends(here, there, 1002)


@BOTH
def test_answer_on_its_way_arrives_before_the_close(lab: Lab, sender: str) -> None:
    """3.2 in splice: who breaks the rules still gets the echo of the message before, as without a proxy."""
    here, there = lab.open().direction(sender)
    ILLEGAL["3.2: reserved bit 2, then a ping"].send(here, sender == "client")
    assert there.frame() == HELLO
    assert there.closed()[0] == 1002
    there.send(TEXT, HELLO.payload)
    there.close_frame(1002)
    assert here.frame() == HELLO
    assert here.closed()[0] == 1002
    assert here.ended()


@LANES
@BOTH
@pytest.mark.parametrize(
    "length", [b"\x7e\x00\x7d", b"\x7f" + bytes(7) + b"\x7d", b"\x7f" + bytes(6) + b"\xff\xff"]
)
def test_length_in_more_bytes_than_needed(lab: Lab, sender: str, length: bytes) -> None:
    """RFC 6455 section 5.2; the suite does not ask it."""
    here, there = lab.open().direction(sender)
    mask = sender == "client"
    here.socket.sendall(b"\x82" + bytes((length[0] | mask << 7,)) + length[1:] + b"mask" * mask)
    _ends(here, there, 1002)
