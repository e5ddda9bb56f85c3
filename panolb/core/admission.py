"""Who may open a WebSocket now: limits on how many there are, and on how fast a member gets new ones.

When a member dies, all its users come back within seconds, to the others.  A token bucket per member lets in as many
as it can take and tells the rest when to come again, each at a time of its own, so that one death does not become two.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from math import ceil
from typing import NamedTuple

from .clients import network_of

MAX_WAIT = 30.0  # seconds; whoever would have to wait longer may as well look again within that time

MEMBER_FULL, TOO_FAST = "member-full", "too-fast"


class Refusal(NamedTuple):
    """Why a WebSocket cannot be opened.

    :ivar term: in one word for the access log.
    :ivar reason: in a sentence for the client.
    :ivar retry_after: whole seconds after which it may be tried again.
    """

    term: str
    reason: str
    retry_after: int

    @property
    def of_member(self) -> bool:
        """Whether another member might have let it in."""
        return self.term in (MEMBER_FULL, TOO_FAST)


class Bucket:
    """A token bucket that promises its future tokens to those whom it sends away.

    Nothing is kept for them: who comes first when a token is there, gets it.  A promise is a time to come again at
    which not everybody else does.

    :param rate: tokens per second; 0 for no limit.
    :param burst: how many there can be at once; at least one.
    """

    __slots__ = ("_burst", "_counted", "_promised", "_rate", "_tokens")

    def __init__(self, rate: float, burst: int) -> None:
        self._rate = rate
        self._tokens = self._burst = float(max(burst, 1))
        self._counted = 0.0  # clock reading up to which tokens were counted
        self._promised = 0.0  # clock reading of the last promise

    def has(self, rate: float, burst: int) -> bool:
        """Whether these are its numbers."""
        return self._rate == rate and self._burst == max(burst, 1)

    def take(self, now: float) -> float:
        """Take a token; returns 0, or the seconds after which to come again, `MAX_WAIT` at most."""
        rate = self._rate
        if not rate:
            return 0.0
        self._tokens = min(self._burst, self._tokens + (now - self._counted) * rate)
        self._counted = now
        if self._tokens >= 1.0:
            self._tokens -= 1.0
            return 0.0
        return self._promise(now, 1.0 / rate)

    def _promise(self, now: float, each: float) -> float:
        """The next free time to come again.

        Those who are too many for `MAX_WAIT` are spread over the same time once more: told the longest wait, all of
        them would come back together.

        :param each: the seconds in which one token comes.
        """
        wait = max(self._promised - now, 0.0) + each
        if wait > MAX_WAIT:
            wait = wait % MAX_WAIT or MAX_WAIT
        self._promised = now + wait
        return wait


class Gate:
    """The way to one member.

    :param most: how many WebSockets it may have; ``None`` for any number.
    :ivar open: how many it has, those included whose handshake is under way.
    :ivar elsewhere: how many it has of other processes.
    """

    __slots__ = ("_bucket", "_most", "elsewhere", "open")

    def __init__(self, most: int | None = None, rate: float = 0.0, burst: int = 1) -> None:
        self._most = most
        self._bucket = Bucket(rate, burst)
        self.open = 0
        self.elsewhere = 0

    def __copy__(self) -> Gate:
        other = Gate(self._most)
        other._bucket = copy(self._bucket)
        other.open = self.open
        other.elsewhere = self.elsewhere
        return other

    def configure(self, most: int | None, rate: float, burst: int) -> None:
        """Have these limits from now on; who is inside stays."""
        self._most = most
        if not self._bucket.has(rate, burst):
            self._bucket = Bucket(rate, burst)

    @property
    def is_over(self) -> bool:
        """Whether there are more than there may be."""
        return self._most is not None and self.open + self.elsewhere > self._most

    @property
    def full(self) -> Refusal:
        """What is said when there are as many as there may be."""
        return Refusal(MEMBER_FULL, "The server that holds your session has no room for another viewer.", 5)

    def refusal(self, now: float) -> Refusal | None:
        """Why one more cannot be let in; if it can, its token is taken."""
        if self._most is not None and self.open + self.elsewhere >= self._most:
            return self.full
        wait = self._bucket.take(now)
        if wait:
            return Refusal(TOO_FAST, "Too many viewers come back at once; please wait a moment.", ceil(wait))
        return None


class Admission:
    """The way into the whole balancer.

    :param most: how many WebSockets there may be; ``None`` for any number.
    :param most_per_client: how many of one client address, for IPv6 of one /64.

    :ivar open: how many there are, those included whose handshake is under way.
    :ivar shared: tells other processes how many there are here, and asks how many there are there; ``None`` in a single one.
    """

    __slots__ = ("_clients", "_most", "_most_per_client", "open", "shared")

    def __init__(self, most: int | None = None, most_per_client: int | None = None) -> None:
        self._most = most
        self._most_per_client = most_per_client
        self._clients: dict[bytes, int] = {}
        self.open = 0
        self.shared: Callable[[], None] | None = None

    def __copy__(self) -> Admission:
        other = Admission(self._most, self._most_per_client)
        other._clients = self._clients.copy()
        other.open = self.open
        return other

    def configure(self, most: int | None, most_per_client: int | None) -> None:
        """Have these limits from now on; who is inside stays."""
        self._most = most
        self._most_per_client = most_per_client

    def admit(self, client: bytes, gate: Gate, now: float) -> Refusal | None:
        """Let a client in, or say why not.

        :param gate: that of the member it is going to.
        """
        if self._most is not None and self.open >= self._most:
            return Refusal("full", "There is no room for another viewer.", 5)
        client = network_of(client)
        here = self._clients.get(client, 0)
        if self._most_per_client is not None and here >= self._most_per_client:
            return Refusal("client-full", "There are too many viewers at your address.", 5)
        if self.shared is not None:
            self.shared()
        refusal = gate.refusal(now)
        if refusal is not None:
            return refusal
        gate.open += 1
        if self.shared is not None:
            self.shared()
            if (
                gate.is_over
            ):  # somebody else has let in one at the same time: neither of the two may be too many
                gate.open -= 1
                return gate.full
        self.open += 1
        self._clients[client] = here + 1
        return None

    def leave(self, client: bytes, gate: Gate) -> None:
        """One that was let in is gone."""
        self.open -= 1
        gate.open -= 1
        client = network_of(client)
        left = self._clients[client] - 1
        if left:
            self._clients[client] = left
        else:
            del self._clients[client]
