"""The service that twistd runs: everything built, started, and ended in the right order."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, DeferredList, inlineCallbacks, maybeDeferred
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.resource import Resource

from ..config import model
from ..core.admission import Admission
from ..core.exchange import Exchange
from ..core.location import Location
from ..core.rates import Rates
from ..core.routing import Table
from ..errors import ConfigError
from ..proxy.deadlines import Deadlines
from ..proxy.frontend import Frontend, Limits
from ..proxy.resource import ReverseProxyResource
from ..proxy.turn import Turn
from ..proxy.unexpected import log_unexpected
from .accesslog import AccessLogs
from .admin.status import StatusPage
from .api import Api
from .build import Builder
from .descriptors import Descriptors
from .excesses import Excesses
from .ledger import Ledger
from .listeners import Listener, NotFound, QuietSite, tree
from .locations import Locations
from .logged import Times
from .operations import Operations
from .refused import Refused
from .registry import Registry
from .resources import Resources
from .surroundings import make_endpoint, surrounding_problems

if TYPE_CHECKING:
    from .controlsocket import ControlSocket

log = Logger()

POLL = 0.05  # seconds between two looks at whether the last connection has gone


class Panolb(MultiService):
    """A whole load balancer.

    :param clock: reads a monotonic clock in seconds.
    :param wall_time: the time for people so many seconds ago, for the access log.
    :param wall_clock: reads the time of day in seconds since 1970.
    :raises ConfigError: when an endpoint or a file cannot be used; nothing has been opened then but the access log.

    :ivar ledger: the WebSockets that are open.
    :ivar operations: drains members and brings them back.
    :ivar resources: counts what is held.
    """

    def __init__(
        self,
        reactor: Any,
        config: model.Config,
        registry: Registry,
        clock: Callable[[], float],
        wall_time: Callable[[float], str],
        wall_clock: Callable[[], float],
    ) -> None:
        super().__init__()
        problems = surrounding_problems(config)
        if problems:
            raise ConfigError(problems)
        self.reactor = reactor
        self.config = config
        self.deadlines = Deadlines(clock)
        self.turn = Turn(reactor)
        self._logs = AccessLogs(config, Times(clock, wall_time, wall_clock))
        self._note_opened, self._note = self._logs.opener(), self._logs.writer()
        self.ledger = Ledger(
            clock,
            wall_clock,
            {name: balancer.session_cookie for name, balancer in config.balancer.items()},
        )
        websockets = config.websockets
        self._admission = Admission(websockets.max_open, websockets.max_per_client)
        made = Locations(clock, wall_clock, self._finished, self._opened, self._admission)
        self.plant = Builder(reactor, self.deadlines, self.turn, registry, made).build(config)
        self.operations = Operations(
            reactor,
            clock,
            self.plant.balancers,
            self.ledger,
            close_rate=websockets.close_rate,
            close_timeout=websockets.close_timeout,
            close_on_failure=[name for name, one in config.balancer.items() if one.close_on_failure],
        )
        self._excesses = Excesses(clock)
        self._refused = Refused(clock)
        self._frontends: list[Frontend] = []
        self._descriptors = Descriptors(self.deadlines, self._descriptors_owed)
        self.listeners = [self._listener(name, listener) for name, listener in config.listener.items()]
        self.resources = self._count_resources()
        self._admin = None if config.admin is None else self._status_page(config.admin)
        self._control = None if config.control is None else self._control_socket(config.control)

    # -- what the exchanges tell ------------------------------------------------------------------------------------

    def _opened(self, exchange: Exchange) -> None:
        """A WebSocket stands."""
        try:
            self.ledger.opened(exchange)
            if self._note_opened is not None:
                self._note_opened(exchange)
            self.operations.opened(exchange)
        except Exception:  # noqa: BLE001  # what is written down of it must not cost the WebSocket
            log_unexpected("writing down that a WebSocket was opened", exchange)

    def _finished(self, exchange: Exchange) -> None:
        """An exchange is over."""
        try:
            if exchange.tunnel is not None:
                self.ledger.finished(exchange)
                self.operations.finished(exchange)
            if self._note is not None:
                self._note(exchange)
        except Exception:  # noqa: BLE001  # what is written down of it must not cost the rest of its answer
            log_unexpected("writing down how it ended", exchange)

    # -- building ---------------------------------------------------------------------------------------------------

    def _make_frontend(self, locations: list[Location], limits: Limits, **more: Any) -> Frontend:
        """What the connections to some locations share; it is drained with everything else."""
        frontend = Frontend(
            self.reactor,
            Table(locations, self.config.location_order == "first"),
            QuietSite(NotFound(), self.reactor),
            self.deadlines,
            self.turn,
            limits,
            server=socket.gethostname().encode("idna"),
            refused=self._refused.note,
            **more,
        )
        self._frontends.append(frontend)
        return frontend

    def _frontend(self, name: str, config: model.Listener) -> Frontend:
        limits = Limits(
            max_head=config.max_head,
            max_target=config.max_target,
            max_body=config.max_body,
            max_fields=config.max_fields,
            max_chunk_extensions=config.max_chunk_extensions,
            max_requests=config.max_requests if config.keepalive else 1,
            max_connections=config.max_connections,
            max_connections_per_client=config.max_connections_per_client,
            tls_timeout=config.tls_timeout,
            header_timeout=config.header_timeout,
            idle_timeout=config.idle_timeout,
            body_timeout=config.body_timeout,
            body_rate=config.body_rate,
        )
        mine = [
            (built, written)
            for built, written in zip(self.plant.locations, self.config.location, strict=True)
            if not written.listener or name in written.listener
        ]
        locations = [built for built, _ in mine]
        frontend = self._make_frontend(
            locations,
            limits,
            secure=config.is_secure,
            trusted=config.trusted_proxies,
            rates=Rates(config.request_rate, config.request_burst) if config.request_rate else None,
            exceeded=self._excesses.note,
        )
        files = {built: written.files for built, written in mine if written.files is not None}
        # The tree's resources need the frontend, so it gets its real site afterwards.
        site = tree(files, frontend)
        frontend.site = QuietSite(
            site, self.reactor, self._logs.web_writer(), config.max_body, frontend=frontend
        )
        return frontend

    def _listener(self, name: str, config: model.Listener) -> Listener:
        endpoint = make_endpoint(self.reactor, self.config, config.endpoint, ("listener", name, "endpoint"))
        return Listener(name, config.endpoint, endpoint, self._frontend(name, config), self._descriptors)

    def _count_resources(self) -> Resources:
        return Resources(
            self.reactor,
            {listener.name: listener.frontend for listener in self.listeners},
            self.plant.locations,
            self.plant.pools,
            self.ledger,
            self._admission,
            self.deadlines,
            self.turn,
            self._descriptors,
        )

    def _status_page(self, config: model.Admin) -> StatusPage:
        endpoint = make_endpoint(self.reactor, self.config, config.endpoint, ("admin", "endpoint"))
        return StatusPage(self.reactor, endpoint, config.endpoint, self.operations, self.resources)

    def _control_socket(self, config: model.Control) -> ControlSocket:
        from .controlsocket import ControlSocket  # noqa: PLC0415  # Windows cannot import it

        return ControlSocket(
            self.reactor, config.socket, Api(self.operations, self.resources).site(self.reactor)
        )

    def resource(self, path: str) -> Resource:
        """The location with this path as a twisted.web Resource, to be mounted in another application.

        :raises KeyError: when no location has this path.
        """
        wanted = path.rstrip("/").encode()
        for place in self.plant.locations:
            if place.pattern is None and place.path.rstrip(b"/") == wanted:
                return ReverseProxyResource(self._make_frontend([place], Limits()))
        raise KeyError(path)

    # -- running ----------------------------------------------------------------------------------------------------

    def privilegedStartService(self) -> None:
        """Open the listeners, while the process may still use privileged ports.

        :raises SystemExit: when one cannot be opened.
        """
        super().privilegedStartService()
        opening = [(listener.description, listener.start()) for listener in self.listeners]
        if self._admin is not None:
            opening.append((self._admin.description, self._admin.start()))
        failed: list[str] = []

        def note(failure: Failure, description: str) -> None:
            message = f"cannot listen on {description}: {failure.getErrorMessage()}"
            log.critical("{message}", message=message)
            failed.append(message)

        for description, opened in opening:
            opened.addErrback(note, description)
        if failed:  # endpoints on sockets answer at once
            raise SystemExit("\n".join(f"panolb: {message}" for message in failed))

    def startService(self) -> None:
        """Begin to check, to keep time and to log.

        The control socket is opened only now, when the process has changed to the user whose it is to be.

        :raises SystemExit: when it cannot be opened.
        """
        if self._control is not None:
            try:
                self._control.start()
            except OSError as error:
                message = f"cannot listen on {self._control.description}: {error}"
                log.critical("{message}", message=message)
                raise SystemExit(f"panolb: {message}") from None
        super().startService()
        self.deadlines.start(self.reactor)
        self._logs.start(self.reactor)
        for checker in self.plant.checkers:
            checker.start()

    @inlineCallbacks
    def stopService(self) -> Any:
        """Close the listeners, let what is in flight finish within the grace period, then end the rest."""
        yield DeferredList([maybeDeferred(listener.close) for listener in self.listeners])
        for checker in self.plant.checkers:
            checker.stop()
        shutdown = self.config.shutdown
        for frontend in self._frontends:
            frontend.drain()
        if self._connections():
            log.info(
                "stopping: what is in flight has {grace:g} s to finish; open connections: {n}",
                n=self._connections(),
                grace=shutdown.grace,
            )
        self.operations.stop(shutdown.grace)
        yield self._wait_until_empty(shutdown.grace)
        left = self._connections()
        self.operations.cut()
        if left:
            log.warn(
                "connections that did not end within {grace:g} s, and were cut: {left}",
                left=left,
                grace=shutdown.grace,
            )
            for frontend in self._frontends:
                frontend.abort()
        # They end in the reactor's next turn, and their log lines with them.
        yield self._wait_until_empty(1.0)
        for pool in self.plant.pools:
            pool.close()
        if self._admin is not None:
            yield self._admin.stop()
        if self._control is not None:
            yield self._control.stop()
        self.deadlines.stop()
        self._logs.stop()
        yield maybeDeferred(super().stopService)
        log.info("stopped")

    def reopen_logs(self) -> None:
        """The access logs were moved away: begin new files."""
        self._logs.reopen()

    def _descriptors_owed(self) -> int:
        """Those of the connections to members that are needed when each client asks for something."""
        return max(self._connections() - sum(pool.open for pool in self.plant.pools), 0)

    def _connections(self) -> int:
        return sum(len(frontend.connections) for frontend in self._frontends)

    @inlineCallbacks
    def _wait_until_empty(self, seconds: float) -> Any:
        """Until all clients are gone, and all WebSockets on the members' side too; no longer than so many seconds."""
        end = self.deadlines.clock() + seconds
        while (self._connections() or len(self.ledger)) and self.deadlines.clock() < end:
            yield _sleep(self.reactor, POLL)


def _sleep(reactor: Any, seconds: float) -> Deferred[None]:
    return deferLater(reactor, seconds, lambda: None)
