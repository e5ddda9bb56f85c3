"""Pins: the sessions that an operator has moved, and the members that they are to go to.

A pin goes before the route that a request carries: it is needed for as long as the user's requests carry the old one,
which is for ever where not panolb but the member names the route, as with JSESSIONID.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator
from typing import NamedTuple

from .headers import Peer
from .member import Member
from .request import Request

LIFETIME = 3600.0  # seconds
MOST = 10_000

Session = Callable[[Request, Peer], int]  # the number of the session that a request belongs to


class Pin(NamedTuple):
    """Where a session is to go.

    :ivar client: whose it is, in words for people.
    :ivar since: clock reading in seconds.
    :ivar until: likewise; from then on it does not hold.
    """

    member: Member
    client: str
    since: float
    until: float


class Pins:
    """Those of one balancer.

    :param session: tells sessions apart.
    :param lifetime: seconds that a pin holds.
    :param most: how many there are at most; one more takes the place of the oldest.
    """

    __slots__ = ("_lifetime", "_most", "_pins", "_session")

    def __init__(self, session: Session, lifetime: float = LIFETIME, most: int = MOST) -> None:
        self._session = session
        self._lifetime = lifetime
        self._most = most
        self._pins: OrderedDict[int, Pin] = OrderedDict()  # the next one to end comes first

    def __copy__(self) -> Pins:
        other = Pins(self._session, self._lifetime, self._most)
        other._pins = self._pins.copy()
        return other

    def __len__(self) -> int:
        return len(self._pins)

    def put(self, session: int, member: Member, client: str, now: float) -> Pin:
        """Have a session go to ``member`` from now on, wherever it was to go before."""
        self._expire(now)
        self._pins.pop(session, None)
        pin = self._pins[session] = Pin(member, client, now, now + self._lifetime)
        if len(self._pins) > self._most:
            self._pins.popitem(last=False)
        return pin

    def member(self, request: Request, peer: Peer, now: float) -> Member | None:
        """The member that the session of a request is to go to; ``None`` for one that nobody has moved."""
        self._expire(now)
        if not self._pins:
            return None
        pin = self._pins.get(self._session(request, peer))
        return None if pin is None else pin.member

    def get(self, session: int, now: float) -> Pin | None:
        """The pin of a session."""
        self._expire(now)
        return self._pins.get(session)

    def items(self, now: float) -> Iterator[tuple[int, Pin]]:
        """All of them with their sessions, the oldest first."""
        self._expire(now)
        return iter(tuple(self._pins.items()))

    def remove(self, session: int) -> None:
        """Let a session go where its requests say."""
        self._pins.pop(session, None)

    def leave(self, member: Member) -> None:
        """Nobody is to go to ``member`` any more."""
        self._keep(lambda pin: pin.member is not member)

    def keep(self, members: Collection[Member]) -> None:
        """There are only these members now: nobody is to go to any other."""
        self._keep(lambda pin: pin.member in members)

    def clear(self) -> None:
        """The numbers of sessions mean something else now: none of them can be found again."""
        self._pins.clear()

    def _keep(self, wanted: Callable[[Pin], bool]) -> None:
        for session, pin in tuple(self._pins.items()):
            if not wanted(pin):
                del self._pins[session]

    def _expire(self, now: float) -> None:
        pins = self._pins
        while pins:
            session = next(iter(pins))
            if pins[session].until > now:
                break
            del pins[session]
