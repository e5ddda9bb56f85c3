"""The steps that cases are made of: something is sent, and something must come of it; or a member changes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypedDict, Unpack

from tests.harness.client import Answer, Client, Cut
from tests.harness.member import Script, Stall, answer
from tests.harness.waiting import until

from .scene import Scene, Step

PATH = "/app/x"


class Expected(TypedDict, total=False):
    """What must come of a request."""

    status: int | None  # 200 if not said; None: the connection ends without a byte
    to: str  # the members that the request came to: "1", "1 2", ""
    sets: str  # the route in the balancer's cookie; no cookie if not said
    balanced: bool  # the cookie names the member that served, whichever it was
    reason: str
    body: bytes
    has: Sequence[str]  # lines that the answer's head has
    lacks: Sequence[str]  # names that it has not
    closes: bool  # whether Connection: close is said
    truncated: bool  # the connection ends within the body
    interim: Sequence[int]  # the 1xx before the answer
    saw: str  # the request line that the member got
    saw_has: Sequence[str]
    saw_lacks: Sequence[str]
    saw_body: bytes


# -- sending ----------------------------------------------------------------------------------------------------------


def head(scene: Scene, method: str, target: str, fields: Sequence[str]) -> str:
    """A request head for the case's virtual host."""
    lines = [f"{method} {target} HTTP/1.1", *fields]
    if not any(line.lower().startswith("host:") for line in fields):
        lines.insert(1, f"Host: {scene.host}")
    return scene.text("\r\n".join(lines)) + "\r\n\r\n"


def framed(body: bytes, chunked: bool, fields: Sequence[str]) -> tuple[list[str], bytes]:
    """The fields with the body's framing added, and the body as it goes out."""
    if chunked:
        pieces = [body[at : at + 60000] for at in range(0, len(body), 60000)]
        chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
        return [*fields, "Transfer-Encoding: chunked"], chunks + b"0\r\n\r\n"
    return ([*fields, f"Content-Length: {len(body)}"] if body else list(fields)), body


def ask(
    method: str,
    target: str = PATH,
    *fields: str,
    content: bytes = b"",
    chunked: bool = False,
    on: str | None = None,
    **expected: Unpack[Expected],
) -> Step:
    """One request and its outcome; ``on`` names a connection that other steps use too."""

    def step(scene: Scene) -> None:
        lines, body = framed(content, chunked, fields)
        data = head(scene, method, target, lines).encode("latin-1") + body
        exchange(scene, method, data, on, expected)

    return step


def get(target: str = PATH, *fields: str, on: str | None = None, **expected: Unpack[Expected]) -> Step:
    """A GET."""
    return ask("GET", target, *fields, on=on, **expected)


def cookie(value: str, **expected: Unpack[Expected]) -> Step:
    """A GET with this Cookie header."""
    return ask("GET", PATH, f"Cookie: {value}", **expected)


def sent(data: str, *, on: str | None = None, **expected: Unpack[Expected]) -> Step:
    """These very bytes, which hold one request."""
    return lambda scene: exchange(
        scene, data.split(" ", 1)[0], scene.text(data).encode("latin-1"), on, expected
    )


def exchange(scene: Scene, method: str, data: bytes, on: str | None, expected: Expected) -> None:
    """Send, read, compare."""
    scene.forget()
    client = scene.client(on)
    try:
        client.send(data)
        answer = outcome(client, method, expected)
        if answer is not None:
            check_answer(scene, answer, expected)
        check_members(scene, expected)
    finally:
        if on is None:
            client.close()
    scene.forget()


def outcome(client: Client, method: str, expected: Expected) -> Answer | None:
    """The answer, as far as it must come."""
    if expected.get("status", 200) is None:
        try:
            assert client.end() == b"", "an answer came where none must"
        except Cut:
            pass
        return None
    if not expected.get("truncated"):
        return client.answer(method)
    answer = client.head(method)
    try:
        while (piece := client.piece()) is not None:
            answer.body += piece
    except Cut:
        return answer
    raise AssertionError(f"the answer is complete: {answer}")


# -- comparing --------------------------------------------------------------------------------------------------------


