"""How exchanges end otherwise than well, and how they become WebSockets."""

from __future__ import annotations

from html import escape
from typing import Any

import pytest

from panolb.core import answers
from panolb.errors import BadRequest, BadResponse

from .building import ask
from .script import BOUND, CHUNKED, HANDSHAKE, LENGTH, SWITCH, TO_1, Script, bound, cookies, page_of, respond

# -- answers that go wrong ----------------------------------------------------------------------------------------------


def test_loss_within_an_answer() -> None:
    """F18, F19: an answer that stops is cut, so that nobody takes it for whole."""
    script = Script(bound()).begun()
    script.head(200, b"Content-Length: 1000")
    script.exchange.response_data(b"x" * 100)
    script.taken()
    assert script.link is not None
    script.link.alive = False
    script.exchange.link_failed("the connection ended within its answer")
    assert script.taken()[-1] == ("client", "abort")
    assert script.client.whole is False
    assert script.ends == [(200, "member-broke", 100)]
    assert not any(script.busy.values())


@pytest.mark.parametrize("failontimeout", [False, True])
def test_no_answer_in_time(failontimeout: bool) -> None:
    """F16: 504, the connection is cut, the route cookie is kept up; failontimeout decides about the member."""
    script = Script(ask(), failontimeout=failontimeout).begun()
    script.exchange.link_timeout()
    assert cookies(page_of(script, 504, "member-timeout")) == [TO_1]
    assert script.members["1"].state == ("error" if failontimeout else "up")


def test_stall_within_an_answer() -> None:
    """F20: the answer is cut; failontimeout is about answers that never began."""
    script = Script(bound(), failontimeout=True).begun()
    script.head(200, b"Content-Length: 1000")
    script.exchange.link_timeout()
    assert script.client.whole is False
    assert script.ends == [(200, "member-timeout", 0)]
    assert script.members["1"].state == "up"


@pytest.mark.parametrize("bad", [[b"Content-Length: x"], [b"Transfer-Encoding: gzip"]])
def test_answer_that_cannot_be_passed_on(bad: Any) -> None:
    """F17: the link is told why, and the client gets a 502."""
    script = Script(bound()).begun()
    with pytest.raises(BadResponse) as caught:
        script.head(200, *bad)
    script.exchange.link_failed(caught.value.reason)
    page_of(script, 502, "member-broke")
    assert escape(caught.value.reason).encode() in script.client.body


@pytest.mark.parametrize(("status", "state"), [(503, "error"), (500, "up")])
def test_failonstatus(status: int, state: str) -> None:
    """F25, F26: the answer passes, and the member is in error if its status says so."""
    script = Script(bound(), failonstatus=[503]).begun()
    script.head(status, b"Content-Length: 0")
    script.exchange.response_end()
    assert script.ends == [(status, "", 0)]
    assert script.members["1"].state == state


def test_an_older_answer_does_not_end_an_error() -> None:
    """Only a request that was sent to a member in error says that it is well again."""
    script = Script(bound()).begun()
    (member,) = [one for one in script.balancer.members if one.busy]
    script.balancer.fault(member, 0.0, "another request could not connect")
    script.head(200)
    assert member.state == "error"


def test_failonstatus_of_a_broken_answer() -> None:
    """F27: 502 in failonstatus includes the 502 that we answer for a member."""
    script = Script(bound(method=b"POST"), failonstatus=[502]).begun()
    script.lost()
    assert script.ends[0][0] == 502
    assert script.members["1"].state == "error"


# -- the client's part --------------------------------------------------------------------------------------------------


def test_client_leaves_while_connecting() -> None:
    """Nobody waits for the connection any more, and nobody is blamed."""
    script = Script(bound()).start()
    script.taken()
    script.exchange.client_lost()
    assert script.taken() == [("1", "cancel")]
    assert script.ends == [(499, "client-left", 0)]
    assert script.busy == {"1": 0, "2": 0}


@pytest.mark.parametrize("answered", [False, True])
def test_client_leaves_later(answered: bool) -> None:
    """F37, other than Apache: the member's connection is cut at once, before or within the answer."""
    script = Script(bound(LENGTH, method=b"POST")).begun()
    script.exchange.request_data(b"a")
    if answered:
        script.head(200)
        script.exchange.response_data(b"abc")
    script.taken()
    script.exchange.client_lost()
    assert script.taken() == [("1", "abort")]
    assert script.ends == [(200 if answered else 499, "client-left", 3 * answered)]
    assert script.busy == {"1": 0, "2": 0}
    assert script.members["1"].state == "up"


