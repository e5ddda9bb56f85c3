"""A location: host and path prefix -> balancer, with the rules of the way (Apache's ProxyPass and its surroundings)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from .balancer import Balancer
from .headers import Peer, ReverseMap
from .member import Member
from .request import Request

if TYPE_CHECKING:
    from .exchange import Exchange


class Location:
    """Everything the data plane needs to serve one path prefix.

    :param path: the prefix, without a trailing slash; empty for the root.
    :param host: the lower-case host name it is for, ``None`` for any.
    :param balancer: who serves it; ``None`` when a twisted.web resource of our own does.
    :param clock: reads a monotonic clock in seconds.
    :param finished: told of every exchange exactly once, when it is over.
    :param run: what tells the request ids of this run of the process from those of others.
    :param broken: told of an exception in a balancing method or a resolver.
    :param preserve_host: send the client's Host to the member (ProxyPreserveHost).
    :param forwarded: send X-Forwarded-* (ProxyAddHeaders).
    :param via: add Via in both directions (ProxyVia).
    :param strip: lower-case names of fields that no client may send, such as identity headers.
    :param websocket: whether WebSocket handshakes are passed on; if not, Upgrade is ignored.
    :param websocket_compression: whether permessage-deflate is negotiated, on each side by itself.
    :param websocket_idle_timeout: seconds without a message after which a WebSocket is closed; ``None`` for never.
    :param websocket_max_message: the largest WebSocket message in bytes.
    """

    __slots__ = (
        "balancer",
        "broken",
        "clock",
        "finished",
        "forwarded",
        "host",
        "path",
        "preserve_host",
        "reverse",
        "run",
        "strip",
        "via",
        "websocket",
        "websocket_compression",
        "websocket_idle_timeout",
        "websocket_max_message",
    )

    def __init__(
        self,
        path: bytes,
        balancer: Balancer | None,
        clock: Callable[[], float],
        *,
        host: bytes | None = None,
        finished: Callable[[Exchange], None] | None = None,
        run: str = "0",
        broken: Callable[[Exchange, Exception], None] | None = None,
        preserve_host: bool = True,
        forwarded: bool = True,
        via: bool = False,
        strip: frozenset[bytes] = frozenset(),
        websocket: bool = True,
        websocket_compression: bool = True,
        websocket_idle_timeout: float | None = None,
        websocket_max_message: int = 16 << 20,
    ) -> None:
        self.path = path
        self.host = host
        self.balancer = balancer
        self.clock = clock
        self.finished = finished
        self.run = run
        self.broken = broken
        self.preserve_host = preserve_host
        self.forwarded = forwarded
        self.via = via
        self.strip = strip
        self.websocket = websocket
        self.websocket_compression = websocket_compression
        self.websocket_idle_timeout = websocket_idle_timeout
        self.websocket_max_message = websocket_max_message
        members = balancer.members if balancer is not None else ()
        self.reverse = ReverseMap(path, ((m.spec.authority, m.spec.path) for m in members))

    def target(self, request: Request, member: Member) -> bytes | None:
        """The request target for ``member``: the client's, byte for byte, but for another prefix.

        :returns: ``None`` when the prefix was not spelt literally and so cannot be exchanged for the member's.
        """
        inner = member.spec.path
        if inner == self.path:
            return request.target
        if not request.target.startswith(self.path):
            return None
        rest = request.target[len(self.path) :]
        return inner + (rest if inner or rest[:1] == b"/" else b"/" + rest)

    def request_head(
        self, request: Request, member: Member, peer: Peer, upgrade: tuple[bytes, ...] | None
    ) -> bytes | None:
        """The head that ``member`` gets; built from what was understood, never copied.

        :param upgrade: the fields of a WebSocket handshake; ``None`` for an ordinary request.
        :returns: ``None`` when `target` is.
        """
        target = self.target(request, member)
        if target is None:
            return None
        line = request.method + b" " + target + b" HTTP/1.1\r\n"
        memo = request.memo
        if upgrade is not None:
            return line + self._section_for(request, member, peer, upgrade)
        if memo.location is not self or memo.member is not member:
            memo.section = self._section_for(request, member, peer, ())
            memo.location, memo.member = self, member
        return line + memo.section

    def _section_for(self, request: Request, member: Member, peer: Peer, upgrade: tuple[bytes, ...]) -> bytes:
        """The header section of a request."""
        host = (request.host if self.preserve_host else b"") or member.spec.authority
        lines = [b"Host: " + host]
        lines += request.without(self.strip) if self.strip else request.lines
        if request.cookie is not None:
            lines.append(b"Cookie: " + request.cookie)
        if self.forwarded:
            lines += peer.forwarded(request)
        elif peer.trusted and request.forwarded:
            lines += [name.title() + b": " + value for name, value in request.forwarded.items()]
        if self.via or request.via is not None:
            lines.append(self.via_line(request.via or b"", b"1.1" if request.http11 else b"1.0"))
        if request.chunked:
            lines.append(b"Transfer-Encoding: chunked")
        elif request.length is not None:
            lines.append(b"Content-Length: %d" % request.length)
        if request.expects and request.has_body:
            lines.append(b"Expect: 100-continue")
        lines += upgrade
        lines.append(b"\r\n")
        return b"\r\n".join(lines)

    def via_line(self, received: bytes, version: bytes) -> bytes:
        """The Via field (RFC 9110 section 7.6.3) with what was received and, if wanted, ourselves."""
        if self.via:
            received = (received + b", " if received else b"") + version + b" panolb"
        return b"Via: " + received
