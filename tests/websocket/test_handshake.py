"""The handshake: what of it reaches the member, what of the answer reaches the client, and what is refused."""

from __future__ import annotations

import json

import pytest
from websockets.sync.server import ServerConnection

from tests.harness.client import Client
from tests.websocket.lab import LANES, MESSAGES, Lab
from tests.websocket.peer import BINARY, TEXT, Frame, accept_for

HANDSHAKE = ("Connection: Upgrade", "Upgrade: websocket")
KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="


# -- to the member --------------------------------------------------------------------------------------------------


@LANES
def test_handshake_reaches_the_member_whole(lab: Lab) -> None:
    """Subprotocols, Origin, cookies, Host and the path with its query arrive; the way there is described in http."""
    browser = lab.browse()
    browser.upgrade(
        "/raw/a%2Fb;jsessionid=1?x=%20y",
        "Host: dash.example:10080",
        "Origin: https://dash.example",
        "Cookie: a=1; JSESSIONID=abc",
        "Sec-WebSocket-Protocol: v2.dash, v1.dash",
        "X-Forwarded-Proto: wss",
        "X-Forwarded-For: 192.0.2.1",
        "X-Own: kept",
    )
    visit = lab.raw.visit()
    request = visit.request
    assert request.line == "GET /raw/a%2Fb;jsessionid=1?x=%20y HTTP/1.1"
    assert request.one("Host") == "dash.example:10080"
    assert request.one("Origin") == "https://dash.example"
    assert request.one("Cookie") == "a=1; JSESSIONID=abc"
    assert request.one("Sec-WebSocket-Protocol") == "v2.dash, v1.dash"
    assert request.one("Sec-WebSocket-Version") == "13"
    assert (request.one("Upgrade"), request.one("Connection")) == ("websocket", "Upgrade")
    assert request.one("X-Forwarded-Proto") == "http"
    assert request.one("X-Forwarded-For") == "127.0.0.1"
    assert request.one("X-Forwarded-Host") == "dash.example:10080"
    assert request.one("X-Forwarded-Port") == "10080"
    assert request.one("X-Forwarded-Server")
    assert request.one("X-Own") == "kept"
    visit.switch("Sec-WebSocket-Protocol: v1.dash")
    browser.switched()
    assert browser.all("Sec-WebSocket-Protocol") == ["v1.dash"]


@LANES
def test_subprotocol_offered_in_several_fields(lab: Lab) -> None:
    """A list of subprotocols spread over fields is one list (RFC 9110 section 5.3), and the choice comes back."""
    browser = lab.browse()
    browser.upgrade("/raw", "Sec-WebSocket-Protocol: one", "Sec-WebSocket-Protocol: two")
    visit = lab.raw.visit()
    assert ", ".join(visit.request.all("Sec-WebSocket-Protocol")) == "one, two"
    visit.switch("Sec-WebSocket-Protocol: two")
    browser.switched()
    assert browser.all("Sec-WebSocket-Protocol") == ["two"]


@LANES
def test_subprotocol_offered_twice(lab: Lab) -> None:
    """What is wrong with a list of subprotocols is the member's business."""
    browser = lab.browse()
    browser.upgrade("/raw", "Sec-WebSocket-Protocol: one, two, one")
    lab.raw.visit().switch("Sec-WebSocket-Protocol: one")
    browser.switched()
    assert browser.all("Sec-WebSocket-Protocol") == ["one"]


@LANES
def test_member_that_chooses_no_subprotocol(lab: Lab) -> None:
    """No choice of the member is no choice for the client."""
    browser = lab.browse()
    browser.upgrade("/raw", "Sec-WebSocket-Protocol: one")
    lab.raw.visit().switch()
    browser.switched()
    assert browser.all("Sec-WebSocket-Protocol") == []


@MESSAGES
def test_extensions_that_we_do_not_speak_stay_here(lab: Lab) -> None:
    """In the lane of messages an unknown extension reaches neither the member nor the 101."""
    browser = lab.browse()
    browser.upgrade("/raw", "Sec-WebSocket-Extensions: x-unknown; a=1")
    visit = lab.raw.visit()
    assert "x-unknown" not in visit.request.head.decode()
    visit.switch()
    browser.switched()
    assert browser.all("Sec-WebSocket-Extensions") == []


