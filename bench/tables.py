"""Results as tables: aligned text for a terminal, reStructuredText for ``README.rst``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Table:
    """A heading, rows of which the first cell is the peer's name, and sentences that belong below."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = field(default=())

    def widths(self) -> list[int]:
        """The width of each column in characters."""
        return [max(len(cell) for cell in column) for column in zip(self.header, *self.rows, strict=True)]

    def text(self) -> str:
        """For a terminal: numbers right-aligned."""
        widths = self.widths()

        def line(cells: Sequence[str]) -> str:
            first, *others = (
                cell.rjust(width) if i else cell.ljust(width)
                for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
            )
            return "  ".join([first, *others]).rstrip()

        rule = "-" * (sum(widths) + 2 * len(widths) - 2)
        return "\n".join([self.title, "", line(self.header), rule, *map(line, self.rows), "", *self.notes])

    def rst(self) -> str:
        """A simple table; cells must not be empty in its first column."""
        widths = self.widths()
        rule = "  ".join("=" * width for width in widths)

        def line(cells: Sequence[str]) -> str:
            return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()

        lines = [f"**{self.title}**", "", rule, line(self.header), rule, *map(line, self.rows), rule, ""]
        for note in self.notes:
            lines += [note, ""]
        return "\n".join(lines)
