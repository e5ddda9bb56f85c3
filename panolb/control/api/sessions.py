"""Users' sessions."""

from __future__ import annotations

from .calls import Asked, Call
from .held import PAGE, WEBSOCKET
from .parts import Parts
from .shapes import Listed, Maybe, Number, Object, Shape, Text, Whole

_FIELDS: dict[str, Shape] = {
    "session": Text(doc="Its id: a keyed hash of its cookie, or of the client's address where it has none."),
    "members": Listed(of=Text(), doc="Those that it has WebSockets with."),
    "websockets": Whole(doc="How many are open."),
    "client": Text(doc="The client's address."),
    "since": Number(doc="When its first WebSocket was opened, in seconds since 1970."),
    "idle_seconds": Maybe(of=Number(), doc="How long nothing was said; null without a WebSocket."),
    "moving_to": Maybe(of=Text(), doc="The member that it is being moved to; null when it is not."),
}
SESSION = Object(title="Session", doc="The WebSockets of one user.", fields=_FIELDS)
SESSIONS = Object(
    title="Sessions",
    fields={
        "total": Whole(doc="How many there are without offset and limit."),
        "sessions": Listed(of=SESSION),
    },
)
DETAILS = Object(
    title="SessionDetails",
    doc="The same with its WebSockets.",
    fields={**_FIELDS, "websocket_records": Listed(of=WEBSOCKET)},
)
MOVED = Object(
    title="MovedSession",
    fields={"session": Text(), "member": Text(), "websockets": Whole(doc="How many are being closed.")},
)
CLOSED = Object(
    title="ClosedSession", fields={"session": Text(), "websockets": Whole(doc="How many are being closed.")}
)

ID = Text(doc="The id of the session.", line=True, least=1)
MEMBER = Text(example="app/2", line=True, least=1)
UNKNOWN = {404: "There is no such session."}


def _sessions(parts: Parts, asked: Asked) -> object:
    return parts.sessions.list(
        asked.query.get("member"), asked.query.get("offset", 0), asked.query.get("limit", 100)
    )


def _session(parts: Parts, asked: Asked) -> object:
    return parts.sessions.show(asked.name)


def _move(parts: Parts, asked: Asked) -> object:
    return parts.sessions.move(asked.name, asked.body["member"])


def _close(parts: Parts, asked: Asked) -> object:
    return parts.sessions.close(asked.name)


CALLS = (
    Call(
        method="GET",
        path="/sessions",
        summary="The sessions that have WebSockets, or are being moved",
        do=_sessions,
        answer=SESSIONS,
        query={"member": Text(doc="Only those with this member.", example="app/1", line=True), **PAGE},
        refusals={404: "There is no such member; the error names all."},
    ),
    Call(
        method="GET",
        path="/sessions/{id}",
        summary="One session with its WebSockets",
        do=_session,
        answer=DETAILS,
        names={"id": ID},
        refusals=UNKNOWN,
    ),
    Call(
        method="POST",
        path="/sessions/{id}/move",
        summary="Send a session to another member",
        doc="Its WebSockets with other members are closed, so that its page connects again.",
        do=_move,
        answer=MOVED,
        names={"id": ID},
        body=Object(title="Move", fields={"member": MEMBER}),
        refusals={404: "There is no such session or member.", 409: "That member cannot take it."},
    ),
    Call(
        method="POST",
        path="/sessions/{id}/close",
        summary="Close the WebSockets of a session; its page may connect again",
        do=_close,
        answer=CLOSED,
        names={"id": ID},
        refusals=UNKNOWN,
    ),
)
