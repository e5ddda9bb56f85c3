"""Whatever happens to a request, in any order that connections allow: it ends once, and nothing is left behind."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from panolb.core.member import Admin
from panolb.core.pins import Pins
from panolb.errors import BadRequest

from .building import ask
from .script import BOUND, HANDSHAKE, SWITCH, Order, Script

BODIES = st.sampled_from([(), (b"Content-Length: 6",), (b"Transfer-Encoding: chunked",), HANDSHAKE])
SPECS = st.dictionaries(
    st.sampled_from(["1", "2", "3"]),
    st.fixed_dictionaries(
        {},
        optional={
            "retry": st.just(0.0),
            "ignore_errors": st.booleans(),
            "hot_standby": st.booleans(),
            "redirect": st.sampled_from([b"1", b"2", b"3"]),
            "acquire": st.just(0.5),
            "ping": st.just(1.0),
        },
    ),
    min_size=1,
)  # fmt: skip
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "nofailover": st.booleans(),
        "maxattempts": st.integers(0, 2),
        "failonstatus": st.just([200, 408, 502, 503]),
        "failontimeout": st.booleans(),
        "forcerecovery": st.booleans(),
        "wait": st.just(5.0),
    },
)
METHODS = st.sampled_from([b"GET", b"HEAD", b"PUT", b"POST"])


class AnyOrder(RuleBasedStateMachine):
    """A client, and members with their connections, who may do whatever TCP and HTTP let them do."""

    @initialize(
        method=METHODS,
        body=BODIES,
        cookie=st.booleans(),
        specs=SPECS,
        changes=CHANGES,
        disabled=st.booleans(),
    )
    def begin(
        self,
        method: bytes,
        body: tuple[bytes, ...],
        cookie: bool,
        specs: dict[str, Any],
        changes: dict[str, Any],
        disabled: bool,
    ) -> None:
        self.request = ask(
            *body, *([BOUND] if cookie else []), method=b"GET" if body == HANDSHAKE else method
        )
        self.script = Script(self.request, specs=specs, **changes)
        self.uploaded = b""  # what the client sent of its body
        self.complete = not self.request.has_body
        self.there = True  # whether the client's connection stands
        self.wanted = False  # the member has asked for the body
        self.answer = ""  # how far the member's answer is: "", "interim", "switching", "body" or "bridge"
        self.seen = 0
        if disabled:
            self.maintain(set(specs))
        self.script.start()

    # -- the client -------------------------------------------------------------------------------------------------

    @property
    def listening(self) -> bool:
        """Whether the client's connection still is this exchange's."""
        return self.there and self.script.client.whole is None and self.answer != "bridge"

    @precondition(lambda self: self.listening and not self.complete)
    @rule(data=st.binary(min_size=1, max_size=3))
    def upload(self, data: bytes) -> None:
        if self.request.length is not None:
            data = data[: self.request.length - len(self.uploaded)]
        self.uploaded += data
        self.script.exchange.request_data(data)
        if self.request.length == len(self.uploaded) and self.listening:
            self.end_upload()

    @precondition(lambda self: self.listening and not self.complete and self.request.chunked)
    @rule()
    def end_upload(self) -> None:
        self.complete = True
        self.script.exchange.request_end()

    @precondition(lambda self: self.listening)
    @rule()
    def leave(self) -> None:
        self.there = False
        self.script.exchange.client_lost()

    @precondition(lambda self: self.listening and not self.complete)
    @rule()
    def stall(self) -> None:
        self.script.exchange.client_timeout()

    @precondition(lambda self: self.listening and not self.complete)
    @rule()
    def break_rules(self) -> None:
        self.script.exchange.refuse(BadRequest(400, "The body of the request is not HTTP/1.1."))

    # -- the members ------------------------------------------------------------------------------------------------

    @property
    def link_alive(self) -> bool:
        return self.script.link is not None and self.script.link.alive

    @precondition(lambda self: self.script.waiting)
    @rule(reused=st.booleans())
    def connect(self, reused: bool) -> None:
        route = self.script.waiting
        fresh = [order for order in self.script.orders if order[1] == "connect"][-1] == (
            route,
            "connect",
            "fresh",
        )
        self.answer = ""
        self.wanted = False
        self.script.connected(reused=reused and not fresh)

    @precondition(lambda self: self.script.waiting)
    @rule()
    def refuse(self) -> None:
        self.script.refused()

    @precondition(lambda self: self.script.waiting)
    @rule()
    def no_capacity(self) -> None:
        self.script.short()

    @precondition(lambda self: self.script.waiting)
    @rule(term=st.sampled_from(["queue-full", "queue-timeout"]))
    def not_served(self, term: str) -> None:
        self.script.full(term)

    @precondition(lambda self: not self.script.ends)
    @rule()
    def something_of_ours_breaks(self) -> None:
        self.script.exchange.failed_here()

    @property
    def asked(self) -> bool:
        """Whether the member is asked whether it wants the body."""
        link = self.script.link
        return link is not None and b"\r\nExpect: " in link.head

    @precondition(lambda self: self.link_alive and self.answer in ("", "interim"))
    @rule(status=st.sampled_from([100, 102, 103]))
    def interim(self, status: int) -> None:
        self.answer = "interim"
        self.wanted = self.wanted or status == 100
        self.script.head(status)

    @precondition(lambda self: self.link_alive and self.answer in ("", "interim"))
    @rule(status=st.sampled_from([200, 204, 503]), keep=st.booleans())
    def head(self, status: int, keep: bool) -> None:
        self.answer = "body"
        self.wanted = self.wanted or keep
        self.script.head(status, *([] if keep else [b"Connection: close"]))

    @precondition(
        lambda self: self.link_alive and self.answer in ("", "interim") and self.script.exchange.upgrade
    )
    @rule(works=st.booleans())
    def switch(self, works: bool) -> None:
        assert self.script.link is not None
        self.answer = "bridge" if works else "switching"
        self.script.client.bridges = works
        self.script.head(101, *SWITCH)
        self.script.exchange.switched(self.script.link, b"early")

    @precondition(lambda self: self.link_alive and self.answer == "bridge")
    @rule()
    def end_bridge(self) -> None:
        assert self.script.link is not None
        self.script.link.alive = False
        self.script.end_tunnel(1, 2)

    @precondition(lambda self: self.link_alive and self.answer == "body")
    @rule()
    def data(self) -> None:
        self.script.exchange.response_data(b"xyz")

    @precondition(lambda self: self.link_alive and self.answer == "body")
    @rule()
    def end(self) -> None:
        assert self.script.link is not None
        self.script.link.alive = False  # it goes back to its pool, or is closed
        self.script.exchange.response_end()

    @precondition(lambda self: self.link_alive and self.answer != "bridge")
    @rule()
    def lose(self) -> None:
        assert self.script.link is not None
        if self.answer == "body":
            self.script.link.alive = False
            self.script.exchange.link_failed("the connection ended within its answer")
        else:
            self.script.lost(begun=self.answer != "")

    @precondition(lambda self: self.link_alive and self.answer != "bridge")
    @rule()
    def talk_nonsense(self) -> None:
        self.script.exchange.link_failed("its answer is not HTTP/1.1")

    @precondition(lambda self: self.link_alive and self.answer != "bridge")
    @rule()
    def take_too_long(self) -> None:
        self.script.exchange.link_timeout()

    @rule(seconds=st.sampled_from([0.1, 1.0, 60.0]))
    def wait(self, seconds: float) -> None:
        self.script.wait(seconds)

    @rule(disabled=st.sets(st.sampled_from(["1", "2", "3"])))
    def maintain(self, disabled: set[str]) -> None:
        """The operator takes members out and puts them back."""
        for route, member in self.script.members.items():
            admin = Admin.DISABLED if route in disabled else Admin.ACTIVE
            self.script.balancer.set_admin(member, admin, self.script.now)

    @rule(to=st.sampled_from(["1", "2", "3"]))
    def move(self, to: str) -> None:
        """The operator moves the session."""
        balancer = self.script.balancer
        if to in self.script.members:
            balancer.pins = balancer.pins or Pins(lambda request, peer: 1)
            balancer.pins.put(1, self.script.members[to], "192.0.2.7", self.script.now)

    # -- what always holds ------------------------------------------------------------------------------------------

    @invariant()
    def one_end(self) -> None:
        """It is over exactly when the client has its answer, or left, or its WebSocket has ended."""
        over = not self.there or self.script.client.whole is not None
        if self.answer == "bridge":
            over = not self.link_alive
        assert len(self.script.ends) == over

    @invariant()
    def nothing_is_left_behind(self) -> None:
        """At the end no member is busy, no connection is used or waited for; before it, exactly one is."""
        alive = [link for link in self.script.links if link.alive]
        pausing = sum(timer.alive for timer in self.script.timers)
        expected = 0 if self.script.ends else 1
        assert len(alive) + bool(self.script.waiting) + pausing == expected
        assert sum(self.script.busy.values()) == expected - pausing

    @invariant()
    def orders_make_sense(self) -> None:
        """One head at most, a body only behind it, no order to a connection that was cut, none after the end."""
        orders = self.script.orders[self.seen :]
        self.seen = len(self.script.orders)
        verbs = [order[1] for order in self.script.orders if order[0] == "client"]
        assert verbs.count("respond") <= 1
        assert verbs.count("finish") + verbs.count("abort") <= 1
        assert "send" not in verbs or "respond" in verbs[: verbs.index("send")]
        if "finish" in verbs or "abort" in verbs:
            assert set(verbs[-1:]) <= {"finish", "abort"}
        assert all(self._fits(order) for order in orders)

    def _fits(self, order: Order) -> bool:
        """Nothing is said to a client that has gone."""
        return order[0] != "client" or self.there or order[1] in ("detach", "flush")

    @invariant()
    def nothing_is_sent_twice(self) -> None:
        """A body goes to one connection at most, and that gets it whole; what has none goes to three at most."""
        begun = [link for link in self.script.links if link.head]
        if not self.request.has_body:
            assert len(begun) <= 3
            return
        assert sum(b"\r\nExpect: " not in link.head for link in begun) <= 1
        assert sum(bool(link.body) for link in begun) <= 1
        if begun and self.link_alive and not self.script.ends:
            sent = begun[-1].body
            if self.asked and not self.wanted:
                assert sent == b""
                return
            if self.request.chunked:
                assert sent.endswith(b"0\r\n\r\n") is self.complete
                sent = _joined(sent)
            assert sent == self.uploaded

    def teardown(self) -> None:
        """In the end everybody leaves."""
        if not hasattr(self, "script"):
            return
        if self.answer == "bridge":
            if self.link_alive:
                self.end_bridge()
        elif self.listening:
            self.leave()
        self.one_end()
        self.nothing_is_left_behind()


def _joined(chunks: bytes) -> bytes:
    """The data of a chunked body."""
    data = b""
    while chunks:
        size, _, chunks = chunks.partition(b"\r\n")
        length = int(size, 16)
        data, chunks = data + chunks[:length], chunks[length + 2 :]
    return data


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=150, stateful_step_count=15)
