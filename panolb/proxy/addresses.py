"""The addresses behind a member's host name.

Names are looked up off the hot path, kept for a while, and looked up again when none of the addresses answers.
All of them are tried in order: ``localhost`` is ``::1`` first on most machines and a Tomcat often listens on 127.0.0.1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from ipaddress import ip_address
from typing import Any

from twisted.internet.interfaces import (
    IAddress,
    IHostResolution,
    IReactorPluggableNameResolver,
    IResolutionReceiver,
)
from zope.interface import implementer

FRESH = 60.0  # seconds a looked-up name is used without asking again

Found = Callable[[Sequence[str]], None]


class Addresses:
    """The addresses of one host.

    :param clock: reads a monotonic clock in seconds.
    """

    __slots__ = ("_clock", "_host", "_known", "_literal", "_reactor", "_until", "_waiting")

    def __init__(self, reactor: IReactorPluggableNameResolver, host: str, clock: Callable[[], float]) -> None:
        self._reactor = reactor
        self._host = host
        self._clock = clock
        self._known: Sequence[str] = ()
        self._until = 0.0
        self._waiting: list[Found] = []
        try:
            ip_address(host)
        except ValueError:
            self._literal = False
        else:
            self._literal = True
            self._known = (host,)

    def find(self, found: Found) -> None:
        """Call ``found`` with the addresses, at once if they are known; none when the name has none."""
        if self._literal or self._clock() < self._until:
            found(self._known)
            return
        self._waiting.append(found)
        if len(self._waiting) == 1:
            self._reactor.nameResolver.resolveHostName(_Answer(self._found), self._host, 0)

    def forget(self) -> None:
        """None of the addresses answered: ask again next time."""
        self._until = 0.0

    def _found(self, addresses: Sequence[str]) -> None:
        if addresses:
            self._known = addresses
            self._until = self._clock() + FRESH
        waiting, self._waiting = self._waiting, []
        for found in waiting:
            found(addresses)


@implementer(IResolutionReceiver)
class _Answer:
    """Collects what a name resolution brings."""

    def __init__(self, found: Found) -> None:
        self._found = found
        self._addresses: list[str] = []

    def resolutionBegan(self, resolutionInProgress: IHostResolution) -> None:
        """Nothing to do yet."""

    def addressResolved(self, address: IAddress) -> None:
        resolved: Any = address
        if resolved.host not in self._addresses:
            self._addresses.append(resolved.host)

    def resolutionComplete(self) -> None:
        self._found(tuple(self._addresses))
