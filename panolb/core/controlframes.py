"""Control frames (RFC 6455 section 5.5): writing them, and what a close frame says."""

from __future__ import annotations

MAX_REASON = 123  # bytes, so that a close frame with its code stays a control frame

# RFC 6455 section 7.4.1: for use by programs, never in a frame.
NEVER_SENT = frozenset((1004, 1005, 1006, 1015))


def masked(payload: bytes, key: bytes) -> bytes:
    """Mask or unmask a short payload (RFC 6455 section 5.3)."""
    size = len(payload)
    stream = (key * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(stream, "big")).to_bytes(size, "big")


def control_frame(opcode: int, payload: bytes, key: bytes | None) -> bytes:
    """A control frame.

    :param payload: 125 bytes at most.
    :param key: four bytes to mask it with, as a client must; ``None`` for a server's.
    """
    if key is None:
        return bytes((0x80 | opcode, len(payload))) + payload
    return bytes((0x80 | opcode, 0x80 | len(payload))) + key + masked(payload, key)


def close_payload(code: int, reason: str = "") -> bytes:
    """The payload of a close frame; a reason that is too long loses its end, but not half a character."""
    text = reason.encode()[:MAX_REASON].decode(errors="ignore")
    return code.to_bytes(2, "big") + text.encode()


def close_code(payload: bytes) -> int | None:
    """The code in the payload of a close frame; ``None`` for none (1005 in many interfaces)."""
    return int.from_bytes(payload[:2], "big") if payload else None  # half a code is one that must not be sent


def may_be_sent(code: int | None) -> bool:
    """Whether a close frame may carry this code.

    Codes that the registry does not have yet pass: 1012 to 1014 were such once.
    """
    return code is not None and 1000 <= code < 5000 and code not in NEVER_SENT
