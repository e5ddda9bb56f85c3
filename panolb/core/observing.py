"""What WebSockets say of a member's health: its balancer's ``observe = "websocket"``.

A health check asks for a page; a member can answer that and still be of no use to its viewers.

A member is never blamed for what a client did: being refused (401, 403, 404, 426), leaving, breaking the rules, being
slow, sending more than the member can take.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .terms import BAD_GATEWAY, PROTOCOL_ERROR

if TYPE_CHECKING:
    from .exchange import Exchange
    from .tunnel import Tunnel

BROKEN_OFF = "it broke off a WebSocket handshake"
EARLY = 10.0  # seconds; a WebSocket that the member breaks off sooner was never of any use

# What 500 and 502 say of a handshake, said a moment later (RFC 6455 section 7.4.1 and IANA's registry).  Not 1013,
# which a balancer that serves as member sends to a viewer that is too slow.
INTERNAL_ERROR = 1011
ITS_FAULT = frozenset((INTERNAL_ERROR, BAD_GATEWAY))


def verdict(exchange: Exchange) -> str | None:
    """What a finished handshake, or a finished WebSocket, says of its member.

    :returns: why it speaks against it; empty if it speaks for it, ``None`` if it says nothing.
    """
    if exchange.tunnel is None:
        return _of_handshake(exchange.term, exchange.status)
    return _of_tunnel(exchange.tunnel, exchange.ended - exchange.tunnel.opened)


def _of_handshake(term: str, status: int) -> str | None:
    """A refusal speaks for nobody: the page that says so may come from a filter in front of what is ill."""
    if term == "member-broke":
        return BROKEN_OFF
    if term == "member-timeout":
        return "it did not answer a WebSocket handshake in time"
    if term in ("", "overridden") and status >= 500:
        return f"it answered a WebSocket handshake with {status}"
    return None


def _of_tunnel(tunnel: Tunnel, seconds: float) -> str | None:
    """What one that stood for so many seconds says."""
    term, member = tunnel.term, tunnel.member
    if term == "member-silent":
        return "it stopped answering pings"
    fault = _fault(term, tunnel.code)
    if fault and seconds < EARLY:
        return f"{fault} within {EARLY:g} s"
    if fault or term in ("member-broke-rules", "slow-member"):
        return None
    # Sound is who has said something, if only in answer to a ping or a close frame.
    return "" if member.end.messages or member.round_trip is not None or member.closed else None


def _fault(term: str, code: int) -> str:
    """How a member broke a WebSocket off; empty if it did not, or may not be the one to blame for it."""
    if term == "member-lost":
        return "it broke off a WebSocket"
    if term == "member-broke-rules" and code == PROTOCOL_ERROR:
        return "it broke the rules of a WebSocket"  # 1007 and 1009 can be of what a client sent and got back
    if term == "closed-by-member" and code in ITS_FAULT:
        return f"it closed a WebSocket with {code}"
    return ""
