"""Why a request goes where it goes, or went there."""

from __future__ import annotations

from .calls import Asked, Call
from .parts import Parts
from .shapes import Either, Flag, Listed, Maybe, Number, Object, Table, Text, Whole

LINE = Text(line=True)

QUESTION = Object(
    title="Question",
    doc="A request that could come.",
    fields={
        "url": Text(
            doc="A URL, or a path alone.", example="http://dash.example/panopticon/", line=True, least=1
        ),
        "method": Text(doc="GET unless it is said.", line=True),
        "headers": Table(
            of=Either(of=(LINE, Listed(of=LINE))),
            names=LINE,
            doc="Header fields; one name may have several values.",
        ),
        "cookies": Table(of=LINE, names=LINE),
        "client": Text(doc="The address that connects; 127.0.0.1 unless it is said.", line=True),
        "listener": Text(
            doc="The name of the listener; unless it is said, one that has the URL's port.", line=True
        ),
        "websocket": Flag(doc="Whether it opens a WebSocket."),
    },
    optional=("method", "headers", "cookies", "client", "listener", "websocket"),
)

LOCATION = Object(
    title="AskedLocation",
    doc="A location that the request fits.",
    fields={
        "location": Text(),
        "verdict": Text(choices=("chosen", "behind", "ambiguous")),
        "words": Text(doc="The verdict for people."),
    },
)

JUDGED = Object(
    title="JudgedMember",
    doc="A member of the balancer, and why it is the one or not.",
    fields={
        "name": Text(example="app/1"),
        "verdict": Text(
            doc="chosen; passed-over: the method preferred another; not-asked: the request is bound to another; behind: "
            "has the same route and is asked later; tried: could not be used just now; full: its limits; else its state, "
            "or the setting that keeps it out.",
        ),
        "words": Text(doc="The verdict for people."),
        "state": Text(),
        "reason": Text(doc="Why it is not well; empty when it is."),
        "route": Text(),
        "lbset": Whole(),
        "role": Text(choices=("regular", "spare", "standby")),
        "weight": Number(),
        "share": Number(doc="How much of its share of new users it gets: less than 1 while it warms up."),
        "busy": Maybe(of=Whole()),
    },
)

EXPLANATION = Object(
    title="Explanation",
    doc="Where a request goes and why. null: not known, or does not apply.",
    fields={
        "when": Text(doc="now: what would happen; then: what did happen.", choices=("now", "then")),
        "request_id": Maybe(of=Text()),
        "time": Number(doc="For which it holds, in seconds since 1970."),
        "listener": Maybe(of=Text()),
        "client": Maybe(of=Text(), doc="As in the access log: behind trusted proxies, theirs."),
        "method": Text(),
        "host": Text(),
        "path": Text(),
        "websocket": Flag(),
        "location": Maybe(of=Text(), doc="The location that is chosen."),
        "locations": Listed(of=LOCATION, doc="All that fit, in the order in which they are asked."),
        "balancer": Maybe(of=Text()),
        "lbmethod": Maybe(of=Text()),
        "outcome": Text(
            doc="member: goes to member. waits: nobody can serve it now, and it waits for somebody. unavailable: nobody "
            "serves it. local: a fixed answer. files: a directory. nowhere: there is no location. refused: by the listener.",
            choices=("member", "waits", "unavailable", "local", "files", "nowhere", "refused"),
        ),
        "status": Maybe(of=Whole(), doc="Of panolb's own answer; then: of the answer that the client got."),
        "term": Text(doc="How it ends, as in the access log; empty for well."),
        "member": Maybe(of=Text()),
        "reason": Maybe(of=Text(), doc="Why that member, in the access log's word."),
        "because": Text(doc="The same in one sentence."),
        "route": Maybe(of=Text(), doc="The route that the request carries."),
        "route_source": Maybe(of=Text(choices=("cookie", "path", "query"))),
        "route_name": Maybe(of=Text(), doc="The name of the cookie or parameter."),
        "changed": Flag(doc="Whether the client has to learn another route."),
        "set_cookie": Maybe(of=Listed(of=Text()), doc="The Set-Cookie fields that panolb adds."),
        "target": Maybe(of=Text(), doc="What the member is asked for."),
        "member_host": Maybe(of=Text(), doc="The Host field that it gets."),
        "retry_after": Maybe(of=Number(), doc="Seconds."),
        "members": Listed(of=JUDGED, doc="All of the balancer's."),
        "advice": Listed(of=Text(), doc="What is probably wrong, and what to do."),
        "summary": Listed(of=Text(), doc="The whole in lines for people."),
    },
)


def _explain(parts: Parts, asked: Asked) -> object:
    return parts.explainer.explain(asked.body)


def _recall(parts: Parts, asked: Asked) -> object:
    return parts.recall(asked.name)


CALLS = (
    Call(
        method="POST",
        path="/explain",
        summary="Say where a request would go, and why",
        doc="Nothing is sent, and nothing changes.",
        do=_explain,
        answer=EXPLANATION,
        body=QUESTION,
        refusals={422: "This is no request that could come."},
    ),
    Call(
        method="GET",
        path="/explain/{id}",
        summary="Say where a request went, and why",
        do=_recall,
        answer=EXPLANATION,
        names={
            "id": Text(doc="Its request id, as in the access log and on error pages.", line=True, least=1)
        },
        refusals={404: "Nothing is remembered of it."},
    ),
)
