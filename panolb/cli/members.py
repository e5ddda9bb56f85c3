"""The commands that change members: what they get of new users, how much, and whether they are there at all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from .client import Daemon, quoted
from .leaving import Emptied, Goal, Served
from .options import BALANCER, MEMBER, Command, talks
from .showing import count, printed, requests, say, state, users, warn, websockets
from .waiting import Deadline, follow

_WAIT = click.option("--wait", is_flag=True, help="Wait until nothing is left of its users; show what is.")
_DEADLINE = click.option(
    "--deadline",
    type=Deadline(),
    metavar="TIME",
    help="Wait no longer than this (10m, 90s); then the exit status is 4.  Says --wait.",
)


def _waits(command: Command) -> Command:
    return _WAIT(_DEADLINE(command))


@click.command()
@MEMBER
@click.option("--move", is_flag=True, help="Close its WebSockets now, and move its users to other members.")
@_waits
@talks
def drain(
    daemon: Daemon, member: str, move: bool, wait: bool, deadline: float | None, *, for_programs: bool
) -> None:
    """Send MEMBER no new users; its own stay, or are moved.

    They stay until they leave by themselves.
    With --move they are moved: their WebSockets are closed in turn, longest idle first, and their pages connect again, to
    other members.
    """
    wish = {"state": "drain", "close_websockets": True} if move else {"state": "drain"}
    _set(daemon, member, wish, _drained, Emptied("drain"), wait, deadline, for_programs)


@click.command()
@MEMBER
@_waits
@talks
def disable(daemon: Daemon, member: str, wait: bool, deadline: float | None, *, for_programs: bool) -> None:
    """Take MEMBER out: its WebSockets are closed, its users move.

    It is checked all the same.
    """
    _set(daemon, member, {"state": "disabled"}, _out, Emptied("disabled"), wait, deadline, for_programs)


@click.command()
@MEMBER
@_waits
@talks
def stop(daemon: Daemon, member: str, wait: bool, deadline: float | None, *, for_programs: bool) -> None:
    """Take MEMBER out as "disable" does, and check it no more."""
    _set(daemon, member, {"state": "stopped"}, _out, Emptied("stopped"), wait, deadline, for_programs)


@click.command()
@MEMBER
@click.option("--wait", is_flag=True, help="Wait until it serves; show why it does not.")
@_DEADLINE
@talks
def enable(daemon: Daemon, member: str, wait: bool, deadline: float | None, *, for_programs: bool) -> None:
    """Bring MEMBER back: it gets users again."""
    _set(daemon, member, {"state": "active"}, _back, Served(), wait, deadline, for_programs)


def _set(
    daemon: Daemon,
    name: str,
    wish: dict[str, Any],
    words: Callable[[dict[str, Any]], list[str]],
    goal: Goal,
    wait: bool,
    deadline: float | None,
    for_programs: bool,
) -> None:
    """Set a member's state, say what that means, and wait until it is reached if that is wanted."""
    answer = daemon.post(f"members/{quoted(name)}", wish)
    waits = wait or deadline is not None
    if not for_programs:
        say(words(answer.value))
        _how_long(answer.value)
        if wish["state"] != "active":
            _who_serves(daemon, answer.value["name"])
    if waits:
        answer = follow(daemon, answer.value["name"], answer, goal, deadline, quiet=for_programs)
    if not printed(answer.text, for_programs) and waits:
        say(goal.reached(answer.value))


def _drained(member: dict[str, Any]) -> list[str]:
    """What a drain does."""
    name = member["name"]
    if not member["busy"] and not member["websockets"]:
        return [
            f"{name} drains: no new users; nothing is under way with it now.",
            f"Back again: panolb enable {name}",
        ]
    has = f"its {users(member['sessions'])} with {websockets(member['websockets'])}"
    if member["moving"]:
        said = (
            f"{name} drains: no new users, and {has} are moved; {websockets(member['closing'])} being closed."
        )
        return [said, f"Wait for them: panolb drain {name} --move --wait    Back again: panolb enable {name}"]
    return [
        f"{name} drains: no new users; {has} stay until they leave.",
        f"Wait for them: panolb drain {name} --wait    Move them now: panolb drain {name} --move",
        f"Back again: panolb enable {name}",
    ]


