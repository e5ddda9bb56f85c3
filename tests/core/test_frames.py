"""Frames as they pass: nothing is lost, nothing is cut that could be held, and every breach of the rules is found."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panolb.core.controlframes import (
    MAX_REASON,
    close_code,
    close_payload,
    control_frame,
    masked,
    may_be_sent,
)
from panolb.core.frames import (
    CLOSE,
    CONTINUATION,
    DEFLATE,
    HOLD,
    PING,
    PLAIN,
    PONG,
    TEXT,
    UNKNOWN,
    Frames,
    Tables,
    tables_for,
)

from .streams import (
    KEYS,
    OURS,
    STUFF,
    Passage,
    Sent,
    closes,
    cut,
    encode,
    frames_of,
    header,
    legal_streams,
    unmasked,
)

BOTH = pytest.mark.parametrize("from_client", [True, False], ids=["from a client", "from a member"])
MAX_HEADER = 14
thorough = settings(max_examples=150)


def reader(from_client: bool, deflate: bool = False) -> Frames:
    """What reads one direction."""
    return Frames(from_client, DEFLATE if deflate else PLAIN, OURS)


def hold(from_client: bool) -> int:
    """How long a frame may be to be held: a client's not at all, so that a member sees at once what is wrong with it."""
    return 0 if from_client else HOLD


def fed(frames: Frames, data: bytes, size: int = 0) -> bytes:
    """What is passed on of ``data``, read in pieces of ``size``, or in one."""
    size = size or max(1, len(data))
    return b"".join(frames.feed(data[at : at + size]) for at in range(0, len(data), size))


# -- what is legal arrives ----------------------------------------------------------------------------------------------


@thorough
@given(from_client=st.booleans(), data=st.data(), deflate=st.booleans())
def test_legal_stream_passes_unchanged(from_client: bool, data: st.DataObject, deflate: bool) -> None:
    """However it is cut into reads: what is passed on is all that came but answers to our pings.

    A member's frame of up to `HOLD` bytes passes when it is whole and at once then, of a longer one everything that
    there is, as of any frame of a client.  No more is held than one such frame.
    """
    passage = Passage(data.draw(legal_streams(from_client, deflate, may_end_within=True)), hold(from_client))
    frames = reader(from_client, deflate)
    read = 0
    passed = b""
    for piece in data.draw(cut(passage.whole)):
        read += len(piece)
        passed += frames.feed(piece)
        expected, within_frame, within_message = passage.passed(read)
        assert passed == expected
        assert frames.within_frame is within_frame
        assert frames.within_message is within_message
        assert read - len(passed) - passage.taken_out(read) <= max(hold(from_client), 125) + MAX_HEADER
    whole = passage.frames
    assert passed == b"".join(frame.raw for frame in whole if not frame.ours)
    assert frames.messages == sum(frame.ends for frame in whole)
    assert frames.octets == sum(len(frame.raw) for frame in whole if frame.data)
    assert frames.answered is any(frame.ours for frame in whole)
    assert frames.ponged is frames.news is any(frame.raw[0] == 0x80 | PONG for frame in whole)
    assert (frames.close, frames.broken) == (None, "")


@thorough
@given(from_client=st.booleans(), data=st.data(), deflate=st.booleans())
def test_our_own_frames_fit_in(from_client: bool, data: st.DataObject, deflate: bool) -> None:
    """Wherever the reader says that a control frame may stand: the receiver sees a legal stream, and without ours the sender's."""
    passage = Passage(data.draw(legal_streams(from_client, deflate)), hold(from_client))
    ping = control_frame(PING, b"from panolb itself", b"\x01\x02\x03\x04" if from_client else None)
    frames = reader(from_client, deflate)
    arrived = b""
    put_in = 0
    for piece in data.draw(cut(passage.whole)):
        arrived += frames.feed(piece)
        if not frames.within_frame and data.draw(st.booleans()):
            arrived += ping
            put_in += 1
    seen = frames_of(arrived, from_client)
    assert seen.count(ping) == put_in
    assert [raw for raw in seen if raw != ping] == [frame.raw for frame in passage.frames if not frame.ours]
    receiver = reader(from_client, deflate)
    receiver.feed(arrived)
    assert receiver.broken == ""
    assert receiver.messages == frames.messages


