"""What happens until a request is with a member: waiting for one, asking it first, going on when it is full."""

from __future__ import annotations

from typing import Any

import pytest

from panolb.core.member import Admin
from panolb.core.request import Request

from .building import ask
from .script import BOUND, CHUNKED, HANDSHAKE, LENGTH, SWITCH, TO_2, Script, bound, cookies, page_of, respond

# -- wait: nobody can serve it now ---------------------------------------------------------------------------------------


def maintenance(script: Script, admin: Admin, *routes: str) -> None:
    """The operator takes members out, or puts them back."""
    for route in routes or tuple(script.members):
        script.balancer.set_admin(script.members[route], admin, script.now)


def all_disabled(*lines: bytes, method: bytes = b"GET", **changes: Any) -> Script:
    """A request of a user of member 1 that has come while everybody is disabled."""
    script = Script(bound(*lines, method=method), **{"wait": 2.0, **changes})
    maintenance(script, Admin.DISABLED)
    return script.start()


def test_wait_in_vain() -> None:
    """F31: 503 when the time is over, and not before."""
    script = all_disabled()
    script.wait(1.95)
    assert script.taken() == []
    assert script.pausing
    script.wait(0.1)
    page_of(script, 503, "no-member")
    assert script.exchange.attempts == 0


def test_no_wait() -> None:
    """Without it the 503 comes at once."""
    page_of(all_disabled(wait=0.0), 503, "no-member")
    page_of(all_disabled(later=None), 503, "no-member")


@pytest.mark.parametrize(("back", "served"), [("1", "1"), ("2", "2")])
@pytest.mark.parametrize("nofailover", [False, True])
def test_somebody_comes_back(back: str, served: str, nofailover: bool) -> None:
    """Who waits is served soon after somebody is there, by his own member or by another as at any time."""
    script = all_disabled(nofailover=nofailover)
    script.wait(0.5)
    maintenance(script, Admin.ACTIVE, back)
    script.wait(0.1)
    if nofailover and back != "1":
        assert script.pausing
        return
    assert script.taken() == [(served, "connect", "any")]
    script.connected()
    script.head(200, b"Content-Length: 0")
    script.exchange.response_end()
    assert script.ends == [(200, "", 0)]
    assert cookies(respond(script)) == ([] if back == "1" else [TO_2])
    assert not script.pausing


@pytest.mark.parametrize(("line", "sent"), [(LENGTH, b"abc"), (CHUNKED, b"3\r\nabc\r\n0\r\n\r\n")])
def test_the_body_waits_too(line: bytes, sent: bytes) -> None:
    """What came of it is kept, and no more is read."""
    script = all_disabled(line, method=b"POST")
    script.exchange.request_data(b"abc")
    assert script.taken() == [("client", "hold")]
    script.exchange.request_end()
    maintenance(script, Admin.ACTIVE)
    script.wait(0.1)
    assert script.connected().body == sent


@pytest.mark.parametrize("how", ["leaves", "stalls"])
def test_the_client_does_not_wait(how: str) -> None:
    """A client that goes ends it, and nothing is left that might go on later."""
    script = all_disabled(LENGTH, method=b"POST")
    script.wait(0.5)
    if how == "leaves":
        script.exchange.client_lost()
        assert script.ends == [(499, "client-left", 0)]
    else:
        script.exchange.client_timeout()
        page_of(script, 408, "client-timeout")
    assert not script.pausing
    assert script.exchange.attempts == 0


def test_wait_after_a_refused_connect() -> None:
    """Whoever was refused may be tried again, but only when his retry is over; nobody in error is forced meanwhile."""
    script = Script(bound(), specs={"1": {"retry": 1.0}, "2": {"admin": Admin.DISABLED}}, wait=3.0).start()
    script.refused()
    script.wait(0.9)
    assert script.pausing
    assert script.exchange.attempts == 1
    script.wait(0.2)
    assert script.waiting == "1"
    script.refused()
    script.wait(1.1)
    assert script.waiting == "1"
    assert script.connected().head


def test_who_never_gets_into_error_is_not_tried_again() -> None:
    """retry=0 and ignore_errors are no reason to knock at a closed door ten times a second."""
    for flags in ({"retry": 0.0}, {"ignore_errors": True}):
        script = Script(bound(), specs={"1": flags, "2": {"admin": Admin.DISABLED}}, wait=2.0).start()
        script.refused()
        script.wait(1.0)
        assert script.exchange.attempts == 1
        maintenance(script, Admin.ACTIVE, "2")
        script.wait(0.1)
        assert script.waiting == "2"


def test_patience_is_used_up_once() -> None:
    """A member that comes back and is gone again does not begin the time anew."""
    script = all_disabled()
    script.wait(1.0)
    maintenance(script, Admin.ACTIVE, "2")
    script.wait(0.1)
    script.refused()
    assert script.pausing
    script.wait(0.7)
    assert script.pausing
    script.wait(0.4)
    page_of(script, 503, "no-member")


