"""One request and its response: the brain of the data plane.

An exchange is told facts (`connected`, `request_data`, `response_head`, ...) and gives orders to three ports: the
`Client` it answers, the `Connector` of a member that it asks for a `Link`, and the link itself.  It never touches a
socket, and whatever happens it ends exactly once, in `_finish`.

Its sending half, up to where the request is with a member, is `panolb.core.sending`.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

from ..errors import BadRequest, BadResponse
from . import answers
from .facts import ExchangeFacts
from .headers import Answer, check_websocket_answer, understand_answer
from .location import Location
from .member import Member
from .observing import verdict
from .ports import Client, Link
from .request import Request
from .sending import Sending
from .sticky import Route
from .tunnel import Tunnel

_ids = count(1)


class Exchange(Sending):
    """One request on its way.

    :ivar status: the status that the client got; 0 while it got none, 499 when it left before.
    :ivar term: how it ended, in one stable word for the access log; empty for well.
    :ivar started: clock reading in seconds; `ended` likewise.
    :ivar headed: when the head of the member's answer came; 0 for never.
    :ivar sent: bytes of the answer's body.
    :ivar lines: the header fields of the answer, for rules and the log.
    :ivar route: what the balancer's resolver found in the request; ``None`` for nothing.
    :ivar upgrade: the fields of the WebSocket handshake that the member gets; ``None`` for any other request.
    :ivar kept: how many requests the connection served before this one.
    :ivar trace: the value of ``traceparent`` that was made for it; empty for none.
    :ivar tunnel: the WebSocket that it became; ``None`` for any other request.
    """

    __slots__ = (
        "_facts",
        "_released",
        "_switching",
        "_trial",
        "ended",
        "headed",
        "id",
        "kept",
        "lines",
        "route",
        "sent",
        "started",
        "status",
        "term",
        "trace",
        "tunnel",
        "upgrade",
    )

    def __init__(self, request: Request, location: Location, client: Client) -> None:
        super().__init__(request, location, client)
        self.id = next(_ids)
        self.started = location.clock()
        self.ended = self.headed = 0.0
        self.status = 0
        self.term = ""
        self.sent = 0
        self.kept = 0
        self.trace = b""
        self.lines: list[bytes] = []
        self.route: Route | None = None
        self.upgrade: tuple[bytes, ...] | None = None
        self.tunnel: Tunnel | None = None
        self._facts: ExchangeFacts | None = None
        self._trial = False  # the member was in error, or spared, when it was chosen
        self._switching: Answer | None = None
        self._released = False  # nothing more is to be said to the client, who may be at its next request
        location.exchanges += 1

    # -- choosing and connecting ------------------------------------------------------------------------------------

    def start(self) -> None:
        """Route the request and ask for a connection, or answer at once where the location says so."""
        balancer = self.location.balancer
        if balancer is None:
            assert self.location.answer is not None
            self.fail(self.location.answer.status, "No server is asked for this path.", "local")
            return
        try:
            if balancer.resolver is not None:
                self.route = balancer.resolver.resolve(self.request)
        except Exception as error:  # noqa: BLE001  # it may be anybody's plugin
            self._plugin_failed(error)
            return
        if balancer.budget is not None:
            balancer.budget.request(self.started)
        if not self.attempt():
            self._wait()

    def attempt(self, force: bool = True) -> bool:
        balancer = self.location.balancer
        assert balancer is not None
        route = None if self.route is None else self.route.value
        try:
            now = self.location.clock()
            pinned = None if balancer.pins is None else balancer.pinned(self.request, self.client.peer, now)
            decision = balancer.choose(route, self.tried, now, force, pinned)
        except Exception as error:  # noqa: BLE001  # it may be anybody's plugin
            self._plugin_failed(error)
            return True
        if decision is None:
            return False
        self.decision = decision
        member = decision.member
        if self.upgrade is not None:
            refusal = self._admit(member)
            if refusal is not None:
                return self._turn_away(refusal, decision, force)
        self._held = member
        self._awaited = member.connector
        self._trial = member.state == "error" or member in balancer.spared
        member.busy += 1
        member.elected += 1
        if self._failure is not None:
            self.retried, self._failure = (*self.retried, self._failure), None
        self.attempts += 1
        member.connector.connect(self, self._fresh)
        return True

    def connected(self, link: Link) -> None:
        """The connection stands: send what there is."""
        self._awaited = None
        assert self.decision is not None
        member = self.decision.member
        self.link = link
        head = self.location.request_head(self, member)
        if head is None:
            self.fail(404, "The path cannot be passed on in this spelling.", "bad-path")
            return
        self.passed = self.location.clock()
        link.begin(head, self.request.method)
        member.traffic_out += len(head)
        ping = member.spec.ping
        if ping is not None and self.request.has_body and not self.expects:
            self._ping(link, ping)
            return
        self.client.attach(link)
        if self._early:
            self._send_early(link, member)

    def _plugin_failed(self, error: Exception) -> None:
        """A balancing method or a resolver raised: that costs this request, and nobody else anything."""
        if self.location.broken is not None:
            self.location.broken(self, error)
        self.fail(502, "The balancer could not choose a server.", "plugin-failed")

    # -- the answer -------------------------------------------------------------------------------------------------

    def response_head(self, status: int, phrase: bytes, fields: list[bytes], http11: bool) -> Answer:
        """The head of an answer, interim or final.

        :param fields: its header fields as lines without their ends.
        :returns: what was understood of it, for the link to know whether it may be kept.
        :raises BadResponse: when it cannot be passed on.
        """
        answer = understand_answer(fields, http11)
        if status == 101:
            self._check_switch(answer, fields)
            return answer
        assert self.decision is not None
        member = self.decision.member
        member.traffic_in += 13 + len(phrase)
        if self._pinging and (status == 100 or status >= 200):
            self._pinged(member, status == 100 or answer.keep)
            if status == 100:
                return answer
        if status < 200:
            if self.request.http11:
                self.client.interim(status, phrase, answers.outward(self, answer, http11))
            return answer
        self._was_usable(member)
        self.headed = self.location.clock()
        if status in self.location.override:
            self._note_status(status, member)
            self.fail(
                status, "The server answered with an error.", "overridden", phrase, answers.challenge(answer)
            )
            return answer
        lines = self.lines = answers.final(self, answer, status, http11)
        if self.request.method == b"HEAD" or status in (204, 304):
            length: int | None = -1
        else:
            length = answer.length
        self._note_status(status, member)
        self.status = status
        self._answered = True
        self.client.respond(status, phrase, lines, length, self._ended_body)
        return answer

    def response_data(self, data: bytes) -> None:
        """A piece of the answer's body came."""
        assert self._held is not None
        self._held.traffic_in += len(data)
        self.sent += len(data)
        self.client.send(data)

    def response_end(self) -> None:
        """The answer is complete."""
        self._finish("" if self._ended_body else "early-answer")
        self._released = True
        self.client.finish()

    def switched(self, link: Link, early: bytes) -> None:
        """The member's 101 is complete; from here on the link speaks WebSocket."""
        answer = self._switching
        assert answer is not None and self.decision is not None
        self.headed = self.location.clock()
        answer.lines = self.lines = answers.switching(self, answer)
        self._was_usable(self.decision.member)
        self._answered = True
        self.status = 101
        if not self.client.switch(link, answer, early):
            self._answered = False
            self.link_failed("it answered a WebSocket handshake in a way that was not asked for")

    def opened(self, tunnel: Tunnel) -> None:
        """Both sides of the WebSocket stand."""
        self.tunnel = tunnel
        # A WebSocket lasts for hours: only what its end is going to ask for is kept.
        self._switching, self.upgrade = None, ()
        del self._early
        self.client.peer.forget()
        if self.location.opened is not None:
            self.location.opened(self)

    def tunnel_ended(self) -> None:
        """The WebSocket that this exchange became is over."""
        tunnel, member = self.tunnel, self._held
        assert tunnel is not None and member is not None
        self.received = tunnel.client.end.octets
        self.sent = tunnel.member.end.octets
        member.traffic_out += self.received
        member.traffic_in += self.sent
        self._finish(tunnel.term)

    # -- what can go wrong ------------------------------------------------------------------------------------------

    def client_lost(self) -> None:
        """The client left: its request ends at once, and no member is blamed."""
        if self._over:
            return
        link, self.link = self.link, None
        if link is not None:
            link.abort()
        self._stop_waiting()
        self._released = True
        if not self._answered:
            self.status = 499
        self._finish("client-left")

    def client_timeout(self) -> None:
        """The client stopped sending its request (408); no member is blamed."""
        self.link_gone(408, "The request took too long to arrive.", "client-timeout")

    def link_failed(self, reason: str) -> None:
        self.link_gone(502, f"The server that holds your session broke off: {reason}.", "member-broke")

    def link_timeout(self) -> None:
        """No answer came in time (504); in Apache's words failontimeout decides whether the member is in error."""
        balancer, decision = self.location.balancer, self.decision
        assert balancer is not None and decision is not None
        if self._pinging and not self._answered:
            self._pinging = False
            self._cut_link()
            self.connect_failed(f"no 100 Continue within {decision.member.spec.ping:g} s")
            return
        if balancer.failontimeout and not self._answered:
            balancer.fault(decision.member, self.location.clock(), "no answer in time (failontimeout)")
        status = self.location.timeout_status
        self.link_gone(status, "The server that holds your session did not answer in time.", "member-timeout")

    def failed_here(self) -> None:
        """Something of ours broke: 502, or a cut when an answer was under way; no member is blamed."""
        if self._released:
            return
        try:
            self.link_gone(502, "The request could not be processed.", "internal-error")
        except Exception:  # noqa: BLE001  # it may be the making of the page that breaks
            self._answered = True
            self._finish("internal-error")
            self._released = True
            self.client.abort()

    def link_gone(self, status: int, reason: str, term: str) -> None:
        """End the exchange after the link became unusable."""
        if self._answered:
            self._cut_link()
            self._finish(term)
            self._released = True
            self.client.abort()
        else:
            self.fail(status, reason, term)

    def fail(
        self, status: int, reason: str, term: str, phrase: bytes = b"", lines: Sequence[bytes] = ()
    ) -> None:
        """Answer with a page of our own and end.

        :param reason: one sentence of ours; it is shown to the client.
        :param phrase: the reason phrase; empty for the standard's.
        :param lines: fields that the answer has to carry.
        """
        if self._over or self._answered:
            return
        if self.decision is not None and term in ("member-broke", "member-timeout"):
            self._note_status(status, self.decision.member)
        self._cut_link()
        self.status = status
        page = answers.own(self, status, reason)
        page.lines.extend(lines)
        if self.request.memo.asks_why:
            page.lines.extend(answers.why(self, term))
        self.status, self.lines = page.status, page.lines
        keep = self._ended_body and (status >= 500 or term in ("local", "overridden"))
        self._answered = True
        head_only = self.request.method == b"HEAD"
        length = len(page.body)
        self.sent = 0 if head_only else length
        self._finish(term)
        if head_only:
            page.lines.append(b"Content-Length: %d" % length)
        self.client.respond(page.status, phrase or page.phrase, page.lines, -1 if head_only else length, keep)
        if not head_only:
            self.client.send(page.body)
        self._released = True
        self.client.finish()

    def refuse(self, problem: BadRequest) -> None:
        """The client broke the rules in its body: it gets its 4xx, and the member's connection is cut."""
        self.link_gone(problem.status, problem.reason, "bad-request")

    @property
    def facts(self) -> ExchangeFacts:
        """What the operator's rules and log formats can ask."""
        if self._facts is None:
            self._facts = ExchangeFacts(self)
        return self._facts

    @property
    def request_id(self) -> str:
        """What the error page and the log call this exchange."""
        return f"{self.location.run}-{self.id:x}"

    # -- the end ----------------------------------------------------------------------------------------------------

    def _finish(self, term: str) -> None:
        """The one end of every exchange: counters and access log hang on it."""
        if self._over:
            return
        self._over = True
        self._early = []
        self.term = term
        self._leave_member()
        self.link = None
        location = self.location
        location.exchanges -= 1
        self.ended = location.clock()
        if self.upgrade is not None and self.decision is not None:
            assert location.balancer is not None
            location.balancer.heard_of_tunnel(self.decision.member, verdict(self), self.ended)
        if location.finished is not None:
            location.finished(self)

    def _cut_link(self) -> None:
        link, self.link = self.link, None
        if link is not None:
            self.client.detach()
            link.abort()
        self._stop_waiting()

    def _stop_waiting(self) -> None:
        """Nobody needs the link that a connector may still owe us, nor a member that may come back."""
        awaited, self._awaited = self._awaited, None
        if awaited is not None:
            awaited.cancel(self)

    # -- details of the answer --------------------------------------------------------------------------------------

    def _was_usable(self, member: Member) -> None:
        """If a member was tried although live traffic could not use it: it answered."""
        if not self._trial:
            return
        balancer = self.location.balancer
        assert balancer is not None
        if member.state == "error" or member in balancer.spared:
            balancer.answered(member, self.location.clock(), self.tried)

    def _note_status(self, status: int, member: Member) -> None:
        """Apache's failonstatus: a status that puts the member in error, after the answer went out."""
        balancer = self.location.balancer
        if balancer is not None and status in balancer.failonstatus:
            balancer.fault(member, self.location.clock(), f"answered {status} (failonstatus)")

    def _check_switch(self, answer: Answer, fields: list[bytes]) -> None:
        """A 101 is an answer only to a handshake, and only with the right token."""
        if self.request.websocket is None or self.upgrade is None:
            raise BadResponse("it switched protocols without being asked")
        check_websocket_answer(answer, fields, self.upgrade)
        self._switching = answer
