"""What the keys of a configuration must agree on, and what is allowed but probably not meant.

:func:`findings` looks at everything once; :func:`problems` and :func:`warnings` are its two halves in words.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import count

import attrs

from panolb.config import controlendpoint, tlscheck
from panolb.config.findings import Finding
from panolb.config.model import Balancer, Config, Health, Listener, Location, Member
from panolb.config.places import KeyPath, dotted
from panolb.config.values import quoted
from panolb.errors import Problem


@attrs.frozen(kw_only=True)
class Known:
    """Names of the plugins that exist, so that an unknown name is a problem which lists them."""

    lbmethods: frozenset[str]
    checks: frozenset[str]
    resolvers: frozenset[str]
    filters: frozenset[str] = frozenset()


def problems(config: Config, known: Known | None = None) -> list[Problem]:
    """Return why the configuration cannot run, with places; plugin names are left unchecked without ``known``."""
    return [
        Problem(config.where(one.path), one.message) for one in findings(config, known) if not one.warning
    ]


def warnings(config: Config) -> list[Problem]:
    """Return what works but is probably not meant."""
    return [Problem(config.where(one.path), one.message) for one in findings(config) if one.warning]


def findings(config: Config, known: Known | None = None) -> list[Finding]:
    """Look at everything that is more than one key's own business."""
    found = [*_whole(config), *_control(config), *_locations(config)]
    for name, balancer in config.balancer.items():
        at: KeyPath = ("balancer", name)
        found += _members(balancer, at)
        found += _tls(balancer, at)
        found += _cookie(config, balancer, at)
        for path, health in _checks(balancer, at):
            found += _health(health, path)
        found += _names(balancer, at, known) if known else ()
    found += _filters(config, known) if known else ()
    return found


# What browsers never open: https://fetch.spec.whatwg.org/#port-blocking (those above 1023, where panolb may listen).
_BLOCKED_PORTS = frozenset(
    (1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, *range(6665, 6670), 6679, 6697, 10080)
)


def _port(name: str, endpoint: str) -> Iterator[Finding]:
    match = re.match(r"(?:tcp|tcp6|ssl|tls):(?:port=)?([0-9]{1,9})(?![^:])", endpoint)
    if match is not None and int(match[1]) > 65535:
        yield Finding(("listener", name, "endpoint"), f"has port {match[1]}; ports go from 1 to 65535")
    elif match is not None and int(match[1]) in _BLOCKED_PORTS:
        message = f"browsers refuse to open port {match[1]} by themselves; fine behind another port, else take another"
        yield Finding(("listener", name, "endpoint"), message, warning=True)


def _announcing(name: str, listener: Listener) -> Iterator[Finding]:
    """Who announces clients must be known: whoever else did could be anybody."""
    if listener.proxy_protocol:
        if not listener.trusted_proxies and not listener.endpoint.startswith("unix:"):
            message = "nobody could connect: write trusted_proxies, the addresses of the proxies that send the PROXY header"
            about: tuple[KeyPath, ...] = (("listener", name, "trusted_proxies"),)
            yield Finding(("listener", name, "proxy_protocol"), message, about=about)
    elif listener.proxy_protocol_exceptions:
        path = ("listener", name, "proxy_protocol_exceptions")
        yield Finding(path, "has no effect without proxy_protocol", warning=True)


def _whole(config: Config) -> Iterator[Finding]:
    if not config.listener:
        yield Finding(("listener",), 'no listener: write [listener.public] with endpoint = "tcp:8080"')
    if not config.location:
        yield Finding(
            ("location",), 'no location: write [[location]] with path = "/" and the name of a balancer'
        )
    seen: dict[str, KeyPath] = {}
    endpoints: list[tuple[KeyPath, str]] = [
        (("listener", name), one.endpoint) for name, one in config.listener.items()
    ]
    if config.admin is not None:
        endpoints.append((("admin",), config.admin.endpoint))
    if config.control is not None and config.control.endpoint is not None:
        endpoints.append((("control",), config.control.endpoint))
    for table, endpoint in endpoints:
        path = (*table, "endpoint")
        other = seen.setdefault(endpoint, path)
        if other != path:
            yield Finding(path, f"{endpoint} is already the endpoint of {dotted(other)}", about=(other,))
    for name, listener in config.listener.items():
        yield from _port(name, listener.endpoint)
        yield from tlscheck.findings(config, name)
        if listener.max_target > listener.max_head:
            path = ("listener", name, "max_target")
            yield Finding(
                path, "must not be more than max_head, which counts it too", about=((*path[:2], "max_head"),)
            )
        yield from _announcing(name, listener)
    used = {location.balancer for location in config.location}
    about: tuple[KeyPath, ...] = tuple(
        ("location", index, "balancer") for index in range(len(config.location))
    )
    for name in config.balancer:
        if name not in used:
            yield Finding(("balancer", name), "no location uses this balancer", warning=True, about=about)


