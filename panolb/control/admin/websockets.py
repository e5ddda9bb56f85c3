"""The list of WebSockets, for people and as JSON: read only, a page of it at a time."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from twisted.internet.defer import Deferred

from ..ledger import Ledger, Record
from ..operations import Operations
from .page import in_bytes, in_ms, in_seconds, page

LIMIT = 100
MOST = 1000  # records on one page

_HEAD = """<h2>{what}</h2><p>{total} in all{shown}. <a href="/">Members</a>{links}</p>
<table><thead><tr><th>member</th><th>session</th><th>client</th><th>path</th><th class="n">{since}</th>
<th class="n">quiet for</th><th class="n">messages in / out</th><th class="n">bytes in / out</th>
<th class="n">waiting in / out</th><th class="n">round trip client / member</th><th>lane</th>{ended}</tr></thead><tbody>
"""
_ROW = """<tr><td>{member}</td><td><a href="{href}">{session}</a></td><td>{client}</td><td class="path">{path}</td>
<td class="n">{open}</td><td class="n">{idle}</td><td class="n">{messages}</td><td class="n">{bytes}</td>
<td class="n">{backlog}</td><td class="n">{round_trip}</td><td>{lane}</td>{ended}</tr>
"""


class BadQuery(ValueError):
    """The parameters of a query cannot be understood; the text says why."""


Page = tuple[int, list[Record]]
"""How many there are without offset and limit, and the records."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What is asked for.

    :ivar member: only those of this member, by its name; ``None`` for all.
    :ivar session: only those of this session, by its id; ``None`` for all.
    :ivar state: ``open``, or ``ended`` for the last ones that are over.
    """

    member: str | None = None
    session: str | None = None
    state: str = "open"
    offset: int = 0
    limit: int = LIMIT

    @classmethod
    def of(cls, arguments: Mapping[bytes, Sequence[bytes]]) -> Query:
        """The query in the parameters of a URL.

        :raises BadQuery: when a parameter is unknown, given twice, or not what it should be.
        """
        given: dict[str, Any] = {}
        for key, values in arguments.items():
            name, value = key.decode("latin-1"), values[-1].decode("utf-8", "replace")
            if name not in cls.__slots__:
                raise BadQuery(f"there is no parameter {name}; there are: {', '.join(cls.__slots__)}")
            if len(values) > 1:
                raise BadQuery(f"{name} is given {len(values)} times")
            given[name] = _number(name, value) if name in ("offset", "limit") else value
        query = cls(**given)
        if query.state not in ("open", "ended"):
            raise BadQuery("state must be open or ended")
        if not 1 <= query.limit <= MOST:
            raise BadQuery(f"limit must be from 1 to {MOST}")
        return query

    @classmethod
    def asked(cls, arguments: Mapping[bytes, Sequence[bytes]], operations: Operations) -> Query:
        """The same, about a member that there is.

        :raises BadQuery: as `of` does.
        :raises UnknownMember: when it asks for another one.
        """
        query = cls.of(arguments)
        if query.member is None:
            return query
        return replace(query, member=operations.find(query.member).spec.name)

    def url(self, place: str, **changes: Any) -> str:
        """Where a query like this one, with changes, is answered."""
        values = {name: changes.get(name, getattr(self, name)) for name in self.__slots__}
        said = {name: value for name, value in values.items() if value != getattr(_ALL, name)}
        return f"{place}?{urlencode(said)}" if said else place

    def answer(self, ledger: Ledger) -> Page:
        """What a ledger knows."""
        find = ledger.records if self.state == "open" else ledger.ended
        return find(self.member, self.session, self.offset, self.limit)


_ALL = Query()


Find = Callable[[Query], Deferred[Page]]
"""Asks whoever has WebSockets."""


def _number(name: str, value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) < 10):
        raise BadQuery(f"{name} must be a number of at most nine digits")
    return int(value)


def as_json(query: Query, answer: Page) -> dict[str, Any]:
    """A page of the list for programs."""
    total, records = answer
    return {
        "total": total,
        "offset": query.offset,
        "limit": query.limit,
        "websockets": [record.as_json() for record in records],
    }


def as_html(query: Query, answer: Page) -> bytes:
    """The same for people."""
    total, records = answer
    over = query.state == "ended"
    head = _HEAD.format(
        what=html.escape(_title(query)),
        total=f"{total} WebSocket{'' if total == 1 else 's'}",
        shown=f", shown from number {query.offset + 1} to {query.offset + len(records)}" if records else "",
        links="".join(f' · <a href="{html.escape(url)}">{words}</a>' for words, url in _links(query, total)),
        since="lasted" if over else "open for",
        ended="<th>ended</th>" if over else "",
    )
    rows = "".join(_row(query, record, over) for record in records)
    return page("panolb: WebSockets", head + rows + "</tbody></table>", query.url("/websockets.json"), 110)


def _title(query: Query) -> str:
    words = "Open WebSockets" if query.state == "open" else "The last WebSockets that ended"
    if query.member is not None:
        words += f" of {query.member}"
    if query.session is not None:
        words += f" of session {query.session}"
    return words


def _links(query: Query, total: int) -> list[tuple[str, str]]:
    links = [("Open", {"state": "open", "offset": 0}), ("Ended", {"state": "ended", "offset": 0})]
    if query.member is not None or query.session is not None:
        links.append(("All", {"member": None, "session": None, "offset": 0}))
    if query.offset > 0:
        links.append(("Previous", {"offset": max(0, query.offset - query.limit)}))
    if query.offset + query.limit < total:
        links.append(("Next", {"offset": query.offset + query.limit}))
    return [(words, query.url("/websockets", **changes)) for words, changes in links]


def _row(query: Query, record: Record, over: bool) -> str:
    texts = {
        "href": query.url("/websockets", session=record.session, offset=0),
        "member": record.member,
        "session": record.session,
        "client": record.client,
        "path": record.path,
        "open": in_seconds(record.open_seconds),
        "idle": in_seconds(record.idle_seconds),
        "messages": f"{record.messages_in} / {record.messages_out}",
        "bytes": f"{in_bytes(record.bytes_in)} / {in_bytes(record.bytes_out)}",
        "backlog": f"{in_bytes(record.backlog_in_bytes)} / {in_bytes(record.backlog_out_bytes)}",
        "round_trip": f"{in_ms(record.client_round_trip_ms)} / {in_ms(record.member_round_trip_ms)}",
        "lane": record.lane,
    }
    ended = f"<td>{html.escape(f'{record.term}, code {record.code}')}</td>" if over else ""
    return _ROW.format(ended=ended, **{name: html.escape(text) for name, text in texts.items()})
