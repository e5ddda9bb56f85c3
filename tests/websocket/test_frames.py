"""Frames between the handshake and the close: they arrive as they were sent, both ways."""

from __future__ import annotations

import itertools
import os

import pytest
from websockets.sync.server import ServerConnection

from tests.websocket.lab import LANES, Lab
from tests.websocket.peer import BINARY, CONTINUATION, PING, PONG, TEXT, Frame

pytestmark = LANES
BOTH = pytest.mark.parametrize("sender", ["client", "member"])
MIB = 1 << 20


@BOTH
@pytest.mark.parametrize(
    "frame",
    [
        Frame(TEXT, "Grüße, 世界 🎛".encode()),
        Frame(BINARY, bytes(range(256))),
        Frame(TEXT),
        Frame(BINARY),
        Frame(BINARY, b"x" * 125),
        Frame(BINARY, b"x" * 126),
        Frame(BINARY, b"x" * 65535),
        Frame(BINARY, b"x" * 65536),
    ],
    ids=["text", "binary", "empty text", "empty binary", "125", "126", "65535", "65536"],
)
def test_message_arrives(lab: Lab, sender: str, frame: Frame) -> None:
    """Type and payload are kept, at every boundary of the length's encoding."""
    here, there = lab.open().direction(sender)
    here.send(frame.opcode, frame.payload)
    assert there.frame() == frame


@BOTH
def test_messages_of_a_mebibyte_arrive(lab: Lab, sender: str) -> None:
    """Large messages, one behind the other, byte for byte."""
    here, there = lab.open().direction(sender)
    for _ in range(3):
        payload = os.urandom(MIB)
        here.send(BINARY, payload)
        assert there.message() == payload


@BOTH
def test_many_messages_in_one_segment_keep_their_order(lab: Lab, sender: str) -> None:
    """A burst of small frames arrives in order and complete."""
    pair = lab.open()
    here, there = pair.direction(sender)
    burst = b"".join(Frame(TEXT, b"%d" % n).encode(sender == "client") for n in range(500))
    here.socket.sendall(burst)
    assert [there.frame().payload for _ in range(500)] == [b"%d" % n for n in range(500)]


@BOTH
def test_frame_cut_into_single_bytes_arrives(lab: Lab, sender: str) -> None:
    """Wherever the network cuts, the frame is the same."""
    here, there = lab.open().direction(sender)
    for byte in Frame(TEXT, b"in pieces").encode(sender == "client"):
        here.socket.sendall(bytes((byte,)))
    assert there.frame() == Frame(TEXT, b"in pieces")


@BOTH
@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_fragments_arrive_as_fragments_and_promptly(lab: Lab, sender: str, opcode: int) -> None:
    """Each fragment arrives before the next is sent, so a long message need not be held; empty ones count too."""
    here, there = lab.open().direction(sender)
    here.send(opcode, b"first", fin=False)
    assert there.frame() == Frame(opcode, b"first", fin=False)
    for piece in (b"second", b"", b"third"):
        here.send(CONTINUATION, piece, fin=False)
        assert there.frame() == Frame(CONTINUATION, piece, fin=False)
    here.send(CONTINUATION, b"last")
    assert there.frame() == Frame(CONTINUATION, b"last")
    here.send(opcode, b"another")
    assert there.frame() == Frame(opcode, b"another")


@BOTH
def test_character_cut_by_a_fragment_arrives(lab: Lab, sender: str) -> None:
    """Only the whole text must be UTF-8; a fragment may end within a character."""
    here, there = lab.open().direction(sender)
    euro = "€".encode()
    here.send(TEXT, euro[:1], fin=False)
    assert there.frame() == Frame(TEXT, euro[:1], fin=False)
    here.send(CONTINUATION, euro[1:])
    assert there.frame() == Frame(CONTINUATION, euro[1:])


@BOTH
def test_ping_within_a_fragmented_message(lab: Lab, sender: str) -> None:
    """A ping between two fragments arrives between them, and its pong comes back between them."""
    here, there = lab.open().direction(sender)
    here.send(TEXT, b"one ", fin=False)
    here.send(PING, b"alive?")
    assert there.frame() == Frame(TEXT, b"one ", fin=False)
    assert there.frame() == Frame(PING, b"alive?")
    there.send(PONG, b"alive?")
    assert here.frame() == Frame(PONG, b"alive?")
    here.send(CONTINUATION, b"two")
    assert there.frame() == Frame(CONTINUATION, b"two")


@BOTH
@pytest.mark.parametrize("payload", [b"", b"tick", bytes(range(125))], ids=["empty", "short", "longest"])
def test_ping_and_pong_cross_end_to_end(lab: Lab, sender: str, payload: bytes) -> None:
    """A ping is answered by the other end, not by panolb: who is asked is who answers."""
    here, there = lab.open().direction(sender)
    here.send(PING, payload)
    assert there.frame() == Frame(PING, payload)
    there.send(TEXT, b"busy, one moment")
    assert here.frame() == Frame(TEXT, b"busy, one moment")  # and no pong before it
    there.send(PONG, payload)
    assert here.frame() == Frame(PONG, payload)


@BOTH
def test_unsolicited_pong_arrives(lab: Lab, sender: str) -> None:
    """A pong that nobody asked for is a one-way heartbeat (RFC 6455 section 5.5.3) and passes."""
    here, there = lab.open().direction(sender)
    here.send(PONG, b"heartbeat")
    here.send(TEXT, b"and on")
    assert there.frame() == Frame(PONG, b"heartbeat")
    assert there.frame() == Frame(TEXT, b"and on")


def test_both_directions_at_once(lab: Lab) -> None:
    """The two ways are independent: fragments of one do not disturb those of the other."""
    pair = lab.open()
    pair.browser.send(TEXT, b"a", fin=False)
    pair.member.send(BINARY, b"b", fin=False)
    assert pair.member.frame() == Frame(TEXT, b"a", fin=False)
    assert pair.browser.frame() == Frame(BINARY, b"b", fin=False)
    pair.browser.send(CONTINUATION, b"c")
    pair.member.send(CONTINUATION, b"d")
    assert pair.member.frame() == Frame(CONTINUATION, b"c")
    assert pair.browser.frame() == Frame(CONTINUATION, b"d")


def test_library_sees_fragments(lab: Lab) -> None:
    """A real client streams a message, a real server reads it while it comes and pings in between."""
    seen: list[str] = []

    def read(connection: ServerConnection) -> None:
        for fragment in connection.recv_streaming():
            assert isinstance(fragment, str)
            seen.append(fragment)
            connection.send(f"got {fragment}")
        assert connection.ping("end").wait(10)
        connection.send("done")

    lab.plain.conversation = read
    with lab.dial("/plain", compression=None) as client:

        def message() -> itertools.chain[str]:
            return itertools.chain.from_iterable(_one_by_one())

        def _one_by_one() -> list[list[str]]:
            return [["a"], ["b"], ["c"]]

        client.send(message())
        answers = [client.recv(timeout=10) for _ in range(4)]
    assert seen[:3] == ["a", "b", "c"]
    assert answers[:3] == ["got a", "got b", "got c"]
