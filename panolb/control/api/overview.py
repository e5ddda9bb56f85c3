"""The whole at a glance: balancers and listeners."""

from __future__ import annotations

import os
from typing import Any

from ... import __version__
from .answers import Refused
from .calls import Asked, Call
from .members import BALANCER_NAME, MEMBER, describe_all
from .parts import Parts
from .shapes import Flag, Listed, Maybe, Number, Object, Text, Whole

BALANCER = Object(
    title="Balancer",
    doc="A balancer with its members.",
    fields={
        "name": Text(),
        "method": Text(doc="How it chooses a member: lbmethod."),
        "stickysession": Maybe(of=Text(), doc="The name of its cookie; null when users do not stick."),
        "session_cookie": Maybe(of=Text(), doc="The cookie that tells users' sessions apart."),
        "members": Listed(of=MEMBER),
    },
)
BALANCERS = Object(title="Balancers", fields={"balancers": Listed(of=BALANCER)})

LISTENER = Object(
    title="Listener",
    fields={
        "name": Text(),
        "endpoint": Text(),
        "connections": Whole(doc="Clients' connections."),
        "open": Flag(doc="Whether it listens."),
    },
)
LISTENERS = Object(title="Listeners", fields={"listeners": Listed(of=LISTENER)})

STATUS = Object(
    title="Status",
    fields={
        "version": Text(),
        "pid": Whole(),
        "uptime_seconds": Number(),
        "generation": Whole(doc="Counts up with every configuration that takes effect."),
        "balancers": Listed(of=BALANCER),
        "listeners": Listed(of=LISTENER),
        "websockets": Whole(doc="How many are open."),
        "sessions": Whole(doc="Users' sessions that have some, or are being moved."),
        "overrides": Whole(doc="What operators changed while panolb runs."),
    },
)


def _balancer(parts: Parts, name: str) -> dict[str, Any]:
    config = parts.changes.configuration.config.balancer[name]
    return {
        "name": name,
        "method": config.lbmethod,
        "stickysession": config.stickysession,
        "session_cookie": config.session_cookie,
        "members": describe_all(parts, (name,)),
    }


def _balancers(parts: Parts, asked: Asked) -> dict[str, Any]:
    return {"balancers": [_balancer(parts, name) for name in parts.operations.balancers]}


def _one(parts: Parts, asked: Asked) -> object:
    if asked.name not in parts.operations.balancers:
        raise Refused(
            404, f"there is no balancer {asked.name}; there are: {', '.join(parts.operations.balancers)}"
        )
    return _balancer(parts, asked.name)


def _listeners(parts: Parts, asked: Asked) -> dict[str, Any]:
    clients = parts.listening.clients
    listeners = [
        {
            "name": name,
            "endpoint": one.description,
            "connections": clients.get(name, 0),
            "open": one.is_open,
        }
        for name, one in parts.listening.listeners.items()
    ]
    return {"listeners": listeners}


def _status(parts: Parts, asked: Asked) -> object:
    return {
        "version": __version__,
        "pid": os.getpid(),
        "uptime_seconds": round(parts.clock() - parts.started, 3),
        "generation": parts.changes.configuration.generation,
        **_balancers(parts, asked),
        **_listeners(parts, asked),
        "websockets": len(parts.operations.ledger),
        "sessions": len(parts.sessions),
        "overrides": len(parts.changes.configuration.overrides),
    }


CALLS = (
    Call(method="GET", path="/status", summary="The whole at a glance", do=_status, answer=STATUS),
    Call(method="GET", path="/balancers", summary="All balancers", do=_balancers, answer=BALANCERS),
    Call(
        method="GET",
        path="/balancers/{name}",
        summary="One balancer",
        do=_one,
        answer=BALANCER,
        names={"name": BALANCER_NAME},
        refusals={404: "There is no such balancer; the error names all."},
    ),
    Call(method="GET", path="/listeners", summary="All listeners", do=_listeners, answer=LISTENERS),
)