def _control(config: Config) -> Iterator[Finding]:
    """Who may use the control API over HTTP: nobody by accident."""
    control = config.control
    if control is None:
        return
    given = [key for key in ("token_file", "certificate", "key", "client_ca") if getattr(control, key)]
    about: tuple[KeyPath, ...] = tuple(("control", key) for key in ("token_file", "certificate", "client_ca"))
    path: KeyPath = ("control", "endpoint")
    if control.endpoint is None:
        for key in given:
            yield Finding(("control", key), "has no effect without endpoint", warning=True, about=(path,))
        return
    try:
        endpoint = controlendpoint.parse(control.endpoint)
    except ValueError as error:
        yield Finding(path, str(error))
        return
    if "token_file" not in given and "client_ca" not in given:
        message = (
            "whoever can connect could do everything: write token_file, or client_ca with certificate and key"
        )
        yield Finding(path, message, about=about)
    elif "certificate" not in given and not endpoint.is_loopback:
        message = "without TLS only the loopback will do (interface=127.0.0.1); write certificate and key"
        yield Finding(path, message, about=about)
    for one, other in (("certificate", "key"), ("key", "certificate"), ("client_ca", "certificate")):
        if one in given and other not in given:
            yield Finding(("control", one), f"needs {other} too", about=(("control", other),))


def _locations(config: Config) -> Iterator[Finding]:
    seen: dict[object, int] = {}
    for index, location in enumerate(config.location):
        at: KeyPath = ("location", index)
        yield from _where(config, location, at)
        yield from _target(config, location, at)
        yield from _own_fields(location.strip_request_headers, (*at, "strip_request_headers"))
        yield from _lane(location, at)
        if location.path is None:
            continue
        hosts = tuple(sorted(host.lower() for host in location.host))
        taken = (hosts, tuple(location.listener), location.requests, location.path.rstrip("/"))
        first = seen.setdefault(taken, index)
        if first != index:
            keys: tuple[KeyPath, ...] = tuple(
                ("location", one, key) for one in (first, index) for key in ("host", "listener", "path")
            )
            where = f"{' '.join(hosts)}{location.path}"
            message = f"{where} is already the path of {dotted(('location', first))}; keep one of the two"
            yield Finding((*at, "path"), message, about=keys)


def _where(config: Config, location: Location, at: KeyPath) -> Iterator[Finding]:
    """Say whether it is clear which requests are meant."""
    if location.path is None and location.match is None:
        yield Finding((*at, "path"), 'is missing; write path = "/panopticon"', about=((*at, "match"),))
    elif location.path is not None and location.match is not None:
        message = "a location has a path or match, not both; take one of them away"
        yield Finding((*at, "match"), message, about=((*at, "path"),))
    for index, name in enumerate(location.listener):
        if name not in config.listener:
            message = f"no listener is named {quoted([name])}; there are: {quoted(config.listener) or 'none'}"
            yield Finding((*at, "listener", index), message, about=(("listener", name),))


def _target(config: Config, location: Location, at: KeyPath) -> Iterator[Finding]:
    """Say whether there is exactly one answer, and the balancer exists."""
    named: KeyPath = (*at, "balancer")
    served = [key for key in ("balancer", "files", "redirect") if getattr(location, key) is not None]
    about: tuple[KeyPath, ...] = tuple((*at, key) for key in ("balancer", "files", "redirect", "status"))
    if len(served) > 1:
        message = f"a location has a {served[0]} or {served[1]}, not both; take one of them away"
        yield Finding((*at, served[1]), message, about=about)
    elif not served and location.status is None:
        message = 'needs balancer = "NAME", files = "DIRECTORY", redirect = "URL" or status = 404'
        yield Finding(at, message, about=about)
    elif location.status is not None and (
        served[:1] in (["balancer"], ["files"]) or (location.status < 400) != (location.redirect is not None)
    ):
        message = "is for locations without balancer and files: 3xx with redirect, 4xx or 5xx without"
        yield Finding((*at, "status"), message, about=about)
    if location.files is not None:
        yield from _of_files(location, at)
    if location.balancer is not None and location.balancer not in config.balancer:
        there = f"there are: {quoted(config.balancer)}" if config.balancer else "there is none"
        message = f"no balancer is named {quoted([location.balancer])}; {there}"
        yield Finding(named, message, about=(("balancer", location.balancer),))


