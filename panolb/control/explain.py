"""Explanations for operators: what would become of a request now, and what became of one that was served."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from math import ceil
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address

from ..core.clients import network_of
from ..core.explaining import Choice, Key, Verdict, because, key_of, name_of, places, verdicts
from ..core.headers import Peer
from ..core.location import Location
from ..core.member import Member
from ..core.rehearsing import Rehearsed, Unrehearsable, rehearse
from ..core.request import Request
from ..errors import BadRequest
from ..proxy.frontend import Frontend
from ..proxy.handshake import Offer
from ..proxy.pool import Pool
from ..proxy.refusals import too_many
from .advice import advice, advice_then
from .explanation import Explanation
from .listening import Listening
from .plant import Plant
from .question import BadQuestion, Question, understand
from .recent import Recent, Remembered

__all__ = ["BadQuestion", "Explainer", "Forgotten"]


class Forgotten(LookupError):
    """Nothing is known of a request; the message says why."""


class Explainer:
    """Explains.

    :param listening: the listeners.
    :param plant: what runs behind them.
    :param recent: what is remembered.
    :param clock: reads a monotonic clock in seconds.
    :param wall_clock: reads the time of day in seconds since 1970.
    """

    def __init__(
        self,
        listening: Listening,
        plant: Plant,
        recent: Recent,
        clock: Callable[[], float],
        wall_clock: Callable[[], float],
    ) -> None:
        self._listening = listening
        self._plant = plant
        self._recent = recent
        self._clock = clock
        self._wall_clock = wall_clock

    # -- what would happen ------------------------------------------------------------------------------------------

    def explain(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """What would become of a request if it came now; nothing is sent, and nothing changes.

        :param asked: see `panolb.control.question.understand`.
        :raises BadQuestion: when it makes no sense, or cannot be answered.
        """
        question = understand(asked)
        listener, frontend = self._listener(question)
        kind = IPv6Address if ":" in question.client else IPv4Address
        peer = frontend.peer(kind("TCP", question.client, 0))
        said = Explanation(
            when="now",
            time=self._wall_clock(),
            listener=listener,
            client=question.client,
            method=question.method.decode("ascii"),
            path=question.target.partition(b"?")[0].decode("ascii"),
        )
        try:
            request = question.read(frontend.limits)
            said.of_request(request, peer)
            location = self._find(said, frontend, request)
            wait = self._must_wait(frontend, peer.client(request))
            if wait:
                said.retry_after = wait
                raise too_many(wait)
        except BadRequest as problem:
            said.refused(problem)
        else:
            if location is not None:
                self._at(said, location, request, peer)
                said.advice += advice(question, request, frontend, location, self._config(location), said)
        return said.as_json()

    def _listener(self, question: Question) -> tuple[str, Frontend]:
        """The listener that the request would come to."""
        listeners = {name: one.frontend for name, one in self._listening.listeners.items()}
        if question.listener is not None:
            if question.listener not in listeners:
                raise BadQuestion(
                    f"there is no listener {question.listener}; there are {', '.join(listeners)}"
                )
            return question.listener, listeners[question.listener]
        if not listeners:
            raise BadQuestion("there is no listener")
        secure = question.scheme in ("https", "wss")
        found = sorted(
            listeners.items(),
            key=lambda one: (one[1].local[1] != question.port or not question.port, one[1].secure != secure),
        )
        return found[0]

    def _find(self, said: Explanation, frontend: Frontend, request: Request) -> Location | None:
        """The location, as `panolb.proxy.http1` finds it.

        :raises BadRequest: as there.
        """
        location = None
        if request.target != b"*":
            table, websocket = frontend.table, request.websocket
            location = table.find(request.host, request.path, websocket)
            said.of_places(places(table, request.host, request.path, websocket is not None, location))
        if location is None:
            said.nowhere()
        elif location.for_web:
            said.files(name_of(location))
            return None
        return location

    def _must_wait(self, frontend: Frontend, client: bytes) -> int:
        if frontend.rates is None:
            return 0
        return ceil(frontend.rates.wait(network_of(client), self._clock()))

    def _at(self, said: Explanation, location: Location, request: Request, peer: Peer) -> None:
        """What becomes of it at its location."""
        upgrade = None
        if request.websocket is not None and location.websocket is not None:
            upgrade = Offer(request.websocket, location.websocket).lines
        now = self._clock()
        try:
            told = rehearse(request, location, peer, upgrade, _is_full)
        except Unrehearsable as error:
            raise BadQuestion(f"the balancing method of {name_of(location)} cannot be explained: {error}")
        if location.balancer is None:
            said.local(name_of(location), told)
            return
        choice = chosen(told, location, now)
        busy = {key_of(member.spec): member.busy + member.elsewhere for member in location.balancer.members}
        said.of_balancer(location, self._lbmethod(location), choice, _rows(verdicts(choice), now, busy))
        said.because = because(choice, location.balancer.resolver is not None)
        said.of_rehearsal(told, location)

    # -- what did happen --------------------------------------------------------------------------------------------

    def recall(self, request_id: str) -> dict[str, Any]:
        """What became of a request that was served, or of a WebSocket that is open.

        :param request_id: as in the access log and on error pages.
        :raises Forgotten: when it is not remembered.
        """
        found = self._remembered(request_id)
        location = found.location
        said = Explanation(
            when="then",
            time=self._wall_clock() - (self._clock() - found.started),
            request_id=request_id,
            method=found.method.decode("ascii", "replace"),
            host=found.host.decode("latin-1"),
            path=found.shown_path(),
            websocket=found.websocket,
            location=name_of(location),
            status=found.status,
            term=found.term,
        )
        if location.balancer is None:
            said.local_then(found)
        else:
            choice = chosen_then(found, location)
            rows = _rows(verdicts(choice), found.started, {})
            said.of_balancer(location, self._lbmethod(location), choice, rows)
            said.because = because(choice, location.balancer.resolver is not None)
            said.of_memory(found)
            said.advice += advice_then(self._config(location), location, said)
        return said.as_json()

    def _remembered(self, request_id: str) -> Remembered:
        run, _, number = request_id.rpartition("-")
        try:
            found = self._recent.find(int(number, 16))
        except ValueError:
            found = None
        if found is not None and found.location.run == run:
            return found
        if any(run == location.run for location in self._plant.locations):
            raise Forgotten(f"request {request_id} is not remembered: it is too long ago, or still under way")
        raise Forgotten(
            f"request {request_id} is not remembered: it was not this run of panolb that served it"
        )

    # -- details ----------------------------------------------------------------------------------------------------

    def _config(self, location: Location) -> Any:
        """The configuration of its balancer; ``None`` when it is gone."""
        draft = None if location.balancer is None else self._plant.drafts.get(location.balancer.name)
        return None if draft is None else draft.config

    def _lbmethod(self, location: Location) -> str | None:
        config = self._config(location)
        return None if config is None else config.lbmethod


def _is_full(member: Member, bound: bool) -> bool:
    """Whether a request that is sent there now could not even wait for a connection."""
    pool = member.connector
    return isinstance(pool, Pool) and pool.is_full(bound)


def _rows(found: Iterable[Verdict], now: float, busy: Mapping[Key, int]) -> list[dict[str, Any]]:
    """What is said of each member.

    :param busy: what each serves now, as far as that is known.
    """
    return [
        {
            "name": one.spec.name,
            "verdict": word,
            "words": words,
            "state": one.state,
            "reason": one.reason,
            "route": one.spec.route.decode("ascii"),
            "lbset": one.spec.lbset,
            "role": "spare" if one.spec.hot_spare else "standby" if one.spec.hot_standby else "regular",
            "weight": one.loadfactor / 100,
            "share": round(one.warm_up.share(now), 2),
            "busy": busy.get(key_of(one.spec)),
        }
        for one, word, words in found
    ]


def chosen(told: Rehearsed, location: Location, now: float) -> Choice:
    """The choice that was rehearsed."""
    decision = told.exchange.decision
    assert location.balancer is not None
    taken = decision is not None and decision.member not in told.refused
    return Choice(
        standings=told.standings,
        route=told.exchange.route,
        chosen=key_of(decision.member.spec) if taken and decision is not None else None,
        why="" if decision is None else decision.why,
        nofailover=location.balancer.nofailover,
        now=now,
        tried={key_of(member.spec): words for member, words in told.refused.items()},
        full=[key_of(member.spec) for member in told.refused],
        asked={key_of(member.spec) for member in told.asked} or None,
    )


def chosen_then(found: Remembered, location: Location) -> Choice:
    """The choice that was made."""
    decision, balancer = found.decision, location.balancer
    assert balancer is not None
    served = decision is not None and decision.member not in found.tried
    return Choice(
        standings=balancer.past.at(found.started),
        route=found.route,
        chosen=key_of(decision.member.spec) if served and decision is not None else None,
        why="" if decision is None else decision.why,
        nofailover=balancer.nofailover,
        now=found.started,
        tried={key_of(member.spec): "it was tried, and could not be used" for member in found.tried},
    )
