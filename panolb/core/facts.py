"""What the small languages can ask of an exchange: its request, its answer, and Apache's variables about both."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from .headers import port_of
from .routing import host_name

if TYPE_CHECKING:
    from .exchange import Exchange
    from .tunnel import Tunnel


class ExchangeFacts:
    """The `panolb.language.facts.Facts` of one exchange; made only where something asks."""

    __slots__ = ("_environment", "_exchange")

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._environment: dict[bytes, bytes] | None = None

    def env(self, name: bytes) -> bytes | None:
        """A variable of the request's environment: one that the operator's rules set, or the balancer's, or a WebSocket's."""
        if name[:9] == b"BALANCER_":
            return _balancer_variable(self._exchange, name)
        if name[:10] == b"WEBSOCKET_" and name in _TUNNEL_VARIABLES:
            tunnel = self._exchange.tunnel
            return None if tunnel is None else _TUNNEL_VARIABLES[name](tunnel)
        if self._environment is None:
            rules = self._exchange.location.rules
            self._environment = {} if rules is None else rules.environment.evaluate(self)
        return self._environment.get(name)

    def request_header(self, name: bytes) -> bytes | None:
        """A field of the request by its lower-case name, several joined."""
        request = self._exchange.request
        if name == b"host":
            return request.host or None
        if name == b"cookie":
            return request.cookie
        if name == b"upgrade":
            return None if request.websocket is None else b"websocket"
        if request.forwarded and name in request.forwarded:
            return request.forwarded[name]
        if request.websocket and name in request.websocket:
            return request.websocket[name]
        values = _values(request.lines, name)
        return b", ".join(values) if values else None

    def response_header(self, name: bytes) -> bytes | None:
        """A field of the answer by its lower-case name: the first of several, and all cookies, as in Apache."""
        values = _values(self._exchange.lines, name)
        if not values:
            return None
        return b", ".join(values) if name == b"set-cookie" else values[0]

    def variable(self, name: str) -> bytes:
        """A server variable as ap_expr and mod_rewrite call it; empty when there is none of that name."""
        read = _VARIABLES.get(name)
        if read is not None:
            value: bytes = read(self._exchange)
            return value
        secured = self._exchange.client.peer.secured
        return b"" if secured is None else secured.variable(name)

    def body(self) -> bytes:
        """Only health checks look into bodies."""
        return b""

    def elapsed(self) -> float:
        """Seconds since the request began."""
        exchange = self._exchange
        return (exchange.ended or exchange.location.clock()) - exchange.started

    def wall(self) -> float:
        """Seconds since 1970 at which the request began."""
        return self._exchange.location.wall_clock() - self.elapsed()


def _values(lines: list[bytes], name: bytes) -> list[bytes]:
    return [
        line[len(name) + 1 :].strip(b" \t")
        for line in lines
        if line[len(name) : len(name) + 1] == b":" and line[: len(name)].lower() == name
    ]


def _balancer_variable(exchange: Exchange, name: bytes) -> bytes | None:
    """mod_proxy_balancer's variables, and the words of our own logs; there are none before a member was chosen."""
    decision, route = exchange.decision, exchange.route
    balancer = exchange.location.balancer
    if name == b"BALANCER_TERM":
        return exchange.term.encode() or None
    if decision is None or balancer is None:
        return None
    if name == b"BALANCER_MEMBER":
        return decision.member.label
    if name == b"BALANCER_ROUTE_REASON":
        return decision.why.encode()
    if name == b"BALANCER_ROUTE_CHANGED":
        return b"1" if decision.changed else None
    if name == b"BALANCER_WORKER_ROUTE":
        return decision.member.spec.route
    if name == b"BALANCER_WORKER_NAME":
        return decision.member.spec.url.encode()
    if name == b"BALANCER_NAME":
        return b"balancer://" + balancer.name.encode()
    if route is None:
        return None
    if name == b"BALANCER_SESSION_ROUTE":
        return route.value
    if name == b"BALANCER_SESSION_STICKY":
        return route.name
    if name == b"BALANCER_ROUTE_SOURCE":
        return route.source.encode()
    return None


def _server_name(exchange: Exchange) -> bytes:
    """With UseCanonicalName Off, as by default: what the client called us, else what we call ourselves."""
    if exchange.request.host:
        return host_name(exchange.request.host)
    return exchange.location.server_name.partition(b":")[0] or exchange.client.peer.server


_TUNNEL_VARIABLES: dict[bytes, Callable[[Tunnel], bytes | None]] = {
    b"WEBSOCKET_CLOSE_CODE": lambda tunnel: b"%d" % tunnel.code if tunnel.code else None,
    b"WEBSOCKET_CLOSED_BY": lambda tunnel: tunnel.closed_by.encode() or None,
    b"WEBSOCKET_MESSAGES_IN": lambda tunnel: b"%d" % tunnel.client.end.messages,
    b"WEBSOCKET_MESSAGES_OUT": lambda tunnel: b"%d" % tunnel.member.end.messages,
}

_VARIABLES = {
    "REQUEST_METHOD": lambda exchange: exchange.request.method,
    "REQUEST_URI": lambda exchange: unquote_to_bytes(exchange.request.path),
    "QUERY_STRING": lambda exchange: exchange.request.target.partition(b"?")[2],
    "THE_REQUEST": lambda exchange: (
        exchange.request.method
        + b" "
        + exchange.request.target
        + (b" HTTP/1.1" if exchange.request.http11 else b" HTTP/1.0")
    ),
    "SERVER_PROTOCOL": lambda exchange: b"HTTP/1.1" if exchange.request.http11 else b"HTTP/1.0",
    "HTTP_HOST": lambda exchange: exchange.request.host,
    "HTTP_USER_AGENT": lambda exchange: exchange.request.field(b"user-agent") or b"",
    "HTTP_REFERER": lambda exchange: exchange.request.field(b"referer") or b"",
    "HTTP_COOKIE": lambda exchange: exchange.request.cookie or b"",
    "HTTP_ACCEPT": lambda exchange: exchange.request.field(b"accept") or b"",
    "SERVER_NAME": _server_name,
    "SERVER_PORT": lambda exchange: port_of(
        exchange.request.host, exchange.client.peer.over_tls(exchange.request)
    ),
    "REQUEST_SCHEME": lambda exchange: (
        b"https" if exchange.client.peer.over_tls(exchange.request) else b"http"
    ),
    "HTTPS": lambda exchange: b"on" if exchange.client.peer.over_tls(exchange.request) else b"off",
    "REMOTE_ADDR": lambda exchange: exchange.client.peer.client(exchange.request),
    "REMOTE_HOST": lambda exchange: exchange.client.peer.client(exchange.request),
    "REMOTE_PORT": lambda exchange: b"%d" % exchange.client.peer.port,
    "CONN_REMOTE_ADDR": lambda exchange: exchange.client.peer.address,
    "SERVER_ADDR": lambda exchange: exchange.client.peer.local[0],
    "REQUEST_LOG_ID": lambda exchange: exchange.request_id.encode(),
    "REQUEST_STATUS": lambda exchange: b"%d" % exchange.status,
}
