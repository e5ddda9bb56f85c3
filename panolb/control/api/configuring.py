"""The configuration in effect, what operators changed of it, and how it is read again."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from .answers import PROBLEM
from .calls import Asked, Call
from .members import IMPOSSIBLE, LEFT, UNKEPT
from .parts import Parts
from .shapes import Flag, Listed, Maybe, Number, Object, Shape, Text, Whole

OVERRIDE = Object(
    title="Override",
    doc="One thing that an operator changed while panolb runs.",
    fields={
        "member": Text(),
        "key": Text(choices=("state", "weight", "added", "removed")),
        "was": Shape(doc="What the file says."),
        "is": Shape(doc="What holds instead."),
        "since": Number(doc="In seconds since 1970."),
    },
)
ALL_OVERRIDES = Object(
    title="AllOverrides",
    fields={
        "state_file": Maybe(of=Text(), doc="Where they are kept; null when they last until panolb ends."),
        "unkept": UNKEPT,
        "overrides": Listed(of=OVERRIDE),
    },
)

SAVED = Object(
    title="Saved",
    doc="The files as they would be with what operators changed while panolb runs.",
    fields={
        "files": Listed(
            of=Object(
                title="SavedFile",
                fields={
                    "file": Text(),
                    "text": Text(doc="All that would stand in it."),
                    "encoding": Text(
                        doc="What the text is to be written in, as Python calls it.", example="utf-8"
                    ),
                    "diff": Text(doc="The difference in unified format."),
                    "sha256": Text(doc="Of what stands in it now: write nothing when it is another by then."),
                },
            ),
            doc="Those that would change.",
        )
    },
)

CONFIGURATION = Object(
    title="Configuration",
    fields={
        "file": Text(doc="The file that it was read from."),
        "generation": Whole(doc="Counts up with every configuration that takes effect."),
        "loaded": Number(doc="When the last one did, in seconds since 1970."),
        "reloads": Object(
            fields={"applied": Whole(), "unchanged": Whole(), "refused": Whole()},
            doc="How many of each there were.",
        ),
        "last_problems": Listed(of=PROBLEM, doc="Why the last reload was refused; empty when it was not."),
        "toml": Text(doc="All that is in effect, as TOML."),
    },
)

CHANGE = Object(
    title="KeyChange",
    fields={"key": Text(), "from": Shape(doc="null: not set"), "to": Shape(doc="null: not set")},
)
ENTRY = Object(
    title="Entry",
    doc="Something that is not as it was. Of what there was before: who is there now.",
    fields={
        "name": Text(),
        "keys": Listed(of=CHANGE),
        "websockets": Whole(),
        "sessions": Whole(doc="Users with WebSockets."),
        "busy": Whole(doc="Requests and WebSockets under way."),
        "connections": Whole(doc="Of a listener."),
    },
    optional=("keys", "websockets", "sessions", "busy", "connections"),
    more=Shape(),
)
COMPARED = Object(
    title="Compared",
    fields={
        "kept": Listed(of=Text()),
        "changed": Listed(of=ENTRY),
        "added": Listed(of=ENTRY),
        "removed": Listed(of=ENTRY),
    },
)
PLAN = {
    "changes": Flag(doc="Whether anything changes."),
    "listeners": COMPARED,
    "balancers": COMPARED,
    "members": COMPARED,
    "locations": COMPARED,
    "others": Listed(of=CHANGE, doc="Keys outside of these."),
    "overrides": Object(
        fields={
            "kept": Listed(of=OVERRIDE),
            "dropped": Listed(
                of=Object(title="Dropped", fields={"member": Text(), "key": Text(), "why": Text()})
            ),
        },
        doc="What operators changed while panolb runs: what holds on, and what gives way to the file.",
    ),
    "warnings": Listed(of=PROBLEM, doc="What is allowed but may cost more users more than was meant."),
    "summary": Listed(of=Text(), doc="The same in lines for people."),
}
REPORT = Object(title="Report", doc="What a configuration would change.", fields=PLAN)
RELOADED = Object(
    title="Reloaded",
    doc="What a reload changed.",
    fields={
        **PLAN,
        "generation": Whole(),
        "draining": Listed(
            of=LEFT,
            doc="Members that were removed, and finish what is under way with them.",
        ),
        "closed": Listed(of=Text(), doc="Members that were removed, and are gone."),
    },
)

REFUSED = {422: "The configuration is wrong; problems says where and why."}


def _configuration(parts: Parts, asked: Asked) -> object:
    return parts.changes.as_json()


def _reload(parts: Parts, asked: Asked) -> object:
    return parts.changes.reload()


def _plan(parts: Parts, asked: Asked) -> object:
    return parts.changes.plan(asked.body["configuration"])


def _overrides(parts: Parts, asked: Asked) -> object:
    return parts.changes.overrides()


def _save(parts: Parts, asked: Asked) -> object:
    return parts.changes.save()


def _drop(parts: Parts, asked: Asked) -> object:
    dropping: Deferred[Any] = parts.changes.drop(asked.query.get("member"))
    return dropping.addCallback(lambda dropped: {"dropped": dropped})


CALLS = (
    Call(
        method="GET",
        path="/configuration",
        summary="The configuration in effect",
        do=_configuration,
        answer=CONFIGURATION,
    ),
    Call(
        method="POST",
        path="/reload",
        summary="Read the file again, and have it take effect",
        doc="When the file is wrong nothing changes.",
        do=_reload,
        answer=RELOADED,
        refusals=REFUSED,
    ),
    Call(
        method="POST",
        path="/plan",
        summary="Say what a configuration would change, without changing anything",
        do=_plan,
        answer=REPORT,
        body=Object(title="Plan", fields={"configuration": Text(doc="As TOML.")}),
        refusals=REFUSED,
    ),
    Call(
        method="GET",
        path="/overrides",
        summary="What operators changed while panolb runs",
        do=_overrides,
        answer=ALL_OVERRIDES,
    ),
    Call(
        method="DELETE",
        path="/overrides",
        summary="Have members as the file says",
        do=_drop,
        answer=Object(title="DroppedOverrides", fields={"dropped": Listed(of=OVERRIDE)}),
        query={"member": Text(doc="Only what was changed of this member.", example="app/1", line=True)},
        refusals=IMPOSSIBLE,
    ),
    Call(
        method="GET",
        path="/save",
        summary="Show the file with what operators changed written in",
        doc="Nothing is written.",
        do=_save,
        answer=SAVED,
        refusals={409: "There is nothing to save, or it cannot be written into the file.", **REFUSED},
    ),
)
