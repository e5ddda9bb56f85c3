"""Who gets a member's next connection, and what an error of ours costs there."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import MemoryReactorClock, StringTransportWithDisconnection
from twisted.logger import ILogObserver, LogEvent, capturedLogs, globalLogPublisher
from twisted.python.failure import Failure
from zope.interface import provider

from panolb.core.headers import Answer, understand_answer
from panolb.proxy.deadlines import Deadlines
from panolb.proxy.pool import Pool
from panolb.proxy.turn import Turn
from panolb.proxy.upstream import Upstream
from tests.core.building import spec

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Wish:
    """An exchange, as far as a pool and its connections know one.

    :ivar told: what it was told, in order.
    :ivar breaks: what it raises at.
    """

    owed = False
    sending = False

    def __init__(self, name: str, bound: bool = False, breaks: str = "") -> None:
        self.request_id = name
        self.bound = bound
        self.breaks = breaks
        self.told: list[str] = []
        self.link: Upstream | None = None
        self.queued = self.connecting = 0.0

    def _hear(self, what: str) -> None:
        self.told.append(what)
        if self.breaks == what.partition(":")[0]:
            raise RuntimeError(f"{self.request_id} breaks")

    def connected(self, link: Upstream) -> None:
        self.link = link
        self._hear("connected")
        link.begin(b"GET / HTTP/1.1\r\n\r\n", b"GET")

    def connect_failed(self, reason: str) -> None:
        self._hear(f"connect_failed: {reason}")

    def no_capacity(self) -> None:
        self._hear("no_capacity")

    def not_served(self, term: str) -> None:
        self._hear(term)

    def response_head(self, status: int, phrase: bytes, fields: list[bytes], http11: bool) -> Answer:
        self._hear("response_head")
        return understand_answer(fields, http11)

    def response_data(self, data: bytes) -> None:
        self._hear("response_data")

    def response_end(self) -> None:
        self._hear("response_end")

    def link_lost(self, reason: str, begun: bool) -> None:
        self._hear("link_lost")

    def link_timeout(self) -> None:
        self._hear("link_timeout")
        assert self.link is not None
        self.link.abort()

    def failed_here(self) -> None:
        self.told.append("failed_here")


class Transport(StringTransportWithDisconnection):
    """A connection to a member that goes nowhere."""

    def __init__(self, link: Upstream) -> None:
        super().__init__()
        self.protocol = link

    def setTcpNoDelay(self, enabled: bool) -> None:
        """There is nothing to delay."""


class House:
    """A pool in a reactor that does what the test says."""

    def __init__(self, **changes: Any) -> None:
        self.reactor = MemoryReactorClock()
        self.deadlines = Deadlines(self.reactor.seconds)
        known = {"host": "127.0.0.1", "max_connections": 1, "queue": 3, "queue_timeout": 5.0}
        self.pool = Pool(self.reactor, spec("1", **known | changes), self.deadlines, Turn(self.reactor))

    def ask(self, name: str, **options: Any) -> Wish:
        """A request comes."""
        wish = Wish(name, **options)
        self.pool.connect(wish, False)  # type: ignore[arg-type]
        return wish

    def connect(self) -> Upstream:
        """The newest attempt to connect succeeds."""
        factory: Any = self.reactor.tcpClients[-1][2]
        link: Upstream = factory.buildProtocol(None)
        link.makeConnection(Transport(link))
        return link

    def serve(self, link: Upstream) -> None:
        """The member answers."""
        link.dataReceived(OK)


def test_its_own_users_come_first() -> None:
    """Then the others, each in the order in which they came."""
    house = House()
    house.ask("first")
    wishes = [house.ask(name, bound=name.isupper()) for name in ("a", "b", "X")]
    link = house.connect()
    assert house.pool.waiting == 3
    served = []
    for _ in wishes:
        house.serve(link)
        served += [wish.request_id for wish in wishes if wish.told == ["connected"]]
    assert served == ["X", "a", "b"]
    assert house.pool.waiting == 0
    house.serve(link)
    assert (house.pool.open, house.pool.idle) == (1, 1)


def test_a_full_queue() -> None:
    """Users of the member turn out the new one who came last; when only they wait, nobody else gets in."""
    house = House()
    house.ask("first")
    a, b = house.ask("a"), house.ask("b")
    house.ask("X", bound=True)
    c = house.ask("c")
    assert (c.told, house.pool.waiting) == (["queue-full"], 3)
    house.ask("Y", bound=True)
    assert (a.told, b.told, house.pool.waiting) == ([], ["queue-full"], 3)
    house.ask("Z", bound=True)
    assert a.told == ["queue-full"]
    for bound in (False, True):
        assert house.ask("late", bound=bound).told == ["queue-full"]
    assert house.pool.waiting == 3


@pytest.mark.parametrize(("changes", "patience"), [({}, 5.0), ({"acquire": 0.5}, 0.5)])
def test_nobody_waits_for_long(changes: dict[str, Any], patience: float) -> None:
    """Each as long as anybody, with one timer for all, which ends with the queue."""
    house = House(**changes)
    house.ask("first")
    a = house.ask("a")
    house.reactor.advance(patience / 2)
    b = house.ask("b", bound=True)
    assert len(house.reactor.getDelayedCalls()) == 1
    house.reactor.advance(patience / 2)
    assert (a.told, b.told) == (["queue-timeout"], [])
    house.reactor.advance(patience / 2)
    assert b.told == ["queue-timeout"]
    c = house.ask("c")
    house.pool.cancel(c)  # type: ignore[arg-type]
    assert house.pool.waiting == 0
    assert not house.reactor.getDelayedCalls()


def test_thousands_leave() -> None:
    """In any order, at no more than a moment for each."""
    house = House(queue=20_000)
    house.ask("first")
    wishes = [house.ask(str(number), bound=number % 2 == 0) for number in range(20_000)]
    for wish in reversed(wishes):
        house.pool.cancel(wish)  # type: ignore[arg-type]
    assert house.pool.waiting == 0


def test_a_shortage_is_told_once_a_minute() -> None:
    """It meets every request, and none of them is the member's fault."""
    house = House(max_connections=None)
    with capturedLogs() as events:
        for _ in range(3):
            wish = house.ask("a")
            factory: Any = house.reactor.tcpClients[-1][2]
            factory.clientConnectionFailed(None, Failure(OSError(errno.EMFILE, "too many open files")))
            assert wish.told == ["no_capacity"]
            house.reactor.advance(30.0)
    assert len(events) == 2


