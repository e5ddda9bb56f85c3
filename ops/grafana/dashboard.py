"""Makes ``panolb.json``: ``python ops/grafana/dashboard.py > ops/grafana/panolb.json``.

A panel is a few lines here, and a hundred there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

SCHEMA = 39  # Grafana 10.4; later ones bring it up to date by themselves
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
WIDTH = 24

ALL = 'job=~"$job", instance=~"$instance"'  # in every expression
B = f'{ALL}, balancer=~"$balancer"'
ERRORS = f'{B}, code_class="5xx"'
FAILED, PASSED = f'{B}, result="fail"', f'{B}, result="pass"'
FAULTS = f'{B}, blame!="nobody"'
RATE = "$__rate_interval"

GOOD, WARN, BAD = "green", "orange", "red"


@dataclass(frozen=True)
class Panel:
    """One panel.

    :ivar queries: pairs of a PromQL expression and the name of its lines.
    :ivar unit: in Grafana's words.
    :ivar steps: from which values on the number is how bad.
    :ivar options: what else the panel's kind has.
    """

    title: str
    description: str
    unit: str
    queries: Sequence[tuple[str, str]]
    kind: str = "timeseries"
    width: int = 8
    height: int = 8
    steps: Sequence[tuple[float | None, str]] = ()
    mappings: Sequence[dict[str, Any]] = ()
    least: float | None = 0
    stacked: bool = False
    options: dict[str, Any] = field(default_factory=dict)


def stat(
    title: str,
    description: str,
    unit: str,
    query: str,
    steps: Sequence[tuple[float | None, str]] = ((None, GOOD),),
) -> Panel:
    """A single number."""
    return Panel(title, description, unit, [(query, "")], "stat", 3, 4, steps)


def rate(metric: str, by: str = "", labels: str = B) -> str:
    """How fast a counter goes up, per second."""
    total = f"rate({metric}{{{labels}}}[{RATE}])"
    return f"sum by ({by}) ({total})" if by else f"sum({total})"


def ratio(metric: str, by: str, labels: str) -> str:
    """How much of what a counter counts has these labels."""
    return f"{rate(metric, by, labels)} / {rate(metric, by)}"


def quantile(share: float, metric: str, by: str = "", labels: str = B) -> str:
    """The value below which so many of a histogram are."""
    return f"histogram_quantile({share}, {rate(metric + '_bucket', f'le, {by}' if by else 'le', labels)})"


def quantiles(metric: str, labels: str = B) -> list[tuple[str, str]]:
    """Half of them, nearly all of them, and all but the worst."""
    return [(quantile(share, metric, labels=labels), name) for share, name in _SHARES]


_SHARES = ((0.5, "median"), (0.95, "95 %"), (0.99, "99 %"))

_STATES = [
    {
        "type": "value",
        "options": {
            "1": {"text": "up", "color": GOOD, "index": 0},
            "2": {"text": "drain", "color": "blue", "index": 1},
            "3": {"text": "error", "color": WARN, "index": 2},
            "4": {"text": "down", "color": BAD, "index": 3},
            "5": {"text": "disabled", "color": "purple", "index": 4},
            "6": {"text": "stopped", "color": "dark-purple", "index": 5},
        },
    }
]
_NUMBERED = " or ".join(
    f'{number} * (panolb_member_state{{{B}, state="{state}"}} == 1)'
    for number, state in enumerate(("up", "drain", "error", "down", "disabled", "stopped"), start=1)
)

ROWS: dict[str, Sequence[Panel]] = {
    "At a glance": (
        stat(
            "Members in service",
            "Members that are up, or drain. The alert PanolbNoMembers fires when a balancer has none.",
            "short",
            f"sum(panolb_member_up{{{B}}})",
            ((None, BAD), (1, GOOD)),
        ),
        stat(
            "Members out of service",
            "Members that are down, in error, disabled or stopped.",
            "short",
            f"count(panolb_member_up{{{B}}} == 0) or vector(0)",
            ((None, GOOD), (1, WARN)),
        ),
        stat(
            "Requests",
            "Requests that ended, and WebSockets that were opened, per second.",
            "reqps",
            rate("panolb_requests_total"),
        ),
        stat(
            "Errors",
            "The share of answers with a status of 500 or above.",
            "percentunit",
            f"({rate('panolb_requests_total', labels=ERRORS)} or vector(0)) / ({rate('panolb_requests_total')} > 0)",
            ((None, GOOD), (0.01, WARN), (0.05, BAD)),
        ),
        stat(
            "Slowest 5 %",
            "The duration that 95 % of all requests do not exceed; what members take is in it.",
            "s",
            quantile(0.95, "panolb_request_duration_seconds"),
            ((None, GOOD), (1, WARN), (5, BAD)),
        ),
        stat(
            "WebSockets",
            "WebSockets that are open.",
            "short",
            f"sum(panolb_member_websockets{{{B}}})",
        ),
        stat(
            "Loop lag",
            "How late the worst event loop is in 1 % of all looks. Whatever holds it up holds up everybody.",
            "s",
            f"max({quantile(0.99, 'panolb_loop_lag_seconds', 'worker', ALL)})",
            ((None, GOOD), (0.1, WARN), (0.5, BAD)),
        ),
        stat(
            "First certificate expires in",
            "How long the certificate of a listener that expires first is still valid.",
            "s",
            f"min(panolb_tls_cert_not_after_timestamp_seconds{{{ALL}}}) - time()",
            ((None, BAD), (14 * 86400, WARN), (30 * 86400, GOOD)),
        ),
    ),
    "Traffic": (
        Panel(
            "Requests by balancer",
            "Requests that ended, and WebSockets that were opened. Without a balancer: files, and paths that nobody serves.",
            "reqps",
            [(rate("panolb_requests_total", "balancer", ALL), "{{balancer}}")],
        ),
        Panel(
            "Requests by member",
            "Where requests went; unequal shares may be wanted (weights), or come of stickiness.",
            "reqps",
            [(rate("panolb_requests_total", "member"), "{{member}}")],
            stacked=True,
        ),
        Panel(
            "Answers by class of status",
            "1xx are WebSockets that were opened; none are requests whose client left before an answer.",
            "reqps",
            [(rate("panolb_requests_total", "code_class"), "{{code_class}}")],
            stacked=True,
        ),
        Panel(
            "Bytes to and from members",
            "Those of a WebSocket count when it ends.",
            "Bps",
            [
                (rate("panolb_member_sent_bytes_total", "member"), "to {{member}}"),
                (rate("panolb_member_received_bytes_total", "member"), "from {{member}}"),
            ],
        ),
        Panel(
            "Clients' connections",
            "Open connections by listener; idle ones are among them.",
            "short",
            [(f"sum by (listener) (panolb_open_connections{{{ALL}}})", "{{listener}}")],
        ),
        Panel(
            "Under way",
            "Requests and WebSockets that have begun and not ended, in all and by member.",
            "short",
            [
                (f"sum(panolb_exchanges{{{ALL}}})", "all"),
                (f"sum by (member) (panolb_member_busy{{{B}}})", "{{member}}"),
            ],
        ),
    ),
    "Errors": (
        Panel(
            "Share of errors by member",
            "Answers with a status of 500 or above; without a member: panolb's own, when nobody could serve.",
            "percentunit",
            [
                (
                    ratio("panolb_requests_total", "balancer, member", ERRORS),
                    "{{balancer}} {{member}}",
                )
            ],
        ),
        Panel(
            "Ends by who is to blame",
            "Requests and WebSockets that did not end by themselves. Clients leave all the time; members' and panolb's own "
            "faults want to be looked at.",
            "ops",
            [(rate("panolb_request_ends_total", "blame", FAULTS), "{{blame}}")],
            stacked=True,
        ),
        Panel(
            "Ends by word",
            "The same by the word that the access log has for them; docs/logs.rst explains each.",
            "ops",
            [(rate("panolb_request_ends_total", "term", FAULTS), "{{term}}")],
        ),
        Panel(
            "Retries",
            "Further attempts for the same request, by the member that was given up and why.",
            "ops",
            [(rate("panolb_retries_total", "member, reason"), "{{member}} {{reason}}")],
        ),
        Panel(
            "Refused requests",
            "Requests that break the rules of HTTP and were not passed on, by status; the process log names the clients.",
            "ops",
            [(rate("panolb_requests_refused_total", "status", ALL), "{{status}}")],
        ),
        Panel(
            "Connections that came to nothing",
            "Connections that ended before a request could be read: the TLS handshake failed, or the announcement of a proxy "
            "(PROXY protocol) was missing or wrong.",
            "ops",
            [(rate("panolb_connections_unopened_total", "reason", ALL), "{{reason}}")],
        ),
        Panel(
            "Limits exceeded",
            "How often clients went beyond a limit, by its key in the configuration.",
            "ops",
            [(rate("panolb_limit_exceeded_total", "limit", ALL), "{{limit}}")],
        ),
    ),
    "Latency": (
        Panel(
            "Duration of requests",
            "From the complete head of a request to the end of its answer; WebSockets are not in it.",
            "s",
            quantiles("panolb_request_duration_seconds"),
        ),
        Panel(
            "Duration by balancer",
            "What 95 % of its requests do not exceed.",
            "s",
            [(quantile(0.95, "panolb_request_duration_seconds", "balancer"), "{{balancer}}")],
        ),
        Panel(
            "panolb's own share",
            "From the complete head of a request until it is passed on, without waiting for members and connections.",
            "s",
            quantiles("panolb_proxy_overhead_seconds", ALL),
        ),
        Panel(
            "Connecting",
            "How long it takes until a new connection to a member stands, TLS included: 95 % are quicker.",
            "s",
            [(quantile(0.95, "panolb_upstream_connect_seconds", "member"), "{{member}}")],
        ),
        Panel(
            "Time in the queue",
            "How long requests wait for one of a member's max_connections: 95 % wait less. Nothing while nobody waits.",
            "s",
            [(quantile(0.95, "panolb_queue_seconds", "member"), "{{member}}")],
        ),
        Panel(
            "Length of the queue",
            "Requests that wait for one of a member's max_connections.",
            "short",
            [(f"sum by (member) (panolb_queue_length{{{B}}})", "{{member}}")],
        ),
    ),
    "Members": (
        Panel(
            "States",
            "The state of each member over time. Error: requests failed there; down: checks failed.",
            "short",
            [(_NUMBERED, "{{member}}")],
            "state-timeline",
            16,
            mappings=_STATES,
            least=None,
        ),
        Panel(
            "Drains",
            "Requests and WebSockets that are left at members that drain. A line that falls to 0 is a drain that is done.",
            "short",
            [(f"sum by (member) (panolb_drain_remaining{{{B}}})", "{{member}}")],
        ),
        Panel(
            "Health checks",
            "Checks per second, by whether they failed; the process log says why.",
            "ops",
            [
                (rate("panolb_health_checks_total", "member", FAILED), "{{member}} failed"),
                (rate("panolb_health_checks_total", "member", PASSED), "{{member}} passed"),
            ],
        ),
        Panel(
            "Connections to members",
            "Idle ones are kept for the next request.",
            "short",
            [(f"sum by (member, state) (panolb_member_connections{{{B}}})", "{{member}} {{state}}")],
        ),
        Panel(
            "Chosen, and weight",
            "How often per second a member was chosen, and its weight (loadfactor).",
            "short",
            [
                (rate("panolb_member_chosen_total", "member"), "{{member}} chosen per second"),
                (f"max by (member) (panolb_member_weight{{{B}}})", "{{member}} weight"),
            ],
        ),
        Panel(
            "Spared members",
            "1: the member serves on although requests fail there, since too many members fail (panic_threshold). Look for "
            "what they share: the network, a database.",
            "short",
            [(f"max by (member) (panolb_member_spared{{{B}}})", "{{member}}")],
        ),
        Panel(
            "Where routes were found",
            "Choices of a member, by what carried the user's route; none: a new user.",
            "ops",
            [(rate("panolb_pin_decisions_total", "source"), "{{source}}")],
            stacked=True,
        ),
        Panel(
            "Users who lost their member",
            "Requests that carried a route and went to another member, by why: these users may have to log in again.",
            "ops",
            [(rate("panolb_pin_broken_total", "reason"), "{{reason}}")],
            stacked=True,
        ),
    ),
    "WebSockets": (
        Panel(
            "Open WebSockets",
            "WebSockets that are open, by member.",
            "short",
            [(f"sum by (member) (panolb_member_websockets{{{B}}})", "{{member}}")],
            stacked=True,
        ),
        Panel(
            "Users",
            "Users' sessions that have at least one open WebSocket, by member.",
            "short",
            [(f"sum by (member) (panolb_member_sessions{{{B}}})", "{{member}}")],
            stacked=True,
        ),
        Panel(
            "Opened",
            "WebSockets that were opened, by member.",
            "ops",
            [(rate("panolb_websocket_opened_total", "member"), "{{member}}")],
        ),
        Panel(
            "Closed",
            "WebSockets that ended, by who ended them and the close code: 1000 and 1001 are users who leave, 1006 are broken "
            "connections, 1012 is panolb asking them to come again.",
            "ops",
            [(rate("panolb_websocket_closed_total", "initiator, code"), "{{initiator}} {{code}}")],
        ),
        Panel(
            "Messages",
            "In from clients to members, out the other way.",
            "ops",
            [(rate("panolb_websocket_messages_total", "direction"), "{{direction}}")],
        ),
        Panel(
            "Backlog",
            "What waits to be sent because somebody does not take it: in to the member, out to clients.",
            "bytes",
            [
                (
                    f"sum by (member, direction) (panolb_websocket_backlog_bytes{{{B}}})",
                    "{{member}} {{direction}}",
                )
            ],
        ),
        Panel(
            "Round trips of pings",
            "What 95 % of all pings do not exceed, by side.",
            "s",
            [(quantile(0.95, "panolb_websocket_rtt_seconds", "side"), "{{side}}")],
            width=12,
        ),
        Panel(
            "Round trips by member",
            "What 95 % of the pings to a member do not exceed.",
            "s",
            [
                (
                    quantile(0.95, "panolb_websocket_rtt_seconds", "member", B + ', side="member"'),
                    "{{member}}",
                )
            ],
            width=12,
        ),
    ),
    "Configuration": (
        Panel(
            "Reloads",
            "Reloads in the time that is shown per step, by what came of them. Refused: the file is wrong, and nothing has "
            "changed; panolb check says what.",
            "short",
            [(f"sum by (result) (increase(panolb_config_reloads_total{{{ALL}}}[{RATE}]))", "{{result}}")],
        ),
        Panel(
            "Generation and overrides",
            "How many configurations have taken effect, and how many changes of operators hold beside the file.",
            "short",
            [
                (f"max by (instance) (panolb_config_generation{{{ALL}}})", "{{instance}} generation"),
                (f"max by (instance) (panolb_config_overrides{{{ALL}}})", "{{instance}} overrides"),
            ],
        ),
        Panel(
            "Age of the configuration",
            "Time since the configuration took effect that is in effect.",
            "s",
            [(f"time() - panolb_config_last_reload_timestamp_seconds{{{ALL}}}", "{{instance}}")],
        ),
        Panel(
            "Certificates",
            "How long the certificates that listeners show are still valid. New ones are taken with a reload.",
            "s",
            [
                (
                    f"min by (listener, name) (panolb_tls_cert_not_after_timestamp_seconds{{{ALL}}}) - time()",
                    "{{name}} at {{listener}}",
                )
            ],
            "bargauge",
            12,
            steps=((None, BAD), (14 * 86400, WARN), (30 * 86400, GOOD)),
        ),
        Panel(
            "What runs",
            "The versions of panolb, Python and Twisted.",
            "short",
            [
                (
                    f"panolb_build_info{{{ALL}}}",
                    "{{instance}}: {{version}}, Python {{python}}, Twisted {{twisted}}",
                )
            ],
            "bargauge",
            12,
        ),
    ),
    "Processes": (
        Panel(
            "Loop lag",
            "How late the event loop of a process is: 99 % of all looks are better. Looked at ten times a second.",
            "s",
            [(quantile(0.99, "panolb_loop_lag_seconds", "instance, worker", ALL), "{{instance}} {{worker}}")],
        ),
        Panel(
            "Processor",
            "Share of one core that a process takes; a process can use no more than one.",
            "percentunit",
            [(rate("process_cpu_seconds_total", "instance, worker", ALL), "{{instance}} {{worker}}")],
        ),
        Panel(
            "Memory",
            "Memory that a process has in use.",
            "bytes",
            [(f"process_resident_memory_bytes{{{ALL}}}", "{{instance}} {{worker}}")],
        ),
        Panel(
            "File descriptors",
            "Share of the descriptors that a process may have; each WebSocket takes two. Before they run out, panolb stops "
            "to accept clients.",
            "percentunit",
            [(f"process_open_fds{{{ALL}}} / process_max_fds{{{ALL}}}", "{{instance}} {{worker}}")],
        ),
        Panel(
            "Workers",
            "Worker processes that accept clients, those that there are to be, and how many have died in the time that is shown "
            "per step. Nothing where one process does all.",
            "short",
            [
                (f"sum by (instance, state) (panolb_workers{{{ALL}}})", "{{instance}} {{state}}"),
                (
                    f"sum by (instance) (increase(panolb_worker_deaths_total{{{ALL}}}[{RATE}]))",
                    "{{instance}} died",
                ),
            ],
        ),
        Panel(
            "Accepting paused",
            "Processes that accept no client for want of descriptors.",
            "short",
            [(f"panolb_accepting_paused{{{ALL}}}", "{{instance}}")],
        ),
        Panel(
            "Access log lines lost",
            "Lines per second that could not be written: the disk is full, or too slow.",
            "ops",
            [(rate("panolb_access_log_lost_lines_total", "path", ALL), "{{path}}")],
        ),
    ),
}


def panels() -> Iterator[dict[str, Any]]:
    """All of them, each row below the one before it, as many beside each other as there is room for."""
    number = y = 0
    for title, row in ROWS.items():
        number += 1
        yield {
            "id": number,
            "type": "row",
            "title": title,
            "collapsed": False,
            "panels": [],
            "gridPos": {"x": 0, "y": y, "w": WIDTH, "h": 1},
        }
        y, x, height = y + 1, 0, 0
        for panel in row:
            number += 1
            if x + panel.width > WIDTH:
                y, x, height = y + height, 0, 0
            yield _panel(panel, number, {"x": x, "y": y, "w": panel.width, "h": panel.height})
            x, height = x + panel.width, max(height, panel.height)
        y += height


def _panel(panel: Panel, number: int, place: dict[str, int]) -> dict[str, Any]:
    steps = [{"value": value, "color": colour} for value, colour in panel.steps or ((None, GOOD),)]
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": DATASOURCE,
        "gridPos": place,
        "targets": [
            {
                "refId": chr(ord("A") + at),
                "datasource": DATASOURCE,
                "expr": query,
                "legendFormat": legend or "__auto",
                "editorMode": "code",
                "range": panel.kind in ("timeseries", "state-timeline"),
                "instant": panel.kind not in ("timeseries", "state-timeline"),
            }
            for at, (query, legend) in enumerate(panel.queries)
        ],
        "fieldConfig": {
            "defaults": {
                "unit": panel.unit,
                **({} if panel.least is None else {"min": panel.least}),
                "mappings": list(panel.mappings),
                "thresholds": {"mode": "absolute", "steps": steps},
                "color": {"mode": "palette-classic" if panel.kind == "timeseries" else "thresholds"},
                "custom": _custom(panel),
            },
            "overrides": [],
        },
        "options": _OPTIONS[panel.kind],
    }


def _custom(panel: Panel) -> dict[str, Any]:
    if panel.kind == "state-timeline":
        return {"fillOpacity": 80, "lineWidth": 0}
    if panel.kind != "timeseries":
        return {}
    return {
        "drawStyle": "line",
        "lineWidth": 1,
        "fillOpacity": 30 if panel.stacked else 10,
        "showPoints": "never",
        "spanNulls": False,
        "stacking": {"mode": "normal" if panel.stacked else "none", "group": "A"},
    }


_LAST = {"calcs": ["lastNotNull"], "fields": "", "values": False}
_OPTIONS: dict[str, dict[str, Any]] = {
    "timeseries": {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
    "stat": {
        "reduceOptions": _LAST,
        "colorMode": "value",
        "graphMode": "none",
        "textMode": "value",
        "orientation": "auto",
    },
    "bargauge": {
        "reduceOptions": _LAST,
        "displayMode": "basic",
        "orientation": "horizontal",
        "showUnfilled": True,
    },
    "state-timeline": {
        "mergeValues": True,
        "showValue": "auto",
        "rowHeight": 0.9,
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": False},
        "tooltip": {"mode": "single"},
    },
}


def variable(name: str, label: str, query: str) -> dict[str, Any]:
    """What can be chosen above the panels."""
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": DATASOURCE,
        "definition": query,
        "query": {"query": query, "refId": f"{name}-variable"},
        "refresh": 2,  # with the range of time
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "regex": "",
        "options": [],
        "hide": 0,
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
    }


def dashboard() -> dict[str, Any]:
    """All of it."""
    return {
        "id": None,  # of the Grafana that imports it
        "uid": "panolb",
        "title": "panolb",
        "description": "A panolb load balancer: its traffic, members, WebSockets, and how it fares itself.",
        "tags": ["panolb"],
        "schemaVersion": SCHEMA,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,  # the same moment in all panels
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "timezone": "browser",
        "templating": {
            "list": [
                {
                    "name": "datasource",
                    "label": "Data source",
                    "type": "datasource",
                    "query": "prometheus",
                    "regex": "",
                    "current": {},
                    "options": [],
                    "refresh": 1,  # when the dashboard is opened
                    "hide": 0,
                },
                variable("job", "Job", "label_values(panolb_build_info, job)"),
                variable("instance", "Instance", 'label_values(panolb_build_info{job=~"$job"}, instance)'),
                variable("balancer", "Balancer", f"label_values(panolb_member_up{{{ALL}}}, balancer)"),
            ]
        },
        "annotations": {
            "list": [
                {
                    "name": "Reloads",
                    "datasource": DATASOURCE,
                    "enable": True,
                    "iconColor": "blue",
                    "expr": f"changes(panolb_config_generation{{{ALL}}}[{RATE}]) > 0",
                    "titleFormat": "another configuration on {{instance}}",
                    "step": "30s",
                }
            ]
        },
        "links": [],
        "panels": list(panels()),
    }


if __name__ == "__main__":
    print(json.dumps(dashboard(), indent=1))
