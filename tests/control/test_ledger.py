"""The ledger: what it says of WebSockets, in what order, and how little it keeps of them."""

from __future__ import annotations

import gc
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panolb.control.ledger import Ledger
from panolb.core.headers import Peer
from panolb.core.member import Member
from tests.core.building import ask
from tests.core.script import HANDSHAKE, SWITCH, Script

WALL = 1_700_000_000.0  # what the clock on the wall says when the other one says 1000
MAX_OWN = 300  # bytes; of the 8 KiB that an idle WebSocket may cost


class Desk:
    """A ledger and the WebSockets that it was told of, all of one balancer."""

    def __init__(self, session_cookie: str | None = "JSESSIONID", **changes: Any) -> None:
        self.now = 1000.0
        self.ledger = Ledger(
            lambda: self.now, lambda: WALL + self.now - 1000.0, {"b": session_cookie}, **changes
        )

    def open(
        self,
        cookies: bytes = b"",
        client: bytes = b"192.0.2.7",
        target: bytes = b"/panopticon/live",
        **place: Any,
    ) -> Script:
        """A WebSocket; each has a balancer object of its own, and so a member object of its own."""
        lines = [*HANDSHAKE, *([b"Cookie: " + cookies] if cookies else [])]
        script = Script(
            ask(*lines, target=target),
            peer=Peer(client, False, False, b"lb"),
            place={"opened": self.ledger.opened, **place},
        )
        script.now = self.now
        script.exchange.started = self.now
        script.begun()
        script.head(101, *SWITCH)
        assert script.link is not None
        script.exchange.switched(script.link, b"")
        return script

    def end(self, script: Script, received: int = 0, sent: int = 0) -> None:
        """Its client closes it."""
        script.now = self.now
        script.end_tunnel(received, sent)
        self.ledger.finished(script.exchange)

    def session_of(self, cookies: bytes, client: bytes = b"192.0.2.7") -> str:
        """The id of the session of a new WebSocket."""
        script = self.open(cookies, client)
        (record,) = [one for one in self.ledger.records()[1] if one.id == script.exchange.request_id]
        self.end(script)
        return record.session


def member_of(script: Script) -> Member:
    """The member that has a WebSocket."""
    decision = script.exchange.decision
    assert decision is not None
    return decision.member


def test_record_of_an_open_one() -> None:
    """Every number has its place, and ``in`` is towards the member."""
    desk = Desk()
    script = desk.open(b"JSESSIONID=secret.1", target=b"/panopticon/a%20b?token=secret")
    tunnel = script.exchange.tunnel
    assert tunnel is not None
    desk.now = script.now = 1060.0
    tunnel.client.pinged, tunnel.member.pinged = 1050.0, 1055.0
    tunnel.ponged(tunnel.client, 1050.25)
    tunnel.ponged(tunnel.member, 1055.0005)
    tunnel.heard(tunnel.client, 1040.0)
    client, member = script.client_end, script.member_end
    client.messages, client.octets, client.backlog = 1, 10, 100
    member.messages, member.octets, member.backlog = 2, 20, 200
    (record,) = desk.ledger.records()[1]
    shown = record.as_json()
    assert len(shown.pop("session")) == 12
    assert shown == {
        "id": script.exchange.request_id,
        "balancer": "b",
        "member": "b/1",
        "route": "1",
        "client": "192.0.2.7",
        "path": "/panopticon/a%20b",
        "since": WALL,
        "open_seconds": 60.0,
        "idle_seconds": 20.0,
        "messages_in": 1,
        "messages_out": 2,
        "bytes_in": 10,
        "bytes_out": 20,
        "backlog_in_bytes": 200,
        "backlog_out_bytes": 100,
        "client_round_trip_ms": 250.0,
        "member_round_trip_ms": 0.5,
        "lane": "splice",
        "term": "",
        "closed_by": "",
        "code": None,
    }
    assert "secret" not in repr(record)