@settings(max_examples=40)
@given(from_client=st.booleans(), data=st.data())
def test_one_byte_at_a_time(from_client: bool, data: st.DataObject) -> None:
    """Whatever comes of reading in pieces comes of reading in the smallest ones."""
    frames = data.draw(legal_streams(from_client, deflate=False, sizes=st.integers(0, 300)))
    passage = Passage(frames, hold(from_client))
    small = reader(from_client)
    assert fed(small, passage.whole, 1) == passage.passed(len(passage.whole))[0]
    assert small.messages == sum(frame.ends for frame in frames)


@pytest.mark.parametrize("over", [-1, 0, 1], ids=["shorter", "exactly", "longer"])
def test_longest_frame_that_is_held(over: int) -> None:
    """The last byte of a member's frame of `HOLD` bytes releases it; one byte more, and it passes as it comes."""
    raw, head = encode(0x82, STUFF[: HOLD - len(header(0x82, HOLD - 20, None)) + over], None)
    frames = reader(from_client=False)
    if len(raw) > HOLD:
        assert frames.feed(raw[:head]) == raw[:head]
        assert fed(frames, raw[head:-1], 1000) == raw[head:-1]
        assert (frames.within_frame, frames.within_message) == (True, True)
        assert frames.feed(raw[-1:]) == raw[-1:]
    else:
        assert fed(frames, raw[:-1], 1000) == b""
        assert (frames.within_frame, frames.within_message) == (False, False)
        assert frames.feed(raw[-1:]) == raw
    assert not frames.within_message
    assert (frames.messages, frames.octets) == (1, len(raw))


def test_frame_of_a_client_is_not_held() -> None:
    """Its first bytes reach the member as soon as its length is known."""
    raw, head = encode(0x81, STUFF[:100], b"abcd")
    frames = reader(from_client=True)
    assert frames.feed(raw[:1]) == b""
    assert frames.feed(raw[1:2]) == raw[:2]
    assert (frames.within_frame, frames.messages) == (True, 1)
    assert frames.feed(raw[2:head]) == raw[2:head]
    assert frames.feed(raw[head:]) == raw[head:]
    assert (frames.within_frame, frames.within_message) == (False, False)


@BOTH
def test_frame_of_many_gigabytes_begins(from_client: bool) -> None:
    """The longest length that the protocol has is passed on, in time."""
    key = b"abcd" if from_client else None
    frames = reader(from_client)
    head = header(0x82, (1 << 63) - 1, key)
    assert fed(frames, head + STUFF, 777) == head + STUFF
    assert frames.within_frame
    assert frames.within_message
    assert not frames.broken


@thorough
@given(
    from_client=st.booleans(),
    data=st.data(),
    payload=st.sampled_from([b"", b"\x03\xe8", b"\x03\xf4again", b"\x0b\xb8" + b"x" * 123]),
)
def test_close_is_taken_out_with_all_behind_it(
    from_client: bool, data: st.DataObject, payload: bytes
) -> None:
    """The close frame itself is the tunnel's to pass on; what a side says after it is not heard (section 5.5.1)."""
    before = Passage(
        data.draw(legal_streams(from_client, deflate=False, may_end_within=True)), hold(from_client)
    )
    behind = data.draw(st.binary(max_size=20))
    frames = reader(from_client)
    stream = before.whole + data.draw(closes(from_client, payload)) + behind
    passed = b"".join(frames.feed(piece) for piece in data.draw(cut(stream)))
    assert passed == before.passed(len(before.whole))[0]
    assert frames.news
    assert (frames.close, frames.broken) == (payload, "")
    assert frames.feed(behind) == b""
    assert frames.close == payload


