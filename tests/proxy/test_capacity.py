"""Connections to a member: how many there may be, and which address they go to."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.harness.member import Member
from tests.harness.scripts import Stall, answer
from tests.harness.talk import Request, Talk
from tests.harness.waiting import until
from tests.proxy.lab import Lab, running


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One member that takes two connections, with little patience."""
    with running(
        tmp_path_factory.mktemp("narrow"),
        balancer='max_connections = 2\nqueue_timeout = "1s"\nkeepalive_idle = "1s"',
    ) as lab:
        yield lab


def slowly(talk: Talk, request: Request) -> None:
    """Answer with the target, but not at once."""
    time.sleep(0.05)
    answer(request.target.encode())(talk, request)


def test_max_connections(lab: Lab) -> None:
    """More requests than connections wait for their turn, and all are served."""
    lab.member.script = slowly
    clients = [lab.client() for _ in range(12)]
    for number, client in enumerate(clients):
        client.ask("GET", f"/app/{number}")
    for number, client in enumerate(clients):
        assert client.answer().body == b"/app/%d" % number
        client.close()
    assert lab.member.accepted == 2


def test_max_connections_of_a_member_that_closes(lab: Lab) -> None:
    """A place that becomes free because a connection ended is a place as well."""
    lab.member.script = answer(b"bye", "Connection: close")
    clients = [lab.client() for _ in range(8)]
    for client in clients:
        client.ask("GET", "/app/")
    for client in clients:
        assert client.answer().body == b"bye"
        client.close()


def test_max_connections_for_too_long(lab: Lab) -> None:
    """Who waits in vain gets a 503; who leaves the queue leaves no trace; the member is not blamed."""
    stall = lab.member.script = Stall()
    holders = [lab.client() for _ in range(2)]
    for client in holders:
        client.ask("GET", "/app/")
    until(lambda: len(lab.member.requests) == 2, "both connections to be in use")
    with lab.client() as leaver:
        leaver.ask("GET", "/app/")
        time.sleep(0.1)
    with lab.client() as client:
        got = client.post("/app/", b"x")
        assert got.status == 503
        assert got.one("Retry-After") is not None
        stall.release()
        for holder in holders:
            assert holder.answer().body == b"late"
            holder.close()
        assert client.get("/app/").status == 200
    assert len(lab.member.requests) == 3
    assert lab.states()["1"] | {"state": "up", "busy": 0} == lab.states()["1"]


def test_idle_connections_end(lab: Lab) -> None:
    """A connection is not kept beyond keepalive_idle, so that it is not the member that ends it under a request."""
    with lab.client() as client:
        assert client.get("/app/").status == 200
        until(lambda: all(not talk.open for talk in lab.member.talks), "the idle connection to end")
        assert client.get("/app/").status == 200
    assert lab.member.accepted == 2
    assert [request.kept for request in lab.member.requests] == [False, False]


