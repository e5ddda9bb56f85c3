"""Every WebSocket example of Tomcat works through the balancer, and stays on its user's member."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection

from tests.harness.waiting import until

from .balancer import Balancer
from .browser import PATIENCE, User, bound_user
from .tomcat import Members

ECHOES = ["echoProgrammatic", "echoAnnotation", "echoStreamAnnotation"]
LONG = "dashboard \N{GREEK SMALL LETTER ALPHA} " * 16000  # 208 kB of UTF-8


@pytest.fixture(params=ECHOES)
def echo(request: pytest.FixtureRequest, balancer: Balancer) -> Iterator[ClientConnection]:
    """A WebSocket to one of the echo examples."""
    with User(balancer.port) as user, user.websocket(f"/websocket/{request.param}") as client:
        yield client


def receive(client: ClientConnection) -> str:
    """The next message, which must be text."""
    message = client.recv(timeout=PATIENCE)
    assert isinstance(message, str)
    return message


def in_fragments(text: str) -> Iterator[str]:
    """``text`` in pieces of growing size."""
    at, size = 0, 1
    while at < len(text):
        yield text[at : at + size]
        at, size = at + size, size * 3


def test_echo_of_text_and_binary(echo: ClientConnection) -> None:
    """Short, empty and odd messages of both kinds come back as they were, in order."""
    messages: list[str | bytes] = ["hello", "", "\N{GREEK SMALL LETTER ALPHA}\0", b"", bytes(range(256))]
    for message in messages:
        echo.send(message)
    assert [echo.recv(timeout=PATIENCE) for _ in messages] == messages


def test_echo_of_a_long_message_in_fragments(echo: ClientConnection) -> None:
    """200 kB in a dozen fragments, text and binary; both arrive whole."""
    echo.send(in_fragments(LONG))
    assert echo.recv(timeout=PATIENCE) == LONG
    data = LONG.encode()
    echo.send([data[:1], data[1:70000], b"", data[70000:]])
    assert echo.recv(timeout=PATIENCE) == data


def test_ping_is_answered_with_its_own_payload(echo: ClientConnection) -> None:
    """A ping with a payload is answered, also between two messages."""
    echo.send("before")
    assert echo.ping(b"\x00payload").wait(PATIENCE)
    echo.send("after")
    assert [receive(echo), receive(echo)] == ["before", "after"]


def test_client_closes_with_its_own_code_and_reason(echo: ClientConnection) -> None:
    """Tomcat answers a close frame with the same code and reason, and they come back."""
    echo.close(4001, "tab closed")
    assert (echo.close_code, echo.close_reason) == (4001, "tab closed")


def test_compression_is_negotiated_and_changes_nothing(balancer: Balancer) -> None:
    """A browser always offers permessage-deflate; whatever was agreed on, the messages are the same."""
    with (
        User(balancer.port) as user,
        user.websocket("/websocket/echoProgrammatic", compression="deflate") as client,
    ):
        for message in (LONG, b"\0" * 70000, "short"):
            client.send(message)
            assert client.recv(timeout=PATIENCE) == message


def test_member_learns_the_clients_close_code_and_reason(balancer: Balancer, members: Members) -> None:
    """The application's onClose is told what the browser said."""
    key = uuid.uuid4().hex
    with bound_user(balancer, "2") as user, user.websocket(f"/probe/socket.jsp?key={key}") as client:
        client.close(3456, "going home")
    with User(members["2"].port) as direct:
        told = until(lambda: direct.get(f"/probe/socket.jsp?key={key}").facts["closed"], "the close")
    assert told == "3456 going home"


def test_client_learns_the_members_close_code_and_reason(balancer: Balancer) -> None:
    """A close that the application starts, with a code and a reason of its own."""
    with User(balancer.port) as user, user.websocket("/probe/socket.jsp") as client:
        client.send("close 4321 licence expired")
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(timeout=PATIENCE)
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4321, "licence expired")


def test_subprotocol_is_the_members_choice(balancer: Balancer) -> None:
    """Of the subprotocols that the client offers, in its order, the one the application takes is agreed on."""
    offered = ["unknown", "panopticon.v1", "panopticon.v2"]
    with User(balancer.port) as user, user.websocket("/probe/socket.jsp", subprotocols=offered) as client:
        assert client.subprotocol == "panopticon.v1"


def test_handshake_arrives_with_origin_cookies_and_host(balancer: Balancer) -> None:
    """The application sees the browser's Origin and cookies and the public Host, as a plain request would."""
    with bound_user(balancer, "1") as user:
        user.cookies["theme"] = "dark"
        with user.websocket("/probe/socket.jsp", origin="http://pano.example.com") as client:
            client.send("request Origin")
            assert receive(client) == "[http://pano.example.com]"
            client.send("request Cookie")
            assert "theme=dark" in receive(client)
            client.send("request Host")
            assert receive(client) == f"[127.0.0.1:{balancer.port}]"