def test_everybody_was_tried() -> None:
    """Nobody waits who has used up maxattempts: what is refused by all is answered at once."""
    script = Script(bound(), wait=2.0).start()
    script.refused()
    script.refused()
    page_of(script, 503, "no-member")


def test_handshakes_wait() -> None:
    """A WebSocket waits like any request."""
    script = Script(ask(*HANDSHAKE, BOUND), wait=2.0)
    maintenance(script, Admin.STOPPED)
    script.start()
    maintenance(script, Admin.ACTIVE)
    script.wait(0.1)
    assert script.taken() == [("1", "connect", "fresh")]


def test_wait_in_a_panic() -> None:
    """A member that was spared and tried in vain is not asked again and again, and serves when a check passes."""
    script = Script(bound(), wait=2.0, panic_threshold=0.5, maxattempts=3).start()
    while script.waiting:
        script.refused()
    assert script.pausing
    script.taken()
    script.wait(1.0)
    assert script.taken() == []
    script.balancer.observe(script.members["2"], True, "", 1, 1, script.now)
    script.wait(0.1)
    assert script.taken() == [("2", "connect", "any")]


# -- acquire: a member has no connection to spare ------------------------------------------------------------------------

ACQUIRE: dict[str, dict[str, Any]] = {"1": {"acquire": 0.5}, "2": {"acquire": 0.5}}


def test_acquire() -> None:
    """F29, other than Apache: the user moves for this request, and the member is busy, not broken."""
    script = Script(bound(LENGTH, method=b"POST"), specs=ACQUIRE).start()
    script.exchange.request_data(b"abc")
    script.exchange.request_end()
    script.full()
    assert script.members["1"].state == "up"
    assert script.busy == {"1": 0, "2": 1}
    assert script.connected().body == b"abc"
    script.head(200)
    assert cookies(respond(script)) == [TO_2]


@pytest.mark.parametrize(
    ("changes", "attempts"), [({}, 2), ({"maxattempts": 0}, 1), ({"nofailover": True}, 1), ({"wait": 5.0}, 2)]
)
def test_everybody_is_full(changes: dict[str, Any], attempts: int) -> None:
    """503 when there is nobody to go on to; and nobody waits any longer who has waited."""
    script = Script(bound(), specs=ACQUIRE, **changes).start()
    while script.waiting:
        script.full()
    page_of(script, 503, "queue-timeout")
    assert script.exchange.attempts == attempts
    assert {member.state for member in script.balancer.members} == {"up"}


# -- the queue of a member is full, or takes too long --------------------------------------------------------------------


@pytest.mark.parametrize("term", ["queue-full", "queue-timeout"])
def test_users_of_a_member_cannot_go_elsewhere(term: str) -> None:
    """Their sessions live there: 503, and the member is busy, not broken."""
    script = Script(bound()).start()
    script.full(term)
    page_of(script, 503, term)
    assert script.exchange.attempts == 1
    assert script.members["1"].state == "up"


@pytest.mark.parametrize("asked", [ask(), ask(b"Cookie: ROUTEID=.9")])
def test_new_users_can(asked: Request) -> None:
    """They go to a member that has room, and learn its route."""
    script = Script(asked).start()
    script.full("queue-full")
    assert script.busy == {"1": 0, "2": 1}
    script.connected()
    script.head(200)
    assert cookies(respond(script)) == [TO_2]


def test_new_users_find_no_room_anywhere() -> None:
    """The last refusal is what they are told."""
    script = Script(ask(), retry_budget=0.0).start()
    script.full("queue-full")
    script.full("queue-timeout")
    page_of(script, 503, "queue-timeout")
    assert {member.state for member in script.balancer.members} == {"up"}


# -- the retry budget ----------------------------------------------------------------------------------------------------


def spent(script: Script) -> Script:
    """Others have used up what could be tried again."""
    budget = script.balancer.budget
    assert budget is not None
    while budget.retry(script.now):
        pass
    return script


def test_no_other_member_without_a_budget() -> None:
    """Nothing was sent; the client is told to come again."""
    script = spent(Script(bound(), retry_budget=0.0)).start()
    script.refused()
    page_of(script, 503, "retry-budget")
    assert script.exchange.attempts == 1
    assert script.members["1"].state == "error"


@pytest.mark.parametrize("reused", [False, True])
def test_no_repetition_without_a_budget(reused: bool) -> None:
    """The request was sent once, and that is all."""
    script = spent(Script(bound(), retry_budget=0.0)).begun(reused)
    script.lost()
    page_of(script, 502, "member-broke")
    assert script.exchange.attempts == 1


