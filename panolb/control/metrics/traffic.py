"""What a process that serves users has counted, and holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs

from ..ledger import Ledger
from ..plant import Plant
from ..resources import Resources
from . import families, process
from .blame import BLAME
from .counting import Counts, Tally
from .looplag import LoopLag
from .naming import labelled, names_of
from .sheet import Export, Sheet

BROKEN = frozenset({"unknown-route", "member-unusable", "redirect", "moved", "failover"})
"""Why a request that carried a route went to another member."""


@attrs.frozen(eq=False)
class Traffic:
    """All that is asked in each of these processes.

    :ivar lost: how many lines each access log has lost, by path.
    :ivar refused: how many requests were refused, by status; ``exceeded`` how often limits were, by their keys.
    :ivar started: when the process began, in seconds since 1970.
    :ivar worker: what the process is called among those that share its work.
    :ivar unopened: how many connections ended before a request could be read, by what failed.
    """

    plant: Plant
    ledger: Ledger
    resources: Resources
    counts: Counts
    lag: LoopLag
    lost: Callable[[], Mapping[str, int]]
    refused: Mapping[int, int]
    exceeded: Mapping[str, int]
    started: float
    worker: str = "main"
    unopened: Mapping[str, int] = attrs.field(factory=dict)

    def export(self) -> Export:
        """All of it, as it is now."""
        sheet = Sheet()
        self._requests(sheet)
        self._connections(sheet)
        self._websockets(sheet)
        self._process(sheet)
        return sheet.numbers

    def of_process(self) -> Export:
        """What there is of it in a process that serves nobody."""
        sheet = Sheet()
        self._process(sheet)
        return sheet.numbers

    def _requests(self, sheet: Sheet) -> None:
        names = names_of(self.plant)
        for balancer, member, tally in self.counts.tallies():
            labels = balancer, "" if member is None else names[member]
            for method, group, count in tally.by_request():
                sheet.add(families.REQUESTS, count, *labels, group, method)
            for term, count in tally.terms.items():
                sheet.add(families.REQUEST_ENDS, count, *labels, term, BLAME.get(term, "panolb"))
            for reason, count in tally.retries.items():
                sheet.add(families.RETRIES, count, *labels, reason)
            if balancer:
                _pins(sheet, balancer, tally)
        for name, durations in self.counts.durations().items():
            sheet.add_histogram(families.REQUEST_DURATION, durations, name)
        sheet.add_histogram(families.OVERHEAD, self.counts.overhead)
        for status, count in self.refused.items():
            sheet.add(families.REQUESTS_REFUSED, count, str(status))
        for limit, count in self.exceeded.items():
            sheet.add(families.LIMIT_EXCEEDED, count, limit)

    def _connections(self, sheet: Sheet) -> None:
        for labels, seat in labelled(self.plant):
            pool = seat.pool
            sheet.add(families.MEMBER_CONNECTIONS, pool.idle, *labels, "idle")
            sheet.add(families.MEMBER_CONNECTIONS, pool.open - pool.idle, *labels, "busy")
            sheet.add(families.QUEUE_LENGTH, pool.waiting, *labels)
            if pool.spec.max_connections is not None:
                sheet.add_histogram(families.QUEUE_SECONDS, pool.waits, *labels)
            sheet.add_histogram(families.UPSTREAM_CONNECT, pool.connects, *labels)
        for name, count in self.resources.listening.clients.items():
            sheet.add(families.OPEN_CONNECTIONS, count, name)
        for reason, count in self.unopened.items():
            sheet.add(families.UNOPENED, count, reason)
        sheet.add(families.EXCHANGES, self.plant.exchanges)
        sheet.add(families.ACCEPTING_PAUSED, int(self.resources.descriptors.short))

    def _websockets(self, sheet: Sheet) -> None:
        for labels, seat in labelled(self.plant):
            sessions = self.ledger.sessions_of(seat.member)
            sheet.add(families.MEMBER_WEBSOCKETS, len(sessions), *labels)
            sheet.add(families.MEMBER_SESSIONS, frozenset(sessions), *labels)
        names = names_of(self.plant)
        for balancer, one, tally in self.counts.tallies():
            if one is None:
                continue
            labels = balancer, names[one]
            if tally.opened:
                sheet.add_histogram(families.ROUND_TRIPS, one.client_round_trips, *labels, "client")
                sheet.add_histogram(families.ROUND_TRIPS, one.member_round_trips, *labels, "member")
            sheet.add(families.WEBSOCKET_OPENED, tally.opened, *labels)
            for ended, count in tally.closed.items():
                sheet.add(families.WEBSOCKET_CLOSED, count, *labels, *ended)
            for at, direction in enumerate(("in", "out")):
                sheet.add(families.WEBSOCKET_MESSAGES, tally.messages[at], *labels, direction)
                sheet.add(families.BACKLOG, tally.backlog[at], *labels, direction)

    def _process(self, sheet: Sheet) -> None:
        sheet.add_histogram(families.LOOP_LAG, self.lag.histogram, self.worker)
        for path, count in self.lost().items():
            sheet.add(families.LOST_LINES, count, path)
        sheet.add(families.START_TIME, self.started, self.worker)
        for family, value in process.figures():
            sheet.add(family, value, self.worker)


def _pins(sheet: Sheet, balancer: str, tally: Tally) -> None:
    """What became of stickiness."""
    for source, reason, count in tally.by_pin():
        sheet.add(families.PIN_DECISIONS, count, balancer, source)
        if source != "none" and reason in BROKEN:
            sheet.add(families.PIN_BROKEN, count, balancer, reason)
