"""The status page: balancers, their members and the WebSockets of these, for people and as JSON; and the metrics."""

from __future__ import annotations

import html
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from klein import Klein
from twisted.internet.defer import Deferred, inlineCallbacks, maybeDeferred, returnValue
from twisted.internet.interfaces import IListeningPort, IStreamServerEndpoint
from twisted.web.iweb import IRequest

from ...core.member import Member
from ...events import EventLogger
from ..ledger import RoundTrips
from ..listeners import QuietSite, Routed
from ..operations import Operations, UnknownMember
from ..resources import Resources
from . import members, websockets
from .page import in_ms, page

if TYPE_CHECKING:
    from ..metrics.page import MetricsPage

log = EventLogger()

_TABLE = """<h2>{name}</h2><table><thead><tr><th>member</th><th>route</th><th>state</th><th>why</th>
<th class="n">busy now</th><th class="n">chosen, times</th><th class="n">WebSockets</th><th class="n">sessions with some</th>
<th class="n">round trip client</th><th class="n">round trip member</th></tr></thead><tbody>{rows}</tbody></table>
"""
_ROW = """<tr><td>{url}</td><td>{route}</td><td class="{state}">{state}</td><td>{reason}</td>
<td class="n">{busy}</td><td class="n">{elected}</td><td class="n"><a href="{href}">{websockets}</a></td>
<td class="n">{sessions}</td><td class="n">{client}</td><td class="n">{member}</td></tr>
"""
_HELD = """<p>Held now: connections of clients {clients}; exchanges {exchanges}, of which WebSockets {websockets};
connections to members {member_connections}, of which idle {member_connections_idle}, being made
{member_connections_being_made}, waited for {exchanges_waiting}; file descriptors {descriptors} of {descriptor_limit}{paused}.</p>"""
_NOTE = "<p><small>Round trips are what the last pings took: on average, and at most.</small></p>"


class StatusPage:
    """A small site on an endpoint of its own."""

    def __init__(
        self,
        reactor: Any,
        endpoint: IStreamServerEndpoint,
        description: str,
        operations: Operations,
        resources: Resources,
        metrics: MetricsPage,
        look: Callable[[], Deferred[Any]],
        find: websockets.Find,
    ) -> None:
        self._reactor = reactor
        self._endpoint = endpoint
        self.description = description
        self._operations = operations
        self._resources = resources
        self._metrics = metrics
        self._look = look
        self._find = find
        self._ledger = operations.ledger
        self._port: IListeningPort | None = None

    @property
    def is_open(self) -> bool:
        """Whether it listens."""
        return self._port is not None

    @inlineCallbacks
    def start(self) -> Any:
        """Open the endpoint."""
        self._port = yield self._endpoint.listen(QuietSite(Routed(self._routes()), self._reactor))
        log.info("status page: listening on {description}", event="door.open", description=self.description)

    @inlineCallbacks
    def stop(self) -> Any:
        """Close the endpoint."""
        port, self._port = self._port, None
        if port is not None:
            yield maybeDeferred(port.stopListening)

    def _routes(self) -> Klein:
        routes = Klein()

        @routes.route("/", methods=["GET", "HEAD"])
        @inlineCallbacks
        def as_page(request: IRequest) -> Any:
            yield self._look()
            status = self.status()
            tables = "".join(_table(one) for one in status["balancers"])
            body = tables + _NOTE + _held(status["resources"])
            returnValue(_html(request, page("panolb", body, "/status.json", 84)))

        @routes.route("/status.json", methods=["GET", "HEAD"])
        @inlineCallbacks
        def as_json(request: IRequest) -> Any:
            yield self._look()
            returnValue(_json(request, self.status()))

        @routes.route("/websockets", methods=["GET", "HEAD"])
        @inlineCallbacks
        def websockets_as_page(request: IRequest) -> Any:
            try:
                query = self._query(request)
                found = yield self._find(query)
                return _html(request, websockets.as_html(query, found))
            except (websockets.BadQuery, UnknownMember) as problem:
                request.setResponseCode(400)
                return _html(request, page("panolb", html.escape(str(problem)), "/websockets.json"))

        @routes.route("/websockets.json", methods=["GET", "HEAD"])
        @inlineCallbacks
        def websockets_as_json(request: IRequest) -> Any:
            try:
                query = self._query(request)
                found = yield self._find(query)
                return _json(request, websockets.as_json(query, found))
            except (websockets.BadQuery, UnknownMember) as problem:
                request.setResponseCode(400)
                return _json(request, {"error": str(problem)})

        @routes.route("/metrics", methods=["GET", "HEAD"])
        @inlineCallbacks
        def as_metrics(request: IRequest) -> Any:
            accept = request.getHeader(b"accept") or b""
            content_type, content = yield self._metrics.answer(accept.decode("latin-1"))
            returnValue(_answer(request, content_type.encode("latin-1"), content))

        return routes

    def _query(self, request: IRequest) -> websockets.Query:
        """What a request asks of the list of WebSockets; raises as `websockets.Query.asked` does."""
        return websockets.Query.asked(request.args or {}, self._operations)

    def status(self) -> dict[str, Any]:
        """What the pages show."""
        self._operations.refresh()
        return {
            "websockets": len(self._ledger),
            "resources": self._resources.as_json(),
            "balancers": [
                {"name": name, "members": [self._member(member) for member in balancer.members]}
                for name, balancer in self._operations.balancers.items()
            ],
        }

    def _member(self, member: Member) -> dict[str, Any]:
        tally = self._ledger.tally(member)
        return {
            **members.as_json(member, tally, self._operations.reason(member)),
            "client_round_trip": _rounded(tally.client_round_trip),
            "member_round_trip": _rounded(tally.member_round_trip),
        }


def _rounded(times: RoundTrips) -> dict[str, float | None]:
    return {
        name: None if value is None else round(value, 3)
        for name, value in zip(times._fields, times, strict=True)
    }


def _table(balancer: dict[str, Any]) -> str:
    rows = "".join(_row(member) for member in balancer["members"])
    return _TABLE.format(name=html.escape(balancer["name"]), rows=rows)


def _row(member: dict[str, Any]) -> str:
    texts = {
        **member,
        "href": websockets.Query().url("/websockets", member=member["name"]),
        "client": _in_words(member["client_round_trip"]),
        "member": _in_words(member["member_round_trip"]),
    }
    return _ROW.format_map({name: html.escape(str(value)) for name, value in texts.items()})


def _held(resources: dict[str, Any]) -> str:
    numbers = {name: "-" if number is None else number for name, number in resources.items()}
    paused = ", too few to accept clients" if resources["accepting_paused"] else ""
    return _HELD.format_map({**numbers, "clients": sum(resources["clients"].values()), "paused": paused})


def _in_words(times: dict[str, float | None]) -> str:
    mean, most = times["mean_ms"], times["max_ms"]
    return in_ms(mean) if mean == most else f"{in_ms(mean)}, {in_ms(most)}"


def _html(request: IRequest, content: bytes) -> bytes:
    return _answer(request, b"text/html; charset=utf-8", content)


def _json(request: IRequest, value: object) -> bytes:
    return _answer(request, b"application/json", json.dumps(value, indent=1).encode() + b"\n")


def _answer(request: IRequest, content_type: bytes, content: bytes) -> bytes:
    request.setHeader(b"content-type", content_type)
    request.setHeader(b"cache-control", b"no-store")
    return content
