"""The steps that most cases are made of: something is sent, and something must come of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from tests.harness.client import Answer, Client, Cut

from .expected import Expected, check_answer, check_members
from .scene import Scene, Step

PATH = "/app/x"


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
