"""A member is stopped in the ordinary way (SIGTERM), which takes Tomcat some seconds."""

from __future__ import annotations

import http.client
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from websockets.exceptions import ConnectionClosed

from tests.harness.waiting import until

from .balancer import Balancer
from .browser import PATIENCE, User, bound_user
from .tomcat import Members, Tomcat


@contextmanager
def long_request(member: Tomcat, seconds: float) -> Iterator[None]:
    """A request straight to the member that is in flight while the block runs: what a stopping Tomcat waits for.

    Without one Tomcat is gone within a tenth of a second; with one it first closes the door and then waits two seconds.
    """

    def ask() -> None:
        with User(member.port) as user:
            try:
                user.get(f"/probe/slow.jsp?seconds={seconds}")
            except (OSError, http.client.HTTPException):
                pass  # cut off by the stop

    def running() -> bool:
        with User(member.port) as user:
            return user.get("/probe/slow.jsp").facts["running"] != "0"

    with ThreadPoolExecutor(1) as pool:
        done: Future[None] = pool.submit(ask)
        until(running, "the long request to be in flight")
        yield
        done.result(timeout=PATIENCE)


@dataclass
class Flow:
    """The requests of some users, one after another for each, all users at the same time."""

    stop: threading.Event = field(default_factory=threading.Event)
    errors: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    served: dict[User, int] = field(default_factory=dict)
    moved: set[User] = field(default_factory=set)

    def run(self, user: User) -> None:
        """Ask until told to stop; every answer that is not a 200 is a refusal, and none at all an error."""
        began = user.route
        self.served[user] = 0
        while not self.stop.is_set():
            asked = time.monotonic()
            try:
                answer = user.get("/probe/counter.jsp")
                if answer.status != 200:
                    self._note(self.refusals, user, began, asked, f"{answer.status} {answer.body[:120]!r}")
            except (OSError, http.client.HTTPException) as error:
                self._note(self.errors, user, began, asked, repr(error))
                user.close()
            self.served[user] += 1
            if user.route != began:
                self.moved.add(user)
            time.sleep(0.005)

    def _note(self, where: list[str], user: User, began: str | None, asked: float, problem: str) -> None:
        taken = time.monotonic() - asked
        where.append(f"user of {began}, request {self.served[user]}, {taken:.2f} s: {problem}")

    def more(self, count: int) -> None:
        """Return when every user has had ``count`` more answers."""
        goals = {user: served + count for user, served in self.served.items()}
        until(lambda: all(self.served[user] >= goals[user] for user in goals), f"{count} more answers each")


def refused_by(members: Members) -> int:
    """How many of the users' requests Tomcats have answered with an error of their own.

    One that is just stopping may: its access log had a 400 of its own valves, once in some hundred stops.
    """
    asked = [line for one in members.values() for line in one.accesses() if "/probe/counter.jsp" in line]
    return sum(" 200 " not in line for line in asked)


@contextmanager
def flowing(users: list[User], members: Members) -> Iterator[Flow]:
    """All the users ask all the time while the block runs; afterwards none may have seen an error of the balancer's."""
    flow, before = Flow(), refused_by(members)
    with ThreadPoolExecutor(len(users)) as pool:
        ends = [pool.submit(flow.run, user) for user in users]
        try:
            until(lambda: len(flow.served) == len(users), "the users to begin")
            flow.more(20)
            yield flow
            flow.more(50)
        finally:
            flow.stop.set()
    for end in ends:
        end.result()
    for user in users:
        user.close()
    assert flow.errors == []
    assert len(flow.refusals) <= refused_by(members) - before, flow.refusals


def stop_busy(member: Tomcat) -> None:
    """SIGTERM while a request is in flight, so that the stop takes its two seconds; return when the process is gone."""
    with long_request(member, 30):
        member.signal(signal.SIGTERM)
        member.wait()


@pytest.mark.apache_fails("each of its users loses a request: the connection breaks off without an answer")
def test_stop_under_load_costs_no_get_an_error(own_balancer: Balancer, members: Members) -> None:
    """Three users of each member ask all the time, before, while and after one member stops: only 200s."""
    users = [bound_user(own_balancer, route) for route in ("1", "2") * 3]
    with flowing(users, members) as flow:
        stop_busy(members["1"])
    assert {user.route for user in users} == {"2"}
    assert flow.moved == set(users[0::2])


@pytest.mark.apache_fails("each of its users loses a request: the connection breaks off without an answer")
def test_rolling_restart_under_load_costs_no_get_an_error(own_balancer: Balancer, members: Members) -> None:
    """One member after the other is restarted, each once the balancer has the one before it back: only 200s.

    That includes the seconds of the start in which Tomcat's port accepts connections and does not answer.
    """
    with flowing([bound_user(own_balancer, route) for route in ("1", "2") * 2], members):
        for route in ("1", "2"):
            until(lambda: set(own_balancer.states().values()) == {"up"}, "both members to be up")
            stop_busy(members[route])
            members[route].start()


@pytest.mark.apache_fails("the kept connection breaks off without an answer", sometimes=True)
def test_stop_is_bridged_for_a_user_who_is_idle_meanwhile(own_balancer: Balancer, members: Members) -> None:
    """On connections that were kept since before: a 200 while the member stops, and one after it is gone."""
    with bound_user(own_balancer, "1") as user:
        with long_request(members["1"], 30):
            members["1"].signal(signal.SIGTERM)
            assert user.get("/probe/counter.jsp").status == 200
            members["1"].wait()
        answer = user.get("/probe/counter.jsp")
    assert (answer.status, answer.facts["member"]) == (200, "2")


def test_websocket_gets_tomcats_own_close(own_balancer: Balancer, members: Members) -> None:
    """Tomcat says 1001 and why; both arrive."""
    with bound_user(own_balancer, "1") as user, user.websocket("/websocket/echoAnnotation") as client:
        client.send("before")
        assert client.recv(timeout=PATIENCE) == "before"
        members["1"].signal(signal.SIGTERM)
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(timeout=PATIENCE)
        members["1"].wait()
    assert closed.value.rcvd is not None, "no close frame"
    assert closed.value.rcvd.code == 1001
    assert closed.value.rcvd.reason == "The web application is stopping"
