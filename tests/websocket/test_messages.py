"""The lane of messages keeps both sides alive, lets nobody be stopped by a slow one, and passes close frames end to end.

What `test_splice.py` asks of the splice.
"""

from __future__ import annotations

import struct
import threading
import time
from pathlib import Path

import pytest

from tests.harness.waiting import PATIENCE, steady, until
from tests.websocket.lab import MESSAGES, Lab, running
from tests.websocket.peer import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Frame, Peer

pytestmark = MESSAGES
BOTH = pytest.mark.parametrize("sender", ["client", "member"])


def _ping(peer: Peer) -> bytes:
    """The payload of the next frame, which must be a ping of panolb's."""
    frame = peer.frame()
    assert (frame.opcode, frame.fin, len(frame.payload)) == (PING, True, 8), frame
    return frame.payload


def _closed(peer: Peer) -> int:
    """The code of the close frame that comes next but for messages and pings, which are answered."""
    while (frame := peer.frame()).opcode != CLOSE:
        if frame.opcode == PING:
            peer.send(PONG, frame.payload)
    return int(struct.unpack("!H", frame.payload[:2])[0])


# -- the handshake ----------------------------------------------------------------------------------------------------


def test_fields_of_the_101_pass_byte_for_byte(lab: Lab) -> None:
    """Also those that are no ASCII, whether they are UTF-8 or not; the test's client reads them as ISO 8859-1."""
    browser = lab.browse()
    browser.upgrade("/raw")
    cookie = "name=Müller".encode().decode("latin-1")
    lab.raw.visit().switch("X-Latin: \xe9\xff", f"Set-Cookie: {cookie}", "Set-Cookie: second=\xdf")
    browser.switched()
    assert browser.all("X-Latin") == ["\xe9\xff"]
    assert browser.all("Set-Cookie")[:2] == [cookie, "second=\xdf"]


# -- keep-alive -------------------------------------------------------------------------------------------------------


@BOTH
def test_pings_stand_between_the_fragments(lab: Lab, sender: str) -> None:
    """Both sides are pinged within a message in fragments, and the answers do not get through."""
    here, there = lab.open("/pinged").direction(sender)
    here.send(TEXT, b"one ", fin=False)
    assert there.frame() == Frame(TEXT, b"one ", fin=False)
    there.send(PONG, _ping(there))
    here.send(PONG, _ping(here))
    here.send(CONTINUATION, b"two")
    assert there.frame() == Frame(CONTINUATION, b"two")
    there.send(TEXT, b"seen")
    assert here.frame() == Frame(TEXT, b"seen")


@BOTH
def test_answers_to_our_pings_are_taken_out(lab: Lab, sender: str) -> None:
    """Foreign pings and pongs pass, also those that look much like ours; only the answer to ours is gone."""
    here, there = lab.open("/pinged").direction(sender)
    ours = _ping(here)
    there.send(PONG, _ping(there))
    foreign = [
        Frame(PONG, ours[:-1]),
        Frame(PONG, ours + b"x"),
        Frame(PONG),
        Frame(PING, ours),
        Frame(PING, b"mine"),
    ]
    here.send(PONG, ours)
    for frame in foreign:
        here.send(frame.opcode, frame.payload)
    here.send(TEXT, b"end")
    assert [there.frame() for _ in range(6)] == [*foreign, Frame(TEXT, b"end")]


@BOTH
def test_silent_side_is_dropped(lab: Lab, sender: str) -> None:
    """It answers nothing: it is pinged once and then let go, and the other side is told."""
    silent, other = lab.open("/silent").direction(sender)
    assert _closed(other) == (1001 if sender == "client" else 1012)
    assert _ping(silent)
    assert silent.ended(), "one ping, no answer, no second ping"


