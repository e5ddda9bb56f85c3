"""The status page: balancers and their members, for people and as JSON."""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Mapping
from typing import Any

from klein import Klein
from twisted.internet.defer import inlineCallbacks, maybeDeferred
from twisted.internet.interfaces import IListeningPort, IStreamServerEndpoint
from twisted.logger import Logger
from twisted.web.iweb import IRequest

from ...core.balancer import Balancer
from ...core.member import Member
from ..listeners import QuietSite

log = Logger()

_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>panolb</title><meta http-equiv="refresh" content="2">
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
:root {{ color-scheme: light dark; --line: #8884; --ok: #2a8a4a; --bad: #c0392b; --warn: #b7791f; }}
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 62em; margin: 3em auto; padding: 0 1em; }}
table {{ border-collapse: collapse; width: 100%; margin: .5em 0 2em; }}
th, td {{ text-align: left; padding: .4em .8em; border-bottom: 1px solid var(--line); }}
td.n {{ text-align: right; font-variant-numeric: tabular-nums; }} th.n {{ text-align: right; }}
.up {{ color: var(--ok); }} .down, .error, .stopped {{ color: var(--bad); }} .drain, .disabled {{ color: var(--warn); }}
small {{ opacity: .7; }}
</style></head><body><h1>panolb</h1>{balancers}
<p><small>Refreshed every 2 seconds. The same as JSON: <a href="/status.json">/status.json</a></small></p></body></html>
"""
_TABLE = """<h2>{name}</h2><table><thead><tr><th>member</th><th>route</th><th>state</th><th>why</th>
<th class="n">busy now</th><th class="n">chosen, times</th></tr></thead><tbody>{rows}</tbody></table>
"""
_ROW = """<tr><td>{url}</td><td>{route}</td><td class="{state}">{state}</td><td>{reason}</td>
<td class="n">{busy}</td><td class="n">{elected}</td></tr>
"""


class StatusPage:
    """A small site on an endpoint of its own."""

    def __init__(
        self,
        reactor: Any,
        endpoint: IStreamServerEndpoint,
        description: str,
        balancers: Mapping[str, Balancer],
        clock: Callable[[], float],
    ) -> None:
        self._reactor = reactor
        self._endpoint = endpoint
        self.description = description
        self._balancers = balancers
        self._clock = clock
        self._port: IListeningPort | None = None

    @inlineCallbacks
    def start(self) -> Any:
        """Open the endpoint."""
        self._port = yield self._endpoint.listen(QuietSite(self._routes().resource(), self._reactor))
        log.info("status page: listening on {description}", description=self.description)

    @inlineCallbacks
    def stop(self) -> Any:
        """Close the endpoint."""
        port, self._port = self._port, None
        if port is not None:
            yield maybeDeferred(port.stopListening)

    def _routes(self) -> Klein:
        routes = Klein()

        @routes.route("/", methods=["GET", "HEAD"])
        def page(request: IRequest) -> bytes:
            request.setHeader(b"content-type", b"text/html; charset=utf-8")
            request.setHeader(b"cache-control", b"no-store")
            return _PAGE.format(balancers="".join(_table(one) for one in self.status()["balancers"])).encode()

        @routes.route("/status.json", methods=["GET", "HEAD"])
        def as_json(request: IRequest) -> bytes:
            request.setHeader(b"content-type", b"application/json")
            request.setHeader(b"cache-control", b"no-store")
            return json.dumps(self.status(), indent=1).encode() + b"\n"

        return routes

    def status(self) -> dict[str, Any]:
        """What the pages show."""
        now = self._clock()
        for balancer in self._balancers.values():
            balancer.refresh(now)  # an error that has run out is not shown as one
        return {
            "balancers": [
                {"name": name, "members": [_member(member) for member in balancer.members]}
                for name, balancer in self._balancers.items()
            ]
        }


def _member(member: Member) -> dict[str, Any]:
    return {
        "name": member.spec.name,
        "url": member.spec.url,
        "route": member.spec.route.decode("ascii"),
        "state": member.state,
        "reason": member.health.reason,
        "busy": member.busy,
        "elected": member.elected,
    }


def _table(balancer: dict[str, Any]) -> str:
    rows = "".join(
        _ROW.format_map({key: html.escape(str(value)) for key, value in member.items()})
        for member in balancer["members"]
    )
    return _TABLE.format(name=html.escape(balancer["name"]), rows=rows)