def test_client_leaves_after_the_end() -> None:
    """Its connection may end any time later; that is nobody's news."""
    script = Script(bound()).begun()
    script.head(204)
    script.exchange.response_end()
    script.taken()
    script.exchange.client_lost()
    assert script.taken() == []
    assert len(script.ends) == 1


@pytest.mark.parametrize("connected", [False, True])
def test_client_stalls(connected: bool) -> None:
    """F38: 408 and no blame, whether the member is connected or not; what was waited for is not any more."""
    script = Script(bound(LENGTH, method=b"POST"), failonstatus=[408]).start()
    if connected:
        script.connected()
    script.exchange.client_timeout()
    answer = page_of(script, 408, "client-timeout")
    assert answer[6] is False
    assert (("1", "abort") if connected else ("1", "cancel")) in script.orders
    assert script.members["1"].state == "up"


@pytest.mark.parametrize("connected", [False, True])
def test_bad_body(connected: bool) -> None:
    """A broken or too large body: the client's 4xx, a cut for the member, who is not blamed."""
    script = Script(bound(CHUNKED, method=b"POST"), failonstatus=[413]).start()
    if connected:
        script.connected()
    script.exchange.refuse(BadRequest(413, "The body of the request is too large."))
    answer = page_of(script, 413, "bad-request")
    assert answer[6] is False
    assert cookies(answer) == []
    assert (("1", "abort") if connected else ("1", "cancel")) in script.orders
    assert script.members["1"].state == "up"


def test_bad_body_within_an_answer() -> None:
    """There can be no second head: the answer is cut."""
    script = Script(bound(CHUNKED, method=b"POST")).begun()
    script.head(200)
    script.exchange.refuse(BadRequest(400, "The body of the request is not HTTP/1.1."))
    assert script.client.whole is False
    assert script.ends == [(200, "bad-request", 0)]
    assert script.link is not None and not script.link.alive


def test_early_answer() -> None:
    """An answer before the end of the body is passed on, and the client's connection is not kept."""
    script = Script(bound(LENGTH, method=b"POST")).begun()
    script.head(413, b"Content-Length: 0")
    assert respond(script)[6] is False
    script.exchange.response_end()
    assert script.exchange.sending
    assert script.ends == [(413, "early-answer", 0)]
    script.taken()
    script.exchange.request_data(b"abc")
    script.exchange.request_end()
    assert script.taken() == []


def test_path_that_cannot_be_spelt() -> None:
    """A prefix in another spelling cannot be exchanged for the member's: 404, and no member is blamed for it."""
    request = ask(BOUND, target=b"//panopticon/x")
    script = Script(request, specs={"1": {"path": b"/in"}, "2": {}}, failonstatus=[404]).start()
    link = script.connected()
    page_of(script, 404, "bad-path")
    assert link.head == b""
    assert script.members["1"].state == "up"


@pytest.mark.parametrize("method", [b"GET", b"HEAD"])
def test_pages(method: bytes) -> None:
    """A page of ours is what the client wants to read, is not cached, and has no body for HEAD."""
    script = Script(bound(b"Accept: application/json", method=method)).begun()
    script.lost(begun=True)
    answer = respond(script)
    assert {b"Content-Type: application/json", b"Cache-Control: no-store"} <= set(answer[4])
    assert answer[3] == b"Bad Gateway"
    assert answer[6] is True
    if method == b"HEAD":
        assert answer[5] == -1
        assert script.client.body == b""
        assert any(line.startswith(b"Content-Length: ") for line in answer[4])
    else:
        assert script.exchange.request_id.encode() in script.client.body


def test_the_log_knows_how_long_a_page_was() -> None:
    """Whoever is told of the end finds all there is to know of the exchange, also when the answer was ours."""
    script = Script(bound()).begun()
    script.lost(begun=True)
    assert script.ends == [(502, "member-broke", len(script.client.body))]


# -- WebSockets ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("lines", "cookie"), [([], [TO_1]), ([BOUND], [])])
def test_switch(lines: list[bytes], cookie: list[bytes]) -> None:
    """W2, W3, other than Apache: a 101 carries the route cookie when the client did not know its route."""
    script = Script(ask(*HANDSHAKE, *lines)).start()
    assert script.taken() == [("1", "connect", "fresh")]
    link = script.connected()
    assert b"\r\nUpgrade: websocket\r\n" in link.head
    script.taken()
    script.head(101, *SWITCH, b"Set-Cookie: JSESSIONID=a; Path=/panopticon")
    assert script.taken() == []
    script.exchange.switched(link, b"early")
    ((_, verb, name, fields, early),) = script.taken()
    assert (verb, name, early) == ("switch", "1", b"early")
    assert [line for line in fields if line.startswith(b"Set-Cookie")] == [
        b"Set-Cookie: JSESSIONID=a; Path=/panopticon",
        *cookie,
    ]
    assert script.busy == {"1": 1, "2": 0}
    assert not script.ends
    script.end_tunnel(11, 22)
    assert script.ends == [(101, "closed-by-client", 22)]
    assert script.exchange.received == 11
    assert script.busy == {"1": 0, "2": 0}