def _lane(location: Location, at: KeyPath) -> Iterator[Finding]:
    """Say whether WebSockets can be passed on as their keys want it."""
    lane: KeyPath = (*at, "websocket")
    for key in location.keys_that_need_messages:
        if location.websocket == "splice":
            written = f'{key} = "offload"' if key == "websocket_compression" else key
            message = (
                f'"splice" looks at no messages, but {written} needs them; write "messages", or take one away'
            )
            yield Finding(lane, message, about=((*at, key),))
        elif location.websocket is False:
            yield Finding((*at, key), "has no effect with websocket = false", warning=True, about=(lane,))
    if location.websocket_close_code == 1000:
        message = "tells clients that all is done, so most do not come back; 1012 asks them to"
        yield Finding((*at, "websocket_close_code"), message, warning=True)


def _of_files(location: Location, at: KeyPath) -> Iterator[Finding]:
    """Say what a location of files does not do."""
    for key in ("match", "environment", "request_headers", "response_headers", "error_pages", "target"):
        if getattr(location, key):
            message = "files are found by path alone" if key == "match" else "has no effect on files"
            yield Finding((*at, key), message, warning=True)
    if location.requests != "all":
        yield Finding((*at, "requests"), "files are for all requests", warning=True)


def _members(balancer: Balancer, at: KeyPath) -> Iterator[Finding]:
    if not balancer.member:
        message = f'no members: write [[{dotted((*at, "member"))}]] with url = "http://localhost:8080/"'
        yield Finding((*at, "member"), message)
    if balancer.close_on_failure and not any(map(balancer.check_of, balancer.member)):
        message = f"has no effect without checks: write [{dotted((*at, 'health'))}]"
        yield Finding((*at, "close_on_failure"), message, warning=True, about=((*at, "health"),))
    first: dict[tuple[str, str], int] = {}
    routes = Counter(member.route for member in balancer.member)
    free = (str(number) for number in count(1) if str(number) not in routes)
    for index, member in enumerate(balancer.member):
        path: KeyPath = (*at, "member", index)
        other = first.setdefault((member.url, member.route), index)
        if other != index:
            about: tuple[KeyPath, ...] = tuple(
                (*at, "member", one, key) for one in (other, index) for key in ("url", "route")
            )
            yield Finding(
                (*path, "url"), "this member is listed twice; once is enough (see loadfactor)", about=about
            )
        elif member.route and routes[member.route] > 1:
            message = f"route {quoted([member.route])} is on several members; their users stick to whichever comes first"
            yield Finding((*path, "route"), message, warning=True)
        if balancer.stickysession is not None and not member.route:
            message = f'needs a route, because stickysession is set: write route = "{next(free)}"'
            yield Finding(
                (*path, "route"),
                message + " (for Tomcat: its jvmRoute)",
                warning=balancer.cookie.enabled is False,  # Apache takes it; nobody sticks
                about=((*at, "stickysession"),),
            )


def _tls(balancer: Balancer, at: KeyPath) -> Iterator[Finding]:
    """Look at what is said of TLS to members, by the balancer and by each of them."""
    tables: list[tuple[KeyPath, Balancer | Member, list[Member]]] = [(at, balancer, balancer.member)]
    tables += [((*at, "member", index), one, [one]) for index, one in enumerate(balancer.member)]
    for path, table, members in tables:
        written = [key for key in _OF_TLS if getattr(table, key) not in (None, [])]
        if not any(member.is_secure for member in members):
            for key in written:
                message = "has no effect without https:// in the URL"
                about: tuple[KeyPath, ...] = tuple((*at, "member", n) for n in range(len(balancer.member)))
                yield Finding((*path, key), message, warning=True, about=about)
            continue
        insecure = table.tls_insecure or []
        if insecure:
            message = (
                f"members' certificates are not verified: not {', '.join(f'the {one}' for one in insecure)}; whoever is on the "
                "way to a member can pass for it; write tls_ca or tls_name, and take this away"
            )
            yield Finding((*path, "tls_insecure"), message, warning=True)
        if "tls_ca" in written and "ca" in insecure:
            message = 'has no effect, because tls_insecure has "ca" in it'
            yield Finding((*path, "tls_ca"), message, warning=True, about=((*path, "tls_insecure"),))
        if "tls_key" in written and table.tls_certificate is None and balancer.tls_certificate is None:
            message = "has no effect without tls_certificate"
            yield Finding((*path, "tls_key"), message, warning=True, about=((*path, "tls_certificate"),))