def _out(member: dict[str, Any]) -> list[str]:
    """What disabling or stopping does."""
    name = member["name"]
    checked = "" if member["admin"] == "disabled" else ", and it is not checked"
    return [
        f"{name} is {member['admin']}: nobody comes to it{checked}.",
        _ends(member["closing"], requests(member)),
        f"Back again: panolb enable {name}",
    ]


def _ends(closing: int, under_way: int) -> str:
    """What becomes of that which a member still does."""
    if not closing and not under_way:
        return "Nothing is under way with it."
    return f"{websockets(closing)} being closed, {count(under_way, 'request')} being finished."


def _back(member: dict[str, Any]) -> list[str]:
    """What enabling does."""
    name = member["name"]
    if member["state"] == "up":
        return [f"{name} is {state('up')}, and gets users again."]
    because = f": {member['reason']}" if member["reason"] else ""
    return [f"{name} is enabled, but {state(member['state'])}{because}; users come when it is up."]


def _who_serves(daemon: Daemon, name: str) -> None:
    """Say so when nobody is left for new users."""
    for balancer in daemon.get("balancers").value["balancers"]:
        others = [one for one in balancer["members"] if one["name"] != name]
        if len(others) < len(balancer["members"]) and not any(one["state"] == "up" for one in others):
            warn(f"No other member of {balancer['name']} is up: nobody serves new users.")


def _how_long(changed: dict[str, Any]) -> None:
    """Say what a restart makes of a change, where that is not what one would expect."""
    if changed["unkept"]:
        warn(f"panolb forgets this when it stops: {changed['unkept']}. Into the file: panolb save --write")


@click.command()
@MEMBER
@click.argument("weight", type=click.FloatRange(min=0, min_open=True), metavar="N")
@talks
def weight(daemon: Daemon, member: str, weight: float, *, for_programs: bool) -> None:
    """Give MEMBER another share of new users.

    With 2 it gets twice as many as one with 1.  Users that it has stay with it.
    """
    answer = daemon.post(f"members/{quoted(member)}", {"weight": weight})
    if printed(answer.text, for_programs):
        return
    say(f"{answer.value['name']} has the weight {answer.value['weight']:g}; its users stay.")
    _how_long(answer.value)


@click.command()
@BALANCER
@click.argument("url")
@click.option("--route", metavar="R", help="Its sticky id, as the application says it (jvmRoute of Tomcat).")
@click.option(
    "--weight", type=click.FloatRange(min=0, min_open=True), metavar="N", help="Its share of new users."
)
@talks
def add(
    daemon: Daemon, balancer: str, url: str, route: str | None, weight: float | None, *, for_programs: bool
) -> None:
    """Add a member to BALANCER.

    It gets users as soon as its checks pass.
    """
    wish = {"url": url, "route": route, "weight": weight}
    given = {key: value for key, value in wish.items() if value is not None}
    answer = daemon.post(f"balancers/{quoted(balancer)}/members", given)
    if printed(answer.text, for_programs):
        return
    name = answer.value["name"]
    say(f"{name} is added, at {answer.value['url']}; it is {state(answer.value['state'])}.")
    say(f"Into the file: panolb save    Away again: panolb remove {name}")
    _how_long(answer.value)


@click.command()
@MEMBER
@_waits
@talks
def remove(daemon: Daemon, member: str, wait: bool, deadline: float | None, *, for_programs: bool) -> None:
    """Take MEMBER away; its users move.

    Requests are finished, WebSockets are closed in turn.
    Who wants them to leave by themselves drains it first: panolb drain MEMBER --wait
    """
    answer = daemon.delete(f"members/{quoted(member)}")
    name = answer.value["name"]
    if not for_programs:
        say(f"{name} is removed: nobody comes to it.")
        say(_ends(answer.value["websockets"], requests(answer.value)))
        _how_long(answer.value)
    if wait or deadline is not None:
        goal = Emptied("removed")
        answer = follow(daemon, name, answer, goal, deadline, quiet=for_programs)
        if not for_programs:
            say(goal.reached(answer.value))
    printed(answer.text, for_programs)
