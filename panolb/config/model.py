"""What an operator can say, as one tree of frozen attrs classes: one class per TOML table.

Every attribute that has ``doc`` metadata is a key of the file; ``docs/configuration.rst`` is made from it.  Building
an object in code raises ValueError for a value that is out of range; what several keys must agree on is checked by
:mod:`panolb.config.crosscheck`.  Durations are seconds, sizes are bytes.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network
from typing import Final, Literal

import attrs
from attrs import field, frozen

from panolb.config import sslendpoint
from panolb.config.balancers import BALANCER_TABLES, Balancer, Cookie, Health, Member
from panolb.config.locations import LOCATION_TABLES, Location
from panolb.config.places import Places
from panolb.config.rules import (
    DAY,
    KIB,
    MIB,
    NOT_EMPTY,
    Auto,
    Between,
    Condition,
    Each,
    Explained,
    Seconds,
    Size,
    Workers,
    doc,
    explain_socket_path,
    matching,
    seconds,
    size,
)
from panolb.config.tls import TLS_TABLES, Certificate, Tls
from panolb.language.logformat import explain as explain_log_format

__all__ = [
    "TABLES",
    "AccessLog",
    "Admin",
    "Balancer",
    "Certificate",
    "Config",
    "Control",
    "Cookie",
    "Health",
    "Listener",
    "Location",
    "Member",
    "Shutdown",
    "Tls",
    "WebSockets",
]

NAME: Final = matching(r"[A-Za-z0-9._~-]{1,63}", "1 to 63 letters, digits, '.', '_', '~' or '-'")
MOST_WORKERS: Final = 256
_NAMED = Each(Condition(lambda value: True, ""), name=NAME)


@frozen(kw_only=True)
class Listener:
    """An address that clients connect to; at least one is needed."""

    endpoint: str = field(
        validator=NOT_EMPTY,
        metadata=doc(
            "Where to listen: a Twisted server endpoint.",
            apache="Listen",
            example='"tcp:10080:interface=127.0.0.1"',
            stand_in="tcp:0",
        ),
    )
    secure: Auto = field(
        default="auto",
        metadata=doc(
            "Whether clients speak TLS; decides X-Forwarded-Proto and Secure cookies. "
            '"auto": when the listener has a certificate, or its endpoint starts with ssl: or tls:. Write true behind a '
            "proxy that ends TLS.",
        ),
    )
    certificate: list[Certificate] = field(
        factory=list,
        metadata=doc("The certificates that clients are shown; which one, their names decide.", alone=True),
    )
    tls: Tls = field(factory=Tls, metadata=doc("How TLS is spoken with a certificate."))
    redirect_to_https: bool = field(
        default=False,
        metadata=doc(
            "Send clients of this listener to the same host and path with https: (308); only locations that name this "
            "listener are served.",
            apache="Redirect permanent / https://HOST/",
        ),
    )
    https_port: int | None = field(
        default=None,
        validator=Between(1, 65535),
        metadata=doc(
            "Port that redirect_to_https sends clients to. Not set: that of the first listener with TLS, if its endpoint "
            "says one; else 443.",
            example="8443",
        ),
    )
    trusted_proxies: list[IPv4Network | IPv6Network] = field(
        factory=list,
        metadata=doc(
            "Peers whose X-Forwarded-* headers are believed and appended to; everybody else's are replaced.",
            apache="RemoteIPTrustedProxy",
            example='["10.0.0.0/8", "::1"]',
        ),
    )
    proxy_protocol: bool = field(
        default=False,
        metadata=doc(
            "Whether trusted_proxies say whom they connect for, in a header of the PROXY protocol (version 1 or 2) before "
            "everything else. The client's address is then that of the header. Everybody else's connections are closed.",
            apache="RemoteIPProxyProtocol",
        ),
    )
    proxy_protocol_exceptions: list[IPv4Network | IPv6Network] = field(
        factory=list,
        metadata=doc(
            "Who may connect to a listener with proxy_protocol without that header.",
            apache="RemoteIPProxyProtocolExceptions",
            example='["10.1.2.0/24"]',
        ),
    )
    max_head: Size = field(
        default=32 * KIB,
        validator=size(KIB, MIB),
        metadata=doc(
            "Longest request line and headers together; more is answered with 431.",
            apache="LimitRequestFieldSize",
        ),
    )
    max_target: Size = field(
        default=8 * KIB,
        validator=size(256, MIB),
        metadata=doc("Longest request target; more is answered with 414.", apache="LimitRequestLine"),
    )
    max_body: Size | None = field(
        default=None,
        validator=size(0, 2**40),
        metadata=doc(
            "Longest request body; more is answered with 413. Not set: no limit.",
            apache="LimitRequestBody",
            example='"100MiB"',
        ),
    )
    explain_to: list[IPv4Network | IPv6Network] = field(
        factory=list,
        metadata=doc(
            "Clients that may ask, with the request header X-Panolb-Explain: 1, for the answer header X-Panolb-Why: "
            "which member served a request, and why. Empty: nobody.",
            example='["10.1.2.0/24"]',
        ),
    )
    header_timeout: Seconds = field(
        default=20.0,
        validator=seconds(0.001, DAY),
        metadata=doc(
            "Time for a whole request head, from its first byte; then 408.",
            apache="RequestReadTimeout header=",
        ),
    )
    idle_timeout: Seconds = field(
        default=75.0,
        validator=seconds(0.001, DAY),
        metadata=doc("How long a client's kept-alive connection may be idle.", apache="KeepAliveTimeout"),
    )
    keepalive: bool = field(
        default=True,
        metadata=doc("Whether clients may keep their connection for the next request.", apache="KeepAlive"),
    )
    max_requests: int | None = field(
        default=None,
        validator=Between(1, 10**9),
        metadata=doc(
            "Requests after which a client's connection ends. Not set: any number.",
            apache="MaxKeepAliveRequests",
            example="1000",
        ),
    )
    max_fields: int = field(
        default=100,
        validator=Between(10, 10_000),
        metadata=doc(
            "Most header fields of a request, and of its trailer section; more is answered with 431.",
            apache="LimitRequestFields",
        ),
    )
    max_chunk_extensions: Size = field(
        default=4 * KIB,
        validator=size(0, MIB),
        metadata=doc("Most bytes of chunk extensions in all of a request body; more is answered with 400."),
    )
    body_timeout: Seconds = field(
        default=60.0,
        validator=seconds(0.001, DAY),
        metadata=doc(
            "How long a request body may stand still; then 408. A client that takes nothing of its answer for so long "
            "is cut.",
            apache="RequestReadTimeout body=, Timeout",
        ),
    )
    body_rate: Size = field(
        default=500,
        validator=size(0, MIB),
        metadata=doc(
            "Bytes of a body, the request's or the answer's, that earn a client another second of body_timeout: whoever "
            "is slower than so many a second for long is treated as if standing still. 0: any byte earns all of it.",
            apache="RequestReadTimeout body=,MinRate=",
        ),
    )
    tls_timeout: Seconds = field(
        default=10.0,
        validator=seconds(0.001, DAY),
        metadata=doc(
            "Time for a client's TLS handshake; then the connection is cut.",
            apache="RequestReadTimeout handshake=",
        ),
    )
    max_connections: int | None = field(
        default=None,
        validator=Between(1, 10**6),
        metadata=doc(
            "Most client connections at a time; further ones wait unaccepted until one ends. Not set: as many as the "
            "limit of file descriptors allows.",
            apache="MaxRequestWorkers",
            example="10000",
        ),
    )
    max_connections_per_client: int | None = field(
        default=None,
        validator=Between(1, 10**6),
        metadata=doc(
            "Most connections of one client address, for IPv6 of one /64; further ones are closed at once. The "
            "trusted_proxies are not counted. Not set: no limit. Mind that whole offices may share an address.",
            example="200",
        ),
    )
    request_rate: float = field(
        default=0.0,
        validator=Between(0, 10**6),
        metadata=doc(
            "Requests that one client address, for IPv6 one /64, may send per second, when request_burst is used up; "
            "further ones get 429 and are told when to try again. 0: no limit. Behind one of the trusted_proxies the "
            "client is who X-Forwarded-For says."
        ),
    )
    request_burst: int = field(
        default=100,
        validator=Between(1, 10**6),
        metadata=doc("Requests that one client address may send at once, before request_rate holds."),
    )

    @property
    def is_secure(self) -> bool:
        """Whether clients of this listener speak TLS, with "auto" decided."""
        if self.secure != "auto":
            return bool(self.secure)
        return bool(self.certificate) or self.endpoint.lower().startswith(("ssl:", "tls:"))

    @property
    def address(self) -> str:
        """Where to listen, without what an ``ssl:`` endpoint says of TLS."""
        of_twisted = sslendpoint.read(self.endpoint)
        return self.endpoint if of_twisted is None else of_twisted[0]

    @property
    def shown(self) -> list[Certificate]:
        """The certificates that clients are shown, that of an ``ssl:`` endpoint included; with none they speak plain HTTP.

        (An endpoint of another kind may speak TLS by itself.)
        """
        of_twisted = sslendpoint.read(self.endpoint)
        return self.certificate if of_twisted is None else [of_twisted[1], *self.certificate]

    @property
    def port(self) -> int | None:
        """The port that clients connect to, as far as the endpoint says it."""
        found = re.match(r"(?i)(?:tcp|tcp6|ssl|tls):(?:port=)?([0-9]{1,5})(?=:|$)", self.endpoint)
        return None if found is None else int(found[1])


@frozen(kw_only=True)
class Shutdown:
    """What SIGTERM does."""

    grace: Seconds = field(
        default=30.0,
        validator=seconds(0, DAY),
        metadata=doc("Time for requests in flight to finish.", apache="GracefulShutdownTimeout"),
    )


@frozen(kw_only=True)
class WebSockets:
    """What holds for all WebSockets together."""

    max_open: int | None = field(
        default=None,
        validator=Between(1, 10**6),
        metadata=doc("Most that are open; further handshakes get 503. Not set: no limit.", example="9000"),
    )
    max_per_client: int | None = field(
        default=None,
        validator=Between(1, 10**6),
        metadata=doc(
            "Most that are open from one client address, for IPv6 of one /64; further handshakes get 503. Not set: no limit. "
            "Mind that whole offices may share an address.",
            example="100",
        ),
    )
    close_rate: float = field(
        default=100.0,
        validator=Between(1, 10**6),
        metadata=doc(
            "How many per second get their close frame when many are closed at once, so that their users do not all "
            "come back in the same moment."
        ),
    )
    close_timeout: Seconds = field(
        default=5.0,
        validator=seconds(0.1, 300),
        metadata=doc("Time for the answer to a close frame; then the connection is cut."),
    )


@frozen(kw_only=True)
class Control:
    """The control API, with which members are drained and brought back; without this table there is none."""

    socket: str = field(
        validator=Explained(explain_socket_path),
        metadata=doc(
            "Path of the UNIX socket that it listens on, with mode 0660: who may write to it is in control.",
            apache="<Location /balancer-manager>",
            example='"/run/panolb/control.sock"',
            stand_in="/run/panolb/control.sock",
        ),
    )
    state_file: str | None = field(
        default=None,
        validator=NOT_EMPTY,
        metadata=doc(
            "File that keeps what operators change while panolb runs. Not set: overrides.json in systemd's "
            "StateDirectory; without one such changes last until panolb ends.",
            apache="BalancerPersist",
            example='"/var/lib/panolb/overrides.json"',
        ),
    )
    endpoint: str | None = field(
        default=None,
        validator=NOT_EMPTY,
        metadata=doc(
            "Where to serve the API over HTTP too: a Twisted server endpoint of TCP. Without certificate only on the "
            "loopback.",
            example='"tcp:10089:interface=127.0.0.1"',
        ),
    )
    token_file: str | None = field(
        default=None,
        validator=NOT_EMPTY,
        metadata=doc(
            "File with the token that clients of the endpoint send: Authorization: Bearer TOKEN.",
            example='"/etc/panolb/control.token"',
        ),
    )
    certificate: str | None = field(
        default=None,
        validator=NOT_EMPTY,
        metadata=doc(
            "PEM file with the certificate of the endpoint and its chain; with it, clients of the endpoint speak TLS.",
            apache="SSLCertificateFile",
            example='"/etc/panolb/control.pem"',
        ),
    )
    key: str | None = field(
        default=None,
        validator=NOT_EMPTY,
        metadata=doc(
            "PEM file with the key of the certificate.",
            apache="SSLCertificateKeyFile",
            example='"/etc/panolb/control.key"',
        ),
    )
    client_ca: str | None = field(
        default=None,
        validator=NOT_EMPTY,
        metadata=doc(
            "PEM file with the authorities whose certificates clients of the endpoint must have (mutual TLS).",
            apache="SSLCACertificateFile, SSLVerifyClient",
            example='"/etc/panolb/control-clients.pem"',
        ),
    )


@frozen(kw_only=True)
class Admin:
    """The status page; without this table there is none. Whoever can connect can see it, and change nothing."""

    endpoint: str = field(
        validator=NOT_EMPTY,
        metadata=doc(
            "Where to listen: a Twisted server endpoint; keep it on the loopback.",
            apache="<Location /balancer-manager>",
            example='"tcp:10088:interface=127.0.0.1"',
            stand_in="tcp:0",
        ),
    )


@frozen(kw_only=True)
class AccessLog:
    """A line per request; without this table there is none."""

    path: str = field(
        validator=NOT_EMPTY,
        metadata=doc(
            'File to append to; or "-", the standard output.',
            apache="CustomLog",
            example='"/var/log/panolb/access.log"',
            stand_in="access.log",
        ),
    )
    format: str = field(
        default="combined",
        validator=Explained(explain_log_format),
        metadata=doc(
            'A format in the words of Apache\'s LogFormat; or "common" or "combined": those of that name, followed by '
            'member, route and why; or "vhost_combined" or "apache-balancer": exactly Apache\'s; or "json": an object per '
            "line.",
            apache="LogFormat",
        ),
    )
    query: bool | None = field(
        default=None,
        metadata=doc(
            "Whether query strings are written, also that of the Referer: they may hold secrets. Not set: not in json, and in "
            "all others, as in Apache.",
            example="false",
        ),
    )
    condition: str | None = field(
        default=None,
        validator=matching(r"!?[A-Za-z_][A-Za-z0-9_.-]*", 'the name of a variable, or "!" and a name'),
        metadata=doc(
            "Only requests for which this variable of the location's environment is set; or, with !, is not.",
            apache="CustomLog env=",
            example='"!quiet"',
        ),
    )
    servers: list[str] = field(
        factory=list,
        metadata=doc(
            "Only requests of locations with one of these server_names. Empty: of all.",
            apache="CustomLog in <VirtualHost>",
            example='["panopticon.example.org"]',
        ),
    )
    websockets: Literal["both", "end"] = field(
        default="both",
        metadata=doc(
            'Lines of a WebSocket: one when it is opened and one when it ends ("both"), or the second alone, as in Apache.'
        ),
    )


@frozen(kw_only=True)
class Config:
    """A whole configuration."""

    listener: dict[str, Listener] = field(
        factory=dict,
        validator=_NAMED,
        metadata=doc("Addresses that clients connect to."),
    )
    location: list[Location] = field(factory=list, metadata=doc("What is served where."))
    balancer: dict[str, Balancer] = field(
        factory=dict,
        validator=_NAMED,
        metadata=doc("Groups of members."),
    )
    location_order: Literal["longest", "first"] = field(
        default="longest",
        metadata=doc(
            'Which location serves a request that several match: the one with the longest path, or the "first" one '
            "of the file, as in Apache. Stands above all tables.",
            apache="the order of ProxyPass",
        ),
    )
    workers: Workers = field(
        default=1,
        validator=Condition(
            lambda value: value == "auto" or 1 <= value <= MOST_WORKERS, f"1 to {MOST_WORKERS}"
        ),
        metadata=doc(
            'Processes that share the listeners, supervised by one more; "auto": as many as there are processors to use. '
            "1: a single process does everything. Takes effect at the next start. Stands above all tables.",
            apache="StartServers, ServerLimit",
            example='"auto"',
        ),
    )
    admin: Admin | None = field(default=None, metadata=doc("The status page."))
    access_log: list[AccessLog] = field(factory=list, metadata=doc("A line per request.", alone=True))
    websockets: WebSockets = field(
        factory=WebSockets, metadata=doc("What holds for all WebSockets together.")
    )
    control: Control | None = field(default=None, metadata=doc("The control API."))
    shutdown: Shutdown = field(factory=Shutdown, metadata=doc("What SIGTERM does."))
    where: Places = field(factory=Places, eq=False, repr=False)
    """Says where a key stands, for messages of those who find a problem later: ``where(("admin", "endpoint"))``."""

    def https_url(self, listener: Listener) -> str:
        """Where ``redirect_to_https`` of a listener sends clients, without the path."""
        ports = (one.port for one in self.listener.values() if one.is_secure)
        port = listener.https_port or next(ports, None) or 443
        return "https://%{SERVER_NAME}" + ("" if port == 443 else f":{port}")


TABLES: Final = (
    Config,
    Listener,
    *TLS_TABLES,
    *LOCATION_TABLES,
    *BALANCER_TABLES,
    WebSockets,
    Admin,
    Control,
    AccessLog,
    Shutdown,
)
"""Every table, in the order of the reference."""

for _table in TABLES:
    attrs.resolve_types(_table)
