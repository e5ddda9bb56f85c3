"""A member is killed (``kill -9``): its users go on with the other one, and it comes back when it answers again."""

from __future__ import annotations

import http.client

import pytest
from websockets.exceptions import ConnectionClosed

from tests.harness.waiting import until

from .balancer import Balancer
from .browser import PATIENCE, bound_user
from .payload import numbered, sha256
from .tomcat import Members


def test_next_request_of_a_user_goes_to_the_other_member(own_balancer: Balancer, members: Members) -> None:
    """No error in between: the very next answer is a 200 of the other member, which binds the user to it."""
    with bound_user(own_balancer, "1") as user:
        assert user.get("/probe/counter.jsp").facts["visits"] == "1"
        members["1"].kill()
        answer = user.get("/probe/counter.jsp")
        assert answer.status == 200
        assert answer.facts["member"] == "2"
        assert "ROUTEID" in answer.cookies
        assert user.route == "2"
        for visits in ("2", "3", "4"):
            answer = user.get("/probe/counter.jsp")
            assert (answer.facts["member"], answer.facts["visits"]) == ("2", visits)
            assert "ROUTEID" not in answer.cookies


def test_upload_to_a_dead_member_reaches_the_other_one_whole(
    own_balancer: Balancer, members: Members
) -> None:
    """A connection that was refused has seen nothing of the body: even a POST of 3 MB goes on, byte-exact."""
    body = numbered(3_000_000)
    with bound_user(own_balancer, "2") as user:
        members["2"].kill()
        answer = user.request("POST", "/probe/upload.jsp", body)
    assert answer.status == 200
    assert answer.facts["member"] == "1"
    assert answer.facts["sha256"] == sha256(body)


def test_download_that_breaks_off_does_not_look_complete(own_balancer: Balancer, members: Members) -> None:
    """The member dies in the middle of a chunked answer: the client must be able to tell."""
    with bound_user(own_balancer, "1") as user:
        response = user.ask("GET", "/probe/big.jsp?bytes=200000000")
        assert response.read(1_000_000) == numbered(1_000_000)
        members["1"].kill()
        with pytest.raises((http.client.IncompleteRead, ConnectionError)):
            response.read()


@pytest.mark.apache_fails("the WebSocket ends without a close frame (1006)")
def test_websocket_ends_with_a_code_that_says_try_again(own_balancer: Balancer, members: Members) -> None:
    """1012 (service restart) or 1014 (bad gateway), at once; and a new WebSocket of this user works."""
    with bound_user(own_balancer, "1") as user:
        with user.websocket("/probe/socket.jsp") as client:
            client.send("member")
            assert client.recv(timeout=PATIENCE) == "1"
            members["1"].kill()
            with pytest.raises(ConnectionClosed) as closed:
                client.recv(timeout=10)
        assert closed.value.rcvd is not None, "no close frame"
        assert closed.value.rcvd.code in (1012, 1014)
        with user.websocket("/probe/socket.jsp") as client:
            client.send("member")
            assert client.recv(timeout=PATIENCE) == "2"
        assert user.route == "2"


@pytest.mark.apache_fails(
    "no health check in the guide's configuration: back after retry=60 s at the earliest"
)
def test_health_check_takes_a_dead_member_out_and_back_in(own_balancer: Balancer, members: Members) -> None:
    """Without any traffic: out when it is dead, in when it answers, and who moved meanwhile stays where he is."""
    with bound_user(own_balancer, "1") as user:
        until(lambda: own_balancer.states() == {"1": "up", "2": "up"}, "both members to be up")
        members["1"].kill()
        until(lambda: own_balancer.states()["1"] in ("down", "error"), "member 1 to be taken out")
        assert own_balancer.states()["2"] == "up"
        assert user.get("/probe/echo.jsp").facts["member"] == "2"
        members["1"].start()
        until(lambda: own_balancer.states()["1"] == "up", "member 1 to be taken back")
        bound_user(own_balancer, "1").close()
        assert user.get("/probe/echo.jsp").facts["member"] == "2"
