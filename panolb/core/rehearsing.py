"""A rehearsal: what would become of a request now, found out by the very code that would decide, and without a trace.

A real `Exchange` is started between ports that only write down what they are told, on the living balancer.  Whatever it
changes there (counts, states whose time has come, tokens) is put back before anybody else has a turn; and nobody outside
is told: no log, no timer, no connection.  So an explanation cannot say anything else than what happens.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from .admission import Admission, Gate, Refusal
from .balancer import Balancer
from .exchange import Exchange
from .headers import Answer, Peer, websocket_accept
from .location import Location
from .member import Member
from .policies import Policy
from .ports import Link
from .request import Request
from .standing import Past, Standing, standings

Lines = Sequence[bytes]

_KEY = b"Sec-WebSocket-Key: "


class Unrehearsable(Exception):
    """A balancing method cannot be asked without changing it; the message says why."""


class Rehearsed:
    """What would become of a request.

    :ivar exchange: the exchange, as far as it came; of its member and its balancer only names are still true.
    :ivar standings: all members of the balancer, as the choice found them.
    :ivar asked: whom the balancing method was asked about in the end; empty when it was not asked.
    :ivar refused: members that could not take it, and why in words.
    :ivar waits: whether it would wait for somebody who can serve it.
    :ivar head: what the member would be sent; empty when nobody would.
    :ivar status: the status of an answer of panolb's own; 0 when a member would be asked.
    :ivar lines: the header fields that panolb would answer with; with a member: those that it adds to a plain answer.
    :ivar broken: what a plugin raised.
    """

    def __init__(self) -> None:
        self.exchange: Exchange
        self.standings: tuple[Standing, ...] = ()
        self.asked: tuple[Member, ...] = ()
        self.refused: dict[Member, str] = {}
        self.waits = False
        self.head = b""
        self.status = 0
        self.lines: list[bytes] = []
        self.broken: Exception | None = None


def rehearse(
    request: Request,
    location: Location,
    peer: Peer,
    upgrade: tuple[bytes, ...] | None = None,
    full: Callable[[Member, bool], bool] = lambda member, bound: False,
) -> Rehearsed:
    """Find out what would become of ``request`` at ``location``, and change nothing.

    :param upgrade: the fields of the WebSocket handshake that the member would get; see `Exchange.upgrade`.
    :param full: whether so many wait for a connection to a member that nobody else may, or (if the second argument is
        true) nobody who is bound to it.
    :raises Unrehearsable: when its balancing method cannot be copied.
    """
    told = Rehearsed()
    balancer = location.balancer
    members = () if balancer is None else balancer.members
    full_for = {(member, bound) for member in members for bound in (False, True) if full(member, bound)}
    with _stage(location, told):
        exchange = told.exchange = Exchange(request, location, _Seat(peer, told))
        exchange.upgrade = upgrade
        exchange.start()
        if balancer is None:
            return told
        told.standings = standings(balancer.members)
        while (way := _way_of(exchange)) is not None and (way.member, exchange.bound) in full_for:
            told.refused[way.member] = "as many requests as may (queue) wait for a connection to it"
            way.asked = False
            exchange.not_served("queue-full")
        if way is not None:
            _connect(exchange, way, told)
    return told


def _way_of(exchange: Exchange) -> _Way | None:
    """The way to the member from which the exchange wants a connection."""
    if exchange.decision is None:
        return None
    way = exchange.decision.member.connector
    return way if isinstance(way, _Way) and way.asked else None


def _connect(exchange: Exchange, way: _Way, told: Rehearsed) -> None:
    """The connection stands: see what is sent on it, and what is added to a plain answer."""
    way.asked = False
    link = _Link(told)
    exchange.connected(link)
    if not told.head:
        return  # it was answered with a page of our own
    if exchange.upgrade is None:
        exchange.response_head(200, b"OK", [], True)
    else:
        key = next(line[len(_KEY) :] for line in exchange.upgrade if line.startswith(_KEY))
        accept = b"Sec-WebSocket-Accept: " + websocket_accept(key)
        exchange.response_head(101, b"", [b"Connection: Upgrade", b"Upgrade: websocket", accept], True)
        exchange.switched(link, b"")
    told.status = 0


# -- ports that only write down -------------------------------------------------------------------------------------


class _Seat:
    """The client."""

    def __init__(self, peer: Peer, told: Rehearsed) -> None:
        self.peer = peer
        self._told = told

    def interim(self, status: int, phrase: bytes, lines: list[bytes]) -> None:
        """No member has anything to say."""

    def respond(self, status: int, phrase: bytes, lines: list[bytes], length: int | None, keep: bool) -> None:
        self._told.status, self._told.lines = status, list(lines)

    def switch(self, link: Link, answer: Answer, early: bytes) -> bool:
        self._told.lines = list(answer.lines)
        return True

    def send(self, data: bytes) -> None:
        """A page of our own; its status says enough."""

    def finish(self) -> None:
        """The page is complete."""

    def abort(self) -> None:
        """Nothing is under way."""

    def attach(self, link: Link) -> None:
        """No bodies flow."""

    def detach(self) -> None:
        """No bodies flow."""

    def hold(self) -> None:
        """No body comes."""


class _Link:
    """A connection to the member."""

    reused = False

    def __init__(self, told: Rehearsed) -> None:
        self._told = told

    def begin(self, head: bytes, method: bytes) -> None:
        self._told.head = head

    def expect(self, seconds: float) -> None:
        """Nothing has to come."""

    def send(self, data: bytes) -> None:
        """There is no body."""

    def abort(self) -> None:
        """There is nothing to cut."""


class _Way:
    """The way to a member.

    :ivar asked: whether a connection was asked for.
    """

    def __init__(self, member: Member) -> None:
        self.member = member
        self.asked = False

    def connect(self, exchange: Exchange, fresh: bool) -> None:
        self.asked = True

    def cancel(self, exchange: Exchange) -> None:
        self.asked = False


class _Timer:
    def cancel(self) -> None:
        """It would not have been told anyway."""


class _Method:
    """A balancing method that is watched."""

    def __init__(self, policy: Policy, told: Rehearsed) -> None:
        self._policy = policy
        self._told = told

    def pick(self, candidates: Sequence[Member]) -> Member:
        self._told.asked = tuple(candidates)
        return self._policy.pick(candidates)

    def stuck(self, member: Member, usable: Sequence[Member]) -> None:
        self._policy.stuck(member, usable)


class _Door(Admission):
    """The way in for WebSockets, watched.

    :param members: whose gates there are.
    """

    __slots__ = ("_door", "_members", "_told")

    def __init__(self, door: Admission, members: Sequence[Member], told: Rehearsed) -> None:
        self._door = copy.copy(door)
        self._members = {member.gate: member for member in members}
        self._told = told

    def admit(self, client: bytes, gate: Gate, now: float) -> Refusal | None:
        refusal = self._door.admit(client, gate, now)
        if refusal is not None and refusal.of_member:
            self._told.refused[self._members[gate]] = refusal.reason
        return refusal

    def leave(self, client: bytes, gate: Gate) -> None:
        self._door.leave(client, gate)


# -- the living, who must not notice --------------------------------------------------------------------------------


@contextmanager
def _stage(location: Location, told: Rehearsed) -> Iterator[None]:
    """Let something happen at a location, and put everything back."""
    balancer = location.balancer
    members = () if balancer is None else balancer.members
    saved = [_Saved(one) for one in (location, balancer, *members) if one is not None]
    try:
        for member in members:
            member.health = copy.copy(member.health)
            member.warm_up = copy.copy(member.warm_up)
            member.gate = copy.copy(member.gate)
            member.connector = _Way(member)
        if balancer is not None:
            _set_balancer(balancer, told)
        _set_location(location, members, told)
        yield
    finally:
        for one in saved:
            one.put_back()


def _set_balancer(balancer: Balancer, told: Rehearsed) -> None:
    def later(seconds: float, action: Callable[[], None]) -> _Timer:
        told.waits = True
        return _Timer()

    balancer.watcher = None
    balancer.shared = None
    balancer.past = Past()
    balancer.policy = _Method(copied(balancer.policy, balancer.members), told)
    balancer.budget = copy.deepcopy(balancer.budget)
    balancer.pins = copy.copy(balancer.pins)
    balancer.panic = copy.copy(balancer.panic)
    balancer.panic.alarm = None
    balancer.spared = balancer.panic.spared = set(balancer.spared)
    if balancer.later is not None:
        balancer.later = later


def _set_location(location: Location, members: Sequence[Member], told: Rehearsed) -> None:
    def broken(exchange: Exchange, error: Exception) -> None:
        told.broken = error

    location.finished = location.opened = None
    location.broken = broken
    if location.admission is not None:
        location.admission = _Door(location.admission, members, told)


def copied(policy: Policy, members: Sequence[Member]) -> Policy:
    """A balancing method that decides as ``policy`` would, and leaves it as it is.

    A method can say by ``__copy__`` how that is done.  Without it everything that it holds is copied but the members.

    :raises Unrehearsable: when that is not possible.
    """
    try:
        if hasattr(policy, "__copy__"):
            return copy.copy(policy)
        return copy.deepcopy(policy, {id(member): member for member in members})
    except Exception as error:
        name = type(policy).__qualname__
        raise Unrehearsable(f"{name} cannot be copied, and has no __copy__ that does it: {error}") from error


class _Saved:
    """An object's attributes, for all to be put back."""

    def __init__(self, one: Any) -> None:
        self._one = one
        names = [name for kind in type(one).__mro__ for name in getattr(kind, "__slots__", ())]
        self._values = [(name, getattr(one, name)) for name in names if hasattr(one, name)]

    def put_back(self) -> None:
        """All of them are as they were."""
        for name, value in self._values:
            setattr(self._one, name, value)
