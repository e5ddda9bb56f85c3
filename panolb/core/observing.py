"""What WebSockets say of a member's health: its balancer's ``observe = "websocket"``.

A health check asks for a page; a member can answer that and still be of no use to its viewers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .exchange import Exchange

EARLY = 10.0  # seconds; a WebSocket that the member breaks off sooner was never of any use
INTERNAL_ERROR = 1011  # RFC 6455 section 7.4.1


def verdict(exchange: Exchange) -> str | None:
    """What a finished handshake, or a finished WebSocket, says of its member.

    :returns: why it speaks against it; empty if it speaks for it, ``None`` if it says nothing.
    """
    tunnel = exchange.tunnel
    if tunnel is None:
        refused = exchange.status >= 500 and exchange.term in ("", "overridden")
        if refused or exchange.term in ("member-broke", "member-timeout"):
            return (
                f"it answered a WebSocket handshake with {exchange.status}"
                if refused
                else "a handshake failed"
            )
        return None
    if tunnel.term == "member-silent":
        return "it stopped answering pings"
    if exchange.ended - tunnel.opened >= EARLY:
        return ""
    if tunnel.term == "member-lost":
        return f"it broke off a WebSocket within {EARLY:g} s"
    if tunnel.term == "member-broke-rules" or (
        tunnel.closed_by == "member" and tunnel.code == INTERNAL_ERROR
    ):
        return f"it closed a WebSocket with {tunnel.code} within {EARLY:g} s"
    return ""
