"""Connections that die under a request: what is repeated, and what never is."""

from __future__ import annotations

import pytest

from tests.harness.member import whole
from tests.harness.scripts import Script, answer, close, reset, when_kept
from tests.harness.talk import Request, Talk
from tests.proxy.lab import Lab, ask

COOKIE = "ROUTEID=.{}; Path=/; HttpOnly; SameSite=Lax"


@pytest.fixture(scope="module")
def lab(pair: Lab) -> Lab:
    """Two members."""
    return pair


def warm(lab: Lab) -> None:
    """Member 1 has one kept connection and nothing recorded."""
    assert lab.get("/app/warm", "Cookie: ROUTEID=.1").status == 200
    lab.members[0].requests.clear()


@pytest.mark.parametrize("death", [close, reset])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "DELETE"])
def test_a_kept_connection_dies_idempotent(lab: Lab, method: str, death: Script) -> None:
    """A kept connection that dies without a byte: an idempotent request is repeated once, on a new connection."""
    member = lab.members[0]
    warm(lab)
    member.script = when_kept(death, answer(b"again"))
    with lab.client() as client:
        got = ask(client, method, "1")
        assert got.status == 200
        assert got.all("Set-Cookie") == []
    assert [request.kept for request in member.requests] == [True, False]
    assert lab.members[1].requests == []
    assert lab.states()["1"]["state"] == "up"


@pytest.mark.parametrize("death", [close, reset])
@pytest.mark.parametrize(
    "kind", ["POST", "PATCH", "POST length", "PUT length", "DELETE length", "PUT chunked"]
)
def test_a_kept_connection_dies_otherwise(lab: Lab, kind: str, death: Script) -> None:
    """Everything else may have been acted on: a 502, and nobody gets it a second time."""
    member = lab.members[0]
    warm(lab)
    member.script = when_kept(death, answer(b"again"))
    with lab.client() as client:
        assert ask(client, kind, "1").status == 502
        assert ask(client, "GET", "1").body == b"again"
    assert len(member.requests) == 2
    assert lab.members[1].requests == []


def test_a_kept_connection_that_dies_within_the_answer(lab: Lab) -> None:
    """After the first byte of an answer nothing is repeated."""

    def script(talk: Talk, request: Request) -> None:
        talk.read_body(request)
        talk.send(b"H")
        talk.close()

    warm(lab)
    lab.members[0].script = script
    with lab.client() as client:
        assert ask(client, "GET", "1").status == 502
    assert len(whole(lab.members)) == 1


def test_many_kept_connections_die_at_once(lab: Lab) -> None:
    """A member that restarts costs no idempotent request an error, however many connections were kept to it."""
    member = lab.members[0]
    clients = [lab.client() for _ in range(20)]
    for client in clients:
        client.ask("GET", "/app/", "Cookie: ROUTEID=.1")
    for client in clients:
        assert client.answer().status == 200
    member.script = when_kept(close, answer(b"again"))
    for client in clients:
        client.ask("GET", "/app/", "Cookie: ROUTEID=.1")
    for client in clients:
        assert client.answer().body == b"again"
        client.close()


def test_a_new_connection_dies(lab: Lab) -> None:
    """A safe request whose new connection dies goes to another member once; any other is a 502."""
    lab.members[0].script = close
    with lab.client() as client:
        got = ask(client, "GET", "1")
        assert (got.status, got.body) == (200, b"member 2")
        assert got.all("Set-Cookie") == [COOKIE.format(2)]
        assert len(whole(lab.members)) == 2
        for kind in ("POST", "POST length", "PUT chunked", "DELETE"):
            before = len(whole(lab.members))
            assert ask(client, kind, "1").status == 502
            assert len(whole(lab.members)) == before + 1


def test_all_members_die_on_it(lab: Lab) -> None:
    """A request that kills every member is not handed round for ever."""
    for member in lab.members:
        member.script = close
    with lab.client() as client:
        assert ask(client, "GET", "1").status == 502
    assert len(whole(lab.members)) == 2
