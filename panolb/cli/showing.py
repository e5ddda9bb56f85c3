"""How a command shows what it was told: aligned tables, numbers with units, colour on a terminal only."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import click

COLOURS: Final = {
    "up": "green",
    "drain": "yellow",
    "error": "red",
    "down": "red",
    "disabled": "magenta",
    "stopped": "magenta",
}
"""Of the states of members."""


def count(number: int, noun: str, nouns: str = "") -> str:
    """A number and what it counts: ``1 user``, ``2 users``."""
    return f"{number:,} {noun if number == 1 else nouns or noun + 's'}"


def users(number: int) -> str:
    """So many users."""
    return count(number, "user")


def websockets(number: int) -> str:
    """So many WebSockets."""
    return count(number, "WebSocket")


def requests(member: dict[str, Any]) -> int:
    """How many requests a member serves that are no WebSockets."""
    return max(0, int(member["busy"]) - int(member["websockets"]))


def lasted(seconds: float) -> str:
    """A time span in its two largest units: ``37 s``, ``2 min 5 s``, ``3 d 4 h``."""
    left = round(seconds)
    parts: list[str] = []
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        whole, left = divmod(left, size)
        if whole or (parts and len(parts) < 2) or (unit == "s" and not parts):
            parts.append(f"{whole} {unit}")
        if len(parts) == 2:
            break
    return " ".join(parts)


def moment(since: float) -> str:
    """A moment in seconds since 1970, in local time."""
    return f"{datetime.fromtimestamp(since, UTC).astimezone():%Y-%m-%d %H:%M:%S}"


def state(word: str) -> str:
    """A member's state, in its colour."""
    return click.style(word, fg=COLOURS.get(word))


def value(said: Any) -> str:
    """Any value that panolb tells, in one line."""
    if said is None or said == "":
        return "-"
    if isinstance(said, bool):
        return "yes" if said else "no"
    if isinstance(said, dict):
        return ", ".join(f"{key} {value(one)}" for key, one in said.items())
    return f"{said:,}" if isinstance(said, int) else f"{said:g}" if isinstance(said, float) else str(said)


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, right: str = "") -> list[str]:
    """The lines of a table with aligned columns.

    :param right: a letter for each column: ``r`` for those that are numbers.
    """
    cells = [[*row] for row in rows]
    lines = [[click.style(head, bold=True) for head in heads], *cells]
    widths = [max(_width(line[column]) for line in lines) for column in range(len(heads))]
    return [_line(line, widths, right).rstrip() for line in lines]


def _line(cells: Sequence[str], widths: Sequence[int], right: str) -> str:
    padded = []
    for column, (cell, width) in enumerate(zip(cells, widths, strict=True)):
        room = " " * (width - _width(cell))
        padded.append(room + cell if right[column : column + 1] == "r" else cell + room)
    return "  ".join(padded)


def _width(cell: str) -> int:
    return len(click.unstyle(cell))


_HARMFUL = re.compile(r"\x1b(?!\[[0-9;]*m)|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f]")


def harmless(line: str) -> str:
    """A line without what could make a terminal do other things than show it; colours stay.

    What panolb tells of requests comes from anybody.
    """
    return _HARMFUL.sub("?", line)


def say(lines: str | Iterable[str]) -> None:
    """Print to standard output."""
    for line in [lines] if isinstance(lines, str) else lines:
        click.echo(harmless(line))


def printed(text: str, for_programs: bool) -> bool:
    """Print an answer as it came, if a program is to read it; returns whether it is."""
    if for_programs:
        say(text.rstrip("\n"))
    return for_programs


def warn(line: str) -> None:
    """Print to standard error what should not be overlooked."""
    click.secho(harmless(line), fg="yellow", err=True)


MEMBER_HEADS: Final = ("MEMBER", "STATE", "WEIGHT", "USERS", "WEBSOCKETS", "REQUESTS", "URL", "REMARKS")
MEMBER_RIGHT: Final = "llrrrrll"


def member_row(member: dict[str, Any]) -> list[str]:
    """A member as a row of a table."""
    return [
        member["name"],
        state(member["state"]),
        f"{member['weight']:g}" if "weight" in member else "",
        f"{member['sessions']:,}",
        f"{member['websockets']:,}",
        f"{requests(member):,}",
        member["url"],
        "; ".join(_remarks(member)),
    ]


def _remarks(member: dict[str, Any]) -> list[str]:
    """What is particular about a member."""
    remarks = [member["reason"]] if member["reason"] else []
    if member.get("closing"):
        remarks.append(f"{websockets(member['closing'])} being closed")
    if member.get("leaving"):
        remarks.append("removed, and leaves when it is empty")
    overrides: dict[str, dict[str, Any]] = member.get("overrides") or {}
    for key, override in overrides.items():
        if key == "added":
            remarks.append(f"added {moment(override['since'])}")
        else:
            remarks.append(f"{key} by override, {value(override['was'])} in the file")
    return remarks


def members_table(members: Iterable[dict[str, Any]]) -> list[str]:
    """Members as a table."""
    return table(MEMBER_HEADS, map(member_row, members), right=MEMBER_RIGHT)