@pytest.mark.apache_fails("no X-Forwarded-Proto at all")
def test_forwarded_protocol_of_a_websocket_is_http(balancer: Balancer) -> None:
    """Never ``ws``: frameworks compare it with the Origin's scheme."""
    with User(balancer.port) as user, user.websocket("/probe/socket.jsp") as client:
        client.send("request X-Forwarded-Proto")
        assert receive(client) == "[http]"


def test_websocket_goes_to_the_member_of_its_user(balancer: Balancer) -> None:
    """With the route cookie every WebSocket is answered by the member the cookie names."""
    for route in ("1", "2"):
        with bound_user(balancer, route) as user:
            for _ in range(3):
                with user.websocket("/probe/socket.jsp") as client:
                    client.send("member")
                    assert receive(client) == route
                    assert client.response is not None
                    assert "Set-Cookie" not in client.response.headers


@pytest.mark.apache_fails("the 101 carries no Set-Cookie, so a WebSocket that comes first binds nobody")
def test_first_contact_by_websocket_binds_the_user(balancer: Balancer) -> None:
    """A WebSocket without a cookie gets one with its 101, and the user's next request goes to the same member."""
    with User(balancer.port) as user:
        with user.websocket("/probe/socket.jsp") as client:
            client.send("member")
            assert receive(client) == user.route
        assert user.get("/probe/echo.jsp").facts["member"] == user.route


def test_chat_joins_users_of_one_member_and_only_those(balancer: Balancer) -> None:
    """Two users of member 1 see each other's words, the user of member 2 sees neither."""
    with ExitStack() as stack:
        chats = []
        for route in ("1", "1", "2"):
            user = stack.enter_context(bound_user(balancer, route))
            chats.append(stack.enter_context(user.websocket("/websocket/chat")))
            assert "has joined" in receive(chats[-1])
        one, other, elsewhere = chats
        assert "has joined" in receive(one)
        one.send("hello from one")
        assert receive(one).endswith(": hello from one")
        assert receive(other).endswith(": hello from one")
        elsewhere.send("hello from elsewhere")
        assert receive(elsewhere).endswith(": hello from elsewhere")
        other.send("hello from the other")
        assert receive(one).endswith(": hello from the other")


def test_snake_pushes_go_on_and_stay_on_their_member(balancer: Balancer) -> None:
    """A game on each member pushes ten times a second: 30 updates each, and each with its own snake alone."""
    with ExitStack() as stack:
        games = []
        for route in ("1", "2"):
            user = stack.enter_context(bound_user(balancer, route))
            games.append(stack.enter_context(user.websocket("/websocket/snake")))
        for game in games:
            while (joined := json.loads(receive(game)))["type"] != "join":
                pass
            (mine,) = joined["data"]
            for _ in range(30):
                update = json.loads(receive(game))
                assert update["type"] == "update"
                assert [snake["id"] for snake in update["data"]] == [mine["id"]]


def test_drawboard_sends_text_and_a_picture(balancer: Balancer) -> None:
    """The room's head count, the picture as one binary message, then strokes, those of another user as well."""
    with ExitStack() as stack:
        painter, viewer = (stack.enter_context(bound_user(balancer, "1")) for _ in range(2))
        mine = stack.enter_context(painter.websocket("/websocket/drawboard"))
        assert receive(mine) == "21"
        picture = mine.recv(timeout=PATIENCE)
        assert isinstance(picture, bytes)
        assert picture.startswith(b"\x89PNG")
        assert picture.endswith(b"IEND\xaeB`\x82")
        theirs = stack.enter_context(viewer.websocket("/websocket/drawboard"))
        assert receive(theirs) == "22"
        assert theirs.recv(timeout=PATIENCE) == picture
        assert receive(mine) == "3+"
        mine.send("117|1,0,0,0,255,4,10,20,30,40,1")
        assert receive(mine).startswith("117,1,0,0,0,255,4.0,10.0,20.0,")
        assert receive(theirs).startswith("10,1,0,0,0,255,4.0,10.0,20.0,")


@pytest.mark.parametrize(
    ("path", "status"), [("/websocket/nosuch", 404), ("/probe/error.jsp?status=403", 403)]
)
def test_refused_handshake_arrives_as_the_members_answer(balancer: Balancer, path: str, status: int) -> None:
    """An upgrade that the application refuses brings the application's own status and body."""
    with User(balancer.port) as user, pytest.raises(InvalidStatus) as refused, user.websocket(path):
        pass
    assert refused.value.response.status_code == status
    assert len(refused.value.response.body or b"") > 0
