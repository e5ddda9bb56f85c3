"""The splice on real sockets: panolb's own frames between those that pass, and ends that come at a bad moment."""

from __future__ import annotations

import os
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.harness.client import Client
from tests.harness.waiting import PATIENCE, steady, until
from tests.websocket.lab import Pair
from tests.websocket.peer import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Frame, Peer
from tests.websocket.single import Single, single

BOTH = pytest.mark.parametrize("sender", ["client", "member"])
RSV1 = 4

INTERVAL = 0.3
SLOW = 1.0
BACKLOG = 64 << 10
SETTINGS = f"""\
websocket_ping_interval = "{INTERVAL * 1000:g}ms"
websocket_ping_misses = 20
websocket_backlog = "{BACKLOG >> 10}KiB"
websocket_slow_timeout = "{SLOW:g}s"
"""


@pytest.fixture(scope="module")
def _lively(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Single]:
    with single(tmp_path_factory.mktemp("splice"), SETTINGS) as one:
        yield one
        one.panolb.stop()


@pytest.fixture
def lively(_lively: Single) -> Iterator[Single]:
    """A process that pings three times a second and has little patience with the slow."""
    yield _lively
    _lively.settle()


def next_ping(peer: Peer) -> bytes:
    """The payload of the next frame, which must be a ping of panolb's."""
    frame = peer.frame()
    assert frame.opcode == PING, frame
    assert frame.fin
    assert len(frame.payload) == 8
    return frame.payload


def messages(peer: Peer, count: int) -> list[Frame]:
    """The next frames of data; pings among them are answered, nothing else is."""
    frames: list[Frame] = []
    while len(frames) < count:
        frame = peer.frame()
        if frame.opcode == PING:
            peer.send(PONG, frame.payload)
        else:
            frames.append(frame)
    return frames


def close_of(peer: Peer) -> tuple[int | None, str]:
    """The next close frame; pings and data before it are passed over."""
    while True:
        frame = peer.frame()
        if frame.opcode == CLOSE:
            return (
                (struct.unpack("!H", frame.payload[:2])[0], frame.payload[2:].decode())
                if frame.payload
                else (None, "")
            )


# -- frames of our own among those that pass ----------------------------------------------------------------------------


@BOTH
def test_pings_stand_between_the_fragments(lively: Single, sender: str) -> None:
    """A message that comes in fragments over a second: both sides are pinged meanwhile, the receiver within it.

    The fragments arrive as they were, and the answers to the pings do not.
    """
    here, there = lively.open().direction(sender)
    pieces = [b"a dash", b"board ", b"in ", b"pieces"]
    here.send(TEXT, pieces[0], fin=False)
    assert there.frame() == Frame(TEXT, pieces[0], fin=False)
    for number, piece in enumerate(pieces[1:], 1):
        there.send(PONG, next_ping(there))
        here.send(PONG, next_ping(here))
        last = number == len(pieces) - 1
        here.send(CONTINUATION, piece, fin=last)
        assert there.frame() == Frame(CONTINUATION, piece, fin=last)
    there.send(TEXT, b"seen")
    assert here.frame() == Frame(TEXT, b"seen")


@BOTH
def test_answers_to_our_pings_are_taken_out(lively: Single, sender: str) -> None:
    """Foreign pings and pongs pass, also those that look much like ours; only the answer to ours is gone."""
    here, there = lively.open().direction(sender)
    ours = next_ping(here)
    there.send(PONG, next_ping(there))
    foreign = [
        Frame(PONG, ours[:-1]),
        Frame(PONG, ours + b"x"),
        Frame(PONG),
        Frame(PING, ours),
        Frame(PING, b"mine"),
    ]
    for frame in foreign:
        here.send(frame.opcode, frame.payload)
    here.send(PONG, ours)
    here.send(TEXT, b"end")
    assert [there.frame() for _ in range(6)] == [*foreign, Frame(TEXT, b"end")]


