"""What all connections of one listener share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address
from math import ceil
from typing import TYPE_CHECKING, Any, Protocol

from twisted.internet.interfaces import IAddress, IProtocol

from ..core.clients import network_of
from ..core.headers import Peer
from ..core.location import Location
from ..core.rates import Rates
from ..core.routing import Table
from ..errors import BadRequest
from .clientcertificate import secured
from .deadlines import Deadlines
from .tls import SecureServer
from .turn import Turn

if TYPE_CHECKING:
    from .arrivals import Arrival
    from .http1 import Http1

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Limits:
    """What one client may cost.  Times are seconds, sizes bytes.

    :ivar max_fields: how many fields a head, or a trailer section, may have.
    :ivar max_chunk_extensions: how much of a chunked body may be neither data nor needed to frame it.
    :ivar max_requests: requests after which a connection ends; ``None`` for any number.
    :ivar max_connections: how many there may be at a time; ``None`` for any number.
    :ivar max_connections_per_client: of one address; ``None`` for any number.
    :ivar tls_timeout: for a TLS handshake.
    :ivar header_timeout: for a whole head to arrive.
    :ivar idle_timeout: between two requests of a connection.
    :ivar body_timeout: for a body at its start, and at most: `panolb.core.patience`.
    :ivar body_rate: bytes of a body that earn another second; 0 when any byte earns all of body_timeout.
    """

    max_head: int = 32 << 10
    max_target: int = 8 << 10
    max_body: int | None = None
    max_fields: int = 100
    max_chunk_extensions: int = 4 << 10
    max_requests: int | None = None
    max_connections: int | None = None
    max_connections_per_client: int | None = None
    tls_timeout: float = 10.0
    header_timeout: float = 20.0
    idle_timeout: float = 75.0
    body_timeout: float = 60.0
    body_rate: int = 500


class WebSite(Protocol):
    """What is asked of the twisted.web site behind a listener."""

    def buildProtocol(self, addr: IAddress | None) -> IProtocol | None:
        """A channel for a connection."""

    def drain(self, channel: IProtocol) -> None:
        """Let the channel end as soon as it has nothing in flight."""


@dataclass(frozen=True, slots=True)
class Announcing:
    """How a listener hears of its clients by the PROXY protocol (`panolb.proxy.arrivals`).

    :ivar proxies: who has to announce clients; UNIX sockets have to, too.
    :ivar direct: who announces nobody.
    """

    proxies: tuple[Network, ...]
    direct: tuple[Network, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """What a listener does with its clients; a reload replaces it as a whole.

    :ivar table: where each path goes.
    :ivar site: the twisted.web site for paths that no balancer serves.
    :ivar secure: whether clients come over TLS.
    :ivar trusted: the proxies whose X-Forwarded-* fields are believed.
    :ivar rates: how many requests each client may send; ``None`` for any number.
    :ivar explain_to: the networks whose clients are told why they are served by whom, if they ask.
    :ivar hsts: the value of Strict-Transport-Security; ``None`` when it is not sent.
    :ivar asks_certificates: whether clients are asked for certificates, so that members are told of them.
    :ivar sends_certificates: whether members get these as they are, too.
    :ivar announcing: ``None``: nobody announces clients.
    """

    table: Table[Location]
    site: WebSite
    limits: Limits
    secure: bool = False
    trusted: tuple[Network, ...] = ()
    rates: Rates | None = None
    explain_to: tuple[Network, ...] = ()
    hsts: bytes | None = None
    asks_certificates: bool = False
    sends_certificates: bool = False
    announcing: Announcing | None = None


class Frontend:
    """One listener as its connections see it; to be used when it has a `Behaviour`.

    :param server: the name this balancer gives itself in X-Forwarded-Server.
    :param refused: told of every request that was refused before it became an exchange.
    :param exceeded: told which client went beyond which limit: its address and the limit's configuration key.
    :param unopened: told of connections that ended before their first request could be read: the address at their other
        side, what failed ("handshake" or "announcement"), and why.

    :ivar local: the address and port that it listens on, once it does.
    :ivar on_full: told when there are as many connections as there may be, and when there is room again.
    """

    table: Table[Location]
    site: WebSite
    limits: Limits
    secure: bool
    trusted: tuple[Network, ...]
    rates: Rates | None
    explain_to: tuple[Network, ...]
    hsts: bytes | None
    asks_certificates: bool
    sends_certificates: bool
    announcing: Announcing | None

    def __init__(
        self,
        reactor: Any,
        deadlines: Deadlines,
        turn: Turn,
        *,
        server: bytes = b"localhost",
        refused: Callable[[Peer, BadRequest], None] | None = None,
        exceeded: Callable[[bytes, str], None] | None = None,
        unopened: Callable[[str, str, str], None] | None = None,
    ) -> None:
        self.reactor = reactor
        self.deadlines = deadlines
        self.turn = turn
        self.server = server
        self.unopened = unopened or _ignore
        self.connections: set[Http1] = set()
        self._arrivals: set[Arrival] = set()  # whose client has not been announced yet
        self.draining = False
        self.local: tuple[bytes, int] = (b"", 0)
        self.on_full: Callable[[bool], None] | None = None
        self._full = False
        self._refused = refused
        self._exceeded = exceeded
        self._clients: dict[bytes, int] = {}  # connections by client, if there is a limit on them

    def configure(self, behaviour: Behaviour) -> None:
        """Behave like this from now on; a request under way ends as it began."""
        self.table = behaviour.table
        self.site = behaviour.site
        self.limits = behaviour.limits
        self.secure = behaviour.secure
        self.trusted = behaviour.trusted
        self.rates = behaviour.rates
        self.explain_to = behaviour.explain_to
        self.hsts = behaviour.hsts
        self.asks_certificates = behaviour.asks_certificates
        self.sends_certificates = behaviour.sends_certificates
        self.announcing = behaviour.announcing
        self._look_for_room()

    def peer(self, address: IAddress, secure: bool | None = None) -> Peer:
        """The client behind a new connection.

        :param secure: whether it came over TLS, when that is not the listener's business.
        """
        secure = self.secure if secure is None else secure
        host = getattr(address, "host", None)
        if host is None:
            return Peer(b"unix", False, secure, self.server, 0, self.local)
        trusted = False
        if self.trusted or ":" in host:
            client = ip_address(host)
            client = getattr(client, "ipv4_mapped", None) or client  # an IPv4 client of a listener on "::"
            host = str(client)
            trusted = any(client in network for network in self.trusted)
        port = getattr(address, "port", 0)
        return Peer(host.encode("ascii"), trusted, secure, self.server, port, self.local, self.explain_to)

    def note_tls(self, peer: Peer, transport: SecureServer) -> None:
        """Note what the handshake of a client has settled.

        :raises ValueError: its certificate cannot be read.
        """
        peer.secured = secured(transport)
        if self.asks_certificates:
            peer.secured.tell_members(self.sends_certificates)

    def enter(self, connection: Http1) -> bool:
        """Count a new connection; returns whether its client may have it."""
        limits, peer = self.limits, connection.peer
        if limits.max_connections_per_client is not None and not peer.trusted and peer.port:
            client = network_of(peer.address)
            here = self._clients.get(client, 0)
            if here >= limits.max_connections_per_client:
                self._note_excess(peer.address, "max_connections_per_client")
                return False
            self._clients[client] = here + 1
        self.connections.add(connection)
        self._look_for_room()
        return True

    def leave(self, connection: Http1) -> None:
        """A connection has ended."""
        if connection not in self.connections:
            return
        self.connections.discard(connection)
        self._look_for_room()
        client = network_of(connection.peer.address)
        here = self._clients.get(client, 0)
        if here > 1:
            self._clients[client] = here - 1
        elif here:
            del self._clients[client]

    def expect(self, arrival: Arrival) -> None:
        """A connection has come, and its client is still to be announced."""
        self._arrivals.add(arrival)
        self._look_for_room()

    def no_longer_expect(self, arrival: Arrival) -> None:
        """It has been, or never will be."""
        self._arrivals.discard(arrival)
        self._look_for_room()

    def _look_for_room(self) -> None:
        """Say so when the listener has become full, or is not any more."""
        most = self.limits.max_connections
        full = most is not None and len(self.connections) + len(self._arrivals) >= most
        if full is not self._full and self.on_full is not None:
            self._full = full
            self.on_full(full)

    def must_wait(self, client: bytes) -> int:
        """Count a request of a client; returns 0, or the whole seconds after which to send it again."""
        if self.rates is None:
            return 0
        wait = self.rates.take(network_of(client), self.deadlines.clock())
        if wait:
            self._note_excess(client, "request_rate")
        return ceil(wait)

    def _note_excess(self, client: bytes, limit: str) -> None:
        if self._exceeded is not None:
            self._exceeded(client, limit)

    def refuse(self, peer: Peer, problem: BadRequest) -> None:
        """Say that a request was refused, and why."""
        if self._refused is not None:
            self._refused(peer, problem)

    def drain(self) -> None:
        """Stop keeping connections; see `Http1.drain`."""
        self.draining = True
        self.turn_arrivals_away()
        for connection in tuple(self.connections):
            connection.drain()

    def abort(self) -> None:
        """Cut whatever is left."""
        self.turn_arrivals_away()
        for connection in tuple(self.connections):
            connection.transport.abortConnection()

    def turn_arrivals_away(self) -> None:
        """Close what has not been announced yet: it has asked for nothing."""
        for arrival in tuple(self._arrivals):
            arrival.end()


def _ignore(address: str, what: str, why: str) -> None:
    """Nobody wants to know."""
