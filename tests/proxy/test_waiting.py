"""Requests that wait for a member, and members that are asked before they get a body."""

from __future__ import annotations

import select
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.scripts import answer, when_kept
from tests.harness.talk import Request, Talk
from tests.harness.waiting import PATIENCE, until
from tests.proxy.lab import BODY, Lab, ask, running

BODIES = ["POST length", "PUT chunked"]

# -- wait ----------------------------------------------------------------------------------------------------------------

WAITING = """
[balancer.app.health]
uri = "/health"
interval = "100ms"
interval_changing = "100ms"
fails = 1

[balancer.nobody]
wait = "300ms"

[[balancer.nobody.member]]
url = "http://127.0.0.1:1/"
status = "disabled"

[[location]]
path = "/nobody"
balancer = "nobody"

[access_log]
path = "{log}"
format = "common"
"""


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its access log."""
    return tmp_path_factory.mktemp("log") / "access.log"


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory, log: Path) -> Iterator[Lab]:
    """One member with checks, for which requests wait as long as it takes."""
    with running(
        tmp_path_factory.mktemp("patient"),
        balancer=f'wait = "{PATIENCE:g}s"\nforcerecovery = false',
        more=WAITING.format(log=log),
    ) as lab:
        yield lab


@pytest.fixture
def down(patient: Lab) -> Lab:
    """Its member has been taken out by its checks."""
    patient.reset()
    patient.member.refuse()
    until(lambda: patient.states()["1"]["state"] == "down", "the member to be down")
    return patient


def echo_or_pass(talk: Talk, request: Request) -> None:
    """Pass checks, and answer with the request's own body."""
    answer(talk.read_body(request))(talk, request)


def logged(log: Path, what: str) -> str:
    """The first line of the access log that has these words; waits for it."""

    def find() -> str:
        return next((line for line in log.read_text().splitlines() if what in line), "")

    return until(find, f"{what} in the access log")


@pytest.mark.parametrize("kind", ["GET", "POST"])
def test_a_member_comes_back(down: Lab, kind: str) -> None:
    """The request that has waited is served whole, as if nothing had been."""
    with down.client() as client:
        length = [f"Content-Length: {len(BODY)}"] if kind == "POST" else []
        client.ask(kind, "/app/x", "Cookie: ROUTEID=.1", *length)
        if length:
            client.send(BODY[:1000])
        time.sleep(0.3)  # so that it has looked in vain
        down.member.script = echo_or_pass
        down.member.listen()
        if length:
            client.send(BODY[1000:])
        assert client.answer(kind).body == (BODY if length else b"")
    served = [request for request in down.member.requests if request.target == "/app/x"]
    assert len(served) == 1


def test_nobody_comes_back(patient: Lab) -> None:
    """503 when the time is over; the connection is of further use, and so is the next request."""
    with patient.client() as client:
        for _ in range(2):
            got = client.get("/nobody/")
            assert (got.status, got.closes) == (503, False)


@pytest.mark.parametrize("kind", ["GET", "POST"])
def test_the_client_leaves(down: Lab, log: Path, kind: str) -> None:
    """That is noticed at once, also when its whole body was there; the member never hears of it."""
    target = f"/app/left-{kind}"
    with down.client() as client:
        client.ask(kind, target, body=b"abc" if kind == "POST" else b"")
        time.sleep(0.3)
    assert " 499 " in logged(log, target)
    down.member.listen()
    until(lambda: down.states()["1"]["state"] == "up", "the member to be up")
    assert not [request for request in down.member.requests if request.target == target]


def test_stopping_does_not_wait(tmp_path: Path) -> None:
    """Whoever still waits when the grace is over is cut, and the process ends in good order."""
    with running(
        tmp_path, balancer=f'wait = "{2 * PATIENCE:g}s"\nforcerecovery = false\nretry = "1h"', members=2
    ) as lab:
        text = lab.panolb.file.read_text()
        lab.panolb.stop()
        lab.panolb.close()
        lab.panolb.file.write_text(
            text.replace('grace = "10s"', 'grace = "300ms"').replace(
                'route = "', 'status = "disabled"\nroute = "'
            )
        )
        lab.panolb.start()
        with lab.client() as client:
            client.ask("GET", "/app/")
            time.sleep(0.3)
            lab.panolb.stop()


# -- ping ----------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Two members that are asked before they get a body; an error is over at once."""
    with running(
        tmp_path_factory.mktemp("asking"),
        members=2,
        balancer='ping = "1s"\nretry = "0s"\nresponse_timeout = "10s"',
    ) as lab:
        yield lab


@pytest.fixture
def members(asking: Lab) -> Lab:
    """Both answer."""
    asking.reset()
    for member in asking.members:
        member.script = continued
    return asking


def continued(talk: Talk, request: Request) -> None:
    """Ask for the body, and answer with it."""
    if request.one("Expect"):
        before = talk.received
        assert not select.select([talk.socket], [], [], 0.05)[0], "the body did not wait"
        assert request.kept or before == len(request.head), "the body came with the head"
        talk.send(b"HTTP/1.1 100 Continue\r\n\r\n")
    answer(talk.read_body(request))(talk, request)


