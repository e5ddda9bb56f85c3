"""Streams of WebSocket frames as hypothesis makes them up, and what a reader may pass on of each beginning of one."""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import accumulate, pairwise

from hypothesis import strategies as st

from panolb.core.frames import BINARY, CLOSE, CONTINUATION, HOLD, PING, PONG, TEXT

OURS = b"ours, 8b"
KEYS = st.binary(min_size=4, max_size=4)

# Any payload is a piece of this, so that hypothesis has to choose two numbers only.
STUFF = random.Random(6455).randbytes(80_000)

# The three length encodings meet at 126 and 65536; a frame of HOLD bytes with its header is the longest that is held.
EDGES = [0, 1, 2, 124, 125, 126, 127, 65534, 65535, 65536, *range(HOLD - 15, HOLD + 3)]
SIZES = st.integers(0, 300) | st.sampled_from(EDGES[:7]) | st.sampled_from(EDGES)


@dataclass(frozen=True)
class Sent:
    """One frame as it is sent.

    :ivar raw: its bytes.
    :ivar header: how many of them are the header.
    :ivar ours: whether it answers a ping of ours.
    :ivar data: whether it is no control frame.
    :ivar ends: whether a message ends with it.
    :ivar within: whether a fragmented message is under way behind it.
    """

    raw: bytes
    header: int
    ours: bool = False
    data: bool = False
    ends: bool = False
    within: bool = False


def header(first: int, length: int, key: bytes | None, encoding: int | None = None) -> bytes:
    """The header of a frame, up to and with the masking key.

    :param encoding: 7, 16 or 64 bits for the length; the fewest if not given.
    """
    if encoding is None:
        encoding = 7 if length < 126 else 16 if length < 1 << 16 else 64
    mask = 0 if key is None else 0x80
    if encoding == 7:
        head = bytes((first, mask | length))
    elif encoding == 16:
        head = bytes((first, mask | 126)) + length.to_bytes(2, "big")
    else:
        head = bytes((first, mask | 127)) + length.to_bytes(8, "big")
    return head + (key or b"")


def unmasked(data: bytes, key: bytes) -> bytes:
    """What XOR with the repeated key gives, as RFC 6455 section 5.3 describes it: byte by byte."""
    return bytes(byte ^ key[at % 4] for at, byte in enumerate(data))


def encode(first: int, payload: bytes, key: bytes | None) -> tuple[bytes, int]:
    """A frame, and the size of its header.

    What is no control frame is not masked in truth, only its key is there: nobody looks.
    """
    head = header(first, len(payload), key)
    if key is not None and first & 0x08:
        payload = unmasked(payload, key)
    return head + payload, len(head)


@st.composite
def controls(draw: st.DrawFn, masked: bool, within: bool) -> Sent:
    """A ping or a pong; some are answers to pings of ours, some nearly."""
    opcode = draw(st.sampled_from([PING, PONG]))
    payload = draw(st.sampled_from([OURS, OURS, OURS[:-1], OURS + b"x", b"", STUFF[:125]]))
    raw, size = encode(0x80 | opcode, payload, draw(KEYS) if masked else None)
    return Sent(raw, size, ours=opcode == PONG and payload == OURS, within=within)


@st.composite
def legal_streams(
    draw: st.DrawFn,
    masked: bool,
    deflate: bool,
    *,
    sizes: st.SearchStrategy[int] = SIZES,
    may_end_within: bool = False,
) -> list[Sent]:
    """Messages, whole or in fragments, with control frames anywhere that RFC 6455 section 5.4 allows."""
    frames: list[Sent] = []
    for _ in range(draw(st.integers(0, 4))):
        frames += draw(st.lists(controls(masked, False), max_size=2))
        pieces = draw(st.lists(sizes, min_size=1, max_size=4))
        first = draw(st.sampled_from([TEXT, BINARY])) | (0x40 if deflate and draw(st.booleans()) else 0)
        for number, size in enumerate(pieces):
            last = number == len(pieces) - 1
            start = draw(st.integers(0, len(STUFF) - size))
            raw, head = encode(
                (0x80 if last else 0) | (CONTINUATION if number else first),
                STUFF[start : start + size],
                draw(KEYS) if masked else None,
            )
            frames.append(Sent(raw, head, data=True, ends=last, within=not last))
            if not last:
                frames += draw(st.lists(controls(masked, True), max_size=2))
    frames += draw(st.lists(controls(masked, False), max_size=2))
    if may_end_within:
        frames = frames[: draw(st.integers(0, len(frames)))]
    return frames


@st.composite
def closes(draw: st.DrawFn, masked: bool, payload: bytes) -> bytes:
    """A close frame."""
    return encode(0x80 | CLOSE, payload, draw(KEYS) if masked else None)[0]


@st.composite
def cut(draw: st.DrawFn, data: bytes) -> list[bytes]:
    """``data`` as it may be read from a socket: in pieces of any size, often of a single byte."""
    if not data:
        return []
    places = st.integers(0, len(data))
    # Cuts near the beginning of a frame are the ones that matter: small steps are drawn as well as places anywhere.
    steps = draw(st.lists(st.integers(1, 20), max_size=40))
    start = draw(places)
    near = [at for at in accumulate(steps, initial=start) if at < len(data)]
    at = sorted({0, len(data), *near, *draw(st.lists(places, max_size=10))})
    return [data[begin:end] for begin, end in pairwise(at)]


class Passage:
    """What a reader has to pass on of the first so many bytes of a stream: neither less nor more.

    :ivar hold: the longest frame of data that waits until it is whole.
    """

    def __init__(self, frames: list[Sent], hold: int) -> None:
        self.frames = frames
        self.hold = hold
        self.whole = b"".join(frame.raw for frame in frames)

    def passed(self, fed: int) -> tuple[bytes, bool, bool]:
        """What of the first ``fed`` bytes is passed on, and whether that ends within a frame, within a message."""
        pieces, at, within = [], 0, False
        for frame in self.frames:
            end = at + len(frame.raw)
            if end > fed:
                if frame.data and len(frame.raw) > self.hold and fed - at >= _readable(frame):
                    pieces.append(frame.raw[: fed - at])
                    return b"".join(pieces), True, True
                break
            if not frame.ours:
                pieces.append(frame.raw)
            within = frame.within
            at = end
        return b"".join(pieces), False, within

    def taken_out(self, fed: int) -> int:
        """How many of the first ``fed`` bytes were whole answers to our pings."""
        at = taken = 0
        for frame in self.frames:
            at += len(frame.raw)
            if at <= fed and frame.ours:
                taken += len(frame.raw)
        return taken


def frames_of(stream: bytes, masked: bool) -> list[bytes]:
    """The frames in a stream, each with its header, taken apart without looking at more than lengths."""
    frames = []
    while stream:
        length, start = stream[1] & 0x7F, 2
        if length >= 126:
            start = 4 if length == 126 else 10
            length = int.from_bytes(stream[2:start], "big")
        end = start + (4 if masked else 0) + length
        assert end <= len(stream), "the stream ends within a frame"
        frames.append(stream[:end])
        stream = stream[end:]
    return frames


def _readable(frame: Sent) -> int:
    """How much of a header has to be there for the length to be known: all but the masking key."""
    length = frame.raw[1] & 0x7F
    return 2 + {126: 2, 127: 8}.get(length, 0)
