"""What comes often is said seldom: clients that take too much, and what comes and goes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from twisted.logger import ILogObserver, LogEvent, formatEvent, globalLogPublisher
from zope.interface import provider

from panolb.control.episodes import Episode
from panolb.control.excesses import Excesses
from panolb.control.refused import BURST, Refused
from panolb.control.seldom import MOST
from panolb.core.headers import Peer
from panolb.errors import BadRequest
from panolb.proxy.deadlines import Deadlines


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """What is logged meanwhile."""
    said: list[str] = []

    @provider(ILogObserver)
    def note(event: LogEvent) -> None:
        said.append(formatEvent(event))

    globalLogPublisher.addObserver(note)
    yield said
    globalLogPublisher.removeObserver(note)


def test_a_line_per_client_and_minute(lines: list[str]) -> None:
    """The next one says how often it was so meanwhile; another limit and another client have lines of their own."""
    now = [0.0]
    excesses = Excesses(lambda: now[0])
    for _ in range(100):
        excesses.note(b"192.0.2.1", "request_rate")
    excesses.note(b"192.0.2.1", "max_connections_per_client")
    excesses.note(b"192.0.2.2", "request_rate")
    assert len(lines) == 3
    now[0] = 60.0
    excesses.note(b"192.0.2.1", "request_rate")
    assert lines[3].startswith("client 192.0.2.1: sends more requests than request_rate")
    assert lines[3].endswith("(99 more since this was said last)")


def test_a_flood_of_addresses(lines: list[str]) -> None:
    """No more of them are remembered than a flood may cost."""
    excesses = Excesses(lambda: 0.0)
    for number in range(MOST + 1):
        excesses.note(b"%d" % number, "request_rate")
    excesses.note(b"0", "request_rate")  # forgotten
    excesses.note(b"%d" % MOST, "request_rate")
    assert len(lines) == MOST + 2


def test_an_episode() -> None:
    """What comes and goes quickly begins once, and is over when it has stayed away; its length is that of the trouble."""
    now = [100.0]
    deadlines = Deadlines(lambda: now[0])
    told: list[object] = []
    episode = Episode(deadlines, lambda: told.append("began"), told.append)
    for _ in range(20):
        episode.begin()
        now[0] += 0.25
        deadlines.tick()
        episode.end()
        now[0] += 0.25
        deadlines.tick()
    assert told == ["began"]
    now[0] += 3.0
    deadlines.tick()
    assert told == ["began", 9.75]
    episode.begin()
    assert told == ["began", 9.75, "began"]


def test_refusals_are_written_one_by_one_until_they_are_a_flood(lines: list[str]) -> None:
    """A client that sends nothing else gets a line a second, which says how many there were; others have theirs."""
    now = [0.0]
    refused = Refused(lambda: now[0])
    problem = BadRequest(400, "It is broken.")

    def send(address: bytes) -> None:
        refused.note(Peer(address, False, False, b"", 1, (b"", 0)), problem)

    for _ in range(BURST + 500):
        send(b"192.0.2.1")
    assert lines == ["client 192.0.2.1: refused with 400: It is broken."] * BURST
    send(b"192.0.2.2")
    now[0] = 1.0
    send(b"192.0.2.1")
    send(b"192.0.2.1")
    assert lines[BURST:] == [
        "client 192.0.2.2: refused with 400: It is broken. (500 more of clients that send many)",
        "client 192.0.2.1: refused with 400: It is broken.",
    ]
