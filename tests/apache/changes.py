"""Steps that change members, or let time pass."""

from __future__ import annotations

import time

from tests.harness.member import Script, answer

from .scene import Scene, Step


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


def does(name: str, script: Script) -> Step:
    """From now on this member does so."""

    def step(scene: Scene) -> None:
        scene.members[name].script = script

    return step


def gives(name: str, *fields: str, status: str = "200 OK", body: bytes = b"page") -> Step:
    """From now on this member answers so; ``http://b2`` and ``HOST`` mean what they mean elsewhere."""

    def step(scene: Scene) -> None:
        lines = [scene.text(field) for field in fields]
        scene.members[name].script = answer(body, *lines, status=status)

    return step


def wait(seconds: float) -> Step:
    """Let an interval of the configuration pass."""
    return lambda scene: time.sleep(seconds)


def accepted_in_all(name: str, count: int) -> Step:
    """So many connections this member has taken in all."""

    def step(scene: Scene) -> None:
        accepted = scene.members[name].accepted
        assert accepted == count, f"{accepted} connections"

    return step
