"""What several processes count on the scoreboard, as the sum that each of them has."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock

from panolb.config.overrides import Identity
from panolb.control.plant import Seat
from panolb.control.workers.scoreboard import FOLDED, MEMBERS, Places, Scoreboard, Slots, Table, make
from panolb.core.admission import Admission
from panolb.core.member import Member, MemberSpec
from panolb.core.policies import ByBusyness, ByRequests
from panolb.proxy.deadlines import Deadlines
from panolb.proxy.pool import Pool
from panolb.proxy.turn import Turn

WORKERS = 3
NAMES = ("1", "2")


@dataclass
class Process:
    """One worker's members, and its view of the scoreboard."""

    seats: dict[Identity, Seat]
    board: Scoreboard

    @property
    def members(self) -> list[Member]:
        return [seat.member for seat in self.seats.values()]


def identity(name: str) -> Identity:
    """That of a member."""
    return Identity("app", f"http://127.0.0.1:{name}", name)


def seat(name: str) -> Seat:
    """A member, as each process has one of its own."""
    clock = Clock()
    spec = MemberSpec(balancer="app", url=identity(name).url, host="127.0.0.1", port=1, route=name.encode())
    pool = Pool(clock, spec, Deadlines(clock.seconds), Turn(clock))
    return Seat(Member(spec, pool), pool)


def all_seats() -> dict[Identity, Seat]:
    """All members."""
    return {identity(name): seat(name) for name in NAMES}


def process(table: Table, row: int, seats: dict[Identity, Seat], slots: Slots) -> Process:
    """A process with these members."""
    clock = Clock()
    board = Scoreboard(table, row, clock, clock.seconds)
    board.become(seats, slots)
    return Process(seats, board)


def crew(table: Table) -> list[Process]:
    """All processes."""
    slots = Places(table).reserve(all_seats())
    return [process(table, 1 + index, all_seats(), slots) for index in range(WORKERS)]


@pytest.fixture
def table() -> Iterator[Table]:
    """Where they count."""
    descriptor = make(WORKERS)
    yield Table(descriptor)
    os.close(descriptor)


STEPS = st.lists(
    st.tuples(
        st.integers(0, WORKERS - 1),
        st.sampled_from(NAMES),
        st.sampled_from(("elected", "lbstatus", "traffic_in", "busy", "look")),
        st.integers(0, 1000),
    ),
    max_size=60,
)


@given(STEPS)
def test_nothing_that_was_counted_is_lost(steps: list[tuple[int, str, str, int]]) -> None:
    """Whoever counts what and looks when: in the end each process has the sum of all."""
    descriptor = make(WORKERS)
    workers = crew(Table(descriptor))
    sums: dict[tuple[str, str], int] = {}
    for index, name, what, amount in steps:
        worker = workers[index]
        if what == "look":
            worker.board.exchange()
            continue
        member = worker.seats[identity(name)].member
        setattr(member, what, getattr(member, what) + amount)
        sums[name, what] = sums.get((name, what), 0) + amount
    for _ in range(2):
        for worker in workers:
            worker.board.exchange()
    for worker in workers:
        for (name, what), amount in sums.items():
            member = worker.seats[identity(name)].member
            found = member.busy + member.elsewhere if what == "busy" else getattr(member, what)
            assert found == amount
    os.close(descriptor)


@given(st.lists(st.integers(0, WORKERS - 1), min_size=1, max_size=100))
def test_byrequests_is_as_fair_as_in_one_process(order: list[int]) -> None:
    """Whichever process gets the next request, members take turns."""
    descriptor = make(WORKERS)
    workers = crew(Table(descriptor))
    chosen: list[str] = []
    for index in order:
        workers[index].board.exchange()
        member = ByRequests().pick(workers[index].members)
        chosen.append(member.spec.name)
        workers[index].board.exchange()
    assert chosen == [f"app/{1 + number % 2}" for number in range(len(order))]
    os.close(descriptor)


