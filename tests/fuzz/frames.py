"""Bytes of one side of a WebSocket: the other side gets the frames that another reader finds in them, and no others.

The first line of an input is not sent: it says whose bytes they are, in which lane, and whether messages may be
compressed, as in ``member messages deflate``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from websockets.extensions import Extension
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame, Opcode
from websockets.protocol import CLIENT, OPEN, SERVER, Protocol
from websockets.typing import ExtensionName

from panolb.core.headers import websocket_accept

from .cuts import pieces_of
from .house import House
from .network import Line, Mute, Peer

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
LARGEST = 256 << 10  # bytes of a message, as `tests.fuzz.house.CONFIG` says
HANDSHAKE = (
    b"GET /%b HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: " + KEY + b"\r\n%b\r\n"
)
SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: %b\r\n%b\r\n"
DEFLATE = b"Sec-WebSocket-Extensions: permessage-deflate\r\n"


@dataclass(frozen=True)
class Script:
    """An input.

    :ivar sender: whose bytes they are: ``client`` or ``member``.
    :ivar lane: ``splice`` or ``messages``.
    """

    sender: str
    lane: str
    deflate: bool
    data: bytes


def script(data: bytes) -> Script:
    """Take an input apart; what its first line does not say is the ordinary."""
    line, _, data = data.partition(b"\n")
    words = line.split()
    return Script(
        "member" if b"member" in words else "client",
        "messages" if b"messages" in words else "splice",
        b"deflate" in words,
        data,
    )


class Opaque(Extension):
    """permessage-deflate as a splice has it: what is compressed is nobody's business there."""

    name = ExtensionName("permessage-deflate")

    def decode(self, frame: Frame, *, max_size: int | None = None) -> Frame:
        if frame.opcode in (Opcode.TEXT, Opcode.BINARY):
            return replace(frame, rsv1=False)
        return frame

    def encode(self, frame: Frame) -> Frame:
        return frame


class Reader:
    """What one end makes of the frames that it gets, by the ``websockets`` package; it answers as an end should.

    :param side: ``client`` or ``member``: whose end it is.
    """

    def __init__(self, side: str, play: Script) -> None:
        self.protocol = Protocol(CLIENT if side == "client" else SERVER, state=OPEN, max_size=None)
        if play.deflate:
            self.protocol.extensions = [
                Opaque() if play.lane == "splice" else PerMessageDeflate(False, False, 15, 15)
            ]
        self._spliced = play.lane == "splice"
        self.frames: list[tuple[int, bytes, bool]] = []
        self.close: int | None = None
        self.raw = b""

    def read(self, data: bytes) -> bytes:
        """Read on; returns what is answered."""
        self.raw += data
        self.protocol.receive_data(data)
        for frame in self.protocol.events_received():
            assert isinstance(frame, Frame)
            if frame.opcode is Opcode.CLOSE:
                received = self.protocol.close_rcvd
                assert received is not None
                self.close = received.code
            else:
                self.frames.append((int(frame.opcode), bytes(frame.data), frame.fin))
        return b"".join(self.protocol.data_to_send())

    @property
    def broken(self) -> str:
        """The rule that was broken, in its words.

        A close within a message breaks none (RFC 6455 section 5.5.1).  A splice leaves it to the ends whether text is
        text, that in a close frame too, and which of the codes are in use that may be one day (section 7.4.2).
        """
        error = self.protocol.parser_exc
        said = "" if error is None else str(error) or repr(error)
        if said == "incomplete fragmented message":
            return ""
        if self._spliced and (isinstance(error, UnicodeDecodeError) or said == "invalid status code"):
            return ""
        return said

    @property
    def messages(self) -> list[tuple[int, bytes]]:
        """What the frames come to: whole messages."""
        whole, opcode, parts = [], 0, b""
        for kind, data, fin in self.frames:
            if kind > Opcode.BINARY:
                continue
            opcode, parts = (kind, data) if kind else (opcode, parts + data)
            if fin:
                whole.append((opcode, parts))
        return whole


class Polite:
    """The side that is sent to: it answers pings and close frames, as it should."""

    line: Line

    def __init__(self, reader: Reader) -> None:
        self.reader = reader

    def heard(self, data: bytes) -> None:
        answer = self.reader.read(data)
        self.line.give(answer)
        if self.reader.close is not None and self.reader.protocol.side is SERVER:
            self.line.end()

    def finished(self) -> None:
        """Then it goes too."""
        self.line.end()


class Opening:
    """A connection whose first bytes are a handshake: what follows is somebody else's.

    :ivar after: gets it.
    """

    def __init__(self, after: Any) -> None:
        self.head = b""
        self.after = after
        self.complete = False

    def heard(self, data: bytes) -> None:
        if not self.complete:
            self.head += data
            head, end, data = self.head.partition(b"\r\n\r\n")
            if not end:
                return
            self.head, self.complete = head + end, True
        if data:
            self.after.heard(data)

    def finished(self) -> None:
        self.after.finished()


