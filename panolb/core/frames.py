"""WebSocket frames as they pass: where each begins and ends, and what the control frames among them say.

Only headers are read (RFC 6455 section 5.2); of payloads, only those of control frames, which are 125 bytes at most.
"""

from __future__ import annotations

from .controlframes import close_code, masked, may_be_sent
from .headers import extension_names

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10

HOLD = 64 << 10
"""Bytes: a member's frame up to this size is passed on when it is complete.

So a member that dies within a frame does not take the client with it, which then is between two frames and can still
be told goodbye.  What a client sends is passed on as it comes: a member can then refuse a text at its first bad byte.
"""

# What the first byte of a frame can be.
ILLEGAL, FINAL, FRAGMENT, CONTROL = range(4)

PASS, TAKE_OUT, LAST = range(3)

RESERVED = 0x70  # RSV1 to RSV3
COMPRESSED = 0x40  # RSV1, which permessage-deflate uses (RFC 7692 section 6)

Tables = tuple[bytes, bytes]


def _kind(first: int, continued: bool, deflate: bool, unknown: bool) -> int:
    """What a first byte means.

    :param continued: whether it stands within a fragmented message.
    :param deflate: whether permessage-deflate is in use.
    :param unknown: whether an extension is in use that may redefine reserved bits and opcodes.
    """
    fin, rsv, opcode = first & 0x80, first & RESERVED, first & 0x0F
    known = opcode in (CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG)
    if not unknown and (not known or rsv & ~COMPRESSED or (rsv and not deflate)):
        return ILLEGAL
    if opcode >= CLOSE:
        return CONTROL if fin and (unknown or not rsv) else ILLEGAL
    if known and (opcode == CONTINUATION) is not continued:
        return ILLEGAL
    if rsv and continued and not unknown:
        return ILLEGAL  # RFC 7692 section 6.1: the bit is set on the first fragment only
    return FINAL if fin else FRAGMENT


def _tables(deflate: bool, unknown: bool) -> Tables:
    """For each first byte its kind: between two messages, and within one."""
    between, within = (
        bytes(_kind(first, continued, deflate, unknown) for first in range(256))
        for continued in (False, True)
    )
    return between, within


PLAIN = _tables(deflate=False, unknown=False)
DEFLATE = _tables(deflate=True, unknown=False)
UNKNOWN = _tables(deflate=True, unknown=True)


def tables_for(extensions: bytes) -> Tables:
    """What is legal after a handshake.

    :param extensions: the Sec-WebSocket-Extensions of the member's 101; empty for none.
    """
    names = extension_names(extensions)
    if not names:
        return PLAIN
    return DEFLATE if names == {b"permessage-deflate"} else UNKNOWN


