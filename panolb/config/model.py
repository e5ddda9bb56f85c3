"""What an operator can say, as one tree of frozen attrs classes: one class per TOML table.

Every attribute that has ``doc`` metadata is a key of the file; ``docs/configuration.rst`` is made from it.  Building
an object in code raises ValueError for a value that is out of range; what several keys must agree on is checked by
:mod:`panolb.config.crosscheck`.  Durations are seconds, sizes are bytes.
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network
from typing import Final, Literal

import attrs
from attrs import field, frozen

from panolb.config.addresses import explain_host, explain_path
from panolb.config.balancers import BALANCER_TABLES, Balancer, Cookie, Health, Member
from panolb.config.places import Places
from panolb.config.rules import (
    DAY,
    NOT_EMPTY,
    TOKEN,
    Auto,
    Condition,
    Each,
    Explained,
    Seconds,
    Size,
    doc,
    matching,
    seconds,
    size,
)

__all__ = [
    "TABLES",
    "AccessLog",
    "Admin",
    "Balancer",
    "Config",
    "Cookie",
    "Health",
    "Listener",
    "Location",
    "Member",
    "Shutdown",
]

KIB: Final = 1024
MIB: Final = 1024 * KIB

NAME: Final = matching(r"[A-Za-z0-9._~-]{1,63}", "1 to 63 letters, digits, '.', '_', '~' or '-'")
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
            '"auto": when the endpoint starts with ssl: or tls:. Write true behind a proxy that ends TLS.',
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
    body_timeout: Seconds = field(
        default=60.0,
        validator=seconds(0.001, DAY),
        metadata=doc(
            "How long a request body may stand still; then 408. A client that takes nothing of its answer for so long is cut.",
            apache="RequestReadTimeout body=, Timeout",
        ),
    )

    @property
    def is_secure(self) -> bool:
        """Whether clients of this listener speak TLS, with "auto" decided."""
        return (
            self.endpoint.lower().startswith(("ssl:", "tls:")) if self.secure == "auto" else bool(self.secure)
        )


@frozen(kw_only=True)
class Location:
    """Requests that go to a balancer or a directory; the table is written once per path, and the longest path wins."""

    path: str = field(
        validator=Explained(explain_path),
        metadata=doc(
            "Path that requests start with.", apache="ProxyPass", example='"/panopticon"', stand_in="/"
        ),
    )
    host: str | None = field(
        default=None,
        validator=Explained(explain_host),
        metadata=doc(
            "Only for this host; asked before locations without a host.",
            apache="ServerName",
            example='"panopticon.example.org"',
        ),
    )
    balancer: str | None = field(
        default=None,
        metadata=doc(
            "Name of the balancer that serves it.",
            apache="ProxyPass balancer://NAME",
            example='"panopticoncluster"',
        ),
    )
    files: str | None = field(
        default=None,
        validator=NOT_EMPTY,
        metadata=doc(
            "Directory whose files are served, instead of a balancer.",
            apache="DocumentRoot, Alias",
            example='"/var/www/html"',
        ),
    )
    preserve_host: bool = field(
        default=True,
        metadata=doc(
            "Members see the Host that the client asked for; false: their own.", apache="ProxyPreserveHost"
        ),
    )
    forwarded: bool = field(
        default=True,
        metadata=doc("Send X-Forwarded-For, -Host, -Proto, -Port and -Server.", apache="ProxyAddHeaders"),
    )
    via: bool = field(default=False, metadata=doc("Send Via, to members and to clients.", apache="ProxyVia"))
    strip_request_headers: list[str] = field(
        factory=list,
        validator=Each(TOKEN),
        metadata=doc(
            "Headers that clients must not send, such as those that tell members who the user is.",
            apache="RequestHeader unset",
            example='["X-Remote-User"]',
        ),
    )
    websocket: bool = field(
        default=True, metadata=doc("Let WebSockets through.", apache="ProxyPass upgrade=websocket")
    )
    websocket_compression: bool = field(default=True, metadata=doc("Accept and offer permessage-deflate."))
    websocket_idle_timeout: Seconds | None = field(
        default=None,
        validator=seconds(0.1, 365 * DAY),
        metadata=doc("Close WebSockets on which nothing moves for so long. Not set: never.", example='"1h"'),
    )
    websocket_max_message: Size = field(
        default=16 * MIB,
        validator=size(KIB, 2**31 - 1),
        metadata=doc("Longest WebSocket message; longer ones close with 1009."),
    )


@frozen(kw_only=True)
class Shutdown:
    """What SIGTERM does."""

    grace: Seconds = field(
        default=30.0,
        validator=seconds(0, DAY),
        metadata=doc("Time for requests in flight to finish.", apache="GracefulShutdownTimeout"),
    )
    close_code: Literal[1001, 1012] = field(
        default=1001,
        metadata=doc("Close code for WebSockets: 1001 (going away) or 1012 (service restart)."),
    )


@frozen(kw_only=True)
class Admin:
    """The status page; without this table there is none. Whoever can connect can see it."""

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
            "File to append to.",
            apache="CustomLog",
            example='"/var/log/panolb/access.log"',
            stand_in="access.log",
        ),
    )
    format: Literal["common", "combined"] = field(
        default="combined",
        metadata=doc("Apache's format of that name, followed by member, route and why.", apache="LogFormat"),
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
    admin: Admin | None = field(default=None, metadata=doc("The status page."))
    access_log: AccessLog | None = field(default=None, metadata=doc("A line per request."))
    shutdown: Shutdown = field(factory=Shutdown, metadata=doc("What SIGTERM does."))
    where: Places = field(factory=Places, eq=False, repr=False)
    """Says where a key stands, for messages of those who find a problem later: ``where(("admin", "endpoint"))``."""


TABLES: Final = (Config, Listener, Location, *BALANCER_TABLES, Admin, AccessLog, Shutdown)
"""Every table, in the order of the reference."""

for _table in TABLES:
    attrs.resolve_types(_table)
