"""permessage-deflate (RFC 7692): what is said stays the same, whoever compresses.

In the splice the client and the member negotiate it with each other; in the lane of messages each does so with panolb.
"""

from __future__ import annotations

import os
import threading
import zlib
from collections.abc import Iterator

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.sync.server import ServerConnection

from tests.websocket.lab import LANES, MESSAGES, Lab
from tests.websocket.library import extensions
from tests.websocket.peer import BINARY, CONTINUATION, TEXT, Frame

OFFER = "Sec-WebSocket-Extensions: permessage-deflate"
CONVERSATION: list[str | bytes] = [
    "text",
    "",
    b"",
    "Grüße, 世界 " * 10_000,
    b"\x00" * 1_000_000,
    os.urandom(300_000),
    "text",
]


def _deflated(data: bytes) -> bytes:
    """A whole message's payload, compressed."""
    deflate = zlib.compressobj(wbits=-15)
    return (deflate.compress(data) + deflate.flush(zlib.Z_SYNC_FLUSH))[:-4]


@pytest.mark.parametrize(
    ("lane", "path", "client", "here", "there"),
    [
        ("splice", "/deflate", "deflate", True, True),
        ("splice", "/deflate", None, False, False),
        ("splice", "/plain", "deflate", False, False),
        ("splice", "/uncompressed", "deflate", False, False),
        ("messages", "/deflate", "deflate", True, True),
        ("messages", "/deflate", None, False, False),
        ("messages", "/plain", "deflate", True, False),
        ("messages", "/plain", None, False, False),
        ("messages", "/uncompressed", "deflate", False, False),
        ("messages", "/offload", "deflate", True, False),
        ("messages", "/offload", None, False, False),
    ],
)
def test_who_negotiates_with_whom(
    lab: Lab, lane: str, path: str, client: str | None, here: bool, there: bool
) -> None:
    """Messages of all kinds are the same after the way there and back, whoever compresses."""
    member = lab.plain if path == "/plain" else lab.deflate
    with lab.dial(path, compression=client) as connection:
        for message in CONVERSATION:
            connection.send(message)
            assert connection.recv(timeout=20) == message
        assert (extensions(connection) == ["permessage-deflate"]) is here
        assert (member.extensions == ["permessage-deflate"]) is there


@LANES
@pytest.mark.parametrize("path", ["/deflate", "/plain"])
def test_fragmented_and_compressed(lab: Lab, path: str) -> None:
    """Fragments of compressed messages add up to the same message, again and again with one context."""
    pieces = [os.urandom(1000) + b"A" * 50_000 for _ in range(20)]
    with lab.dial(path) as connection:
        for _ in range(3):
            connection.send(iter(pieces))
            assert connection.recv(timeout=20) == b"".join(pieces)


@LANES
@pytest.mark.parametrize("path", ["/deflate", "/plain"])
def test_compressed_fragments_arrive_promptly(lab: Lab, path: str) -> None:
    """A compressed fragment is readable on the other side before the next one is sent, both ways."""
    arrived = threading.Event()

    def answer_fragments(connection: ServerConnection) -> None:
        stream = connection.recv_streaming()
        first = next(iter(stream))
        assert first == "first "
        arrived.set()
        rest = "".join(str(piece) for piece in stream)
        connection.send(iter(["heard: ", str(first), rest]))

    def speak() -> Iterator[str]:
        yield "first "
        assert arrived.wait(20), "the first fragment did not arrive before the second was sent"
        yield "second"

    member = lab.plain if path == "/plain" else lab.deflate
    member.conversation = answer_fragments
    with lab.dial(path) as connection:
        connection.send(speak())
        assert connection.recv(timeout=20) == "heard: first second"


@LANES
def test_no_context_takeover_and_small_windows(lab: Lab) -> None:
    """Whatever parameters a client asks for, it gets them or none, and the data is right."""
    factory = ClientPerMessageDeflateFactory(
        server_no_context_takeover=True,
        client_no_context_takeover=True,
        server_max_window_bits=9,
        client_max_window_bits=9,
    )
    with lab.dial("/deflate", compression=None, extensions=[factory]) as connection:
        for message in CONVERSATION:
            connection.send(message)
            assert connection.recv(timeout=20) == message


