"""WebSockets, and everything else that is held."""

from __future__ import annotations

from dataclasses import replace

from ..admin.websockets import LIMIT, MOST, Query, as_json
from .calls import Asked, Call
from .parts import Parts
from .shapes import Flag, Listed, Maybe, Number, Object, Table, Text, Whole

WEBSOCKET = Object(
    title="WebSocket",
    doc="One WebSocket; ..._in is from the client to the member, ..._out the other way.",
    fields={
        "id": Text(doc="The request id of its handshake, as in the access log."),
        "balancer": Text(),
        "member": Text(doc="BALANCER/ROUTE, as in the access log."),
        "route": Text(),
        "session": Text(doc="Whose it is: the same for all WebSockets of a user's session."),
        "client": Text(doc="The client's address."),
        "path": Text(doc="Without query and path parameters, and cut where it is too long."),
        "since": Number(doc="When it was opened, in seconds since 1970."),
        "open_seconds": Number(),
        "idle_seconds": Number(
            doc="Since something other than an answer to panolb's pings came from either side."
        ),
        "messages_in": Whole(),
        "messages_out": Whole(),
        "bytes_in": Whole(),
        "bytes_out": Whole(),
        "backlog_in_bytes": Whole(doc="What waits to be sent to the member."),
        "backlog_out_bytes": Whole(doc="What waits to be sent to the client."),
        "client_round_trip_ms": Maybe(of=Number(), doc="What the last ping took; null before the first."),
        "member_round_trip_ms": Maybe(of=Number()),
        "lane": Text(choices=("splice", "messages")),
        "term": Text(doc="How it ended, as in the access log; empty while it is open."),
        "closed_by": Text(doc="client, member or panolb; empty while it is open."),
        "code": Maybe(of=Whole(), doc="The close code; null while it is open."),
    },
)

PAGE = {
    "offset": Whole(doc="How many to leave out at the beginning.", most=10**9 - 1),
    "limit": Whole(doc=f"How many to show; {LIMIT} unless it is said.", least=1, most=MOST),
}

WEBSOCKETS = Object(
    title="WebSockets",
    fields={
        "total": Whole(doc="How many there are without offset and limit."),
        "offset": Whole(),
        "limit": Whole(),
        "websockets": Listed(of=WEBSOCKET),
    },
)

RESOURCES = Object(
    title="Resources",
    doc="What is held. When nobody is served, all is 0 or as it was at the start, but for idle connections.",
    fields={
        "clients": Table(of=Whole(), doc="Clients' connections, by listener."),
        "exchanges": Whole(doc="Requests and WebSockets under way."),
        "websockets": Whole(),
        "websockets_admitted": Whole(doc="WebSockets, and handshakes of some."),
        "member_connections": Whole(),
        "member_connections_idle": Whole(),
        "member_connections_being_made": Whole(),
        "exchanges_waiting": Whole(doc="Requests that wait for a connection to a member."),
        "time_limits": Whole(),
        "timers": Whole(),
        "polled_sockets": Whole(),
        "descriptors": Maybe(of=Whole(), doc="Open files and sockets; null where the system does not say."),
        "descriptor_limit": Whole(),
        "accepting_paused": Flag(doc="Whether there are too few descriptors to accept clients."),
        "accepting_pauses": Whole(doc="How many times that was so."),
    },
)


def _websockets(parts: Parts, asked: Asked) -> object:
    query = Query(**asked.query)
    if query.member is not None:
        query = replace(query, member=parts.operations.find(query.member).spec.name)
    return parts.find(query).addCallback(lambda found: as_json(query, found))


def _resources(parts: Parts, asked: Asked) -> object:
    return parts.resources.as_json()


CALLS = (
    Call(
        method="GET",
        path="/websockets",
        summary="The WebSockets that are open, or the last ones that ended",
        do=_websockets,
        answer=WEBSOCKETS,
        query={
            "member": Text(doc="Only those of this member.", example="app/1", line=True),
            "session": Text(doc="Only those of this session.", line=True),
            "state": Text(doc="open, or ended for the last ones that are over.", choices=("open", "ended")),
            **PAGE,
        },
        refusals={404: "There is no such member; the error names all."},
    ),
    Call(method="GET", path="/resources", summary="What is held", do=_resources, answer=RESOURCES),
)