@BOTH
def test_answer_that_is_cut_into_bytes(lively: Single, sender: str) -> None:
    """The answer to our ping comes byte by byte between two fragments: all of it is taken out, the rest is whole."""
    pair = lively.open()
    here, there = pair.direction(sender)
    ours = next_ping(here)
    there.send(PONG, next_ping(there))
    masked = sender == "client"
    stream = b"".join(
        frame.encode(masked)
        for frame in (
            Frame(BINARY, b"one", fin=False),
            Frame(PONG, ours),
            Frame(CONTINUATION, b"two"),
            Frame(PING, b"foreign"),
        )
    )
    here.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in stream:
        here.socket.sendall(bytes((byte,)))
        time.sleep(0.001)
    assert there.frame() == Frame(BINARY, b"one", fin=False)
    assert there.frame() == Frame(CONTINUATION, b"two")
    assert there.frame() == Frame(PING, b"foreign")


def test_no_ping_stands_within_a_frame(lively: Single) -> None:
    """A long frame that stops for a second: the receiver gets no ping in its midst, and one as soon as it has ended."""
    for sender in ("client", "member"):
        here, there = lively.open().direction(sender)
        payload = os.urandom(200 << 10)
        frame = Frame(BINARY, payload).encode(sender == "client")
        here.socket.sendall(frame[: 150 << 10])
        time.sleep(3 * INTERVAL)
        here.socket.sendall(frame[150 << 10 :])
        while (came := there.frame()).opcode == PING:
            there.send(PONG, came.payload)  # it was sent before the frame began
        assert came == Frame(BINARY, payload)
        next_ping(there)


@BOTH
def test_whoever_speaks_is_not_pinged(lively: Single, sender: str) -> None:
    """Ten messages a second for a second and a half: their sender gets no ping."""
    here, there = lively.open().direction(sender)
    for number in range(15):
        here.send(TEXT, b"%d" % number)
        time.sleep(INTERVAL / 3)
    frames = messages(there, 15)
    assert [frame.payload for frame in frames] == [b"%d" % number for number in range(15)]
    there.send(TEXT, b"now you")
    assert here.frame() == Frame(TEXT, b"now you")


@pytest.mark.parametrize("extension", ["x-webkit-deflate-frame", "permessage-foo; a=1"])
def test_unknown_extension_passes_end_to_end(lively: Single, extension: str) -> None:
    """What client and member agree upon is their business: offer, answer and the bits that it uses."""
    browser = lively.browse()
    browser.upgrade("/raw", f"Sec-WebSocket-Extensions: {extension}")
    visit = lively.raw.visit()
    assert visit.request.all("Sec-WebSocket-Extensions") == [extension]
    member = visit.switch(f"Sec-WebSocket-Extensions: {extension}")
    client = browser.switched()
    assert browser.all("Sec-WebSocket-Extensions") == [extension]
    for here, there in ((client, member), (member, client)):
        here.send(BINARY, b"\xff\x00", rsv=3)
        assert messages(there, 1) == [Frame(BINARY, b"\xff\x00", rsv=3)]


@BOTH
def test_compressed_messages_are_not_touched(lively: Single, sender: str) -> None:
    """The very bytes of a compressed message arrive, fragments and all, with our pings in between."""
    browser = lively.browse()
    offer = "permessage-deflate; client_max_window_bits"
    browser.upgrade("/raw", f"Sec-WebSocket-Extensions: {offer}")
    visit = lively.raw.visit()
    assert visit.request.all("Sec-WebSocket-Extensions") == [offer]
    member = visit.switch("Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover")
    here, there = Pair(browser, browser.switched(), member).direction(sender)
    here.send(TEXT, b"\xf2\x48\xcd", fin=False, rsv=RSV1)  # RFC 7692 section 7.2.3.1
    assert messages(there, 1) == [Frame(TEXT, b"\xf2\x48\xcd", fin=False, rsv=RSV1)]
    there.send(PONG, next_ping(there))
    here.send(CONTINUATION, b"\xc9\xc9\x07\x00")
    assert messages(there, 1) == [Frame(CONTINUATION, b"\xc9\xc9\x07\x00")]


# -- ends at a bad moment -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reset", [False, True], ids=["end", "reset"])
def test_member_dies_within_a_short_frame(lively: Single, reset: bool) -> None:
    """What there was of it is of no use to anybody; the client gets a close frame, behind all that came whole."""
    pair = lively.open()
    pair.member.send(TEXT, b"whole")
    pair.member.socket.sendall(Frame(BINARY, b"x" * 5000).encode(mask=False)[:4000])
    assert messages(pair.browser, 1) == [Frame(TEXT, b"whole")]
    if reset:
        pair.member.reset()
    else:
        pair.member.socket.close()
    assert close_of(pair.browser) == (1012, "The server went away.")
    pair.browser.close_frame(1012)
    assert pair.browser.ended()


