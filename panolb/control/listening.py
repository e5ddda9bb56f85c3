"""The listeners of a configuration, and how another configuration's take their place."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import attrs
from twisted.internet.defer import Deferred, DeferredList, inlineCallbacks, maybeDeferred
from twisted.web.server import Request as WebRequest

from ..config import model
from ..config.changedkeys import Change
from ..core.headers import Peer
from ..core.location import Location
from ..core.rates import Rates
from ..core.routing import Table
from ..errors import BadRequest, ConfigError, Problem
from ..events import EventLogger
from ..proxy.deadlines import Deadlines
from ..proxy.frontend import Announcing, Behaviour, Frontend, Limits
from ..proxy.turn import Turn
from .contents import NOTHING, Contents, FileContents, on_disk
from .descriptors import Descriptors
from .listeners import Listener, NotFound, NotPassedYet, QuietSite, tree
from .surroundings import make_endpoint
from .tls import ListenerTls, listener_tls

log = EventLogger()


@attrs.frozen
class ListenerDraft:
    """What a listener is to be.

    :ivar listener: the present one, if its endpoint is the same.
    :ivar tls: what it is to show to clients instead of what it does; ``None``: the same.
    """

    listener: Listener
    behaviour: Behaviour
    tls: ListenerTls | None = None


@attrs.frozen
class ListeningDraft:
    """What the listeners are to be; `Listening.draft` makes it without touching anything that runs."""

    config: model.Config
    listeners: Mapping[str, ListenerDraft]

    @property
    def contents(self) -> dict[str, Contents]:
        """What their certificates are made of."""
        return _contents({name: one.tls or one.listener.tls for name, one in self.listeners.items()})


class Listening:
    """All listeners.

    :param descriptors: what all their clients take.
    :param redirect: makes the location that sends clients to another address; see `Locations.redirect`.
    :param note: told of every request that twisted.web answered.
    :param refused: see `Frontend`, as ``exceeded`` and ``unopened``.
    :param make_endpoint: see `panolb.control.surroundings.make_endpoint`.
    :param accepts: whether this process accepts clients.
    :param contents: what is in the files that the configuration names.

    :ivar elsewhere: how many connections other processes have, by listener.
    :ivar config: what is in effect.
    """

    def __init__(
        self,
        reactor: Any,
        deadlines: Deadlines,
        turn: Turn,
        descriptors: Descriptors,
        redirect: Callable[[str], Location],
        note: Callable[[WebRequest], None],
        refused: Callable[[Peer, BadRequest], None],
        exceeded: Callable[[bytes, str], None],
        unopened: Callable[[str, str, str], None],
        make_endpoint: Callable[..., Any] = make_endpoint,
        accepts: bool = True,
        contents: Callable[[], FileContents] = on_disk,
    ) -> None:
        self.config = model.Config()
        self.elsewhere: Mapping[str, int] = {}
        self.listeners: dict[str, Listener] = {}
        self._reactor = reactor
        self._deadlines = deadlines
        self._turn = turn
        self._descriptors = descriptors
        self._redirect = redirect
        self._note = note
        self._refused = refused
        self._exceeded = exceeded
        self._unopened = unopened
        self._make_endpoint = make_endpoint
        self._accepts = accepts
        self._contents = contents
        self._former: list[Listener] = []  # closed, and with connections left
        self._alone: list[Frontend] = []  # without a listener of ours
        self._stopping = False

    # -- what there is ----------------------------------------------------------------------------------------------

    @property
    def frontends(self) -> list[Frontend]:
        """All that may have connections."""
        self._former = [one for one in self._former if one.frontend.connections]
        return [one.frontend for one in (*self.listeners.values(), *self._former)] + self._alone

    @property
    def connections(self) -> int:
        """How many there are."""
        return sum(len(frontend.connections) for frontend in self.frontends)

    @property
    def clients(self) -> dict[str, int]:
        """How many connections each listener has, those included that came before it changed."""
        counts = {name: len(one.frontend.connections) for name, one in self.listeners.items()}
        for name, number in self.elsewhere.items():
            counts[name] = counts.get(name, 0) + number
        for one in self._former:
            if one.frontend.connections:
                counts[one.name] = counts.get(one.name, 0) + len(one.frontend.connections)
        return counts

    @property
    def contents(self) -> dict[str, Contents]:
        """What the certificates are made of that they show."""
        return _contents({name: one.tls for name, one in self.listeners.items()})

    def alone(self, locations: Sequence[Location], config: model.Config) -> Frontend:
        """A frontend for connections that somebody else accepts; it is drained with all others."""
        frontend = self._frontend()
        site = QuietSite(NotFound(), self._reactor)
        frontend.configure(Behaviour(table=_table(locations, config), site=site, limits=Limits()))
        self._alone.append(frontend)
        return frontend

    # -- drafts -----------------------------------------------------------------------------------------------------

    def draft(self, config: model.Config, locations: Sequence[Location]) -> ListeningDraft:
        """What a checked configuration makes of the listeners.  Nothing that runs is touched.

        :param locations: those of the configuration, in its order.
        :raises ConfigError: when an endpoint cannot be used.
        """
        drafts: dict[str, ListenerDraft] = {}
        problems: list[Problem] = []
        for name, one in config.listener.items():
            listener = self.listeners.get(name)
            try:
                if listener is None or not listener.can_be(one):
                    listener, other = self._new(name, config), None
                else:
                    other = self._other_tls(listener, config)
            except ConfigError as error:
                problems += error.problems
                continue
            behaviour = self._behaviour(name, one, config, locations, listener.frontend)
            drafts[name] = ListenerDraft(listener, behaviour, other)
        if problems:
            raise ConfigError(problems)
        return ListeningDraft(config, drafts)

    def _new(self, name: str, config: model.Config) -> Listener:
        address = config.listener[name].address
        endpoint = self._make_endpoint(self._reactor, config, address, ("listener", name, "endpoint"))
        return Listener(
            name,
            address,
            endpoint,
            self._frontend(),
            self._descriptors,
            listener_tls(name, config, self._contents().listeners[name]),
            self._accepts,
        )

    def _other_tls(self, listener: Listener, config: model.Config) -> ListenerTls | None:
        """What a listener that stays is to show instead of what it does; ``None``: the same.

        Files that are broken are no reason against a change of something else.

        :raises ConfigError: when those cannot be used that the configuration wants now.
        """
        name = listener.name
        former, wanted = self.config.listener[name], config.listener[name]
        try:
            found = listener_tls(name, config, self._contents().listeners[name])
        except ConfigError:
            if (former.shown, former.tls) != (wanted.shown, wanted.tls):
                raise
            return None
        return None if found == listener.tls else found

    def renewed(self, config: model.Config) -> dict[str, Change]:
        """The listeners that stay and get other certificates, which their files have now.

        :raises ConfigError: when one cannot be used.
        """
        changes: dict[str, Change] = {}
        problems: list[Problem] = []
        for name, listener in self.listeners.items():
            if name in config.listener and listener.can_be(config.listener[name]):
                try:
                    found = listener_tls(name, config, self._contents().listeners[name])
                except ConfigError as error:
                    problems += error.problems
                    continue
                change = None if found is None else _difference(listener, found)
                if change is not None:
                    changes[name] = change
        if problems:
            raise ConfigError(problems)
        return changes

    def renew(self, listener: Listener, found: ListenerTls) -> None:
        """Have a listener show what its files have now."""
        change = _difference(listener, found)
        listener.show(found)
        if change is None:
            log.info(
                "listener {name}: the authorities of its clients' certificates were read again; new connections are "
                "judged by them",
                event="certificate.authorities",
                name=listener.name,
            )
        else:
            log.info(
                "listener {name}: {change}; new connections get it",
                event="certificate.renewed",
                name=listener.name,
                change=change,
            )

    def _frontend(self) -> Frontend:
        return Frontend(
            self._reactor,
            self._deadlines,
            self._turn,
            server=socket.gethostname().encode("idna"),
            refused=self._refused,
            exceeded=self._exceeded,
            unopened=self._unopened,
        )

    def _behaviour(
        self,
        name: str,
        config: model.Listener,
        whole: model.Config,
        locations: Sequence[Location],
        frontend: Frontend,
    ) -> Behaviour:
        mine = [
            (built, written)
            for built, written in zip(locations, whole.location, strict=True)
            if name in written.listener or not (written.listener or config.redirect_to_https)
        ]
        served = [built for built, _ in mine]
        if config.redirect_to_https:
            served.append(self._redirect(whole.https_url(config)))
        table = _table(served, whole)
        files = {built: written.files for built, written in mine if written.files is not None}
        root = tree(table, files, frontend)
        return Behaviour(
            table=table,
            site=QuietSite(root, self._reactor, self._note, config.max_body, frontend=frontend),
            limits=_limits(config),
            secure=config.is_secure,
            hsts=_hsts(config),
            asks_certificates=config.tls.client_certificate != "none",
            sends_certificates=config.tls.send_client_certificate,
            trusted=tuple(config.trusted_proxies),
            explain_to=tuple(config.explain_to),
            announcing=_announcing(config),
            rates=_rates(config, getattr(frontend, "rates", None)),
        )

    # -- changing ---------------------------------------------------------------------------------------------------

    @inlineCallbacks
    def start(self) -> Any:
        """Open all, as far as that is possible; what another process opens may come later.

        :raises ConfigError: with those that it was not.
        """
        problems: list[Problem] = []
        for name, listener in self.listeners.items():
            if listener.is_open:
                continue
            try:
                yield listener.start()
            except NotPassedYet:
                continue
            except Exception as error:  # noqa: BLE001  # endpoints are plugins, and fail as they like
                problems.append(Problem(name, f"cannot listen on {listener.description}: {error}"))
        if problems:
            raise ConfigError(problems)

    @inlineCallbacks
    def open(self, draft: ListeningDraft) -> Any:
        """Open what is new, before anything is closed.

        Only where the system says that an address is taken, and it may be by a listener that is to go, that one goes
        first.

        :raises ConfigError: when one cannot be opened; all is as before then.
        """
        late = self._too_late(draft)
        if late is not None:
            raise late
        opened: list[Listener] = []
        paused: list[Listener] = []
        for name, one in draft.listeners.items():
            if one.listener.is_open:
                continue
            one.listener.frontend.configure(one.behaviour)
            try:
                yield self._open_one(one.listener, draft, paused)
            except Exception as error:  # noqa: BLE001  # endpoints are plugins, and fail as they like
                yield self._undo(opened, paused)
                message = f"cannot listen on {one.listener.description}: {error}"
                place = draft.config.where(("listener", name, "endpoint"))
                raise ConfigError([Problem(place, message)]) from None
            opened.append(one.listener)
        late = self._too_late(draft)  # it may have begun to stop meanwhile
        if late is not None:
            yield self._undo(opened, ())
            raise late

    def _too_late(self, draft: ListeningDraft) -> ConfigError | None:
        """What is wrong when panolb stops: what is closed then belongs to the next one."""
        if not self._stopping:
            return None
        return ConfigError([Problem(draft.config.where(()), "panolb is stopping, and takes nothing new")])

    @inlineCallbacks
    def _undo(self, opened: Sequence[Listener], paused: Sequence[Listener]) -> Any:
        """Close what was opened, and open again what was closed for it."""
        for listener in opened:
            yield maybeDeferred(listener.close)
        for listener in () if self._stopping else paused:
            try:
                yield listener.start()
            except Exception as error:  # noqa: BLE001  # endpoints are plugins; the others are to come back all the same
                log.critical(
                    "listener {name}: cannot listen on {description} again: {error}; the next reload tries it anew",
                    event="listener.lost",
                    name=listener.name,
                    description=listener.description,
                    error=error,
                )

    @inlineCallbacks
    def _open_one(self, listener: Listener, draft: ListeningDraft, paused: list[Listener]) -> Any:
        """Open one, if need be after closing those that are to go anyway; these are added to ``paused``."""
        try:
            yield listener.start()
            return
        except Exception:
            in_the_way = [one for one in self._outgoing(draft) if one.is_open]
            if not in_the_way:
                raise
        for one in in_the_way:
            yield maybeDeferred(one.close)
            paused.append(one)
        yield listener.start()

    def become(self, draft: ListeningDraft) -> list[Listener]:
        """Be like this from now on.

        :returns: those that are to be closed.
        """
        outgoing = list(self._outgoing(draft))
        for one in draft.listeners.values():
            one.listener.frontend.configure(one.behaviour)
            if one.tls is not None:
                one.listener.show(one.tls)
        self.config = draft.config
        self.listeners = {name: one.listener for name, one in draft.listeners.items()}
        self._former += outgoing
        return outgoing

    def _outgoing(self, draft: ListeningDraft) -> Iterator[Listener]:
        staying = [one.listener for one in draft.listeners.values()]
        return (one for one in self.listeners.values() if one not in staying)

    @inlineCallbacks
    def close(self, listeners: Sequence[Listener]) -> Any:
        """Accept nobody there any more; what is in flight finishes, and WebSockets stay."""
        yield DeferredList([maybeDeferred(listener.close) for listener in listeners])
        for listener in listeners:
            listener.frontend.drain()
            log.info(
                "listener {name}: closed {description}; {connections} connections of it are left",
                event="listener.closed",
                name=listener.name,
                description=listener.description,
                connections=len(listener.frontend.connections),
            )

    def stop(self) -> Deferred[Any]:
        """Accept nobody any more, anywhere, whatever the configuration says from now on."""
        self._stopping = True
        return DeferredList([maybeDeferred(listener.close) for listener in self.listeners.values()])

    def drain(self) -> None:
        """Have all connections end as soon as it costs nobody anything."""
        for frontend in self.frontends:
            frontend.drain()

    def abort(self) -> None:
        """Cut whatever is left."""
        for frontend in self.frontends:
            frontend.abort()


def _contents(shown: Mapping[str, ListenerTls | None]) -> dict[str, Contents]:
    return {name: NOTHING if one is None else one.contents for name, one in shown.items()}


def _table(locations: Sequence[Location], config: model.Config) -> Table[Location]:
    return Table(locations, config.location_order == "first")


def _announcing(config: model.Listener) -> Announcing | None:
    """How clients are announced, if they are."""
    if not config.proxy_protocol:
        return None
    return Announcing(tuple(config.trusted_proxies), tuple(config.proxy_protocol_exceptions))


def _limits(config: model.Listener) -> Limits:
    return Limits(
        max_head=config.max_head,
        max_target=config.max_target,
        max_body=config.max_body,
        max_fields=config.max_fields,
        max_chunk_extensions=config.max_chunk_extensions,
        max_requests=config.max_requests if config.keepalive else 1,
        max_connections=config.max_connections,
        max_connections_per_client=config.max_connections_per_client,
        tls_timeout=config.tls_timeout,
        header_timeout=config.header_timeout,
        idle_timeout=config.idle_timeout,
        body_timeout=config.body_timeout,
        body_rate=config.body_rate,
    )


def _difference(listener: Listener, found: ListenerTls) -> Change | None:
    """The certificates that a listener is to show instead of others; ``None`` when all are the same."""
    assert listener.tls is not None
    before, after = listener.tls.certificates, found.certificates
    gone, new = (
        [str(one) for one in some if one not in others] for some, others in ((before, after), (after, before))
    )
    return Change("certificate", "; ".join(gone), "; ".join(new)) if gone or new else None


def _hsts(config: model.Listener) -> bytes | None:
    """Browsers ignore it in what did not come by TLS (RFC 6797 section 8.1)."""
    value = config.tls.hsts_header if config.is_secure else None
    return None if value is None else value.encode("ascii")


def _rates(config: model.Listener, present: Rates | None) -> Rates | None:
    """How many requests a client may send; whoever has sent too many already is not forgiven by a reload."""
    if not config.request_rate:
        return None
    if present is not None and present.has(config.request_rate, config.request_burst):
        return present
    return Rates(config.request_rate, config.request_burst)
