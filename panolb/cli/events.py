"""The command ``events``: what has happened lately, and what happens now."""

from __future__ import annotations

import json

import click

from .client import Daemon
from .ending import Unreachable
from .options import talks
from .showing import moment, say

COLOURS = {"warn": "yellow", "error": "red", "critical": "red"}


@click.command()
@click.option("--follow", "-f", is_flag=True, help="Go on with what happens, until Ctrl-C.")
@click.option("--after", type=click.IntRange(min=0), metavar="N", help="Only what came after event N.")
@click.option(
    "--limit", type=click.IntRange(min=1), metavar="N", help="Only the last N of what has happened."
)
@talks
def events(daemon: Daemon, follow: bool, after: int | None, limit: int | None, *, for_programs: bool) -> None:
    """Show what has happened, and what happens.

    Members that came and went, users that were moved, reloads, changes at run time, limits that were reached. What each
    code means and what to do about it stands in the documentation, on the page on events.

    With --json, a line for each event.
    """
    asked = {"after": after, "limit": limit, "follow": "true" if follow else None}
    for line in daemon.lines("events", endless=follow, **asked):
        if line:
            say(line if for_programs else _event(line))
    if follow:
        raise Unreachable("panolb has ended, or closed the stream of events")


def _event(line: str) -> str:
    event = json.loads(line)
    words = f"{event['code'] or '-'} {event['event']}: {event['message']}"
    return f"{event['id']:>6}  {moment(event['time'])}  {click.style(words, fg=COLOURS.get(event['level']))}"
