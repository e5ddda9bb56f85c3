"""What happened, and what happens."""

from __future__ import annotations

from ...events import EVENTS
from ..events import KEPT
from .calls import Asked, Call
from .parts import Parts
from .shapes import Flag, Number, Object, Shape, Table, Text, Whole

EVENT = Object(
    title="Event",
    doc="Something that happened. events.skipped stands in the place of those that are not kept any longer.",
    fields={
        "id": Whole(doc="Counts up from 1 while panolb runs.", least=1),
        "time": Number(doc="In seconds since 1970."),
        "event": Text(doc=f"What it is: {', '.join(EVENTS)}. There may be more.", example="member.down"),
        "code": Text(doc="The same to look up: the page on events has cause and cure.", example="PLB-1102"),
        "level": Text(choices=("debug", "info", "warn", "error", "critical")),
        "message": Text(doc="The line of the process log."),
        "fields": Table(of=Shape(), doc="What it is about; which there are depends on the event."),
    },
)


def _events(parts: Parts, asked: Asked) -> object:
    return parts.followers.answer(
        asked.request,
        after=asked.query.get("after"),
        limit=asked.query.get("limit"),
        follow=asked.query.get("follow", False),
    )


CALLS = (
    Call(
        method="GET",
        path="/events",
        summary="What happened, one event in a line",
        doc=f"The last {KEPT} are kept. With follow, the answer goes on with each that is new.",
        do=_events,
        answer=EVENT,
        lines=True,
        query={
            "after": Whole(
                doc="Begin behind the event of this number. Not said: the last ones, or with follow the new ones only. "
                "A number that there is not yet is from before a restart, and as 0.",
                most=10**9 - 1,
            ),
            "limit": Whole(doc="How many lines at most.", least=1, most=10**9 - 1),
            "follow": Flag(doc="Whether the answer goes on."),
        },
        refusals={503: "Too many read events already."},
    ),
)
