"""Members, balancers and requests for tests of the core, each made in one short line."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from panolb.core.balancer import Balancer, Decision, Settings
from panolb.core.exchange import Exchange
from panolb.core.member import Member, MemberSpec
from panolb.core.policies import ByRequests
from panolb.core.request import Request, understand
from panolb.core.sticky import RouteResolver


class Nowhere:
    """A connector for members that are only chosen, never connected to."""

    def connect(self, exchange: Exchange, fresh: bool) -> None:
        raise AssertionError("nothing connects in this test")

    def cancel(self, exchange: Exchange) -> None:
        raise AssertionError("nothing connects in this test")


def spec(route: str = "", **changes: Any) -> MemberSpec:
    """A member's configuration; without more words that of ``http://localhost:808<route>/panopticon``."""
    port = 8080 + int(route) if route.isdigit() else 8080
    known: dict[str, Any] = {
        "balancer": "b",
        "url": f"http://localhost:{port}/panopticon",
        "host": "localhost",
        "port": port,
        "path": b"/panopticon",
        "authority": b"localhost:%d" % port,
        "route": route.encode(),
    }
    return MemberSpec(**{**known, **changes})


def member(route: str = "", **changes: Any) -> Member:
    """A member that nobody connects to."""
    return Member(spec(route, **changes), Nowhere())


def balancer(*members: Member, **changes: Any) -> Balancer:
    """A balancer with ``stickysession=ROUTEID`` and ``lbmethod=byrequests``."""
    known: dict[str, Any] = {"resolver": RouteResolver("ROUTEID")}
    living = {name: changes.pop(name) for name in ("later", "watcher", "alarm", "now") if name in changes}
    return Balancer("b", members, ByRequests(), Settings(**{**known, **changes}), **living)


def ask(
    *lines: bytes, method: bytes = b"GET", target: bytes = b"/panopticon/", version: bytes = b"1.1"
) -> Request:
    """A request with these header fields; a Host is added when none is among them."""
    fields = list(lines)
    if not any(line.lower().startswith(b"host:") for line in fields):
        fields.insert(0, b"Host: dash.example")
    return understand(method, target, version, fields)


def route_of(decision: Decision | None) -> str:
    """The route of the chosen member, with a ``*`` when the client has to learn it; ``503`` for nobody."""
    if decision is None:
        return "503"
    return decision.member.spec.route.decode() + ("*" if decision.changed else "")


def routes(
    chooser: Balancer,
    count: int,
    route: bytes | None = None,
    now: float = 0.0,
    tried: Collection[Member] = (),
) -> str:
    """The routes of ``count`` choices in a row, as one string without the marks of changed routes."""
    return "".join(route_of(chooser.choose(route, tried, now)).rstrip("*") for _ in range(count))
