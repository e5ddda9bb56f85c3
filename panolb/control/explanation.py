"""An explanation, put together piece by piece: its keys are always the same, whatever there is to say."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs

from ..core.balancer import NEW
from ..core.explaining import Choice, Place, name_of
from ..core.headers import Peer
from ..core.location import Location
from ..core.rehearsing import Rehearsed
from ..core.request import Request
from ..errors import BadRequest
from .recent import Remembered

_SET_COOKIE = b"set-cookie:"

# Why a request gets an answer of panolb's own although a member could be chosen.
_TERMS = {
    "full": "there are as many WebSockets as there may be (max_open of [websockets])",
    "client-full": "the client's address has as many WebSockets as it may have (max_per_client of [websockets])",
    "bad-path": "the location's path was not written literally, and cannot be exchanged for the member's",
    "no-capacity": "no descriptor, memory or local port was left to connect with",
    "retry-budget": "a member could not be connected to, and the retry_budget was used up",
    "queue-timeout": "none of the member's max_connections became free in time",
    "member-broke": "the member broke the connection, or the rules of HTTP",
    "member-timeout": "the member did not answer in time",
    "client-left": "the client left",
    "client-timeout": "the client did not send its body in time",
    "plugin-failed": "a plugin of yours raised an exception; the process log has it",
    "internal-error": "panolb itself failed; the process log has the traceback",
}


@attrs.define(kw_only=True)
class Explanation:
    """What becomes of a request, and why.

    :ivar when: ``now`` for what would happen, ``then`` for what did.
    :ivar time: seconds since 1970 for which it holds.
    :ivar outcome: ``member``, ``waits``, ``unavailable``, ``local``, ``files``, ``nowhere`` or ``refused``.
    :ivar status: of panolb's own answer; ``then``: of the answer that the client got.
    :ivar term: how it ends, in the access log's word.
    :ivar because: why, in a sentence.
    :ivar changed: whether the client has to learn a new route.
    :ivar set_cookie: what panolb adds to the answer; ``None`` when that is not known.
    :ivar member_host: the Host field that the member gets.
    :ivar members: what the choice made of each of them.
    :ivar advice: what is probably wrong, and what to do.
    """

    when: str
    request_id: str | None = None
    time: float
    listener: str | None = None
    client: str | None = None
    method: str
    host: str = ""
    path: str
    websocket: bool = False
    location: str | None = None
    locations: list[dict[str, str]] = attrs.field(factory=list)
    balancer: str | None = None
    lbmethod: str | None = None
    outcome: str = "refused"
    status: int | None = None
    term: str = ""
    member: str | None = None
    reason: str | None = None
    because: str = ""
    route: str | None = None
    route_source: str | None = None
    route_name: str | None = None
    changed: bool = False
    set_cookie: list[str] | None = None
    target: str | None = None
    member_host: str | None = None
    retry_after: int | None = None
    members: list[dict[str, Any]] = attrs.field(factory=list)
    advice: list[str] = attrs.field(factory=list)
    summary: list[str] = attrs.field(factory=list)

    def as_json(self) -> dict[str, Any]:
        """All of it."""
        self.time = round(self.time, 3)
        self.summary = list(self._lines())
        return attrs.asdict(self)

    # -- before a balancer ------------------------------------------------------------------------------------------

    def of_request(self, request: Request, peer: Peer) -> None:
        """The request was understood."""
        self.client = peer.client(request).decode("ascii", "replace")
        self.host = request.host.decode("latin-1")
        self.path = request.path.decode("latin-1")
        self.websocket = request.websocket is not None

    def of_places(self, places: Iterable[Place]) -> None:
        """These locations match."""
        self.locations = [
            {"location": name_of(location), "verdict": verdict, "words": words}
            for location, verdict, words in places
        ]
        chosen = [one["location"] for one in self.locations if one["verdict"] == "chosen"]
        self.location = chosen[0] if chosen else None

    def refused(self, problem: BadRequest) -> None:
        """It is not understood, or comes too fast."""
        self.outcome, self.status, self.because = "refused", problem.status, problem.reason
        self.set_cookie = []

    def nowhere(self) -> None:
        """No location takes it."""
        self.outcome, self.status, self.term, self.set_cookie = "nowhere", 404, "", []
        self.because = "no location of the listener matches its host and its path"
        if self.locations:
            self.because = f"{self.locations[0]['location']} matches, but {self.locations[0]['words']}"

    def files(self, name: str) -> None:
        """A directory's files are served there."""
        self.outcome, self.because, self.set_cookie = "files", f"{name} serves files of a directory", []

    def local(self, name: str, told: Rehearsed) -> None:
        """The location answers by itself."""
        self.outcome, self.status, self.term = "local", told.status, told.exchange.term
        moved = [line.partition(b": ")[2] for line in told.lines if line.startswith(b"Location: ")]
        to = f" to {moved[0].decode('latin-1')}" if moved else ""
        self.because = f"{name} answers by itself, with {told.status}{to}"
        self.set_cookie = _cookies(told)

    def local_then(self, found: Remembered) -> None:
        """The location answered by itself."""
        self.outcome, self.term = "local", "local"
        self.because = f"{self.location} answers by itself, with {found.status}"

    # -- at a balancer ----------------------------------------------------------------------------------------------

    def of_balancer(
        self, location: Location, lbmethod: str | None, choice: Choice, rows: list[dict[str, Any]]
    ) -> None:
        """A balancer had a choice to make.

        :param rows: what became of each member.
        """
        assert location.balancer is not None
        self.balancer, self.lbmethod, self.members = location.balancer.name, lbmethod, rows
        if choice.route is not None:
            self.route = choice.route.value.decode("utf-8", "replace")
            self.route_source = choice.route.source
            self.route_name = choice.route.name.decode("utf-8", "replace") or None

    def of_rehearsal(self, told: Rehearsed, location: Location) -> None:
        """What came of the choice."""
        exchange, decision = told.exchange, told.exchange.decision
        self.set_cookie = _cookies(told)
        if decision is not None:
            self.member, self.reason, self.changed = decision.member.spec.name, decision.why, decision.changed
        if told.waits:
            assert location.balancer is not None
            self.outcome, self.member, self.reason, self.changed = "waits", None, None, False
            self.because += (
                f"; it waits for somebody up to {location.balancer.wait:g} s, then it is answered 503"
            )
        elif told.head:
            self.outcome = "member"
            line, _, section = told.head.partition(b"\r\n")
            self.target = line.split(b" ")[1].decode("latin-1")
            self.member_host = section.partition(b"\r\n")[0].partition(b": ")[2].decode("latin-1")
        else:
            self.outcome, self.status, self.term = "unavailable", told.status, exchange.term
            self.retry_after = exchange.retry_after if told.status == 503 else None
            self.because = _TERMS.get(exchange.term, self.because)
            if told.broken is not None:
                self.because = f"the balancing method or the resolver raised {told.broken!r}"

    def of_memory(self, found: Remembered) -> None:
        """What came of the choice then."""
        decision, balancer = found.decision, found.location.balancer
        if decision is not None:
            self.member, self.reason, self.changed = decision.member.spec.name, decision.why, decision.changed
        served = decision is not None and not (found.status >= 500 and found.term)
        self.outcome = "member" if served else "unavailable"
        if found.term in _TERMS:
            self.because = (
                f"{self.because}; {_TERMS[found.term]}" if decision is not None else _TERMS[found.term]
            )
        if not self.members and balancer is not None:
            self.because += "; how its members stood then is not known any more"

    # -- for people -------------------------------------------------------------------------------------------------

    def _lines(self) -> Iterable[str]:
        now = self.when == "now"
        what = f"{self.method} {self.path}" + (" (WebSocket)" if self.websocket else "")
        host = f" at {self.host}" if self.host else ""
        client = f" from {self.client}" if self.client else ""
        listener = f", listener {self.listener}" if self.listener else ""
        yield f"{what}{host}{client}{listener}"
        if self.location is not None:
            method = f" ({self.lbmethod})" if self.lbmethod else ""
            leads = f" -> balancer {self.balancer}{method}" if self.balancer else ""
            yield f"location {self.location}{leads}"
        yield f"{self._outcome(now)}: {self.because}"
        if self.outcome == "member" and now:
            yield f"the member is asked {self.method} {self.target}, Host: {self.member_host}"
        if self.outcome in ("member", "unavailable") and self.balancer is not None:
            yield from self._cookie_lines()

    def _outcome(self, now: bool) -> str:
        answered = f"answered {self.status}" + (f" ({self.term})" if self.term else "")
        if self.outcome == "member":
            verb = "goes" if now else "went"
            ended = "" if now else f" and was {answered}"
            return f"{verb} to {self.member}{ended}, {self.reason}"
        if self.outcome == "waits":
            return "nobody takes it"
        if self.outcome == "files":
            return "served"
        return answered if now else f"was {answered}"

    def _cookie_lines(self) -> Iterable[str]:
        for value in self.set_cookie or ():
            yield f"the answer sets a cookie: {value}"
        if self.set_cookie is None and self.outcome == "member":
            yield "the client had to learn a new route" if self.changed else "the client kept its route"
        elif self.set_cookie == [] and self.outcome == "member":
            if not self.changed:
                why = "the client has the right route" if self.reason != NEW else "nobody is kept on a member"
            else:
                why = "panolb does not set one here; the member has to give the client its route"
            yield f"the answer sets no cookie: {why}"


def _cookies(told: Rehearsed) -> list[str]:
    lines = [line for line in told.lines if line.lower().startswith(_SET_COOKIE)]
    return [line.partition(b":")[2].strip().decode("latin-1") for line in lines]
