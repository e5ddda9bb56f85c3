"""Who reads slowly is waited for: the other side's sends block, panolb does not swell, and nothing is lost."""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import signal
import socket
import threading
import time
import zlib
from collections.abc import Iterator

import pytest

from tests.harness.waiting import ADDRESS, PATIENCE, steady
from tests.websocket.lab import LANES, MESSAGES, Lab, running
from tests.websocket.peer import BINARY, CLOSE, PING, TEXT, Frame, Peer

PIECE = os.urandom(64 << 10)
BACKLOG = 1 << 20  # the default of websocket_backlog
TOTAL = 1000  # pieces: 62 MiB, far more than the kernel's buffers and panolb's bound together
BOUND = 16 << 20  # bytes that the process may grow by meanwhile
BOTH = pytest.mark.parametrize("sender", ["client", "member"])


@pytest.fixture(scope="module")
def _own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with running(tmp_path_factory.mktemp("pressure")) as lab:
        yield lab
        lab.panolb.stop()


@pytest.fixture
def own(_own: Lab, lane: str) -> Lab:
    """A process of its own, whose size nobody else changes."""
    _own.lane = lane
    return _own


class Flood(threading.Thread):
    """Sends until all is sent; `sent` pieces so far."""

    def __init__(self, peer: Peer, opcode: int = BINARY) -> None:
        super().__init__(daemon=True)
        self.sent = 0
        self.digest = hashlib.sha256()
        self._peer = peer
        self._opcode = opcode
        self._mask = peer._client

    def run(self) -> None:
        self._peer.socket.settimeout(None)
        for number in range(TOTAL):
            payload = number.to_bytes(4, "big") + PIECE
            self.digest.update(payload)
            try:
                self._peer.socket.sendall(Frame(self._opcode, payload).encode(self._mask))
            except OSError:
                return  # the test has ended the connection
            self.sent += 1


def _send_much_and_close(here: Peer, size: int) -> threading.Thread:
    """Send one long frame and a close frame, in the background: a reader that does not read stops the sender."""

    def send() -> None:
        try:
            here.send(BINARY, b"x" * size)
            here.close_frame(1000, "that is all")
        except OSError:
            pass  # the test has ended the connection

    here.socket.settimeout(None)
    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    return thread


@LANES
@BOTH
def test_sender_waits_for_a_slow_reader(own: Lab, sender: str) -> None:
    """Nobody reads: the sender comes to a halt, the process stays small; then all is read, to the last byte."""
    before = own.panolb.rss()
    pair = own.open()
    here, there = pair.direction(sender)
    flood = Flood(here)
    flood.start()
    halted = steady(lambda: flood.sent, "the sender to come to a halt", seconds=1.0)
    assert halted < TOTAL, "everything was swallowed"
    assert own.panolb.rss() - before < BOUND
    there.send(TEXT, b"the other way is free")
    assert here.frame() == Frame(TEXT, b"the other way is free")
    digest = hashlib.sha256()
    for number in range(TOTAL):
        payload = there.message()
        assert int.from_bytes(payload[:4], "big") == number
        digest.update(payload)
    flood.join(20)
    assert digest.digest() == flood.digest.digest()
    assert own.panolb.rss() - before < BOUND
    here.close_frame(1000)
    assert there.closed() == (1000, "")
    own.settle()


def test_close_behind_a_queue_loses_nothing(own: Lab) -> None:
    """The sender closes while much is still on its way: a reader that takes its time gets all, then the close."""
    ways = []
    for own.lane in ("splice", "messages"):
        ways += [own.open().direction(sender) for sender in ("client", "member")]
    for here, there in ways:
        there.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
        _send_much_and_close(here, 12 << 20)
    time.sleep(6.5)  # longer than panolb waits for the reply to a close frame that has left
    for _, there in ways:
        assert len(there.message()) == 12 << 20
        assert there.closed() == (1000, "that is all")
    own.settle()


@LANES
def test_pings_of_a_client_that_reads_nothing(own: Lab) -> None:
    """Control frames queue like any others: a flood of pings to a member that does not read is bounded too."""
    before = own.panolb.rss()
    pair = own.open()
    done = threading.Event()
    count = 0

    def flood() -> None:
        nonlocal count
        pair.browser.socket.settimeout(None)
        block = Frame(PING, b"x" * 125).encode(mask=True) * 1000
        try:
            for _ in range(400):
                pair.browser.socket.sendall(block)
                count += 1
        except OSError:
            pass
        done.set()

    threading.Thread(target=flood, daemon=True).start()
    halted = steady(lambda: count, "the sender to come to a halt", seconds=1.0)
    assert halted < 400
    assert own.panolb.rss() - before < BOUND
    pair.browser.socket.shutdown(socket.SHUT_RDWR)
    assert done.wait(20)
    own.settle()


@LANES
def test_death_of_a_member_that_is_not_read(own: Lab) -> None:
    """A member dies while the client does not read: once the client does, it gets all that came and then 1012."""
    pair = own.open()
    pair.browser.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
    pair.member.send(BINARY, b"x" * (4 << 20))
    pair.member.socket.close()
    assert len(pair.browser.message()) == 4 << 20
    assert pair.browser.closed()[0] == 1012
    own.settle()


