"""Users' sessions: who has WebSockets with which member, and what an operator does to a single one.

A session is what the ledger takes for one.  Known are those that have a WebSocket, and those that were moved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from ..config.overrides import Identity
from ..core.exchange import Exchange
from ..core.member import Member
from ..core.pins import Pin, Pins
from ..events import EventLogger
from .ledger import client_of, name_of, number_of
from .operations import Operations
from .plant import identity_of

log = EventLogger()

MOVED = "moved"
CLOSED = "closed-by-operator"


class UnknownSession(LookupError):
    """There is no session of this id, or it has no WebSocket any more."""


class Unmovable(Exception):
    """A session cannot be moved to this member; the text says why."""


class Move(NamedTuple):
    """A session that was moved, for another process.

    :ivar session: its number.
    :ivar member: where it is to go.
    :ivar client: whose it is, in words for people.
    :ivar since: clock reading in seconds, of a clock that all processes read.
    """

    session: int
    member: Identity
    client: str
    since: float


class Sessions:
    """What can be asked and done.

    :param clock: reads the monotonic clock of the balancers in seconds.
    :param wall_clock: reads the time of day in seconds since 1970.
    """

    def __init__(
        self, clock: Callable[[], float], wall_clock: Callable[[], float], operations: Operations
    ) -> None:
        self._clock = clock
        self._wall_clock = wall_clock
        self._operations = operations
        self._ledger = operations.ledger

    def configure(self, session_cookies: Mapping[str, str | None]) -> None:
        """Tell sessions apart by other cookies from now on; see `Ledger.configure`.

        Moves hold on, but for the balancers whose sessions have other ids now.
        """
        for name in self._ledger.configure(session_cookies):
            if name in self._operations.balancers:
                self._operations.balancers[name].pins = None

    # -- asked ------------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        """How many there are."""
        return len(self._known())

    def list(self, member: str | None = None, offset: int = 0, limit: int | None = None) -> dict[str, Any]:
        """Those that there are: first those without a WebSocket, then the one that has had one for longest.

        :param member: only those that have a WebSocket with this member, or are moved to it.
        :param offset: how many to leave out at the beginning.
        :param limit: how many to return at most.
        :returns: how many there are without offset and limit, and these.
        :raises UnknownMember: when there is no such member.
        """
        found = self._known()
        if member is not None:
            one = self._operations.find(member)
            found = {
                number: exchanges
                for number, exchanges in found.items()
                if any(_member_of(exchange) is one for exchange in exchanges)
                or any(pin.member is one for pin in self._pins(number))
            }
        page = tuple(found.items())[offset : None if limit is None else offset + limit]
        return {"total": len(found), "sessions": [self._describe(*session) for session in page]}

    def show(self, session: str) -> dict[str, Any]:
        """One, with the records of its WebSockets.

        :raises UnknownSession: when there is none of this id.
        """
        number, exchanges = self._find(session)
        _, records = self._ledger.records(session=session)
        return {
            **self._describe(number, exchanges),
            "websocket_records": [record.as_json() for record in records],
        }

    def _known(self) -> dict[int, Sequence[Exchange]]:
        """All of them by number, with their WebSockets."""
        moved: dict[int, Sequence[Exchange]] = {
            number: ()
            for balancer in self._operations.balancers.values()
            if balancer.pins is not None
            for number, _ in balancer.pins.items(self._clock())
        }
        opened = self._ledger.by_session()
        for number in opened:
            moved.pop(number, None)
        return {**moved, **opened}

    def _find(self, session: str) -> tuple[int, Sequence[Exchange]]:
        number = number_of(session)
        if number is not None:
            exchanges = self._ledger.of_session(number)
            if exchanges or any(self._pins(number)):
                return number, exchanges
        raise UnknownSession(
            f"there is no session {session}: it has never had a WebSocket here, or has none any more"
        )

    def _pins(self, number: int) -> Iterable[Pin]:
        """Where a session was moved to, by each of the balancers."""
        for balancer in self._operations.balancers.values():
            pin = None if balancer.pins is None else balancer.pins.get(number, self._clock())
            if pin is not None:
                yield pin

    def _describe(self, number: int, exchanges: Sequence[Exchange]) -> dict[str, Any]:
        now, to_wall = self._clock(), self._wall_clock() - self._clock()
        pins = tuple(self._pins(number))
        with_member = {_member_of(exchange).spec.name for exchange in exchanges}
        tunnels = [exchange.tunnel for exchange in exchanges if exchange.tunnel is not None]
        on_its_way = [pin.member.spec.name for pin in pins if not _has_arrived(pin, exchanges)]
        return {
            "session": name_of(number),
            "members": sorted(with_member),
            "websockets": len(exchanges),
            "client": client_of(exchanges[-1]) if exchanges else pins[0].client,
            "since": round(to_wall + min([tunnel.opened for tunnel in tunnels] or [pins[0].since]), 3),
            "idle_seconds": round(now - max(tunnel.last_message for tunnel in tunnels), 3)
            if tunnels
            else None,
            "moving_to": on_its_way[0] if on_its_way else None,
        }

    # -- done -------------------------------------------------------------------------------------------------------

    def move(self, session: str, member: str) -> dict[str, Any]:
        """Have a session go to another member: its requests from now on, and its WebSockets, which are closed for that.

        It holds for an hour, or until the member is removed, disabled, stopped, or drained with its WebSockets.

        :returns: how many WebSockets are closed, among others.
        :raises UnknownSession: when there is none of this id.
        :raises UnknownMember: when there is no such member.
        :raises Unmovable: when that member cannot take it.
        """
        client = self.check(session, member)
        websockets = self.settle(session, member, client)
        say_moved(session, member, client, websockets)
        return {
            "session": session,
            "member": self._operations.find(member).spec.name,
            "websockets": websockets,
        }

    def check(self, session: str, member: str) -> str:
        """Whether a session can be moved to a member; raises as `move` does.

        :returns: the client's address.
        """
        number, exchanges = self._find(session)
        self._check(number, exchanges, self._operations.find(member))
        return client_of(exchanges[-1]) if exchanges else next(iter(self._pins(number))).client

    def settle(self, session: str, member: str, client: str) -> int:
        """Move a session that can be moved, whether or not this process has WebSockets of it.

        :returns: how many of these are being closed.
        """
        number = number_of(session)
        assert number is not None
        target = self._operations.find(member)
        self._pin(number, target, client, self._clock())
        leaving = [one for one in self._ledger.of_session(number) if _is_elsewhere(one, target)]
        self._operations.close(leaving, MOVED)
        return len(leaving)

    def moves(self) -> tuple[Move, ...]:
        """Those that hold."""
        return tuple(
            Move(number, identity_of(pin.member), pin.client, pin.since)
            for balancer in self._operations.balancers.values()
            if balancer.pins is not None
            for number, pin in balancer.pins.items(self._clock())
        )

    def remember(self, moves: Iterable[Move]) -> None:
        """Have sessions go where another process has them go.

        :param moves: the oldest first.
        """
        members = {
            identity_of(member): member
            for balancer in self._operations.balancers.values()
            for member in balancer.members
        }
        for move in moves:
            if move.member in members:
                self._pin(move.session, members[move.member], move.client, move.since)

    def close(self, session: str) -> dict[str, Any]:
        """Close the WebSockets of a session.

        :returns: how many, among others.
        :raises UnknownSession: when there is none of this id.
        """
        websockets = self.end(session)
        say_closed(session, websockets)
        return {"session": session, "websockets": websockets}

    def end(self, session: str) -> int:
        """Close its WebSockets without a word; returns how many, and raises as `close` does."""
        _, exchanges = self._find(session)
        self._operations.close(exchanges, CLOSED)
        return len(exchanges)

    def opened(self, exchange: Exchange) -> None:
        """A WebSocket stands; perhaps its session was moved while its handshake was under way."""
        member = _member_of(exchange)
        balancer = self._operations.balancers.get(member.spec.balancer)
        if balancer is None or balancer.pins is None:
            return
        number = self._ledger.session_of(balancer.name, exchange.request, exchange.client.peer)
        pin = balancer.pins.get(number, self._clock())
        if pin is not None and _is_elsewhere(exchange, pin.member) and exchange.started <= pin.since:
            self._operations.close([exchange], MOVED)

    def _check(self, number: int, exchanges: Sequence[Exchange], target: Member) -> None:
        """Whether a session can be moved to a member.

        :raises Unmovable: when not.
        """
        name = target.spec.name
        used = {_member_of(exchange).spec.balancer for exchange in exchanges}
        used.update(pin.member.spec.balancer for pin in self._pins(number))
        if target.spec.balancer not in used:
            balancers = self._operations.balancers.values()
            members = [
                one.spec.name for balancer in balancers if balancer.name in used for one in balancer.members
            ]
            could = f"can be moved to: {', '.join(members)}" if members else "has no balancer any more"
            raise Unmovable(f"{name} is of another balancer; this session {could}")
        self._operations.refresh()
        if not target.ready:
            moving = " with close_websockets: its users are being sent away" if target.moving else ""
            reason = self._operations.reason(target)
            raise Unmovable(f"{name} cannot take it: its state is {target.state}{moving or _behind(reason)}")

    def _pin(self, number: int, target: Member, client: str, since: float) -> None:
        balancer = self._operations.balancers[target.spec.balancer]
        if balancer.pins is None:
            balancer.pins = Pins(partial(self._ledger.session_of, balancer.name))
        balancer.pins.put(number, target, client, since)


def say_moved(session: str, member: str, client: str, websockets: int) -> None:
    """Say that a session was moved."""
    log.info(
        "session {session}: it is moved to {member}; {websockets} of it with other members are closed, for its page to "
        "connect again",
        event="session.moved",
        session=session,
        member=member,
        client=client,
        websockets=websockets,
    )


def say_closed(session: str, websockets: int) -> None:
    """Say that the WebSockets of a session were closed."""
    log.info(
        "session {session}: its WebSockets are closed, {websockets} of them; its page may connect again",
        event="session.closed",
        session=session,
        websockets=websockets,
    )


def _member_of(exchange: Exchange) -> Member:
    assert exchange.decision is not None
    return exchange.decision.member


def _is_elsewhere(exchange: Exchange, target: Member) -> bool:
    """Whether it is with another member of the same balancer."""
    member = _member_of(exchange)
    return member is not target and member.spec.balancer == target.spec.balancer


def _has_arrived(pin: Pin, exchanges: Sequence[Exchange]) -> bool:
    """Whether a session has its WebSockets where it was moved to."""
    here = any(_member_of(exchange) is pin.member for exchange in exchanges)
    return here and not any(_is_elsewhere(exchange, pin.member) for exchange in exchanges)


def _behind(reason: str) -> str:
    return f": {reason}" if reason else ""
