"""The WebSocket of a demo member, and what becomes of everything when the member dies or stops."""

from __future__ import annotations

import http.client
import json
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from panolb.demo.live import TICK, LiveFeed
from panolb.demo.sessions import Sessions

PATIENCE = 30.0


@contextmanager
def dial(port: int, **settings: Any) -> Iterator[ClientConnection]:
    """A WebSocket to a member."""
    with connect(f"ws://127.0.0.1:{port}/panopticon/ws", open_timeout=PATIENCE, **settings) as live:
        yield live


def receive(live: ClientConnection) -> dict[str, Any]:
    """The next message, which has to be JSON."""
    message: dict[str, Any] = json.loads(live.recv(PATIENCE))
    return message


def read_to_the_end(live: ClientConnection) -> None:
    """Receive until the connection ends, which raises ConnectionClosed."""
    while True:
        live.recv(PATIENCE)


def send_forever(plain: socket.socket, frame: bytes) -> None:
    """Send more than all socket buffers on the way can hold; raises TimeoutError when nobody takes it."""
    for _ in range(200 * 1024 * 1024 // len(frame)):
        plain.sendall(frame)


def post(port: int, path: str, body: bytes = b"", cookie: str = "") -> http.client.HTTPResponse:
    """POST and read the whole answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    connection.request("POST", path, body, {"Cookie": cookie})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer


def wait_for_port(port: int, listening: bool) -> None:
    """Wait until connects to a port succeed, or fail."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=PATIENCE).close()
            found = True
        except ConnectionRefusedError:
            found = False
        if found is listening:
            return
        time.sleep(0.05)
    raise AssertionError(f"port {port} is not as expected: listening={listening}")


def test_hello_names_member_and_session(member: int) -> None:
    """The first message says which member this is and whom the handshake's cookies named."""
    cookie = post(member, "/panopticon/login", b"user=Ann").getheader("Set-Cookie", "").partition(";")[0]
    with dial(member, additional_headers={"Cookie": f"ROUTEID=.1; {cookie}"}) as live:
        hello = receive(live)
    assert hello == {
        "type": "hello",
        "member": "Member 1",
        "route": "1",
        "user": "Ann",
        "session": cookie.partition("=")[2],
    }


def test_numbers_arrive_by_themselves(member: int) -> None:
    """Ticks come without asking, counted without gaps, with all that the page shows."""
    with dial(member) as live:
        receive(live)
        ticks = [receive(live) for _ in range(4)]
    first = ticks[0]["count"]
    assert [tick["count"] for tick in ticks] == [first, first + 1, first + 2, first + 3]
    for tick in ticks:
        assert tick["type"] == "tick"
        assert tick["sockets"] >= 1
        assert 0 < tick["orders"] < 2000
        assert all(row["price"] > 0 for row in tick["prices"])
    assert len({tick["orders"] for tick in ticks}) > 1


def test_echo_and_pings(member: int) -> None:
    """Text comes back behind the member's name, binary as it went, a ping gets its pong."""
    with dial(member) as live:
        live.send("grüß dich")
        live.send(b"\x00\xff")
        echoes: list[str | bytes] = []
        while len(echoes) < 2:
            message = live.recv(PATIENCE)
            if isinstance(message, bytes) or not message.startswith("{"):
                echoes.append(message)
        assert echoes == ["Member 1: grüß dich", b"\x00\xff"]
        assert live.ping(b"still there").wait(PATIENCE)


def test_other_sites_may_not_listen(member: int) -> None:
    """A page of another site gets no WebSocket; our own does."""
    with pytest.raises(InvalidStatus) as refused, dial(member, origin="http://evil.example"):
        pass
    assert refused.value.response.status_code == 403
    with dial(member, origin=f"http://127.0.0.1:{member}") as live:
        assert receive(live)["type"] == "hello"


def test_plain_request_is_told_to_upgrade(member: int) -> None:
    """426 with the Upgrade header (RFC 9110 section 15.5.22)."""
    connection = http.client.HTTPConnection("127.0.0.1", member, timeout=PATIENCE)
    connection.request("GET", "/panopticon/ws")
    answer = connection.getresponse()
    assert (answer.status, answer.getheader("Upgrade")) == (426, "websocket")
    connection.close()


def test_who_reads_nothing_is_not_read_from(member: int) -> None:
    """The member does not hoard echoes for a sleeping client: it stops reading, and others are served."""
    with dial(member, max_queue=1, ping_interval=None) as live:
        plain = live.socket
        plain.settimeout(1.0)
        frame = struct.pack("!BBQ4x", 0x82, 0xFF, 512 * 1024) + bytes(512 * 1024)  # masked with zeros
        with pytest.raises(TimeoutError):
            send_forever(plain, frame)
        with dial(member) as other:
            assert receive(other)["type"] == "hello"
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        plain.close()


def test_kill_is_a_crash_and_the_member_returns(process: tuple[subprocess.Popen[str], int]) -> None:
    """The answer gets out, then everything is reset and forgotten; later the same port serves again."""
    _, member = process
    cookie = post(member, "/panopticon/login", b"user=Ann").getheader("Set-Cookie", "").partition(";")[0]
    idle = socket.create_connection(("127.0.0.1", member), timeout=PATIENCE)
    slow = socket.create_connection(("127.0.0.1", member), timeout=PATIENCE)
    slow.sendall(b"GET /panopticon/slow?seconds=60 HTTP/1.1\r\nHost: demo\r\n\r\n")
    with dial(member) as live:
        receive(live)
        assert post(member, "/panopticon/kill").status == 202
        with pytest.raises(ConnectionClosed) as lost:
            read_to_the_end(live)
    assert lost.value.rcvd is None  # no close frame: 1006 in a browser
    for cut in (idle, slow):
        with cut, pytest.raises(ConnectionResetError):
            cut.recv(1)
    wait_for_port(member, listening=False)
    wait_for_port(member, listening=True)

    connection = http.client.HTTPConnection("127.0.0.1", member, timeout=PATIENCE)
    connection.request("GET", "/panopticon/whoami", headers={"Cookie": cookie})
    assert json.loads(connection.getresponse().read())["session_unknown"]
    connection.close()
    with dial(member) as again:
        assert [receive(again)["type"] for _ in range(3)] == ["hello", "tick", "tick"]


def test_stop_says_goodbye(process: tuple[subprocess.Popen[str], int]) -> None:
    """SIGTERM: browsers get 1001, an idle kept connection its end, and the process ends with 0."""
    running, port = process
    idle = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
    with dial(port) as live:
        receive(live)
        running.send_signal(signal.SIGTERM)
        with pytest.raises(ConnectionClosed) as closed:
            read_to_the_end(live)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1001
    with idle:
        assert idle.recv(1) == b""
    assert running.wait(PATIENCE) == 0


def test_stop_during_an_outage(process: tuple[subprocess.Popen[str], int]) -> None:
    """A dead member stops as well and does not come back to life."""
    running, port = process
    assert post(port, "/panopticon/kill").status == 202
    wait_for_port(port, listening=False)
    running.send_signal(signal.SIGTERM)
    assert running.wait(PATIENCE) == 0


def test_one_that_is_closing_does_not_stop_the_others() -> None:
    """Between its close frame and the end of its connection a socket gets no message, and the clock ticks on."""
    clock = Clock()
    feed = LiveFeed(clock, "Member 1", "1", Sessions("1"))
    factory = feed.resource()._factory
    transports = []
    for _ in range(2):
        transport = StringTransport()
        transport.registerProducer(object(), True)  # twisted.web's channel, before the upgrade
        live = factory.buildProtocol(None)
        live.makeConnection(transport)
        live.dataReceived(
            b"GET /panopticon/ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        transports.append((live, transport))
    (closing, left), (_, stays) = transports
    feed.start()
    closing.dataReceived(b"\x88\x82\0\0\0\0\x03\xe8")
    left.clear()
    stays.clear()
    clock.pump([TICK] * 3)
    assert stays.value().count(b'"tick"') == 3
    assert left.value() == b""
    feed.stop()
