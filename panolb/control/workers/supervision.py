"""The worker processes: started, replaced when they die or hang, and ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from twisted.internet.defer import Deferred, inlineCallbacks
from twisted.python.failure import Failure

from ...events.logger import EventLogger
from .channel import Gone, Refusal
from .process import Worker

log = EventLogger()

HUNG = 30.0  # seconds without an answer, after which a worker's loop is taken to stand still
BEGINNING = 120.0  # seconds that it may take to begin: a second or two, but for a machine that does much else
STEADY = 10.0  # seconds that a worker must live for its successor to be started at once
LONGEST_PAUSE = 30.0  # seconds between two starts


class Supervision:
    """Keeps so many of them running.

    :param number: how many there are to be.
    :param orders: what a worker may have done here; each is called with the worker first.
    :param begin: has a process that was just started begin; fires when it accepts clients.
    :param ended: told of each that has ended.

    :ivar workers: those that there are, by number from 0.
    :ivar deaths: how many have ended without having been told to.
    """

    def __init__(
        self,
        reactor: Any,
        number: int,
        orders: dict[str, Callable[..., object]],
        begin: Callable[[Worker], Deferred[Any]],
        ended: Callable[[Worker], object],
    ) -> None:
        self.number = number
        self.workers: dict[int, Worker] = {}
        self.deaths = 0
        self._reactor = reactor
        self._orders = orders
        self._begin = begin
        self._tell_ended = ended
        self._pauses: dict[int, float] = {}
        self._stopping = False
        self._all_ended: Deferred[None] | None = None

    def __iter__(self) -> Iterator[Worker]:
        """All that there are."""
        return iter(tuple(self.workers.values()))

    @property
    def ready(self) -> list[Worker]:
        """Those that accept clients."""
        return [worker for worker in self if worker.is_ready]

    def tell(self, order: str, *words: object) -> None:
        """Have all do something."""
        for worker in self:
            worker.channel.tell(order, *words)

    # -- starting and replacing -------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start them."""
        for index in range(self.number):
            self._start(index)

    def _start(self, index: int) -> None:
        if self._stopping:
            return
        worker = self.workers[index] = Worker(self._reactor, index, self._orders, self._ended)
        try:
            worker.start()
        except OSError as error:
            self._replace(worker, f"it could not be started: {error}")
            return
        self._begin(worker).addCallbacks(
            lambda _: self._began(worker), lambda failure: self._not_begun(worker, failure)
        )

    def _began(self, worker: Worker) -> None:
        worker.is_ready = True
        worker.since = worker.heard = self._reactor.seconds()
        log.info(
            "{worker}: accepts clients (process {pid})",
            event="worker.started",
            worker=worker.name,
            pid=worker.pid,
        )

    def _not_begun(self, worker: Worker, failure: Failure) -> None:
        failure.trap(Gone, Refusal)
        if failure.check(Refusal):
            log.error("{worker}: cannot begin: {why}", worker=worker.name, why=failure.getErrorMessage())
            worker.kill()

    def _ended(self, worker: Worker, how: str) -> None:
        self._tell_ended(worker)
        if not self._stopping:
            self._replace(worker, f"it ended {how} (process {worker.pid})")
            return
        self.workers.pop(worker.index, None)
        if not self.workers and self._all_ended is not None:
            ended, self._all_ended = self._all_ended, None
            ended.callback(None)

    def _replace(self, worker: Worker, why: str) -> None:
        """Start another one in its place: at once, or after a pause if it has not lived for long."""
        cost = "the pages of its WebSockets connect again" if worker.is_ready else "it had no clients yet"
        worker.is_ready = False
        self.workers.pop(worker.index, None)
        self.deaths += 1
        lived = self._reactor.seconds() - worker.since
        steady = lived >= STEADY
        pause = 0.0 if steady else self._pauses.get(worker.index, 0.0)
        self._pauses[worker.index] = 0.0 if steady else min(max(2 * pause, 1.0), LONGEST_PAUSE)
        log.error(
            "{worker}: {why}, after {lived:.0f} s; {cost}; another one is started{when}",
            event="worker.backoff" if pause else "worker.died",
            worker=worker.name,
            why=why,
            pid=worker.pid,
            lived=lived,
            cost=cost,
            pause=pause,
            when=f" in {pause:g} s, since it keeps dying; what it said stands above" if pause else " at once",
        )
        self._reactor.callLater(pause, self._start, worker.index)

    def look(self) -> None:
        """End those that have not answered for long; they are replaced then."""
        now = self._reactor.seconds()
        for worker in self:
            patience = HUNG if worker.is_ready else BEGINNING
            if now - worker.heard > patience:
                log.error(
                    "{worker}: {what} for {hung:g} s; it is ended (process {pid})",
                    event="worker.hung",
                    worker=worker.name,
                    what="its loop has stood still" if worker.is_ready else "it has not begun",
                    hung=patience,
                    pid=worker.pid,
                )
                worker.heard = now
                worker.kill()

    # -- the end ----------------------------------------------------------------------------------------------------

    @inlineCallbacks
    def stop(self, patience: float) -> Any:
        """Have all of them finish what is in flight, and end.

        :param patience: seconds after which they are killed.
        """
        self._stopping = True
        if not self.workers:
            return
        ended: Deferred[None] = Deferred()
        self._all_ended = ended
        self.tell("stop")
        late = self._reactor.callLater(patience, self._kill)
        yield ended
        if late.active():
            late.cancel()

    def _kill(self) -> None:
        for worker in self:
            log.warn("{worker}: has not ended in time, and is killed", worker=worker.name)
            worker.kill()