@dataclass(frozen=True)
class Outcome:
    """What came of it.

    :ivar frames: what the other side got but a close frame; in the lane of messages, the messages.
    :ivar close: the code that the other side was told, if it was.
    :ivar told: what the sender was told likewise.
    """

    frames: tuple[Any, ...]
    close: int | None
    told: int | None


@contextmanager
def opened(
    house: House, play: Script, sender: Peer, other: Peer, *, narrow: bool = False
) -> Iterator[tuple[Line, Line]]:
    """A WebSocket: the lines of its sender and of the other side.

    :param narrow: whether every write is more than a connection takes at once.
    """
    network = house.network
    from_client = play.sender == "client"
    browser, member = (Opening(side) for side in ((sender, other) if from_client else (other, sender)))
    lines: list[Line] = []
    with house.visit(lambda: member, narrow=narrow):
        network.reached = lambda line, peer: lines.append(line)
        lines.append(house.client(browser))
        lines[0].give(HANDSHAKE % (play.lane.encode(), DEFLATE if play.deflate else b""))
        network.settle()
        fields = dict(line.split(b": ", 1) for line in member.head.split(b"\r\n")[1:-2])
        assert (b"Sec-WebSocket-Extensions" in fields) == play.deflate
        accept = websocket_accept(fields[b"Sec-WebSocket-Key"])
        lines[1].give(SWITCHING % (accept, DEFLATE if play.deflate else b""))
        network.settle()
        assert browser.complete and browser.head.startswith(b"HTTP/1.1 101 "), browser.head
        yield (lines[0], lines[1]) if from_client else (lines[1], lines[0])


def outcome(house: House, play: Script, pieces: Sequence[bytes], narrow: bool = False) -> Outcome:
    """Send the bytes, each piece as one read."""
    sender, other = Mute(), Polite(Reader("client" if play.sender == "member" else "member", play))
    with opened(house, play, sender, other, narrow=narrow) as (source, other.line):
        for piece in pieces:
            source.give(piece)
            house.network.settle()
        house.network.settle(3.0)  # for a close frame that waits for the end of a message
    told = Reader(play.sender, play)
    told.read(sender.got)
    assert not told.broken, f"the sender gets what is not a WebSocket's: {told.broken}: {sender.got!r}"
    reader = other.reader
    assert not reader.broken, (
        f"the other side gets what is not a WebSocket's: {reader.broken}: {reader.raw!r}"
    )
    if play.lane == "splice":
        assert _is_beginning(reader.raw, play.data), f"the other side gets {reader.raw!r} of {play.data!r}"
        return Outcome(tuple(reader.frames), reader.close, told.close)
    return Outcome(tuple(reader.messages), reader.close, told.close)


def _is_beginning(raw: bytes, data: bytes) -> bool:
    """Whether ``raw`` is a beginning of ``data``, and at most a close frame of panolb's behind it."""
    for size in range(min(len(raw), 131) + 1):
        rest = raw[len(raw) - size :]
        if data.startswith(raw[: len(raw) - size]) and (not rest or _is_close(rest)):
            return True
    return False


def _is_close(rest: bytes) -> bool:
    return (
        len(rest) >= 2
        and rest[0] == 0x88
        and len(rest) == 2 + (rest[1] & 0x7F) + (4 if rest[1] & 0x80 else 0)
    )


def check(house: House, data: bytes) -> None:
    """Hold what must hold of any bytes of one side of a WebSocket."""
    play = script(data)
    once = outcome(house, play, [play.data])
    meant = Reader("member" if play.sender == "client" else "client", play)
    meant.read(play.data)
    if play.lane == "splice":
        _compare(once, tuple(meant.frames), meant)
    else:
        _compare(once, _readable(meant), meant)
    pieces = pieces_of(play.data)
    for narrow in (False, True):
        again = outcome(house, play, pieces, narrow)
        assert once == again, f"cut into {pieces!r} (narrow: {narrow}):\n{again}\ninstead of\n{once}"


def _compare(once: Outcome, meant: tuple[Any, ...], reader: Reader) -> None:
    got = once.frames
    assert got == meant[: len(got)], f"the other side gets {got}, where another reader finds {meant}"
    if len(got) < len(meant) or reader.broken:
        assert once.told is not None, (
            f"nobody is told why the other side gets {got} and not {meant}: {reader.broken}"
        )
    if once.told is None:
        assert once.close is None


def _readable(reader: Reader) -> tuple[tuple[int, bytes], ...]:
    """The messages up to the first that must not be passed on: text that is none, or too long."""
    messages = []
    for opcode, data in reader.messages:
        if len(data) > LARGEST:
            break
        if opcode == Opcode.TEXT:
            try:
                data.decode()
            except UnicodeDecodeError:
                break
        messages.append((opcode, data))
    return tuple(messages)
