"""The configurations that take each other's place: members come and go, weights and a limit of the listener change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from tests.harness.waiting import ADDRESS

STAYING = ("1", "2", "3")
"""Routes of the members that are there all the time."""
PASSING = ("4", "5")
"""Routes of those that come and go."""
MIB = 1 << 20

TOML = """\
[listener.public]
endpoint = "tcp:{port}:interface={address}"
max_body = {max_body}
{listener}
[balancer.app]
stickysession = "ROUTEID"
response_timeout = "60s"
{balancer}
[balancer.app.health]
uri = "/app/small"
timeout = "10s"
fails = 5
{health}
[[location]]
path = "/app"
balancer = "app"
{location}
[access_log]
path = "access.log"
{log}
[websockets]
{websockets}

[admin]
endpoint = "tcp:{admin}:interface={address}"

[control]
socket = "{control}"

"""
TOML_MEMBER = """\
[[balancer.app.member]]
url = "http://{address}:{port}/app"
route = "{route}"
loadfactor = {weight}

"""

HTTPD = """\
LoadModule proxy_module modules/mod_proxy.so
LoadModule proxy_http_module modules/mod_proxy_http.so
LoadModule proxy_hcheck_module modules/mod_proxy_hcheck.so
LoadModule watchdog_module modules/mod_watchdog.so
LoadModule proxy_balancer_module modules/mod_proxy_balancer.so
LoadModule lbmethod_byrequests_module modules/mod_lbmethod_byrequests.so
LoadModule lbmethod_bytraffic_module modules/mod_lbmethod_bytraffic.so
LoadModule slotmem_shm_module modules/mod_slotmem_shm.so
LoadModule headers_module modules/mod_headers.so
LoadModule log_config_module modules/mod_log_config.so
Listen {address}:{port}
ServerName panolb.test
ProxyTimeout 60
LimitRequestBody {max_body}
{listener}\
CustomLog {directory}/access.log combined
Header add Set-Cookie "ROUTEID=.%{{BALANCER_WORKER_ROUTE}}e; path=/" env=BALANCER_ROUTE_CHANGED
<Proxy balancer://app>
{members}\
    ProxySet stickysession=ROUTEID
{balancer}\
</Proxy>
{location}\
ProxyPass /app balancer://app
ProxyPassReverse /app balancer://app
"""
HTTPD_MEMBER = (
    "    BalancerMember http://{address}:{port}/app route={route} loadfactor={weight} upgrade=websocket "
    "hcmethod=GET hcuri=/app/small hcinterval=1 hcfails=5\n"
)

# What else may be set: nothing that anybody should notice.
TOML_MORE = {
    "listener": (
        'idle_timeout = "60s"',
        "max_requests = 100",
        "max_fields = 50",
        'header_timeout = "10s"',
        "max_connections = 5000",
        "request_rate = 5000\nrequest_burst = 10000",
    ),
    "balancer": (
        'lbmethod = "bytraffic"',
        'lbmethod = "bybusyness"',
        'keepalive_idle = "1s"',
        'slow_start = "5s"',
        "max_connections = 1000",
        "maxattempts = 1",
        'retry = "5s"',
        'observe = "websocket"',
        'session_cookie = "SID"',
        'cookie.samesite = "Strict"',
    ),
    "health": ('interval = "1s"', 'check = "tcp"', "passes = 2", 'start = "down"'),
    "location": (
        'websocket = "messages"',
        "via = true",
        'response_headers = ["set X-Frame-Options SAMEORIGIN"]',
        "preserve_host = false",
        'mapping = "canonical"',
        '[[location]]\npath = "/"\nstatus = 404',
    ),
    "log": ('format = "common"', 'websockets = "end"'),
    "websockets": ("close_rate = 500", "max_open = 5000", "max_per_client = 5000"),
}
HTTPD_MORE = {
    "listener": ("KeepAliveTimeout 60\n", "MaxKeepAliveRequests 100\n", "LimitRequestFields 50\n"),
    "balancer": ("    ProxySet lbmethod=bytraffic\n", "    ProxySet maxattempts=1\n"),
    "location": ("Header set X-Frame-Options SAMEORIGIN\n", "ProxyPreserveHost On\n", "ProxyVia On\n"),
}
DRAWN = 3  # tables of which something is set besides


@dataclass(frozen=True)
class State:
    """What one configuration says.

    :ivar weights: of the members that are there, by route.
    :ivar max_body: in bytes.
    :ivar more: what is set besides, by table.
    """

    weights: Mapping[str, int]
    max_body: int = 64 * MIB
    more: Mapping[str, str] = field(default_factory=dict)

    @property
    def passing(self) -> list[str]:
        """The members that are there now and may go."""
        return [route for route in self.weights if route in PASSING]


FIRST = State(dict.fromkeys((*STAYING, PASSING[0]), 1))
"""The configuration that panolb starts with, and comes back to in the end."""


def states(chance: Random, *, httpd: bool) -> Iterator[State]:
    """One configuration after the other, each another one than before; by turns a member goes or comes."""
    possible = HTTPD_MORE if httpd else TOML_MORE

    def drawn(routes: Iterable[str], before: State) -> State:
        # Never the weight that a member had: so there is always a change.
        weights = {route: 1 + (before.weights.get(route, 0) + chance.randrange(4)) % 5 for route in routes}
        tables = chance.sample(sorted(possible), DRAWN)
        return State(
            weights,
            chance.randint(32, 128) * MIB,
            {table: chance.choice(possible[table]) for table in tables},
        )

    now = FIRST
    while True:
        now = drawn(now.weights, now)  # only what the members are told changes
        yield now
        here = now.passing
        left = here[1:] if here else chance.sample(PASSING, chance.randint(1, len(PASSING)))
        now = drawn((*STAYING, *left), now)
        yield now


@dataclass(frozen=True)
class Writer:
    """Writes configurations of either kind.

    :ivar members: ports by route.
    """

    directory: Path
    port: int
    admin: int
    control: str
    members: Mapping[str, int]
    httpd: bool
    workers: int = 1

    def text(self, state: State) -> str:
        """A whole file."""
        form = HTTPD_MEMBER if self.httpd else TOML_MEMBER
        members = "".join(
            form.format(address=ADDRESS, port=self.members[route], route=route, weight=weight)
            for route, weight in state.weights.items()
        )
        tables = dict.fromkeys(HTTPD_MORE if self.httpd else TOML_MORE, "") | dict(state.more)
        toml = f"workers = {self.workers}\n{TOML}{{members}}"
        return (HTTPD if self.httpd else toml).format(
            address=ADDRESS,
            port=self.port,
            admin=self.admin,
            control=self.control,
            directory=self.directory,
            max_body=state.max_body,
            members=members,
            **tables,
        )

    @property
    def wrong(self) -> str:
        """A file that no balancer can run."""
        return self.text(FIRST).replace("loadfactor", "loadfcator")
