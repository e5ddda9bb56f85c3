"""The command ``overrides``: what was changed at run time."""

from __future__ import annotations

from typing import Any

import click

from .client import Daemon
from .ending import Failed
from .options import DROP, talks
from .showing import moment, printed, say, table, value, warn


@click.command()
@DROP
@click.option("--all", "everything", is_flag=True, help="Drop all of them.")
@talks
def overrides(daemon: Daemon, drop: str | None, everything: bool, *, for_programs: bool) -> None:
    """Show or drop what was changed at run time.

    What an override changed is, without it, as the file says.
    """
    if drop and everything:
        raise click.UsageError("say either --drop MEMBER or --all")
    if drop or everything:
        answer = daemon.delete("overrides", member=drop)
        if not printed(answer.text, for_programs):
            _say_dropped(answer.value["dropped"], drop)
        return
    answer = daemon.get("overrides")
    if not printed(answer.text, for_programs):
        _say_overrides(answer.value)


def _say_dropped(dropped: list[dict[str, Any]], member: str | None) -> None:
    if not dropped:
        raise Failed(f"there are no overrides{f' of {member}' if member else ''}")
    for one in dropped:
        if one["key"] == "added":
            say(f"{one['member']}: removed, since the file does not have it")
        elif one["key"] == "removed":
            say(f"{one['member']}: there again, as in the file")
        else:
            say(f"{one['member']}: {one['key']} is {value(one['was'])} again, as in the file")


def _say_overrides(shown: dict[str, Any]) -> None:
    if not shown["overrides"]:
        say("There are no overrides: everything is as in the file.")
        return
    rows = [
        [one["member"], one["key"], *_was_and_is(one), moment(one["since"])] for one in shown["overrides"]
    ]
    say(table(("MEMBER", "WHAT", "FILE", "NOW", "SINCE"), rows))
    if shown["unkept"]:
        warn(f"Forgotten when panolb stops: {shown['unkept']}")
    else:
        say(f"Kept in {shown['state_file']}")
    say("Into the file: panolb save --write    Away: panolb overrides --drop MEMBER, or --all")


def _was_and_is(override: dict[str, Any]) -> tuple[str, str]:
    """What the file says, and what holds."""
    if override["key"] == "added":
        return "-", value(override["is"])
    if override["key"] == "removed":
        return "there", "gone"
    return value(override["was"]), value(override["is"])
