"""The metrics, put together from what lives when Prometheus asks."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from itertools import chain

import attrs
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

import panolb
import twisted

from ...core.balancer import READY
from ...core.member import Admin, Member
from ..changes import Changes
from ..ledger import Ledger
from ..operations import Operations
from ..plant import Plant, Seat
from ..resources import Resources
from .counting import Counts, Tally
from .families import OF_MEMBER, counter, gauge, histogram
from .looplag import LoopLag

STATES = ("up", "drain", "error", "down", "disabled", "stopped")
BROKEN = {"unknown-route", "member-unusable", "redirect", "moved", "failover"}
"""Why a request that carried a route went to another member."""


@attrs.frozen(eq=False)
class House(Collector):
    """All that is asked, and the answers.

    :ivar lost: how many lines each access log has lost, by path.
    :ivar refused: how many requests were refused, by status; ``exceeded`` how often limits were, by their keys.
    """

    plant: Plant
    ledger: Ledger
    operations: Operations
    resources: Resources
    changes: Changes
    counts: Counts
    lag: LoopLag
    lost: Callable[[], Mapping[str, int]]
    refused: Mapping[int, int]
    exceeded: Mapping[str, int]

    def collect(self) -> Iterator[Metric]:
        """All metrics, as they are now."""
        self.operations.refresh()
        names = _names(self.plant)
        return chain(
            self._requests(names),
            self._members(names),
            self._connections(names),
            self._websockets(names),
            self._configuration(),
            self._process(),
        )

    # -- requests ---------------------------------------------------------------------------------------------------

    def _requests(self, names: Mapping[Member, str]) -> Iterator[Metric]:
        found = [
            ((balancer, "" if member is None else names[member]), tally)
            for balancer, member, tally in self.counts.tallies()
        ]
        yield counter(
            "requests",
            "Requests that are over, and WebSockets that were opened (1xx).",
            [
                ((*labels, group, method), count)
                for labels, tally in found
                for method, group, count in tally.by_request()
            ],
            (*OF_MEMBER, "code_class", "method"),
        )
        yield counter(
            "request_ends",
            "Requests and WebSockets that did not end well, by the word that the access log has for it.",
            [
                ((*labels, term), count)
                for labels, tally in found
                for term, count in sorted(tally.terms.items())
            ],
            (*OF_MEMBER, "term"),
        )
        yield counter(
            "retries",
            "Connections that were asked for beyond the first, for the same request.",
            [(labels, tally.retries) for labels, tally in found],
            OF_MEMBER,
        )
        yield histogram(
            "request_duration_seconds",
            "Time from the complete head of a request to the end of its answer; not of WebSockets.",
            [((name,), durations) for name, durations in self.counts.durations().items()],
            ("balancer",),
        )
        tallies = [(labels[0], tally) for labels, tally in found if labels[0]]
        yield from _pins(tallies)
        yield counter(
            "requests_refused",
            "Requests that were not passed on, because they break the rules.",
            [((str(status),), count) for status, count in sorted(self.refused.items())],
            ("status",),
        )
        yield counter(
            "limit_exceeded",
            "How often clients went beyond a limit.",
            [((limit,), count) for limit, count in self.exceeded.items()],
            ("limit",),
        )

    # -- members ----------------------------------------------------------------------------------------------------

    def _members(self, names: Mapping[Member, str]) -> Iterator[Metric]:
        seats = _labelled(self.plant, names)
        members = [(labels, seat.member) for labels, seat in seats]
        yield gauge(
            "member_up",
            "Whether a member serves its users: it is up, or drains.",
            [(labels, member.state in READY) for labels, member in members],
            OF_MEMBER,
        )
        yield gauge(
            "member_state",
            "1 for the state that a member is in, 0 for all others.",
            [((*labels, state), member.state == state) for labels, member in members for state in STATES],
            (*OF_MEMBER, "state"),
        )
        yield gauge(
            "member_busy",
            "Requests and WebSockets that are under way with a member.",
            [(labels, member.busy) for labels, member in members],
            OF_MEMBER,
        )
        yield gauge(
            "member_weight",
            "The share of new users that a member gets: its loadfactor.",
            [(labels, member.loadfactor / 100) for labels, member in members],
            OF_MEMBER,
        )
        yield gauge(
            "drain_remaining",
            "Requests and WebSockets that are left at a member that drains.",
            [(labels, member.busy) for labels, member in members if member.admin is Admin.DRAIN],
            OF_MEMBER,
        )
        yield counter(
            "member_chosen",
            "How often a member was chosen.",
            [(labels, member.elected) for labels, member in members],
            OF_MEMBER,
        )
        yield counter(
            "member_sent_bytes",
            "What was sent to a member. WebSockets count when they end.",
            [(labels, member.traffic_out) for labels, member in members],
            OF_MEMBER,
        )
        yield counter(
            "member_received_bytes",
            "What came from a member. WebSockets count when they end.",
            [(labels, member.traffic_in) for labels, member in members],
            OF_MEMBER,
        )
        yield counter(
            "health_checks",
            "Checks of a member.",
            [
                ((*labels, result), count)
                for labels, seat in seats
                if seat.checker is not None
                for result, count in (("pass", seat.checker.passed), ("fail", seat.checker.failed))
            ],
            (*OF_MEMBER, "result"),
        )

    def _connections(self, names: Mapping[Member, str]) -> Iterator[Metric]:
        seats = _labelled(self.plant, names)
        yield gauge(
            "member_connections",
            "Connections to a member: idle ones, and all others.",
            [
                ((*labels, state), count)
                for labels, seat in seats
                for state, count in (("idle", seat.pool.idle), ("busy", seat.pool.open - seat.pool.idle))
            ],
            (*OF_MEMBER, "state"),
        )
        yield gauge(
            "queue_length",
            "Requests that wait for one of a member's max_connections.",
            [(labels, seat.pool.waiting) for labels, seat in seats],
            OF_MEMBER,
        )
        held = self.resources.as_json()
        yield gauge(
            "open_connections",
            "Connections of clients.",
            [((name,), count) for name, count in held["clients"].items()],
            ("listener",),
        )
        yield gauge("exchanges", "Requests and WebSockets that are under way.", [((), held["exchanges"])])
        yield gauge(
            "accepting_paused",
            "Whether no connection is accepted for want of file descriptors.",
            [((), held["accepting_paused"])],
        )

    # -- WebSockets -------------------------------------------------------------------------------------------------

    def _websockets(self, names: Mapping[Member, str]) -> Iterator[Metric]:
        found = [(labels, seat.member) for labels, seat in _labelled(self.plant, names)]
        tallies = {member: self.ledger.tally(member) for _, member in found}
        yield gauge(
            "member_websockets",
            "Open WebSockets.",
            [(labels, tallies[member].websockets) for labels, member in found],
            OF_MEMBER,
        )
        yield gauge(
            "member_sessions",
            "Users' sessions that have at least one open WebSocket.",
            [(labels, tallies[member].sessions) for labels, member in found],
            OF_MEMBER,
        )
        for name, words in (("mean", "on average"), ("max", "at most")):
            yield gauge(
                f"websocket_round_trip_{name}_seconds",
                f"What the last pings to the sides of the open WebSockets took, {words}.",
                [
                    ((*labels, side), milliseconds / 1000)
                    for labels, member in found
                    for side, times in (
                        ("client", tallies[member].client_round_trip),
                        ("member", tallies[member].member_round_trip),
                    )
                    if (milliseconds := getattr(times, f"{name}_ms")) is not None
                ],
                (*OF_MEMBER, "side"),
            )
        flows = {member: self.ledger.flow(member) for _, member in found}
        yield gauge(
            "websocket_backlog_bytes",
            "What waits to be sent: in to the member, out to clients.",
            [
                ((*labels, direction), count)
                for labels, member in found
                for direction, count in zip(("in", "out"), flows[member].backlog, strict=True)
            ],
            (*OF_MEMBER, "direction"),
        )
        yield from self._counted_websockets(names, {member: flow.messages for member, flow in flows.items()})

    def _counted_websockets(
        self, names: Mapping[Member, str], messages: Mapping[Member, tuple[int, int]]
    ) -> Iterator[Metric]:
        over = [
            ((balancer, names[member]), member, tally)
            for balancer, member, tally in self.counts.tallies()
            if member is not None
        ]
        yield counter(
            "websocket_opened",
            "WebSockets that were opened.",
            [(labels, tally.opened) for labels, _, tally in over],
            OF_MEMBER,
        )
        yield counter(
            "websocket_closed",
            "WebSockets that have ended, by who ended them and the close code.",
            [
                ((*labels, initiator, code), count)
                for labels, _, tally in over
                for (initiator, code), count in sorted(tally.closed.items())
            ],
            (*OF_MEMBER, "initiator", "code"),
        )
        yield counter(
            "websocket_messages",
            "Messages: in from clients to the member, out the other way.",
            [
                ((*labels, direction), ended + still)
                for labels, member, tally in over
                for direction, ended, still in zip(
                    ("in", "out"), tally.messages, messages.get(member, (0, 0)), strict=True
                )
            ],
            (*OF_MEMBER, "direction"),
        )

    # -- the rest ---------------------------------------------------------------------------------------------------

    def _configuration(self) -> Iterator[Metric]:
        configuration = self.changes.configuration
        yield gauge(
            "config_generation",
            "Counts the configurations that have taken effect, changes of operators included.",
            [((), configuration.generation)],
        )
        yield gauge(
            "config_last_reload_success",
            "Whether the last reload was not refused; 1 before the first.",
            [((), not self.changes.problems)],
        )
        yield gauge(
            "config_last_reload_timestamp_seconds",
            "When the configuration in effect took effect, in seconds since 1970.",
            [((), configuration.loaded)],
        )
        yield counter(
            "config_reloads",
            "Reloads, by what came of them.",
            [((result,), count) for result, count in self.changes.reloads.items()],
            ("result",),
        )
        yield gauge(
            "config_overrides",
            "Changes of operators that hold beside the configuration file.",
            [((), len(list(configuration.overrides)))],
        )

    def _process(self) -> Iterator[Metric]:
        yield histogram(
            "loop_lag_seconds",
            "How late the event loop was, looked at ten times a second.",
            [((), self.lag.histogram)],
        )
        yield counter(
            "access_log_lost_lines",
            "Lines of access logs that could not be written.",
            [((path,), count) for path, count in self.lost().items()],
            ("path",),
        )
        yield gauge(
            "build_info",
            "1; the labels say what runs.",
            [((panolb.__version__, platform.python_version(), twisted.__version__), 1)],
            ("version", "python", "twisted"),
        )


def _pins(found: list[tuple[str, Tally]]) -> Iterator[Metric]:
    """What became of stickiness."""
    sources: Counter[tuple[str, str]] = Counter()
    broken: Counter[tuple[str, str]] = Counter()
    for balancer, tally in found:
        for source, reason, count in tally.by_pin():
            sources[balancer, source] += count
            if source != "none" and reason in BROKEN:
                broken[balancer, reason] += count
    yield counter(
        "pin_decisions",
        "Choices of a member, by where the request's route was found.",
        list(sources.items()),
        ("balancer", "source"),
    )
    yield counter(
        "pin_broken",
        "Requests that carried a route and went to another member, by why they did.",
        list(broken.items()),
        ("balancer", "reason"),
    )


def _labelled(plant: Plant, names: Mapping[Member, str]) -> list[tuple[tuple[str, str], Seat]]:
    """All members that are in the configuration, each behind the values of `OF_MEMBER`."""
    return [((seat.member.spec.balancer, names[seat.member]), seat) for seat in plant.seats.values()]


def _names(plant: Plant) -> dict[Member, str]:
    """What members are called; those that share a name are told apart by their addresses."""
    members = [seat.member for seat in plant.seats.values()]
    times = Counter(member.spec.name for member in members)
    return {
        member: member.spec.name if times[member.spec.name] == 1 else f"{member.spec.name} {member.spec.url}"
        for member in members
    }
