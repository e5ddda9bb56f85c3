"""WebSockets of clients that speak TLS: the same promises, over panolb's transport, and over Twisted's, whose
queues panolb cannot see into.
"""

from __future__ import annotations

import hashlib
import os
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.harness.certificate import certify
from tests.harness.waiting import ADDRESS, PATIENCE, free_port, steady, until
from tests.websocket.lab import LANES, Lab, Pair, running
from tests.websocket.peer import BINARY, CONTINUATION, PING, PONG, TEXT, Frame

pytestmark = LANES
BOTH = pytest.mark.parametrize("sender", ["client", "member"])

PIECE = os.urandom(64 << 10)
TOTAL = 600  # pieces: 37 MiB, more than all the buffers on the way
BOUND = 16 << 20  # bytes that the process may grow by meanwhile


class Secure:
    """A lab with a TLS listener beside its own."""

    def __init__(self, lab: Lab, port: int) -> None:
        self.lab = lab
        self._port = port
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._context.check_hostname = False
        self._context.verify_mode = ssl.CERT_NONE

    def open(self) -> Pair:
        """A WebSocket between a client that speaks TLS and the raw member, which does not."""
        browser = self.lab.browse(self._port)
        browser.client.socket = self._context.wrap_socket(browser.client.socket)
        browser.upgrade("/raw")
        visit = self.lab.raw.visit()
        assert visit.request.one("X-Forwarded-Proto") == "https"
        member = visit.switch()
        return Pair(browser, browser.switched(), member)


OURS = """endpoint = "tcp:{port}:interface={address}"
[[listener.secure.certificate]]
file = "{certificate}"
key = "{key}"
"""
TWISTEDS = """endpoint = "stocktls:{port}:privateKey={key}:certKey={certificate}:interface={address}"
secure = true
"""
ENDPOINTS = Path(__file__).resolve().parents[2] / "bench" / "stock"


@pytest.fixture(scope="module", params=[OURS, TWISTEDS], ids=["ours", "Twisted's"])
def _secure(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secure]:
    directory = tmp_path_factory.mktemp("tls")
    key, certificate = certify(directory)
    port = free_port()
    listener = request.param.format(port=port, key=key, certificate=certificate, address=ADDRESS)
    tables = f'[listener.secure]\n{listener}[websockets]\nclose_timeout = "1m"\n'
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        patch.setenv("PYTHONPATH", str(ENDPOINTS), prepend=os.pathsep)
        lab = stack.enter_context(running(directory, listeners=tables))
        yield Secure(lab, port)
        lab.panolb.stop()


@pytest.fixture
def secure(_secure: Secure, lane: str) -> Iterator[Secure]:
    """The process; after each test it must serve nobody."""
    _secure.lab.lane = lane
    yield _secure
    _secure.lab.settle()


@BOTH
def test_frames_and_the_close_arrive(secure: Secure, sender: str) -> None:
    """Long and short ones, fragments and pings, and the code with its answer; then the connections end."""
    pair = secure.open()
    here, there = pair.direction(sender)
    frames = [
        Frame(TEXT, "Grüße".encode()),
        Frame(BINARY, os.urandom(300_000)),
        Frame(TEXT, b"in ", fin=False),
        Frame(PING, b"alive?"),
        Frame(CONTINUATION, b"pieces"),
    ]
    for frame in frames:
        here.send(frame.opcode, frame.payload, fin=frame.fin)
        assert there.frame() == frame
    there.send(PONG, b"alive?")
    assert here.frame() == Frame(PONG, b"alive?")
    here.close_frame(4000, "bye")
    assert there.closed() == (4000, "bye")
    there.close_frame(4000, "bye")
    assert here.closed() == (4000, "bye")
    pair.member.socket.close()
    assert pair.browser.ended()


@BOTH
def test_violation_is_told(secure: Secure, sender: str) -> None:
    """Both sides get 1002, the client inside of its TLS connection."""
    here, there = secure.open().direction(sender)
    here.send(3, b"bad")
    assert there.closed()[0] == 1002
    there.close_frame(1002)
    assert here.closed()[0] == 1002


def test_deaths_are_told(secure: Secure) -> None:
    """A client whose connection ends without a word of TLS, and a member that is gone."""
    pair = secure.open()
    pair.browser.reset()
    assert pair.member.closed()[0] == 1001
    pair = secure.open()
    pair.member.reset()
    assert pair.browser.closed()[0] == 1012


def test_member_waits_for_a_slow_client(secure: Secure) -> None:
    """The client does not read: the member comes to a halt and the process stays small; then all arrives."""
    before = secure.lab.panolb.rss()
    pair = secure.open()
    pair.member.socket.settimeout(None)
    sent = 0
    said = hashlib.sha256()

    def flood() -> None:
        nonlocal sent
        for number in range(TOTAL):
            payload = number.to_bytes(4, "big") + PIECE
            said.update(payload)
            pair.member.send(BINARY, payload)
            sent += 1

    thread = threading.Thread(target=flood, daemon=True)
    thread.start()
    assert steady(lambda: sent, "the member to come to a halt", seconds=1.0) < TOTAL, "all was swallowed"
    assert secure.lab.panolb.rss() - before < BOUND
    heard = hashlib.sha256()
    for _ in range(TOTAL):
        heard.update(pair.browser.message())
    thread.join(PATIENCE)
    assert heard.digest() == said.digest()
    pair.browser.send(TEXT, b"all of it")
    assert pair.member.frame() == Frame(TEXT, b"all of it")
    until(lambda: secure.lab.panolb.rss() - before < BOUND, "the process to stay small")
