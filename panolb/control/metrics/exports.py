"""What several processes have counted, of which some end and some are late."""

from __future__ import annotations

from collections.abc import Collection

from .families import FAMILIES
from .sheet import Export, lasting, merged


class Exports:
    """The last export of each process, and what those that are gone had counted.

    A counter that goes backwards looks to Prometheus like a process that began anew: it would take all that the others
    have ever counted for what happened since the last scrape.
    """

    def __init__(self) -> None:
        self._last: dict[str, Export] = {}  # by process
        self._former: Export = {}

    def came(self, worker: str, export: Export) -> None:
        """A process has said what it has counted.

        :param worker: its name, the same each time.
        """
        self._last[worker] = export

    def ended(self, worker: str) -> None:
        """A process is gone: what it held is given back, what it has counted stays."""
        export = self._last.pop(worker, None)
        if export is not None:
            self._former = merged([self._former, lasting(export)])

    def keep(self, balancers: Collection[str], members: Collection[str]) -> None:
        """Of what processes that are gone had counted, keep only what belongs to these, after a reload.

        :param balancers: their names.
        :param members: theirs, as they stand in labels.
        """
        for name, samples in self._former.items():
            labels = FAMILIES[name].labels
            if "balancer" in labels:
                self._former[name] = {
                    values: value
                    for values, value in samples.items()
                    if values[0] in ("", *balancers)
                    and ("member" not in labels or values[1] in ("", *members))
                }

    def all(self) -> list[Export]:
        """To be merged."""
        return [self._former, *self._last.values()]
