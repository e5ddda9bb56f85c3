"""The sending half of an exchange: the request's body, and the members that are tried for it.

Nothing is sent a second time that may have been acted on.  Until a connection stands, nothing was sent, and the next
member may be tried with the body intact; so it is until a member that was asked with ``ping`` has said that it wants
the body.  After that only a request without a body whose method makes a repetition harmless is repeated, and only
while not one byte of an answer has come: once on a new connection when a kept one had died, once on another member
when a new one died.  And all of it only as far as the balancer's `panolb.core.budget` allows.
"""

from __future__ import annotations

from .admission import Gate, Refusal
from .balancer import MOVED, REDIRECTED, STUCK, Decision
from .location import Location
from .member import Member
from .observing import BROKEN_OFF
from .ports import Client, Connector, Link
from .request import Request
from .waiting import Waiting

# Why a member was asked again, or another one in its place; beside the terms of a full queue.
NOT_CONNECTED = "connect-failed"
STALE = "connection-gone"
BROKEN = "member-broke"
LEFT = "member-removed"

RETRY_AFTER = 5  # seconds; about one health check later
NOBODY = "No server can take this request at the moment."


class Sending:
    """What an `Exchange` does until its request is with a member.

    :ivar received: bytes of the request's body.
    :ivar attempts: how many connections to members were asked for.
    :ivar tried: the members that this request need not be sent to again.
    :ivar decision: the last choice of a member; ``None`` as long as there was none.
    :ivar retry_after: whole seconds that a 503 names.
    :ivar link: the connection to that member, while there is one.
    :ivar retried: the members that were given up for another attempt, and why.
    :ivar queued: seconds of waiting for a member, or for one of the connections that it may have.
    :ivar connecting: seconds of waiting for a new connection to a member.
    :ivar passed: clock reading at which the request's head went to the last member that was tried; 0 before.
    """

    __slots__ = (
        "_admitted",
        "_answered",
        "_awaited",
        "_early",
        "_ended_body",
        "_failure",
        "_fresh",
        "_held",
        "_over",
        "_pinging",
        "_repeated",
        "_waiting",
        "attempts",
        "client",
        "connecting",
        "decision",
        "link",
        "location",
        "passed",
        "queued",
        "received",
        "request",
        "retried",
        "retry_after",
        "tried",
    )

    def __init__(self, request: Request, location: Location, client: Client) -> None:
        self.request = request
        self.location = location
        self.client = client
        self.received = 0
        self.attempts = 0
        self.decision: Decision | None = None
        self.link: Link | None = None
        self.tried: tuple[Member, ...] = ()
        self.retried: tuple[tuple[Member, str], ...] = ()
        self.queued = self.connecting = self.passed = 0.0
        self._early: list[bytes] = []  # of the body, while there is nowhere to put it
        self._ended_body = not request.has_body
        self.retry_after = RETRY_AFTER
        self._held: Member | None = None  # counts this exchange as busy
        self._admitted: tuple[bytes, Gate] | None = None  # the client and the way in that count it
        self._awaited: Connector | Waiting | None = None  # who is going to say how it goes on
        self._waiting: Waiting | None = None
        self._pinging = False  # the body is held until the member has said that it wants it
        self._fresh = request.websocket is not None
        self._failure: tuple[Member, str] | None = None  # of the last attempt
        self._repeated = False  # on another member, after a new connection had died
        self._answered = False  # the head of the final answer went to the client
        self._over = False

    def attempt(self, force: bool = True) -> bool:
        """Choose a member and ask for a connection to it; returns whether there was one to choose.

        :param force: whether members in error may be tried when there is nobody else.
        """
        raise NotImplementedError

    def fail(self, status: int, reason: str, term: str) -> None:
        """Answer with a page of our own and end."""
        raise NotImplementedError

    def link_failed(self, reason: str) -> None:
        """The member broke the rules of HTTP or the connection: 502, or a cut when an answer was under way."""
        raise NotImplementedError

    # -- the request's body -----------------------------------------------------------------------------------------

    def request_data(self, data: bytes) -> None:
        """A piece of the request's body came."""
        self.received += len(data)
        if self.request.chunked:
            data = b"%x\r\n%b\r\n" % (len(data), data)
        self._pass_on(data)

    def request_end(self) -> None:
        """The request's body is complete."""
        self._ended_body = True
        if self.request.chunked:
            self._pass_on(b"0\r\n\r\n")

    def _pass_on(self, data: bytes) -> None:
        """Send it, or keep it until there is somewhere to put it."""
        if self.link is not None and not self._pinging:
            assert self._held is not None
            self._held.traffic_out += len(data)
            self.link.send(data)
        elif not (self._over or self._answered):
            self._early.append(data)
            self.client.hold()

    @property
    def bound(self) -> bool:
        """Whether the user's session lives on the member that was chosen."""
        return self.decision is not None and self.decision.why in (STUCK, REDIRECTED, MOVED)

    @property
    def is_handshake(self) -> bool:
        """Whether it asks for a WebSocket that may come of it."""
        return self.request.websocket is not None and self.location.websocket is not None

    @property
    def sending(self) -> bool:
        """Whether the client still has some of its request to send."""
        return not self._ended_body

    @property
    def owed(self) -> bool:
        """Whether the member waits for more of the request and the client owes it: the member's time does not count."""
        waiting = self._pinging or (self.expects and self.received == 0)  # for a 100 of the member
        return not self._ended_body and not waiting

    @property
    def expects(self) -> bool:
        """Whether the client waits for a 100 that only the member can give."""
        return self.request.expects and not self.location.answers_expect

    def _send_early(self, link: Link, member: Member) -> None:
        """Send what came of the body while there was nowhere to put it."""
        early, self._early = b"".join(self._early), []
        member.traffic_out += len(early)
        link.send(early)

    # -- whether the member wants it --------------------------------------------------------------------------------

    def _ping(self, link: Link, seconds: float) -> None:
        """The head asks the member whether it wants the body: hold that until it has answered."""
        self._pinging = True
        link.expect(seconds)

    def _pinged(self, member: Member, wanted: bool) -> None:
        """The member has answered.

        :param wanted: whether it may want the body.
        """
        assert self.link is not None
        self.client.attach(self.link)
        if not wanted:
            self._early = []
            return
        self._pinging = False
        self.link.expect(member.spec.response_timeout)
        if self._early:
            self._send_early(self.link, member)

    # -- whether it may have a WebSocket ----------------------------------------------------------------------------

    def _admit(self, member: Member) -> Refusal | None:
        """Ask whether a WebSocket with ``member`` may be opened now."""
        location = self.location
        if location.admission is None:
            return None
        client = self.client.peer.client(self.request)
        refusal = location.admission.admit(client, member.gate, location.clock())
        if refusal is None:
            self._admitted = client, member.gate
        return refusal

    def _turn_away(self, refusal: Refusal, decision: Decision, force: bool) -> bool:
        """A member may not have one more WebSocket: whoever is not bound to it goes to another one."""
        if refusal.of_member and not self.bound:
            self.tried = (*self.tried, decision.member)
            if self.attempt(force):
                return True
        self.retry_after = refusal.retry_after
        self.fail(503, refusal.reason, refusal.term)
        return True

    # -- going on with another member, or with nobody ---------------------------------------------------------------

    def connect_failed(self, reason: str) -> None:
        """The member could not be connected to, or was silent when it was asked for; it got nothing of the body."""
        self._awaited = None
        assert self.location.balancer is not None and self.decision is not None
        self.location.balancer.fault(self.decision.member, self.location.clock(), reason)
        self._failure = self.decision.member, NOT_CONNECTED
        if not self._may_go_on():
            self._unavailable()
        elif not self._within_budget():
            self.fail(503, NOBODY, "retry-budget")
        elif not self.attempt():
            self._wait()

    def no_capacity(self) -> None:
        """There is nothing left here to connect with: no member could do better."""
        self._awaited = None
        self.fail(503, "No further connection can be made at the moment.", "no-capacity")

    def not_served(self, term: str) -> None:
        """The member has all the connections that it may have, and the request can wait for none of them.

        :param term: ``queue-full`` or ``queue-timeout``.
        """
        self._awaited = None
        assert self.decision is not None
        self._failure = self.decision.member, term
        movable = not self.bound or self.decision.member.spec.acquire is not None
        if not movable or not self._may_go_on() or not self.attempt():
            self.fail(503, "Too many requests wait for a server at the moment.", term)

    def member_left(self) -> None:
        """The member was taken out of the configuration while the request waited for a connection to it."""
        self._awaited = None
        self._leave_member()
        if self.decision is not None:
            self._failure = self.decision.member, LEFT
        if not self.attempt():
            self.fail(503, "No server is available for this request at the moment.", "member-removed")

    def _may_go_on(self) -> bool:
        """Leave a member that could not be used; returns whether another one may be tried."""
        self._leave_member()
        assert self.location.balancer is not None and self.decision is not None
        self.tried = (*self.tried, self.decision.member)
        # Those that were taken out of the configuration meanwhile are not among the members that it allows for.
        failed = sum(not member.leaving for member in self.tried)
        return failed <= self.location.balancer.maxattempts

    def _within_budget(self) -> bool:
        """Ask for one more try: retries must not multiply the load of members that fail."""
        balancer = self.location.balancer
        assert balancer is not None
        return balancer.budget is None or balancer.budget.retry(self.location.clock())

    def _wait(self) -> None:
        """Nobody can serve the request now: wait for somebody, as long as the balancer says."""
        balancer = self.location.balancer
        assert balancer is not None
        if self._waiting is None and balancer.later is not None:
            self._waiting = Waiting(self.look_again, balancer.wait, balancer.later)
        if self._waiting is not None and self._waiting.go_on():
            self._awaited = self._waiting
            self._waiting.since = self.location.clock()
            # Who cannot be used now may be tried again when he can.
            spared = balancer.spared
            self.tried = tuple(member for member in self.tried if member.ready and member not in spared)
        else:
            self._unavailable()

    def look_again(self) -> None:
        """A pause is over in which nobody could serve the request."""
        self._awaited = None
        if self._waiting is not None:
            self.queued += self.location.clock() - self._waiting.since
        if not self.attempt(force=False):
            self._wait()

    def _unavailable(self) -> None:
        self.fail(503, NOBODY, "no-member")

    def link_lost(self, reason: str, begun: bool) -> None:
        """The connection ended before the answer was complete.

        :param begun: whether any byte of an answer had come.
        """
        assert self.link is not None
        reused, self.link = self.link.reused, None
        self.client.detach()
        if begun or not self._may_repeat(reused) or not self._within_budget():
            self.link_failed(reason)
            return
        self._leave_member()
        self._pinging = False
        assert self.decision is not None
        self._failure = self.decision.member, STALE if reused else BROKEN
        if reused:
            self._fresh = True
        else:
            self._repeated = True
            self.tried = (*self.tried, self.decision.member)
            if self.is_handshake and self.location.balancer is not None:
                self.location.balancer.heard_of_tunnel(
                    self.decision.member, BROKEN_OFF, self.location.clock()
                )
        if not self.attempt():
            self.link_failed(reason)

    def link_refused(self, reason: str) -> None:
        """The member did not accept the connection, after all; whatever was sent over it, it has not read."""
        assert self.link is not None and self.location.balancer is not None and self.decision is not None
        self.link = None
        self.client.detach()
        if self.request.has_body and not self._pinging:
            self.location.balancer.fault(self.decision.member, self.location.clock(), reason)
            self.link_failed("it did not accept the connection")  # what was sent of the body is gone
        else:
            self._pinging = False
            self.connect_failed(reason)

    def _may_repeat(self, reused: bool) -> bool:
        """Whether a request whose connection died without a byte of an answer may be sent again."""
        request = self.request
        if request.has_body and not self._pinging:
            return False
        if reused:
            return request.idempotent or self._pinging
        return request.safe and not self._repeated

    def _leave_member(self) -> None:
        member, self._held = self._held, None
        if member is not None:
            member.busy -= 1
        admitted, self._admitted = self._admitted, None
        if admitted is not None and self.location.admission is not None:
            self.location.admission.leave(*admitted)
