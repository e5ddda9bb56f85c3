"""How a WebSocket ends: close frames cross with code and reason, and a death of one side is told to the other."""

from __future__ import annotations

import socket
import time

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection

from tests.harness.waiting import until
from tests.websocket.lab import LANES, Lab
from tests.websocket.peer import BINARY, PING, PONG, TEXT, Frame

pytestmark = LANES
BOTH = pytest.mark.parametrize("sender", ["client", "member"])
CODES = [
    (None, ""),
    (1000, ""),
    (1000, "bye"),
    (1001, "navigating away"),
    (1002, "protocol error"),
    (1003, "no binary here"),
    (1007, "not text"),
    (1008, "not allowed"),
    (1009, "too big"),
    (1010, "extension missing"),
    (1011, "unexpected condition"),
    (1012, "restarting"),
    (1013, "try later"),
    (3000, "registered"),
    (4999, "Grüße " + "x" * 100),
]


@BOTH
@pytest.mark.parametrize(("code", "reason"), CODES)
def test_close_arrives_with_code_and_reason(lab: Lab, sender: str, code: int | None, reason: str) -> None:
    """Both are passed on unchanged, also none at all; the closer gets its reply, and both connections end."""
    here, there = lab.open().direction(sender)
    here.close_frame(code, reason)
    assert there.closed() == (code, reason)
    there.close_frame(code, reason)
    assert here.closed()[0] == code
    if sender == "member":
        here.socket.close()  # a server ends the connection, a client waits for that
        assert there.ended()
    else:
        assert here.ended()
        there.socket.close()
    until(lambda: lab.busy() == 0, "the WebSocket to be over")


@BOTH
def test_messages_before_a_close_arrive(lab: Lab, sender: str) -> None:
    """Nothing that was sent before the close frame is lost behind it."""
    here, there = lab.open().direction(sender)
    payload = b"x" * 100_000
    for _ in range(20):
        here.send(BINARY, payload)
    here.close_frame(1000, "done")
    for _ in range(20):
        assert there.message() == payload
    assert there.closed() == (1000, "done")


@BOTH
def test_frames_behind_a_close_are_nobodys(lab: Lab, sender: str) -> None:
    """What follows a close frame is not passed on (RFC 6455 section 5.5.1)."""
    pair = lab.open()
    here, there = pair.direction(sender)
    here.close_frame(1000)
    here.send(TEXT, b"too late")
    assert there.closed() == (1000, "")
    there.close_frame(1000)
    pair.member.socket.shutdown(socket.SHUT_WR)  # what a server does behind its close frame
    assert there.ended()


def test_both_close_at_once(lab: Lab) -> None:
    """Crossing close frames end the WebSocket without a fault on either side."""
    pair = lab.open()
    pair.browser.close_frame(1000, "client")
    pair.member.close_frame(1001, "member")
    assert pair.browser.closed()[0] in (1000, 1001)
    assert pair.member.closed()[0] in (1000, 1001)
    assert pair.browser.ended()
    pair.member.socket.close()
    until(lambda: lab.busy() == 0, "the WebSocket to be over")


@pytest.mark.parametrize("code", [1000, 1001, 3000, 4999])
@pytest.mark.parametrize("compression", ["deflate", None])
def test_libraries_close(lab: Lab, code: int, compression: str | None) -> None:
    """Real libraries on both ends see each other's codes and reasons, and a clean end."""
    seen: list[tuple[int | None, str | None]] = []

    def note(connection: ServerConnection) -> None:
        try:
            connection.recv(timeout=20)
        except ConnectionClosed:
            seen.append((connection.close_code, connection.close_reason))

    lab.plain.conversation = note
    with lab.dial("/plain", compression=compression) as client:
        client.close(code, "over")
        assert client.close_code == code
    until(lambda: seen == [(code, "over")], f"the member to see {code}, not {seen}")


def test_library_member_closes(lab: Lab) -> None:
    """A real member's goodbye reaches a real client."""

    def leave(connection: ServerConnection) -> None:
        connection.close(4001, "log in again")

    lab.deflate.conversation = leave
    with lab.dial("/deflate") as client:
        with pytest.raises(ConnectionClosed):
            client.recv(timeout=20)
        assert (client.close_code, client.close_reason) == (4001, "log in again")


def test_side_that_ends_instead_of_answering(lab: Lab) -> None:
    """Who has said goodbye is not told to come back: the answer that the other side owes has no code."""
    pair = lab.open()
    pair.browser.close_frame(1000, "done")
    assert pair.member.closed() == (1000, "done")
    pair.member.socket.close()
    assert pair.browser.closed() == (None, "")
    assert pair.browser.ended()


