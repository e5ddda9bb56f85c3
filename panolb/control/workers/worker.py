"""A worker: accepts clients at the supervisor's listeners, and does what the supervisor tells it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any, Final, TypeVar

from twisted.internet.defer import inlineCallbacks
from twisted.internet.task import LoopingCall
from twisted.logger import ILogObserver, LogEvent, Logger, LogLevel, formatEvent
from zope.interface import implementer

from ...config import model
from ...config.overrides import Identity
from ...core.balancer import Balancer, Watcher
from ...core.health import Standing
from ...core.member import Member
from ...errors import ConfigError
from ..admin.websockets import Page, Query
from ..contents import NOTHING, Contents, FileContents
from ..events import is_field
from ..explain import Forgotten
from ..metrics.sheet import Export
from ..plant import identity_of
from ..service import Panolb
from ..sessions import Move, UnknownSession, Unmovable
from ..tls import listener_tls
from .alone import Alone
from .census import Census, take
from .channel import Channel, Refusal
from .duties import Duties
from .scoreboard import Scoreboard, Table
from .setup import Beginning, Setup
from .sockets import Sockets

log = Logger()

EXCHANGE: Final = 0.02  # seconds between two looks at the scoreboard, where no request asks for more
SIMPLE = (str, int, float, bool, type(None))
SAID_ONCE: Final = {
    "starting",
    "listener.open",
    "listener.closed",
    "member.insecure",
    "stopping",
    "stopped",
}
"""What each worker finds out as the supervisor does, which says it for all."""

Answer = TypeVar("Answer")
Make = Callable[[model.Config, Duties, Alone], Panolb]


@implementer(ILogObserver)
class WorkerProcess:
    """The worker of this process.

    :param make: makes the load balancer for a configuration.
    :param end: ends the process when all has ended in it; called with whether that is to be in peace.
    """

    def __init__(
        self, reactor: Any, clock: Callable[[], float], make: Make, end: Callable[[bool], object]
    ) -> None:
        self._reactor = reactor
        self._clock = clock
        self._make = make
        self._end = end
        self._sockets = Sockets()
        self._contents = FileContents({}, NOTHING)  # with the order that is being carried out
        self._house: Panolb | None = None
        self._scoreboard: Scoreboard | None = None
        self._believing = False
        self._unsaid = 0  # lines of the log, lately
        self._stopping = False
        self._exchanges = LoopingCall(self._exchange)
        self._exchanges.clock = reactor
        orders = {
            name.__name__: name
            for name in (
                self.begin,
                self.try_out,
                self.become,
                self.adjust,
                self.listen,
                self.show,
                self.standing,
                self.census,
                self.exports,
                self.websockets,
                self.recall,
                self.sessions,
                self.moves,
                self.remember,
                self.session,
                self.check_move,
                self.settle,
                self.end_session,
                self.reopen_logs,
                self.stop,
            )
        }
        self.channel = Channel(orders, self._supervisor_ended)

    @property
    def house(self) -> Panolb:
        """The load balancer; there is one from the beginning on."""
        assert self._house is not None
        return self._house

    # -- the configuration ------------------------------------------------------------------------------------------

    def begin(self, beginning: Beginning, setup: Setup, descriptors: list[int]) -> None:
        """Accept clients."""
        memory, *sockets = descriptors
        self._sockets.take(setup.sockets, sockets)
        self._contents = setup.contents
        self._scoreboard = Scoreboard(Table(memory), 1 + beginning.index, self._reactor, self._clock)
        duties = Duties(
            checks=False,
            reads=False,
            contents=lambda: self._contents,
            watch=self._watch,
            make_endpoint=self._sockets.make_endpoint,
            worker=str(1 + beginning.index),
        )
        try:
            self._house = self._make(setup.config, duties, Alone(beginning.session_key))
        except ConfigError as error:
            raise _refusal(error) from None
        self.house.admission.shared = self._scoreboard.exchange
        self._take(setup)
        self.house.follow_the_operator(setup.moving)
        self.house.privilegedStartService()
        self.house.startService()
        self._exchanges.start(EXCHANGE)

    def try_out(self, config: model.Config, moving: Collection[Identity], contents: FileContents) -> None:
        """See whether a configuration could take effect."""
        self._contents = contents
        try:
            self.house.try_out(config, moving)
        except ConfigError as error:
            raise _refusal(error) from None

    @inlineCallbacks
    def become(self, setup: Setup, descriptors: list[int] | None = None) -> Any:
        """Have another configuration."""
        self._take_sockets(setup.sockets, descriptors or ())
        self._contents = setup.contents
        try:
            closing = yield self.house.swap(setup.config, setup.moving)
        except ConfigError as error:
            raise _refusal(error) from None
        self._take(setup)
        closing().addCallback(lambda _: self._sockets.keep(setup.sockets))

    def adjust(self, config: model.Config, moving: Collection[Identity]) -> None:
        """Have members otherwise that stay where they are."""
        self.house.adjust(config, moving)
        self.house.follow_the_operator(moving)

    @inlineCallbacks
    def listen(self, names: tuple[str, ...], descriptors: list[int] | None = None) -> Any:
        """Accept clients at these endpoints."""
        self._take_sockets(names, descriptors or ())
        yield self.house.listening.start()

    def _take_sockets(self, names: Sequence[str], descriptors: Sequence[int]) -> None:
        """Have these sockets; listeners are closed whose sockets are others now."""
        anew = self._sockets.take(names, descriptors)
        for listener in self.house.listening.listeners.values():
            if listener.description in anew:
                listener.close()

    def show(self, name: str, contents: Contents) -> None:
        """The certificates of a listener were renewed."""
        listening = self.house.listening
        try:
            found = listener_tls(name, listening.config, contents)
        except ConfigError as error:
            raise _refusal(error) from None
        assert found is not None
        listening.listeners[name].show(found)

    def _take(self, setup: Setup) -> None:
        assert self._scoreboard is not None
        plant = self.house.plant
        for balancer in plant.balancers.values():
            balancer.shared = self._scoreboard.look
        self._scoreboard.become(plant.seats, setup.slots)
        for identity, standing in setup.standings.items():
            self.standing(identity, standing, "the supervisor said so")

    # -- members ----------------------------------------------------------------------------------------------------

    def standing(self, identity: Identity, standing: Standing, why: str) -> None:
        """The supervisor knows how a member is."""
        seat = self.house.plant.seats.get(identity)
        if seat is None:
            return
        self._believing = True
        try:
            seat.member.health.believe(standing)
            self.house.plant.balancers[identity.balancer].refresh(self._clock(), why)
        finally:
            self._believing = False

    def _watch(self, balancer: Balancer) -> Watcher:
        return self._changed

    def _changed(self, member: Member, before: str, after: str, why: str) -> None:
        """The state of a member has changed; unless the supervisor knows it, it is told."""
        if not self._believing:
            self.channel.tell("changed", identity_of(member), member.health.standing, why)

    def _exchange(self) -> None:
        assert self._scoreboard is not None
        self._scoreboard.exchange()

    # -- what there is ----------------------------------------------------------------------------------------------

    def census(self) -> Census:
        """Count."""
        return take(self.house)

    def exports(self) -> Export:
        """What was counted, for the metrics."""
        return self.house.traffic.export()

    def websockets(self, query: Query) -> Page:
        """Those that are asked for."""
        return query.answer(self.house.ledger)

    def recall(self, request_id: str) -> dict[str, Any] | None:
        """Why a request went where it went; ``None`` when it is not known here."""
        try:
            return self.house.explainer.recall(request_id)
        except Forgotten:
            return None

    def sessions(self, member: str | None, offset: int, limit: int | None) -> dict[str, Any]:
        """Those with WebSockets here; see `Sessions.list`."""
        return self.house.sessions.list(member, offset, limit)

    def session(self, session: str) -> dict[str, Any] | None:
        """One of them; ``None`` when it is not known here."""
        return self._of_session(self.house.sessions.show, session)

    def moves(self) -> tuple[Move, ...]:
        """Sessions that were moved; see `Sessions.moves`."""
        return self.house.sessions.moves()

    def remember(self, moves: Sequence[Move]) -> None:
        """Know them too; see `Sessions.remember`."""
        self.house.sessions.remember(moves)

    def check_move(self, session: str, member: str) -> str | None:
        """See whether one can be moved; returns its client's address, or ``None`` when it is not known here."""
        return self._of_session(self.house.sessions.check, session, member)

    def settle(self, session: str, member: str, client: str) -> int:
        """Move one; see `Sessions.settle`."""
        return self.house.sessions.settle(session, member, client)

    def end_session(self, session: str) -> int | None:
        """Close its WebSockets; ``None`` when it has none here."""
        return self._of_session(self.house.sessions.end, session)

    def _of_session(self, order: Callable[..., Answer], *words: str) -> Answer | None:
        try:
            return order(*words)
        except UnknownSession:
            return None
        except Unmovable as error:
            raise Refusal(str(error)) from None

    def reopen_logs(self) -> None:
        """The access logs were moved away."""
        self.house.reopen_logs()

    def __call__(self, event: LogEvent) -> None:
        """An observer of the log: the supervisor writes it, but for what it says of itself."""
        name = event.get("event", "")
        if name in SAID_ONCE or (not name and event["log_level"] < LogLevel.warn):
            return
        fields = {
            name: value
            for name, value in event.items()
            if isinstance(value, SIMPLE) and (name == "event" or is_field(name))
        }
        text = formatEvent(event)
        if event.get("log_failure") is not None:
            text += "\n" + event["log_failure"].getTraceback()
        fields.pop("text", None)
        if self.channel.is_behind:
            self._unsaid += 1
            return
        if self._unsaid:
            text += f" ({self._unsaid} lines before it were lost: the supervisor did not take them)"
            self._unsaid = 0
        self.channel.tell("log", event["log_level"].name, text, fields)

    # -- the end ----------------------------------------------------------------------------------------------------

    @inlineCallbacks
    def stop(self) -> Any:
        """Let what is in flight finish, then end."""
        if self._stopping:
            return
        self._stopping = True
        self._sockets.keep(())  # who comes now is to be refused, or served by whoever listens next
        if self._house is not None:
            yield self._house.stopService()
            self._exchanges.stop()
            self._exchange()
        self._end(True)

    def _supervisor_ended(self) -> None:
        """Nobody would replace this process, change anything or collect what it logs: its users go to whoever listens next."""
        if self._stopping:
            self._end(False)
        else:
            self.stop()


def _refusal(error: ConfigError) -> Refusal:
    return Refusal("; ".join(str(problem.message) for problem in error.problems))
