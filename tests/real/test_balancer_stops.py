"""The balancer itself is stopped (SIGTERM): what runs may finish, WebSockets are told, the exit code is 0."""

from __future__ import annotations

import http.client
import signal
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest
from websockets.exceptions import ConnectionClosed

from tests.harness.waiting import ADDRESS, until

from .balancer import Balancer
from .browser import PATIENCE, Answer, User, bound_user
from .tomcat import Members

apache_cuts_off = pytest.mark.apache_fails("SIGTERM cuts everything off; its graceful stop is SIGWINCH")


def running(members: Members, route: str) -> int:
    """How many slow requests the member has in flight."""
    with User(members[route].port) as direct:
        return int(direct.get("/probe/slow.jsp").facts["running"])


def refused(port: int) -> bool:
    """Whether nobody listens at ``port``."""
    try:
        socket.create_connection((ADDRESS, port), timeout=5).close()
    except ConnectionRefusedError:
        return True
    return False


@apache_cuts_off
def test_request_in_flight_finishes_and_the_exit_code_is_0(own_balancer: Balancer, members: Members) -> None:
    """The door closes at once, the request that takes 3 s is answered in full, then the process ends."""
    with bound_user(own_balancer, "1") as user, ThreadPoolExecutor(1) as pool:
        pending = pool.submit(user.get, "/probe/slow.jsp?seconds=3")
        until(lambda: running(members, "1") == 1, "the request to be in flight")
        own_balancer.signal(signal.SIGTERM)
        until(lambda: refused(own_balancer.port), "the listener to close")
        assert running(members, "1") == 1
        answer: Answer = pending.result(timeout=PATIENCE)
    assert answer.status == 200
    assert answer.facts == {"member": "1", "done": "true"}
    assert own_balancer.wait() == 0


@apache_cuts_off
def test_websockets_are_told_that_the_server_goes_away(own_balancer: Balancer, members: Members) -> None:
    """Close code 1012 (come back) to the browser, and the application learns of the end too."""
    with bound_user(own_balancer, "2") as user:
        with user.websocket("/probe/socket.jsp?key=stopping") as client:
            client.send("member")
            assert client.recv(timeout=PATIENCE) == "2"
            own_balancer.signal(signal.SIGTERM)
            with pytest.raises(ConnectionClosed) as closed:
                client.recv(timeout=PATIENCE)
        assert closed.value.rcvd is not None, "no close frame"
        assert closed.value.rcvd.code == 1012
    with User(members["2"].port) as direct:
        until(
            lambda: direct.get("/probe/socket.jsp?key=stopping").facts["closed"],
            "the member to see the close",
        )
    assert own_balancer.wait() == 0


def test_idle_balancer_ends_at_once(own_balancer: Balancer) -> None:
    """Kept connections without a request do not hold the stop up until the grace period (30 s) is over."""
    with bound_user(own_balancer, "1"):
        assert own_balancer.stop(seconds=10) == 0


@apache_cuts_off
def test_second_signal_does_not_wait_for_requests(own_balancer: Balancer, members: Members) -> None:
    """With a request of 20 s in flight the first SIGTERM waits, the second one ends the process."""
    with bound_user(own_balancer, "1") as user, ThreadPoolExecutor(1) as pool:
        pending = pool.submit(user.get, "/probe/slow.jsp?seconds=20")
        until(lambda: running(members, "1") == 1, "the request to be in flight")
        own_balancer.signal(signal.SIGTERM)
        until(lambda: refused(own_balancer.port), "the listener to close")
        assert own_balancer.alive
        own_balancer.signal(signal.SIGTERM)
        own_balancer.wait(seconds=10)
        with pytest.raises((OSError, http.client.HTTPException)):
            pending.result(timeout=PATIENCE)