def test_long_frame_on_its_way_is_a_sign_of_life(lab: Lab) -> None:
    """Who sends one frame for longer than a ping may stay unanswered cannot answer within it, and is not dead."""
    pair = lab.open("/silent")
    frame = Frame(BINARY, b"x" * 1000).encode(mask=True)
    answering = threading.Thread(target=_closed, args=(pair.member,), daemon=True)
    pair.browser.socket.sendall(frame[:1])
    answering.start()
    end = time.monotonic() + 3.5  # patience with a silent side: 2.5 s
    sent = 1
    while time.monotonic() < end:
        pair.browser.socket.sendall(frame[sent : sent + 1])
        sent += 1
        time.sleep(0.05)
    pair.browser.socket.sendall(frame[sent:])
    pair.browser.close_frame(1000)
    answering.join(PATIENCE)
    assert not answering.is_alive()
    pair.member.close_frame(1000)
    assert _closed(pair.browser) == 1000


# -- slow sides -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("slow", "code"), [("client", 1001), ("member", 1013)])
def test_slow_side_is_closed_and_the_others_live_on(lab: Lab, slow: str, code: int) -> None:
    """The sender is paused and then told; the slow one gets 1013 behind all that had been sent to it."""
    alive = lab.open("/slow")
    reader, writer = lab.open("/slow").direction(slow)
    sent = 0
    done = threading.Event()

    def flood() -> None:
        nonlocal sent
        frame = Frame(BINARY, b"x" * 10_000).encode(slow == "member")
        try:
            while not done.is_set():
                writer.socket.sendall(frame)
                sent += 1
        except OSError:
            pass  # the test has ended the connection

    thread = threading.Thread(target=flood, daemon=True)
    thread.start()
    assert steady(lambda: sent, "the sender to be paused", seconds=0.3) < 10_000, "everything was swallowed"
    assert _closed(writer) == code
    done.set()
    thread.join(PATIENCE)
    assert not thread.is_alive(), "it is read again, so that it can answer"
    for here, there in (alive.direction("client"), alive.direction("member")):
        here.send(TEXT, b"alive")
        assert there.frame() == Frame(TEXT, b"alive")
    assert _closed(reader) == 1013


# -- closing ----------------------------------------------------------------------------------------------------------


@BOTH
def test_last_words_before_the_answer_arrive(lab: Lab, sender: str) -> None:
    """Who closes still gets what the other side says before it answers, and then the answer as it was given."""
    here, there = lab.open().direction(sender)
    here.close_frame(1000, "going")
    assert there.closed() == (1000, "going")
    there.send(TEXT, b"wait")
    there.close_frame(4321, "gone")
    assert here.frame() == Frame(TEXT, b"wait")
    assert here.closed() == (4321, "gone")


@BOTH
def test_nothing_stands_behind_a_close_frame(lab: Lab, sender: str) -> None:
    """What is sent behind one in the same segment, pings too, reaches nobody."""
    here, there = lab.open().direction(sender)
    burst = (Frame(CLOSE, b"\x03\xe8"), Frame(PING, b"late"), Frame(TEXT, b"later"), Frame(3, b"wrong"))
    here.socket.sendall(b"".join(frame.encode(sender == "client") for frame in burst))
    assert there.closed() == (1000, "")
    there.close_frame(1000)
    assert here.closed() == (1000, "")


def test_member_ends_its_connection_itself(lab: Lab) -> None:
    """RFC 6455 section 7.1.1: the server does, which towards a member is the member."""
    pair = lab.open()
    pair.browser.close_frame(1000)
    assert pair.member.closed() == (1000, "")
    pair.member.close_frame(1000)
    assert pair.browser.closed() == (1000, "")
    assert pair.browser.ended()
    pair.member.socket.settimeout(0.3)
    with pytest.raises(TimeoutError):
        pair.member.frame()
    pair.member.socket.close()
    until(lambda: lab.busy() == 0, "the WebSocket to be over")


# -- memory -----------------------------------------------------------------------------------------------------------


def test_idle_websocket_is_small(tmp_path: Path, lane: str) -> None:
    """Both ends of one, with all that autobahn and Twisted keep of it, take less than 24 KiB of the process."""
    with running(tmp_path) as own:
        own.lane = lane
        pairs = [own.open() for _ in range(100)]  # what the first ones take is not theirs alone
        before = own.panolb.rss()
        pairs += [own.open() for _ in range(300)]
        assert own.panolb.rss() - before < 300 * (24 << 10)
        for pair in pairs:
            pair.browser.socket.close()
        own.settle()
        own.panolb.stop()