@LANES
@pytest.mark.parametrize("names", ["Upgrade, keep-alive", "keep-alive, upgrade"])
def test_connection_with_several_options(lab: Lab, names: str) -> None:
    """Firefox sends ``Connection: keep-alive, Upgrade``; names of options know no case."""
    client = lab.browse().client
    client.ask(
        "GET", lab.at("/raw"), f"Connection: {names}", "Upgrade: WebSocket", KEY, "Sec-WebSocket-Version: 13"
    )
    lab.raw.visit().switch()
    head = client.socket.recv(4096)
    assert head.startswith(b"HTTP/1.1 101 "), head
    assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head  # the example of RFC 6455 section 1.3


# -- cookies ----------------------------------------------------------------------------------------------------


@LANES
def test_new_client_gets_its_route_with_the_101(lab: Lab) -> None:
    """Without a route the 101 carries one, beside all cookies of the member's own."""
    browser = lab.browse()
    browser.upgrade("/raw")
    lab.raw.visit().switch("Set-Cookie: a=1; Path=/", "Set-Cookie: b=2; HttpOnly", "X-Member: m")
    browser.switched()
    cookies = browser.all("Set-Cookie")
    assert cookies[:2] == ["a=1; Path=/", "b=2; HttpOnly"]
    assert [cookie.split(";")[0] for cookie in cookies[2:]] == ["ROUTEID=.r"]
    assert "HttpOnly" in cookies[2] and "SameSite=Lax" in cookies[2]
    assert browser.all("X-Member") == ["m"]


@LANES
def test_client_that_has_its_route_gets_no_cookie(lab: Lab) -> None:
    """The route has not changed: nothing is set."""
    pair = lab.open("/raw", "Cookie: ROUTEID=.r")
    assert pair.handshake.all("Set-Cookie") == []


@LANES
def test_unknown_route_is_replaced(lab: Lab) -> None:
    """A route that no member has any more gives way to one that exists."""
    pair = lab.open("/raw", "Cookie: ROUTEID=.nobody")
    assert [value.split(";")[0] for value in pair.handshake.all("Set-Cookie")] == ["ROUTEID=.r"]


@LANES
def test_handshake_moves_on_when_its_member_refuses_connections(lab: Lab) -> None:
    """The bound member is gone: another one takes the handshake, and the 101 says so in a new cookie."""
    pair = lab.open("/two", "Cookie: ROUTEID=.gone")
    assert [value.split(";")[0] for value in pair.handshake.all("Set-Cookie")] == ["ROUTEID=.r"]
    pair.browser.send(TEXT, b"still whole")
    assert pair.member.frame() == Frame(TEXT, b"still whole")
    assert lab.status()["two/gone"]["state"] == "error"


# -- first frames ---------------------------------------------------------------------------------------------------


@LANES
def test_frames_behind_the_clients_handshake(lab: Lab) -> None:
    """What a client sends in one segment with its handshake waits for the 101 and arrives in order."""
    early = Frame(TEXT, b"first").encode(mask=True) + Frame(BINARY, b"second").encode(mask=True)
    browser = lab.browse()
    browser.upgrade("/raw", behind=early)
    member = lab.raw.visit().switch()
    peer = browser.switched()
    assert member.frame() == Frame(TEXT, b"first")
    assert member.frame() == Frame(BINARY, b"second")
    peer.send(TEXT, b"third")
    assert member.frame() == Frame(TEXT, b"third")


@LANES
def test_frames_sent_while_the_member_thinks(lab: Lab) -> None:
    """Frames that come between handshake and 101 in segments of their own arrive, half a frame included."""
    browser = lab.browse()
    browser.upgrade("/raw")
    visit = lab.raw.visit()
    frame = Frame(TEXT, b"impatient").encode(mask=True)
    browser.client.send(frame + frame[:5])
    member = visit.switch()
    assert member.frame() == Frame(TEXT, b"impatient")
    browser.switched()
    browser.client.send(frame[5:])
    assert member.frame() == Frame(TEXT, b"impatient")


@LANES
def test_frames_behind_the_members_101(lab: Lab) -> None:
    """What a member sends in one segment with its 101 reaches the client."""
    browser = lab.browse()
    browser.upgrade("/raw")
    early = Frame(TEXT, b"welcome").encode(mask=False) + Frame(BINARY, b"\x00\xff").encode(mask=False)
    lab.raw.visit().switch(behind=early)
    peer = browser.switched()
    assert peer.frame() == Frame(TEXT, b"welcome")
    assert peer.frame() == Frame(BINARY, b"\x00\xff")


