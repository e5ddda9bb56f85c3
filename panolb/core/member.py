"""A balancer member: its configuration, its health and its load, which are three different things."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from .admission import Gate
from .health import Health
from .histogram import WAITS, Histogram
from .warmup import WarmUp

if TYPE_CHECKING:
    from .ports import Connector


class Admin(Enum):
    """What the operator wants of a member; independent of its health (Apache's status letters N, D and S)."""

    ACTIVE = "active"
    DRAIN = "drain"
    DISABLED = "disabled"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberSpec:
    """What was configured.  Times are seconds.

    :ivar path: the URL's path without a trailing slash; empty for the root.
    :ivar authority: the URL's ``host[:port]``, sent as Host when the client's is not preserved.
    :ivar secure: whether it is spoken to over TLS.
    :ivar loadfactor: Apache's loadfactor in hundredths: the weight of the member.
    :ivar redirect: the route of those who take over its users while it cannot serve; empty for nobody.
    :ivar stall_timeout: how long an answer that has begun may stand still.
    :ivar queue: how many requests may wait for one of ``max_connections``.
    :ivar queue_timeout: how long they do; then those that are bound to the member end, and others go to another one.
    :ivar acquire: instead of ``queue_timeout``: after so long all go to another one; ``None``: not so.
    :ivar ping: how long a request with a body waits for the member's ``100 Continue`` before it goes to another
        member; ``None``: it is not asked for.
    :ivar reuse: whether a connection serves more than one request.
    :ivar max_websockets: how many WebSockets it may have; ``None`` for any number.
    :ivar websocket_rate: how many new ones a second it gets at most, after ``websocket_burst`` at once; 0 for any number.
    """

    balancer: str
    url: str
    host: str
    port: int
    path: bytes = b""
    authority: bytes = b""
    secure: bool = False
    route: bytes = b""
    loadfactor: int = 100
    lbset: int = 0
    admin: Admin = Admin.ACTIVE
    hot_standby: bool = False
    hot_spare: bool = False
    ignore_errors: bool = False
    retry: float = 60.0
    connect_timeout: float = 5.0
    response_timeout: float = 300.0
    stall_timeout: float = 300.0
    keepalive_idle: float = 15.0
    max_connections: int | None = None
    queue: int = 1000
    queue_timeout: float = 5.0
    redirect: bytes = b""
    acquire: float | None = None
    ping: float | None = None
    reuse: bool = True
    max_websockets: int | None = None
    websocket_rate: float = 0.0
    websocket_burst: int = 1

    @property
    def name(self) -> str:
        """How logs and pages call the member: ``balancer/route``, or ``balancer/host:port`` without a route."""
        return f"{self.balancer}/{self.route.decode('ascii') or f'{self.host}:{self.port}'}"

    @property
    def origin(self) -> bytes:
        """What its URLs begin with: ``https://tomcat.example:8443``."""
        return (b"https://" if self.secure else b"http://") + self.authority


class Member:
    """The living member.

    :ivar label: its name for the access log.
    :ivar leaving: whether it was taken out of the configuration, and serves only what is under way with it.
    :ivar moving: whether its users are to go to other members, as soon as there are any; part of a drain.
    :ivar ready: whether it may serve requests that are bound to it; kept by its balancer.
    :ivar returns: whether it was anything but down before, so that it comes *back* into service; kept by its balancer.
    :ivar warm_up: how much of its share of new users it gets; kept by its balancer.
    :ivar busy: exchanges and WebSockets of this process that it serves now.
    :ivar elsewhere: those of other processes; 0 when there is one process.
    :ivar elected: how often it was chosen.
    :ivar lbstatus: the balancing method's own count.
    :ivar traffic_out: bytes sent to it: heads and bodies of requests, and all that WebSockets sent.
    :ivar traffic_in: bytes that came from it: status lines and bodies, and all that came of WebSockets.
    :ivar client_round_trips: what pings to clients took, through all its WebSockets; ``member_round_trips`` those to it.
    :ivar gate: the way to it for WebSockets.
    :ivar connector: the port that opens or re-uses connections to it.
    """

    __slots__ = (
        "admin",
        "busy",
        "client_round_trips",
        "connector",
        "elected",
        "elsewhere",
        "gate",
        "health",
        "label",
        "lbstatus",
        "leaving",
        "loadfactor",
        "member_round_trips",
        "moving",
        "ready",
        "returns",
        "spec",
        "state",
        "traffic_in",
        "traffic_out",
        "warm_up",
    )

    def __init__(self, spec: MemberSpec, connector: Connector, health: Health | None = None) -> None:
        self.spec = spec
        self.label = spec.name.encode("ascii")
        self.connector = connector
        self.health = health or Health()
        self.admin = spec.admin
        self.loadfactor = spec.loadfactor
        self.leaving = False
        self.moving = False
        self.ready = False
        self.state = ""
        self.returns = False
        self.warm_up = WarmUp()
        self.gate = Gate(spec.max_websockets, spec.websocket_rate, spec.websocket_burst)
        self.busy = 0
        self.elsewhere = 0
        self.elected = 0
        self.lbstatus = 0
        self.traffic_out = 0
        self.traffic_in = 0
        self.client_round_trips, self.member_round_trips = Histogram(WAITS), Histogram(WAITS)

    def __repr__(self) -> str:
        return f"<Member {self.spec.name} {self.state or 'new'}>"

    def configure(self, spec: MemberSpec) -> None:
        """Be as configured anew; what makes it this member (balancer, URL and route) is the same."""
        self.spec = spec
        self.loadfactor = spec.loadfactor
        self.gate.configure(spec.max_websockets, spec.websocket_rate, spec.websocket_burst)

    def leave(self) -> None:
        """It was taken out of the configuration: nobody is sent to it any more."""
        self.leaving = True
        self.ready = False
        self.state = "removed"

    def describe(self, now: float) -> str:
        """The member's state in one word, the operator's wish before the member's health."""
        if self.leaving:
            return "removed"
        if self.admin in (Admin.DISABLED, Admin.STOPPED):
            return str(self.admin.value)
        if not self.health.up:
            return "down"
        if self.health.in_error(now):
            return "error"
        return "drain" if self.admin is Admin.DRAIN else "up"
