"""The ledger: which WebSockets are open, of which member and which user's session, and the last ones that ended.

Status page, control API and drain read from it.  An open WebSocket costs it one entry of a dictionary and one number;
what there is to know of it stands in its exchange and its tunnel, and a `Record` is made when somebody asks.  Only of
those that have ended records are kept, since their exchange holds on to buffers that are better given back.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from hashlib import blake2b
from itertools import islice
from secrets import token_bytes
from typing import Any, NamedTuple

from ..core.exchange import Exchange
from ..core.headers import Peer
from ..core.member import Member
from ..core.request import Request
from ..language.logtokens import escaped

KEPT = 1000  # records of WebSockets that have ended
SESSION_SIZE = (
    6  # bytes of a session's id: enough for a million sessions of which no two are likely to be alike
)
MAX_PATH = 200  # characters
MAX_ADDRESS = 45  # characters; an IPv6 address has no more, what a proxy says of a client may have


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What there is to know of one WebSocket.  ``in`` is from the client to the member, ``out`` the other way.

    :ivar id: the request id of its handshake, as in the access log.
    :ivar member: ``balancer/route``, as in the access log.
    :ivar session: whose it is: a keyed hash, the same for all WebSockets of a user's session.
    :ivar client: the client's address.
    :ivar path: escaped, without query and path parameters, and cut where it is too long.
    :ivar since: when it was opened, in seconds since 1970.
    :ivar open_seconds: how long it has been open, or was.
    :ivar idle_seconds: since something other than an answer to our pings came from either side.
    :ivar bytes_in: of frames in the lane of splices, of payloads in that of messages.
    :ivar backlog_in_bytes: what waits to be sent to the member.
    :ivar client_round_trip_ms: what the last ping took; ``None`` before the first.
    :ivar lane: ``splice`` or ``messages``.
    :ivar term: how it ended, as in the access log; empty while it is open, like all that follows.
    :ivar closed_by: ``client``, ``member`` or ``panolb``.
    :ivar code: the close code; 1005 for a close frame without one, 1006 for none at all.
    """

    id: str
    balancer: str
    member: str
    route: str
    session: str
    client: str
    path: str
    since: float
    open_seconds: float
    idle_seconds: float
    messages_in: int
    messages_out: int
    bytes_in: int
    bytes_out: int
    backlog_in_bytes: int
    backlog_out_bytes: int
    client_round_trip_ms: float | None
    member_round_trip_ms: float | None
    lane: str
    term: str
    closed_by: str
    code: int | None

    def as_json(self) -> dict[str, Any]:
        """For programs; numbers are rounded to what they can be relied upon for."""
        return {
            name: round(value, 3) if isinstance(value, float) else value
            for name, value in asdict(self).items()
        }


class RoundTrips(NamedTuple):
    """What the last pings took, in milliseconds; ``None`` when no ping was answered yet."""

    mean_ms: float | None
    max_ms: float | None


class Tally(NamedTuple):
    """The WebSockets of a member, counted.

    :ivar sessions: how many users' sessions have at least one of them.
    """

    websockets: int
    sessions: int
    client_round_trip: RoundTrips
    member_round_trip: RoundTrips