@MESSAGES
def test_member_that_limits_its_window(lab: Lab) -> None:
    """The member's own parameters are its side's; the client's side knows nothing of them."""
    browser = lab.browse()
    browser.upgrade("/raw", OFFER)
    visit = lab.raw.visit()
    assert "permessage-deflate" in (visit.request.one("Sec-WebSocket-Extensions") or "")
    member = visit.switch(
        "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover"
    )
    peer = browser.switched()
    text = b"again and again " * 100
    deflate = zlib.compressobj(wbits=-15)
    for _ in range(3):
        peer.send(TEXT, (deflate.compress(text) + deflate.flush(zlib.Z_SYNC_FLUSH))[:-4], rsv=4)
        frame = member.frame()
        assert (frame.opcode, frame.rsv) == (TEXT, 4)
        assert zlib.decompressobj(wbits=-15).decompress(frame.payload) == text  # readable by itself


@MESSAGES
def test_uncompressed_messages_on_a_compressed_websocket(lab: Lab) -> None:
    """A sender may leave single messages uncompressed (RFC 7692 section 6)."""
    browser = lab.browse()
    browser.upgrade("/raw", OFFER)
    member = lab.raw.visit().switch()
    peer = browser.switched()
    assert browser.all("Sec-WebSocket-Extensions") == ["permessage-deflate"]
    peer.send(TEXT, b"as it is")
    peer.send(TEXT, _deflated(b"deflated"), rsv=4)
    assert member.frame() == Frame(TEXT, b"as it is")
    assert member.message() == b"deflated"


@LANES
def test_control_frames_are_never_compressed(lab: Lab) -> None:
    """Pings pass between compressed messages, untouched."""
    with lab.dial("/deflate") as connection:
        connection.send("a" * 1000)
        assert connection.ping("alive").wait(20)
        assert connection.recv(timeout=20) == "a" * 1000


@MESSAGES
def test_compressed_nonsense_is_refused(lab: Lab) -> None:
    """What cannot be decompressed ends the WebSocket on both sides, and the process is none the worse."""
    browser = lab.browse()
    browser.upgrade("/raw", OFFER)
    member = lab.raw.visit().switch()
    peer = browser.switched()
    peer.send(BINARY, b"\xff" * 100, rsv=4)
    assert peer.closed()[0] in (1002, 1007)
    assert member.closed()[0] in (1001, 1002, 1007)
    pair = lab.open()
    pair.browser.send(TEXT, b"fine")
    assert pair.member.frame().payload == b"fine"


@MESSAGES
def test_compression_bomb_is_refused(lab: Lab) -> None:
    """A quarter of a megabyte that becomes a quarter of a gigabyte is stopped at the limit, and costs no more memory than that."""
    before = lab.panolb.rss()
    bomb = zlib.compressobj(wbits=-15)
    block = b"\x00" * (1 << 20)
    payload = b"".join(bomb.compress(block) for _ in range(256)) + bomb.flush(zlib.Z_SYNC_FLUSH)
    browser = lab.browse()
    browser.upgrade("/raw", OFFER)
    member = lab.raw.visit().switch()
    peer = browser.switched()
    peer.send(BINARY, payload[:-4], rsv=4)
    assert peer.closed()[0] == 1009
    assert member.closed()[0] == 1009
    assert lab.panolb.rss() - before < 100 << 20


@MESSAGES
def test_limit_counts_what_was_decompressed(lab: Lab) -> None:
    """A compressed message above the limit is refused with 1009; one below it passes."""
    with lab.dial("/small-deflate") as connection:
        connection.send(b"a" * 10_000)
        assert connection.recv(timeout=20) == b"a" * 10_000
        connection.send(b"a" * 10_000)
        assert connection.recv(timeout=20) == b"a" * 10_000
        connection.send(b"a" * 10_001)  # one byte too many, which zlib would hold back without a word
        with pytest.raises(ConnectionClosed):
            connection.recv(timeout=20)
        assert connection.close_code == 1009


@LANES
def test_reserved_bit_without_compression(lab: Lab) -> None:
    """Without an extension the first reserved bit means nothing and is refused."""
    pair = lab.open()
    pair.browser.send(TEXT, _deflated(b"x"), rsv=4)
    assert pair.member.closed()[0] == 1002
    pair.member.close_frame(1002)
    assert pair.browser.closed()[0] == 1002


@LANES
def test_reserved_bit_on_a_continuation(lab: Lab) -> None:
    """The bit belongs on a message's first frame alone (RFC 7692 section 6.1)."""
    browser = lab.browse()
    browser.upgrade("/raw", OFFER)
    member = lab.raw.visit().switch(OFFER)
    peer = browser.switched()
    payload = _deflated(b"x" * 100)
    peer.send(TEXT, payload[:2], fin=False, rsv=4)
    assert not member.frame().fin
    peer.send(CONTINUATION, payload[2:], rsv=4)
    assert member.closed()[0] == 1002
    member.close_frame(1002)
    assert peer.closed()[0] == 1002


