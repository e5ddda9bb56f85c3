"""How long a body may still take: time that its progress earns.

A limit on the whole time would cut large bodies on slow lines, and one on each pause would let a client that sends a
byte a minute stay for ever.  So a body starts with an allowance, and so many bytes earn another second, never more
than the allowance at the start: the rule of Apache's mod_reqtimeout (``body=60,MinRate=500``).
"""

from __future__ import annotations


class Patience:
    """The allowance of one client.

    :param most: seconds at the start, and never more than that.
    :param rate: bytes that earn one second; 0 when any byte earns all of it.
    """

    __slots__ = ("_due", "_left", "_most", "_rate")

    def __init__(self, most: float, rate: int) -> None:
        self._most = most
        self._rate = rate
        self._due = 0.0  # clock reading at which it is used up
        self._left: float | None = None  # seconds, while the time does not count

    def begin(self, now: float) -> float:
        """From now on the client has to make progress; returns the seconds that it has."""
        self._due = now + self._most
        self._left = None
        return self._most

    def earn(self, octets: int, now: float) -> float:
        """So many bytes more have passed; returns the seconds left, which may be none."""
        most = now + self._most
        if octets:
            self._due = min(self._due + octets / self._rate, most) if self._rate else most
        return self._due - now

    def pause(self, now: float) -> None:
        """The client is kept waiting: this time is not its own."""
        if self._left is None:
            self._left = max(self._due - now, 0.0)

    def resume(self, now: float) -> float:
        """It is its turn again; returns the seconds left."""
        if self._left is not None:
            self._due = now + self._left
            self._left = None
        return self._due - now