def test_handshake_fails_over() -> None:
    """W4: so does the handshake of a user whose member is gone."""
    script = Script(ask(*HANDSHAKE, BOUND)).start()
    script.refused()
    assert script.taken()[-1] == ("2", "connect", "fresh")


def test_handshake_that_is_declined() -> None:
    """W7: an ordinary answer to a handshake is passed on like any other."""
    script = Script(ask(*HANDSHAKE)).begun()
    script.head(403, b"Content-Length: 0")
    script.exchange.response_end()
    assert cookies(respond(script)) == [TO_1]
    assert script.ends == [(403, "", 0)]


@pytest.mark.parametrize(
    ("lines", "place", "headers"),
    [
        ([], {}, SWITCH),
        (HANDSHAKE, {"websocket": None}, SWITCH),
        (HANDSHAKE, {}, SWITCH[:2]),
        (HANDSHAKE, {}, [*SWITCH[:2], b"Sec-WebSocket-Accept: wrong"]),
        (HANDSHAKE, {}, [SWITCH[0], b"Upgrade: foo", SWITCH[2]]),
        (HANDSHAKE, {}, SWITCH[1:]),
        (HANDSHAKE, {}, []),
    ],
    ids=["unasked", "switched off", "no accept", "wrong accept", "wrong token", "no Connection", "nothing"],
)
def test_wrong_switches(lines: tuple[bytes, ...], place: dict[str, Any], headers: Any) -> None:
    """W8, RFC 6455 section 4.1: a 101 that is no answer to what was asked is a 502."""
    script = Script(ask(*lines), place=place).begun()
    with pytest.raises(BadResponse) as caught:
        script.head(101, *headers)
    script.exchange.link_failed(caught.value.reason)
    page_of(script, 502, "member-broke")


def test_switch_that_does_not_work() -> None:
    """The bridge may still find fault with the member's 101; then nothing was sent, and it is a 502 like any other."""
    script = Script(ask(*HANDSHAKE)).begun()
    script.client.bridges = False
    script.head(101, *SWITCH)
    assert script.link is not None
    script.exchange.switched(script.link, b"")
    assert cookies(page_of(script, 502, "member-broke")) == [TO_1]


# -- when something of ours breaks --------------------------------------------------------------------------------------


def test_a_fault_of_ours_is_no_fault_of_the_member() -> None:
    """A 502 is a page of ours; the link cannot be trusted any more, and failonstatus is about members."""
    script = Script(bound(), failonstatus=[502]).begun()
    script.exchange.failed_here()
    page_of(script, 502, "internal-error")
    assert script.members["1"].state == "up"
    assert script.location.exchanges == 0


def test_a_fault_of_ours_within_an_answer() -> None:
    """Nobody may take what came for whole."""
    script = Script(bound()).begun()
    script.head(200, b"Content-Length: 1000")
    script.exchange.failed_here()
    assert script.client.whole is False
    assert script.ends == [(200, "internal-error", 0)]


def test_a_fault_in_the_making_of_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection is cut when there is nothing to say, once."""
    script = Script(bound()).begun()
    monkeypatch.setattr(answers, "own", lambda *_: 1 // 0)
    script.exchange.failed_here()
    script.exchange.failed_here()
    assert script.client.whole is False
    assert [end[1] for end in script.ends] == ["internal-error"]
    assert script.location.exchanges == 0


def test_a_fault_after_the_end_of_an_answer() -> None:
    """The client may be at its next request."""
    script = Script(bound()).begun()
    script.head(200, b"Content-Length: 0")
    script.exchange.response_end()
    script.exchange.failed_here()
    assert script.client.whole
    assert [end[1] for end in script.ends] == [""]


def test_exchanges_are_counted() -> None:
    """From the request to the end of the answer."""
    script = Script(bound())
    assert script.location.exchanges == 1
    script.begun()
    script.head(200, b"Content-Length: 0")
    script.exchange.response_end()
    assert script.location.exchanges == 0
