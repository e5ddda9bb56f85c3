"""One request and its response: the brain of the data plane.

An exchange is told facts (`connected`, `request_data`, `response_head`, ...) and gives orders to three ports: the
`Client` it answers, the `Connector` of a member that it asks for a `Link`, and the link itself.  It never touches a
socket, and whatever happens it ends exactly once, in `_finish`.

Nothing is sent a second time that may have been acted on.  Until a connection stands, nothing was sent, and the next
member may be tried with the body intact.  After that only a request without a body whose method makes a repetition
harmless is repeated, and only while not one byte of an answer has come: once on a new connection when a kept one had
died, once on another member when a new one died.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

from ..errors import BadRequest, BadResponse
from . import answers
from .balancer import Decision
from .facts import ExchangeFacts
from .headers import Answer, check_websocket_answer, understand_answer
from .location import Location
from .member import Member
from .ports import Client, Link
from .request import Request
from .sticky import Route

_ids = count(1)


class Exchange:
    """One request on its way.

    :ivar status: the status that the client got; 0 while it got none, 499 when it left before.
    :ivar term: how it ended, in one stable word for the access log; empty for well.
    :ivar started: clock reading in seconds; `ended` likewise.
    :ivar received: bytes of the request's body; `sent` the same of the answer's.
    :ivar attempts: how many connections to members were asked for.
    """

    __slots__ = (
        "_answered",
        "_awaited",
        "_early",
        "_ended_body",
        "_facts",
        "_fresh",
        "_held",
        "_over",
        "_repeated",
        "_switching",
        "_trial",
        "attempts",
        "client",
        "decision",
        "ended",
        "id",
        "link",
        "location",
        "received",
        "request",
        "route",
        "sent",
        "started",
        "status",
        "term",
        "tried",
        "upgrade",
    )

    def __init__(self, request: Request, location: Location, client: Client) -> None:
        self.request = request
        self.location = location
        self.client = client
        self.id = next(_ids)
        self.started = location.clock()
        self.ended = 0.0
        self.status = 0
        self.term = ""
        self.received = 0
        self.sent = 0
        self.attempts = 0
        self.route: Route | None = None
        self.decision: Decision | None = None
        self.link: Link | None = None
        self.tried: tuple[Member, ...] = ()
        self.upgrade: tuple[bytes, ...] | None = None
        self._facts: ExchangeFacts | None = None
        self._early: list[bytes] = []
        self._ended_body = not request.has_body
        self._held: Member | None = None  # counts this exchange as busy
        self._awaited: Member | None = None  # its connector owes us a link
        self._answered = False  # the head of the final answer went to the client
        self._over = False
        self._fresh = request.websocket is not None
        self._repeated = False  # on another member, after a new connection had died
        self._trial = False  # the member was in error when it was chosen
        self._switching: Answer | None = None

    # -- choosing and connecting ------------------------------------------------------------------------------------

    def start(self) -> None:
        """Route the request and ask for a connection, or answer at once where the location says so."""
        balancer = self.location.balancer
        if balancer is None:
            assert self.location.answer is not None
            self.fail(self.location.answer.status, "This is all there is at this path.", "local")
            return
        try:
            if balancer.resolver is not None:
                self.route = balancer.resolver.resolve(self.request)
        except Exception as error:  # noqa: BLE001  # it may be anybody's plugin
            self._plugin_failed(error)
            return
        if not self._attempt():
            self._unavailable()

    def _attempt(self) -> bool:
        """Choose a member and ask for a connection to it; returns whether there was one to choose."""
        balancer = self.location.balancer
        assert balancer is not None
        route = None if self.route is None else self.route.value
        try:
            decision = balancer.choose(route, self.tried, self.location.clock())
        except Exception as error:  # noqa: BLE001  # it may be anybody's plugin
            self._plugin_failed(error)
            return True
        if decision is None:
            return False
        self.decision = decision
        member = decision.member
        self._held = self._awaited = member
        self._trial = member.state == "error"
        member.busy += 1
        member.elected += 1
        self.attempts += 1
        member.connector.connect(self, self._fresh)
        return True

    def connected(self, link: Link) -> None:
        """The connection stands: send what there is."""
        self._awaited = None
        decision = self.decision
        assert decision is not None
        head = self.location.request_head(self, decision.member)
        self.link = link
        if head is None:
            self.fail(404, "The path cannot be passed on in this spelling.", "bad-path")
            return
        link.begin(head, self.request.method)
        self.client.attach(link)
        if self._early:
            early, self._early = self._early, []
            link.send(b"".join(early))

    def connect_failed(self, reason: str) -> None:
        """The member could not be connected to; nothing was sent."""
        self._awaited = None
        self._leave_member()
        balancer = self.location.balancer
        assert balancer is not None and self.decision is not None
        member = self.decision.member
        balancer.fault(member, self.location.clock(), reason)
        self.tried = (*self.tried, member)
        if len(self.tried) > balancer.maxattempts or not self._attempt():
            self._unavailable()

    def no_capacity(self) -> None:
        """The member has no connection to spare, and did not get one in time."""
        self._awaited = None
        self.fail(503, "The server that holds your session has no connection to spare.", "no-capacity")

    def _plugin_failed(self, error: Exception) -> None:
        """A balancing method or a resolver raised: that costs this request, and nobody else anything."""
        if self.location.broken is not None:
            self.location.broken(self, error)
        self.fail(502, "The balancer could not choose a server.", "plugin-failed")

    def _unavailable(self) -> None:
        self.fail(503, "No server can take this request at the moment.", "no-member")

    # -- the request's body -----------------------------------------------------------------------------------------

    def request_data(self, data: bytes) -> None:
        """A piece of the request's body came."""
        self.received += len(data)
        if self.request.chunked:
            data = b"%x\r\n%b\r\n" % (len(data), data)
        if self.link is not None:
            self.link.send(data)
        elif not self._over:
            self._early.append(data)
            self.client.hold()

    def request_end(self) -> None:
        """The request's body is complete."""
        self._ended_body = True
        if self.request.chunked:
            if self.link is not None:
                self.link.send(b"0\r\n\r\n")
            elif not self._over:
                self._early.append(b"0\r\n\r\n")

    @property
    def sending(self) -> bool:
        """Whether the client still has some of its request to send."""
        return not self._ended_body

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
        if status < 200:
            if self.request.http11:
                self.client.interim(status, phrase, answers.outward(self, answer, http11))
            return answer
        assert self.decision is not None
        member = self.decision.member
        self._was_usable(member)
        if status in self.location.override:
            self._note_status(status, member)
            self.fail(
                status, "The server answered with an error.", "overridden", phrase, answers.challenge(answer)
            )
            return answer
        lines = answers.final(self, answer, status, http11)
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
        self.sent += len(data)
        self.client.send(data)

    def response_end(self) -> None:
        """The answer is complete."""
        self._finish("" if self._ended_body else "early-answer")
        self.client.finish()

    def switched(self, link: Link, early: bytes) -> None:
        """The member's 101 is complete; from here on the link speaks WebSocket."""
        answer = self._switching
        assert answer is not None and self.decision is not None
        answer.lines = answers.switching(self, answer)
        self._was_usable(self.decision.member)
        self._answered = True
        self.status = 101
        if not self.client.switch(link, answer, early):
            self._answered = False
            self.link_failed("it answered a WebSocket handshake in a way that was not asked for")

    def bridge_closed(self, received: int, sent: int, term: str) -> None:
        """The WebSocket that this exchange became has ended."""
        self.received = received
        self.sent = sent
        self.link = None
        self._finish(term)

    # -- what can go wrong ------------------------------------------------------------------------------------------

    def client_lost(self) -> None:
        """The client left: its request ends at once, and no member is blamed."""
        if self._over:
            return
        link, self.link = self.link, None
        if link is not None:
            link.abort()
        self._stop_waiting()
        if not self._answered:
            self.status = 499
        self._finish("client-left")

    def client_timeout(self) -> None:
        """The client stopped sending its request (408); no member is blamed."""
        self.link_gone(408, "The request took too long to arrive.", "client-timeout")

    def link_lost(self, reason: str, begun: bool) -> None:
        """The connection ended before the answer was complete.

        :param begun: whether any byte of an answer had come.
        """
        assert self.link is not None
        reused, self.link = self.link.reused, None
        self.client.detach()
        if begun or not self._may_repeat(reused):
            self.link_failed(reason)
            return
        self._leave_member()
        if reused:
            self._fresh = True
        else:
            assert self.decision is not None
            self._repeated = True
            self.tried = (*self.tried, self.decision.member)
        if not self._attempt():
            self.link_failed(reason)

    def _may_repeat(self, reused: bool) -> bool:
        """Whether a request whose connection died without a byte of an answer may be sent again."""
        request = self.request
        if request.has_body:
            return False
        if reused:
            return request.idempotent
        return request.safe and not self._repeated

    def link_failed(self, reason: str) -> None:
        """The member broke the rules of HTTP or the connection: 502, or a cut when an answer was under way."""
        self.link_gone(502, f"The server that holds your session broke off: {reason}.", "member-broke")

    def link_timeout(self) -> None:
        """No answer came in time (504); in Apache's words failontimeout decides whether the member is in error."""
        balancer, decision = self.location.balancer, self.decision
        assert balancer is not None and decision is not None
        # While the client still owes us some of its request the member may be waiting for that.
        its_fault = self._ended_body or (self.request.expects and self.received == 0)
        if balancer.failontimeout and its_fault and not self._answered:
            balancer.fault(decision.member, self.location.clock(), "no answer in time (failontimeout)")
        status = self.location.timeout_status
        self.link_gone(status, "The server that holds your session did not answer in time.", "member-timeout")

    def link_gone(self, status: int, reason: str, term: str) -> None:
        """End the exchange after the link became unusable."""
        if self._answered:
            self._cut_link()
            self._finish(term)
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
        if self.decision is not None and status in (502, 504):  # a member had its chance
            self._note_status(status, self.decision.member)
        self._cut_link()
        self.status = status
        page = answers.own(self, status, reason)
        self.status = page.status
        keep = self._ended_body and (status >= 500 or term in ("local", "overridden"))
        self._answered = True
        head_only = self.request.method == b"HEAD"
        length = len(page.body)
        self.sent = 0 if head_only else length
        self._finish(term)
        page.lines.extend(lines)
        if head_only:
            page.lines.append(b"Content-Length: %d" % length)
        self.client.respond(page.status, phrase or page.phrase, page.lines, -1 if head_only else length, keep)
        if not head_only:
            self.client.send(page.body)
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
        self.ended = location.clock()
        if location.finished is not None:
            location.finished(self)

    def _leave_member(self) -> None:
        member, self._held = self._held, None
        if member is not None:
            member.busy -= 1

    def _cut_link(self) -> None:
        link, self.link = self.link, None
        if link is not None:
            self.client.detach()
            link.abort()
        self._stop_waiting()

    def _stop_waiting(self) -> None:
        """Nobody needs the link that a connector may still owe us."""
        member, self._awaited = self._awaited, None
        if member is not None:
            member.connector.cancel(self)

    # -- details of the answer --------------------------------------------------------------------------------------

    def _was_usable(self, member: Member) -> None:
        """If a member in error was tried because there was no other: it answered."""
        if self._trial and member.state == "error":
            balancer = self.location.balancer
            assert balancer is not None
            balancer.answered(member, self.location.clock())

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
