"""Balancers on their way become the model's Balancer; what all members have in common is said once, for all of them."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from attrs import evolve

from panolb.config.httpd.balancers import Group
from panolb.config.httpd.known import Verdict
from panolb.config.httpd.remarks import Remarks
from panolb.config.httpd.scalars import atoi
from panolb.config.httpd.scopes import Scope
from panolb.config.model import Balancer, Cookie, Member

MOST_ATTEMPTS: Final = 100
ANY_NUMBER: Final = 10**6  # of requests that wait for a connection: Apache counts none


def answer_timeout(scope: Scope, remarks: Remarks) -> float:
    """Return how long a server waits for members that have no timeout of their own, in seconds."""
    node = scope.last("ProxyTimeout")
    if node is None:
        return client_timeout(scope)
    if atoi(node.args[0]) < 1:
        remarks.problem(node, "Proxy Timeout must be at least 1 second.")
    return float(max(1, atoi(node.args[0])))


def client_timeout(scope: Scope) -> float:
    """Return how long a server waits for clients, in seconds."""
    return float(max(1, atoi(scope.word("Timeout", "60"))))


def build(
    group: Group, timeout: float, tls: dict[str, Any], remarks: Remarks, *, exact: bool
) -> Balancer | None:
    """Make the model's balancer; None when there is a problem, which has then been told.

    :param timeout: how long to wait for members that have no timeout of their own.
    :param tls: what holds for TLS to its members, by the names of the model.
    :param exact: as in Apache, where panolb would do better.
    """
    if not group.members:
        remarks.problem(group.node, f"balancer://{group.label} has no BalancerMember")
        return None
    timings = [member.timing(timeout, exact=exact) for member in group.members]
    common = {key: _usual([timing[key] for timing in timings]) for key in timings[0]}
    members: list[Member] = []
    for member, timing in zip(group.members, timings, strict=True):
        own = {key: value for key, value in timing.items() if value != common[key]}
        built = member.build(own, timing["response_timeout"], remarks)
        if built is not None:
            members.append(built)
    _say_websocket(group, remarks)
    if len(members) < len(group.members):
        return None
    own = _own(group)
    if exact:
        own |= {"websocket_rate": 0.0, "retry_budget": 1.0, "panic_threshold": 1.0, "queue": ANY_NUMBER}
    try:
        return Balancer(**own, **common, **tls, **_health(members))
    except ValueError as error:
        remarks.problem(group.node, str(error))
        return None


def _usual(values: list[Any]) -> Any:
    """Return what the balancer says for its members: what most have, or nothing where some have nothing."""
    return None if None in values else Counter(values).most_common(1)[0][0]


def _health(members: list[Member]) -> dict[str, Any]:
    """Return the members, and as the balancer's the health that most of them have, if all are checked."""
    checks = [member.health for member in members if member.health is not None]
    if len(checks) < len(members):
        return {"member": members}
    usual = max(checks, key=checks.count)
    return {
        "member": [evolve(one, health=None) if one.health == usual else one for one in members],
        "health": usual,
    }


def _own(group: Group) -> dict[str, Any]:
    """Return what the balancer says itself, by the names of the model."""
    values = dict(group.parameters)
    sticky = values.pop("stickysession", None) or None
    own: dict[str, Any] = {"stickysession": sticky}
    if sticky is not None:
        # The Header directive of the file sets the cookie, byte for byte as it says.
        own["cookie"] = Cookie(enabled=False)
    for name in ("growth", "nonce"):
        values.pop(name, None)
    if "timeout" in values:
        own["wait"] = float(min(7200, values.pop("timeout")))
    if "maxattempts" in values:
        own["maxattempts"] = min(MOST_ATTEMPTS, values.pop("maxattempts"))
    if "failonstatus" in values:
        own["failonstatus"] = [status for status in values.pop("failonstatus") if status >= 200]
    return {**own, **values}


def _say_websocket(group: Group, remarks: Remarks) -> None:
    if group.websocket is None:
        words = "WebSockets work, too; in Apache they need upgrade=websocket, which is not there."
        remarks.say(group.members[0].node, Verdict.IMPROVED, words)
    elif group.websocket and any(member.websocket is False for member in group.members):
        remarks.lost(group.members[0].node, "upgrade= is for all members of a balancer alike.")
