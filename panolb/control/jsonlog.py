"""The access log as JSON: one flat object per line, always with the same keys.

Queries, path parameters, cookies and tokens are not in it: sessions are secrets.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from json.encoder import encode_basestring_ascii as quoted

from twisted.web.server import Request as WebRequest

from ..core.exchange import Exchange
from ..core.request import Request
from .logged import Times

Add = Callable[[bytes], None]

_PARAMETERS = re.compile(rb"(?:;|%3[Bb])[^/]*")  # of a path; ;jsessionid= is one
_BOOLEAN = ("false", "true")


class JsonLog:
    """``json``: for programs that read logs."""

    def __init__(self, add: Add, times: Times) -> None:
        self._add = add
        self._times = times

    def write(self, exchange: Exchange) -> None:
        """Note an exchange."""
        more = "" if exchange.tunnel is None else _of_tunnel(exchange)
        self._line(exchange, exchange.term, exchange.ended, more)

    def opened(self, exchange: Exchange) -> None:
        """Note that an exchange has become a WebSocket."""
        self._line(exchange, "opened", self._times.clock(), "")

    def _line(self, exchange: Exchange, term: str, until: float, more: str) -> None:
        request, decision, route = exchange.request, exchange.decision, exchange.route
        peer, started, attempts = exchange.client.peer, exchange.started, exchange.attempts
        source = None if route is None else route.source
        chosen = (
            _choice(b"", None, source, None)
            if decision is None
            else _choice(decision.member.label, decision.why, source, decision.changed)
        )
        self._add(
            f'{{"ts":"{self._times.utc(started)}","req_id":"{exchange.request_id}","client":{_known(peer.client(request))},'
            f'{request.memo.logged_json or _headers_of(request)},"tls":{_BOOLEAN[peer.over_tls(request)]},'
            f'"method":{_known(request.method)},"path":{_path(request.path)},"proto":"HTTP/1.{1 if request.http11 else 0}",'
            f'"status":{exchange.status},"bytes_in":{exchange.received},"bytes_out":{exchange.sent},'
            f'"t_total":{until - started:.6f},{chosen},"retries":{attempts - 1 if attempts else 0},'
            f'"term":{_word(term)}{more}}}\n'.encode("ascii")
        )

    def write_web(self, request: WebRequest) -> None:
        """Note a request that twisted.web served; most of the keys have nothing to say of it."""
        client = str(getattr(request.getClientAddress(), "host", "") or "")
        line = (
            f'{{"ts":"{self._times.utc(self._times.clock())}","req_id":null,"client":{quoted(client)},'
            f'"host":{_or_null(request.getHeader(b"host"))},"ua":{_or_null(request.getHeader(b"user-agent"))},'
            f'"tls":{_BOOLEAN[bool(request.isSecure())]},"method":{_text(request.method)},'
            f'"path":{_path(request.uri.partition(b"?")[0])},"proto":{_text(request.clientproto)},'
            f'"status":{request.code:d},"bytes_in":0,"bytes_out":{request.sentLength:d},"t_total":null,'
            f'{_choice(b"", "local", None, None)},"retries":0,"term":null}}\n'
        )
        self._add(line.encode("ascii"))


def _headers_of(request: Request) -> str:
    """Whom the client asked, and with what; worked out once for a set of fields."""
    said = f'"host":{_or_null(request.host)},"ua":{_or_null(request.field(b"user-agent"))}'
    request.memo.logged_json = said
    return said


def _of_tunnel(exchange: Exchange) -> str:
    """What only the end of a WebSocket knows; times are in seconds."""
    tunnel = exchange.tunnel
    assert tunnel is not None
    client, member = tunnel.client, tunnel.member
    return (
        f',"ws_duration":{exchange.ended - tunnel.opened:.6f},"ws_messages_in":{client.end.messages},'
        f'"ws_messages_out":{member.end.messages},"ws_close_code":{tunnel.code or "null"},'
        f'"ws_closed_by":{_word(tunnel.closed_by)},"ws_client_round_trip":{_seconds(client.round_trip)},'
        f'"ws_member_round_trip":{_seconds(member.round_trip)}'
    )


def _seconds(value: float | None) -> str:
    return "null" if value is None else f"{value:.6f}"


def _path(path: bytes) -> str:
    """A path without its parameters."""
    if b";" in path or b"%3" in path:
        path = _PARAMETERS.sub(b"", path)
    return quoted(path.decode("utf-8", "backslashreplace"))


def _text(value: bytes) -> str:
    """A value that came from outside, as a string of JSON in ASCII; bytes that are no UTF-8 are written as escapes."""
    return quoted(value.decode("utf-8", "backslashreplace"))


def _or_null(value: bytes | None) -> str:
    return _text(value) if value else "null"


_known = lru_cache(maxsize=4096)(_text)  # of addresses and methods, which come again and again and are short


@lru_cache(maxsize=1024)
def _word(text: str | None) -> str:
    return quoted(text) if text else "null"


@lru_cache(maxsize=1024)
def _choice(label: bytes, why: str | None, source: str | None, changed: bool | None) -> str:
    """What became of stickiness; a member's label begins with the name of its balancer."""
    return (
        f'"balancer":{_or_null(label.partition(b"/")[0])},"member":{_or_null(label)},"route_source":{_word(source)},'
        f'"route_reason":{_word(why)},"pin_changed":{"null" if changed is None else _BOOLEAN[changed]}'
    )