def test_requests_pay_for_retries() -> None:
    """A share of them; each second try costs one."""
    script = spent(Script(bound(), retry_budget=0.2))
    budget = script.balancer.budget
    assert budget is not None
    for _ in range(4):
        budget.request(script.now)
    script.start()
    script.refused()
    assert script.waiting == "2"
    assert not budget.retry(script.now)


# -- ping: is the member there? ------------------------------------------------------------------------------------------

PING: dict[str, dict[str, Any]] = {"1": {"ping": 1.0}, "2": {"ping": 1.0}}
EXPECT = b"\r\nExpect: 100-continue\r\n"


def pinged(*lines: bytes, method: bytes = b"POST", **changes: Any) -> Script:
    """The head of a request is with member 1; the orders up to here are of no interest."""
    return Script(bound(*lines, method=method), specs=PING, **changes).begun()


@pytest.mark.parametrize(("line", "sent"), [(LENGTH, b"abc"), (CHUNKED, b"1\r\na\r\n2\r\nbc\r\n0\r\n\r\n")])
@pytest.mark.parametrize("early", [0, 1, 2, 3])
def test_the_member_is_there(line: bytes, sent: bytes, early: int) -> None:
    """The body is held until the member's 100, which is no business of the client's; then all is as ever."""
    script = Script(bound(line, method=b"POST"), specs=PING).start()
    link = script.connected()
    assert EXPECT in link.head
    assert script.taken()[1:] == [("1", "begin", b"POST"), ("1", "expect", 1.0)]
    exchange = script.exchange
    facts = [lambda: exchange.request_data(b"a"), lambda: exchange.request_data(b"bc"), exchange.request_end]
    for fact in facts[:early]:
        fact()
    assert link.body == b""
    assert set(script.taken()) <= {("client", "hold")}
    script.head(100)
    orders = script.taken()
    assert orders[:2] == [("client", "attach", "1"), ("1", "expect", 300.0)]
    assert ("client", "interim", 100) not in orders
    for fact in facts[early:]:
        fact()
    assert link.body == sent
    script.head(200, b"Content-Length: 0")
    script.exchange.response_end()
    assert script.ends == [(200, "", 0)]


def test_the_member_is_silent() -> None:
    """F32: the next member gets the request whole, and the silent one is in error."""
    script = pinged(LENGTH)
    script.exchange.request_data(b"abc")
    script.exchange.request_end()
    script.exchange.link_timeout()
    assert ("1", "abort") in script.taken()
    assert script.members["1"].state == "error"
    assert "100 Continue" in script.members["1"].health.reason
    assert script.busy == {"1": 0, "2": 1}
    link = script.connected()
    assert EXPECT in link.head
    script.head(100)
    assert link.body == b"abc"
    script.head(200)
    assert cookies(respond(script)) == [TO_2]


def test_everybody_is_silent() -> None:
    """Then 503: nobody got the request."""
    script = pinged(LENGTH)
    script.exchange.link_timeout()
    script.connected()
    script.taken()
    script.exchange.link_timeout()
    page_of(script, 503, "no-member")
    assert [link.body for link in script.links] == [b"", b""]


def test_silence_after_the_100() -> None:
    """From then on it is a response timeout like any other."""
    script = pinged(LENGTH)
    script.head(100)
    script.exchange.request_data(b"abc")
    script.exchange.request_end()
    script.exchange.link_timeout()
    page_of(script, 504, "member-timeout")
    assert script.members["1"].state == "up"


@pytest.mark.parametrize("lines", [(), (b"Content-Length: 0",), (LENGTH, b"Expect: 100-continue"), HANDSHAKE])
def test_who_is_not_asked_for(lines: tuple[bytes, ...]) -> None:
    """Requests without a body are sent as ever; a client that asks itself gets the member's own 100."""
    request = ask(*HANDSHAKE, BOUND) if lines == HANDSHAKE else bound(*lines, method=b"PUT")
    script = Script(request, specs=PING).begun()
    assert script.link is not None
    assert (EXPECT in script.link.head) is request.expects
    script.exchange.link_timeout()
    assert script.ends[0][:2] == (504, "member-timeout")


def test_a_client_that_asks_itself() -> None:
    """Its 100 comes from the member, and it may take its time."""
    script = pinged(LENGTH, b"Expect: 100-continue")
    script.head(100)
    assert script.taken() == [("client", "interim", 100)]


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("whole", [True, False])
def test_the_member_answers_instead(keep: bool, whole: bool) -> None:
    """A final answer is passed on; the body follows only on a connection that the member will go on reading."""
    script = pinged(LENGTH)
    script.exchange.request_data(b"abc" if whole else b"a")
    if whole:
        script.exchange.request_end()
    script.taken()
    script.head(413, b"Content-Length: 0", *([] if keep else [b"Connection: close"]))
    assert script.taken()[0] == ("client", "attach", "1")
    if not whole:
        script.exchange.request_data(b"bc")
        script.exchange.request_end()
    assert script.link is not None
    assert script.link.body == (b"abc" if keep else b"")
    script.exchange.response_end()
    assert [end[0] for end in script.ends] == [413]


