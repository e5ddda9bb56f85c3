"""What is held: connections, exchanges, timers.

When nobody is served, all numbers but those of idle connections are zero or what they were at the start; what stays
above that was forgotten by somebody.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from ..core.admission import Admission
from ..proxy.deadlines import Deadlines
from ..proxy.turn import Turn
from .descriptors import Descriptors, limit
from .ledger import Ledger
from .listening import Listening
from .plant import Plant

OPEN_DESCRIPTORS = "/dev/fd"  # a directory with an entry for each, on Linux, macOS and the BSDs


@attrs.frozen
class Resources:
    """Counts what is held.

    :ivar together: adds what other processes hold.
    """

    reactor: Any
    listening: Listening
    plant: Plant
    ledger: Ledger
    admission: Admission
    deadlines: Deadlines
    turn: Turn
    descriptors: Descriptors
    together: Callable[[Mapping[str, Any]], dict[str, Any]] = dict

    def as_json(self) -> dict[str, Any]:
        """All numbers, as the status page and the control API show them."""
        return self.together(self._own())

    def _own(self) -> dict[str, Any]:
        poller = self.turn.poller
        pools = self.plant.pools
        return {
            "clients": self.listening.clients,
            "exchanges": self.plant.exchanges,
            "websockets": len(self.ledger),
            "websockets_admitted": self.admission.open,
            "member_connections": sum(pool.open for pool in pools),
            "member_connections_idle": sum(pool.idle for pool in pools),
            "member_connections_being_made": sum(pool.making for pool in pools),
            "exchanges_waiting": sum(pool.waiting for pool in pools),
            "time_limits": self.deadlines.entries,
            "timers": len(self.reactor.getDelayedCalls()),
            "polled_sockets": 0 if poller is None else poller.sockets,
            "descriptors": descriptors_open(),
            "descriptor_limit": limit(),
            "accepting_paused": self.descriptors.short,
            "accepting_pauses": self.descriptors.pauses,
        }


def descriptors_open() -> int | None:
    """How many file descriptors are open; ``None`` where the system does not say, or has none left to look with."""
    try:
        # Linux has their number since 6.2: to list those of 10,000 WebSockets would take milliseconds.
        counted = os.stat(OPEN_DESCRIPTORS).st_size if sys.platform == "linux" else 0
        return counted or len(os.listdir(OPEN_DESCRIPTORS)) - 1  # not the directory's own
    except OSError:
        return None
