"""The service that twistd runs: everything built, started, changed while it runs, and ended in the right order."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import attrs
from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, inlineCallbacks, maybeDeferred, returnValue
from twisted.internet.task import deferLater
from twisted.logger import globalLogPublisher
from twisted.python.failure import Failure
from twisted.web.resource import Resource

from .. import __version__
from ..config import model
from ..config.overrides import Identity
from ..core.admission import Admission
from ..core.member import Admin
from ..errors import ConfigError, NotStarted, Problem
from ..events import EventLogger
from ..proxy.deadlines import Deadlines
from ..proxy.resource import ReverseProxyResource
from ..proxy.turn import Turn
from . import tls
from .accesslog import AccessLogs
from .build import Builder, specs
from .changes import Changes
from .configuration import Configuration
from .contents import FileContents
from .credentials import Credentials
from .credentials import read as read_credentials
from .credentials import warn as warn_of_files
from .descriptors import Descriptors
from .doors import DoorDraft, Doors, close
from .events import Events
from .excesses import Excesses
from .explain import Explainer
from .listening import Listening, ListeningDraft
from .locations import Locations
from .logged import Times
from .membercertificates import warn as warn_of_members
from .metrics.counting import Counts
from .metrics.flows import Flows
from .metrics.looplag import LoopLag
from .metrics.traffic import Traffic
from .operations import Operations
from .operatordoors import OVER_HTTP, wanted
from .plant import Plant, PlantDraft
from .recent import Recent
from .recording import Recording
from .refused import Refused
from .registry import Registry
from .renewal import Renewals, TicketKeys
from .resources import Resources
from .sessions import Sessions
from .shortages import Shortages
from .surroundings import surrounding_problems, warn_of_unused_sockets
from .unopened import Unopened
from .workers.alone import Alone
from .workers.dividing import number
from .workers.duties import ALL, Duties

if TYPE_CHECKING:
    from .api import Api
    from .workers.crew import Crew

log = EventLogger()

POLL = 0.05  # seconds between two looks at whether the last connection has gone


@attrs.frozen
class Draft:
    """What a configuration makes of everything; nothing that runs has been touched yet.

    :ivar moving: the members whose users are to go to others, if they are drained.
    """

    config: model.Config
    moving: Collection[Identity]
    logs: AccessLogs
    plant: PlantDraft
    listening: ListeningDraft
    doors: Mapping[str, DoorDraft]
    credentials: Credentials

    @property
    def contents(self) -> FileContents:
        """What is in the files that the configuration names."""
        return FileContents(self.listening.contents, self.plant.contents)


class Panolb(MultiService):
    """A whole load balancer.

    :param configuration: what it is to do, and where that is read again.
    :param clock: reads a monotonic clock in seconds.
    :param wall_time: the time for people so many seconds ago, for the access log.
    :param wall_clock: reads the time of day in seconds since 1970.
    :param duties: what this process does of the whole.
    :param crew: the processes that do the rest, if there are any.
    :raises ConfigError: when an endpoint or a file cannot be used; nothing has been opened then but the access log.

    :ivar config: what is in effect.
    :ivar changes: changes it while it runs.
    :ivar explainer: explains where requests go.
    :ivar plant: balancers, members and locations.
    :ivar listening: the listeners.
    :ivar ledger: the WebSockets that are open.
    :ivar operations: drains members and brings them back.
    :ivar sessions: those of users.
    :ivar resources: counts what is held.
    :ivar excesses: whoever wants more than is allowed.
    :ivar traffic: what the metrics say of what this process serves.
    """

    def __init__(
        self,
        reactor: Any,
        configuration: Configuration,
        registry: Registry,
        clock: Callable[[], float],
        wall_time: Callable[[float], str],
        wall_clock: Callable[[], float],
        duties: Duties = ALL,
        crew: Alone | Crew | None = None,
    ) -> None:
        super().__init__()
        self.reactor = reactor
        self.crew = crew or Alone()
        self._workers = number(configuration.config.workers)
        self._reads = duties.reads
        self.changes = Changes(self, configuration, wall_clock)
        self.deadlines = Deadlines(clock)
        self.turn = Turn(reactor)
        self._times = Times(clock, wall_time, wall_clock)
        self.ledger = self.crew.ledger(clock, wall_clock)
        self.admission = Admission()
        self._counts, self._lag = Counts(), LoopLag(reactor, clock)
        self._flows = Flows(reactor, self._counts)
        self.plant = Plant()
        self.operations = Operations(reactor, clock, self.plant.balancers, self.ledger)
        self.sessions = Sessions(clock, wall_clock, self.operations)
        recent = Recent()
        recording = self._recording = Recording(
            self._counts,
            self._flows,
            self.ledger,
            self.sessions,
            self.operations,
            recent,
            Shortages(clock),
        )
        made = Locations(clock, wall_clock, recording.finished, recording.opened, self.admission)
        self._builder = Builder(
            reactor, self.deadlines, self.turn, registry, made, duties.checks, duties.watch, duties.contents
        )
        descriptors = Descriptors(self.deadlines, self._descriptors_owed)
        refused, unopened, self.excesses = Refused(clock), Unopened(clock), Excesses(clock)
        self.listening = Listening(
            reactor,
            self.deadlines,
            self.turn,
            descriptors,
            made.redirect,
            recording.answered_web,
            refused.note,
            self.excesses.note,
            unopened.note,
            duties.make_endpoint,
            duties.accepts,
            duties.contents,
        )
        self._renewals = Renewals(reactor, self.listening, self.crew.show, wall_clock)
        self._ticket_keys = TicketKeys(reactor, self.listening)
        self.resources = Resources(
            reactor,
            self.listening,
            self.plant,
            self.ledger,
            self.admission,
            self.deadlines,
            self.turn,
            descriptors,
            self.crew.resources,
        )
        self.traffic = Traffic(
            self.plant,
            self.ledger,
            self.resources,
            self._counts,
            self._lag,
            self.lost_lines,
            refused.counts,
            self.excesses.counts,
            wall_clock(),
            duties.worker,
            unopened.counts,
        )
        self.explainer = Explainer(self.listening, self.plant, recent, clock, wall_clock)
        self._events = Events()
        self.crew.serve(self)
        self._clock, self._wall_clock, self._started = clock, wall_clock, clock()
        self._api: Api | None = None
        self._doors = Doors()
        self._logs: AccessLogs | None = None
        self._become(self._draft(configuration.config, configuration.now.moving))

    # -- one configuration in the place of another --------------------------------------------------------------------

    @inlineCallbacks
    def swap(self, config: model.Config, moving: Collection[Identity]) -> Any:
        """Have another configuration take effect: at once and as a whole, or not at all.

        Everything new is made and opened beside what runs; whatever is wrong shows there.  Then all of it changes between
        two turns of the reactor.

        :param moving: the members whose users are to go to others, if they are drained.
        :returns: what closes that which has no place any more, to be called by who asked.
        :raises ConfigError: with everything that is wrong; all is as before then.
        """
        draft = self._draft(config, moving)
        try:
            yield self.crew.try_out(config, moving, draft.contents)
            opened = yield self._doors.open(draft.doors.values(), config.where)
            try:
                yield self.listening.open(draft.listening)
            except Exception:
                yield close(opened)
                yield self.crew.pass_sockets()
                raise
        except Exception:
            draft.logs.stop(following=self._logs)
            raise
        closing = self._become(draft)
        yield self.crew.become(config, moving)
        if number(config.workers) != self._workers:
            log.warn("workers = {workers} takes effect at the next start", workers=config.workers)
        returnValue(closing)

    def try_out(self, config: model.Config, moving: Collection[Identity]) -> None:
        """See whether another configuration could take effect here; what cannot be opened shows only then.

        :raises ConfigError: when not.
        """
        self._draft(config, moving).logs.stop(following=self._logs)

    def adjust(self, config: model.Config, moving: Collection[Identity]) -> None:
        """Have another configuration take effect that differs in what members are like, and in nothing else.

        Their states are the `operations`' business.
        """
        self.config = config
        self.plant.adjust(specs(config), self.deadlines.clock())
        self.crew.adjust(config, moving)

    def _draft(self, config: model.Config, moving: Collection[Identity]) -> Draft:
        problems = surrounding_problems(config, self.reactor) if self._reads else []
        if problems:
            raise ConfigError(problems)
        self.crew.check(config)
        logs = AccessLogs(config, self._times, self._logs)
        try:
            plant = self._builder.draft(config, self.plant)
            listening = self.listening.draft(config, plant.locations)
            credentials = read_credentials(config)
            doors = self._doors.draft(wanted(self, config, credentials))
        except Exception as error:
            logs.stop(following=self._logs)
            if isinstance(error, ConfigError):
                raise
            log.failure("a plugin does not take its settings", event="plugin.failed")
            problem = Problem(config.where(()), f"a plugin does not take its settings: {error!r}")
            raise ConfigError([problem]) from error
        return Draft(config, moving, logs, plant, listening, doors, credentials)

    def _become(self, draft: Draft) -> Callable[[], Deferred[Any]]:
        """Be like this from now on; returns what closes that which has no place any more."""
        config = self.config = draft.config
        former, self._logs = self._logs, draft.logs
        self._recording.write_to(draft.logs)
        if former is not None:
            former.stop(following=draft.logs)
            if self.running:
                draft.logs.start(self.reactor)
        self.admission.configure(config.websockets.max_open, config.websockets.max_per_client)
        self.sessions.configure({name: one.session_cookie for name, one in config.balancer.items()})
        gone = self.plant.become(draft.plant, self.deadlines.clock())
        self._counts.configure(
            [seat.member for seat in self.plant.seats.values()], self.plant.balancers.values()
        )
        self.operations.configure(
            close_rate=config.websockets.close_rate,
            close_timeout=config.websockets.close_timeout,
            close_on_failure=[name for name, one in config.balancer.items() if one.close_on_failure],
        )
        self.crew.watch(self.plant)
        self.follow_the_operator(draft.moving)
        for seat in gone:
            self.operations.remove(seat.member)
        listeners = self.listening.become(draft.listening)
        doors = self._doors.become(draft.doors)
        over_http = self._doors.get(OVER_HTTP)
        if over_http is not None:
            over_http.become(draft.credentials)
        warn_of_files(config)
        if self.running:
            warn_of_members(config)
        return partial(self._close, listeners, doors)

    def follow_the_operator(self, moving: Collection[Identity]) -> None:
        """Have each member in the state that the configuration wants."""
        for identity, seat in self.plant.seats.items():
            member, moves = seat.member, identity in moving
            wanted = member.spec.admin, moves and member.spec.admin is Admin.DRAIN
            if wanted != (member.admin, member.moving and member.admin is Admin.DRAIN):
                self.operations.set_admin(member, *wanted)

    @inlineCallbacks
    def _close(self, listeners: Any, doors: Any) -> Any:
        yield self.listening.close(listeners)
        yield close(doors)

    @property
    def api(self) -> Api:
        """The control API, made for the first door that opens to it: a worker process has none."""
        from .api import Api, Parts  # noqa: PLC0415  # with its routes and its document it takes its time
        from .api.stream import Followers  # noqa: PLC0415

        if self._api is None:
            parts = Parts(
                operations=self.operations,
                changes=self.changes,
                sessions=self.crew.sessions,
                plant=self.plant,
                listening=self.listening,
                resources=self.resources,
                explainer=self.explainer,
                followers=Followers(self.reactor, self._events, self._wall_clock),
                clock=self._clock,
                started=self._started,
                look=self.crew.look,
                find=self.crew.find,
                recall=self.crew.recall,
            )
            self._api = Api(parts)
        return self._api

    def lost_lines(self) -> dict[str, int]:
        """Of the access logs."""
        return {} if self._logs is None else self._logs.lost()

    def resource(self, path: str) -> Resource:
        """The location with this path as a twisted.web Resource, to be mounted in another application.

        :raises KeyError: when no location has this path.
        """
        wanted = path.rstrip("/").encode()
        for place in self.plant.locations:
            if place.pattern is None and place.path.rstrip(b"/") == wanted:
                return ReverseProxyResource(self.listening.alone([place], self.config))
        raise KeyError(path)

    # -- running ----------------------------------------------------------------------------------------------------

    def privilegedStartService(self) -> None:
        """Open the listeners, while the process may still use privileged ports.

        :raises NotStarted: when one cannot be opened.
        """
        super().privilegedStartService()
        globalLogPublisher.addObserver(self._events)
        file = self.changes.configuration.file
        log.info("starting: panolb {version}, {file}", event="starting", version=__version__, file=file)
        problems = _problems(self.listening.start())
        problems += _problems(self._doors.open((one for one in self._doors if one.wanted.privileged), str))
        self._end_if(problems)

    def startService(self) -> None:
        """Begin to check, to keep time and to log.

        :raises NotStarted: when the control API cannot be opened.
        """
        self._end_if(_problems(self._doors.open(self._doors, str)))
        super().startService()
        self.deadlines.start(self.reactor)
        assert self._logs is not None
        self._logs.start(self.reactor)
        self.plant.start()
        self._lag.start()
        self._flows.start()
        tls.ignore_illegible_names()
        if self._reads:
            self._renewals.start()
        self._ticket_keys.start()
        self.changes.start()
        self.crew.start(self.changes.configuration.now.moving)
        warn_of_unused_sockets(self.reactor, self.config)
        warn_of_members(self.config)

    def _end_if(self, problems: list[Problem]) -> None:
        for problem in problems:
            log.critical("{message}", event="start.failed", message=problem.message)
        if problems:
            raise NotStarted("\n".join(f"panolb: {problem.message}" for problem in problems))

    @inlineCallbacks
    def stopService(self) -> Any:
        """Close the listeners, let what is in flight finish within the grace period, then end the rest."""
        yield self.listening.stop()
        self.plant.stop()
        shutdown = self.config.shutdown
        log.info("stopping: no new clients are accepted", event="stopping")
        yield self.crew.stop(shutdown.grace)
        self.listening.drain()
        if self._connections():
            log.info(
                "stopping: what is in flight has {grace:g} s to finish; open connections: {n}",
                n=self._connections(),
                grace=shutdown.grace,
            )
        self.operations.stop(shutdown.grace)
        yield self._wait_until_empty(shutdown.grace)
        left = self._connections()
        self.operations.cut()
        if left:
            log.warn(
                "connections that did not end within {grace:g} s, and were cut: {left}",
                event="stopping.cut",
                left=left,
                grace=shutdown.grace,
            )
            self.listening.abort()
        # They end in the reactor's next turn, and their log lines with them.
        yield self._wait_until_empty(1.0)
        for pool in self.plant.pools:
            pool.close()
        if self._api is not None:
            self._api.end()
        yield close(one.door for one in self._doors)
        self.deadlines.stop()
        self._lag.stop()
        self._flows.stop()
        self._renewals.stop()
        self._ticket_keys.stop()
        assert self._logs is not None
        self._logs.stop()
        yield maybeDeferred(super().stopService)
        log.info("stopped", event="stopped")
        globalLogPublisher.removeObserver(self._events)

    @property
    def is_open(self) -> bool:
        """Whether all listeners listen."""
        return self.crew.is_ready and all(listener.is_open for listener in self.listening.listeners.values())

    def reopen_logs(self) -> None:
        """The access logs were moved away: begin new files."""
        assert self._logs is not None
        self._logs.reopen()
        self.crew.reopen_logs()

    def _descriptors_owed(self) -> int:
        """Those of the connections to members that are needed when each client asks for something."""
        return max(self._connections() - sum(pool.open for pool in self.plant.pools), 0)

    def _connections(self) -> int:
        return self.listening.connections

    @inlineCallbacks
    def _wait_until_empty(self, seconds: float) -> Any:
        """Until all clients are gone, and all WebSockets on the members' side too; no longer than so many seconds."""
        end = self.deadlines.clock() + seconds
        while (self._connections() or len(self.ledger)) and self.deadlines.clock() < end:
            yield _sleep(self.reactor, POLL)


def _problems(opening: Deferred[Any]) -> list[Problem]:
    """What went wrong; endpoints on sockets answer at once."""
    problems: list[Problem] = []

    def note(failure: Failure) -> None:
        failure.trap(ConfigError)
        error: Any = failure.value
        problems.extend(error.problems)

    opening.addErrback(note)
    return problems


def _sleep(reactor: Any, seconds: float) -> Deferred[None]:
    return deferLater(reactor, seconds, lambda: None)