def test_member_dies_between_two_fragments(lively: Single) -> None:
    """The message will never be complete; the close frame stands between two of its frames, which is legal."""
    pair = lively.open()
    pair.member.send(TEXT, b"half a", fin=False)
    assert messages(pair.browser, 1) == [Frame(TEXT, b"half a", fin=False)]
    pair.member.reset()
    assert close_of(pair.browser)[0] == 1012


def test_member_dies_within_a_long_frame(lively: Single) -> None:
    """Longer than what is held: there is no place for a close frame, so the connection ends, and soon."""
    pair = lively.open()
    pair.member.socket.sendall(Frame(BINARY, b"x" * (1 << 20)).encode(mask=False)[: 300 << 10])
    pair.browser.socket.recv(1 << 16)
    pair.member.reset()
    assert not pair.browser.ended(), "what had come was passed on"


@BOTH
def test_member_dies_while_everything_is_on_its_way(lively: Single, sender: str) -> None:
    """A burst, and the connection is gone: all of the burst arrives, then the close frame."""
    here, there = lively.open().direction(sender)
    burst = b"".join(
        Frame(BINARY, b"%6d" % number * 100).encode(sender == "client") for number in range(1000)
    )
    here.socket.sendall(burst)
    here.socket.close()
    assert [frame.payload[:6] for frame in messages(there, 1000)] == [
        b"%6d" % number for number in range(1000)
    ]
    assert close_of(there)[0] == (1001 if sender == "client" else 1012)


@BOTH
def test_silent_side_is_dropped(tmp_path: Path, sender: str) -> None:
    """It takes everything and answers nothing: after so many intervals the other side is told, and only that one."""
    settings = 'websocket_ping_interval = "200ms"\nwebsocket_ping_misses = 3\n'
    with single(tmp_path, settings) as lab:
        silent, other = lab.open().direction(sender)
        began = time.monotonic()
        while (frame := other.frame()).opcode == PING:
            other.send(PONG, frame.payload)
        assert frame.opcode == CLOSE
        assert int.from_bytes(frame.payload[:2], "big") == (1001 if sender == "client" else 1012)
        assert time.monotonic() - began > 0.75
        assert next_ping(silent)
        assert silent.ended(), "one ping, no answer, no second ping"
        other.close_frame(1000)
        other.socket.close()
        until(lambda: lab.logged(f"{sender}-silent"), "the line of the log")


def test_nothing_follows_the_close_frame(lively: Single) -> None:
    """A side that was told goodbye gets nothing more, whatever the other one, told too, goes on to say."""
    pair = lively.open()
    lively.ask("POST", "/members/raw/r", {"state": "drain", "close_websockets": True})
    try:
        for peer, other in ((pair.browser, pair.member), (pair.member, pair.browser)):
            assert close_of(peer)[0] == 1012
            for number in range(3):
                other.send(TEXT, b"%d" % number)
                other.send(PING, b"%d" % number)
        time.sleep(INTERVAL)
        pair.member.close_frame(1012)
        pair.browser.close_frame(1012)
        assert pair.browser.ended()
        pair.member.socket.shutdown(socket.SHUT_WR)
        assert pair.member.ended()
    finally:
        lively.ask("POST", "/members/raw/r", {"state": "active"})
    until(lambda: lively.logged("drained:1012"), "the line of the log")


# -- slow sides ---------------------------------------------------------------------------------------------------------


class Flood(threading.Thread):
    """Sends messages of 10 kB until it is stopped or the connection ends; `sent` so far."""

    def __init__(self, peer: Peer, sender: str) -> None:
        super().__init__(daemon=True)
        self.sent = 0
        self.stopped = False
        self._socket = peer.socket
        self._frame = Frame(BINARY, b"x" * 10_000).encode(sender == "client")

    def run(self) -> None:
        self._socket.settimeout(None)
        try:
            while not self.stopped:
                self._socket.sendall(self._frame)
                self.sent += 1
        except OSError:
            pass


def small_buffer(peer: Peer) -> None:
    """Let the kernel keep little for a side that does not read."""
    peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 14)


