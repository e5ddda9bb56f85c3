"""Short WebSocket frames over asyncio's streams: enough for messages that are numbers."""

from __future__ import annotations

import asyncio
import os

from tests.websocket.peer import Frame


async def read_frame(reader: asyncio.StreamReader) -> Frame:
    """The next frame, unmasked.

    :raises asyncio.IncompleteReadError: when the connection ends before it.
    """
    first, second = await reader.readexactly(2)
    length = second & 0x7F
    assert length < 126, "nobody here sends such long frames"
    key = await reader.readexactly(4) if second & 0x80 else b""
    payload = await reader.readexactly(length)
    if key:
        payload = bytes(byte ^ key[at & 3] for at, byte in enumerate(payload))
    return Frame(first & 0x0F, payload, bool(first & 0x80), first >> 4 & 7)


def masked(opcode: int, payload: bytes) -> bytes:
    """A frame as a client sends it."""
    key = os.urandom(4)
    return (
        bytes((0x80 | opcode, 0x80 | len(payload)))
        + key
        + bytes(byte ^ key[at & 3] for at, byte in enumerate(payload))
    )
