"""As much of WebSocket (RFC 6455) as the load needs: the handshake's key and short unfragmented frames."""

from __future__ import annotations

import base64
import hashlib
import struct

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, BINARY = 1, 2
MASK = b"\x5a\xa5\x3c\xc3"


def accept_key(key: bytes) -> bytes:
    """Sec-WebSocket-Accept for this Sec-WebSocket-Key (RFC 6455 section 4.2.2)."""
    return base64.b64encode(hashlib.sha1(key + GUID, usedforsecurity=False).digest())


def frame(opcode: int, payload: bytes) -> bytes:
    """A final frame of up to 65535 bytes as a server sends it."""
    size = len(payload)
    head = (
        struct.pack("!BB", 0x80 | opcode, size)
        if size < 126
        else struct.pack("!BBH", 0x80 | opcode, 126, size)
    )
    return head + payload


def masked(opcode: int, payload: bytes) -> bytes:
    """A final frame of up to 125 bytes as a client sends it."""
    hidden = bytes(byte ^ MASK[i % 4] for i, byte in enumerate(payload))
    return struct.pack("!BB", 0x80 | opcode, 0x80 | len(payload)) + MASK + hidden


def unmasked(mask: bytes, payload: bytes) -> bytes:
    """The payload of a client's frame."""
    return bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
