"""The access log as JSON: one flat object per line, always with the same keys.

Path parameters, cookies and tokens are not in it, and queries only if that is asked for: sessions are secrets.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from json.encoder import encode_basestring_ascii as quoted

from twisted.web.server import Request as WebRequest

from ..core.exchange import Exchange
from ..core.tracing import trace_of
from .logged import Times, beginning_of_web, client_of_web

Add = Callable[[bytes], None]

_PARAMETERS = re.compile(r"(?:;|%3[Bb])[^/]*")  # of a path; ;jsessionid= is one
_BOOLEAN = ("false", "true")
SHORT = 200  # bytes of a path that is remembered: what a thousand of them take is bounded


class JsonLog:
    """``json``: for programs that read logs.

    :param query: whether query strings stand in it.
    """

    def __init__(self, add: Add, times: Times, query: bool = False) -> None:
        self._add = add
        self._times = times
        self._query = query

    def write(self, exchange: Exchange) -> None:
        """Note an exchange."""
        more = "" if exchange.tunnel is None else _of_tunnel(exchange)
        self._line(exchange, exchange.term, exchange.ended, more)

    def opened(self, exchange: Exchange) -> None:
        """Note that an exchange has become a WebSocket."""
        self._line(exchange, "opened", self._times.clock(), "")

    def _line(self, exchange: Exchange, term: str, until: float, more: str) -> None:
        request, decision, route = exchange.request, exchange.decision, exchange.route
        started, attempts, headed = exchange.started, exchange.attempts, exchange.headed
        queued, connecting = exchange.queued, exchange.connecting  # nearly always nothing
        fields = request.memo.logged_json or _fields_of(exchange)
        if exchange.trace:
            fields = fields.replace("null", f'"{exchange.trace[3:35].decode()}"', 1)
        source = None if route is None else route.source
        chosen = (
            _choice(b"", None, source, None)
            if decision is None
            else _choice(decision.member.label, decision.why, source, decision.changed)
        )
        if self._query:
            more += f',"query":{_query(request.target)}'
        line = (
            f'{{"ts":"{self._times.utc(started)}","req_id":"{exchange.location.run}-{exchange.id:x}",{fields},'
            f'"method":{_known(request.method)},"path":{_path(request.path) if len(request.path) > SHORT else _known_path(request.path)},'
            f'"proto":"HTTP/1.{1 if request.http11 else 0}","status":{exchange.status},"bytes_in":{exchange.received},'
            f'"bytes_out":{exchange.sent},"t_total":{until - started:.6f},'
            f'"t_queue":{f"{queued:.6f}" if queued else "0"},"t_connect":{f"{connecting:.6f}" if connecting else "0"},'
            f'"t_header":{f"{headed - started:.6f}" if headed else "null"},{chosen},'
            f'"retries":{attempts - 1 if attempts else 0},"term":{_word(term) if term else "null"}{more}}}\n'
        )
        self._add(line.encode())

    def write_web(self, request: WebRequest) -> None:
        """Note a request that twisted.web served; most of the keys have nothing to say of it."""
        now, began = self._times.clock(), beginning_of_web(request)
        lasted = "null" if began is None else f"{now - began:.6f}"
        path, _, _ = request.uri.partition(b"?")
        more = f',"query":{_query(request.uri)}' if self._query else ""
        line = (
            f'{{"ts":"{self._times.utc(now if began is None else began)}","req_id":null,"trace_id":null,"client":{_text(client_of_web(request))},'
            f'"host":{_or_null(request.getHeader(b"host"))},"ua":{_or_null(request.getHeader(b"user-agent"))},'
            f'"tls":{_BOOLEAN[bool(request.isSecure())]},"method":{_text(request.method)},'
            f'"path":{_path(path)},"proto":{_text(request.clientproto)},'
            f'"status":{request.code:d},"bytes_in":0,"bytes_out":{request.sentLength:d},"t_total":{lasted},"t_queue":0,'
            f'"t_connect":0,"t_header":null,{_choice(b"", "local", None, None)},"retries":0,"term":null{more}}}\n'
        )
        self._add(line.encode())


def _fields_of(exchange: Exchange) -> str:
    """Who asked whom, with what, and of which trace; worked out once for a set of fields."""
    request, peer = exchange.request, exchange.client.peer
    said = request.memo.logged_json = (
        f'"trace_id":{_or_null(trace_of(request))},"client":{_text(peer.client(request))},"host":{_or_null(request.host)},'
        f'"ua":{_or_null(request.field(b"user-agent"))},"tls":{_BOOLEAN[peer.over_tls(request)]}'
    )
    return said


def _query(target: bytes) -> str:
    """What stands behind the question mark of a target."""
    return _or_null(target.partition(b"?")[2])


def _of_tunnel(exchange: Exchange) -> str:
    """What only the end of a WebSocket knows; times are in seconds."""
    tunnel = exchange.tunnel
    assert tunnel is not None
    client, member = tunnel.client, tunnel.member
    return (
        f',"ws_duration":{exchange.ended - tunnel.opened:.6f},"ws_messages_in":{client.end.messages},'
        f'"ws_messages_out":{member.end.messages},"ws_close_code":{tunnel.code or "null"},'
        f'"ws_closed_by":{_word(tunnel.closed_by)},"ws_client_round_trip":{_round_trip(client.round_trip)},'
        f'"ws_member_round_trip":{_round_trip(member.round_trip)}'
    )


def _round_trip(value: float | None) -> str:
    return "null" if value is None else f"{value:.6f}"


def _path(path: bytes) -> str:
    """A path without its parameters."""
    text = path.decode("utf-8", "backslashreplace")
    if ";" in text or "%3" in text:
        text = _PARAMETERS.sub("", text)
    return quoted(text)


def _text(value: bytes) -> str:
    """A value that came from outside, as a string of JSON in ASCII; bytes that are no UTF-8 are written as escapes."""
    return quoted(value.decode("utf-8", "backslashreplace"))


def _or_null(value: bytes | None) -> str:
    return _text(value) if value else "null"


# Of methods and of short paths, which come again and again.
_known = lru_cache(maxsize=1024)(_text)
_known_path = lru_cache(maxsize=1024)(_path)


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