class Ledger:
    """Members -> sessions -> WebSockets.

    :param clock: reads a monotonic clock in seconds.
    :param wall_clock: reads the time of day in seconds since 1970.
    :param session_cookies: for each balancer the name of the cookie that tells users' sessions apart.  For a user who
        has none, and where a balancer names none, the client's address stands in.
    :param key: for the hashes of sessions; by default those of two runs cannot be compared.
    :param kept: how many records of WebSockets that have ended are kept.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
        session_cookies: Mapping[str, str | None],
        *,
        key: bytes | None = None,
        kept: int = KEPT,
    ) -> None:
        self._clock = clock
        self._wall_clock = wall_clock
        self._names: dict[str, str] = {}  # of the cookies, by balancer
        self._cookies: dict[str, Callable[[bytes], bytes | None]] = {}
        self._key = token_bytes(32) if key is None else key
        self._open: dict[Member, dict[Exchange, int]] = {}  # the number is the session's
        self._ended: deque[Record] = deque(maxlen=kept)
        self.configure(session_cookies)

    def configure(self, session_cookies: Mapping[str, str | None]) -> set[str]:
        """Tell sessions apart by other cookies from now on; open WebSockets are counted anew.

        :param session_cookies: as for a new ledger.
        :returns: the balancers for whose sessions other ids hold now.
        """
        names = {name: cookie for name, cookie in session_cookies.items() if cookie}
        every = self._names.keys() | names.keys()
        changed = {name for name in every if self._names.get(name) != names.get(name)}
        self._names = names
        self._cookies = {name: _finder(cookie) for name, cookie in names.items()}
        for member, exchanges in self._open.items():
            if member.spec.balancer in changed:
                for exchange in exchanges:
                    exchanges[exchange] = self._session(exchange)
        return changed

    # -- told -------------------------------------------------------------------------------------------------------

    def opened(self, exchange: Exchange) -> None:
        """An exchange has become a WebSocket, and both sides of it stand."""
        assert exchange.decision is not None
        self._open.setdefault(exchange.decision.member, {})[exchange] = self._session(exchange)

    def finished(self, exchange: Exchange) -> None:
        """An exchange is over; it counts if it was a WebSocket."""
        if exchange.decision is None:
            return
        member = exchange.decision.member
        open_ones = self._open.get(member)
        session = None if open_ones is None else open_ones.pop(exchange, None)
        if open_ones is None or session is None:
            return
        if not open_ones:
            del self._open[member]  # which may have left the configuration
        self._ended.append(self._record(exchange, session, exchange.ended))

    def _session(self, exchange: Exchange) -> int:
        assert exchange.decision is not None
        balancer = exchange.decision.member.spec.balancer
        return self.session_of(balancer, exchange.request, exchange.client.peer)

    def session_of(self, balancer: str, request: Request, peer: Peer) -> int:
        """The number of the session that a request belongs to.

        :param balancer: the name of the balancer that serves it.
        :param peer: who sent it.
        """
        find = self._cookies.get(balancer)
        found = None if find is None or request.cookie is None else find(request.cookie)
        kind, value = (b"cookie", found) if found else (b"address", peer.client(request))
        digest = blake2b(value, digest_size=SESSION_SIZE, key=self._key, person=kind)
        return int.from_bytes(digest.digest(), "big")

    # -- asked ------------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        """How many are open."""
        return sum(map(len, self._open.values()))

    @property
    def users(self) -> int:
        """How many sessions have at least one."""
        return len({session for exchanges in self._open.values() for session in exchanges.values()})

    def count(self, member: Member) -> int:
        """How many a member has."""
        return len(self._open.get(member, ()))

    def of_member(self, member: Member) -> list[Exchange]:
        """Those of a member, longest idle first."""
        return _longest_idle_first(self._open.get(member, ()))

    def exchanges(self) -> list[Exchange]:
        """All of them, longest idle first."""
        return _longest_idle_first(exchange for one in self._open.values() for exchange in one)

    def by_session(self) -> dict[int, list[Exchange]]:
        """All of them by session, those of the session that has had one for longest first."""
        found: dict[int, list[Exchange]] = {}
        for exchanges in self._open.values():
            for exchange, number in exchanges.items():
                found.setdefault(number, []).append(exchange)
        return dict(sorted(found.items(), key=_first_opened))

    def of_session(self, session: int) -> list[Exchange]:
        """Those of a session, longest idle first."""
        return _longest_idle_first(
            exchange
            for exchanges in self._open.values()
            for exchange, number in exchanges.items()
            if number == session
        )

    def records(
        self, member: str | None = None, session: str | None = None, offset: int = 0, limit: int | None = None
    ) -> tuple[int, list[Record]]:
        """Those that are open, by member, and of each member the longest open first.

        :param member: only those of the members of this name.
        :param session: only those of this session.
        :param offset: how many to leave out at the beginning.
        :param limit: how many to return at most.
        :returns: how many there are without offset and limit, and the records.
        """
        found = list(self._found(member, session))
        now = self._clock()
        return len(found), [
            self._record(exchange, number, now) for exchange, number in _page(found, offset, limit)
        ]

    def ended(
        self, member: str | None = None, session: str | None = None, offset: int = 0, limit: int | None = None
    ) -> tuple[int, list[Record]]:
        """The last ones that have ended, the newest first; parameters as for `records`."""
        found = [
            record
            for record in reversed(self._ended)
            if member in (None, record.member) and session in (None, record.session)
        ]
        return len(found), list(_page(found, offset, limit))

    def sessions_of(self, member: Member) -> Collection[int]:
        """The numbers of the sessions of a member's WebSockets, as often as a session has one."""
        return self._open.get(member, {}).values()

    def tally(self, member: Member) -> Tally:
        """The WebSockets of a member, counted."""
        exchanges = self._open.get(member, {})
        tunnels = [exchange.tunnel for exchange in exchanges if exchange.tunnel is not None]
        return Tally(
            len(exchanges),
            len(set(exchanges.values())),
            _round_trips(tunnel.client.round_trip for tunnel in tunnels),
            _round_trips(tunnel.member.round_trip for tunnel in tunnels),
        )

    # -- records ----------------------------------------------------------------------------------------------------

    def _found(self, member: str | None, session: str | None) -> Iterator[tuple[Exchange, int]]:
        for one, exchanges in self._open.items():
            if member in (None, one.spec.name):
                for exchange, number in exchanges.items():
                    if session is None or session == name_of(number):
                        yield exchange, number

    def _record(self, exchange: Exchange, session: int, now: float) -> Record:
        """The state of a WebSocket now, or at its end."""
        decision, tunnel = exchange.decision, exchange.tunnel
        assert decision is not None and tunnel is not None
        spec, request = decision.member.spec, exchange.request
        client, member = tunnel.client, tunnel.member
        return Record(
            id=exchange.request_id,
            balancer=spec.balancer,
            member=spec.name,
            route=spec.route.decode("ascii"),
            session=name_of(session),
            client=client_of(exchange),
            path=_shown(request.path),
            since=self._wall_clock() - (self._clock() - tunnel.opened),
            open_seconds=now - tunnel.opened,
            idle_seconds=now - tunnel.last_message,
            messages_in=client.end.messages,
            messages_out=member.end.messages,
            bytes_in=client.end.octets,
            bytes_out=member.end.octets,
            backlog_in_bytes=0 if member.lost else member.end.backlog,
            backlog_out_bytes=0 if client.lost else client.end.backlog,
            client_round_trip_ms=_in_ms(client.round_trip),
            member_round_trip_ms=_in_ms(member.round_trip),
            lane="messages" if tunnel.terms.messages else "splice",
            term=tunnel.term,
            closed_by=tunnel.closed_by,
            code=tunnel.code or None,
        )