class Frames:
    """The frames that one side sends.

    :param masked: whether it must mask them: a client must, a server must not (RFC 6455 section 5.1).
    :param tables: what its first bytes may be, from `tables_for`.
    :param ours: the payload of our own pings.

    :ivar messages: how many messages were passed on, the last one perhaps not to its last byte.
    :ivar octets: bytes of their frames.
    :ivar news: whether one of the following was set; for the reader to clear.
    :ivar ponged: whether a pong came, and ``answered`` whether one answered a ping of ours; that was taken out.
    :ivar close: the payload of the close frame, which was taken out with all that followed it.
    :ivar broken: which rule was broken; from there on nothing is passed on.
    """

    __slots__ = (
        "_between",
        "_held",
        "_hold",
        "_key",
        "_left",
        "_mask",
        "_ours",
        "_over",
        "_table",
        "_within",
        "answered",
        "broken",
        "close",
        "messages",
        "news",
        "octets",
        "ponged",
    )

    def __init__(self, masked: bool, tables: Tables, ours: bytes) -> None:
        self._mask = 0x80 if masked else 0
        self._key = 4 if masked else 0  # bytes of the masking key
        self._hold = 0 if masked else HOLD
        self._between, self._within = tables
        self._table = self._between  # what the next first byte may be
        self._ours = ours
        self._held = b""  # the beginning of a frame that is not complete
        self._left = 0  # bytes to come of a frame whose beginning was passed on
        self._over = False
        self.messages = 0
        self.octets = 0
        self.news = False
        self.ponged = self.answered = False
        self.close: bytes | None = None
        self.broken = ""

    @property
    def within_frame(self) -> bool:
        """Whether a frame was passed on in part."""
        return self._left > 0

    @property
    def within_message(self) -> bool:
        """Whether a message was passed on in part."""
        return self._left > 0 or self._table is self._within

    def feed(self, data: bytes) -> bytes:
        """Read on.

        :returns: what is to be passed on now; mostly ``data`` itself.
        """
        if self._over:
            return b""
        if self._held:
            data, self._held = self._held + data, b""
        size, at = len(data), self._left
        if at >= size:
            self._left = at - size
            return data
        self._left = 0
        if not at and data[0] & 0x88 == 0x80 and self._end_of_frame(data, 0) == size:
            # A whole message in one frame and one read, as most are: two thirds of the cost of the long way.
            self.octets += size
            self.messages += 1
            self._table = self._between
            return data
        return self._pass(data, at)

    def _pass(self, data: bytes, at: int) -> bytes:
        """Go from frame to frame.

        :param at: where the first one begins.
        """
        size, start = len(data), 0
        pieces: list[bytes] = []
        while at < size:
            end = self._end_of_frame(data, at)
            if end == 0:
                break
            if data[at] & 0x08:
                if end > size:
                    break
                fate = self._look_at(data, at, end)
                if fate != PASS:
                    pieces.append(data[start:at])
                    start = end
                if fate == LAST:
                    break
                at = end
                continue
            if end > size and end - at <= self._hold:
                break
            self._count(data[at], end - at)
            if end > size:
                self._left = end - size
                end = size
            at = end
        if start == 0 and at == size:
            return data
        if not self._over:
            self._held = data[at:]
        pieces.append(data[start:at])
        return b"".join(pieces)

    def _count(self, first: int, octets: int) -> None:
        """A data frame is passed on."""
        self.octets += octets
        if first & 0x80:
            self.messages += 1
            self._table = self._between
        else:
            self._table = self._within

    def _end_of_frame(self, data: bytes, at: int) -> int:
        """Where the frame that begins at ``at`` ends; 0 when its header is not complete, or is illegal."""
        if len(data) - at < 2:
            return 0
        first, second = data[at], data[at + 1]
        length = second ^ self._mask
        if length > 127 or not self._table[first]:
            return self._break(self._why_illegal(first, second))
        if length < 126:
            return at + 2 + self._key + length
        if first & 0x08:
            return self._break("a control frame of more than 125 bytes")
        wide = 2 if length == 126 else 8
        at += 2 + wide
        if len(data) < at:
            return 0
        if wide == 2:
            length = data[at - 2] << 8 | data[at - 1]
            shortest = 126
        else:
            length = int.from_bytes(data[at - 8 : at], "big")
            shortest = 1 << 16
        if not shortest <= length < 1 << 63:
            return self._break("a length that is not encoded in the fewest bytes")
        return at + self._key + length

    def _look_at(self, data: bytes, at: int, end: int) -> int:
        """Look at a control frame: is it passed on, taken out, or the last one that counts?"""
        opcode = data[at] & 0x0F
        if opcode == PONG:
            self.ponged = self.news = True
            if self._payload(data, at, end) != self._ours:
                return PASS
            self.answered = True
            return TAKE_OUT
        if opcode != CLOSE:
            return PASS
        payload = self._payload(data, at, end)
        if payload and not may_be_sent(close_code(payload)):
            self._break("a close frame with a code that must not be sent")
        else:
            self.close = payload
            self.news = self._over = True
        return LAST

    def _payload(self, data: bytes, at: int, end: int) -> bytes:
        """The payload of a control frame, unmasked."""
        start = at + 2 + self._key
        payload = data[start:end]
        return masked(payload, data[at + 2 : start]) if self._key else payload

    def _break(self, rule: str) -> int:
        """The sender broke the rules: nothing that follows can be trusted."""
        self.broken = rule
        self.news = self._over = True
        return 0

    def _why_illegal(self, first: int, second: int) -> str:
        if second & 0x80 != self._mask:
            return "a frame without a mask" if self._mask else "a masked frame"
        if first & RESERVED and self._table[first & ~RESERVED] != ILLEGAL:
            return "a reserved bit that no extension explains"
        if first & 0x08:
            return "a control frame in fragments" if not first & 0x80 else "an unknown kind of control frame"
        if first & 0x0F == CONTINUATION:
            return "a continuation of nothing"
        return "a new message within another one" if first & 0x0F <= BINARY else "an unknown kind of frame"
