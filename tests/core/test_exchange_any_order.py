"""Whatever happens to a request, in any order that connections allow: it ends once, and nothing is left behind."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from panolb.errors import BadRequest

from .building import ask
from .script import BOUND, HANDSHAKE, SWITCH, Order, Script

BODIES = st.sampled_from([(), (b"Content-Length: 6",), (b"Transfer-Encoding: chunked",), HANDSHAKE])
SPECS = st.dictionaries(
    st.sampled_from(["1", "2", "3"]),
    st.fixed_dictionaries({}, optional={"retry": st.just(0.0), "ignore_errors": st.booleans(), "hot_standby": st.booleans()}),
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
    },
)
METHODS = st.sampled_from([b"GET", b"HEAD", b"PUT", b"POST"])


class AnyOrder(RuleBasedStateMachine):
    """A client, and members with their connections, who may do whatever TCP and HTTP let them do."""

    @initialize(method=METHODS, body=BODIES, cookie=st.booleans(), specs=SPECS, changes=CHANGES)
    def begin(
        self,
        method: bytes,
        body: tuple[bytes, ...],
        cookie: bool,
        specs: dict[str, Any],
        changes: dict[str, Any],
    ) -> None:
        self.request = ask(
            *body, *([BOUND] if cookie else []), method=b"GET" if body == HANDSHAKE else method
        )
        self.script = Script(self.request, specs=specs, **changes)
        self.uploaded = b""  # what the client sent of its body
        self.complete = not self.request.has_body
        self.there = True  # whether the client's connection stands
        self.answer = ""  # how far the member's answer is: "", "interim", "switching", "body" or "bridge"
        self.seen = 0
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
        self.script.connected(reused=reused and not fresh)

    @precondition(lambda self: self.script.waiting)
    @rule()
    def refuse(self) -> None:
        self.script.refused()

    @precondition(lambda self: self.script.waiting)
    @rule()
    def no_capacity(self) -> None:
        self.script.connectors[self.script.waiting].waiting = False
        self.script.exchange.no_capacity()

    @precondition(lambda self: self.link_alive and self.answer in ("", "interim"))
    @rule()
    def interim(self) -> None:
        self.answer = "interim"
        self.script.head(103)

    @precondition(lambda self: self.link_alive and self.answer in ("", "interim"))
    @rule(status=st.sampled_from([200, 204, 503]))
    def head(self, status: int) -> None:
        self.answer = "body"
        self.script.head(status)

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
        self.script.exchange.bridge_closed(1, 2, "")

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

    @rule(seconds=st.sampled_from([1.0, 60.0]))
    def wait(self, seconds: float) -> None:
        self.script.now += seconds

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
        engaged = len(alive) + bool(self.script.waiting)
        expected = 0 if self.script.ends else 1
        assert engaged == expected
        assert sum(self.script.busy.values()) == expected

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
        """What has a body goes to one connection at most, and that gets it whole; the rest three times at most."""
        begun = [link for link in self.script.links if link.head]
        assert len(begun) <= (1 if self.request.has_body else 3)
        if self.request.has_body and begun and not self.script.ends:
            sent = begun[0].body
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
TestAnyOrder.settings = settings(max_examples=150, stateful_step_count=15, deadline=None)
