"""The commands that show how things are: ``status`` and ``members``."""

from __future__ import annotations

import sys
import time
from typing import Any

import click

from .client import Answer, Daemon, quoted
from .ending import Failed
from .options import talks
from .showing import (
    count,
    harmless,
    lasted,
    members_table,
    printed,
    say,
    state,
    table,
    users,
    value,
    websockets,
)

INTERVAL = 2.0  # seconds


@click.command()
@click.option("--watch", is_flag=True, help="Show it anew every 2 seconds, until Ctrl-C.")
@click.option("--check", is_flag=True, help="Exit with 1 if a balancer has no member that is up.")
@talks
def status(daemon: Daemon, watch: bool, check: bool, *, for_programs: bool) -> None:
    """Show how panolb is: balancers, members, listeners."""
    if watch and check:
        raise click.UsageError("--check asks once; --watch goes on until Ctrl-C")
    if watch:
        _watch(daemon, for_programs)
        return
    answer = daemon.get("status")
    if not printed(answer.text, for_programs):
        say(_status(answer.value))
    if check:
        _check(answer.value)


def _check(shown: dict[str, Any]) -> None:
    """:raises Failed: when a balancer has no member that is up."""
    without = [
        one["name"]
        for one in shown["balancers"]
        if not any(member["state"] == "up" for member in one["members"])
    ]
    if without:
        raise Failed(f"no member is up in: {', '.join(without)}", said=shown)


def _watch(daemon: Daemon, for_programs: bool) -> None:
    """Show the status again and again."""
    if for_programs or not sys.stdout.isatty():
        while True:
            answer = daemon.get("status")
            say([answer.text.rstrip("\n")] if for_programs else [*_status(answer.value), ""])
            time.sleep(INTERVAL)
    from rich.live import Live  # noqa: PLC0415  # only a terminal needs it
    from rich.text import Text  # noqa: PLC0415

    def text() -> Text:
        return Text.from_ansi(
            "\n".join(map(harmless, _status(daemon.get("status").value))), no_wrap=True, overflow="crop"
        )

    with Live(text(), screen=True, auto_refresh=False) as live:
        while True:
            time.sleep(INTERVAL)
            live.update(text(), refresh=True)


def _status(shown: dict[str, Any]) -> list[str]:
    """The lines of a status."""
    facts = [
        users(shown["sessions"]),
        websockets(shown["websockets"]),
        count(shown.get("overrides", 0), "override"),
    ]
    up = f"process {shown['pid']}, up {lasted(shown['uptime_seconds'])}"
    lines = [
        f"panolb {shown['version']}, {up}, configuration generation {shown['generation']}",
        ", ".join(facts),
    ]
    for balancer in shown["balancers"]:
        lines += ["", _balancer(balancer), *members_table(balancer["members"])]
    if shown.get("listeners"):
        rows = [
            [
                one["name"],
                one["endpoint"],
                f"{one['connections']:,}",
                click.style("open", fg="green") if one["open"] else click.style("closed", fg="red"),
            ]
            for one in shown["listeners"]
        ]
        lines += ["", *table(("LISTENER", "ENDPOINT", "CONNECTIONS", "STATE"), rows, right="llrl")]
    return lines


def _balancer(balancer: dict[str, Any]) -> str:
    up = sum(member["state"] == "up" for member in balancer["members"])
    total = len(balancer["members"])
    well = click.style(
        f"{up} of {count(total, 'member')} up", fg="green" if up == total else "yellow" if up else "red"
    )
    sticky = f"sticky by {balancer['stickysession']}" if balancer.get("stickysession") else "not sticky"
    return f"balancer {balancer['name']}: {well}; new users by {balancer['method']}, {sticky}"


@click.command()
@click.argument("name", required=False, metavar="[MEMBER]")
@talks
def members(daemon: Daemon, name: str | None, *, for_programs: bool) -> None:
    """List all members, or show one."""
    answer: Answer = daemon.get(f"members/{quoted(name)}" if name else "members")
    if printed(answer.text, for_programs):
        return
    if name:
        say(_one(answer.value))
    else:
        say(members_table(answer.value["members"]))


def _one(member: dict[str, Any]) -> list[str]:
    """All that is known of a member, a line each."""
    rows = [
        [key, state(said) if key == "state" else value(said)]
        for key, said in member.items()
        if said not in ("", None, {})
    ]
    return table(("FIELD", "VALUE"), rows)
