"""What a panolb holds: when a test is over, nothing but what it held before."""

from __future__ import annotations

import http.client
import json
from typing import Any

import pytest

from .process import Panolb
from .waiting import ADDRESS, PATIENCE, until

FAILED = pytest.StashKey[bool]()
"""Of a test: whether it failed, and may have left anything."""

_watches: list[Watch] = []


class Watch:
    """Asks a process, over one connection to its status page, what it holds.

    :param admin: the status page's port.
    """

    def __init__(self, panolb: Panolb, admin: int) -> None:
        self.panolb = panolb
        self._connection = http.client.HTTPConnection(ADDRESS, admin, timeout=PATIENCE)
        self._before = until(self._at_rest, "panolb to hold nothing after its start")

    @property
    def lives(self) -> bool:
        """Whether there is a process to be asked."""
        return self.panolb in Panolb.running and self.panolb.process.poll() is None

    def settle(self) -> None:
        """Wait until the process holds nothing but what it did before, and idle connections to members."""
        until(self._is_as_before, f"panolb to hold nothing more than {self._before}")

    def close(self) -> None:
        """Ask no more."""
        self._connection.close()

    def _is_as_before(self) -> bool:
        try:
            now = self._held()
        except ConnectionRefusedError:  # it is ending, with nothing left to wait for
            return True
        if all(now[name] <= self._before[name] for name in now):
            return True
        raise BlockingIOError(f"it holds {now}")

    def _at_rest(self) -> dict[str, int]:
        now = self._held()
        if now["under way"]:
            raise BlockingIOError(f"it holds {now}")
        return now

    def _held(self) -> dict[str, int]:
        """The numbers without those of idle connections."""
        said = self._ask()
        idle = said["member_connections_idle"]
        under_way = (
            "exchanges",
            "exchanges_waiting",
            "websockets",
            "websockets_admitted",
            "polled_sockets",
            "member_connections_being_made",
        )
        return {
            "clients": sum(said["clients"].values()),
            "under way": sum(said[name] for name in under_way),
            "busy connections to members": said["member_connections"] - idle,
            "time limits": said["time_limits"] - idle,
            "timers": said["timers"],
            "descriptors": said["descriptors"] - idle,
        }

    def _ask(self) -> dict[str, Any]:
        try:
            return self._get()
        except (ConnectionError, http.client.HTTPException):  # the connection was idle for too long
            self._connection.close()
            return self._get()

    def _get(self) -> dict[str, Any]:
        self._connection.request("GET", "/status.json")
        shown: dict[str, Any] = json.load(self._connection.getresponse())["resources"]
        return shown


def watch(panolb: Panolb, admin: int) -> None:
    """From now on this process is asked after every test; see `settle_all`."""
    _watches.append(Watch(panolb, admin))


def settle_all() -> None:
    """Insist that no process that is watched holds anything that it did not hold when it had started."""
    for one in tuple(_watches):
        if one.lives:
            one.settle()
        else:
            one.close()
            _watches.remove(one)