@LANES
def test_close_behind_the_members_101(lab: Lab) -> None:
    """A member that accepts and says goodbye in one segment: the client sees both."""
    browser = lab.browse()
    browser.upgrade("/raw")
    goodbye = Frame(8, b"\x03\xf0not you").encode(mask=False)
    lab.raw.visit().switch(behind=goodbye)
    assert browser.switched().closed() == (1008, "not you")


# -- beside other requests ------------------------------------------------------------------------------------------


@LANES
def test_handshake_on_a_connection_that_twisted_web_had(lab: Lab) -> None:
    """A request to nowhere is twisted.web's; a handshake behind it on the same connection is ours again."""
    browser = lab.browse()
    assert browser.client.get("/nothing/here").status == 404
    browser.upgrade("/raw")
    member = lab.raw.visit().switch()
    peer = browser.switched()
    peer.send(TEXT, b"there")
    assert member.frame() == Frame(TEXT, b"there")
    member.send(TEXT, b"and back")
    assert peer.frame() == Frame(TEXT, b"and back")


@LANES
def test_handshake_pipelined_behind_a_request(lab: Lab) -> None:
    """A handshake that comes before the answer to the request in front of it waits for its turn."""
    browser = lab.browse()
    browser.client.ask("GET", lab.at("/raw"), "Cookie: ROUTEID=.r")
    browser.upgrade("/raw", behind=Frame(TEXT, b"early").encode(mask=True))
    visit = lab.raw.visit()
    visit.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    assert browser.client.answer().body == b"ok"
    member = lab.raw.visit().switch()
    browser.switched()
    assert member.frame() == Frame(TEXT, b"early")


# -- the member's refusals ------------------------------------------------------------------------------------------


@LANES
@pytest.mark.parametrize("status", ["403 Forbidden", "404 Not Found", "426 Upgrade Required", "503 Busy"])
def test_refusal_of_the_member_is_an_ordinary_answer(lab: Lab, status: str) -> None:
    """The client gets the member's status, headers and body, and can use its connection for another request."""
    browser = lab.browse()
    browser.upgrade("/raw", "Cookie: ROUTEID=.r")
    visit = lab.raw.visit()
    visit.send(f"HTTP/1.1 {status}\r\nSec-WebSocket-Version: 13, 8\r\nContent-Length: 5\r\n\r\nno, 5")
    answer = browser.client.answer()
    assert f"{answer.status} {answer.reason}" == status
    assert answer.body == b"no, 5"
    assert answer.one("Sec-WebSocket-Version") == "13, 8"
    assert not answer.closes
    browser.client.ask("GET", lab.at("/raw/next"), "Cookie: ROUTEID=.r")
    visit.socket.settimeout(5)
    head = visit.socket.recv(4096)
    assert head.startswith(b"GET /raw/next HTTP/1.1\r\n")
    visit.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    assert browser.client.answer().body == b"ok"


