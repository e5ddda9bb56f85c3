"""What a client gets to see of an answer: a member's, translated, or a page of our own."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from . import pages
from .headers import Answer

if TYPE_CHECKING:
    from .exchange import Exchange


def outward(exchange: Exchange, answer: Answer, http11: bool) -> list[bytes]:
    """The fields of a member's answer as the client may see them.

    :param http11: whether the member speaks HTTP/1.1 (else 1.0).
    """
    if answer.mapped:
        _map_back(exchange, answer)
    if answer.via or exchange.location.via:
        answer.lines.append(exchange.location.via_line(answer.via, b"1.1" if http11 else b"1.0"))
    return answer.lines


def final(exchange: Exchange, answer: Answer, status: int, http11: bool) -> list[bytes]:
    """The fields of a member's final answer: with the route that the client must learn, and by the operator's rules."""
    location, decision = exchange.location, exchange.decision
    lines = outward(exchange, answer, http11) if answer.mapped or answer.via or location.via else answer.lines
    if decision is not None and decision.changed:
        _bind(exchange, lines)
    if location.rules is not None:
        lines = _ruled(exchange, lines, status, own=False)
    if (exchange.request.method == b"HEAD" or status == 304) and answer.length is not None:
        lines.append(b"Content-Length: %d" % answer.length)
    if exchange.request.memo.asks_why:
        lines += why(exchange)
    return lines


def switching(exchange: Exchange, answer: Answer) -> list[bytes]:
    """The fields of a 101."""
    lines = outward(exchange, answer, True)
    if exchange.decision is not None and exchange.decision.changed:
        _bind(exchange, lines)
    rules = exchange.location.rules
    if rules is not None and rules.on_upgrade:
        lines = _ruled(exchange, lines, 101, own=False)
    if exchange.request.memo.asks_why:
        lines += why(exchange)
    return lines


def why(exchange: Exchange, term: str = "") -> list[bytes]:
    """The field X-Panolb-Why, for clients that ask for it and may know (``explain_to``).

    :param term: how the exchange ends, for an answer of our own.
    """
    if not exchange.client.peer.may_know_why(exchange.request):
        return []
    decision, route = exchange.decision, exchange.route
    said = {
        b"member": b"-" if decision is None else decision.member.label,
        b"reason": b"-" if decision is None else decision.why.encode(),
        b"source": b"-" if route is None else route.source.encode(),
        b"state": b"-" if decision is None else decision.member.state.encode(),
        b"end": term.encode() or b"-",
        b"id": exchange.request_id.encode(),
    }
    return [b"X-Panolb-Why: " + b"; ".join(name + b"=" + value for name, value in said.items())]


def add_hsts(lines: list[bytes], value: bytes) -> None:
    """Have browsers come by TLS only (RFC 6797), unless an answer says so itself: of two such fields the first counts."""
    if not any(line[:26].lower() == b"strict-transport-security:" for line in lines):
        lines.append(b"Strict-Transport-Security: " + value)


class Page(NamedTuple):
    """An answer of our own, without what says where it ends."""

    status: int
    phrase: bytes
    lines: list[bytes]
    body: bytes


def own(exchange: Exchange, status: int, reason: str) -> Page:
    """The page for a status, the operator's if there is one.

    :param reason: one sentence of ours, shown on pages of ours.
    """
    location, decision = exchange.location, exchange.decision
    lines: list[bytes] = []
    if decision is not None and decision.changed and status in (502, 504):  # the member had its chance
        _bind(exchange, lines)
    custom = location.error_pages.get(status)
    url = custom.url if custom is not None else b""
    if location.answer is not None:
        url = location.redirect(exchange.request, exchange.facts) or url
    if url:
        status = status if 300 <= status < 400 else 302
        lines.append(b"Location: " + url)
        custom, reason = None, "This page has moved."
    if custom is not None:
        content_type, body = custom.content_type, custom.body
    else:
        accept = exchange.request.field(b"accept")
        content_type, body = pages.page(status, reason, exchange.request_id, accept)
    lines += (b"Content-Type: " + content_type, b"Cache-Control: no-store")
    if status == 503:
        lines.append(b"Retry-After: %d" % exchange.retry_after)
    if location.rules is not None:
        lines = _ruled(exchange, lines, status, own=True)
    return Page(status, pages.PHRASES.get(status, "Error").encode(), lines, body)


def challenge(answer: Answer) -> list[bytes]:
    """What must survive when a member's page is replaced: how to authenticate (RFC 9110 section 11.6.1)."""
    return [line for line in answer.lines if line[:17].lower() == b"www-authenticate:"]


def _ruled(exchange: Exchange, lines: list[bytes], status: int, own: bool) -> list[bytes]:
    """The operator's rules for answers applied; they cannot touch what says where a message ends."""
    rules, facts = exchange.location.rules, exchange.facts
    assert rules is not None
    exchange.status, exchange.lines = status, lines  # a rule may ask
    return rules.response.apply(lines, facts, own)


def _bind(exchange: Exchange, lines: list[bytes]) -> None:
    """Tell the client its new route."""
    balancer, decision = exchange.location.balancer, exchange.decision
    assert balancer is not None and decision is not None
    route = decision.member.spec.route
    if balancer.cookie is not None and route:
        over_tls = exchange.client.peer.over_tls(exchange.request)
        lines.append(b"Set-Cookie: " + balancer.cookie.value(route, over_tls))


def _map_back(exchange: Exchange, answer: Answer) -> None:
    """Translate what the member says of itself (ProxyPassReverse)."""
    decision, location = exchange.decision, exchange.location
    assert decision is not None
    spec = decision.member.spec
    scheme = b"https://" if exchange.client.peer.over_tls(exchange.request) else b"http://"
    public = scheme + (exchange.request.host or location.server_name or spec.authority)
    location.reverse.translate(answer, public, spec.host.encode())