def test_answer_within_a_fragmented_message() -> None:
    """Our ping may be answered between two fragments: they then follow each other as if nothing had been there."""
    frames = reader(from_client=True)
    first, _ = encode(TEXT, b"half", b"1234")
    pong, _ = encode(0x80 | PONG, OURS, b"5678")
    ping, _ = encode(0x80 | PING, OURS, b"5678")
    second, _ = encode(0x80 | CONTINUATION, b"way", b"9012")
    assert frames.feed(first + pong[:3]) == first
    assert not frames.news
    assert frames.feed(pong[3:]) == b""
    assert (frames.answered, frames.within_message, frames.messages) == (True, True, 0)
    assert frames.feed(ping + second) == ping + second
    assert (frames.within_message, frames.messages) == (False, 1)


# -- what is illegal is found -------------------------------------------------------------------------------------------

# RFC 6455 sections 5.2 and 5.4, written out: after a whole message, and within a fragmented one.
LEGAL_BETWEEN = {0x01, 0x02, 0x81, 0x82, 0x88, 0x89, 0x8A}
LEGAL_WITHIN = {0x00, 0x80, 0x88, 0x89, 0x8A}
# RFC 7692 section 6: the first frame of a compressed message has RSV1, and no other frame.
DEFLATED = {0x41, 0x42, 0xC1, 0xC2}


@BOTH
@pytest.mark.parametrize("deflate", [False, True], ids=["plain", "deflate"])
@pytest.mark.parametrize("within", [False, True], ids=["between", "within"])
def test_every_first_byte(from_client: bool, deflate: bool, within: bool) -> None:
    """All 256 of them: those that the standards name pass, all others are found before anything of them has passed."""
    legal = LEGAL_WITHIN if within else LEGAL_BETWEEN | (DEFLATED if deflate else set())
    key = b"abcd" if from_client else None
    before, _ = encode(TEXT if within else 0x81, b"before", key)
    behind, _ = encode(0x8A, b"behind", key)
    for first in range(256):
        frames = reader(from_client, deflate)
        offender, _ = encode(first, b"", key)
        passed = frames.feed(before + offender + behind)
        if first == 0x80 | CLOSE:
            assert passed == before
            assert frames.close == b""
        elif first in legal:
            assert (passed, frames.broken) == (before + offender + behind, ""), hex(first)
        else:
            assert passed == before, hex(first)
            assert frames.broken, hex(first)
            assert frames.news
            assert frames.feed(behind) == b""


@BOTH
@pytest.mark.parametrize("first", sorted(LEGAL_BETWEEN))
def test_wrong_mask(from_client: bool, first: int) -> None:
    """A client must mask, a member must not (section 5.1): two bytes are enough to see it."""
    wrong = None if from_client else b"abcd"
    for size in (0, 5, 200, 70_000):
        if size > 125 and first & 0x08:
            continue
        frames = reader(from_client)
        assert frames.feed(encode(first, STUFF[:size], wrong)[0][:2]) == b""
        assert frames.broken == ("a frame without a mask" if from_client else "a masked frame")


@BOTH
@pytest.mark.parametrize("opcode", [CLOSE, PING, PONG])
@pytest.mark.parametrize(("length", "encoding"), [(126, 16), (5, 16), (65536, 64), (5, 64)])
def test_long_control_frames(from_client: bool, opcode: int, length: int, encoding: int) -> None:
    """Section 5.5: 125 bytes at most, and so never a longer encoding of the length either."""
    frames = reader(from_client)
    head = header(0x80 | opcode, length, b"abcd" if from_client else None, encoding)
    assert frames.feed(head[:2]) == b""
    assert frames.broken == "a control frame of more than 125 bytes"


