"""The doors for operators: the status page and the ways to the control API, each on an endpoint of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol

import attrs
from twisted.internet.defer import Deferred, DeferredList, inlineCallbacks, maybeDeferred

from ..config.places import KeyPath
from ..errors import ConfigError, Problem


class Door(Protocol):
    """Something that listens for operators.

    :ivar description: what the log calls it.
    :ivar is_open: whether it listens.
    """

    description: str

    @property
    def is_open(self) -> bool: ...

    def start(self) -> Deferred[None] | None:
        """Listen; raises, or fails, when that is not possible."""

    def stop(self) -> Deferred[None] | None:
        """Listen no more; what was asked is answered."""


@attrs.frozen
class Wanted:
    """A door that a configuration wants.

    :ivar place: where it stands in the configuration.
    :ivar privileged: whether it may have a port that only root can open.
    :ivar settings: what it is made of: as long as these are the same, the door is.
    """

    place: KeyPath
    privileged: bool
    settings: object
    make: Callable[[], Door]


@attrs.frozen
class DoorDraft:
    """A door that there is to be; the present one if its settings are the same."""

    wanted: Wanted
    door: Door


class Doors:
    """All doors, by name."""

    def __init__(self) -> None:
        self._doors: dict[str, DoorDraft] = {}

    def draft(self, wanted: Mapping[str, Wanted]) -> dict[str, DoorDraft]:
        """What doors there are to be.  Nothing is opened or closed.

        :raises ConfigError: when an endpoint cannot be used.
        """
        drafts: dict[str, DoorDraft] = {}
        for name, one in wanted.items():
            present = self._doors.get(name)
            same = present is not None and present.wanted.settings == one.settings
            drafts[name] = DoorDraft(one, present.door if present is not None and same else one.make())
        return drafts

    @inlineCallbacks
    def open(self, drafts: Iterable[DoorDraft], where: Callable[[KeyPath], str]) -> Any:
        """Open those that are not open.

        :param where: says where a key of the configuration stands.
        :returns: those that it opened.
        :raises ConfigError: when one cannot be opened; all is as before then.
        """
        opened: list[Door] = []
        for draft in drafts:
            if draft.door.is_open:
                continue
            try:
                yield maybeDeferred(draft.door.start)
            except Exception as error:  # noqa: BLE001  # endpoints are plugins, and fail as they like
                yield close(opened)
                message = f"cannot listen on {draft.door.description}: {error}"
                raise ConfigError([Problem(where(draft.wanted.place), message)]) from None
            opened.append(draft.door)
        return opened

    def become(self, drafts: Mapping[str, DoorDraft]) -> list[Door]:
        """Have these from now on; returns those that are to be closed."""
        staying = [draft.door for draft in drafts.values()]
        outgoing = [one.door for one in self._doors.values() if one.door not in staying]
        self._doors = dict(drafts)
        return outgoing

    def get(self, name: str) -> Any:
        """The door of this name; ``None`` when there is none."""
        draft = self._doors.get(name)
        return None if draft is None else draft.door

    def __iter__(self) -> Iterator[DoorDraft]:
        return iter(self._doors.values())


def close(doors: Iterable[Door]) -> Deferred[Any]:
    """Close some of them."""
    return DeferredList([maybeDeferred(door.stop) for door in doors])