# -- deaths ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["reset", "close"])
def test_member_dies(lab: Lab, end: str) -> None:
    """The member's connection breaks: the client hears 1012, service restart, at once, and then the end."""
    pair = lab.open()
    pair.browser.send(TEXT, b"hello")
    assert pair.member.frame().payload == b"hello"
    pair.member.reset() if end == "reset" else pair.member.socket.close()
    assert pair.browser.closed()[0] == 1012
    pair.browser.close_frame(1012)
    assert pair.browser.ended()
    until(lambda: lab.busy() == 0, "the WebSocket to be over")
    assert lab.status()["raw/r"]["state"] == "up"  # the end of a WebSocket is no failure of the member


@pytest.mark.parametrize("end", ["reset", "close"])
def test_client_dies(lab: Lab, end: str) -> None:
    """The client's connection breaks: the member hears 1001, going away, and may clean up."""
    pair = lab.open()
    pair.member.send(TEXT, b"hello")
    assert pair.browser.frame().payload == b"hello"
    pair.browser.reset() if end == "reset" else pair.browser.socket.close()
    assert pair.member.closed()[0] == 1001
    pair.member.close_frame(1001)
    pair.member.socket.close()
    until(lambda: lab.busy() == 0, "the WebSocket to be over")


def test_member_dies_within_a_message(lab: Lab) -> None:
    """What came of a broken message is not made whole: the client gets its first fragment and then the close."""
    pair = lab.open()
    pair.member.send(TEXT, b"begun", fin=False)
    assert pair.browser.frame() == Frame(TEXT, b"begun", fin=False)
    pair.member.socket.sendall(Frame(0, b"x" * 1000).encode(mask=False)[:500])
    pair.member.socket.close()
    assert pair.browser.closed()[0] == 1012


def test_last_words_of_a_dying_member_arrive(lab: Lab) -> None:
    """Messages right before the end of the member's connection are delivered before the close."""
    pair = lab.open()
    pair.member.socket.sendall(b"".join(Frame(TEXT, b"%d" % n).encode(False) for n in range(100)))
    pair.member.socket.close()
    assert [pair.browser.frame().payload for _ in range(100)] == [b"%d" % n for n in range(100)]
    assert pair.browser.closed()[0] == 1012


def test_peers_that_do_not_finish_are_let_go(lab: Lab) -> None:
    """Whoever answers no close, or never ends its connection, keeps nothing alive: all of them end for it."""
    deaf_client, deaf_member, first, second = (lab.open() for _ in range(4))
    deaf_client.member.socket.close()
    assert deaf_client.browser.closed()[0] == 1012
    deaf_member.browser.socket.close()
    assert deaf_member.member.closed()[0] == 1001
    for here, there in (first.direction("client"), second.direction("member")):
        here.close_frame(1000)
        assert there.closed() == (1000, "")
        there.close_frame(1000)
        assert here.closed() == (1000, "")
    assert deaf_client.browser.ended()
    assert deaf_member.member.ended()
    assert first.member.ended() and second.member.ended()
    until(lambda: lab.busy() == 0, "all four to be over")


# -- the idle limit -------------------------------------------------------------------------------------------------


def test_idle_websocket_is_closed(lab: Lab) -> None:
    """With an idle limit of half a second and silence both sides hear 1001."""
    pair = lab.open("/idle")
    assert pair.browser.closed()[0] == 1001
    assert pair.member.closed()[0] == 1001


def test_whatever_passes_keeps_a_websocket_from_idling(lab: Lab) -> None:
    """Messages, pings and pongs of either side count, for several times the limit; then silence counts again."""
    opcodes = [TEXT, PING, PONG]
    ways = [(opcode, lab.open("/idle").direction(way)) for opcode in opcodes for way in ("client", "member")]
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        for opcode, (here, there) in ways:
            here.send(opcode, b"still here")
            assert there.frame() == Frame(opcode, b"still here")
        time.sleep(0.1)
    for _, (_, there) in ways:
        assert there.closed()[0] == 1001


def test_without_a_limit_silence_is_no_reason(lab: Lab) -> None:
    """The limit is off by default: a WebSocket outlives all that limits ordinary requests."""
    pair = lab.open()
    idle = lab.open("/idle")
    assert idle.browser.closed()[0] == 1001  # the time that this took is time that the other one was silent
    pair.browser.send(TEXT, b"awake")
    assert pair.member.frame() == Frame(TEXT, b"awake")