def check_answer(scene: Scene, answer: Answer, expected: Expected) -> None:
    """What the client got."""
    assert answer.status == expected.get("status", 200), answer
    assert [status for status, _ in answer.interim] == list(expected.get("interim", ())), answer
    if "reason" in expected:
        assert answer.reason == expected["reason"], answer
    if "body" in expected:
        assert answer.body == expected["body"], (len(answer.body), answer.body[:200])
    lines = [f"{name.lower()}: {value}" for name, value in answer.headers]
    check_lines(scene, lines, expected.get("has", ()), expected.get("lacks", ()))
    if "closes" in expected:
        assert answer.closes is expected["closes"], answer
    check_cookie(scene, answer, expected)


def check_cookie(scene: Scene, answer: Answer, expected: Expected) -> None:
    """Which route the balancer's cookie binds the client to."""
    cookies = [value for value in answer.all("Set-Cookie") if value.startswith("ROUTEID=.")]
    if expected.get("balanced"):
        assert cookies == [f"ROUTEID=.{scene.reached()}; path=/"], answer
    elif "sets" in expected:
        assert cookies == [f"ROUTEID=.{expected['sets']}; path=/"], answer
    else:
        assert not cookies, answer


def check_members(scene: Scene, expected: Expected) -> None:
    """What came to whom."""
    if "to" in expected:
        assert scene.reached() == expected["to"], scene.requests()
    wanted = expected.keys() & {"saw", "saw_has", "saw_lacks", "saw_body"}
    if not wanted:
        return
    (requests,) = scene.requests().values()
    (request,) = requests
    if "saw" in expected:
        assert request.line == f"{expected['saw']} HTTP/1.1", request.line
    lines = [f"{name.lower()}: {value}" for name, value in request.headers]
    check_lines(scene, lines, expected.get("saw_has", ()), expected.get("saw_lacks", ()))
    if "saw_body" in expected:
        assert request.body == expected["saw_body"], request


def check_lines(scene: Scene, lines: Sequence[str], has: Sequence[str], lacks: Sequence[str]) -> None:
    """Header lines that must be there once each, and names that must not be there."""
    for line in has:
        name, _, value = scene.text(line).partition(":")
        assert lines.count(f"{name.lower()}:{value}") == 1, (line, lines)
    for name in lacks:
        assert not any(line.startswith(f"{name.lower()}:") for line in lines), (name, lines)


# -- members and time -------------------------------------------------------------------------------------------------


def refuse(*names: str) -> Step:
    """These members' ports are closed."""

    def step(scene: Scene) -> None:
        for name in names:
            scene.members[name].refuse()

    return step


def listen(*names: str) -> Step:
    """These members' ports are open again."""

    def step(scene: Scene) -> None:
        for name in names:
            scene.members[name].listen()

    return step


def does(name: str, script: Script) -> Step:
    """From now on this member does so."""

    def step(scene: Scene) -> None:
        scene.members[name].script = script

    return step


def wait(seconds: float) -> Step:
    """Let an interval of the configuration pass."""
    return lambda scene: time.sleep(seconds)


def holds(fact: Callable[[Scene], bool]) -> Step:
    """Something else must be so."""

    def step(scene: Scene) -> None:
        assert fact(scene), (fact, scene.requests())

    return step


# -- requests that last ------------------------------------------------------------------------------------------------


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


def served(scene: Scene, count: int, sets: bool = True) -> str:
    """Send so many GETs without a cookie, one after the other; who served them."""
    members = ""
    for _ in range(count):
        scene.forget()
        with scene.client() as client:
            client.send(head(scene, "GET", PATH, ()))
            answer = client.answer()
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


def black_hole(name: str) -> Step:
    """This member answers no attempt to connect."""

    def step(scene: Scene) -> None:
        scene.members[name].black_hole()

    return step


def hang_up(name: str) -> Step:
    """This member ends its connections."""

    def step(scene: Scene) -> None:
        scene.members[name].hang_up()

    return step


def leave(name: str) -> Step:
    """The client ends the connection of that name."""

    def step(scene: Scene) -> None:
        scene.clients.pop(name).close()

    return step


def soon(member: str) -> Step:
    """Before long, a GET without a cookie is served by that member."""

    def step(scene: Scene) -> None:
        until(lambda: served(scene, 1) == member, f"member {member} to serve")

    return step


def gives(name: str, *fields: str, status: str = "200 OK", body: bytes = b"page") -> Step:
    """From now on this member answers so; ``http://b2`` and ``HOST`` mean what they mean elsewhere."""

    def step(scene: Scene) -> None:
        lines = [scene.text(field) for field in fields]
        scene.members[name].script = answer(body, *lines, status=status)

    return step
