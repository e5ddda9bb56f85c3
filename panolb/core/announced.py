"""The PROXY protocol, both versions: whom a proxy announces before it passes a connection's bytes on.

https://www.haproxy.org/download/2.6/doc/proxy-protocol.txt; sections below are of that document.
"""

from __future__ import annotations

import re
import struct
from ipaddress import IPv4Address, IPv6Address

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
"""What the second version begins with (section 2.2)."""

LONGEST_LINE = 107
"""Bytes of the first version's longest line, with its end (section 2.1)."""

_FIXED = struct.Struct(
    "!12sBBH"
)  # signature, version and command, family and protocol, length of what follows
_LOCAL, _PROXY = 0x20, 0x21
_UNKNOWN, _TCP4, _TCP6, _UNIX = 0x00, 0x11, 0x21, 0x31
_ADDRESSES = {
    _TCP4: struct.Struct("!4s4sHH"),
    _TCP6: struct.Struct("!16s16sHH"),
    _UNIX: struct.Struct("!216x"),
}
_FAMILIES = {
    "TCP4": (IPv4Address, re.compile(r"[0-9.]+")),
    "TCP6": (IPv6Address, re.compile(r"[0-9A-Fa-f:.]+")),
}
_PORT = re.compile(r"0|[1-9][0-9]{0,4}")


class NotAnnounced(Exception):
    """What came is no header of the PROXY protocol; the words say what is wrong with it."""


class Announced:
    """Whom a connection was announced for.

    :ivar client: address and port; ``None`` when the proxy speaks for itself, or does not know.
    :ivar local: whether the client came to the proxy by a UNIX socket.
    """

    __slots__ = ("client", "local")

    def __init__(self, client: tuple[str, int] | None = None, local: bool = False) -> None:
        self.client = client
        self.local = local


def length_of(begun: bytes) -> int | None:
    """How long the header is that these bytes begin with; ``None`` when it takes more of them to know.

    As long as that is so, or it is longer than what has come, all of that belongs to the header.

    :raises NotAnnounced: no header begins like this.
    """
    if not begun:
        return None
    if begun[0] == SIGNATURE[0]:
        if begun[:12] != SIGNATURE[: len(begun)]:
            raise NotAnnounced("no signature of version 2")
        return None if len(begun) < _FIXED.size else _FIXED.size + _FIXED.unpack_from(begun)[3]
    if begun[:6] != b"PROXY "[: len(begun)]:
        raise NotAnnounced("it begins with neither version")
    end = begun.find(b"\r\n", 0, LONGEST_LINE)
    if end >= 0:
        return end + 2
    if len(begun) >= LONGEST_LINE:
        raise NotAnnounced(f"its line does not end within {LONGEST_LINE} bytes")
    return None


def read(header: bytes) -> Announced:
    """Understand a whole header, as long as `length_of` says.

    :raises NotAnnounced: when it breaks the rules; the connection is to be closed (section 2).
    """
    return _binary(header) if header[0] == SIGNATURE[0] else _line(header)


def _line(header: bytes) -> Announced:
    """Section 2.1: ``PROXY TCP4 192.0.2.1 198.51.100.1 56324 443``."""
    try:
        words = header[:-2].decode("ascii").split(" ")
    except UnicodeDecodeError:
        raise NotAnnounced("its line is not ASCII") from None
    if words[1] == "UNKNOWN":
        return Announced()
    if len(words) != 6 or words[1] not in _FAMILIES:
        raise NotAnnounced("its line is not PROXY, TCP4 or TCP6, two addresses and two ports")
    family, characters = _FAMILIES[words[1]]
    try:
        if not all(characters.fullmatch(word) for word in words[2:4]):
            raise ValueError
        client, _ = family(words[2]), family(words[3])
    except ValueError:
        raise NotAnnounced(f"its addresses are not of {words[1]}") from None
    if not all(_PORT.fullmatch(word) and int(word) <= 65535 for word in words[4:]):
        raise NotAnnounced("its ports are not from 0 to 65535")
    return Announced((str(client), int(words[4])))


def _binary(header: bytes) -> Announced:
    """Section 2.2; what follows the addresses is for those who have agreed upon it, and passed over."""
    _, command, family, length = _FIXED.unpack_from(header)
    if command == _LOCAL:
        return Announced()
    if command != _PROXY:
        raise NotAnnounced(f"its version and command are 0x{command:02x}")
    if family == _UNKNOWN:
        return Announced()
    addresses = _ADDRESSES.get(family)
    if addresses is None:
        raise NotAnnounced(f"its family and protocol are 0x{family:02x}, which is no stream")
    if length < addresses.size:
        raise NotAnnounced("it is too short for its addresses")
    if family == _UNIX:
        return Announced(local=True)
    client, _, port, _ = addresses.unpack_from(header, _FIXED.size)
    return Announced((str(IPv4Address(client) if family == _TCP4 else IPv6Address(client)), port))
