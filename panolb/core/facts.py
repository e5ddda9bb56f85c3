"""What the small languages can ask of an exchange: its request, its answer, and Apache's variables about both."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from .headers import port_of
from .routing import host_name
from .tracing import trace_of

if TYPE_CHECKING:
    from .exchange import Exchange


class ExchangeFacts:
    """The `panolb.language.facts.Facts` of one exchange; made only where something asks."""

    __slots__ = ("_environment", "_exchange")

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._environment: dict[bytes, bytes] | None = None

    def env(self, name: bytes) -> bytes | None:
        """A variable of the request's environment: one that the operator's rules set, or the balancer's, or a WebSocket's."""
        read = ENVIRONMENT.get(name)
        if read is not None:
            value: bytes | None = read(self._exchange)
            return value
        if name[:9] == b"BALANCER_":
            return None
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
        read = VARIABLES.get(name)
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


def _server_name(exchange: Exchange) -> bytes:
    """With UseCanonicalName Off, as by default: what the client called us, else what we call ourselves."""
    if exchange.request.host:
        return host_name(exchange.request.host)
    return exchange.location.server_name.partition(b":")[0] or exchange.client.peer.server


def _close_code(exchange: Exchange) -> bytes | None:
    tunnel = exchange.tunnel
    return b"%d" % tunnel.code if tunnel and tunnel.code else None


def _trace_id(exchange: Exchange) -> bytes | None:
    return exchange.trace[3:35] or trace_of(exchange.request) or None


ENVIRONMENT = {
    # mod_proxy_balancer's; there are none before a member was chosen
    b"BALANCER_NAME": lambda exchange: (
        exchange.decision and b"balancer://" + exchange.decision.member.spec.balancer.encode()
    ),
    b"BALANCER_WORKER_NAME": lambda exchange: (
        exchange.decision and exchange.decision.member.spec.url.encode()
    ),
    b"BALANCER_WORKER_ROUTE": lambda exchange: exchange.decision and exchange.decision.member.spec.route,
    b"BALANCER_ROUTE_CHANGED": lambda exchange: (
        b"1" if exchange.decision and exchange.decision.changed else None
    ),
    b"BALANCER_SESSION_ROUTE": lambda exchange: exchange.decision and exchange.route and exchange.route.value,
    b"BALANCER_SESSION_STICKY": lambda exchange: exchange.decision and exchange.route and exchange.route.name,
    # the words of our own logs
    b"BALANCER_MEMBER": lambda exchange: exchange.decision and exchange.decision.member.label,
    b"BALANCER_ROUTE_REASON": lambda exchange: exchange.decision and exchange.decision.why.encode(),
    b"BALANCER_ROUTE_SOURCE": lambda exchange: (
        exchange.decision and exchange.route and exchange.route.source.encode()
    ),
    b"BALANCER_TERM": lambda exchange: exchange.term.encode() or None,
    b"TRACE_ID": _trace_id,
    b"WEBSOCKET_CLOSE_CODE": _close_code,
    b"WEBSOCKET_CLOSED_BY": lambda exchange: exchange.tunnel and (exchange.tunnel.closed_by.encode() or None),
    b"WEBSOCKET_MESSAGES_IN": lambda exchange: (
        exchange.tunnel and b"%d" % exchange.tunnel.client.end.messages
    ),
    b"WEBSOCKET_MESSAGES_OUT": lambda exchange: (
        exchange.tunnel and b"%d" % exchange.tunnel.member.end.messages
    ),
}
"""Variables of the environment that no rule sets."""

VARIABLES = {
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
"""Server variables, as ap_expr and mod_rewrite call them."""