# -- errors of ours ------------------------------------------------------------------------------------------------------


@pytest.fixture
def logged() -> Iterator[list[LogEvent]]:
    """What is written down with a traceback."""
    events: list[LogEvent] = []

    @provider(ILogObserver)
    def keep(event: LogEvent) -> None:
        if "log_failure" in event:
            events.append(event)

    globalLogPublisher.addObserver(keep)
    yield events
    globalLogPublisher.removeObserver(keep)


def late(house: House, link: Upstream) -> None:
    """The member says nothing."""
    house.reactor.advance(301.0)
    house.deadlines.tick()


@pytest.mark.parametrize(
    ("breaks", "doing"),
    [
        ("connected", lambda house, link: None),
        ("response_head", lambda house, link: house.serve(link)),
        ("response_data", lambda house, link: house.serve(link)),
        ("response_end", lambda house, link: house.serve(link)),
        ("link_lost", lambda house, link: link.connectionLost(Failure(ConnectionDone()))),
        ("link_timeout", late),
    ],
)
def test_an_error_of_ours(
    logged: list[LogEvent], breaks: str, doing: Callable[[House, Upstream], None]
) -> None:
    """It is logged once, with the request's id; that exchange and its connection end, and nobody else hears of it."""
    house = House(queue_timeout=1000.0)
    wish = house.ask("1-abc", breaks=breaks)
    other = house.ask("other")
    link = house.connect()
    doing(house, link)
    assert wish.told[-1] == "failed_here"
    assert wish.told.count("failed_here") == 1
    assert len(logged) == 1
    assert "1-abc" in logged[0]["whose"]
    assert isinstance(logged[0]["log_failure"].value, RuntimeError)
    assert house.pool.idle == 0
    assert link.exchange is None
    assert other.told == []
    house.serve(house.connect())
    assert other.told[-1] == "response_end"


def test_an_error_after_a_failed_connect(logged: list[LogEvent]) -> None:
    """The same when there was no connection yet; and the next one in the queue has its chance."""
    house = House()
    wish = house.ask("1-abc", breaks="connect_failed")
    other = house.ask("other")
    factory: Any = house.reactor.tcpClients[-1][2]
    factory.clientConnectionFailed(None, Failure(OSError("no way")))
    assert wish.told[-1] == "failed_here"
    assert len(logged) == 1
    house.serve(house.connect())
    assert other.told[-1] == "response_end"
