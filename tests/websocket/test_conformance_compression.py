"""What the Autobahn test suite asks of permessage-deflate (RFC 7692; its groups 12 and 13), in both lanes.

In splice the two ends agree with each other; in messages each agrees with panolb.  So the test keeps, on each side, to
what was agreed upon there, and decompresses with no more window than that: who uses more is found out.
"""

from __future__ import annotations

import json
import random
import zlib

import pytest

from tests.websocket.lab import LANES, Lab
from tests.websocket.peer import BINARY, CONTINUATION, PING, TEXT, Frame, Peer

NAME = "permessage-deflate"
TAIL = b"\x00\x00\xff\xff"  # RFC 7692 section 7.2.1
DEFLATE = f"Sec-WebSocket-Extensions: {NAME}"
STEP = 200  # bytes inflated at a time, less than the smallest window: zlib only sees what it must keep


class Deflate:
    """One direction of one side.

    :param bits: the size of its window; ``takeover``: whether it outlives a message.
    """

    def __init__(self, bits: int, takeover: bool) -> None:
        self._bits = bits
        self._takeover = takeover
        self._begin()

    def _begin(self) -> None:
        self._compressor = zlib.compressobj(wbits=-self._bits)
        self._decompressor = zlib.decompressobj(wbits=-self._bits)

    def pack(self, message: bytes, size: int) -> list[Frame]:
        """A compressed message, in frames of ``size`` bytes at most."""
        packed = (self._compressor.compress(message) + self._compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]
        if not self._takeover:
            self._begin()
        cuts = range(0, len(packed) or 1, size)
        return [
            Frame(
                CONTINUATION if at else BINARY,
                packed[at : at + size],
                fin=at + size >= len(packed),
                rsv=0 if at else 4,
            )
            for at in cuts
        ]

    def unpack(self, frames: list[Frame]) -> bytes:
        """The message in some frames.

        :raises zlib.error: when it needs more than the window.
        """
        data = b"".join(frame.payload for frame in frames)
        if frames[0].rsv == 0:
            return data  # the sender chose not to compress it
        pieces = []
        data += TAIL
        while piece := self._decompressor.decompress(data, STEP):
            pieces.append(piece)
            data = self._decompressor.unconsumed_tail
        if not self._takeover:
            self._begin()
        return b"".join(pieces)


def agreed(header: str, side: str) -> Deflate:
    """What an answered Sec-WebSocket-Extensions says of the messages that ``client`` or ``server`` sends."""
    first, *parameters = (part.strip() for part in header.split(";"))
    assert first == NAME, header
    values = {name: value for name, _, value in (parameter.partition("=") for parameter in parameters)}
    bits = int(values.get(f"{side}_max_window_bits") or 15)
    return Deflate(bits, f"{side}_no_context_takeover" not in values)


def read(peer: Peer) -> list[Frame]:
    """The frames of the next message; none but the first may say that it is compressed."""
    frames = [peer.frame()]
    while not frames[-1].fin:
        frames.append(peer.frame())
    assert [frame.opcode for frame in frames] == [BINARY] + [CONTINUATION] * (len(frames) - 1)
    assert all(frame.rsv == 0 for frame in frames[1:]), (
        "only a message's first frame says that it is compressed"
    )
    return frames


def _messages() -> list[bytes]:
    """Of the suite's kinds: JSON, what cannot be compressed, and what repeats itself from farther away than a small window."""
    chance = random.Random(7)
    sheet = json.dumps([{"id": number, "value": chance.random()} for number in range(700)]).encode()
    noise = chance.randbytes(3000)
    return [
        b"",
        b"x",
        sheet[:64],
        sheet[:64],
        sheet,
        noise,
        noise + noise,
        sheet,
        b"\x00" * 100_000,
        sheet[:256],
    ]