@BOTH
@pytest.mark.parametrize(
    ("length", "encoding"),
    [(0, 16), (125, 16), (0, 64), (125, 64), (126, 64), (65535, 64), (1 << 63, 64), ((1 << 64) - 1, 64)],
)
def test_lengths_that_are_encoded_wrongly(from_client: bool, length: int, encoding: int) -> None:
    """Section 5.2: the fewest bytes, and no 64th bit."""
    head = header(0x81, length, b"abcd" if from_client else None, encoding)
    for size in (1, 3, len(head)):
        frames = reader(from_client)
        assert fed(frames, head, size) == b""
        assert frames.broken == "a length that is not encoded in the fewest bytes"


@BOTH
@pytest.mark.parametrize(
    "payload",
    [b"\x03", *(code.to_bytes(2, "big") for code in (0, 999, 1004, 1005, 1006, 1015, 5000, 65535))],
)
def test_close_codes_that_must_not_be_sent(from_client: bool, payload: bytes) -> None:
    """Section 7.4: half a code, a code without a meaning, and those that exist for programs only."""
    frames = reader(from_client)
    assert frames.feed(encode(0x80 | CLOSE, payload, b"abcd" if from_client else None)[0]) == b""
    assert frames.close is None
    assert frames.broken == "a close frame with a code that must not be sent"


@st.composite
def offenders(draw: st.DrawFn, from_client: bool, deflate: bool, within: bool) -> bytes:
    """A header that no stream may have at this place; what follows it is anybody's guess."""
    key = draw(KEYS) if from_client else None
    legal = LEGAL_WITHIN if within else LEGAL_BETWEEN | (DEFLATED if deflate else set())
    kind = draw(st.sampled_from(["first", "mask", "control", "length", "close"]))
    if kind == "first":
        head = header(draw(st.sampled_from(sorted(set(range(256)) - legal))), 0, key)
    elif kind == "mask":
        head = header(draw(st.sampled_from(sorted(legal))), 9, b"abcd" if key is None else None)
    elif kind == "control":
        head = header(0x80 | draw(st.sampled_from([CLOSE, PING, PONG])), 126, key)
    elif kind == "length":
        data = draw(st.sampled_from(sorted(first for first in legal if not first & 0x08)))
        length, encoding = draw(st.sampled_from([(125, 16), (0, 64), (65535, 64), (1 << 63, 64)]))
        head = header(data, length, key, encoding)
    else:
        head, _ = encode(0x80 | CLOSE, draw(st.sampled_from([b"\x03", b"\x03\xee", b"\x00\x00x"])), key)
    return head


@thorough
@given(from_client=st.booleans(), data=st.data(), deflate=st.booleans())
def test_breach_of_the_rules_is_found_where_it_is(
    from_client: bool, data: st.DataObject, deflate: bool
) -> None:
    """Whatever stood before it has passed, nothing of it does, nor of what follows, however all is cut into reads."""
    before = Passage(data.draw(legal_streams(from_client, deflate, may_end_within=True)), hold(from_client))
    frames = reader(from_client, deflate)
    expected, _, within = before.passed(len(before.whole))
    offender = data.draw(offenders(from_client, deflate, within))
    stream = before.whole + offender + data.draw(st.binary(max_size=30))
    passed = b""
    read = 0
    for piece in data.draw(cut(stream)):
        read += len(piece)
        passed += frames.feed(piece)
        if read <= len(before.whole):
            assert not frames.broken
    assert passed == expected
    assert frames.broken
    assert frames.news
    assert frames.close is None
    assert frames.messages == sum(frame.ends for frame in before.frames)
    assert frames.within_message is within


def test_reason_is_told() -> None:
    """What is wrong is said in words, for the log and for the offender."""
    between = {
        0x91: "a reserved bit that no extension explains",
        0xC1: "a reserved bit that no extension explains",
        0x09: "a control frame in fragments",
        0x8B: "an unknown kind of control frame",
        0x83: "an unknown kind of frame",
        0x80: "a continuation of nothing",
    }
    for first, reason in between.items():
        frames = reader(from_client=False)
        frames.feed(bytes((first, 0)))
        assert frames.broken == reason
    frames = reader(from_client=False)
    frames.feed(b"\x01\x00\x81\x00")
    assert frames.broken == "a new message within another one"


