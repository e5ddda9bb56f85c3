"""A location: host and path prefix -> balancer, with the rules of the way (Apache's ProxyPass and its surroundings)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from .admission import Admission
from .balancer import Balancer
from .canonical import canonical, escaped
from .facts import ExchangeFacts
from .headers import Peer
from .member import Member
from .request import FORWARDED, Request
from .reverse import ReverseMap, Translation
from .rules import NO_PAGES, ErrorPage, FixedAnswer, Rules, expanded
from .terms import Terms
from .tracing import FIELDS, Tracer

if TYPE_CHECKING:
    from .exchange import Exchange

WEBSOCKETS = Terms()


class Location:
    """Everything the data plane needs to serve one path prefix.

    :param path: the prefix; empty for the root, and for a location with a pattern.  Without a trailing slash, unless
        the mapping is not ``verbatim``: then it is joined as it stands.
    :param pattern: instead of the path: what the canonical path must match.
    :param hosts: the lower-case host names it is for, ``*.name`` for all below a name; none for any.
    :param requests: ``all``, only ``websocket`` handshakes, or all ``other`` requests.
    :param balancer: who serves it.
    :param answer: what is answered when there is no balancer; with neither, a twisted.web resource serves it.
    :param target: what takes the place of the path, below the member's own; with a pattern, ``$1`` is a group.
    :param mapping: ``verbatim``: members get the path byte for byte; ``canonical`` or ``servlet``: as from Apache.
    :param slashes: what becomes of an escaped slash: ``pass``, ``refuse`` or ``decode``.
    :param clock: reads a monotonic clock in seconds.
    :param wall_clock: reads the time of day in seconds since 1970.
    :param finished: told of every exchange exactly once, when it is over.
    :param run: what tells the request ids of this run of the process from those of others.
    :param broken: told of an exception in a balancing method or a resolver.
    :param server_name: the name it goes by, with a port if there is one; empty for the listener's.
    :param answers_expect: answer ``Expect: 100-continue`` ourselves instead of passing it on.
    :param preserve_host: send the client's Host to the member (ProxyPreserveHost).
    :param forwarded: send X-Forwarded-* (ProxyAddHeaders).
    :param via: add Via in both directions (ProxyVia).
    :param strip: lower-case names of fields that no client may send, such as identity headers.
    :param rules: the operator's rules for variables and header fields.
    :param error_pages: pages for answers of panolb's own, by status.
    :param override: statuses of members whose page is replaced by our own (ProxyErrorOverride).
    :param timeout_status: the status when a member does not answer in time.
    :param reverse: translates what members say of themselves; worked out from path and members if not given.
    :param websocket: what holds for WebSockets; ``None``: there are none, Upgrade is ignored.
    :param admission: who may open one; ``None`` for everybody.
    :param opened: told of every exchange that has become a WebSocket, when both sides of it stand.
    :param tracer: begins a trace for a request that has none; ``None``: nobody does.

    :ivar for_web: whether a twisted.web resource serves it.
    :ivar exchanges: how many are under way, those included that became WebSockets.
    """

    __slots__ = (
        "admission",
        "answer",
        "answers_expect",
        "balancer",
        "broken",
        "clock",
        "error_pages",
        "exchanges",
        "finished",
        "for_web",
        "forwarded",
        "hosts",
        "mapping",
        "opened",
        "override",
        "path",
        "pattern",
        "preserve_host",
        "requests",
        "reverse",
        "rules",
        "run",
        "server_name",
        "slashes",
        "strip",
        "target_path",
        "timeout_status",
        "tracer",
        "via",
        "wall_clock",
        "websocket",
    )

    def __init__(
        self,
        path: bytes,
        balancer: Balancer | None,
        clock: Callable[[], float],
        *,
        pattern: re.Pattern[bytes] | None = None,
        hosts: Iterable[bytes] = (),
        requests: str = "all",
        answer: FixedAnswer | None = None,
        target: bytes = b"",
        mapping: str = "verbatim",
        slashes: str = "pass",
        wall_clock: Callable[[], float] = lambda: 0.0,
        finished: Callable[[Exchange], None] | None = None,
        run: str = "0",
        broken: Callable[[Exchange, Exception], None] | None = None,
        server_name: bytes = b"",
        answers_expect: bool = False,
        preserve_host: bool = True,
        forwarded: bool = True,
        via: bool = False,
        strip: frozenset[bytes] = frozenset(),
        rules: Rules | None = None,
        error_pages: Mapping[int, ErrorPage] = NO_PAGES,
        override: frozenset[int] = frozenset(),
        timeout_status: int = 504,
        reverse: Translation | None = None,
        websocket: Terms | None = WEBSOCKETS,
        admission: Admission | None = None,
        opened: Callable[[Exchange], None] | None = None,
        tracer: Tracer | None = None,
    ) -> None:
        self.path = path
        self.pattern = pattern
        self.hosts = tuple(hosts)
        self.requests = requests
        self.balancer = balancer
        self.answer = answer
        self.for_web = balancer is None and answer is None
        self.exchanges = 0
        self.target_path = target
        self.mapping = mapping
        self.slashes = slashes
        self.clock = clock
        self.wall_clock = wall_clock
        self.finished = finished
        self.run = run
        self.broken = broken
        self.server_name = server_name
        self.answers_expect = answers_expect
        self.preserve_host = preserve_host
        self.forwarded = forwarded
        self.via = via
        self.strip = strip
        self.rules = rules
        self.error_pages = error_pages
        self.override = override
        self.timeout_status = timeout_status
        self.websocket = websocket
        self.admission = admission
        self.opened = opened
        self.tracer = tracer
        members = balancer.members if balancer is not None else ()
        self.reverse: Translation = reverse or ReverseMap(
            path.rstrip(b"/"), ((m.spec.origin, m.spec.path + target.rstrip(b"/")) for m in members)
        )

    # -- the path ---------------------------------------------------------------------------------------------------

    def target(self, request: Request, member: Member) -> bytes | None:
        """The request target for ``member``.

        :returns: ``None`` when the prefix was not spelt literally and so cannot be exchanged for the member's.
        """
        if self.pattern is not None or self.mapping != "verbatim":
            return self._canonical_target(request, member)
        inner = member.spec.path + self.target_path
        if inner == self.path:
            return request.target
        if not request.target.startswith(self.path):
            return None
        rest = request.target[len(self.path) :]
        return inner + (rest if inner or rest[:1] == b"/" else b"/" + rest)

    def _canonical_target(self, request: Request, member: Member) -> bytes | None:
        """As Apache makes it: what was matched is what is sent, escaped anew; the query stays byte for byte."""
        path = canonical(request.path, self.slashes)
        if path is None:
            return None
        query = request.target[len(request.path) :]
        if self.pattern is not None:
            groups = self.pattern.search(path)
            if groups is None:
                return None
            inner = (
                expanded(self.target_path, groups)
                if b"$" in self.target_path
                else (self.target_path + escaped(path))
            )
            return member.spec.path + (inner if inner[:1] == b"/" else b"/" + inner) + query
        if not path.startswith(self.path):
            return None
        inner = self.target_path + escaped(path[len(self.path) :])
        if inner[:1] not in (b"/", b";"):
            # Apache's balancers turn an empty rest into a slash: /panopticon reaches Tomcat as /panopticon/.
            inner = b"/" + inner
        return member.spec.path + inner + query

    def redirect(self, request: Request, facts: ExchangeFacts) -> bytes:
        """Where a client is sent; empty for an answer that sends it nowhere."""
        assert self.answer is not None
        query = request.target[len(request.path) :]
        if self.pattern is None:
            rest = request.path[len(self.path) :] if request.path.startswith(self.path) else b""
            return self.answer.url(facts, rest, None, query)
        path = canonical(request.path, self.slashes)
        return self.answer.url(facts, b"", None if path is None else self.pattern.search(path), query)

    # -- the head ---------------------------------------------------------------------------------------------------

    def request_head(self, exchange: Exchange, member: Member) -> bytes | None:
        """The head that ``member`` gets; built from what was understood, never copied.

        :returns: ``None`` when `target` is.
        """
        request, peer, upgrade = exchange.request, exchange.client.peer, exchange.upgrade
        target = self.target(request, member)
        if target is None:
            return None
        line = request.method + b" " + target + b" HTTP/1.1\r\n"
        if self.tracer is not None:
            line += self.tracer.line(exchange)
        memo = request.memo
        if upgrade is not None or self.rules is not None:
            return line + self._section_for(request, member, peer, upgrade or (), exchange)
        if memo.location is not self or memo.member is not member:
            memo.section = self._section_for(request, member, peer, ())
            memo.location, memo.member = self, member
        return line + memo.section

    def _section_for(
        self,
        request: Request,
        member: Member,
        peer: Peer,
        upgrade: tuple[bytes, ...],
        exchange: Exchange | None = None,
    ) -> bytes:
        """The header section of a request.

        :param exchange: what the operator's rules ask about.
        """
        host = request.host if self.preserve_host else member.spec.authority
        lines = [b"Host: " + (host or self.server_name.partition(b":")[0] or member.spec.authority)]
        strip = self.strip
        if self.tracer is not None and not request.memo.trace:  # what the client sent of one is not valid
            strip |= FIELDS
        lines += request.without(strip) if strip else request.lines
        if peer.secured is not None:
            lines += peer.secured.lines
        if request.cookie is not None:
            lines.append(b"Cookie: " + request.cookie)
        if exchange is None or self.rules is None:
            lines += self._forwarded(request, peer)
        else:
            lines = self._ruled(lines, request, peer, exchange.facts)
        if self.via or request.via is not None:
            lines.append(self.via_line(request.via or b"", b"1.1" if request.http11 else b"1.0"))
        if request.chunked:
            lines.append(b"Transfer-Encoding: chunked")
        elif request.length is not None:
            lines.append(b"Content-Length: %d" % request.length)
        expects = request.expects and not self.answers_expect
        if request.has_body and (expects or member.spec.ping is not None):
            lines.append(b"Expect: 100-continue")
        if not member.spec.reuse and not upgrade:
            lines.append(b"Connection: close")
        lines += upgrade
        lines.append(b"\r\n")
        return b"\r\n".join(lines)

    def _forwarded(self, request: Request, peer: Peer) -> list[bytes]:
        """The fields about the way that the request came."""
        if self.forwarded:
            return peer.forwarded(request, self.server_name.partition(b":")[0])
        if peer.trusted and request.forwarded:
            return [name.title() + b": " + value for name, value in request.forwarded.items()]
        return []

    def _ruled(self, lines: list[bytes], request: Request, peer: Peer, facts: ExchangeFacts) -> list[bytes]:
        """The operator's rules applied; a field about the way that they set takes the place of ours."""
        assert self.rules is not None
        rules = self.rules.request
        if peer.trusted and request.forwarded and rules.names & request.forwarded.keys():
            lines = lines + [name + b": " + value for name, value in request.forwarded.items()]
        lines = rules.apply(lines, facts)
        said = {line.partition(b":")[0].lower() for line in lines} & rules.names
        kept = [
            line
            for line in lines
            if (name := line.partition(b":")[0].lower()) in said or name not in FORWARDED
        ]
        ours = self._forwarded(request, peer)
        return kept + [line for line in ours if line.partition(b":")[0].lower() not in said]

    def via_line(self, received: bytes, version: bytes) -> bytes:
        """The Via field (RFC 9110 section 7.6.3) with what was received and, if wanted, ourselves."""
        if self.via:
            received = (received + b", " if received else b"") + version + b" panolb"
        return b"Via: " + received
