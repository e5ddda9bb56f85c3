"""The permessage-deflate offer of a WebSocket handshake that can be accepted (RFC 7692 section 7.1)."""

from __future__ import annotations

NAME = b"permessage-deflate"


def acceptable(extensions: bytes) -> bytes | None:
    """The first offer in a Sec-WebSocket-Extensions field that zlib can serve; an offer that it cannot is declined."""
    for offer in extensions.split(b","):
        name, *parameters = (part.strip(b" \t") for part in offer.split(b";"))
        if name == NAME and _usable(parameters):
            return offer.strip(b" \t")
    return None


def without(extensions: bytes) -> bytes:
    """A Sec-WebSocket-Extensions field without the offers of compression, permessage-deflate's forerunners included."""
    offers = (offer.strip(b" \t") for offer in extensions.split(b","))
    return b", ".join(
        offer for offer in offers if offer and b"deflate" not in offer.partition(b";")[0].lower()
    )


def _usable(parameters: list[bytes]) -> bool:
    seen: set[bytes] = set()
    for parameter in parameters:
        name, equals, value = parameter.partition(b"=")
        name, value = name.rstrip(b" \t"), value.strip(b' \t"')
        if name in seen:
            return False
        seen.add(name)
        if name in (b"server_no_context_takeover", b"client_no_context_takeover"):
            usable = not equals
        elif name == b"client_max_window_bits":
            usable = not equals or value in _WINDOWS
        else:
            usable = name == b"server_max_window_bits" and value in _WINDOWS
        if not usable:
            return False
    return True


# zlib compresses with windows of 2**9 to 2**15 bytes; it does not do 2**8, which RFC 7692 would allow.
_WINDOWS = frozenset(b"%d" % bits for bits in range(9, 16))
