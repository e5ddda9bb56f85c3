"""The configurations that take each other's place: members come and go, weights and a limit of the listener change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
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

[balancer.app]
stickysession = "ROUTEID"
response_timeout = "60s"

[balancer.app.health]
uri = "/app/small"
interval = "1s"
timeout = "10s"
fails = 5

[[location]]
path = "/app"
balancer = "app"

[access_log]
path = "access.log"

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
LoadModule slotmem_shm_module modules/mod_slotmem_shm.so
LoadModule headers_module modules/mod_headers.so
LoadModule log_config_module modules/mod_log_config.so
Listen {address}:{port}
ServerName panolb.test
ProxyTimeout 60
LimitRequestBody {max_body}
CustomLog {directory}/access.log combined
Header add Set-Cookie "ROUTEID=.%{{BALANCER_WORKER_ROUTE}}e; path=/" env=BALANCER_ROUTE_CHANGED
<Proxy balancer://app>
{members}\
    ProxySet stickysession=ROUTEID
</Proxy>
ProxyPass /app balancer://app
ProxyPassReverse /app balancer://app
"""
HTTPD_MEMBER = (
    "    BalancerMember http://{address}:{port}/app route={route} loadfactor={weight} upgrade=websocket "
    "hcmethod=GET hcuri=/app/small hcinterval=1 hcfails=5\n"
)


@dataclass(frozen=True)
class State:
    """What one configuration says.

    :ivar weights: of the members that are there, by route.
    :ivar max_body: in bytes.
    """

    weights: Mapping[str, int]
    max_body: int = 64 * MIB

    @property
    def passing(self) -> list[str]:
        """The members that are there now and may go."""
        return [route for route in self.weights if route in PASSING]


FIRST = State(dict.fromkeys((*STAYING, PASSING[0]), 1))
"""The configuration that panolb starts with, and comes back to in the end."""


def states(chance: Random) -> Iterator[State]:
    """One configuration after the other, each another one than before; by turns a member goes or comes."""
    now = FIRST
    while True:
        weights = {route: chance.randint(1, 5) for route in now.weights}
        if now.passing:
            del weights[chance.choice(now.passing)]
        else:
            weights |= dict.fromkeys(
                chance.sample(PASSING, chance.randint(1, len(PASSING))), chance.randint(1, 5)
            )
        yield State(weights, chance.randint(32, 128) * MIB)
        now = State(weights, chance.randint(32, 128) * MIB)
        # Once more with the same members: only what they are told changes.
        now = replace(now, weights={route: 1 + (weight % 5) for route, weight in now.weights.items()})
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

    def text(self, state: State) -> str:
        """A whole file."""
        form = HTTPD_MEMBER if self.httpd else TOML_MEMBER
        members = "".join(
            form.format(address=ADDRESS, port=self.members[route], route=route, weight=weight)
            for route, weight in state.weights.items()
        )
        whole = (HTTPD if self.httpd else TOML + "{members}").format(
            address=ADDRESS,
            port=self.port,
            admin=self.admin,
            control=self.control,
            directory=self.directory,
            max_body=state.max_body,
            members="{members}",
        )
        return whole.replace("{members}", members)

    @property
    def wrong(self) -> str:
        """A file that no balancer can run."""
        return self.text(FIRST).replace("loadfactor", "loadfcator")