def test_bybusyness_sees_what_is_under_way_elsewhere(table: Table) -> None:
    """A member that is busy for another process is passed over."""
    one, other, _ = crew(table)
    one.members[0].busy = 5
    one.board.exchange()
    other.board.exchange()
    assert ByBusyness().pick(other.members) is other.members[1]


def test_limit_of_a_member_holds_for_all(table: Table) -> None:
    """WebSockets of other processes count for its limit."""
    one, other, _ = crew(table)
    for worker in (one, other):
        worker.members[0].gate.configure(3, 0.0, 1)
    one.members[0].gate.open = 3
    one.board.exchange()
    assert other.members[0].gate.refusal(0.0) is None
    other.board.exchange()
    assert other.members[0].gate.refusal(0.0) is not None


def test_what_a_dead_process_had_counted_stays(table: Table) -> None:
    """But nothing is under way with it any more."""
    one, other, _ = crew(table)
    one.members[0].elected = 7
    one.members[0].busy = 2
    one.board.exchange()
    table.bury(1)
    other.board.exchange()
    assert (other.members[0].elected, other.members[0].elsewhere) == (7, 0)


def test_place_of_a_member_that_is_gone_is_used_last(table: Table) -> None:
    """And is empty then: what others still write there for a moment does not fall to somebody else at once."""
    places = Places(table)
    first = places.reserve({identity("1"): seat("1")})[identity("1")]
    table.cells[table.at(1, first)] = 5
    places.reserve({})
    places.clear()
    assert table.cells[table.at(1, first)] == 0
    seats = {identity(str(number)): seat("1") for number in range(MEMBERS - 1)}
    assert first not in places.reserve(seats).values()
    seats[identity("the last")] = seat("1")
    assert places.reserve(seats)[identity("the last")] == first
    assert "4096 members at most" in str(places.problem({identity("one too many")}))
    assert places.problem({identity("the last")}) is None


def test_what_is_under_way_with_a_member_that_leaves_is_known_until_it_is_over(table: Table) -> None:
    """Also beside one of the same address that has come in its place; and its place is nobody else's meanwhile."""
    places = Places(table)
    seats = all_seats()
    slots = places.reserve(seats)
    first = slots[identity("1")]
    supervisor = process(table, table.rows - 1, seats, slots)
    worker = process(table, 1, all_seats(), slots)
    leaving, here = supervisor.seats[identity("1")], worker.seats[identity("1")]
    here.member.busy = 2
    worker.board.exchange()
    supervisor.board.exchange()
    for one in (supervisor, worker):
        one.seats = {**one.seats, identity("1"): seat("1")}
    slots = places.reserve(supervisor.seats)
    places.clear()
    assert table.cells[table.at(1, first) + len(FOLDED)] == 2
    for one in (supervisor, worker):
        one.board.become(one.seats, slots)
    worker.seats[identity("1")].member.busy = 5
    here.member.busy = 1
    worker.board.exchange()
    supervisor.board.exchange()
    assert leaving.is_busy
    assert (leaving.member.elsewhere, supervisor.seats[identity("1")].member.elsewhere) == (1, 5)
    here.member.busy = 0
    worker.board.exchange()
    supervisor.board.exchange()
    assert not leaving.is_busy


def test_the_last_place_goes_to_one_only(table: Table) -> None:
    """Two processes that let somebody in at the same moment: the limit holds."""
    workers = crew(table)[:2]
    doors = [Admission(), Admission()]
    for worker, door in zip(workers, doors, strict=True):
        worker.members[0].gate.configure(1, 0.0, 1)
        door.shared = worker.board.exchange
    first, second = (worker.members[0].gate for worker in workers)

    def meanwhile() -> None:
        """The other one has looked when there was nobody, and is let in between our two looks."""
        workers[0].board.exchange()
        if first.open == 1:
            second.open = 1
            workers[1].board.exchange()
            workers[0].board.exchange()

    doors[0].shared = meanwhile
    refusal = doors[0].admit(b"192.0.2.1", first, 0.0)
    assert refusal is not None
    assert refusal.term == "member-full"
    assert (first.open, doors[0].open, second.open) == (0, 0, 1)
