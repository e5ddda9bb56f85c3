"""One request and its response: which facts lead to which orders, from the request to the head of its answer."""

from __future__ import annotations

from typing import Any

import pytest

from panolb.core.headers import Peer
from panolb.core.member import Admin

from .building import ask
from .script import CHUNKED, LENGTH, METHODS, TO_1, TO_2, Script, bound, cookies, page_of, respond

# -- when all is well ---------------------------------------------------------------------------------------------------


def test_plain_exchange() -> None:
    """One request, one connection, one answer; nothing between them but the head that was rewritten."""
    script = Script(bound()).start()
    assert script.taken() == [("1", "connect", "any")]
    assert script.busy == {"1": 1, "2": 0}
    link = script.connected()
    assert link.head.startswith(b"GET /panopticon/ HTTP/1.1\r\nHost: dash.example\r\n")
    assert script.taken() == [("1", "begin", b"GET"), ("client", "attach", "1")]
    answer = script.head(200, b"Server: x", b"Content-Length: 4", b"Connection: keep-alive")
    assert answer.keep
    script.exchange.response_data(b"ab")
    script.exchange.response_data(b"cd")
    assert not script.ends
    script.exchange.response_end()
    assert script.taken() == [
        ("client", "respond", 200, b"Words", [b"Server: x"], 4, True),
        ("client", "send", b"ab"),
        ("client", "send", b"cd"),
        ("client", "finish"),
    ]
    assert script.ends == [(200, "", 4)]
    assert script.busy == {"1": 0, "2": 0}
    assert script.members["1"].elected == 1
    assert (script.exchange.attempts, script.exchange.ended) == (1, 1000.0)


@pytest.mark.parametrize(
    ("method", "status", "headers", "http11", "lines", "length"),
    [
        (b"GET", 200, [b"Content-Length: 4"], True, [], 4),
        (b"GET", 200, [b"Content-Length: 0"], True, [], 0),
        (b"GET", 200, [b"Transfer-Encoding: chunked"], True, [], None),
        (b"GET", 200, [], False, [], None),
        (b"GET", 204, [], True, [], -1),
        (b"GET", 204, [b"Content-Length: 0"], True, [], -1),
        (b"GET", 304, [], True, [], -1),
        (b"GET", 304, [b"Content-Length: 1234"], True, [b"Content-Length: 1234"], -1),
        (b"HEAD", 200, [b"Content-Length: 1234"], True, [b"Content-Length: 1234"], -1),
        (b"HEAD", 200, [b"Transfer-Encoding: chunked"], True, [], -1),
        (b"HEAD", 404, [], True, [], -1),
    ],
)
def test_framing_of_answers(
    method: bytes, status: int, headers: Any, http11: bool, lines: list[bytes], length: int | None
) -> None:
    """M25: HEAD, 204 and 304 have no body, but may say how long it would be (RFC 9110 section 8.6)."""
    script = Script(bound(method=method)).begun()
    script.head(status, *headers, http11=http11)
    script.exchange.response_end()
    assert respond(script)[4:6] == (lines, length)
    assert script.ends == [(status, "", 0)]


def test_interim_answers() -> None:
    """100, 102 and 103 pass to HTTP/1.1 clients, without a cookie, and are no answer yet."""
    script = Script(ask()).begun()
    script.head(103, b"Link: </x>; rel=preload")
    assert script.taken() == [("client", "interim", 103, b"Link: </x>; rel=preload")]
    script.head(200, b"Content-Length: 0")
    assert cookies(respond(script)) == [TO_1]
    old = Script(ask(version=b"1.0")).begun()
    old.head(103)
    assert old.taken() == []


@pytest.mark.parametrize(
    ("lines", "pieces", "sent"),
    [([LENGTH], [b"a", b"bc"], b"abc"), ([CHUNKED], [b"a", b"bc"], b"1\r\na\r\n2\r\nbc\r\n0\r\n\r\n")],
)
@pytest.mark.parametrize("early", [0, 1, 2, 3])
def test_body_before_and_after_the_connection(
    lines: list[bytes], pieces: list[bytes], sent: bytes, early: int
) -> None:
    """A body reaches the member whole and in order, however much of it was there before the connection."""
    script = Script(bound(*lines, method=b"POST")).start()
    facts = [*(lambda p=p: script.exchange.request_data(p) for p in pieces), script.exchange.request_end]
    for fact in facts[:early]:
        fact()
    holds = script.taken().count(("client", "hold"))
    assert bool(holds) is bool(early)
    link = script.connected()
    for fact in facts[early:]:
        fact()
    assert link.body == sent
    assert script.exchange.received == 3
    assert not script.exchange.sending


