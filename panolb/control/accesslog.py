"""The access logs: a line per exchange, and two per WebSocket, in the formats that Apache's users parse already.

``common`` and ``combined`` are written by a function of their own, since every request pays for it: after Apache's
fields come, in quotes-free words, the member, why it was chosen, where the route was found, how it ended (``-`` for
well), the time it took in milliseconds, and the request id that error pages show.  ``json`` is that of
`panolb.control.jsonlog`, every other format a `panolb.language.logformat.LogFormat`.  Query strings and paths are what the client sent, with quotes and control
characters escaped; cookies are written only where a format asks for them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from twisted.web.server import Request as WebRequest

from ..config import model
from ..core.exchange import Exchange
from ..core.request import Request
from ..core.routing import host_name
from ..errors import ConfigError, Problem
from ..language import logformat
from ..language.environment import variable_name
from .jsonlog import JsonLog
from .logfile import LogFile
from .logged import (
    LoggedExchange,
    LoggedWeb,
    Times,
    beginning_of_web,
    client_of_web,
    told_of,
    without_query,
)
from .logtarget import Target

Add = Callable[[bytes], None]

LAST_WORDS = 2.0  # seconds at the stop in which what is gathered must have been written

_EVEN = bytes(byte for byte in range(32, 127) if byte not in b'"\\')
_ESCAPED = {byte: f"\\x{byte:02x}".encode() for byte in (*range(32), 34, 92, *range(127, 256))}


class Log(Protocol):
    """Notes what is over, and what has become a WebSocket."""

    def write(self, exchange: Exchange) -> None:
        """Note an exchange."""

    def opened(self, exchange: Exchange) -> None:
        """Note that an exchange has become a WebSocket."""

    def write_web(self, request: WebRequest) -> None:
        """Note a request that twisted.web served: a file, or a 404 of ours."""


class AccessLogs:
    """All access logs of a configuration; those that go to one path share its file.

    :param former: those before them; a file that both have goes on.
    :raises ConfigError: when a file cannot be opened.
    """

    def __init__(self, config: model.Config, times: Times, former: AccessLogs | None = None) -> None:
        self._times = times
        self._files: dict[str, LogFile] = {}
        present = {} if former is None else former._files
        self._logs: list[Log] = []
        self._openers: list[Log] = []
        self._ending: list[LogFile] = []  # with lines that have not been written yet
        for index, one in enumerate(config.access_log):
            target = Target(one.path)
            if target.key not in self._files:
                place = config.where(("access_log", index, "path"))
                try:
                    self._files[target.key] = present.get(target.key) or _opened(target, place)
                except ConfigError:
                    self.stop(following=former)
                    raise
            made = _log(one, self._files[target.key].add, times)
            self._logs.append(made)
            if one.websockets == "both":
                self._openers.append(made)

    def writer(self) -> Callable[[Exchange], None] | None:
        """What notes an exchange that is over; ``None`` when there is no log."""
        if len(self._logs) == 1:
            return self._logs[0].write
        return self._write if self._logs else None

    def opener(self) -> Callable[[Exchange], None] | None:
        """What notes an exchange that has become a WebSocket; ``None`` when no log does."""
        if len(self._openers) == 1:
            return self._openers[0].opened
        return self._note_opened if self._openers else None

    def web_writer(self) -> Callable[[WebRequest], None] | None:
        """What notes a request that twisted.web served; ``None`` when there is no log."""
        return self._write_web if self._logs else None

    def _write(self, exchange: Exchange) -> None:
        for one in self._logs:
            one.write(exchange)

    def _note_opened(self, exchange: Exchange) -> None:
        for one in self._openers:
            one.opened(exchange)

    def _write_web(self, request: WebRequest) -> None:
        for one in self._logs:
            one.write_web(request)

    def start(self, reactor: Any) -> None:
        """Begin to flush regularly."""
        for file in self._files.values():
            file.start(reactor)

    def stop(self, following: AccessLogs | None = None) -> None:
        """Close the files when all is written, but for those that others go on with; without them wait for it a while."""
        kept = set() if following is None else set(following._files.values())
        for file in set(self._files.values()) - kept:
            file.stop()
            self._ending.append(file)
        end = self._times.clock() + (LAST_WORDS if following is None else 0.0)
        left = [file for file in self._ending if not file.join(max(end - self._times.clock(), 0.0))]
        if following is not None:
            following._ending += left
            return
        for file in left:
            file.give_up()

    def lost(self) -> dict[str, int]:
        """How many lines could not be written, by path."""
        return {file.path: file.lost for file in self._files.values()}

    def reopen(self) -> None:
        """Go on in new files."""
        for file in self._files.values():
            file.reopen()


def _opened(target: Target, place: str) -> LogFile:
    try:
        return LogFile(target)
    except OSError as error:
        raise ConfigError([Problem(place, f"{target.path} cannot be written: {error.strerror}")]) from None


def _log(config: model.AccessLog, add: Add, times: Times) -> Log:
    log: Log
    if config.format in ("common", "combined"):
        log = PlainLog(add, config.format == "combined", times, config.query is not False)
    elif config.format == "json":
        log = JsonLog(add, times, config.query is True)
    else:
        log = FormattedLog(add, logformat.parse(config.format), times, config.query is not False)
    if config.condition is not None:
        log = Conditional(log, config.condition)
    if config.servers:
        log = OfServers(log, config.servers)
    return log


class PlainLog:
    """``common`` or ``combined``, with what panolb adds.

    :param query: whether query strings stand in it, as in Apache's.
    """

    def __init__(self, add: Add, combined: bool, times: Times, query: bool = True) -> None:
        self._add = add
        self._combined = combined
        self._times = times
        self._query = query

    def write(self, exchange: Exchange) -> None:
        """Note an exchange."""
        tunnel = exchange.tunnel
        term = exchange.term.encode() or b"-"
        self._line(exchange, term if tunnel is None else b"%b:%d" % (term, tunnel.code), exchange.ended)

    def opened(self, exchange: Exchange) -> None:
        """Note that an exchange has become a WebSocket."""
        self._line(exchange, b"opened", self._times.clock())

    def _line(self, exchange: Exchange, term: bytes, until: float) -> None:
        request, decision, route, sent = exchange.request, exchange.decision, exchange.route, exchange.sent
        target = request.target if self._query else request.path
        self._add(
            b'%b - - [%b] "%b %b HTTP/1.%d" %d %b%b %b %b %b %b %d %b\n'
            % (
                exchange.client.peer.client(request),
                self._times.stamp(exchange.started),
                request.method,
                _escape(target) if target.translate(None, _EVEN) else target,
                request.http11,
                exchange.status,
                b"%d" % sent if sent else b"-",
                self._headers_of(request) if self._combined else b"",
                b"-" if decision is None else decision.member.label,
                b"-" if decision is None else decision.why.encode(),
                b"-" if route is None else route.source.encode(),
                term,
                (until - exchange.started) * 1000,
                exchange.request_id.encode(),
            )
        )

    def _headers_of(self, request: Request) -> bytes:
        """What ``combined`` adds; worked out once for a set of fields."""
        told = told_of(request)
        known = told.get(self)
        if known is None:
            known = told[self] = b' "%b" "%b"' % (
                _quoted(self._shown(request.field(b"referer"))),
                _quoted(request.field(b"user-agent")),
            )
        return known

    def _shown(self, url: bytes | None) -> bytes | None:
        return url if self._query else without_query(url)

    def write_web(self, request: WebRequest) -> None:
        """Note a request that twisted.web served."""
        now, began = self._times.clock(), beginning_of_web(request)
        line = b'%b - - [%b] "%b %b %b" %d %b' % (
            client_of_web(request) or b"-",
            self._times.stamp(now if began is None else began),
            request.method,
            _quoted(self._shown(request.uri)),
            request.clientproto,
            request.code,
            b"%d" % request.sentLength if request.sentLength else b"-",
        )
        if self._combined:
            referer, agent = request.getHeader(b"referer"), request.getHeader(b"user-agent")
            line += b' "%b" "%b"' % (_quoted(self._shown(referer)), _quoted(agent))
        lasted = b"-" if began is None else b"%d" % ((now - began) * 1000)
        self._add(line + b" - local - - %b -\n" % lasted)


class FormattedLog:
    """A format of the operator's, or one of `panolb.language.logformat.PRESETS`.

    :param query: whether query strings may stand in it.
    """

    def __init__(self, add: Add, form: logformat.LogFormat, times: Times, query: bool = True) -> None:
        self._add = add
        self._form = form
        self._times = times
        self._query = query
        self._logged = LoggedExchange(times, query)

    def write(self, exchange: Exchange) -> None:
        """Note an exchange."""
        self._logged.exchange = exchange
        self._add(self._form.line(self._logged) + b"\n")
        del self._logged.exchange  # which would keep its location until there is another line

    opened = write

    def write_web(self, request: WebRequest) -> None:
        """Note a request that twisted.web served."""
        self._add(self._form.line(LoggedWeb(request, self._times, self._query)) + b"\n")


class Conditional:
    """Another log, for what has a variable or, with ``!``, has not.

    :param condition: ``NAME`` or ``!NAME``.
    """

    def __init__(self, log: Log, condition: str) -> None:
        self._log = log
        self._name = variable_name(condition.removeprefix("!"))
        self._wanted = not condition.startswith("!")

    def write(self, exchange: Exchange) -> None:
        """Note an exchange, if it is one of those."""
        if self._is_one(exchange):
            self._log.write(exchange)

    def opened(self, exchange: Exchange) -> None:
        """Note that an exchange has become a WebSocket, if it is one of those."""
        if self._is_one(exchange):
            self._log.opened(exchange)

    def _is_one(self, exchange: Exchange) -> bool:
        return (exchange.facts.env(self._name) is not None) is self._wanted

    def write_web(self, request: WebRequest) -> None:
        """Note a request that twisted.web served; those have no variables."""
        if not self._wanted:
            self._log.write_web(request)


class OfServers:
    """Another log, for some servers.

    :param servers: the server_name of their locations.
    """

    def __init__(self, log: Log, servers: Sequence[str]) -> None:
        self._log = log
        self._servers = frozenset(host_name(server.encode()) for server in servers)

    def write(self, exchange: Exchange) -> None:
        """Note an exchange, if it is one of theirs."""
        if self._is_theirs(exchange):
            self._log.write(exchange)

    def opened(self, exchange: Exchange) -> None:
        """Note that an exchange has become a WebSocket, if it is one of theirs."""
        if self._is_theirs(exchange):
            self._log.opened(exchange)

    def _is_theirs(self, exchange: Exchange) -> bool:
        return host_name(exchange.location.server_name) in self._servers

    def write_web(self, request: WebRequest) -> None:
        """Note a request that twisted.web served; whose it is, only its Host says."""
        if host_name(request.getHeader(b"host") or b"") in self._servers:
            self._log.write_web(request)


def _quoted(value: bytes | None) -> bytes:
    if value is None:
        return b"-"
    return _escape(value) if value.translate(None, _EVEN) else value


def _escape(value: bytes) -> bytes:
    return b"".join(_ESCAPED.get(byte) or bytes((byte,)) for byte in value)
