"""What is allowed and hardly ever seen."""

from __future__ import annotations

import zlib

import pytest

from tests.websocket.lab import LANES, MESSAGES, Lab
from tests.websocket.peer import TEXT, Frame

OFFER = "Sec-WebSocket-Extensions: permessage-deflate"


@LANES
@pytest.mark.parametrize(
    "offer",
    [
        "permessage-deflate; server_max_window_bits=8",
        "permessage-deflate; server_max_window_bits=99",
        "permessage-deflate; server_max_window_bits=8, permessage-deflate",
        "permessage-deflate; unknown=1",
        "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; client_max_window_bits; client_max_window_bits",
        'permessage-deflate; client_max_window_bits="10"',
        ", ,;;",
    ],
)
def test_offer_that_cannot_be_taken_is_declined(lab: Lab, offer: str) -> None:
    """RFC 7692 section 7.1: decline the offer and go on without it; the WebSocket works, compressed or not."""
    browser = lab.browse()
    browser.upgrade("/raw", f"Sec-WebSocket-Extensions: {offer}")
    member = lab.raw.visit().switch()
    peer = browser.switched()
    peer.send(TEXT, b"as it is")
    assert member.frame() == Frame(TEXT, b"as it is")
    member.send(TEXT, b"and back")
    frame = peer.frame()
    payload = frame.payload
    if frame.rsv == 4:
        payload = zlib.decompressobj(wbits=-15).decompress(payload)
    assert payload == b"and back"


@MESSAGES
def test_messages_that_end_their_deflate_stream(lab: Lab) -> None:
    """A message may end with a final block (RFC 7692 section 7.2.3.4); the next one begins anew."""
    browser = lab.browse()
    browser.upgrade("/raw", OFFER)
    member = lab.raw.visit().switch()
    peer = browser.switched()
    for number in range(3):
        deflate = zlib.compressobj(wbits=-15)
        text = b"message %d" % number
        peer.send(TEXT, deflate.compress(text) + deflate.flush(zlib.Z_FINISH) + b"\x00", rsv=4)
        assert member.message() == text


@LANES
@pytest.mark.parametrize("sender", ["client", "member"])
def test_bad_gateway_is_a_close_code_too(lab: Lab, sender: str) -> None:
    """1014 was registered after RFC 6455, for gateways."""
    here, there = lab.open().direction(sender)
    here.close_frame(1014, "upstream is gone")
    assert there.closed() == (1014, "upstream is gone")


@LANES
def test_frames_behind_a_handshake_that_comes_back_from_twisted_web(lab: Lab) -> None:
    """On a connection that served a 404 before, frames in one segment with the handshake arrive all the same."""
    browser = lab.browse()
    assert browser.client.get("/nothing/here").status == 404
    browser.upgrade("/raw", behind=Frame(TEXT, b"early").encode(mask=True))
    member = lab.raw.visit().switch()
    browser.switched()
    assert member.frame() == Frame(TEXT, b"early")
