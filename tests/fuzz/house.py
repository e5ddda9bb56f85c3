"""A whole panolb on a network in memory, and what must hold of it whatever it was sent."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from twisted.logger import ILogObserver, LogEvent, LogLevel, formatEvent, globalLogPublisher
from zope.interface import provider

from panolb import plugins
from panolb.config import Known, loads
from panolb.control.configuration import fixed
from panolb.control.registry import Registry
from panolb.control.service import Panolb
from panolb.core.exchange import Exchange

from .network import ADDRESS, LOST, Line, Network, Peer

CONFIG = f"""
[listener.public]
endpoint = "tcp:80:interface={ADDRESS}"
header_timeout = "5s"
body_timeout = "5s"
idle_timeout = "5s"

[balancer.app]
retry = "0s"
retry_budget = 1
response_timeout = "5s"
keepalive_idle = "5s"
websocket_rate = 0
[[balancer.app.member]]
url = "http://{ADDRESS}:8080/app"
route = "1"

[[location]]
path = "/app"
balancer = "app"

[[location]]
path = "/refused"
status = 403

[[location]]
path = "/splice"
balancer = "app"
websocket = "splice"
websocket_ping_interval = 0

[[location]]
path = "/messages"
balancer = "app"
websocket = "messages"
websocket_ping_interval = 0
websocket_max_message = "256KiB"
"""

LONG = 40.0
"""Seconds after which nothing may be waited for any more: longer than every time limit of these settings."""


class House:
    """The service, whose only member is what the test says.

    :ivar known: the plugins that a configuration can name.
    :ivar exchanges: those that have ended, in the order of their beginnings.
    """

    def __init__(self) -> None:
        self.network = Network()
        registry = Registry(plugins)
        self.known = Known(
            lbmethods=frozenset(registry.methods),
            checks=frozenset(registry.checks),
            resolvers=frozenset(registry.resolvers),
            filters=frozenset(registry.filters),
        )
        clock = self.network.seconds
        configuration = fixed(loads(CONFIG, self.known), self.known, clock)
        self._panolb = Panolb(self.network, configuration, registry, clock, str, clock)
        self._panolb.privilegedStartService()
        self._panolb.startService()
        self._factory = self.network.tcpServers[0][1]
        self._ports = itertools.cycle(range(1024, 65536))
        self._ended: list[Exchange] = []
        for location in self._panolb.plant.locations:
            assert location.finished is not None
            location.finished = self._noting(location.finished)
        self.network.settle(1.0)
        self._at_rest = self._held()
        self._troubles: list[str] = []
        globalLogPublisher.addObserver(self._note_trouble)

    @property
    def exchanges(self) -> list[Exchange]:
        return sorted(self._ended, key=lambda exchange: exchange.id)

    def _noting(self, finished: Callable[[Exchange], None]) -> Callable[[Exchange], None]:
        def both(exchange: Exchange) -> None:
            self._ended.append(exchange)
            finished(exchange)

        return both

    @provider(ILogObserver)
    def _note_trouble(self, event: LogEvent) -> None:
        level = event.get("log_level")
        if "log_failure" in event or level is LogLevel.critical:
            failure = event.get("log_failure")
            self._troubles.append(f"{formatEvent(event)}\n{failure.getTraceback() if failure else ''}")

    @contextmanager
    def visit(self, member: Callable[[], Peer], *, narrow: bool = False) -> Iterator[House]:
        """Some traffic with members made by ``member``; at its end nothing of it may be left.

        :param narrow: whether every write is more than a connection takes at once.
        """
        network = self.network
        self._ended.clear()
        self._troubles.clear()
        network.member, network.narrow = member, narrow
        network.reached = lambda line, peer: None
        yield self
        network.settle()
        for line in tuple(network.lines):
            line.end(LOST)
        network.settle()
        network.settle(LONG)
        self._check_empty()

    def client(self, peer: Peer) -> Line:
        """A client's connection."""
        return self.network.accept(self._factory, peer, next(self._ports))

    def _check_empty(self) -> None:
        assert not self._troubles, "\n".join(self._troubles)
        assert not self.network.lines, "a connection that ended is not let go of"
        held = self._held()
        assert held == self._at_rest, f"what was held at the beginning:\n{self._at_rest}\nand is now:\n{held}"

    def _held(self) -> dict[str, Any]:
        held = self._panolb.resources.as_json()
        del held["descriptors"]  # the connections here have none
        return held

    def close(self) -> None:
        """Hear no more of the log."""
        globalLogPublisher.removeObserver(self._note_trouble)


class Houses:
    """One house after the other: the same as long as nothing goes wrong in it."""

    def __init__(self) -> None:
        self._house: House | None = None

    @contextmanager
    def one(self) -> Iterator[House]:
        """A house in which nothing has gone wrong yet."""
        house, self._house = self._house or House(), None
        try:
            yield house
        except BaseException:
            house.close()
            raise
        self._house = house

    def close(self) -> None:
        """Leave the last one."""
        if self._house is not None:
            self._house.close()
