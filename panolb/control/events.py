"""The last things that happened, kept for those who ask and told to those who follow.

Which there are: `panolb.events`.  What an event says is written down at once, since what it speaks of goes on changing.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from twisted.logger import ILogObserver, LogEvent, formatEvent
from zope.interface import implementer

from ..core.rates import Rates
from ..events import EVENTS

KEPT = 1000  # events
RATE, BURST = 0.1, 50  # of one name that clients can cause: so many a second, after so many at once
MOST_TEXT = 1000  # characters of one field
MOST_ITEMS = 100  # of a list or a table in one field
MOST_DEPTH = 4  # lists and tables within each other
MOST_LINE = 16 << 10  # bytes of one event as JSON

SKIPPED = EVENTS["events.skipped"]

# What twisted.logger adds for observers of the older kind.
_LEGACY = frozenset(("message", "time", "system", "format", "isError", "failure"))


class Event(NamedTuple):
    """One of them.

    :ivar id: counts up from 1 while panolb runs.
    :ivar line: as JSON in one line, with the line's end.
    """

    id: int
    line: bytes


@implementer(ILogObserver)
class Events:
    """The last events.  They are logged in the reactor's thread.

    No client can push out of it what happened to members: of what clients cause it takes no more than a few.

    :param kept: how many.

    :ivar last: the number of the last one; 0 before the first.
    """

    def __init__(self, kept: int = KEPT) -> None:
        self.last = 0
        self._kept: deque[Event] = deque(maxlen=kept)
        self._told: list[Callable[[], None]] = []
        self._rates = Rates(RATE, BURST)

    def __call__(self, event: LogEvent) -> None:
        name = event.get("event")
        if not isinstance(name, str) or self._are_many(name, event):
            return
        self.last += 1
        self._kept.append(Event(self.last, _line(self.last, name, event)))
        for tell in tuple(self._told):
            tell()

    def _are_many(self, name: str, event: LogEvent) -> bool:
        happening = EVENTS.get(name)
        if happening is None or not happening.by_clients:
            return False
        return self._rates.take(name.encode(), event.get("log_time", 0.0)) > 0

    def after(self, number: int) -> Iterator[Event]:
        """Those behind one, the oldest first, as far as they are kept."""
        first = self._kept[0].id if self._kept else self.last + 1
        for place in range(max(number + 1 - first, 0), len(self._kept)):
            yield self._kept[place]

    def next(self, number: int) -> Event | None:
        """The first one behind another that is kept."""
        return next(self.after(number), None)

    def follow(self, tell: Callable[[], None]) -> Callable[[], None]:
        """Have somebody told of each that is new.

        :returns: ends it.
        """
        self._told.append(tell)
        return lambda: self._told.remove(tell)


def skipped(first: int, last: int, time: float) -> Event:
    """What stands in the place of events that were kept no longer when somebody was ready to read them.

    :param time: seconds since 1970.
    """
    number = last - first + 1
    note = {
        "id": last,
        "time": round(time, 3),
        "event": SKIPPED.name,
        "code": SKIPPED.code,
        "level": SKIPPED.level,
        "message": f"{number} {'event is' if number == 1 else 'events are'} not kept any longer",
        "fields": {"first": first, "last": last},
    }
    return Event(last, json.dumps(note).encode() + b"\n")


def _line(number: int, name: str, event: Mapping[str, Any]) -> bytes:
    level = event.get("log_level")
    said = {
        "id": number,
        "time": round(event.get("log_time", 0.0), 3),
        "event": name,
        "code": EVENTS[name].code if name in EVENTS else "",
        "level": getattr(level, "name", "info"),
        "message": formatEvent(dict(event))[:MOST_TEXT],
        "fields": fields(event),
    }
    line = json.dumps(said).encode()
    if len(line) > MOST_LINE:
        said["fields"] = {}
        line = json.dumps(said).encode()
    return line + b"\n"


def fields(event: Mapping[str, Any]) -> dict[str, object]:
    """What an event of the log is about, for JSON, and not too much of it."""
    return {key: _plain(value) for key, value in event.items() if is_field(key)}


def is_field(key: str) -> bool:
    """Whether it is one of those that say what an event is about."""
    return key != "event" and not key.startswith("log_") and key not in _LEGACY


def _plain(value: object, depth: int = 0) -> object:
    """The same for JSON, and not much of it."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return round(value, 3) if abs(value) < 1e15 else str(value)  # neither infinity nor what is no number
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")[:MOST_TEXT]
    if depth < MOST_DEPTH and isinstance(value, Mapping):
        return {str(key): _plain(one, depth + 1) for key, one in list(value.items())[:MOST_ITEMS]}
    if depth < MOST_DEPTH and isinstance(value, list | tuple | set | frozenset):
        return [_plain(one, depth + 1) for one in list(value)[:MOST_ITEMS]]
    return str(value)[:MOST_TEXT]
