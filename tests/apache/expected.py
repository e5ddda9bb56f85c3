"""What must come of a request, and whether it did."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from tests.harness.client import Answer

from .scene import Scene


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


def brief(answer: Answer) -> str:
    """An answer, for messages."""
    interim = "".join(f"{status}, " for status, _ in answer.interim)
    head = " ".join(f"{name}: {value[:80]};" for name, value in answer.headers)
    return f"{interim}{answer.status} {answer.reason} {head} {answer.body[:60]!r}"


def check_answer(scene: Scene, answer: Answer, expected: Expected) -> None:
    """What the client got."""
    assert answer.status == expected.get("status", 200), brief(answer)
    assert [status for status, _ in answer.interim] == list(expected.get("interim", ())), brief(answer)
    if "reason" in expected:
        assert answer.reason == expected["reason"], brief(answer)
    if "body" in expected:
        assert answer.body == expected["body"], brief(answer)
    lines = [f"{name.lower()}: {value}" for name, value in answer.headers]
    check_lines(scene, lines, expected.get("has", ()), expected.get("lacks", ()))
    if "closes" in expected:
        assert answer.closes is expected["closes"], brief(answer)
    check_cookie(scene, answer, expected)


def check_cookie(scene: Scene, answer: Answer, expected: Expected) -> None:
    """Which route the balancer's cookie binds the client to."""
    cookies = [value for value in answer.all("Set-Cookie") if value.startswith("ROUTEID=.")]
    if expected.get("balanced"):
        assert cookies == [f"ROUTEID=.{scene.reached()}; path=/"], brief(answer)
    elif "sets" in expected:
        assert cookies == [f"ROUTEID=.{expected['sets']}; path=/"], brief(answer)
    else:
        assert not cookies, brief(answer)


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
