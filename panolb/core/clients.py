"""Who counts as one client."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address

Networks = Sequence[IPv4Network | IPv6Network]


def is_in(address: bytes, networks: Networks) -> bool:
    """Whether an address belongs to one of some networks."""
    try:
        client = ip_address(address.decode("ascii"))
    except ValueError:
        return False  # a UNIX socket, or what a proxy that we believe said
    return any(client in network for network in networks)


def network_of(address: bytes) -> bytes:
    """What of a client's address is its own: all of an IPv4 address, the first 64 bits of an IPv6 one.

    An IPv6 host chooses the rest by itself, anew as often as it likes (RFC 4291 section 2.5.4, RFC 8981).
    """
    return _prefix(address) if b":" in address else address


@lru_cache(maxsize=1024)
def _prefix(address: bytes) -> bytes:
    try:
        packed = ip_address(address.decode("ascii")).packed
    except ValueError:
        return address  # a proxy that we believe said so
    return packed[:8] if len(packed) == 16 else packed
