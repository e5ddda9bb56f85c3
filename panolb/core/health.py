"""The health of one member: what checks say, and what live traffic showed.

The two are separate signals.  Checks move `up` when enough of them agree in a row (mod_proxy_hcheck's hcpasses and
hcfails, but consecutive ones).  Live traffic sets an error that ends by itself after `retry` seconds, as a worker in
error does in Apache, or at the first passing check.
"""

from __future__ import annotations

from typing import NamedTuple


class Standing(NamedTuple):
    """What one process tells another of a member's health; the fields are those of `Health`."""

    up: bool
    error_until: float | None
    observed: bool
    reason: str
    forgiven: float


class Health:
    """Two counters and a date.

    :ivar up: what the checks have established.
    :ivar error_until: clock reading until which live traffic keeps the member out; ``None`` when it does not.
    :ivar forgiven: until when the last error would have lasted that has ended.
    :ivar reason: why it is not well, in words for the log and the status page; empty when it is.
    """

    __slots__ = ("_fails", "_observed", "_passes", "_tunnel_fails", "error_until", "forgiven", "reason", "up")

    def __init__(self, up: bool = True) -> None:
        self.up = up
        self.error_until: float | None = None
        self.forgiven = 0.0
        self.reason = "" if up else "waiting for the first passing check"
        self._passes = 0
        self._fails = 0
        self._tunnel_fails = 0
        self._observed = False  # the error is one that WebSockets have shown

    def unchecked(self) -> None:
        """There are no checks any more; what they had established is forgotten."""
        if not self.up:
            self.up, self.reason = True, ""
        self._passes = self._fails = 0

    @property
    def standing(self) -> Standing:
        """How the member is, whoever has found out."""
        return Standing(self.up, self.error_until, self._observed, self.reason, self.forgiven)

    def believe(self, standing: Standing) -> None:
        """Have it from another process; all of them read the same clock."""
        self.up, self.error_until, self._observed, self.reason, self.forgiven = standing

    def knows_better(self, standing: Standing, now: float) -> bool:
        """Whether another process tells that an error is over, and there has been another one since."""
        if standing.error_until is not None or self.error_until is None:
            return False
        return now < self.error_until > standing.forgiven

    def in_error(self, now: float) -> bool:
        return self.error_until is not None and now < self.error_until

    def observe(self, passed: bool, reason: str, passes: int, fails: int) -> None:
        """Count one check.

        :param reason: why it failed.
        :param passes: how many passing checks in a row bring a member up.
        :param fails: how many failing checks in a row take it down.
        """
        if passed:
            self._passes += 1
            self._fails = 0
            if self.up or self._passes >= passes:
                self.up = True
                if not self._observed:
                    self.forgive()
        else:
            self._fails += 1
            self._passes = 0
            if self.up and self._fails >= fails:
                self.up = False
                self.reason = reason
            elif not self.up:
                self.reason = reason

    @property
    def settled(self) -> bool:
        """Whether the last checks agree with the state, so that no faster interval is needed."""
        return self._fails == 0 if self.up else self._passes == 0

    def count_tunnel(self, failed: bool) -> int:
        """Count a WebSocket; returns how many in a row have failed."""
        self._tunnel_fails = self._tunnel_fails + 1 if failed else 0
        return self._tunnel_fails

    def fault(self, now: float, retry: float, reason: str, observed: bool = False) -> None:
        """Live traffic could not use the member: keep it out for ``retry`` seconds.

        :param observed: whether WebSockets have shown it; no check sees as much, and so none ends it sooner.
        """
        self._observed = observed
        self.error_until = now + retry
        self.reason = reason

    def forgive(self) -> None:
        """End an error."""
        self._observed = False
        if self.error_until is not None:
            self.forgiven = self.error_until
        self.error_until = None
        if self.up:
            self.reason = ""