# What the client offers, and what the member answers to that, or to panolb's own offer.
PARAMETERS: dict[str, tuple[str, str]] = {
    "13.1: none": ("", ""),
    "13.2: no context takeover by the server": (
        "; server_no_context_takeover",
        "; server_no_context_takeover",
    ),
    "no context takeover by the client": ("; client_no_context_takeover", "; client_no_context_takeover"),
    "13.3: a small window for the server": ("; server_max_window_bits=9", "; server_max_window_bits=9"),
    "a small window for the client": ("; client_max_window_bits", "; client_max_window_bits=9"),
    "13.4: the largest window": ("; server_max_window_bits=15", "; server_max_window_bits=15"),
    "windows in between": (
        "; client_max_window_bits=12; server_max_window_bits=11",
        "; client_max_window_bits=10; server_max_window_bits=11",
    ),
    "13.5: both": (
        "; server_no_context_takeover; server_max_window_bits=9; client_max_window_bits",
        "; server_no_context_takeover; server_max_window_bits=9; client_max_window_bits=9",
    ),
    "13.6: no context takeover, the largest window": (
        "; server_no_context_takeover; server_max_window_bits=15",
        "; server_no_context_takeover; server_max_window_bits=15",
    ),
    "13.7: three offers": (
        f"; server_no_context_takeover; server_max_window_bits=9, {NAME}; server_no_context_takeover, {NAME}",
        "; server_no_context_takeover; server_max_window_bits=9",
    ),
}


@LANES
@pytest.mark.parametrize("size", [1 << 20, 256], ids=["whole", "in fragments"])
@pytest.mark.parametrize("name", PARAMETERS)
def test_messages_are_the_same(lab: Lab, lane: str, name: str, size: int) -> None:
    """Both ways, with every window and with and without context, what is packed here can be unpacked there."""
    offer, answer = (NAME + parameters for parameters in PARAMETERS[name])
    browser = lab.browse()
    browser.upgrade("/raw", f"Sec-WebSocket-Extensions: {offer}")
    visit = lab.raw.visit()
    if lane == "splice":
        assert visit.request.one("Sec-WebSocket-Extensions") == offer
    member = visit.switch(f"Sec-WebSocket-Extensions: {answer}")
    client = browser.switched()
    (header,) = browser.all("Sec-WebSocket-Extensions")
    if lane == "splice":
        assert header == answer
    ways = (
        (client, agreed(header, "client"), member, agreed(answer, "client")),
        (member, agreed(answer, "server"), client, agreed(header, "server")),
    )
    for message in _messages():
        for sender, packing, receiver, unpacking in ways:
            frames = packing.pack(message, size)
            for frame in frames:
                sender.send(frame.opcode, frame.payload, fin=frame.fin, rsv=frame.rsv)
            got = read(receiver)
            assert unpacking.unpack(got) == message
            if lane == "splice":
                assert got == frames
    client.close_frame(1000)
    assert member.closed() == (1000, "")


VIOLATIONS = {
    "on a later fragment": [Frame(TEXT, fin=False, rsv=4), Frame(CONTINUATION, b"x", rsv=4)],
    "on a ping": [Frame(PING, b"x", rsv=4)],
    "with another bit": [Frame(TEXT, b"x", rsv=6)],
}


@LANES
@pytest.mark.parametrize("sender", ["client", "member"])
@pytest.mark.parametrize("name", VIOLATIONS)
def test_the_compressed_bit_where_it_must_not_be(lab: Lab, sender: str, name: str) -> None:
    """RFC 7692 section 6: only a message's first frame may have it, and no other bit is explained by it."""
    browser = lab.browse()
    browser.upgrade("/raw", DEFLATE)
    member = lab.raw.visit().switch(DEFLATE)
    client = browser.switched()
    here, there = (client, member) if sender == "client" else (member, client)
    for frame in VIOLATIONS[name]:
        here.send(frame.opcode, frame.payload, fin=frame.fin, rsv=frame.rsv)
    if len(VIOLATIONS[name]) > 1:
        assert not there.frame().fin
    assert there.closed()[0] == 1002
    there.close_frame(1002)
    assert here.closed()[0] == 1002


def test_splice_watches_bits_by_what_the_member_agreed_to(lab: Lab) -> None:
    """An offer alone explains no bit: the member declined, so a compressed frame breaks the rules."""
    browser = lab.browse()
    browser.upgrade("/raw", DEFLATE)
    member = lab.raw.visit().switch()
    client = browser.switched()
    assert browser.all("Sec-WebSocket-Extensions") == []
    client.send(TEXT, b"x", rsv=4)
    assert member.closed()[0] == 1002
    member.close_frame(1002)
    assert client.closed()[0] == 1002
