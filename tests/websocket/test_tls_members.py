"""WebSockets of members that speak TLS: the same promises in both lanes, over transports that panolb cannot see into."""

from __future__ import annotations

import hashlib
import os
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.certificate import Authority, certify
from tests.harness.waiting import ADDRESS, PATIENCE, free_port, steady, until
from tests.websocket.lab import LANES, Lab, Pair, running
from tests.websocket.peer import (
    BINARY,
    CONTINUATION,
    PING,
    PONG,
    TEXT,
    Browser,
    Frame,
    Peer,
    RawMember,
    Visit,
)

pytestmark = LANES
BOTH = pytest.mark.parametrize("sender", ["client", "member"])

PIECE = os.urandom(64 << 10)
TOTAL = 600  # pieces: 37 MiB, more than all the buffers on the way
BOUND = 16 << 20  # bytes that the process may grow by meanwhile

TABLES = """\
[listener.secure]
endpoint = "ssl:{port}:privateKey={key}:certKey={certificate}:interface={address}"
[balancer.secure]
tls_ca = "{ca}"
[[balancer.secure.member]]
url = "wss://{address}:{member}/raw"
[websockets]
close_timeout = "1m"
"""


class SecureRawMember(RawMember):
    """A raw member behind TLS."""

    def __init__(self, key: Path, certificate: Path) -> None:
        super().__init__()
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate, key)

    def visit(self) -> Visit:
        self._listening.settimeout(PATIENCE)
        connection, _ = self._listening.accept()
        connection.settimeout(PATIENCE)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        visit = Visit(self._context.wrap_socket(connection, server_side=True))
        self._visits.append(visit)
        return visit


class Secure:
    """A lab with a member that speaks TLS, and a listener that does so, too."""

    def __init__(self, lab: Lab, member: SecureRawMember, port: int) -> None:
        self.lab = lab
        self.member = member
        self._port = port

    def open(self, *, both: bool = False) -> Pair:
        """A WebSocket between a client, with or without TLS, and the member with it."""
        browser = self.lab.browse(self._port if both else None)
        if both:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            browser.client.socket = context.wrap_socket(browser.client.socket)
        return self._opened(browser)

    def _opened(self, browser: Browser) -> Pair:
        browser.upgrade("/secure")
        visit = self.member.visit()
        member = visit.switch()
        return Pair(browser, browser.switched(), member)


@pytest.fixture(scope="module")
def _secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secure]:
    directory = tmp_path_factory.mktemp("tls")
    authority = Authority(directory, "ca")
    member = SecureRawMember(*authority.issue("member"))
    key, certificate = certify(directory)
    port = free_port()
    tables = TABLES.format(
        port=port,
        key=key,
        certificate=certificate,
        address=ADDRESS,
        ca=authority.certificate,
        member=member.port,
    )
    locations = {"/secure": ("secure", ""), "/messages/secure": ("secure", 'websocket = "messages"')}
    with running(directory, listeners=tables, locations=locations) as lab:
        yield Secure(lab, member, port)
        lab.panolb.stop()
    member.close()


@pytest.fixture
def secure(_secure: Secure, lane: str) -> Iterator[Secure]:
    """The process; after each test it must serve nobody."""
    _secure.lab.lane = lane
    yield _secure
    _secure.member.clear()
    _secure.lab.settle()


@BOTH
@pytest.mark.parametrize("both", [False, True])
def test_frames_and_the_close_arrive(secure: Secure, sender: str, both: bool) -> None:
    """Long and short ones, fragments and pings, and the code with its answer; then the connections end."""
    pair = secure.open(both=both)
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
    """Both sides get 1002, the member inside of its TLS connection."""
    here, there = secure.open().direction(sender)
    here.send(3, b"bad")
    assert there.closed()[0] == 1002
    there.close_frame(1002)
    assert here.closed()[0] == 1002


def test_deaths_are_told(secure: Secure) -> None:
    """A member whose connection ends with TLS's goodbye, without it, and by a reset; and a client that is gone."""
    pair = secure.open()
    pair.member.socket.close()
    assert pair.browser.closed()[0] == 1012
    pair = secure.open()
    pair.member.reset()
    assert pair.browser.closed()[0] == 1012
    pair = secure.open()
    pair.browser.reset()
    assert pair.member.closed()[0] == 1001


def _arrives(secure: Secure, here: Peer, there: Peer) -> None:
    """Send more than fits anywhere to somebody who does not read yet; then all of it must arrive."""
    before = secure.lab.panolb.rss()
    here.socket.settimeout(None)
    sent = 0
    said = hashlib.sha256()

    def flood() -> None:
        nonlocal sent
        for number in range(TOTAL):
            payload = number.to_bytes(4, "big") + PIECE
            said.update(payload)
            here.send(BINARY, payload)
            sent += 1

    thread = threading.Thread(target=flood, daemon=True)
    thread.start()
    assert steady(lambda: sent, "the sender to come to a halt", seconds=1.0) < TOTAL, "all was swallowed"
    assert secure.lab.panolb.rss() - before < BOUND
    heard = hashlib.sha256()
    for _ in range(TOTAL):
        heard.update(there.message())
    thread.join(PATIENCE)
    assert heard.digest() == said.digest()
    there.send(TEXT, b"all of it")
    assert here.frame() == Frame(TEXT, b"all of it")
    until(lambda: secure.lab.panolb.rss() - before < BOUND, "the process to stay small")


@BOTH
def test_slow_side_is_waited_for(secure: Secure, sender: str) -> None:
    """Whoever does not read brings the other side to a halt, through TLS, and the process stays small."""
    _arrives(secure, *secure.open().direction(sender))