# -- extensions ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("extensions", "tables"),
    [
        (b"", PLAIN),
        (b"permessage-deflate", DEFLATE),
        (b"permessage-deflate; server_no_context_takeover; client_max_window_bits=12", DEFLATE),
        (b"x-webkit-deflate-frame", UNKNOWN),
        (b"permessage-deflate, x-other; a=1", UNKNOWN),
    ],
)
def test_tables(extensions: bytes, tables: Tables) -> None:
    """What was agreed upon says which bits may be set."""
    assert tables_for(extensions) is tables


@BOTH
def test_unknown_extension_may_do_as_it_likes_with_bits_and_kinds(from_client: bool) -> None:
    """Reserved bits and kinds of frames pass; masks, lengths, fragments and control frames are as ever."""
    key = b"abcd" if from_client else None
    stream = b"".join(
        encode(first, b"x", key)[0] for first in (0x71, 0x50, 0xF0, 0xB2, 0x83, 0xC7, 0xFB, 0x99, 0x01, 0x80)
    )
    frames = Frames(from_client, UNKNOWN, OURS)
    assert fed(frames, stream, 1) == stream
    assert not frames.broken
    for wrong in (encode(0x80, b"", key)[0], encode(0x09, b"", key)[0], header(0x89, 126, key)):
        frames = Frames(from_client, UNKNOWN, OURS)
        assert frames.feed(wrong) == b""
        assert frames.broken


# -- frames of our own --------------------------------------------------------------------------------------------------


@given(payload=st.binary(max_size=125), key=KEYS)
def test_masking(payload: bytes, key: bytes) -> None:
    """As section 5.3 describes it."""
    assert masked(payload, key) == unmasked(payload, key)


@given(opcode=st.sampled_from([CLOSE, PING, PONG]), payload=st.binary(max_size=125), key=st.none() | KEYS)
def test_control_frames(opcode: int, payload: bytes, key: bytes | None) -> None:
    """Ours look like anybody's."""
    assert control_frame(opcode, payload, key) == encode(0x80 | opcode, payload, key)[0]


@given(code=st.integers(1000, 4999), reason=st.text(max_size=200))
def test_close_payloads(code: int, reason: str) -> None:
    """A reason that is too long loses its end, and stays UTF-8."""
    payload = close_payload(code, reason)
    assert close_code(payload) == code
    assert len(payload) <= 125
    said = payload[2:].decode()
    assert reason.startswith(said)
    assert said == reason or len(payload) - 2 + len(reason[len(said)].encode()) > MAX_REASON


def test_codes() -> None:
    """1005, 1006 and 1015 never, and nothing below 1000 or from 5000 on; new ones of the registry pass."""
    assert [code for code in range(70_000) if not may_be_sent(code) and 1000 <= code < 5000] == [
        1004,
        1005,
        1006,
        1015,
    ]
    assert not any(map(may_be_sent, [*range(1000), *range(5000, 70_000)]))
    assert not may_be_sent(None)
    assert close_code(b"") is None
    assert not may_be_sent(close_code(b"\x03"))


def test_what_a_frame_is_made_of() -> None:
    """The tests' own encoder against the examples of section 5.7."""
    assert encode(0x81, b"Hello", None)[0] == bytes.fromhex("810548656c6c6f")
    hello = header(0x81, 5, bytes.fromhex("37fa213d")) + unmasked(b"Hello", bytes.fromhex("37fa213d"))
    assert hello == bytes.fromhex("818537fa213d7f9f4d5158")
    assert header(0x82, 256, None) == bytes.fromhex("827e0100")
    assert header(0x82, 65536, None) == bytes.fromhex("827f0000000000010000")
    assert Sent(*encode(0x8A, OURS, None)).header == 2
