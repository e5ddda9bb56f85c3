"""The scoreboard: what all processes count of each member, in memory that they share.

Each process has a row and writes nowhere else, so that nothing has to be locked and no count is ever lost; what counts
is the sum of a column.  Sums that only grow, and the method's own count, are *folded*: each process adds to its own
number what the others have counted since it looked last, and so has the sum.  What goes up and down with what is under
way is kept apart as `Member.elsewhere`, since this process has to know what is its own.

Reading and writing a number of 8 bytes that is aligned happens at once on every processor that Linux runs on with 64 bits.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from ...config.overrides import Identity
from ..plant import Seat

FOLDED: Final = ("elected", "lbstatus", "traffic_out", "traffic_in")
UNDER_WAY: Final = ("busy", "websockets", "connections")
CELLS: Final = 8  # of a member in a row: one cache line, seven of them used
SIZE: Final = 8  # bytes of a number
MEMBERS: Final = 4096  # that can have places at a time
FRESH: Final = 0.001  # seconds for which what was read is new enough to choose a member by

Slots = Mapping[Identity, int]


HEIR: Final = 0
"""The row of those processes that have ended; 1 and so on are the workers', and the last one is the supervisor's."""


def make(workers: int) -> int:
    """Memory to be shared by so many workers and their supervisor, all zero.

    :returns: a file descriptor.
    """
    size = (workers + 2) * MEMBERS * CELLS * SIZE
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("panolb-scoreboard")
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.truncate(descriptor, size)  # its pages take no memory until something is written there
    return descriptor


class Table:
    """The numbers of all processes.

    :param descriptor: see `make`.
    """

    def __init__(self, descriptor: int) -> None:
        self._map = mmap.mmap(descriptor, 0)
        self.cells = memoryview(self._map).cast("q")
        self.rows = len(self.cells) // (MEMBERS * CELLS)

    def at(self, row: int, slot: int) -> int:
        """The index of the first number of a member in a row."""
        return (row * MEMBERS + slot) * CELLS

    def clear(self, slot: int) -> None:
        """Forget a member that is gone everywhere."""
        for row in range(self.rows):
            at = self.at(row, slot)
            for cell in range(at, at + CELLS):
                self.cells[cell] = 0

    def bury(self, row: int) -> None:
        """A process has ended: what it had counted stays, what was under way with it is over."""
        for slot in range(MEMBERS):
            at, to = self.at(row, slot), self.at(HEIR, slot)
            for cell in range(CELLS):
                if self.cells[at + cell]:
                    if cell < len(FOLDED):
                        self.cells[to + cell] += self.cells[at + cell]
                    self.cells[at + cell] = 0


class Share:
    """What this process has counted of one member, and what it knows of the others."""

    __slots__ = ("_at", "_known", "_others", "_table", "seat", "slot")

    def __init__(self, table: Table, row: int, slot: int, seat: Seat) -> None:
        self._table = table
        self.seat = seat
        self.slot = slot
        self._at = table.at(row, slot)
        self._others = [table.at(other, slot) for other in range(table.rows) if other != row]
        self._known = [0] * len(FOLDED)  # how much of each sum is the others'

    def exchange(self) -> None:
        """Write down what is ours, and read what is not."""
        cells, at, member = self._table.cells, self._at, self.seat.member
        for index, name in enumerate(FOLDED):
            known, theirs = self._known[index], 0
            for other in self._others:
                theirs += cells[other + index]
            mine = getattr(member, name) - known
            if cells[at + index] != mine:
                cells[at + index] = mine
            if theirs != known:
                self._known[index] = theirs
                setattr(member, name, mine + theirs)
        self.exchange_under_way()

    def exchange_under_way(self) -> None:
        """Do so with what goes up and down, which is all that anybody asks of a member that is leaving."""
        cells, member, pool = self._table.cells, self.seat.member, self.seat.pool
        first = self._at + len(FOLDED)
        for index, mine in enumerate((member.busy, member.gate.open, pool.open), first):
            if cells[index] != mine:
                cells[index] = mine
        busy = websockets = connections = 0
        for other in self._others:
            busy += cells[other + len(FOLDED)]
            websockets += cells[other + len(FOLDED) + 1]
            connections += cells[other + len(FOLDED) + 2]
        member.elsewhere = busy
        member.gate.elsewhere = websockets
        if pool.elsewhere != connections:
            pool.elsewhere = connections
            pool.look_for_room()

    def forget(self) -> None:
        """The place is somebody else's: what the others write there is no number of this member any more."""
        self.seat.member.elsewhere = 0
        self.seat.member.gate.elsewhere = 0
        self.seat.pool.elsewhere = 0


