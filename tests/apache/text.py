"""Texts of configurations: what every one begins with, and the virtual host of one case.

In a case's text ``http://b1`` is the address of its first member, ``http://b2`` of its second, and so on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from tests.harness.waiting import ADDRESS

MODULES = (
    "mpm_event authz_core env headers setenvif rewrite alias proxy proxy_http proxy_wstunnel slotmem_shm proxy_balancer "
    "proxy_hcheck lbmethod_byrequests lbmethod_bytraffic lbmethod_bybusyness"
).split()

LOAD = "".join(f"LoadModule {name}_module modules/mod_{name}.so\n" for name in MODULES)

# One child process, so that nothing depends on which of several takes a connection.
SETTINGS = """\
DefaultRuntimeDir "${ROOT}"
PidFile "${ROOT}/httpd.pid"
ErrorLog "${ROOT}/error.log"
<IfModule unixd_module>
    User www-data
    Group www-data
</IfModule>
StartServers 1
ServerLimit 1
ThreadsPerChild 64
MaxRequestWorkers 64
ServerName localhost
Timeout 10
Listen 127.0.0.1:${PORT}
"""

PREAMBLE = 'ServerRoot "${ROOT}"\n' + LOAD + SETTINGS
COOKIE = 'Header add Set-Cookie "ROUTEID=.%{BALANCER_WORKER_ROUTE}e; path=/" env=BALANCER_ROUTE_CHANGED'
PAIR = ("http://b1/app route=1", "http://b2/app route=2")
MAPPING = ("ProxyPass /app balancer://c", "ProxyPassReverse /app balancer://c")


def balancer(members: Sequence[str] = PAIR, settings: str = "stickysession=ROUTEID", name: str = "c") -> str:
    """A <Proxy> with these members; ``settings`` are those of ProxySet."""
    lines = [f"BalancerMember {member}" for member in members]
    if settings:
        lines.append(f"ProxySet {settings}")
    return "\n".join((f'<Proxy "balancer://{name}">', *(f"    {line}" for line in lines), "</Proxy>"))


def site(
    *more: str,
    members: Sequence[str] = PAIR,
    sticky: str = "stickysession=ROUTEID",
    settings: str = "",
    cookie: str = COOKIE,
    mapping: Sequence[str] = MAPPING,
) -> str:
    """The reference configuration's virtual host, as far as nothing else is said.

    :param more: further lines, before the mapping.
    """
    proxy = balancer(members, f"{sticky} {settings}".strip())
    return "\n".join(filter(None, ("ProxyPreserveHost On", cookie, proxy, *more, *mapping)))


def plain(*more: str, members: Sequence[str] = ("http://b1/app",), mapping: Sequence[str] = MAPPING) -> str:
    """A virtual host without stickiness, for what happens to one request."""
    return site(*more, members=members, sticky="", cookie="", mapping=mapping)


def numbers(text: str) -> list[str]:
    """The members that a text speaks of."""
    return sorted(set(re.findall(r"://b(\d)\b", text)))


def with_addresses(text: str, ports: Mapping[str, int]) -> str:
    """The text with the members' addresses in it."""
    return re.sub(r"(?<=://)b(\d)\b", lambda found: f"{ADDRESS}:{ports[found[1]]}", text)


def virtual_host(name: str, text: str) -> str:
    """A virtual host of that name."""
    lines = "\n".join(f"    {line}" for line in (f"ServerName {name}", *text.splitlines()))
    return f"<VirtualHost *:${{PORT}}>\n{lines}\n</VirtualHost>\n"
