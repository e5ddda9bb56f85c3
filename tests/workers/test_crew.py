"""What a supervisor makes of what its workers tell, in an order that real ones would seldom come to."""

from __future__ import annotations

import pickle
from typing import Any

from twisted.internet.testing import MemoryReactorClock, StringTransport

import panolb.plugins
from panolb.config import toml
from panolb.config.overrides import Identity
from panolb.control.configuration import fixed
from panolb.control.registry import Registry
from panolb.control.service import Panolb
from panolb.control.workers.crew import Crew
from panolb.control.workers.duties import SUPERVISOR
from panolb.control.workers.process import Worker
from panolb.core.health import Health

CONFIG = """\
workers = 2
[listener.public]
endpoint = "tcp:10080"
[[balancer.app.member]]
url = "http://127.0.0.1:8080"
[[location]]
path = "/"
balancer = "app"
"""
MEMBER = Identity("app", "http://127.0.0.1:8080", "")


class Supervisor:
    """One whose worker the test plays.

    :ivar health: what it knows of the member.
    :ivar reactor: has the time of all processes.
    """

    def __init__(self) -> None:
        self.reactor: Any = MemoryReactorClock()
        clock, registry = self.reactor.seconds, Registry(panolb.plugins)
        wanted = fixed(toml.loads(CONFIG, registry.known, "test"), registry.known, clock)
        self._crew = Crew(self.reactor, 2, clock)
        house = Panolb(self.reactor, wanted, registry, clock, str, clock, SUPERVISOR, self._crew)
        self.health = house.plant.seats[MEMBER].member.health
        self._worker = Worker(self.reactor, 0, {}, lambda worker, how: None)
        self._transport = StringTransport()
        self._worker.channel.makeConnection(self._transport)

    def hear(self, health: Health) -> None:
        """The worker tells how the member is."""
        self._crew._heard_of_change(self._worker, MEMBER, health.standing, "it said so")

    def tell(self, health: Health) -> None:
        """The worker reads what it was told, if it was anything."""
        messages = self._transport.value()
        self._transport.clear()
        if messages:
            _, order, words, _ = pickle.loads(messages[4:])
            assert order == "standing"
            health.believe(words[1])


def test_end_of_an_error_crosses_another_one() -> None:
    """One worker lets the retry time pass, another one has tried again by then: the first is told of that."""
    supervisor, one, other = Supervisor(), Health(), Health()
    one.fault(0, 60, "connection refused")
    supervisor.hear(one)
    other.believe(supervisor.health.standing)
    supervisor.reactor.advance(60.02)
    one.forgive()
    other.forgive()
    other.fault(60.01, 60, "connection refused again")
    supervisor.hear(other)
    supervisor.hear(one)
    assert supervisor.health.in_error(60.02)
    assert supervisor.health.reason == "connection refused again"
    supervisor.tell(one)
    assert one.standing == other.standing


def test_an_error_ends_before_its_time() -> None:
    """It answered a worker that had nobody else left (forcerecovery): all believe that."""
    supervisor, one, other = Supervisor(), Health(), Health()
    one.fault(0, 60, "connection refused")
    supervisor.hear(one)
    other.believe(supervisor.health.standing)
    supervisor.reactor.advance(5)
    other.forgive()
    supervisor.hear(other)
    assert not supervisor.health.in_error(5)
    one.believe(supervisor.health.standing)
    one.fault(6, 60, "connection refused again")
    supervisor.hear(one)
    assert supervisor.health.in_error(6)