@LANES
def test_refused_client_may_try_again_on_its_connection(lab: Lab) -> None:
    """After a 401 the same connection carries a second handshake, and that one succeeds."""
    browser = lab.browse()
    browser.upgrade("/raw")
    lab.raw.visit().send("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    assert browser.client.answer().status == 401
    browser.upgrade("/raw", "Authorization: Basic eDp5")
    visit = lab.raw.visit()
    assert visit.request.one("Authorization") == "Basic eDp5"
    member = visit.switch()
    browser.switched().send(TEXT, b"in")
    assert member.frame() == Frame(TEXT, b"in")


@LANES
def test_refusal_in_chunks_and_200_are_answers_too(lab: Lab) -> None:
    """A member that knows no WebSocket answers 200 with a page: the client sees the page."""
    browser = lab.browse()
    browser.upgrade("/raw")
    lab.raw.visit().send(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\npage,\r\n4\r\n two\r\n0\r\n\r\n"
    )
    answer = browser.client.answer()
    assert (answer.status, answer.body) == (200, b"page, two")


# -- answers that are no answers --------------------------------------------------------------------------------


@LANES
def test_wrong_accept_is_a_502(lab: Lab) -> None:
    """A 101 that answers another key switches nothing."""
    browser = lab.browse()
    browser.upgrade("/raw")
    visit = lab.raw.visit()
    visit.switch(accept="AAAAAAAAAAAAAAAAAAAAAAAAAAA=")
    assert browser.client.answer().status == 502
    assert visit.ended()


@LANES
@pytest.mark.parametrize(
    "fields",
    [
        "Upgrade: h2c\r\nConnection: Upgrade\r\n",
        "Upgrade: websocket\r\n",
        "Connection: Upgrade\r\n",
        "Upgrade: websocket\r\nConnection: close\r\n",
    ],
)
def test_101_to_something_else_is_a_502(lab: Lab, fields: str) -> None:
    """A 101 must name the protocol and the option; half of that is not passed on."""
    browser = lab.browse()
    browser.upgrade("/raw")
    visit = lab.raw.visit()
    accept = accept_for(visit.request.one("Sec-WebSocket-Key") or "")
    visit.send(f"HTTP/1.1 101 Switching Protocols\r\n{fields}Sec-WebSocket-Accept: {accept}\r\n\r\n")
    answer = browser.client.answer()
    assert answer.status == 502
    assert visit.ended()


@LANES
@pytest.mark.parametrize("name", ["Sec-WebSocket-Accept", "Sec-WebSocket-Protocol"])
def test_field_that_is_said_twice_is_a_502(lab: Lab, name: str) -> None:
    """RFC 6455 sections 11.3.3 and 11.3.4: once; a browser would fail the connection, and nobody would know why."""
    browser = lab.browse()
    browser.upgrade("/raw", "Sec-WebSocket-Protocol: one")
    visit = lab.raw.visit()
    accept = accept_for(visit.request.one("Sec-WebSocket-Key") or "")
    again = f"Sec-WebSocket-Accept: {accept}" if name.endswith("Accept") else "Sec-WebSocket-Protocol: one"
    visit.switch("Sec-WebSocket-Protocol: one", again)
    assert browser.client.answer().status == 502
    assert visit.ended()


@LANES
@pytest.mark.parametrize("protocol", ["other", "one, two", ""])
def test_subprotocol_that_nobody_offered_is_a_502(lab: Lab, protocol: str) -> None:
    """RFC 6455 section 4.1: a client must fail a connection whose subprotocol it did not offer; so we never do so."""
    browser = lab.browse()
    browser.upgrade("/raw", "Sec-WebSocket-Protocol: one, two")
    lab.raw.visit().switch(f"Sec-WebSocket-Protocol: {protocol}")
    assert browser.client.answer().status == 502


@LANES
def test_extension_that_nobody_offered_is_a_502(lab: Lab) -> None:
    """A member that compresses without being asked cannot be understood."""
    browser = lab.browse()
    browser.upgrade("/raw")
    lab.raw.visit().switch("Sec-WebSocket-Extensions: permessage-deflate")
    assert browser.client.answer().status == 502


@LANES
def test_member_that_dies_within_the_handshake_is_a_502(lab: Lab) -> None:
    """Half a 101 and a reset: the client gets an answer, not silence."""
    browser = lab.browse()
    browser.upgrade("/raw")
    visit = lab.raw.visit()
    visit.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: webso")
    visit.socket.close()
    answer = browser.client.answer()
    assert answer.status == 502


# -- bad handshakes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["", "Sec-WebSocket-Key: short", "Sec-WebSocket-Key: " + "A" * 24])
def test_bad_key_is_a_400(lab: Lab, key: str) -> None:
    """Without a key of 16 bytes it is no handshake (RFC 6455 section 4.2.1)."""
    with Client(lab.port) as client:
        client.ask("GET", "/raw", *HANDSHAKE, "Sec-WebSocket-Version: 13", *filter(None, [key]))
        answer = client.answer()
    assert answer.status == 400
    assert b"Sec-WebSocket-Key" in answer.body


@pytest.mark.parametrize("version", ["8", "14", "13, 8", ""])
def test_other_versions_are_told_which_one(lab: Lab, version: str) -> None:
    """426 with Sec-WebSocket-Version: 13 (RFC 6455 section 4.4)."""
    with Client(lab.port) as client:
        fields = [f"Sec-WebSocket-Version: {version}"] if version else []
        client.ask("GET", "/raw", *HANDSHAKE, KEY, *fields)
        answer = client.answer()
    assert answer.status == 426
    assert answer.one("Sec-WebSocket-Version") == "13"
    assert answer.one("Upgrade") == "websocket"  # RFC 9110 section 15.5.22: a 426 must carry one


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_upgrade_to_h2c_is_ignored(lab: Lab, method: str) -> None:
    """Another protocol is not ours to switch to: the request goes on without Upgrade, with its body."""
    client = lab.browse().client
    body = b"" if method == "GET" else b"the body"
    fields = (
        "Connection: Upgrade, HTTP2-Settings",
        "Upgrade: h2c",
        "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
    )
    client.ask(method, "/raw", *fields, "Cookie: ROUTEID=.r", body=body)
    visit = lab.raw.visit()
    head = visit.request.head.decode().lower()
    assert "upgrade" not in head and "http2-settings" not in head
    rest = visit.rest
    while len(rest) < len(body):
        rest += visit.socket.recv(100)
    assert rest == body
    visit.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nplain")
    assert client.answer(method).body == b"plain"
    client.ask("GET", "/raw", "Cookie: ROUTEID=.r")
    assert visit.socket.recv(4096).startswith(b"GET /raw ")
    visit.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nagain")
    assert client.answer().body == b"again"


def test_upgrade_to_h2c_with_a_chunked_body_is_ignored(lab: Lab) -> None:
    """The same with a body in chunks, which the parser must not take for the other protocol."""
    client = lab.browse().client
    client.ask("POST", "/raw", "Connection: Upgrade", "Upgrade: h2c", "Transfer-Encoding: chunked")
    client.send("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
    visit = lab.raw.visit()
    assert visit.request.chunked
    rest = visit.rest
    while b"0\r\n\r\n" not in rest:
        rest += visit.socket.recv(100)
    assert b"abc" in rest and b"de" in rest
    visit.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nplain")
    assert client.answer("POST").body == b"plain"


def test_websocket_with_a_body_is_refused(lab: Lab) -> None:
    """A handshake has no body: whose bytes those are is not clear."""
    with Client(lab.port) as client:
        client.ask(
            "GET", "/raw", *HANDSHAKE, KEY, "Sec-WebSocket-Version: 13", body=b"GET / HTTP/1.1\r\n\r\n"
        )
        assert client.answer().status == 400


def test_post_is_no_handshake(lab: Lab) -> None:
    """Only a GET can be a handshake; a POST with its fields is a POST."""
    client = lab.browse().client
    client.ask("POST", "/raw", *HANDSHAKE, KEY, "Sec-WebSocket-Version: 13", body=b"x=1")
    visit = lab.raw.visit()
    assert visit.request.line == "POST /raw HTTP/1.1"
    assert "upgrade" not in visit.request.head.decode().lower()
    visit.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    assert client.answer("POST").status == 200


def test_http10_is_no_handshake(lab: Lab) -> None:
    """HTTP/1.0 knows no Upgrade."""
    client = lab.browse().client
    client.ask("GET", "/raw", "Host: x", *HANDSHAKE, KEY, "Sec-WebSocket-Version: 13", version="1.0")
    visit = lab.raw.visit()
    assert visit.request.one("Upgrade") is None
    visit.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    assert client.answer().status == 200


def test_location_without_websockets_ignores_the_upgrade(lab: Lab) -> None:
    """``websocket = false``: the member sees an ordinary GET, the client its ordinary answer."""
    browser = lab.browse()
    browser.upgrade("/off/x", "Cookie: ROUTEID=.r")
    visit = lab.raw.visit()
    assert visit.request.line == "GET /raw/x HTTP/1.1"
    assert "upgrade" not in visit.request.head.decode().lower()
    visit.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nplain")
    assert browser.client.answer().body == b"plain"
    browser.client.ask("GET", "/off/x", "Cookie: ROUTEID=.r")
    assert visit.socket.recv(4096).startswith(b"GET /raw/x ")
    visit.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nagain")
    assert browser.client.answer().body == b"again"


# -- real libraries -------------------------------------------------------------------------------------------------


@LANES
def test_library_on_both_ends(lab: Lab) -> None:
    """The same through a real client and a real server: headers, subprotocol, and an echo."""

    def tell(connection: ServerConnection) -> None:
        assert connection.request is not None
        connection.send(json.dumps(dict(connection.request.headers.raw_items())))

    lab.plain.conversation = tell
    with lab.dial("/plain", origin="http://dash.example", additional_headers={"Cookie": "s=1"}) as client:
        seen = json.loads(client.recv(timeout=10))
    assert seen["Origin"] == "http://dash.example"
    assert seen["Cookie"] == "s=1"
    assert seen["Host"] == f"127.0.0.1:{lab.port}"
    assert seen["X-Forwarded-Proto"] == "http"