class Scoreboard:
    """This process's view of it.

    :param row: that of this process.
    :param reactor: an IReactorTime.
    :param clock: reads a monotonic clock in seconds.
    """

    def __init__(self, table: Table, row: int, reactor: Any, clock: Callable[[], float]) -> None:
        self._reactor = reactor
        self._due: Any = None  # when what was chosen is written down
        self.table = table
        self._row = row
        self._clock = clock
        self._shares: dict[Identity, Share] = {}
        self._leaving: list[Share] = []  # of members with something under way, here or elsewhere
        self._read = 0.0  # clock reading of the last look

    def become(self, seats: Mapping[Identity, Seat], slots: Slots) -> None:
        """Share the numbers of these members from now on."""
        former, self._shares = self._shares, {}
        for identity, seat in seats.items():
            share = former.get(identity)
            if share is not None and share.seat is seat and share.slot == slots[identity]:
                self._shares[identity] = former.pop(identity)
            else:
                self._shares[identity] = Share(self.table, self._row, slots[identity], seat)
        leaving, taken = [*self._leaving, *former.values()], frozenset(slots.values())
        self._leaving = [share for share in leaving if share.slot not in taken]
        for share in leaving:
            if share.slot in taken:
                share.forget()
        self.exchange()

    def look(self) -> None:
        """Have numbers by which a member can be chosen; called for every choice.

        What comes of the choice the others can read soon after, however many choices there are.
        """
        now = self._clock()
        if now - self._read >= FRESH:
            self._read = now
            self.exchange()
        if self._due is None:
            self._due = self._reactor.callLater(FRESH, self._write)

    def _write(self) -> None:
        self._due = None
        self.exchange()

    def exchange(self) -> None:
        """Write down what is ours, and read what is not."""
        for share in self._shares.values():
            share.exchange()
        if self._leaving:
            for share in self._leaving:
                share.exchange_under_way()
            self._leaving = [share for share in self._leaving if share.seat.is_busy]


class Places:
    """Who has which place, as the supervisor gives them out."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._given: dict[Identity, tuple[int, Seat]] = {}
        self._leaving: list[tuple[int, Seat]] = []
        self._free = list(range(MEMBERS - 1, -1, -1))

    def problem(self, identities: Collection[Identity]) -> str | None:
        """Why there are no places for these members; ``None`` when there are."""
        new = sum(identity not in self._given for identity in identities)
        if new <= len(self._free):
            return None
        return f"workers can share {MEMBERS} members at most, those included that are just leaving; write workers = 1"

    def reserve(self, seats: Mapping[Identity, Seat]) -> Slots:
        """Places for these members, for which there are enough; whoever has one keeps it."""
        for identity, (slot, seat) in tuple(self._given.items()):
            if seats.get(identity) is not seat:
                self._leaving.append((slot, seat))
                del self._given[identity]
        for identity, seat in seats.items():
            if identity not in self._given:
                self._given[identity] = self._free.pop(), seat
        return {identity: slot for identity, (slot, _) in self._given.items()}

    def clear(self) -> None:
        """All processes know who is leaving: free the places of those that nothing is under way with any more."""
        leaving, self._leaving = self._leaving, []
        for slot, seat in leaving:
            if seat.is_busy:
                self._leaving.append((slot, seat))
            else:
                self._table.clear(slot)
                self._free.insert(0, slot)  # the last to be used again