def test_a_member_by_name(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A name with several addresses: all are tried before the member counts as unreachable."""
    with Member("named") as member, running(tmp_path_factory.mktemp("named")) as lab:
        text = lab.panolb.file.read_text().replace(
            f"http://127.0.0.1:{lab.member.port}", f"http://localhost:{member.port}"
        )
        lab.panolb.stop()
        lab.panolb.close()
        lab.panolb.file.write_text(text)
        lab.panolb.start()
        with lab.client() as client:
            for _ in range(3):
                assert client.get("/app/").body == b"named"


def test_out_of_descriptors_is_no_member_s_fault(tmp_path: Path) -> None:
    """Neither live traffic nor a check may take a member out because panolb itself has no descriptor left."""
    balancer = '[balancer.app.health]\nuri = "/app/"\ninterval = "200ms"\nfails = 1\n'
    with running(tmp_path, more=balancer) as lab, lab.client() as client:
        client.send(b"GET ")  # it is there, and the member has still to be connected to
        until(lambda: lab.status()["resources"]["clients"]["public"] == 1, "the client to be accepted")
        pid = lab.panolb.process.pid
        soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (8, hard))
        until(lambda: "out of file descriptors" in lab.panolb.log, "a check to find no descriptor")
        client.send(b"/app/ HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.answer().status == 503
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
        until(lambda: client.get("/app/").status == 200, "requests to be served again")
        assert lab.states()["1"]["state"] == "up"
        assert "member app/1: " not in lab.panolb.log


@pytest.fixture(scope="module")
def queued(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Two members that take one connection each, for which one request may wait."""
    with running(
        tmp_path_factory.mktemp("queued"),
        members=2,
        balancer='max_connections = 1\nqueue = 1\nqueue_timeout = "1s"',
    ) as lab:
        yield lab


def test_a_queue_that_is_full(queued: Lab) -> None:
    """A user of the member gets a 503, a new one the answer of another member; nobody is blamed."""
    queued.reset()
    stall = queued.members[0].script = Stall()
    with ExitStack() as stack:
        holder, waiter = (stack.enter_context(queued.client()) for _ in range(2))
        holder.ask("GET", "/app/", "Cookie: ROUTEID=.1")
        stall.wait()
        began = time.monotonic()
        waiter.ask("GET", "/app/", "Cookie: ROUTEID=.1")
        until(lambda: queued.status()["resources"]["exchanges_waiting"] == 1, "a request to wait")
        got = queued.get("/app/", "Cookie: ROUTEID=.1")
        assert (got.status, got.one("Retry-After")) == (503, "5")
        for _ in range(2):
            got = queued.get("/app/")
            assert (got.status, got.body) == (200, b"member 2")
        assert waiter.answer().status == 503
        assert time.monotonic() - began >= 1.0
        stall.release()
        assert holder.answer().body == b"late"
    assert {state["state"] for state in queued.states().values()} == {"up"}


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Two members that take one connection each, for which nobody waits long."""
    with running(
        tmp_path_factory.mktemp("two"), members=2, balancer='max_connections = 1\nacquire = "300ms"'
    ) as lab:
        yield lab


def test_acquire(two: Lab) -> None:
    """F29, other than Apache: who gets no connection in time goes to another member, and nobody is blamed."""
    two.reset()
    stalls = []
    with ExitStack() as stack:
        for member in two.members:
            stalls.append(Stall())
            member.script = stalls[-1]
        holder, mover = (stack.enter_context(two.client()) for _ in range(2))
        holder.ask("GET", "/app/", "Cookie: ROUTEID=.1")
        stalls[0].wait()
        mover.ask("POST", "/app/", "Cookie: ROUTEID=.1", body=b"abc")
        stalls[1].wait()
        with two.client() as third:
            assert third.get("/app/", "Cookie: ROUTEID=.1").status == 503
        for stall in stalls:
            stall.release()
        got = mover.answer("POST")
        assert (got.status, got.body) == (200, b"late")
        assert (got.one("Set-Cookie") or "").startswith("ROUTEID=.2")
        assert holder.answer().all("Set-Cookie") == []
    assert two.members[1].one().body == b"abc"
    assert {state["state"] for state in two.states().values()} == {"up"}


def test_no_reuse(tmp_path: Path) -> None:
    """M37: a connection per request, which the member is told; also with fewer connections than requests."""
    with running(tmp_path, balancer="reuse = false\nmax_connections = 2") as lab:
        lab.member.script = slowly
        clients = [lab.client() for _ in range(6)]
        for number, client in enumerate(clients):
            client.ask("GET", f"/app/{number}")
        for number, client in enumerate(clients):
            got = client.answer()
            assert (got.body, got.closes) == (b"/app/%d" % number, False)
            client.close()
        assert lab.member.accepted == 6
        assert {request.one("Connection") for request in lab.member.requests} == {"close"}