def test_other_interim_answers() -> None:
    """They are the client's, and do not say that the body is wanted."""
    script = pinged(LENGTH)
    script.exchange.request_data(b"abc")
    script.taken()
    script.head(103, b"Link: </x>")
    assert script.taken() == [("client", "interim", 103, b"Link: </x>")]
    assert script.link is not None
    assert script.link.body == b""


@pytest.mark.parametrize("method", [b"POST", b"GET"])
def test_a_kept_connection_dies_while_it_is_asked(method: bytes) -> None:
    """Nothing of the body was sent, so that it may go to the same member once more, whatever the method."""
    script = Script(bound(LENGTH, method=method), specs=PING).begun(reused=True)
    script.exchange.request_data(b"abc")
    script.taken()
    script.lost()
    assert script.taken()[-1] == ("1", "connect", "fresh")
    link = script.connected()
    assert link.body == b""
    script.head(100)
    assert link.body == b"abc"
    assert script.members["1"].state == "up"


@pytest.mark.parametrize("method", [b"POST", b"PUT", b"GET"])
def test_a_new_connection_dies_while_it_is_asked(method: bytes) -> None:
    """It may have acted on what the head says: only what is safe is asked of another."""
    script = pinged(LENGTH, method=method)
    script.exchange.request_data(b"abc")
    script.taken()
    script.lost()
    if method == b"GET":
        assert script.taken()[-1] == ("2", "connect", "any")
    else:
        page_of(script, 502, "member-broke")


def test_a_kept_connection_dies_after_the_100() -> None:
    """Then the body has been sent, and is not sent again."""
    script = Script(bound(LENGTH, method=b"POST"), specs=PING).begun(reused=True)
    script.head(100)
    script.lost(begun=True)
    page_of(script, 502, "member-broke")


def test_the_client_leaves_while_the_member_is_asked() -> None:
    """Nobody is blamed, and nothing goes on."""
    script = pinged(LENGTH)
    script.exchange.client_lost()
    assert script.taken() == [("1", "abort")]
    assert script.ends == [(499, "client-left", 0)]
    assert script.busy == {"1": 0, "2": 0}


# -- one request per connection ------------------------------------------------------------------------------------------


def test_no_reuse() -> None:
    """M37: the member is told that the connection ends; a handshake's connection is not kept anyway."""
    specs: dict[str, dict[str, Any]] = {"1": {"reuse": False}, "2": {}}
    for request, told in (
        (bound(), True),
        (ask(b"Cookie: ROUTEID=.2"), False),
        (ask(*HANDSHAKE, BOUND), False),
    ):
        script = Script(request, specs=specs).begun()
        assert script.link is not None
        assert (b"\r\nConnection: close\r\n" in script.link.head) is told


# -- traffic -------------------------------------------------------------------------------------------------------------


def traffic(script: Script) -> tuple[int, int]:
    """Bytes to and from member 1."""
    return script.members["1"].traffic_out, script.members["1"].traffic_in


@pytest.mark.parametrize(
    ("line", "early"), [(LENGTH, True), (LENGTH, False), (CHUNKED, True), (CHUNKED, False)]
)
def test_traffic(line: bytes, early: bool) -> None:
    """As Apache counts: heads and bodies of requests, status lines and bodies of answers; no page of our own."""
    script = Script(bound(line, method=b"POST")).start()
    link = None if early else script.connected()
    script.exchange.request_data(b"abc")
    script.exchange.request_end()
    link = link or script.connected()
    assert traffic(script) == (len(link.head) + len(link.body), 0)
    script.head(200, b"Content-Length: 1000", b"Server: x")
    assert traffic(script)[1] == len(b"HTTP/1.1 200 Words")
    script.exchange.response_data(b"x" * 1000)
    script.exchange.response_end()
    assert traffic(script)[1] == len(b"HTTP/1.1 200 Words") + 1000


def test_traffic_of_a_page_of_ours() -> None:
    """It is nobody's traffic."""
    script = Script(bound()).begun()
    script.exchange.link_timeout()
    assert traffic(script)[1] == 0


def test_traffic_of_a_websocket() -> None:
    """L18, other than Apache: its bytes count, once it has ended."""
    script = Script(ask(*HANDSHAKE, BOUND)).begun()
    script.head(101, *SWITCH)
    assert script.link is not None
    script.exchange.switched(script.link, b"")
    before = traffic(script)
    script.end_tunnel(1000, 2000)
    assert traffic(script) == (before[0] + 1000, before[1] + 2000)