def _page(found: Iterable[Any], offset: int, limit: int | None) -> Iterator[Any]:
    return islice(found, offset, None if limit is None else offset + limit)


def _finder(cookie: str) -> Callable[[bytes], bytes | None]:
    """What finds the value of a cookie in the Cookie field."""
    pattern = re.compile(rb"(?:^|[;,])\s*" + re.escape(cookie.encode("ascii")) + rb"\s*=([^;,]*)")

    def find(cookies: bytes) -> bytes | None:
        found = pattern.search(cookies)
        return None if found is None else found[1].strip()

    return find


def name_of(session: int) -> str:
    """How a session's number is written."""
    return f"{session:0{2 * SESSION_SIZE}x}"


def number_of(name: str) -> int | None:
    """The number that is written so; ``None`` for what is none."""
    return int(name, 16) if re.fullmatch(rf"[0-9a-f]{{{2 * SESSION_SIZE}}}", name) else None


def client_of(exchange: Exchange) -> str:
    """The address of the client, for people."""
    return exchange.client.peer.client(exchange.request).decode("latin-1")[:MAX_ADDRESS]


def _first_opened(session: tuple[int, list[Exchange]]) -> float:
    return min(exchange.tunnel.opened for exchange in session[1] if exchange.tunnel is not None)


def _longest_idle_first(exchanges: Iterable[Exchange]) -> list[Exchange]:
    return sorted(exchanges, key=_last_message)


def _last_message(exchange: Exchange) -> float:
    assert exchange.tunnel is not None
    return exchange.tunnel.last_message


def _round_trips(seconds: Iterable[float | None]) -> RoundTrips:
    known = [one for one in seconds if one is not None]
    if not known:
        return RoundTrips(None, None)
    return RoundTrips(_in_ms(sum(known) / len(known)), _in_ms(max(known)))


def _in_ms(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000


def _shown(path: bytes) -> str:
    """A path for people; not the parameters in it, of which ``;jsessionid=`` is one."""
    text = escaped(re.sub(rb";[^/]*", b"", path)).decode("ascii")
    return text if len(text) <= MAX_PATH else text[: MAX_PATH - 3] + "..."
