"""The PROXY protocol's headers, as they are and as they must not be."""

from __future__ import annotations

import struct
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panolb.core.announced import LONGEST_LINE, SIGNATURE, Announced, NotAnnounced, length_of, read

PORTS = st.integers(0, 65535)
PAIRS = st.one_of(
    st.tuples(st.ip_addresses(v=4), st.ip_addresses(v=4)),
    st.tuples(st.ip_addresses(v=6), st.ip_addresses(v=6)),
)
AFTERWARDS = st.binary(max_size=40)


def binary(command: int, family: int, content: bytes) -> bytes:
    """A header of version 2."""
    return SIGNATURE + struct.pack("!BBH", command, family, len(content)) + content


def line(client: object, server: object, ports: tuple[int, int]) -> bytes:
    """A header of version 1."""
    family = "TCP4" if isinstance(client, IPv4Address) else "TCP6"
    return f"PROXY {family} {client} {server} {ports[0]} {ports[1]}\r\n".encode()


def block(
    client: IPv4Address | IPv6Address, server: IPv4Address | IPv6Address, ports: tuple[int, int]
) -> bytes:
    """A header of version 2 with these addresses."""
    content = client.packed + server.packed + struct.pack("!HH", *ports)
    return binary(0x21, 0x11 if client.version == 4 else 0x21, content)


def arrive(data: bytes, size: int) -> tuple[Announced, int]:
    """Read as a connection does that brings so many bytes at a time; returns how many were taken, too."""
    taken = 0
    while True:
        seen = data[: min(len(data), taken + size)]
        length = length_of(seen)
        theirs = len(seen) if length is None else min(length, len(seen))
        assert theirs > taken, "no byte more is taken: it would look for ever"
        taken = theirs
        if taken == length:
            return read(data[:taken]), taken


@given(PAIRS, st.tuples(PORTS, PORTS), AFTERWARDS, st.sampled_from([line, block]), st.integers(1, 200))
def test_addresses(pair, ports, afterwards, write, size) -> None:  # type: ignore[no-untyped-def]
    """Whatever the pieces it comes in: the client's are found, and nothing behind the header is touched."""
    header = write(*pair, ports)
    announced, taken = arrive(header + afterwards, size)
    assert taken == len(header)
    assert announced.client == (str(pair[0]), ports[0])
    assert not announced.local


@given(st.binary(max_size=300), AFTERWARDS, st.integers(1, 400))
def test_what_follows_the_addresses_is_passed_over(more: bytes, afterwards: bytes, size: int) -> None:
    """TLVs, whatever they say."""
    content = bytes([192, 0, 2, 1, 192, 0, 2, 2, 0, 80, 1, 187]) + more
    header = binary(0x21, 0x11, content)
    announced, taken = arrive(header + afterwards, size)
    assert taken == len(header)
    assert announced.client == ("192.0.2.1", 80)


@given(st.integers(0, 255), st.binary(max_size=300))
def test_proxy_that_speaks_for_itself(family: int, content: bytes) -> None:
    """LOCAL: whatever else it says (section 2.2)."""
    header = binary(0x20, family, content)
    announced, taken = arrive(header, 1000)
    assert taken == len(header)
    assert announced.client is None
    assert not announced.local


@pytest.mark.parametrize(
    "header", [b"PROXY UNKNOWN\r\n", b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", binary(0x21, 0, b"anything")]
)
def test_proxy_that_does_not_know(header: bytes) -> None:
    """Then the connection's own address counts."""
    assert arrive(header, 7)[0].client is None


def test_client_of_a_unix_socket() -> None:
    """It has no address."""
    announced = read(binary(0x21, 0x31, b"/run/client".ljust(108, b"\0") + b"/run/server".ljust(108, b"\0")))
    assert announced.local
    assert announced.client is None


@given(st.binary(min_size=1, max_size=300))
def test_anything(data: bytes) -> None:
    """Nothing but NotAnnounced comes of bytes that are no header, and none takes long to find out."""
    try:
        length = length_of(data)
        if length is None:
            assert len(data) < LONGEST_LINE
        elif length <= len(data):
            read(data[:length])
    except NotAnnounced as problem:
        assert str(problem)


@given(st.data())
def test_damaged_header(data: st.DataObject) -> None:
    """One byte is another: it is refused, or says something else; nothing raises but NotAnnounced."""
    header = bytearray(
        data.draw(
            st.sampled_from(
                [
                    line(IPv4Address("192.0.2.1"), IPv4Address("192.0.2.2"), (1, 2)),
                    line(IPv6Address("2001:db8::1"), IPv6Address("::"), (65535, 0)),
                    block(IPv4Address("192.0.2.1"), IPv4Address("192.0.2.2"), (1, 2)),
                    binary(0x21, 0x31, bytes(216)),
                ]
            )
        )
    )
    header[data.draw(st.integers(0, len(header) - 1))] = data.draw(st.integers(0, 255))
    try:
        length = length_of(bytes(header))
        if length is not None and length <= len(header):
            read(bytes(header[:length]))
    except NotAnnounced:
        pass


@pytest.mark.parametrize(
    "said",
    [
        b"GET / HTTP/1.1\r\n",
        b"PROXY\r\n",
        b"PROXY \r\n",
        b"PROXYTCP4 192.0.2.1 192.0.2.2 1 2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n",
        b"PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 -1 2\r\n",
        b"PROXY TCP4 192.0.2.01 192.0.2.2 1 2\r\n",
        b"PROXY TCP4 192.0.2.256 192.0.2.2 1 2\r\n",
        b"PROXY TCP4 ::1 ::2 1 2\r\n",
        b"PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n",
        b"PROXY TCP6 fe80::1%eth0 ::2 1 2\r\n",
        b"PROXY TCP6 ::g ::2 1 2\r\n",
        b"PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 \xb2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n" + bytes(100),
        b"PROXY UNKNOWN " + b"x" * 100 + b"\r\n",
        b"\r\n\r\n\x00\r\nQUIX\n" + bytes(20),
        binary(0x22, 0x11, bytes(12)),
        binary(0x11, 0x11, bytes(12)),
        binary(0x31, 0x11, bytes(12)),
        binary(0x21, 0x12, bytes(12)),
        binary(0x21, 0x41, bytes(300)),
        binary(0x21, 0x11, bytes(11)),
        binary(0x21, 0x21, bytes(35)),
        binary(0x21, 0x31, bytes(215)),
    ],
)
def test_what_is_no_header(said: bytes) -> None:
    """It is refused, with words."""
    with pytest.raises(NotAnnounced, match=r"[a-z]"):
        length = length_of(said)
        assert length is not None
        read(said[:length])