def silent(talk: Talk, request: Request) -> None:
    """Say nothing to the head, and take no byte of the body."""
    assert talk.ended(), "a byte of the body came"
    talk.close()


@pytest.mark.parametrize("kind", ["GET", "POST", *BODIES])
def test_a_member_that_is_there(members: Lab, kind: str) -> None:
    """Its 100 is not the client's; connections are kept as ever."""
    with members.client() as client:
        for _ in range(2):
            got = ask(client, kind, "1")
            assert (got.status, got.interim) == (200, [])
            assert got.body == (BODY if " " in kind else b"")
    requests = members.member.requests
    assert [request.one("Expect") for request in requests] == [("100-continue" if " " in kind else None)] * 2
    assert members.member.accepted == 1


@pytest.mark.parametrize("kind", BODIES)
def test_a_silent_member(members: Lab, kind: str) -> None:
    """F32: after a second the other member gets the request whole, and the user moves."""
    members.member.script = silent
    with members.client() as client:
        got = ask(client, kind, "1")
        assert (got.status, got.body) == (200, BODY)
        assert got.one("Set-Cookie") is not None
    assert not members.member.failures
    assert not members.member.one().whole
    assert members.states()["1"]["busy"] == 0


def test_a_request_without_a_body(members: Lab) -> None:
    """F32: it is not asked for; a member may take its time for it."""

    def slow(talk: Talk, request: Request) -> None:
        time.sleep(1.5)
        answer(b"slow")(talk, request)

    members.member.script = slow
    assert members.get("/app/", "Cookie: ROUTEID=.1").body == b"slow"


def test_a_slow_answer(members: Lab) -> None:
    """Once it has asked for the body, a member may take its time as ever; so may the client with the body."""

    def slow(talk: Talk, request: Request) -> None:
        talk.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = talk.read_body(request)
        time.sleep(1.5)
        answer(body)(talk, request)

    members.member.script = slow
    with members.client() as client:
        client.ask("POST", "/app/", "Cookie: ROUTEID=.1", "Content-Length: 6")
        client.send(b"abc")
        time.sleep(1.5)
        client.send(b"def")
        assert client.answer("POST").body == b"abcdef"


@pytest.mark.parametrize("fields", [(), ("Connection: close",)])
def test_a_refusal(members: Lab, fields: tuple[str, ...]) -> None:
    """A member that answers at once is heard, whether it reads the body after that or not."""

    def refuse(talk: Talk, request: Request) -> None:
        head = "\r\n".join(("HTTP/1.1 401 Unauthorized", "Content-Length: 2", *fields))
        talk.send(head.encode() + b"\r\n\r\nno")
        if fields:
            assert talk.ended(), "a byte of the body came"
            talk.close()
        else:
            talk.read_body(request)

    members.member.script = refuse
    with members.client() as client:
        got = client.post("/app/", b"abc", "Cookie: ROUTEID=.1")
        assert (got.status, got.body) == (401, b"no")
        assert client.get("/app/", "Cookie: ROUTEID=.2").status == 200
    assert not members.member.failures
    assert members.states()["1"]["state"] == "up"


@pytest.mark.parametrize("kind", ["POST length", "PUT chunked"])
def test_a_kept_connection_dies(members: Lab, kind: str) -> None:
    """Nothing of the body was sent: it goes to the same member once more, although it is a POST."""
    members.member.script = when_kept(lambda talk, request: talk.reset(), continued)
    with members.client() as client:
        assert client.get("/app/", "Cookie: ROUTEID=.1").status == 200
        got = ask(client, kind, "1")
    assert (got.status, got.body) == (200, BODY)
    assert got.one("Set-Cookie") is None
    assert [request.kept for request in members.member.requests] == [False, True, False]


def test_a_client_that_asks_itself(members: Lab) -> None:
    """Its question and the member's 100 pass, and nobody else's patience counts."""

    def slow(talk: Talk, request: Request) -> None:
        time.sleep(1.5)
        continued(talk, request)

    members.member.script = slow
    with members.client() as client:
        client.ask("POST", "/app/", "Cookie: ROUTEID=.1", "Content-Length: 3", "Expect: 100-continue")
        assert client.interim() == (100, [])
        client.send(b"abc")
        assert client.answer("POST").body == b"abc"


def test_the_client_leaves_while_a_member_is_asked(members: Lab) -> None:
    """The member's connection ends with it."""
    members.member.script = silent
    with members.client() as client:
        client.ask("POST", "/app/", "Cookie: ROUTEID=.1", "Content-Length: 100")
        until(lambda: members.member.requests, "the head to come")
    until(lambda: members.states()["1"]["busy"] == 0, "the exchange to be over")
    assert members.states()["1"]["state"] == "up"
    assert not members.member.failures
