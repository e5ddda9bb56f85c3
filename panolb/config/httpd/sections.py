"""Keeps track of the sections that are open while a file is read, and of what stands in them."""

from __future__ import annotations

from attrs import define, field

from panolb.config.httpd.nodes import Node, Place, Section

DEEPEST = 30
"""Sections in sections; more of them is no configuration."""


@define
class Open:
    """A section that has begun.

    :ivar name: in the manual's spelling.
    :ivar into: where what stands in it goes.
    :ivar reads: whether that is read at all; what an ``<If...>`` rules out is not.
    :ivar kept: it becomes a node; a section that was decided while reading does not.
    """

    name: str
    args: tuple[str, ...]
    place: Place
    into: list[Node] = field(factory=list)
    reads: bool = True
    kept: bool = True


class Sections:
    """A stack of open sections, and at its bottom the whole configuration."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._open: list[Open] = []
        self._floor = [0]
        """How many were open when each of the files that are being read began."""

    @property
    def into(self) -> list[Node]:
        """Where the next node goes."""
        return self._open[-1].into if self._open else self.nodes

    @property
    def reads(self) -> bool:
        """Whether what stands here is read."""
        return self._open[-1].reads if self._open else True

    @property
    def depth(self) -> int:
        return len(self._open)

    def begin(self, section: Open) -> None:
        self._open.append(section)

    def begin_file(self) -> None:
        """Begin a file; its sections have to end in it."""
        self._floor.append(len(self._open))

    def end_file(self) -> list[Open]:
        """End a file; return the sections that it has left open."""
        floor = self._floor.pop()
        left = [self._end() for _ in range(len(self._open) - floor)]
        return left[::-1]

    def end(self, name: str) -> tuple[bool, list[Open]]:
        """End the section of that name and those in it.

        :return: whether there is one; and the sections in it that had not ended.
        """
        own = self._open[self._floor[-1] :]
        if not any(one.name.lower() == name.lower() for one in own):
            return False, []
        left: list[Open] = []
        while True:
            last = self._end()
            if last.name.lower() == name.lower():
                return True, left
            left.append(last)

    def innermost(self) -> str | None:
        """Return the name of the section that has to end first, in this file."""
        return self._open[-1].name if len(self._open) > self._floor[-1] else None

    def _end(self) -> Open:
        last = self._open.pop()
        if last.kept:
            self.into.append(Section(last.name, last.args, last.place, tuple(last.into)))
        return last