@pytest.mark.parametrize(
    ("lines", "cookie"),
    [
        ([], [TO_1]),
        ([b"Cookie: ROUTEID=.1"], []),
        ([b"Cookie: ROUTEID=.2"], []),
        ([b"Cookie: ROUTEID=.9"], [TO_1]),
        ([b"Cookie: ROUTEID=1"], [TO_1]),
    ],
)
@pytest.mark.parametrize("status", [200, 204, 302, 304, 404, 500, 503])
def test_route_cookie(lines: list[bytes], cookie: list[bytes], status: int) -> None:
    """A client learns its route with any final answer of a member, exactly when it did not know it."""
    script = Script(ask(*lines)).begun()
    script.head(status, b"Set-Cookie: ROUTEID=x")
    assert cookies(respond(script)) == [b"Set-Cookie: ROUTEID=x", *cookie]


def test_no_route_cookie() -> None:
    """Not without stickysession, not when it is switched off, and not of a member without a route."""
    without: list[dict[str, Any]] = [{"resolver": None}, {"cookie": None}, {"specs": {"": {}}}]
    for changes in without:
        script = Script(ask(), **changes).begun()
        script.head(200)
        assert cookies(respond(script)) == []


@pytest.mark.parametrize(
    ("peer", "lines", "secure"),
    [
        (Peer(b"192.0.2.7", False, True, b"lb"), [], True),
        (Peer(b"192.0.2.7", False, False, b"lb"), [b"X-Forwarded-Proto: https"], False),
        (Peer(b"192.0.2.7", True, False, b"lb"), [b"X-Forwarded-Proto: https"], True),
        (Peer(b"192.0.2.7", True, False, b"lb"), [b"X-Forwarded-Proto: WSS"], True),
        (Peer(b"192.0.2.7", True, True, b"lb"), [b"X-Forwarded-Proto: http"], False),
        (Peer(b"192.0.2.7", True, True, b"lb"), [], True),
    ],
)
def test_scheme_of_the_client(peer: Peer, lines: list[bytes], secure: bool) -> None:
    """Secure cookies and redirects follow the client's own connection, as a trusted proxy reports it."""
    script = Script(ask(*lines), peer=peer).begun()
    script.head(302, b"Location: http://localhost:8082/panopticon/x")
    answer = respond(script)
    scheme = b"https" if secure else b"http"
    assert b"Location: " + scheme + b"://dash.example/panopticon/x" in answer[4]
    assert cookies(answer) == [TO_1 + (b"; Secure" if secure else b"")]


def test_via_of_answers() -> None:
    """Via of an answer is passed on, and extended if wanted."""
    script = Script(bound(), place={"via": True}).begun()
    script.head(200, b"Via: 1.0 inner", http11=False)
    assert b"Via: 1.0 inner, 1.0 panolb" in respond(script)[4]


# -- before anything was sent: failover ---------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("lines", "sent"), [([LENGTH], b"abc"), ([CHUNKED], b"3\r\nabc\r\n0\r\n\r\n")])
def test_failover(method: bytes, lines: list[bytes], sent: bytes) -> None:
    """F1, F2: a refused connect costs nobody anything, whatever the method; the body stays whole; the user moves."""
    script = Script(bound(*lines, method=method)).start()
    script.exchange.request_data(b"abc")
    script.exchange.request_end()
    script.taken()
    script.refused()
    assert script.taken() == [("2", "connect", "any")]
    assert script.busy == {"1": 0, "2": 1}
    assert script.members["1"].state == "error"
    assert script.connected().body == sent
    script.taken()
    script.head(200, b"Content-Length: 0")
    script.exchange.response_end()
    assert cookies(respond(script)) == [TO_2]
    assert script.ends == [(200, "", 0)]
    assert script.busy == {"1": 0, "2": 0}
    assert script.exchange.attempts == 2


def test_nobody_can_be_connected_to() -> None:
    """F4: everybody was tried once, then 503 without a cookie, and both are in error."""
    script = Script(bound()).start()
    script.refused()
    script.refused()
    answer = page_of(script, 503, "no-member")
    assert cookies(answer) == []
    assert b"Retry-After: 5" in answer[4]
    assert [m.state for m in script.balancer.members] == ["error", "error"]


@pytest.mark.parametrize(
    ("changes", "attempts"),
    [({"maxattempts": 0}, 1), ({"maxattempts": 1}, 2), ({"nofailover": True}, 1), ({}, 3)],
)
def test_attempts(changes: dict[str, Any], attempts: int) -> None:
    """F9, F10: how many members are tried is maxattempts' and nofailover's to say."""
    script = Script(bound(), specs={"1": {}, "2": {}, "3": {}}, **changes).start()
    while script.waiting:
        script.refused()
    page_of(script, 503, "no-member")
    assert script.exchange.attempts == attempts


