"""Figures of many rounds, and the table of ratios made of them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import NamedTuple, Self

from bench.machine import busy_seconds
from bench.processes import Cpu, Program
from bench.tables import Table

DISTURBED = 0.05


class Reading(NamedTuple):
    """What the clocks say at one moment, in seconds: the proxy's CPU time, its core's busy time, the time of day."""

    cpu: Cpu
    core: float
    wall: float

    @classmethod
    def take(cls, proxy: Program) -> Self:
        """Read the clocks now."""
        return cls(proxy.cpu(), busy_seconds(proxy.core), time.monotonic())


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """One peer's figures of one round, for requests or for messages; CPU is in microseconds each.

    :param others: the share of the proxy's core that went to other programs meanwhile; should be near 0.
    """

    per_second: float
    cpu_us: float
    user_us: float
    p50_ms: float
    p99_ms: float
    pss_mib: float
    others: float

    @classmethod
    def between(
        cls, start: Reading, end: Reading, count: float, *, p50_ms: float, p99_ms: float, pss_mib: float
    ) -> Self:
        """The round in which ``count`` requests or messages passed between two readings."""
        user, system = end.cpu.user - start.cpu.user, end.cpu.system - start.cpu.system
        seconds = end.wall - start.wall
        return cls(
            per_second=count / seconds,
            cpu_us=1e6 * (user + system) / count,
            user_us=1e6 * user / count,
            p50_ms=p50_ms,
            p99_ms=p99_ms,
            pss_mib=pss_mib,
            others=max(0.0, (end.core - start.core - user - system) / seconds),
        )

    def __str__(self) -> str:
        disturbed = f" (other programs took {self.others:.0%} of its core)" if self.others > DISTURBED else ""
        return f"{self.cpu_us:.1f} us CPU, {self.per_second:,.0f}/s{disturbed}"


Rounds = Mapping[str, Sequence[Round]]


def ratio_table(title: str, unit: str, rounds_of: Rounds, notes: Sequence[str]) -> Table:
    """Best and middle CPU time of each peer, and the first peer's best in units of each other's best.

    The best is compared, since a disturbance can only add to it; everything else is the middle of all rounds.
    """
    first = next(iter(rounds_of))
    best = {name: min(r.cpu_us for r in rounds) for name, rounds in rounds_of.items()}
    rows = [
        (
            name,
            f"{best[name]:.1f}",
            f"{median(r.cpu_us for r in rounds):.1f}",
            f"{min(r.user_us for r in rounds):.1f}",
            f"{best[first] / best[name]:.2f}",
            f"{median(r.per_second for r in rounds):,.0f}",
            f"{median(r.p50_ms for r in rounds):.2f}",
            f"{median(r.p99_ms for r in rounds):.2f}",
            f"{median(r.pss_mib for r in rounds):.0f}",
        )
        for name, rounds in rounds_of.items()
    ]
    header = ("peer", "CPU us", "median", "user", f"{first} / it", f"{unit}/s", "p50 ms", "p99 ms", "PSS MiB")
    count = len(rounds_of[first])
    meaning = (
        f"CPU us: microseconds of CPU for each {unit}, best of {count} round{'s' if count > 1 else ''}; "
        f"{first} / it: {first}'s CPU in units of this peer's."
    )
    others = max(r.others for rounds in rounds_of.values() for r in rounds)
    if others > DISTURBED:
        disturbed = f"The machine was not quiet: other programs took up to {others:.0%} of the proxy's core."
        notes = [*notes, disturbed]
    return Table(title, header, rows, [meaning, *notes])
