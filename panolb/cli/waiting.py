"""Waits for a member, and shows how far it is: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import click

from .client import Answer, Daemon, quoted
from .ending import Partial, Refused
from .leaving import Goal
from .showing import harmless, lasted, warn

if TYPE_CHECKING:
    from rich.progress import TaskID

INTERVAL: Final = 0.5
"""Seconds from one question to the next."""

EVERY: Final = 10.0
"""Seconds from one line to the next where there is no terminal."""


class Deadline(click.ParamType[float]):
    """A time span such as ``10m``; a bare number is seconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, int | float):
            return float(value)
        from panolb.config.units import parse_duration  # noqa: PLC0415  # all of panolb.config, and a slow start

        text = f"{value}s" if value.replace(".", "", 1).isdigit() else value
        try:
            return parse_duration(text)
        except ValueError:
            self.fail(f"{value!r} is no time span; write for example 90s or 10m", param, ctx)


def follow(
    daemon: Daemon, name: str, answer: Answer, goal: Goal, deadline: float | None, *, quiet: bool
) -> Answer:
    """Ask for a member again and again until it is as wanted.

    :param answer: what is known of it.
    :param deadline: seconds.
    :param quiet: show nothing.
    :returns: the last answer that there was.
    :raises Partial: when the deadline has passed.
    :raises Failed: when it will not become so any more.
    """
    ends = None if deadline is None else time.monotonic() + deadline
    try:
        with _shown(goal, quiet) as show:
            while True:
                now = _ask(daemon, name)
                if goal.done(None if now is None else now.value):
                    return now or answer
                assert now is not None
                answer = now
                show(answer.value)
                left = INTERVAL if ends is None else min(INTERVAL, ends - time.monotonic())
                if left <= 0:
                    break
                time.sleep(left)
    except KeyboardInterrupt:
        warn(
            f"{name} stays as it is now: {answer.value.get('admin', 'removed')}. Only the waiting has ended."
        )
        raise
    member = answer.value
    assert deadline is not None
    raise Partial(
        f"{name}: after {lasted(deadline)} there is still this left: {goal.words(member)}",
        *goal.hints(member),
        said={"error": f"the deadline has passed: {goal.words(member)}", "member": member},
    )


def _ask(daemon: Daemon, name: str) -> Answer | None:
    try:
        return daemon.get(f"members/{quoted(name)}")
    except Refused as refused:
        if refused.status == 404:
            return None
        raise


Show = Any  # called with what panolb says of the member


@contextmanager
def _shown(goal: Goal, quiet: bool) -> Iterator[Show]:
    """Somebody to be told of each answer."""
    if quiet:
        yield lambda member: None
    elif not sys.stderr.isatty():
        yield _Lines(goal)
    else:
        with _bars(goal) as bars:
            yield bars


class _Lines:
    """A line on standard error when something has changed, and not too often."""

    def __init__(self, goal: Goal) -> None:
        self._goal = goal
        self._said = ""
        self._last = float("-inf")

    def __call__(self, member: dict[str, Any]) -> None:
        words, now = self._goal.words(member), time.monotonic()
        if words != self._said and now - self._last >= EVERY:
            click.echo(harmless(f"{member['name']}: {words}"), err=True)
            self._said, self._last = words, now


@contextmanager
def _bars(goal: Goal) -> Iterator[Show]:
    """Bars that fill while users and WebSockets leave."""
    from rich.console import Console  # noqa: PLC0415  # only a terminal needs it
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[left]}"),
        TimeElapsedColumn(),
    )
    tasks: dict[str, tuple[TaskID, int]] = {}
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:

        def show(member: dict[str, Any]) -> None:
            remaining = goal.remaining(member) or {goal.words(member): 0}
            for what, left in remaining.items():
                task, most = tasks.get(what) or (progress.add_task(what, total=None, left=""), 0)
                most = max(most, left)
                tasks[what] = (task, most)
                counted = what in goal.remaining(member)
                progress.update(
                    task,
                    total=most or 1 if counted else None,
                    completed=(most or 1) - left if counted else 0,
                    left=f"{left:,} left" if counted else "",
                )
            for what, (task, _) in tasks.items():
                progress.update(task, visible=what in remaining)

        yield show