@LANES
def test_client_dies_before_it_has_read_the_close(own: Lab) -> None:
    """A member has sent much and its goodbye; the client dies unread: nothing waits for anybody any more."""
    pair = own.open()
    pair.browser.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
    sending = _send_much_and_close(pair.member, 10 << 20)
    assert pair.browser.socket.recv(1000)  # the rest of it is under way
    pair.browser.reset()
    own.settle()
    sending.join(20)
    assert not sending.is_alive()


@LANES
def test_many_slow_readers(own: Lab) -> None:
    """Forty clients that do not read cost little more than ``websocket_backlog`` each, and a forty-first is served."""
    before = own.panolb.rss()
    pairs = [own.open() for _ in range(40)]
    floods = [Flood(pair.member) for pair in pairs]
    for flood in floods:
        flood.start()
    steady(lambda: sum(flood.sent for flood in floods), "all senders to come to a halt", seconds=1.0)
    assert own.panolb.rss() - before < 40 * 2 * BACKLOG
    pair = own.open()
    pair.member.send(TEXT, b"served")
    assert pair.browser.frame() == Frame(TEXT, b"served")
    for slow in pairs:
        slow.member.socket.shutdown(socket.SHUT_RDWR)
    own.settle()


def _queued_for_member(lab: Lab) -> int:
    """Bytes that wait to be sent to the member of the only WebSocket."""
    connection = http.client.HTTPConnection(ADDRESS, lab.admin, timeout=PATIENCE)
    try:
        connection.request("GET", "/websockets.json")
        (only,) = json.load(connection.getresponse())["websockets"]
    finally:
        connection.close()
    return int(only["backlog_in_bytes"])


@MESSAGES
def test_what_one_read_inflates_to(own: Lab) -> None:
    """A few kilobytes hold sixty messages of a megabyte: no more of them are read than may wait, and one."""
    size, number = 1 << 20, 60
    pair = own.open("/raw", "Sec-WebSocket-Extensions: permessage-deflate")
    pair.member.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
    burst = b""
    for value in range(number):
        deflate = zlib.compressobj(9, wbits=-15)
        payload = deflate.compress(bytes((value,)) * size) + deflate.flush(zlib.Z_SYNC_FLUSH)
        burst += Frame(BINARY, payload[:-4], rsv=4).encode(mask=True)
    pair.browser.socket.sendall(burst)
    pair.browser.close_frame(1000, "that is all")
    waiting = steady(lambda: _queued_for_member(own), "the client to be paused", seconds=1.0)
    assert BACKLOG < waiting < BACKLOG + size + 1000
    pair.member.send(PING, b"the other way is free")
    assert pair.browser.frame() == Frame(PING, b"the other way is free")
    for value in range(number):
        assert pair.member.message() == bytes((value,)) * size
    assert pair.member.closed() == (1000, "that is all")
    own.settle()


@MESSAGES
def test_reset_of_a_paused_client_inflates_nothing(own: Lab) -> None:
    """What it has sent and nobody would take goes with it; the process does not swell at its end."""
    pair = own.open("/raw", "Sec-WebSocket-Extensions: permessage-deflate")
    deflate = zlib.compressobj(9, wbits=-15)
    payload = deflate.compress(bytes(1 << 20)) + deflate.flush(zlib.Z_SYNC_FLUSH)
    burst = Frame(BINARY, payload[:-4], rsv=4).encode(mask=True) * 100
    pair.browser.socket.sendall(burst)
    steady(lambda: _queued_for_member(own), "the client to be paused", seconds=0.5)
    before = own.panolb.rss()
    pair.browser.reset()
    frames = 0
    while pair.member.frame().opcode != CLOSE:
        frames += 1
    assert 0 < frames < 30
    assert own.panolb.rss() - before < BOUND
    own.settle()


@MESSAGES
def test_tiny_frames_let_others_in(own: Lab) -> None:
    """A client has sent thousands of the smallest messages, another one a single one behind them: it need not wait for all.

    panolb stands still until both are there.  It goes on while the test counts, which may be late, but not every time.
    """
    flooding, other = own.open(), own.open()
    number, length = 12_000, 7  # bytes of a masked frame
    burst = Frame(BINARY, b"x").encode(mask=True) * number
    flooding.browser.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 18)
    before = []
    for _ in range(5):
        own.panolb.process.send_signal(signal.SIGSTOP)
        flooding.browser.socket.sendall(burst)
        other.browser.send(TEXT, b"me too")
        own.panolb.process.send_signal(signal.SIGCONT)
        assert other.member.frame() == Frame(TEXT, b"me too")
        arrived = len(flooding.member.socket.recv(1 << 20))
        before.append(arrived // length)
        while arrived < number * length:
            arrived += len(flooding.member.socket.recv(1 << 20))
        if before[-1] < 3000:
            break
    assert min(before) < 3000, before
    own.settle()
