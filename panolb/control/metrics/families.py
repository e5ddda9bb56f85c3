"""What the metrics are called, and what they mean; ``docs/metrics.rst`` is made of this.

Names and units are as Prometheus recommends (https://prometheus.io/docs/practices/naming): base units, ``_total`` for
what only goes up, and no label whose values nobody can list beforehand.
"""

from __future__ import annotations

from enum import Enum

import attrs

from ...core.histogram import DURATIONS, LAGS, OVERHEADS, WAITS


class Kind(Enum):
    """Prometheus's types."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@attrs.frozen
class Family:
    """All numbers that are told apart by nothing but their labels.

    :ivar name: as Prometheus gets it, but for the ``_total`` of a counter.
    :ivar words: what it counts.
    :ivar labels: their names.
    :ivar bounds: of a histogram, the upper ends of the buckets.
    """

    name: str
    kind: Kind
    words: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()

    @property
    def series(self) -> str:
        """What queries ask for, but for the endings of a histogram."""
        return f"{self.name}_total" if self.kind is Kind.COUNTER else self.name

    @property
    def unit(self) -> str:
        """Of the numbers; empty where things are counted."""
        return next((unit for unit in ("seconds", "bytes") if self.name.endswith(f"_{unit}")), "")


FAMILIES: dict[str, Family] = {}
"""All of them by name, in the order of the page."""

GROUPS: dict[str, list[Family]] = {}
"""The same by what they are about."""

OF_MEMBER = ("balancer", "member")
"""Empty for requests that no balancer, or no member, got."""


def _about(title: str) -> None:
    """Begin a group."""
    GROUPS[title] = []


def _add(family: Family) -> Family:
    FAMILIES[family.name] = family
    GROUPS[next(reversed(GROUPS))].append(family)
    return family


def _counter(name: str, words: str, labels: tuple[str, ...] = ()) -> Family:
    return _add(Family(name, Kind.COUNTER, words, labels))


def _gauge(name: str, words: str, labels: tuple[str, ...] = ()) -> Family:
    return _add(Family(name, Kind.GAUGE, words, labels))


def _histogram(name: str, bounds: tuple[float, ...], words: str, labels: tuple[str, ...] = ()) -> Family:
    return _add(Family(name, Kind.HISTOGRAM, words, labels, bounds))


_about("Requests")

REQUESTS = _counter(
    "panolb_requests",
    "Requests that are over, and WebSockets that were opened (1xx).",
    (*OF_MEMBER, "code_class", "method"),
)
REQUEST_ENDS = _counter(
    "panolb_request_ends",
    "Requests and WebSockets whose end has a word in the access log, by that and by who is to blame.",
    (*OF_MEMBER, "term", "blame"),
)
RETRIES = _counter(
    "panolb_retries",
    "Further attempts for the same request, by the member that was given up for them and why.",
    (*OF_MEMBER, "reason"),
)
REQUEST_DURATION = _histogram(
    "panolb_request_duration_seconds",
    DURATIONS,
    "Time from the complete head of a request to the end of its answer; not of WebSockets.",
    ("balancer",),
)
OVERHEAD = _histogram(
    "panolb_proxy_overhead_seconds",
    OVERHEADS,
    "Time from the complete head of a request until it is passed on to a member, without what it waited for "
    "members and their connections; of requests and WebSockets that took one attempt.",
)
PIN_DECISIONS = _counter(
    "panolb_pin_decisions",
    "Choices of a member, by where the request's route was found.",
    ("balancer", "source"),
)
PIN_BROKEN = _counter(
    "panolb_pin_broken",
    "Requests that carried a route and went to another member, by why they did.",
    ("balancer", "reason"),
)
REQUESTS_REFUSED = _counter(
    "panolb_requests_refused",
    "Requests that were not passed on, because they break the rules.",
    ("status",),
)
LIMIT_EXCEEDED = _counter("panolb_limit_exceeded", "How often clients went beyond a limit.", ("limit",))

_about("Members")

MEMBER_UP = _gauge("panolb_member_up", "Whether a member serves its users: it is up, or drains.", OF_MEMBER)
MEMBER_STATE = _gauge(
    "panolb_member_state",
    "1 for the state that a member is in, 0 for all others.",
    (*OF_MEMBER, "state"),
)
MEMBER_BUSY = _gauge(
    "panolb_member_busy", "Requests and WebSockets that are under way with a member.", OF_MEMBER
)
MEMBER_WEIGHT = _gauge(
    "panolb_member_weight", "The share of new users that a member gets: its loadfactor.", OF_MEMBER
)
MEMBER_SPARED = _gauge(
    "panolb_member_spared",
    "Whether a member stays in service although requests fail there, since too many others do (panic_threshold).",
    OF_MEMBER,
)
DRAIN_REMAINING = _gauge(
    "panolb_drain_remaining", "Requests and WebSockets that are left at a member that drains.", OF_MEMBER
)
MEMBER_CHOSEN = _counter("panolb_member_chosen", "How often a member was chosen.", OF_MEMBER)
MEMBER_SENT = _counter(
    "panolb_member_sent_bytes", "What was sent to a member. WebSockets count when they end.", OF_MEMBER
)
MEMBER_RECEIVED = _counter(
    "panolb_member_received_bytes", "What came from a member. WebSockets count when they end.", OF_MEMBER
)
HEALTH_CHECKS = _counter("panolb_health_checks", "Checks of a member.", (*OF_MEMBER, "result"))

_about("Connections")

MEMBER_CONNECTIONS = _gauge(
    "panolb_member_connections",
    "Connections to a member: idle ones, and all others.",
    (*OF_MEMBER, "state"),
)
QUEUE_LENGTH = _gauge(
    "panolb_queue_length", "Requests that wait for one of a member's max_connections.", OF_MEMBER
)
QUEUE_SECONDS = _histogram(
    "panolb_queue_seconds",
    WAITS,
    "How long requests waited for one of a member's max_connections, with success or without.",
    OF_MEMBER,
)
UPSTREAM_CONNECT = _histogram(
    "panolb_upstream_connect_seconds",
    WAITS,
    "How long it took until a new connection to a member stood, its TLS handshake included.",
    OF_MEMBER,
)
OPEN_CONNECTIONS = _gauge("panolb_open_connections", "Connections of clients.", ("listener",))
UNOPENED = _counter(
    "panolb_connections_unopened",
    "Connections of clients that ended before a request could be read, by what failed.",
    ("reason",),
)
EXCHANGES = _gauge("panolb_exchanges", "Requests and WebSockets that are under way.")
ACCEPTING_PAUSED = _gauge(
    "panolb_accepting_paused",
    "Processes that accept no connection for want of file descriptors.",
)

_about("WebSockets")

MEMBER_WEBSOCKETS = _gauge("panolb_member_websockets", "Open WebSockets.", OF_MEMBER)
MEMBER_SESSIONS = _gauge(
    "panolb_member_sessions", "Users' sessions that have at least one open WebSocket.", OF_MEMBER
)
ROUND_TRIPS = _histogram(
    "panolb_websocket_rtt_seconds",
    WAITS,
    "What pings to a side of a WebSocket took until their answer.",
    (*OF_MEMBER, "side"),
)
BACKLOG = _gauge(
    "panolb_websocket_backlog_bytes",
    "What waits to be sent: in to the member, out to clients.",
    (*OF_MEMBER, "direction"),
)
WEBSOCKET_OPENED = _counter("panolb_websocket_opened", "WebSockets that were opened.", OF_MEMBER)
WEBSOCKET_CLOSED = _counter(
    "panolb_websocket_closed",
    "WebSockets that have ended, by who ended them and the close code.",
    (*OF_MEMBER, "initiator", "code"),
)
WEBSOCKET_MESSAGES = _counter(
    "panolb_websocket_messages",
    "Messages: in from clients to the member, out the other way. Open WebSockets are looked at in turn, 800 a second.",
    (*OF_MEMBER, "direction"),
)

_about("The configuration")

CONFIG_GENERATION = _gauge(
    "panolb_config_generation",
    "Counts the configurations that have taken effect, changes of operators included.",
)
CONFIG_SUCCESS = _gauge(
    "panolb_config_last_reload_success", "Whether the last reload was not refused; 1 before the first."
)
CONFIG_TIMESTAMP = _gauge(
    "panolb_config_last_reload_timestamp_seconds",
    "When the configuration in effect took effect, in seconds since 1970.",
)
CONFIG_RELOADS = _counter("panolb_config_reloads", "Reloads, by what came of them.", ("result",))
CONFIG_OVERRIDES = _gauge(
    "panolb_config_overrides", "Changes of operators that hold beside the configuration file."
)

CERTIFICATE = _gauge(
    "panolb_tls_cert_not_after_timestamp_seconds",
    "When the certificate that a listener shows expires, in seconds since 1970.",
    ("listener", "name"),
)

_about("Processes")

LOOP_LAG = _histogram(
    "panolb_loop_lag_seconds",
    LAGS,
    "How late the event loop of a process was, looked at ten times a second.",
    ("worker",),
)
WORKERS = _gauge(
    "panolb_workers",
    "Worker processes: as many as there are to be, and those that accept clients. Nothing where one process does all.",
    ("state",),
)
WORKER_DEATHS = _counter(
    "panolb_worker_deaths", "Worker processes that have ended without being told to; each is replaced."
)
LOST_LINES = _counter(
    "panolb_access_log_lost_lines", "Lines of access logs that could not be written.", ("path",)
)
BUILD_INFO = _gauge("panolb_build_info", "1; the labels say what runs.", ("version", "python", "twisted"))

CPU_SECONDS = _counter(
    "process_cpu_seconds", "Processor time that a process has taken, in seconds.", ("worker",)
)
START_TIME = _gauge("process_start_time_seconds", "When a process began, in seconds since 1970.", ("worker",))
OPEN_FDS = _gauge("process_open_fds", "File descriptors that a process has open.", ("worker",))
MAX_FDS = _gauge("process_max_fds", "File descriptors that a process may have open.", ("worker",))
RESIDENT_MEMORY = _gauge("process_resident_memory_bytes", "Memory that a process has in use.", ("worker",))
