"""How many requests may be tried a second time, so that failing members do not multiply the load of the others."""

from __future__ import annotations

from collections import deque

SPAN = 10  # seconds that are looked back

# Retries within them that are allowed whatever the load: a few users should not notice a dead member.
FREE = 10 * SPAN


class Budget:
    """Of the last `SPAN` seconds it allows `FREE` retries, and a share of the requests beside them.

    A request is paid in and a retry taken out of a single number per second; the sum of the last ones decides.

    :param share: retries per request.
    """

    __slots__ = ("_balance", "_before", "_earlier", "_second_ends", "_share")

    def __init__(self, share: float) -> None:
        self._share = share
        self._balance = 0.0  # of this second
        self._earlier: deque[float] = deque(maxlen=SPAN - 1)  # of each second before, of the last ones
        self._before = float(FREE)  # of all seconds before, and what is free
        self._second_ends = 0.0

    def request(self, now: float) -> None:
        """Count a request that is tried for the first time."""
        if now >= self._second_ends:
            self._turn(now)
        self._balance += self._share

    def retry(self, now: float) -> bool:
        """Ask for one more try of a request, and count it if it is allowed."""
        if now >= self._second_ends:
            self._turn(now)
        if self._before + self._balance < 1.0:
            return False
        self._balance -= 1.0
        return True

    def _turn(self, now: float) -> None:
        """Another second has begun, after perhaps many without a request."""
        passed = int(now) + 1 - int(self._second_ends)
        self._earlier.append(self._balance)
        self._earlier.extend([0.0] * min(passed - 1, SPAN))
        self._balance = 0.0
        self._before = FREE + sum(self._earlier)
        self._second_ends = int(now) + 1.0
