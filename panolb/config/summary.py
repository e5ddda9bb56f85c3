"""Says in plain lines what a configuration will do, for the operator who asks before starting it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from panolb.config.model import (
    AccessLog,
    Balancer,
    Config,
    Cookie,
    Health,
    Listener,
    Location,
    Member,
    WebSockets,
)
from panolb.config.units import format_duration, format_size

_COMPRESSED: Final = {
    True: "compressed as client and member agree",
    False: "never compressed",
    "offload": "compressed for clients by panolb",
}


def describe(config: Config) -> list[str]:
    """Return what a right configuration will do, a line for each fact; lines that belong to one above are indented."""
    lines: list[str] = []
    for name, listener in config.listener.items():
        lines += [f"listener {name}: {listener.endpoint}", *_indented(_listener(listener))]
    for location in config.location:
        lines += [f"location {where(location)} -> {_target(location)}"]
        lines += _indented(_location(location))
    for name, balancer in config.balancer.items():
        lines += [
            f"balancer {name}: {_plural(len(balancer.member), 'member')}, new users by {balancer.lbmethod}"
        ]
        lines += _indented(_balancer(config, balancer))
    lines.append(f"WebSockets in all: {_in_all(config.websockets)}")
    lines.append(f"admin page: {config.admin.endpoint if config.admin else 'none'}")
    lines.append(f"control API: {f'{config.control.socket}, mode 0660' if config.control else 'none'}")
    lines += [f"access log: {_log(log)}" for log in config.access_log] or ["access log: none"]
    grace = format_duration(config.shutdown.grace)
    lines.append(f"on SIGTERM: requests in flight get {grace} to finish, WebSockets are closed")
    return lines


def _listener(listener: Listener) -> Iterator[str]:
    yield "clients speak TLS" if listener.is_secure else "clients speak plain HTTP"
    yield from _listener_tls(listener)
    body = "of any length" if listener.max_body is None else f"up to {format_size(listener.max_body)}"
    head, target = format_size(listener.max_head), format_size(listener.max_target)
    yield (
        f"takes request heads up to {head} and {_plural(listener.max_fields, 'field')}, targets up to {target}, "
        f"bodies {body}, chunk extensions up to {format_size(listener.max_chunk_extensions)} of each"
    )
    yield (
        f"takes {_at_most(listener.max_connections)} of connections, "
        f"{_at_most(listener.max_connections_per_client)} of each client address; "
        f"requests of each client address: {_pace(listener.request_rate, listener.request_burst)}"
    )
    if not listener.keepalive:
        yield "ends connections after each request"
    elif listener.max_requests is not None:
        yield f"ends connections after {_plural(listener.max_requests, 'request')}"
    handshake = f"{format_duration(listener.tls_timeout)} for a TLS handshake, " if listener.is_secure else ""
    yield (
        f"waits {handshake}{format_duration(listener.header_timeout)} for a request head, "
        f"{format_duration(listener.body_timeout)} for more of a body{_rate(listener.body_rate)}, "
        f"{format_duration(listener.idle_timeout)} on an idle connection"
    )
    trusted = ", ".join(map(str, listener.trusted_proxies)) or "nobody"
    yield f"believes X-Forwarded-* headers of {trusted}"
    if listener.proxy_protocol:
        direct = ", ".join(map(str, listener.proxy_protocol_exceptions))
        yield f"has clients announced by these (PROXY protocol){f', but not those of {direct}' if direct else ''}"


def _listener_tls(listener: Listener) -> Iterator[str]:
    tls = listener.tls
    if listener.redirect_to_https:
        yield "sends clients to https:, but for locations that name it"
    for one in listener.shown:
        names = ", ".join(one.names) or "the names in it"
        yield f"shows the certificate in {one.file} to clients of {names}"
    if listener.shown:
        versions = dict.fromkeys((tls.min_version, tls.max_version))
        order = "the order decides" if tls.prefer_server_ciphers else "the client chooses"
        yield f"speaks TLS {' to '.join(versions)}, ciphers {tls.ciphers}: {order}"
        if tls.client_certificate != "none":
            revoked = f", but for those in {tls.client_crl}" if tls.client_crl else ""
            yield f"client certificates: {tls.client_certificate}, issued by {tls.client_ca}{revoked}"
    if listener.is_secure and tls.hsts_header is not None:
        yield f"tells browsers Strict-Transport-Security: {tls.hsts_header}"


def _rate(least: int) -> str:
    return f" (at least {format_size(least)} per second in the long run)" if least else ""


def where(location: Location) -> str:
    """Call a location by the requests that it takes."""
    hosts = ",".join(location.host)
    parts = [
        f"{hosts}{location.path}" if location.match is None else f"{hosts} matching {location.match}".strip()
    ]
    parts += [f"on {', '.join(location.listener)}"] if location.listener else []
    parts += [f"({location.requests} requests only)"] if location.requests != "all" else []
    return " ".join(parts)


def _target(location: Location) -> str:
    if location.balancer is not None:
        return f"balancer {location.balancer}{location.target or ''}"
    if location.files is not None:
        return f"files in {location.files}"
    if location.redirect is not None:
        return f"redirect {location.status or 302} to {location.redirect}"
    return f"status {location.status}"


def _rules(location: Location) -> Iterator[str]:
    yield from location.environment
    yield from (f"RequestHeader {rule}" for rule in location.request_headers)
    yield from (f"Header {rule}" for rule in location.response_headers)
    if location.error_override:
        yield f"shows its own page when a member answers {', '.join(location.error_override)}"
    for status, page in location.error_pages.items():
        yield f"shows with {status}: {page if len(page) <= 60 else page[:57] + '...'}"
    if location.reverse is not None:
        yield f"translates Location headers: {'; '.join(location.reverse) or 'never'}"


def _log(log: AccessLog) -> str:
    parts = [log.path, f"format {log.format}"]
    parts += [f"if {log.condition}"] if log.condition else []
    parts += [f"only of {', '.join(log.servers)}"] if log.servers else []
    parts += ["of WebSockets the end only"] if log.websockets == "end" else []
    return ", ".join(parts)


def _location(location: Location) -> Iterator[str]:
    if location.balancer is None:
        if location.files is None:
            yield from _rules(location)
        return
    if location.mapping != "verbatim":
        yield f"sends members the {location.mapping} path, escaped slashes: {location.encoded_slashes}"
    elif location.encoded_slashes == "refuse":
        yield "answers paths with escaped slashes with 404"
    sent = ["the client's Host" if location.preserve_host else "the member's own Host"]
    sent += ["X-Forwarded-*"] if location.forwarded else []
    sent += ["Via"] if location.via else []
    sent += ["traceparent"] if location.traceparent == "create" else []
    yield f"sends members {', '.join(sent)}"
    yield from _rules(location)
    if location.strip_request_headers:
        yield f"takes away what clients send as {', '.join(location.strip_request_headers)}"
    if not location.websocket:
        yield "lets no WebSockets through"
    elif location.requests != "other":
        yield from _websockets(location)


def _websockets(location: Location) -> Iterator[str]:
    lane = "frames pass as the bytes they are"
    if location.takes_messages:
        lane = f"message by message, each at most {format_size(location.longest_message)}"
    yield f"WebSockets: {lane}, {_COMPRESSED[location.websocket_compression]}"
    yield from _indented(_of_each(location))


def _of_each(location: Location) -> Iterator[str]:
    """What holds for each WebSocket."""
    if location.websocket_filter:
        yield f"every message is seen by {', '.join(location.websocket_filter)}"
    interval, misses = location.websocket_ping_interval, location.websocket_ping_misses
    if interval:
        yield (
            f"a side that is silent for {format_duration(interval)} is pinged, "
            f"and dropped {format_duration(interval * misses)} after a ping that nothing follows"
        )
    else:
        yield "nobody is pinged"
    idle, lifetime = location.websocket_idle_timeout, location.websocket_lifetime
    ends = [] if idle is None else [f"after {format_duration(idle)} without traffic"]
    ends += [] if lifetime is None else [f"after {format_duration(lifetime)} in any case"]
    yield f"closed {' and '.join(ends)}" if ends else "never closed for being idle or old"
    yield (
        f"up to {format_size(location.websocket_backlog)} wait for a slow side, then the other one pauses; "
        f"after {format_duration(location.websocket_slow_timeout)} of that it is closed with 1013"
    )
    said = f' "{location.websocket_close_reason}"' if location.websocket_close_reason else ""
    yield (
        f"closed by panolb with {location.websocket_close_code}{said}, "
        f"and with {location.websocket_lost_code} when the member breaks off"
    )


def _balancer(config: Config, balancer: Balancer) -> Iterator[str]:
    yield from _sticky(config, balancer)
    for member in balancer.member:
        yield f"member {member.url}{_member(member)}"
        if member.is_secure:
            yield f"  {_tls(balancer, member)}"
        if member.health is not None:
            yield f"  {_health(member.health)}"
    if not balancer.member or any(member.health is None for member in balancer.member):
        yield _health(balancer.health)
    retry = format_duration(balancer.retry)
    checked = any(balancer.check_of(member) for member in balancer.member)
    yield f"a member in error gets nothing for {retry}{', or until a check passes' if checked else ''}"
    if balancer.failonstatus or balancer.failontimeout:
        causes = [
            *map(str, balancer.failonstatus),
            *(["a response timeout"] if balancer.failontimeout else []),
        ]
        yield f"also in error after {', '.join(causes)}"
    yield (
        f"waits {format_duration(balancer.connect_timeout)} to connect, "
        f"{format_duration(balancer.response_timeout)} for an answer, "
        f"{format_duration(balancer.stall_timeout or balancer.response_timeout)} for more of it; "
        f"keeps idle connections for {format_duration(balancer.keepalive_idle)}, "
        + _at_most(balancer.max_connections)
        + " per member"
    )
    if balancer.max_connections is not None or any(member.max_connections for member in balancer.member):
        patience = balancer.acquire or balancer.queue_timeout
        yield f"of each member's requests {balancer.queue} may wait for a connection, each {format_duration(patience)}"
    yield (
        f"tries again: {_share(balancer.retry_budget)} of requests, and 10 per second; "
        f"live traffic takes out {_share(balancer.panic_threshold)} of the members"
    )
    if balancer.slow_start:
        yield f"new users of a member that is back grow to its share within {format_duration(balancer.slow_start)}"
    yield (
        f"WebSockets of each member: {_at_most(balancer.max_websockets)}"
        f"; new ones: {_pace(balancer.websocket_rate, balancer.websocket_burst)}"
    )
    if balancer.observe == "websocket":
        yield f"also in error after {_plural(balancer.observe_fails, 'WebSocket')} in a row that failed early"
    stay = "are closed" if balancer.close_on_failure else "stay"
    yield f"when checks take a member out, its WebSockets {stay}"
    cookie = balancer.session_cookie
    yield f"tells sessions apart by cookie {cookie}" if cookie else "does not tell sessions apart"


def _tls(balancer: Balancer, member: Member) -> str:
    def value(key: str) -> Any:
        own = getattr(member, key)
        return getattr(balancer, key) if own is None else own

    insecure = value("tls_insecure")
    asked = [
        (f"for {value('tls_name') or member.host}", "name"),
        (f"vouched for by {value('tls_ca') or 'whom this machine trusts'}", "ca"),
        ("valid now", "dates"),
    ]
    verified = [words for words, part in asked if part not in insecure]
    shown = value("tls_certificate")
    return (
        f"over TLS {value('tls_min_version')} or newer; its certificate must be "
        + (", ".join(verified) if verified else "none in particular: NOTHING IS VERIFIED")
        + (f"; is shown {shown}" if shown else "")
    )


def _in_all(websockets: WebSockets) -> str:
    return (
        f"{_at_most(websockets.max_open)}, of each client address {_at_most(websockets.max_per_client)}; "
        f"of many to close, {websockets.close_rate:g} per second; "
        f"{format_duration(websockets.close_timeout)} for the answer to a close"
    )


def _at_most(count: int | None) -> str:
    return "any number" if count is None else f"at most {count}"


def _share(share: float) -> str:
    return "all" if share >= 1 else f"at most {share:.0%}"


def _pace(rate: float, burst: int) -> str:
    return f"{burst} at once, then {rate:g} per second" if rate else "as fast as they come"


def _sticky(config: Config, balancer: Balancer) -> Iterator[str]:
    names = balancer.sticky_names
    if names is None:
        yield "users do not stick to a member (no stickysession)"
        return
    yield f"users stick by cookie {names[0]} or URL parameter {names[1]}"
    cookie = balancer.cookie
    yield (
        f"sets cookie {_cookie(config, cookie, names[0])}"
        if balancer.sets_cookie
        else "sets no cookie of its own"
    )
    moves = "gets 503" if balancer.nofailover else "moves to another"
    yield f"a user whose member cannot serve {moves}"


def _cookie(config: Config, cookie: Cookie, name: str) -> str:
    parts = [cookie.name or name, f"Path={cookie.path}"]
    parts += [f"Domain={cookie.domain}"] if cookie.domain else []
    parts += [f"Max-Age={int(cookie.max_age)}"] if cookie.max_age is not None else []
    parts += ["HttpOnly"] if cookie.httponly else []
    parts += [f"SameSite={cookie.samesite}"] if cookie.samesite != "off" else []
    secure = (
        {listener.is_secure for listener in config.listener.values()}
        if cookie.secure == "auto"
        else {cookie.secure}
    )
    if True in secure:
        parts.append("Secure" if len(secure) == 1 else "Secure (on listeners with TLS)")
    return "; ".join(parts)


def _member(member: Member) -> str:
    parts = [f"route {member.route}"] if member.route else []
    parts += [f"loadfactor {member.loadfactor:g}"] if member.loadfactor != 1 else []
    parts += [f"lbset {member.lbset}"] if member.lbset else []
    parts += [member.status] if member.status != "active" else []
    parts += ["hot standby"] if member.hot_standby else []
    parts += ["hot spare"] if member.hot_spare else []
    parts += ["errors ignored"] if member.ignore_errors else []
    for name, value in (
        ("retry", member.retry),
        ("connect_timeout", member.connect_timeout),
        ("response_timeout", member.response_timeout),
        ("stall_timeout", member.stall_timeout),
        ("queue_timeout", member.queue_timeout),
    ):
        parts += [f"{name} {format_duration(value)}"] if value is not None else []
    for name, count in (
        ("max_connections", member.max_connections),
        ("queue", member.queue),
        ("max_websockets", member.max_websockets),
        ("websocket_rate", member.websocket_rate),
        ("websocket_burst", member.websocket_burst),
    ):
        parts += [f"{name} {count:g}"] if count is not None else []
    return "".join(f", {part}" for part in parts)


def _health(health: Health | None) -> str:
    if health is None or health.check == "none":
        return "not checked; only live traffic tells"
    what = health.check if health.check == "tcp" else f"{health.check} {health.method} {health.uri}"
    if health.check == "websocket":
        what = f"websocket {health.uri}{' with ping' if health.ping else ''}"
    elif health.check == "http":
        what += " over HTTP/1.0" if health.http_version == "1.0" else ""
        expected = ", ".join(health.expect_status) + (", and a matching body" if health.expect_body else "")
        what += f" (expects {health.expect or expected})"
    return (
        f"checks: {what} every {format_duration(health.interval)}, "
        f"{format_duration(health.interval_changing)} while changing, "
        f"each at most {format_duration(health.timeout)}; out after {_plural(health.fails, 'fail')}, "
        f"back after {_plural(health.passes, 'pass', 'passes')}; {health.start} at the start"
    )


def _plural(count: int, one: str, many: str = "") -> str:
    return f"{count} {one if count == 1 else many or one + 's'}"


def _indented(lines: Iterator[str]) -> list[str]:
    return [f"  {line}" for line in lines]
