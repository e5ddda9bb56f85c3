"""What operators do to members, and what becomes of the members' WebSockets then."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred

from ..core.balancer import Balancer, Fate
from ..core.exchange import Exchange
from ..core.member import Admin, Member
from ..core.tunnel import LOOKS, PATIENCE
from ..events import EventLogger
from .closing import Closing, Closings, Counts
from .ledger import Ledger

log = EventLogger()

TERMS = {Admin.DRAIN: "drained", Admin.DISABLED: "disabled", Admin.STOPPED: "stopped"}
MEMBER_DOWN = "member-down"
REMOVED = "removed"
STOPPING = "stopping"

# What closing its WebSockets means for the users of a member, and what to do if that is not wanted.
_CONSEQUENCES = {
    Fate.STAY: "but no other member can take their users, and they come back to it; bring another one up first",
    Fate.MOVE: "their pages connect again, to other members",
    Fate.FORCED: "but no other member can take their users, and members in error are tried all the same; bring one up",
    Fate.REFUSED: "but no other member can take their users, and they are answered 503; bring one up",
}


class UnknownMember(LookupError):
    """There is no member of this name, or there are several; the text says which names there are."""


class Operations:
    """The operator's side of all members.

    :param clock: an IReactorTime.
    :param now: reads the monotonic clock of the balancers in seconds.
    :param balancers: those that there are, by name; it changes with the configuration.

    The other parameters are those of `configure`.

    :ivar closing_elsewhere: how many WebSockets of a member other processes are closing.
    """

    def __init__(
        self,
        clock: Any,
        now: Callable[[], float],
        balancers: Mapping[str, Balancer],
        ledger: Ledger,
        *,
        close_rate: float = 100.0,
        close_timeout: float = 5.0,
        close_on_failure: Collection[str] = (),
        closings: Closings | None = None,
    ) -> None:
        self._now = now
        self.balancers = balancers
        self.ledger = ledger
        self.closing_elsewhere: Callable[[Member], int] = lambda member: 0
        self._closings = closings or Closings(clock)
        self._orders: dict[Member, Closing] = {}
        self._single: set[Closing] = set()  # of single users, whichever members have them
        self._stopping: Closing | None = None
        self._watched: set[Balancer] = set()
        self.configure(close_rate=close_rate, close_timeout=close_timeout, close_on_failure=close_on_failure)

    def configure(
        self, *, close_rate: float, close_timeout: float, close_on_failure: Collection[str]
    ) -> None:
        """Work like this from now on, with the balancers that there are now.

        :param close_rate: how many WebSockets of a member get their close frame per second.
        :param close_timeout: seconds that a WebSocket has for the answer to its close frame.
        :param close_on_failure: the names of the balancers that close the WebSockets of a member that goes down.
        """
        self._rate = close_rate
        # After its turn a WebSocket is cut by then, whatever happens; its tunnel ends by itself sooner, also behind a
        # slow reader that still takes what stands before the close frame.
        self._latest = PATIENCE + (LOOKS + 2) * close_timeout
        self._close_on_failure = frozenset(close_on_failure)
        for balancer in self.balancers.values():
            if balancer not in self._watched:
                balancer.watcher = partial(self._changed, balancer.watcher)
        self._watched = set(self.balancers.values())

    # -- members ----------------------------------------------------------------------------------------------------

    def find(self, name: str) -> Member:
        """The member of this name: ``balancer/route``, or ``balancer/host:port``.

        :raises UnknownMember: when it is none, or not one only.
        """
        members = [member for balancer in self.balancers.values() for member in balancer.members]
        found = [member for member in members if member.spec.name == name]
        if len(found) != 1:
            found = [member for member in members if _address(member) == name] or found
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(_address(member) for member in found)
            raise UnknownMember(f"several members are called {name}; say which: {names}")
        names = ", ".join(member.spec.name for member in members)
        raise UnknownMember(f"there is no member {name}; there are: {names}")

    def refresh(self) -> None:
        """Bring the states of all members up to date: an error that has run out is not shown as one."""
        for balancer in self.balancers.values():
            balancer.refresh(self._now())

    def reason(self, member: Member) -> str:
        """Why a member does not serve as others do; see `Balancer.reason`."""
        if member.leaving:
            return "it was removed from the configuration; what is under way with it ends"
        return self.balancers[member.spec.balancer].reason(member, self._now())

    def closing(self, member: Member) -> int:
        """How many WebSockets of a member are being closed."""
        here = self._orders[member].left if member in self._orders else 0
        return here + self.closing_elsewhere(member)

    def set_admin(self, member: Member, admin: Admin, close_websockets: bool = False) -> int:
        """Apply the operator's wish.

        :param close_websockets: with a drain: close the member's WebSockets and send its users to other members.
            A member that is disabled or stopped loses its WebSockets in any case.
        :returns: how many of its WebSockets are being closed.
        """
        closes = admin in (Admin.DISABLED, Admin.STOPPED) or (close_websockets and admin is Admin.DRAIN)
        if not closes:
            self._spare(member, *TERMS.values())
        self.balancers[member.spec.balancer].set_admin(member, admin, self._now(), closes)
        if closes:
            self._close(member, TERMS[admin], f"it was set to {admin.value}")
            return self.closing(member)
        kept = self.ledger.count(member)
        if admin is Admin.DRAIN and kept:
            log.info(
                "member {member}: it keeps its {websockets} until their users leave; "
                "draining it with close_websockets closes them and moves the users",
                event="member.kept",
                member=member.spec.name,
                websockets=_websockets(kept),
            )
        return 0

    def remove(self, member: Member) -> None:
        """A member is gone from the configuration: close its WebSockets, for their users to go to others."""
        self._close(member, REMOVED, "it was removed from the configuration")

    def _changed(
        self,
        watcher: Callable[[Member, str, str, str], None] | None,
        member: Member,
        before: str,
        after: str,
        why: str,
    ) -> None:
        """A state has changed."""
        if watcher is not None:
            watcher(member, before, after, why)
        if after == "down" and member.spec.balancer in self._close_on_failure:
            self._close(member, MEMBER_DOWN, "its checks fail, and its balancer has close_on_failure")
        elif before == "down":
            self._spare(member, MEMBER_DOWN)

    # -- WebSockets -------------------------------------------------------------------------------------------------

    def opened(self, exchange: Exchange) -> None:
        """A WebSocket stands; perhaps its member lost favour while its handshake was under way."""
        assert exchange.decision is not None
        member = exchange.decision.member
        if member.leaving:
            self._order(member, [exchange], REMOVED)
        elif member.admin in (Admin.DISABLED, Admin.STOPPED) or (member.moving and not member.ready):
            self._order(member, [exchange], TERMS[member.admin])

    def finished(self, exchange: Exchange) -> None:
        """A WebSocket is over."""
        self._closings.finished(exchange)

    def close(self, exchanges: Collection[Exchange], term: str) -> None:
        """Close the WebSockets of a user, in this order, unless they are being closed already."""
        deadline = 1.5 * len(exchanges) / self._rate + self._latest
        order = self._closings.begin(exchanges, term, rate=self._rate, deadline=deadline)
        if order.left:
            self._single.add(order)
            order.done.addCallback(lambda _: self._single.discard(order))

    def _order(self, member: Member, exchanges: Collection[Exchange], term: str) -> Closing:
        """Have some WebSockets of a member closed, in the order that there is for it, or in a new one."""
        deadline = 1.5 * len(exchanges) / self._rate + self._latest
        order = self._orders.get(member)
        if order is not None:
            if term != MEMBER_DOWN:  # what the operator wants outlasts what the checks say
                order.term = term
            order.add(exchanges, deadline)
            return order
        order = self._closings.begin(exchanges, term, rate=self._rate, deadline=deadline)
        if order.left:
            self._orders[member] = order
            order.done.addCallback(partial(self._closed, member, order))
        return order

    def _close(self, member: Member, term: str, why: str) -> None:
        """Close all WebSockets of a member, and say so."""
        exchanges = self.ledger.of_member(member)
        if not exchanges:
            if self.ledger.count(member):
                return  # they are other processes', which say so themselves
            log.info(
                "member {member}: {why}; it has no WebSockets",
                event="member.drained",
                member=member.spec.name,
                why=why,
            )
            return
        self._order(member, exchanges, term)
        log.info(
            "member {member}: {why}; closing its {websockets}, {rate:g} a second, longest idle first; {consequence}",
            event="member.closing",
            member=member.spec.name,
            why=why,
            websockets=_websockets(len(exchanges)),
            rate=self._rate,
            consequence=self._consequence(member),
        )

    def _consequence(self, member: Member) -> str:
        balancer = self.balancers.get(member.spec.balancer)
        if balancer is None:
            return "its balancer is gone too"
        return _CONSEQUENCES[balancer.fate(member)]

    def _spare(self, member: Member, *terms: str) -> None:
        """Close no more of a member's WebSockets than have been told, if they are being closed for one of these."""
        order = self._orders.get(member)
        if order is not None and order.term in terms:
            order.cancel()

    def _closed(self, member: Member, order: Closing, counts: Counts) -> None:
        if self._orders.get(member) is order:
            del self._orders[member]
        log.info(
            "member {member}: its WebSockets are closed: {counts}; {left} under way with it",
            event="member.drained",
            member=member.spec.name,
            counts=str(counts),
            left=f"{member.busy} requests and WebSockets are" if member.busy else "nothing is",
        )

    # -- the end ----------------------------------------------------------------------------------------------------

    def stop(self, grace: float) -> Deferred[Counts]:
        """Close all WebSockets, early enough within the grace period for all of them to answer.

        :param grace: seconds.
        :returns: fires when all have ended, or when `cut` was called.
        """
        for order in (*self._orders.values(), *self._single):
            order.cancel(kept=False)  # what is left of it is closed now, and faster
        exchanges = self.ledger.exchanges()
        number = len(exchanges)
        rate = max(self._rate, number / (0.5 * grace)) if grace else float("inf")
        self._stopping = self._closings.begin(exchanges, STOPPING, rate=rate, deadline=grace + self._latest)
        if self._stopping.left:
            log.info(
                "stopping: closing {websockets}, {rate:g} a second; their pages connect again, to whoever listens then",
                websockets=_websockets(number),
                rate=rate,
            )
            self._stopping.done.addCallback(_stopped)
        return self._stopping.done

    def cut(self) -> None:
        """The grace period is over: end all WebSockets that are left."""
        for order in (*self._orders.values(), *self._single, self._stopping):
            if order is not None:
                order.cut()


def _stopped(counts: Counts) -> Counts:
    log.info("stopping: the WebSockets are closed: {counts}", counts=str(counts))
    return counts


def _websockets(number: int) -> str:
    return "1 WebSocket" if number == 1 else f"{number} WebSockets"


def _address(member: Member) -> str:
    """The name of a member by its address, which no other member of its balancer has."""
    spec = member.spec
    return f"{spec.balancer}/{spec.host}:{spec.port}"
