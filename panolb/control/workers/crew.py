"""The workers together: told what they begin with and what changes, and asked what there is."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from functools import partial
from secrets import token_bytes
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, inlineCallbacks, returnValue
from twisted.internet.task import LoopingCall
from twisted.logger import LogLevel
from twisted.python.failure import Failure

from ...config import model
from ...config.overrides import Identity, identify
from ...core.balancer import Balancer
from ...core.health import Standing
from ...core.member import Member
from ...errors import ConfigError, Problem
from ...events.logger import EventLogger
from ..admin.websockets import Page, Query
from ..contents import FileContents
from ..explain import Forgotten
from ..ledger import Record
from ..plant import Plant, Seat, identity_of
from .asking import PATIENCE, settled
from .census import Census, CrewLedger, clients, resources
from .channel import Gone, Refusal
from .counted import Counted
from .dividing import part
from .process import Worker
from .scoreboard import Places, Scoreboard, Table, make
from .sessions import CrewSessions
from .setup import Beginning, Setup
from .supervision import Supervision

if TYPE_CHECKING:
    from ..listeners import Listener
    from ..service import Panolb

log = EventLogger()

CHANGE = 10.0  # seconds for another configuration
LOOK = 1.0  # seconds between two looks at what the workers have
LATE = 10.0  # seconds beyond the grace period that workers have for ending


class Crew:
    """All workers.

    :param number: how many there are to be.
    :param clock: reads a monotonic clock in seconds, the same one in all processes.
    """

    def __init__(self, reactor: Any, number: int, clock: Callable[[], float]) -> None:
        self._reactor = reactor
        self._clock = clock
        self._key = token_bytes(32)
        self._memory = make(number)
        self._table = Table(self._memory)
        self._places = Places(self._table)
        self._scoreboard = Scoreboard(self._table, self._table.rows - 1, reactor, clock)
        orders: dict[str, Callable[..., object]] = {"changed": self._heard_of_change, "log": self._log}
        self._workers = Supervision(reactor, number, orders, self._begin, self._ended)
        self._censuses: dict[int, Census] = {}
        self._counted = Counted(reactor, self._workers)
        self._watched: set[Balancer] = set()
        self._seats: Mapping[Identity, Seat] = {}
        self._untold = 0  # how many have not taken a configuration yet that they were told
        self._moving: Collection[Identity] = ()
        self._looks = LoopingCall(self._look)
        self._looks.clock = reactor
        self._house: Panolb

    # -- parts of the supervisor ------------------------------------------------------------------------------------

    def ledger(self, clock: Callable[[], float], wall_clock: Callable[[], float]) -> CrewLedger:
        """The supervisor's ledger."""
        made = CrewLedger(clock, wall_clock, self._key)
        made.censuses = self._censuses
        self._ledger = made
        self.sessions = CrewSessions(self, lambda: made.users)
        return made

    def resources(self, own: Mapping[str, Any]) -> dict[str, Any]:
        """What all processes hold, with what the supervisor does."""
        return resources(own, self._censuses.values())

    def serve(self, house: Panolb) -> None:
        """Be the crew of a supervisor, which is still being made."""
        self._house = house
        house.operations.closing_elsewhere = self._ledger.closing

    def check(self, config: model.Config) -> None:
        """See whether there is room for all members on the scoreboard.

        :raises ConfigError: when not.
        """
        members = {
            identify(name, one) for name, balancer in config.balancer.items() for one in balancer.member
        }
        problem = self._places.problem(members)
        if problem is not None:
            raise ConfigError([Problem(config.where(("workers",)), problem)])

    def watch(self, plant: Plant) -> None:
        """Tell the workers what changes of these members, and count with them."""
        for balancer in plant.balancers.values():
            if balancer not in self._watched:
                balancer.watcher = partial(self._changed, balancer.watcher)
        self._watched = set(plant.balancers.values())
        for identity, seat in self._seats.items():
            if plant.seats.get(identity) is not seat:
                self._ledger.leave(identity)
        self._seats = plant.seats
        self._counted.keep(plant)
        self._scoreboard.become(plant.seats, self._places.reserve(plant.seats))

    @property
    def is_ready(self) -> bool:
        """Whether all of them accept clients."""
        return len(self._workers.ready) == self._workers.number

    # -- the beginning and the end ----------------------------------------------------------------------------------

    def start(self, moving: Collection[Identity]) -> None:
        """Start them."""
        self._moving = moving
        self._workers.start()
        self._looks.start(LOOK, now=False)

    def _begin(self, worker: Worker) -> Deferred[Any]:
        beginning = Beginning(worker.index, self._key)
        setup = self._setup(worker.index, self._house.config)
        # First of all orders: others may follow in this turn already.
        begun = worker.channel.ask(
            "begin", beginning, setup, descriptors=(self._memory, *self._sockets.values())
        )
        self.sessions.moves().addCallbacks(partial(worker.channel.tell, "remember"), _not_told)
        return begun

    def _ended(self, worker: Worker) -> None:
        self._table.bury(1 + worker.index)
        self._censuses.pop(worker.index, None)
        self._counted.ended(worker)

    @inlineCallbacks
    def stop(self, grace: float) -> Any:
        """Have all of them finish what is in flight, and end.

        :param grace: seconds that the configuration gives them.
        """
        yield self._workers.stop(grace + LATE)
        if self._looks.running:
            self._looks.stop()

    def _setup(self, index: int, config: model.Config) -> Setup:
        seats = self._house.plant.seats
        return Setup(
            part(config, index, self._workers.number),
            self._moving,
            self._places.reserve(seats),
            {identity: seat.member.health.standing for identity, seat in seats.items()},
            FileContents(self._house.listening.contents, self._house.plant.contents),
            tuple(self._sockets),
        )

    @property
    def _sockets(self) -> dict[str, int]:
        """The descriptors of the listeners that are open, by their endpoints."""
        listeners = self._house.listening.listeners.values()
        return {one.description: one.descriptor for one in listeners if one.descriptor is not None}

    # -- what changes -----------------------------------------------------------------------------------------------

    @inlineCallbacks
    def try_out(self, config: model.Config, moving: Collection[Identity], contents: FileContents) -> Any:
        """See whether a configuration could take effect in all of them.

        :param contents: what is in the files that it names.
        :raises ConfigError: when not.
        """
        answers = yield self.gather(
            lambda worker: ("try_out", part(config, worker.index, self._workers.number), moving, contents),
            CHANGE,
        )
        problems = [
            Problem(worker.name, answer.args[0])
            for worker, answer in answers.items()
            if isinstance(answer, Refusal)
        ]
        if problems:
            raise ConfigError(problems)
        self._scoreboard.exchange()  # who is removed now, and has something under way, is shown until that is over

    @inlineCallbacks
    def become(self, config: model.Config, moving: Collection[Identity]) -> Any:
        """Have them be like this, as the supervisor is already.

        One that is only just beginning hears of it next, and is not waited for.
        """
        self._moving = moving
        sockets = tuple(self._sockets.values())
        asked = {
            worker: worker.channel.ask("become", self._setup(worker.index, config), descriptors=sockets)
            for worker in self._workers
        }
        self._untold += len(asked)
        for worker, answer in asked.items():
            answer.addErrback(partial(self._not_done, worker)).addBoth(self._told)
        yield settled(_of_ready(asked), self._reactor, CHANGE)

    @inlineCallbacks
    def pass_sockets(self) -> Any:
        """Have them accept clients where the listeners are open now; one may have been closed for a moment."""
        sockets = self._sockets
        asked = {
            worker: worker.channel.ask("listen", tuple(sockets), descriptors=tuple(sockets.values()))
            for worker in self._workers
        }
        for worker, answer in asked.items():
            answer.addErrback(partial(self._not_done, worker))
        yield settled(_of_ready(asked), self._reactor, CHANGE)

    def _told(self, result: Any) -> Any:
        self._untold -= 1
        return result

    def _not_done(self, worker: Worker, failure: Failure) -> None:
        """The supervisor could do the same; a worker that begins with what is in effect cannot differ from it."""
        failure.trap(Gone, Refusal)
        if failure.check(Refusal):
            log.error("{worker}: {why}; it is replaced", worker=worker.name, why=failure.getErrorMessage())
            worker.kill()

    def adjust(self, config: model.Config, moving: Collection[Identity]) -> None:
        """Have members otherwise that stay where they are."""
        self._moving = moving
        for worker in self._workers:
            worker.channel.tell("adjust", part(config, worker.index, self._workers.number), moving)

    def show(self, listener: Listener) -> None:
        """Have them show the certificates that a listener shows now."""
        assert listener.tls is not None
        for worker in self._workers:
            answer = worker.channel.ask("show", listener.name, listener.tls.contents)
            answer.addErrback(partial(self._not_done, worker))

    def _changed(
        self,
        watcher: Callable[[Member, str, str, str], None] | None,
        member: Member,
        before: str,
        after: str,
        why: str,
    ) -> None:
        """The state of a member has changed."""
        if watcher is not None:
            watcher(member, before, after, why)
        identity = identity_of(member)
        for worker in self._workers:
            worker.channel.tell("standing", identity, member.health.standing, why)

    def _heard_of_change(self, worker: Worker, identity: Identity, standing: Standing, why: str) -> None:
        """Live traffic of a worker has changed how a member is; what checks have found stays as it is."""
        seat = self._house.plant.seats.get(identity)
        if seat is None:
            return
        health = seat.member.health
        if health.knows_better(standing, self._clock()):  # that one it has not heard of yet
            worker.channel.tell("standing", identity, health.standing, health.reason)
            return
        health.believe(standing._replace(up=health.up))
        self._house.plant.balancers[identity.balancer].refresh(self._clock(), why)

    def _log(self, worker: Worker, level: str, text: str, fields: Mapping[str, Any]) -> None:
        """A line of a worker's log."""
        log.emit(LogLevel.lookupByName(level), "{worker}: {text}", worker=worker.name, text=text, **fields)

    def reopen_logs(self) -> None:
        """The access logs were moved away."""
        self._workers.tell("reopen_logs")

    # -- what there is ----------------------------------------------------------------------------------------------

    def gather(
        self, order: Callable[[Worker], tuple[Any, ...]], patience: float = PATIENCE
    ) -> Deferred[dict[Worker, Any]]:
        """Ask all of them; see `settled`."""
        asked = {worker: worker.channel.ask(*order(worker)) for worker in self._workers.ready}
        return settled(asked, self._reactor, patience)

    @inlineCallbacks
    def look(self) -> Any:
        """Have the numbers of all workers as they are now."""
        self._scoreboard.exchange()
        if not self._untold:
            self._places.clear()
        answers: dict[Worker, Any] = yield self.gather(lambda worker: ("census",))
        for worker, census in answers.items():
            worker.heard = self._reactor.seconds()
            if isinstance(census, Census) and self._workers.workers.get(worker.index) is worker:
                self._censuses[worker.index] = census
        self._house.listening.elsewhere = clients(self._censuses.values())
        returnValue(None)

    @inlineCallbacks
    def exports(self) -> Any:
        """What all processes have counted, for the metrics."""
        self._scoreboard.exchange()
        exports = yield self._counted.ask()
        returnValue([*exports, self._house.traffic.of_process()])

    @inlineCallbacks
    def find(self, query: Query) -> Any:
        """The WebSockets that are asked for; see `Query.answer`."""
        wanted = replace(query, offset=0, limit=query.offset + query.limit)
        answers = yield self.gather(lambda worker: ("websockets", wanted))
        pages: list[Page] = [one for one in answers.values() if not isinstance(one, Refusal)]
        records = sorted((record for _, part in pages for record in part), key=_order(query))
        page = records[query.offset : query.offset + query.limit]
        returnValue((sum(total for total, _ in pages), page))

    @inlineCallbacks
    def recall(self, request_id: str) -> Any:
        """Why a request went where it went; see `Explainer.recall`.

        :raises Forgotten: when no worker remembers it.
        """
        answers = yield self.gather(lambda worker: ("recall", request_id))
        for answer in answers.values():
            if isinstance(answer, dict):
                returnValue(answer)
        raise Forgotten(
            f"nothing is known of a request {request_id}: it is too long ago, of another run, or of a worker that has ended"
        )

    def _look(self) -> None:
        self._workers.look()
        self.look()


def _not_told(failure: Failure) -> None:
    log.failure("a worker that begins was not told which sessions were moved", failure)


def _of_ready(asked: Mapping[Worker, Deferred[Any]]) -> dict[Worker, Deferred[Any]]:
    """Those of workers that accept clients: one that is only just beginning is not waited for."""
    return {worker: answer for worker, answer in asked.items() if worker.is_ready}


def _order(query: Query) -> Callable[[Record], Any]:
    """The order of a ledger: open ones by member, of each the oldest first; those that have ended the newest first."""
    if query.state == "open":
        return lambda record: (record.member, record.since)
    return lambda record: -(record.since + record.open_seconds)