_OF_TLS = ("tls_ca", "tls_name", "tls_certificate", "tls_key", "tls_insecure", "tls_ciphers", "tls_depth")


def _cookie(config: Config, balancer: Balancer, at: KeyPath) -> Iterator[Finding]:
    cookie = balancer.cookie
    path: KeyPath = (*at, "cookie")
    if not balancer.sets_cookie and balancer.stickysession is not None:
        return
    if balancer.stickysession is None and cookie.name is not None:
        message = f'has no effect without stickysession = "{cookie.name}" in the balancer'
        yield Finding((*path, "name"), message, warning=True, about=((*at, "stickysession"),))
    if cookie.samesite != "None" or cookie.secure is True:
        return
    plain = [name for name, listener in config.listener.items() if not listener.is_secure]
    about: tuple[KeyPath, ...] = ((*path, "secure"),)
    if cookie.secure == "auto":
        about += (
            ("listener",),
            *(("listener", name, key) for name in plain for key in ("secure", "endpoint")),
        )
    if cookie.secure is False or (plain and len(plain) == len(config.listener)):
        message = 'browsers refuse samesite = "None" without Secure; write secure = true, or samesite = "Lax"'
        yield Finding((*path, "samesite"), message, about=about)
    elif plain:
        message = f'browsers refuse samesite = "None" on listeners without TLS: {quoted(plain)}'
        yield Finding((*path, "samesite"), message, warning=True, about=about)


# Fields that say where a message ends or where it goes; panolb writes them itself.
_OUR_OWN = frozenset(
    ("connection", "content-length", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade")
)


def _own_fields(names: Iterable[str], path: KeyPath) -> Iterator[Finding]:
    for name in names:
        if name.lower() in _OUR_OWN:
            yield Finding(path, f"names {name}, which panolb writes itself; take it out")


def _checks(balancer: Balancer, at: KeyPath) -> Iterator[tuple[KeyPath, Health]]:
    """The balancer's way to check, and its members' own."""
    if balancer.health is not None:
        yield (*at, "health"), balancer.health
    for index, member in enumerate(balancer.member):
        if member.health is not None:
            yield (*at, "member", index, "health"), member.health


def _health(health: Health, path: KeyPath) -> Iterator[Finding]:
    yield from _own_fields(health.headers, (*path, "headers"))
    method: KeyPath = (*path, "method")
    if health.uri == "*" and (health.check != "http" or health.method != "OPTIONS"):
        message = 'can be "*" for check = "http" with method = "OPTIONS" only; write a path'
        yield Finding((*path, "uri"), message, about=(method, (*path, "check")))
    if health.expect_body is not None and health.method == "HEAD":
        yield Finding(
            (*path, "expect_body"), 'answers to HEAD have no body; write method = "GET"', about=(method,)
        )
    elif health.expect is not None and (
        health.expect_body is not None or health.expect_status != ["200-399"]
    ):
        message = "alone decides; expect_status and expect_body have no effect beside it"
        yield Finding((*path, "expect"), message, warning=True)
    if health.timeout > health.interval:
        message = "is longer than interval; a check that waits so long delays the next one"
        yield Finding((*path, "timeout"), message, warning=True)


def _names(balancer: Balancer, at: KeyPath, known: Known) -> Iterator[Finding]:
    """Compare the names of plugins with those that exist."""
    wanted: list[tuple[KeyPath, str, frozenset[str]]] = [
        ((*at, "lbmethod"), balancer.lbmethod, known.lbmethods),
        ((*at, "resolver"), balancer.resolver, known.resolvers),
    ]
    checks = known.checks | {"none"}
    wanted += [((*path, "check"), health.check, checks) for path, health in _checks(balancer, at)]
    for path, name, names in wanted:
        yield from _named(path, name, names)


def _filters(config: Config, known: Known) -> Iterator[Finding]:
    """The same for the plugins of locations."""
    for index, location in enumerate(config.location):
        for place, name in enumerate(location.websocket_filter):
            yield from _named(("location", index, "websocket_filter", place), name, known.filters)


def _named(path: KeyPath, name: str, names: frozenset[str]) -> Iterator[Finding]:
    if name not in names:
        yield Finding(path, f"{quoted([name])} does not exist; there are: {quoted(sorted(names)) or 'none'}")
