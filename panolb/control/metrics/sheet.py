"""Numbers by family and labels: what one process has counted, or several together."""

from __future__ import annotations

from collections.abc import Iterable

from ...core.histogram import Histogram
from .families import FAMILIES, Family, Kind

Labels = tuple[str, ...]

Value = float | list[float] | frozenset[int]
"""A number; or how many were in each bucket of a histogram, with their sum at the end; or things that are counted when
all processes have named theirs, since several may have the same."""

Export = dict[str, dict[Labels, Value]]
"""The values of a family's labels and what goes with them, by the family's name.  Plain data, which every pickle takes."""


class Sheet:
    """Where numbers are written down; those with the same labels are added."""

    def __init__(self) -> None:
        self.numbers: Export = {}

    def add(self, family: Family, value: Value, *labels: str) -> None:
        """Write down one.

        :param labels: the values of the family's labels.
        """
        assert len(labels) == len(family.labels), family.name
        _put(self.numbers.setdefault(family.name, {}), labels, value)

    def add_histogram(self, family: Family, found: Histogram, *labels: str) -> None:
        """Write down one that has counted with this family's bounds."""
        self.add(family, [*found.counts, found.sum], *labels)

    def take(self, export: Export) -> None:
        """Write down all that somebody else has."""
        for name, samples in export.items():
            mine = self.numbers.setdefault(name, {})
            for labels, value in samples.items():
                _put(mine, labels, value)


def merged(exports: Iterable[Export]) -> Export:
    """All of them together; none of them is changed."""
    sheet = Sheet()
    for export in exports:
        sheet.take(export)
    return sheet.numbers


def lasting(export: Export) -> Export:
    """What stays true when the process is gone: what it has counted, not what it held."""
    return {name: samples for name, samples in export.items() if FAMILIES[name].kind is not Kind.GAUGE}


def _put(samples: dict[Labels, Value], labels: Labels, value: Value) -> None:
    present = samples.get(labels)
    samples[labels] = value if present is None else _sum(present, value)


def _sum(one: Value, other: Value) -> Value:
    if isinstance(one, frozenset) and isinstance(other, frozenset):
        return one | other
    if isinstance(one, list) and isinstance(other, list):
        return [mine + more for mine, more in zip(one, other, strict=True)]
    assert isinstance(one, int | float) and isinstance(other, int | float)
    return one + other