@MESSAGES
@pytest.mark.parametrize(
    "parameters", ["nonsense", "server_max_window_bits=99", "server_no_context_takeover=1"]
)
def test_member_that_chooses_what_does_not_exist(lab: Lab, parameters: str) -> None:
    """The member's choice cannot be understood, so nothing of what it says could be: 502."""
    browser = lab.browse()
    browser.upgrade("/raw", OFFER)
    visit = lab.raw.visit()
    visit.switch(f"Sec-WebSocket-Extensions: permessage-deflate; {parameters}")
    assert browser.client.answer().status == 502
    assert visit.ended()


# -- end to end, in the splice ----------------------------------------------------------------------------------------


def test_negotiation_is_between_client_and_member(lab: Lab) -> None:
    """The splice passes the offer as it is, the choice as it is, and compressed frames byte for byte, both ways."""
    browser = lab.browse()
    offer = "permessage-deflate; server_max_window_bits=8; client_max_window_bits, x-other; a=1"
    choice = "permessage-deflate; server_max_window_bits=8; client_no_context_takeover"
    browser.upgrade("/raw", f"Sec-WebSocket-Extensions: {offer}")
    visit = lab.raw.visit()
    assert visit.request.all("Sec-WebSocket-Extensions") == [offer]
    member = visit.switch(f"Sec-WebSocket-Extensions: {choice}")
    peer = browser.switched()
    assert browser.all("Sec-WebSocket-Extensions") == [choice]
    frames = [
        Frame(TEXT, b"not deflated at all", rsv=4),
        Frame(TEXT, _deflated(b"x" * 1000), fin=False, rsv=4),
        Frame(CONTINUATION, b"\x00"),
        Frame(BINARY, b"as it is"),
    ]
    for here, there in ((peer, member), (member, peer)):
        for frame in frames:
            here.send(frame.opcode, frame.payload, fin=frame.fin, rsv=frame.rsv)
            assert there.frame() == frame


def test_extension_of_their_own(lab: Lab) -> None:
    """Reserved bits and kinds of frames that an extension unknown to panolb has given a meaning pass."""
    browser = lab.browse()
    browser.upgrade("/raw", "Sec-WebSocket-Extensions: x-other")
    member = lab.raw.visit().switch("Sec-WebSocket-Extensions: x-other")
    peer = browser.switched()
    for here, there in ((peer, member), (member, peer)):
        for frame in (Frame(TEXT, b"bits", rsv=3), Frame(3, b"a kind of its own"), Frame(BINARY, b"plain")):
            here.send(frame.opcode, frame.payload, rsv=frame.rsv)
            assert there.frame() == frame


# -- at panolb, in the lane of messages -------------------------------------------------------------------------------


@MESSAGES
def test_member_does_not_learn_of_compression_that_panolb_takes_over(lab: Lab) -> None:
    """``websocket_compression = "offload"``: the client's messages are inflated for the member, its own deflated."""
    browser = lab.browse()
    browser.upgrade("/offload-raw", OFFER)
    visit = lab.raw.visit()
    assert visit.request.one("Sec-WebSocket-Extensions") is None
    member = visit.switch()
    peer = browser.switched()
    assert browser.all("Sec-WebSocket-Extensions") == ["permessage-deflate"]
    peer.send(TEXT, _deflated(b"again and again " * 100), rsv=4)
    assert member.frame() == Frame(TEXT, b"again and again " * 100)
    inflate = zlib.decompressobj(wbits=-15)
    for _ in range(3):
        member.send(TEXT, b"again and again " * 100)
        frame = peer.frame()
        assert (frame.opcode, frame.rsv) == (TEXT, 4) and len(frame.payload) < 100
        assert inflate.decompress(frame.payload + b"\x00\x00\xff\xff") == b"again and again " * 100


@MESSAGES
def test_offloaded_without_a_client_that_compresses(lab: Lab) -> None:
    """A client that does not offer it gets messages as they are."""
    pair = lab.open("/offload-raw")
    assert pair.handshake.all("Sec-WebSocket-Extensions") == []
    pair.member.send(TEXT, b"plain " * 100)
    assert pair.browser.frame() == Frame(TEXT, b"plain " * 100)