@pytest.mark.parametrize(("slow", "code"), [("client", 1001), ("member", 1013)])
def test_slow_side_is_closed_and_the_others_live_on(lively: Single, slow: str, code: int) -> None:
    """First the sender is paused, then both are told; other WebSockets of the same two know nothing of it.

    A slow member may be stuck within a frame, since what a client sends is passed on as it comes: then its connection
    ends without a close frame.
    """
    reader, writer = lively.open().direction(slow)
    small_buffer(reader)
    alive = lively.open()
    flood = Flood(writer, "member" if slow == "client" else "client")
    flood.start()
    paused = steady(lambda: flood.sent, "the sender to be paused", seconds=SLOW / 3)
    assert paused < 10_000, "everything was swallowed"
    began = time.monotonic()
    assert close_of(writer) == (code, f"the {slow} is too slow")
    assert time.monotonic() - began < SLOW + PATIENCE / 2
    flood.stopped = True
    flood.join(PATIENCE)
    assert not flood.is_alive()
    for here, there in (alive.direction("client"), alive.direction("member")):
        here.send(TEXT, b"alive")
        assert messages(there, 1) == [Frame(TEXT, b"alive")]
    if slow == "client":
        assert close_of(reader) == (1013, "the client is too slow"), "behind all that had been sent to it"
        reader.close_frame(1013)
        writer.close_frame(code)
        writer.socket.close()
    else:
        with suppress(ConnectionError):
            assert close_of(reader) == (1013, "the member is too slow")
        reader.socket.close()
        writer.close_frame(code)
    until(lambda: lively.logged(f"slow-{slow}"), "the line of the log")


@BOTH
def test_slow_side_that_recovers(lively: Single, sender: str) -> None:
    """Paused for half of the patience, again and again: nothing is lost, nobody is closed."""
    pair = lively.open()
    here, there = pair.direction(sender)
    small_buffer(there)
    numbers = 1500
    stream = b"".join(
        Frame(BINARY, number.to_bytes(4, "big") * 1000).encode(sender == "client")
        for number in range(numbers)
    )
    sending = threading.Thread(target=here.socket.sendall, args=(stream,), daemon=True)
    here.socket.settimeout(None)
    sending.start()
    seen = 0
    for _ in range(4):
        time.sleep(SLOW / 2)
        for frame in messages(there, numbers // 4):
            assert frame == Frame(BINARY, seen.to_bytes(4, "big") * 1000)
            seen += 1
    sending.join(PATIENCE)
    assert not sending.is_alive()
    there.send(TEXT, b"all of it")
    assert messages(here, 1) == [Frame(TEXT, b"all of it")]


def test_slow_line_is_not_silence(tmp_path: Path) -> None:
    """A client that takes all that it can, but not much, cannot have seen our ping yet: nobody blames it for that."""
    settings = 'websocket_ping_interval = "200ms"\nwebsocket_ping_misses = 3\n'
    with single(tmp_path, settings) as lab:
        browser = lab.browse()
        browser.client.close()
        browser.client = Client(lab.port, receive_buffer=1 << 12)
        browser.upgrade("/raw")
        member = lab.raw.visit().switch()
        client = browser.switched()
        answering = threading.Thread(target=answer_pings, args=(member,), daemon=True)
        member.socket.sendall(Frame(BINARY, b"x" * 1000).encode(mask=False) * 300)
        answering.start()
        read, began = 0, time.monotonic()
        while time.monotonic() - began < 5.0 and read < 300 * 1000:
            data = client.socket.recv(3000)
            assert data, "cut"
            read += len(data)
            time.sleep(0.05)
        assert lab.websockets() == 1


def answer_pings(peer: Peer) -> None:
    """Answer whatever pings come, until the connection ends."""
    with suppress(OSError, AssertionError):
        while (frame := peer.frame()).opcode == PING:
            peer.send(PONG, frame.payload)


def test_writer_is_read_again_when_the_slow_side_was_closed(lively: Single) -> None:
    """A member that waits to write is let go at once: it gets its close frame, answers, and its connection ends.

    Were it not read, its thread would hang until its own patience (Tomcat: 20 s) is over, and the slow client's
    connection with it.
    """
    pair = lively.open()
    small_buffer(pair.browser)
    flood = Flood(pair.member, "member")
    flood.start()
    steady(lambda: flood.sent, "the member to be paused", seconds=SLOW / 3)
    before = flood.sent
    assert close_of(pair.member) == (1001, "the client is too slow")
    until(lambda: flood.sent > before, "the member to be read again")
    flood.stopped = True
    flood.join(PATIENCE)
