"""What the workers have counted, and how they fare themselves, for the metrics."""

from __future__ import annotations

from functools import partial
from typing import Any

from twisted.internet.defer import Deferred, DeferredList, inlineCallbacks, returnValue

from ..metrics import families
from ..metrics.exports import Exports
from ..metrics.naming import names_of
from ..metrics.sheet import Export, Sheet
from ..plant import Plant
from .process import Worker
from .supervision import Supervision

PATIENCE = 2.0  # seconds; Prometheus waits for 10, and what hangs is when it wants to know most


class Counted:
    """The exports of all workers, those that are gone included.

    :param reactor: an IReactorTime.
    """

    def __init__(self, reactor: Any, workers: Supervision) -> None:
        self._reactor = reactor
        self._workers = workers
        self._exports = Exports()

    def ended(self, worker: Worker) -> None:
        """A worker has ended; what it had counted stays."""
        self._exports.ended(worker.name)

    def keep(self, plant: Plant) -> None:
        """Forget what workers that are gone had counted for others than these."""
        self._exports.keep(plant.balancers.keys(), names_of(plant).values())

    @inlineCallbacks
    def ask(self) -> Any:
        """All exports; of a worker that hangs the last one."""
        ready = self._workers.ready
        answers = DeferredList([self._of(worker) for worker in ready])
        yield answers.addTimeout(PATIENCE, self._reactor, onTimeoutCancel=lambda *_: None)
        sheet = Sheet()
        sheet.add(families.WORKERS, self._workers.number, "wanted")
        sheet.add(families.WORKERS, len(ready), "ready")
        sheet.add(families.WORKER_DEATHS, self._workers.deaths)
        returnValue([sheet.numbers, *self._exports.all()])

    def _of(self, worker: Worker) -> Deferred[None]:
        asked: Deferred[Any] = worker.channel.ask("exports")
        return asked.addCallbacks(partial(self._came, worker), lambda failure: None)

    def _came(self, worker: Worker, export: Export) -> None:
        if worker.is_ready:  # what ends meanwhile has been counted by its last export
            self._exports.came(worker.name, export)