def test_record_of_one_that_ended() -> None:
    """It moves from one list to the other, with its last numbers and how it ended."""
    desk = Desk()
    script = desk.open()
    desk.now = 1007.0
    desk.end(script, 3, 4)
    desk.now = 1100.0
    assert len(desk.ledger) == 0
    assert desk.ledger.records() == (0, [])
    total, (record,) = desk.ledger.ended()
    assert total == 1
    assert (record.open_seconds, record.idle_seconds, record.bytes_in, record.bytes_out) == (7.0, 7.0, 3, 4)
    assert record.since == WALL
    assert (record.term, record.closed_by, record.code) == ("closed-by-client", "client", 1000)


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        (b"/panopticon/a;jsessionid=SECRET/b;x=1", "/panopticon/a/b"),
        (b'/panopticon/"<script>\xff', '/panopticon/\\"<script>\\xff'),
        (b"/panopticon" + b"a" * 5000, "/panopticon" + "a" * 186 + "..."),
    ],
)
def test_path_is_harmless(path: bytes, shown: str) -> None:
    """No session ids, nothing that a terminal would act upon, nothing endless."""
    desk = Desk()
    desk.open(target=path)
    assert desk.ledger.records()[1][0].path == shown


def test_sessions() -> None:
    """Told apart by the cookie that the balancer names; never by anything that gives the cookie away."""
    desk = Desk()
    first = desk.session_of(b"JSESSIONID=abc.1; ROUTEID=.1")
    assert first == desk.session_of(b"theme=dark; JSESSIONID=abc.1", b"192.0.2.8")
    assert first != desk.session_of(b"JSESSIONID=abd.1")
    assert first != desk.session_of(b"XJSESSIONID=abc.1")
    assert first != Desk().session_of(b"JSESSIONID=abc.1"), "the key is of this run"
    assert Desk(key=b"k").session_of(b"JSESSIONID=abc.1") == Desk(key=b"k").session_of(b"JSESSIONID=abc.1")


@pytest.mark.parametrize("cookies", [b"", b"ROUTEID=.1", b"JSESSIONID=", b"JSESSIONID"])
def test_who_has_no_session_is_known_by_the_address(cookies: bytes) -> None:
    """So it is where the balancer names no cookie; and nobody is taken for an address by a cookie of that value."""
    desk = Desk()
    stand_in = desk.session_of(cookies, b"192.0.2.7")
    assert stand_in == desk.session_of(b"", b"192.0.2.7")
    assert stand_in != desk.session_of(b"", b"192.0.2.8")
    assert stand_in != desk.session_of(b"JSESSIONID=192.0.2.7")
    none = Desk(None)
    assert none.session_of(b"JSESSIONID=a") == none.session_of(b"JSESSIONID=b")


def test_another_cookie_can_be_named() -> None:
    """By a reload: what is open is told apart by it too, and nothing is if the name stays."""
    desk = Desk()
    scripts = [desk.open(b"JSESSIONID=%d; USER=a" % number) for number in range(2)]
    before = {record.session for record in desk.ledger.records()[1]}
    assert desk.ledger.configure({"b": "JSESSIONID", "other": None}) == set()
    assert {record.session for record in desk.ledger.records()[1]} == before and len(before) == 2
    assert desk.ledger.configure({"b": "USER"}) == {"b"}
    (after,) = {record.session for record in desk.ledger.records()[1]}
    assert after == desk.session_of(b"USER=a") and after not in before
    assert desk.ledger.configure({}) == {"b"}
    assert {record.session for record in desk.ledger.records()[1]} == {desk.session_of(b"")}
    for script in scripts:
        desk.end(script)


