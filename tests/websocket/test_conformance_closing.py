"""What the Autobahn test suite asks of the closing handshake (its group 7), in both lanes and both directions."""

from __future__ import annotations

import socket
import struct

import pytest

from tests.websocket.lab import LANES, MESSAGES, Lab
from tests.websocket.peer import CLOSE, CONTINUATION, PING, TEXT, Frame, Peer

BOTH = pytest.mark.parametrize("sender", ["client", "member"])

HELLO = Frame(TEXT, b"Hello, world!")
GOODBYE = Frame(CLOSE, struct.pack("!H", 1000))
LONG = Frame(TEXT, b"BAsd7&jh23------" * 16384)
BEGUN = Frame(TEXT, b"fragment1", fin=False)

# What is sent, and how many of these frames arrive.
SEQUENCES: dict[str, tuple[list[Frame], int]] = {
    "7.1.1: a message before the close": ([HELLO, GOODBYE], 2),
    "7.1.2: two closes": ([GOODBYE, GOODBYE], 1),
    "7.1.3: a ping behind the close": ([GOODBYE, Frame(PING, b"too late")], 1),
    "7.1.4: a message behind the close": ([GOODBYE, HELLO], 1),
    "7.1.5: a close within a message": ([BEGUN, GOODBYE, Frame(CONTINUATION, b"fragment2")], 2),
    "7.1.6: a long message, the close, a ping": ([LONG, GOODBYE, Frame(PING, b"too late")], 2),
}

REASONS: dict[str, bytes] = {
    "7.3.1: none": b"",
    "7.3.3: a code": b"\x03\xe8",
    "7.3.4: a code and a reason": b"\x03\xe8Hello, world!",
    "7.3.5: a reason of 123 bytes": b"\x03\xe8" + b"*" * 123,
    "a reason in many scripts": b"\x03\xe8" + "Grüße, 世界 \U0001f30d".encode(),
}

# 1012 to 1014 were registered after the suite was written, which only asks for information about them.
CODES = [*range(1000, 1004), *range(1007, 1015), 3000, 3999, 4000, 4999]

UNREGISTERED = [1016, 1100, 2000, 2999]

NEVER: dict[str, bytes] = {
    "7.3.2: half a code": b"\x03",
    **{
        f"7.9: code {code}": struct.pack("!H", code) for code in (0, 999, 1004, 1005, 1006, 1015, 5000, 65535)
    },
    **{f"7.9: code {code} with a reason": struct.pack("!H", code) + b"why" for code in (999, 1005, 1006)},
}

NO_TEXT = b"\x03\xe8\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited"


def _same_back(here: Peer, there: Peer, payload: bytes) -> None:
    """The close arrives as it is, and so does its answer; behind it nothing."""
    assert there.frame() == Frame(CLOSE, payload)
    there.send(CLOSE, payload)
    assert here.frame() == Frame(CLOSE, payload)


@LANES
@BOTH
@pytest.mark.parametrize("name", SEQUENCES)
def test_nothing_passes_behind_a_close(lab: Lab, sender: str, name: str) -> None:
    """What stands before the close arrives, and the close; its answer goes back, once, and both connections end."""
    frames, arrive = SEQUENCES[name]
    here, there = lab.open().direction(sender)
    here.socket.sendall(b"".join(frame.encode(sender == "client") for frame in frames))
    assert [there.frame() for _ in range(arrive)] == frames[:arrive]
    there.close_frame(1000)
    assert here.closed() == (1000, "")
    client, member = (here, there) if sender == "client" else (there, here)
    member.socket.shutdown(
        socket.SHUT_WR
    )  # a server is the first to end the connection (RFC 6455 section 7.1.1)
    assert client.ended()
    assert member.ended()


@LANES
@BOTH
@pytest.mark.parametrize("name", REASONS)
def test_reason_arrives(lab: Lab, sender: str, name: str) -> None:
    """7.3: whatever a close frame may carry reaches the other side, and the answer comes back."""
    here, there = lab.open().direction(sender)
    here.send(CLOSE, REASONS[name])
    _same_back(here, there, REASONS[name])


@LANES
@BOTH
@pytest.mark.parametrize("code", CODES)
def test_code_arrives(lab: Lab, sender: str, code: int) -> None:
    """7.7 and 7.13: every code that may be sent is passed on."""
    payload = struct.pack("!H", code) + b"why"
    here, there = lab.open().direction(sender)
    here.send(CLOSE, payload)
    _same_back(here, there, payload)


@LANES
@BOTH
@pytest.mark.parametrize("name", NEVER)
def test_code_that_must_not_be_sent(lab: Lab, sender: str, name: str) -> None:
    """7.3.2 and 7.9: 1005, 1006, 1015 and what is no code at all never reach the other side; both hear 1002."""
    here, there = lab.open().direction(sender)
    here.send(CLOSE, NEVER[name])
    assert there.closed()[0] == 1002
    there.close_frame(1002)
    assert here.closed()[0] == 1002
    assert here.ended()


@LANES
@BOTH
def test_reason_that_is_too_long(lab: Lab, sender: str) -> None:
    """7.3.6: a close frame of 126 bytes is no control frame."""
    here, there = lab.open().direction(sender)
    here.send(CLOSE, b"\x03\xe8" + b"*" * 124)
    assert there.closed()[0] == 1002
    there.close_frame(1002)
    assert here.closed()[0] == 1002


@BOTH
@pytest.mark.parametrize(
    "payload", [NO_TEXT, *(struct.pack("!H", code) for code in UNREGISTERED)], ids=bytes.hex
)
def test_splice_leaves_judgement_to_the_receiver(lab: Lab, sender: str, payload: bytes) -> None:
    """7.5.1 and 7.9 in splice: a reason that is no UTF-8 passes, and so does a code that nobody has registered yet."""
    here, there = lab.open().direction(sender)
    here.send(CLOSE, payload)
    _same_back(here, there, payload)


@MESSAGES
@BOTH
@pytest.mark.parametrize(
    ("payload", "code"),
    [(NO_TEXT, 1007), *((struct.pack("!H", code), 1002) for code in UNREGISTERED)],
    ids=lambda value: value.hex() if isinstance(value, bytes) else str(value),
)
def test_messages_judges_itself(lab: Lab, sender: str, payload: bytes, code: int) -> None:
    """7.5.1 and 7.9 in messages: both hear what was wrong."""
    here, there = lab.open().direction(sender)
    here.send(CLOSE, payload)
    assert there.closed()[0] == code
    there.close_frame(code)
    assert here.closed()[0] == code
    assert here.ended()


@LANES
def test_client_that_closed_is_not_told_to_come_back(lab: Lab) -> None:
    """7.5.1 with a member that ends the connection instead of answering: the client hears no code but its own, or none."""
    pair = lab.open()
    pair.browser.close_frame(1000, "enough")
    assert pair.member.closed() == (1000, "enough")
    pair.member.socket.close()
    assert pair.browser.closed()[0] in (None, 1000)
    assert pair.browser.ended()