@pytest.mark.parametrize(
    ("flags", "state"), [({"retry": 0.0}, "up"), ({"ignore_errors": True}, "up"), ({}, "error")]
)
def test_failover_of_members_that_stay_usable(flags: dict[str, Any], state: str) -> None:
    """F7, F8, other than Apache: retry=0 and ignore_errors do not make a user's request stick to a dead member."""
    script = Script(bound(), specs={"1": flags, "2": {}}).start()
    script.refused()
    assert script.waiting == "2"
    assert script.members["1"].state == state


def test_nobody_there_from_the_beginning() -> None:
    """Without any candidate nothing is connected to."""
    script = Script(bound())
    for who in script.balancer.members:
        script.balancer.observe(who, False, "it said no", 1, 1, script.now)
    script.start()
    assert script.exchange.attempts == 0
    page_of(script, 503, "no-member")


@pytest.mark.parametrize("failonstatus", [[], [503]])
def test_no_capacity(failonstatus: list[int]) -> None:
    """Out of descriptors: 503 for this request, and the member stays in service."""
    script = Script(bound(), failonstatus=failonstatus).start()
    script.short()
    page_of(script, 503, "no-capacity")
    assert script.members["1"].state == "up"


# -- after something was sent: hardly ever again ------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_kept_connection_dies(method: bytes) -> None:
    """A kept connection may end just when it is used: what may be repeated is, once, on a new one; else 502."""
    script = Script(bound(method=method)).begun(reused=True)
    script.lost()
    if method not in (b"GET", b"HEAD", b"OPTIONS", b"PUT", b"DELETE"):
        page_of(script, 502, "member-broke")
        return
    assert script.taken() == [("client", "detach"), ("1", "connect", "fresh")]
    assert script.busy == {"1": 1, "2": 0}
    script.connected()
    script.head(204)
    assert cookies(respond(script)) == []
    assert script.members["1"].state == "up"


@pytest.mark.parametrize("method", METHODS)
def test_new_connection_dies(method: bytes) -> None:
    """F13: a member that takes a request and closes may have acted on it; only a safe one is asked of another."""
    script = Script(bound(method=method)).begun()
    script.lost()
    assert script.members["1"].state == "up"
    if method not in (b"GET", b"HEAD", b"OPTIONS"):
        page_of(script, 502, "member-broke")
        return
    assert script.taken() == [("client", "detach"), ("2", "connect", "any")]
    script.connected()
    script.taken()
    script.lost()
    assert cookies(page_of(script, 502, "member-broke")) == [TO_2]


@pytest.mark.parametrize("reused", [False, True])
@pytest.mark.parametrize("lines", [[LENGTH], [CHUNKED]])
@pytest.mark.parametrize("method", METHODS)
def test_a_body_is_never_sent_twice(method: bytes, lines: list[bytes], reused: bool) -> None:
    """What had a body is not repeated, not even when nothing of it came yet."""
    script = Script(bound(*lines, method=method)).begun(reused)
    script.lost()
    page_of(script, 502, "member-broke")
    assert script.exchange.attempts == 1


@pytest.mark.parametrize("reused", [False, True])
def test_nothing_is_repeated_after_a_byte(reused: bool) -> None:
    """One byte of an answer proves that the request arrived."""
    script = Script(bound()).begun(reused)
    script.lost(begun=True)
    page_of(script, 502, "member-broke")


def test_all_the_repetitions_there_are() -> None:
    """A kept connection, a new one, another member: after that it is over."""
    script = Script(bound(), specs={"1": {}, "2": {}, "3": {}}).begun(reused=True)
    script.lost()
    script.connected()
    script.lost()
    assert script.waiting in ("2", "3")
    script.connected()
    script.taken()
    script.lost()
    page_of(script, 502, "member-broke")
    assert script.exchange.attempts == 3


@pytest.mark.parametrize(
    ("others", "changes"),
    [
        ({}, {}),
        ({"2": {}}, {"nofailover": True}),
        ({"2": {"hot_spare": True, "lbset": 1}}, {}),
    ],
    ids=["alone", "nofailover", "nobody to stand in"],
)
def test_nobody_else_to_ask(others: dict[str, Any], changes: dict[str, Any]) -> None:
    """When no other member can take it, the client hears what happened to its request: 502, not 503."""
    script = Script(bound(), specs={"1": {}, **others}, **changes).begun()
    script.lost()
    page_of(script, 502, "member-broke")


def test_only_draining_members_left() -> None:
    """Likewise: a draining member takes nobody else's requests."""
    script = Script(bound(), specs={"1": {}, "2": {"admin": Admin.DRAIN}}).begun()
    script.lost()
    page_of(script, 502, "member-broke")
