"""What becomes of tables of one kind, such as members, in a change of configuration."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from typing import Any, Generic, TypeVar

import attrs

from panolb.config.changedkeys import Change

T = TypeVar("T")


@attrs.frozen(eq=False)
class Entry(Generic[T]):
    """A table that is there before, after, or both.

    :ivar identity: what it has in common before and after: a name, a member's `Identity` or a `LocationIdentity`.
    :ivar name: what people call it.
    :ivar old: as it was; ``None`` when it is added.
    :ivar new: as it will be; ``None`` when it is removed.
    :ivar changes: its keys with another value.
    :ivar facts: what programs are told of it besides, when it does not stay as it is.
    :ivar reopens: whether it is a listener that stays, and is opened anew.
    """

    identity: Hashable
    name: str
    old: T | None
    new: T | None
    changes: tuple[Change, ...] = ()
    facts: Mapping[str, Any] = attrs.field(factory=dict)
    reopens: bool = False

    @property
    def table(self) -> T:
        """As it will be; as it was when it is removed."""
        one = self.old if self.new is None else self.new
        assert one is not None
        return one

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        changed = {"keys": [change.as_json() for change in self.changes]} if self.changes else {}
        return {"name": self.name, **self.facts, **changed}

    def __str__(self) -> str:
        said = (
            "removed"
            if self.new is None
            else "added"
            if self.old is None
            else ", ".join(map(str, self.changes))
        )
        return f"{self.name}: {said}"


@attrs.frozen
class Table(Generic[T]):
    """All entries of one kind, in the order of the new configuration, with those behind that are removed."""

    entries: tuple[Entry[T], ...] = ()

    @property
    def kept(self) -> list[Entry[T]]:
        """Those that stay as they are."""
        return [one for one in self._lasting() if not one.changes]

    @property
    def changed(self) -> list[Entry[T]]:
        """Those that stay, with other values."""
        return [one for one in self._lasting() if one.changes]

    @property
    def added(self) -> list[Entry[T]]:
        """Those that come."""
        return [one for one in self.entries if one.old is None]

    @property
    def removed(self) -> list[Entry[T]]:
        """Those that go."""
        return [one for one in self.entries if one.new is None]

    def _lasting(self) -> Iterator[Entry[T]]:
        return (one for one in self.entries if one.old is not None and one.new is not None)
