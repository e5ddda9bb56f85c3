"""Members that cannot serve: who gets the request instead, and what the user is told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.harness.scripts import answer, echo
from tests.harness.waiting import until
from tests.proxy.lab import BODY, Lab, ask, running

COOKIE = "ROUTEID=.{}; Path=/; HttpOnly; SameSite=Lax"


@pytest.fixture(scope="module")
def lab(pair: Lab) -> Lab:
    """Two members."""
    return pair


KINDS = ["GET", "HEAD", "DELETE", "POST", "POST length", "PUT length", "PUT chunked", "PATCH chunked"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("how", ["refused", "black hole"])
def test_connect_fails(lab: Lab, kind: str, how: str) -> None:
    """Nothing was sent, so the next member gets the request whole, whatever its method, and the user a new route."""
    dead, other = lab.members
    if how == "refused":
        dead.refuse()
    else:
        dead.black_hole()
    other.script = echo
    with lab.client() as client:
        got = ask(client, kind, "1")
        assert got.status == 200
        assert got.all("Set-Cookie") == [COOKIE.format(2)]
        assert client.get("/app/", "Cookie: ROUTEID=.2").all("Set-Cookie") == []
    first = other.requests[0]
    assert first.body == (BODY if " " in kind else b"")
    if kind != "HEAD":
        assert got.body == first.body


def test_a_user_stays_where_he_is(lab: Lab) -> None:
    """A new user gets a cookie with his first answer, and from then on nothing but answers of his member."""
    for _ in range(4):
        got = lab.get("/app/")
        route = got.body.decode().removeprefix("member ")
        assert got.all("Set-Cookie") == [COOKIE.format(route)]
        for _ in range(3):
            again = lab.get("/app/", f"Cookie: a=b; ROUTEID=.{route}; c=d")
            assert (again.body, again.all("Set-Cookie")) == (got.body, [])
    assert sum(len(member.requests) for member in lab.members) == 16


def test_an_unknown_route(lab: Lab) -> None:
    """A cookie of yesterday's configuration is replaced."""
    got = lab.get("/app/", "Cookie: ROUTEID=.yesterday")
    assert got.status == 200
    assert len(got.all("Set-Cookie")) == 1


def test_our_cookie_beside_the_members(lab: Lab) -> None:
    """Cookies of the member pass beside ours."""
    for member in lab.members:
        member.script = answer(b"", "Set-Cookie: a=1; Path=/app", "Set-Cookie: b=2")
    got = lab.get("/app/")
    assert sorted(value.partition("=")[0] for value in got.all("Set-Cookie")) == ["ROUTEID", "a", "b"]


def test_all_down_and_back(lab: Lab) -> None:
    """With nobody left a 503 with Retry-After; the first success ends it."""
    for member in lab.members:
        member.refuse()
    with lab.client() as client:
        for kind in ("GET", "POST", "PUT length", "PUT chunked", "GET"):
            got = ask(client, kind, "1")
            assert got.status == 503
            assert int(got.one("Retry-After") or 0) > 0
            if got.closes:
                client.reconnect()
        lab.members[1].listen()
        got = client.get("/app/", "Cookie: ROUTEID=.1")
        assert (got.status, got.body) == (200, b"member 2")


def test_busy_is_counted_down(lab: Lab) -> None:
    """Whatever happened before: nobody is busy when nothing is under way."""
    until(lambda: all(member["busy"] == 0 for member in lab.states().values()), "everybody to be idle")


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A balancer that does not move users, with errors that last."""
    with running(
        tmp_path_factory.mktemp("strict"), members=2, balancer='nofailover = true\nretry = "1s"'
    ) as lab:
        yield lab


def test_nofailover(strict: Lab) -> None:
    """A user whose member cannot serve gets a 503 and keeps his route; new users go to the others."""
    strict.reset()
    strict.members[0].refuse()
    for _ in range(2):
        got = strict.get("/app/", "Cookie: ROUTEID=.1")
        assert got.status == 503
        assert got.one("Retry-After") is not None
        assert got.all("Set-Cookie") == []
    assert strict.states()["1"]["state"] == "error"
    assert strict.get("/app/").body == b"member 2"
    strict.members[0].listen()
    until(lambda: strict.get("/app/", "Cookie: ROUTEID=.1").body == b"member 1", "his member to be back")
    assert strict.states()["1"]["state"] == "up"
