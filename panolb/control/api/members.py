"""Members: shown, and told what to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from twisted.internet.defer import Deferred

from ...config.runtime import settings
from ...core.member import Admin, Member
from ..admin.members import as_json
from ..operations import UnknownMember
from .answers import Refused
from .calls import Asked, Call
from .parts import Parts
from .shapes import Flag, Listed, Number, Object, Shape, Text, Whole

STATES = [admin.value for admin in Admin]

UNKEPT = Text(doc="Why what operators changed lasts only until panolb ends; empty when it is written down.")

CHANGED = Object(
    title="Changed",
    doc="What an operator changed of a member while panolb runs.",
    fields={
        "was": Shape(doc="What the file says; null when it does not have the member."),
        "is": Shape(doc="What holds instead."),
        "since": Number(doc="In seconds since 1970."),
    },
)

MEMBER = Object(
    title="Member",
    doc="One server behind a balancer, as it is now.",
    fields={
        "name": Text(doc="BALANCER/ROUTE, as in the access log.", example="app/1"),
        "url": Text(doc="Where it is."),
        "route": Text(doc="Its sticky id; empty when it has none."),
        "weight": Number(doc="Its share of the work, against the other members'."),
        "state": Text(
            doc="What it is now: a state that an operator gave it, or what checks and live traffic say.",
            choices=("up", "drain", "down", "error", "disabled", "stopped", "removed"),
        ),
        "reason": Text(doc="Why it does not serve as others do; empty when it does."),
        "busy": Whole(doc="Requests and WebSockets under way with it."),
        "elected": Whole(doc="How many times it was chosen."),
        "websockets": Whole(doc="Its WebSockets that are open."),
        "sessions": Whole(doc="Users' sessions with at least one of them."),
        "admin": Text(doc="What its operator wants.", choices=STATES),
        "moving": Flag(doc="Whether its users are sent to other members."),
        "closing": Whole(doc="WebSockets that are being closed."),
        "leaving": Flag(doc="Whether it is removed, and only finishes what is under way with it."),
        "overrides": Object(
            title="Overrides",
            doc="What operators changed of it while panolb runs.",
            fields={"state": CHANGED, "weight": CHANGED, "added": CHANGED},
            optional=("state", "weight", "added"),
        ),
        "unkept": UNKEPT,
    },
)

MEMBERS = Object(title="Members", fields={"members": Listed(of=MEMBER)})

WEIGHT = Number(doc="Its share of the work, against the other members'.", least=1, most=100)

WISH = Object(
    title="MemberWish",
    doc="What is to become of a member. It holds over reloads and restarts, until it is dropped or the file is changed.",
    fields={
        "state": Text(
            doc="drain: no new users, its own stay. disabled, stopped: closes its WebSockets.", choices=STATES
        ),
        "close_websockets": Flag(
            doc="With state drain: close its WebSockets and send its users to other members."
        ),
        "weight": WEIGHT,
    },
    optional=("state", "close_websockets", "weight"),
    least=1,
)

NEW = Object(
    title="NewMember",
    doc="A member that is to be added.",
    fields={
        "url": Text(doc="Where it is.", example="http://10.0.0.3:8080/", line=True),
        "route": Text(doc="Its sticky id; needed where the balancer has stickysession.", line=True),
        "weight": WEIGHT,
    },
    optional=("route", "weight"),
    more=Shape(doc="Any other key of [[balancer.NAME.member]] in a TOML file."),
)

LEFT = Object(
    title="Left",
    doc="A member that is removed, and what is still under way with it.",
    fields={"name": Text(), "websockets": Whole(), "busy": Whole(), "unkept": UNKEPT},
)

NAME = Text(
    doc="BALANCER/ROUTE or BALANCER/HOST:PORT; the slash may be written as %2F.",
    example="app/1",
    line=True,
    least=1,
    slashes=True,
)
BALANCER_NAME = Text(example="app", line=True, least=1)
UNKNOWN = {404: "There is no such member; the error names all."}
IMPOSSIBLE = {409: "It cannot be done as things are."}


# -- showing ------------------------------------------------------------------------------------------------------------


def describe(parts: Parts, member: Member) -> dict[str, Any]:
    """A member as JSON; `Operations.refresh` comes before."""
    operations, leaving = parts.operations, _is_leaving(parts, member)
    return {
        **as_json(member, operations.ledger.tally(member), operations.reason(member)),
        "weight": member.spec.loadfactor / 100,
        "admin": member.admin.value,
        "moving": member.moving,
        "closing": operations.closing(member),
        "leaving": leaving,
        "overrides": {} if leaving else parts.changes.of_member(member),
        "unkept": parts.changes.unkept,
    }


def describe_all(parts: Parts, balancers: Iterable[str]) -> list[dict[str, Any]]:
    """The members of some balancers, and behind them those of them that are leaving."""
    names = tuple(balancers)
    parts.operations.refresh()
    there = [member for name in names for member in parts.operations.balancers[name].members]
    leaving = [one for one in parts.plant.leaving if one.spec.balancer in names and one not in there]
    return [describe(parts, member) for member in (*there, *leaving)]


def _is_leaving(parts: Parts, member: Member) -> bool:
    balancer = parts.operations.balancers.get(member.spec.balancer)
    return balancer is None or member not in balancer.members


def _members(parts: Parts, asked: Asked) -> object:
    return {"members": describe_all(parts, parts.operations.balancers)}


def _member(parts: Parts, asked: Asked) -> object:
    parts.operations.refresh()
    try:
        return describe(parts, parts.operations.find(asked.name))
    except UnknownMember:
        for member in parts.plant.leaving:
            if member.spec.name == asked.name:
                return describe(parts, member)
        raise


# -- changing -----------------------------------------------------------------------------------------------------------


def _change(parts: Parts, asked: Asked) -> Deferred[Any]:
    wish = asked.body
    parts.operations.find(asked.name)
    state, closes = wish.get("state"), wish.get("close_websockets", False)
    if closes and state == Admin.ACTIVE.value:
        raise Refused(422, "an active member keeps its WebSockets; drain closes them")
    if "close_websockets" in wish and state is None:
        raise Refused(422, "close_websockets goes with a state; write state = drain")
    changing: Deferred[Any] = parts.changes.set_member(asked.name, state, wish.get("weight"), closes)
    return changing.addCallback(lambda member: _described(parts, member))


def _add(parts: Parts, asked: Asked) -> Deferred[Any]:
    if asked.name not in parts.operations.balancers:
        names = ", ".join(parts.operations.balancers)
        raise Refused(404, f"there is no balancer {asked.name}; there are: {names}")
    _check(asked.body)
    adding: Deferred[Any] = parts.changes.add(asked.name, asked.body)
    return adding.addCallback(lambda member: _described(parts, member))


def _described(parts: Parts, member: Member) -> dict[str, Any]:
    parts.operations.refresh()
    return describe(parts, member)


def _check(wish: Mapping[str, object]) -> None:
    """Whether this can be the keys of a member.

    :raises Refused: when not.
    """
    if "weight" in wish and "loadfactor" in wish:
        raise Refused(422, "weight is another word for loadfactor; take one of them away")
    try:
        settings({"loadfactor" if key == "weight" else key: value for key, value in wish.items()})
    except ValueError as error:
        raise Refused(422, str(error)) from None


def _remove(parts: Parts, asked: Asked) -> object:
    return parts.changes.remove(asked.name)


CALLS = (
    Call(
        method="GET",
        path="/members",
        summary="All members, and those that are removed and still finish what is under way",
        do=_members,
        answer=MEMBERS,
    ),
    Call(
        method="GET",
        path="/members/{name}",
        summary="One member",
        do=_member,
        answer=MEMBER,
        names={"name": NAME},
        refusals=UNKNOWN,
    ),
    Call(
        method="POST",
        path="/members/{name}",
        summary="Drain a member, bring it back, take it out of service, or give it another weight",
        do=_change,
        answer=MEMBER,
        names={"name": NAME},
        body=WISH,
        refusals={**UNKNOWN, **IMPOSSIBLE, 422: "What is wished contradicts itself."},
    ),
    Call(
        method="POST",
        path="/balancers/{name}/members",
        summary="Add a member",
        do=_add,
        answer=MEMBER,
        names={"name": BALANCER_NAME},
        body=NEW,
        status=201,
        refusals={404: "There is no such balancer.", **IMPOSSIBLE, 422: "A key is not what it should be."},
    ),
    Call(
        method="DELETE",
        path="/members/{name}",
        summary="Remove a member; its WebSockets are closed, and its users go to others",
        do=_remove,
        answer=LEFT,
        names={"name": NAME},
        refusals={**UNKNOWN, **IMPOSSIBLE},
    ),
)