def test_lists_can_be_narrowed_and_paged() -> None:
    """By member, by session, and a few at a time; the longest open first, the latest ended first."""
    desk = Desk()
    scripts = [desk.open(b"JSESSIONID=%d" % (number % 2)) for number in range(5)]
    ids = [script.exchange.request_id for script in scripts]
    total, records = desk.ledger.records()
    assert (total, [record.id for record in records]) == (5, ids)
    total, records = desk.ledger.records(session=records[0].session, offset=1, limit=1)
    assert (total, [record.id for record in records]) == (3, [ids[2]])
    assert desk.ledger.records(member="b/2") == (0, [])
    assert desk.ledger.records(member="b/1", offset=7) == (5, [])
    for script in scripts:
        desk.end(script)
    total, ended = desk.ledger.ended(member="b/1", limit=2)
    assert (total, [record.id for record in ended]) == (5, [ids[4], ids[3]])
    total, ended = desk.ledger.ended(session=ended[0].session)
    assert (total, [record.id for record in ended]) == (3, [ids[4], ids[2], ids[0]])


def test_only_the_last_ones_that_ended_are_kept() -> None:
    """However many come and go."""
    desk = Desk(kept=3)
    ids = []
    for _ in range(5):
        script = desk.open()
        ids.append(script.exchange.request_id)
        desk.end(script)
    total, records = desk.ledger.ended()
    assert (total, [record.id for record in records]) == (3, ids[:1:-1])


@given(st.lists(st.floats(0, 1000), max_size=8))
def test_longest_idle_first(idle: list[float]) -> None:
    """The order in which they are closed: those that are missed least."""
    desk = Desk()
    scripts = [desk.open() for _ in idle]
    for script, seconds in zip(scripts, idle, strict=True):
        assert script.exchange.tunnel is not None
        script.exchange.tunnel.last_message = desk.now - seconds
    quiet = [
        desk.now - exchange.tunnel.last_message for exchange in desk.ledger.exchanges() if exchange.tunnel
    ]
    assert quiet == sorted(quiet, reverse=True)
    assert len(quiet) == len(idle) == len(desk.ledger)
    for script in scripts:
        assert desk.ledger.of_member(member_of(script)) == [script.exchange]


def test_tally() -> None:
    """Counted by member, with sessions told apart and the round trips of the last pings."""
    desk = Desk()
    script = desk.open(b"JSESSIONID=a")
    member = member_of(script)
    tunnel = script.exchange.tunnel
    assert tunnel is not None
    tally = desk.ledger.tally(member)
    assert (tally.websockets, tally.sessions) == (1, 1)
    assert tally.client_round_trip == tally.member_round_trip == (None, None)
    tunnel.client.round_trip = 0.5
    assert desk.ledger.tally(member).client_round_trip == (500.0, 500.0)
    desk.end(script)
    assert desk.ledger.tally(member)[:2] == (0, 0)


def test_other_exchanges_are_none_of_its_business() -> None:
    """A refused handshake, and one that was never opened here."""
    desk = Desk()
    script = Script(ask(*HANDSHAKE)).begun()
    script.head(403, b"Content-Length: 0")
    script.exchange.response_end()
    desk.ledger.finished(script.exchange)
    unheard = desk.open(opened=None)
    unheard.end_tunnel(1, 1)
    desk.ledger.finished(unheard.exchange)
    desk.ledger.finished(unheard.exchange)
    assert desk.ledger.ended() == (0, [])
    assert len(desk.ledger) == 0


def test_memory_of_an_open_one() -> None:
    """It keeps an entry and a number of each, and nothing after the end but the last records."""
    desk = Desk(kept=10)
    number = 1000
    scripts = [desk.open(b"JSESSIONID=%d" % n, opened=None) for n in range(number)]
    decision = scripts[0].exchange.decision
    for script in scripts:
        script.exchange.decision = decision  # all of one member
    gc.collect()
    tracemalloc.start()
    for script in scripts:
        desk.ledger.opened(script.exchange)
    gc.collect()
    kept = tracemalloc.get_traced_memory()[0]
    assert len(desk.ledger) == number
    tracemalloc.stop()
    assert kept / number < MAX_OWN
    for script in scripts:
        desk.end(script)
    assert desk.ledger._open == {}
    assert len(desk.ledger._ended) == 10
