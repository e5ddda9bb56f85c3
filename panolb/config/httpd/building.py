"""Balancers on their way become the model's Balancer; what all members have in common is said once, for all of them."""

from __future__ import annotations

from typing import Any, Final

from attrs import evolve

from panolb.config.httpd.balancers import Group
from panolb.config.httpd.known import Verdict
from panolb.config.httpd.remarks import Remarks
from panolb.config.httpd.scalars import duration
from panolb.config.httpd.scopes import Scope
from panolb.config.model import Balancer, Cookie, Health, Member

MOST_ATTEMPTS: Final = 100


def answer_timeout(scope: Scope, remarks: Remarks) -> float:
    """Return how long a server waits for members that have no timeout of their own, in seconds."""
    for name in ("ProxyTimeout", "Timeout"):
        node = scope.last(name)
        if node is not None:
            try:
                return max(1.0, duration(node.args[0], "s"))
            except ValueError as error:
                remarks.problem(node, str(error))
    return 60.0


def client_timeout(scope: Scope) -> float:
    """Return how long a server waits for clients, in seconds."""
    try:
        return max(1.0, duration(scope.word("Timeout", "60"), "s"))
    except ValueError:
        return 60.0


def build(group: Group, timeout: float, remarks: Remarks, *, exact: bool) -> Balancer | None:
    """Make the model's balancer; None when there is a problem, which has then been told.

    :param timeout: how long to wait for members that have no timeout of their own.
    """
    if not group.members:
        remarks.problem(group.node, f"balancer://{group.label} has no BalancerMember")
        return None
    timings = [member.timing(timeout, exact=exact) for member in group.members]
    common = {
        key: value for key, value in timings[0].items() if all(timing[key] == value for timing in timings)
    }
    members: list[Member] = []
    for member, timing in zip(group.members, timings, strict=True):
        own = {key: value for key, value in timing.items() if key not in common}
        built = member.build(own, timing["response_timeout"], remarks)
        if built is not None:
            members.append(built)
    _say_websocket(group, remarks)
    if len(members) < len(group.members):
        return None
    try:
        return Balancer(**_own(group), **common, **_health(members))
    except ValueError as error:
        remarks.problem(group.node, str(error))
        return None


def _health(members: list[Member]) -> dict[str, Any]:
    """Return the members, and their health as the balancer's when it is the same for all."""
    checks: list[Health | None] = [member.health for member in members]
    if checks[0] is None or any(one != checks[0] for one in checks):
        return {"member": members}
    return {"member": [evolve(member, health=None) for member in members], "health": checks[0]}


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
