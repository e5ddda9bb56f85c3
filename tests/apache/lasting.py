"""Steps with requests that last, or that only count together."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from typing import Unpack

from tests.harness.member import Stall, answer
from tests.harness.talk import Request, Talk
from tests.harness.waiting import PATIENCE, until

from .expected import Expected, check_answer, check_members
from .scene import Scene, Step
from .steps import PATH, head


def hold(*names: str) -> Step:
    """These members keep their answers back until `release`."""

    def step(scene: Scene) -> None:
        scene.stall = Stall(answer(b"late"))
        for name in names:
            scene.members[name].script = scene.stall

    return step


def release(scene: Scene) -> None:
    """The answers that were held back go out; from now on members answer at once."""
    scene.stall.release()


def begin(name: str, *fields: str, to: str | None = None) -> Step:
    """A GET on a connection of that name, which has come to a member; `finish` reads the answer."""

    def step(scene: Scene) -> None:
        scene.forget()
        scene.client(name).send(head(scene, "GET", PATH, fields))
        until(scene.reached, "the request to come to a member")
        assert to is None or scene.reached() == to, scene.requests()

    return step


def finish(name: str, **expected: Unpack[Expected]) -> Step:
    """The answer to what began on the connection of that name."""

    def step(scene: Scene) -> None:
        check_answer(scene, scene.client(name).answer(), expected)
        check_members(scene, expected)

    return step


def leave(name: str) -> Step:
    """The client ends the connection of that name."""

    def step(scene: Scene) -> None:
        scene.clients.pop(name).close()

    return step


def at_once(count: int, shares: Sequence[int]) -> Step:
    """So many requests without a cookie in flight, and how many of them came to each of the members."""

    def step(scene: Scene) -> None:
        came: Counter[str] = Counter()
        cookies: Counter[str] = Counter()
        hold(*scene.members)(scene)
        for number in range(count):
            begin(f"c{number}")(scene)
            came.update(scene.reached())
        release(scene)
        for number in range(count):
            cookies.update(scene.client(f"c{number}").answer().all("Set-Cookie"))
        assert [came[name] for name in sorted(scene.members)] == list(shares), came
        assert cookies == {f"ROUTEID=.{name}; path=/": share for name, share in came.items()}
        scene.forget()

    return step


def served(scene: Scene, count: int, sets: bool = True) -> str:
    """Send so many GETs without a cookie, one after the other; who served them."""
    members = ""
    for _ in range(count):
        scene.forget()
        with scene.client() as client:
            # Apache counts a request as over after it has sent the answer, but before it closes the connection.
            client.send(head(scene, "GET", PATH, ("Connection: close",)))
            answer = client.answer()
            assert client.socket.recv(1) == b""
        check_answer(scene, answer, {"balanced": True} if sets else {})
        members += scene.reached()
    return members


def turns(members: str, sets: bool = True) -> Step:
    """GETs without a cookie, which these members serve, in this order."""

    def step(scene: Scene) -> None:
        got = served(scene, len(members), sets)
        assert got == members, f"{got} instead of {members}"

    return step


def among(count: int, member: str, least: int) -> Step:
    """Of so many GETs without a cookie, the member serves that many at least."""

    def step(scene: Scene) -> None:
        got = served(scene, count)
        assert got.count(member) >= least, got

    return step


def soon(member: str) -> Step:
    """Before long, a GET without a cookie is served by that member."""

    def step(scene: Scene) -> None:
        until(lambda: served(scene, 1) == member, f"member {member} to serve")

    return step


def stream(scene: Scene) -> None:
    """Events of the first member arrive one by one: each is sent when the one before it has come."""
    go = threading.Semaphore(0)

    def script(talk: Talk, request: Request) -> None:
        talk.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        for number in range(3):
            assert go.acquire(timeout=PATIENCE)
            talk.send(b"data: %d\n\n" % number)
        talk.close()

    scene.members["1"].script = script
    with scene.client() as client:
        client.send(head(scene, "GET", PATH, ()))
        client.head()
        for number in range(3):
            go.release()
            assert client.piece() == b"data: %d\n\n" % number
        assert client.piece() is None
    scene.forget()
