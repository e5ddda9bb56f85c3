"""The commands about users' sessions: who is where, and how to move them."""

from __future__ import annotations

from typing import Any

import click

from .client import Daemon, quoted
from .options import OF_MEMBER, SESSION, TO_MEMBER, talks
from .showing import count, lasted, moment, printed, say, table, websockets


@click.group()
def sessions() -> None:
    """Show users' sessions; move one, or close its WebSockets.

    Known are the sessions that have an open WebSocket, by a hash of their cookie, or of the client's address.
    """


@sessions.command(name="list")
@OF_MEMBER
@click.option("--offset", type=click.IntRange(min=0), help="Leave out so many at the beginning.")
@click.option("--limit", type=click.IntRange(min=1), help="Show so many at most.")
@talks
def list_(
    daemon: Daemon, member: str | None, offset: int | None, limit: int | None, *, for_programs: bool
) -> None:
    """List the sessions, and on which member they are."""
    answer = daemon.get("sessions", member=member, offset=offset, limit=limit)
    if printed(answer.text, for_programs):
        return
    found = answer.value["sessions"]
    rows = [
        [
            one["session"],
            ", ".join(one["members"]) or "-",
            f"{one['websockets']:,}",
            one["client"],
            moment(one["since"]),
            _quiet(one["idle_seconds"]),
            f"moving to {one['moving_to']}" if one["moving_to"] else "",
        ]
        for one in found
    ]
    heads = ("SESSION", "MEMBER", "WEBSOCKETS", "CLIENT", "SINCE", "QUIET FOR", "REMARKS")
    if rows:
        say(table(heads, rows, right="llrllrl"))
    rest = answer.value["total"] - (offset or 0) - len(found)
    more = f"; {rest:,} more: --offset {(offset or 0) + len(found)}" if rest > 0 else ""
    click.echo(f"{count(answer.value['total'], 'session')}{more}", err=not rows)


def _quiet(seconds: float | None) -> str:
    """For how long nothing was said; nobody knows, where there is no WebSocket."""
    return "-" if seconds is None else lasted(seconds)


@sessions.command()
@SESSION
@talks
def show(daemon: Daemon, session: str, *, for_programs: bool) -> None:
    """Show a session and each of its WebSockets."""
    answer = daemon.get(f"sessions/{quoted(session)}")
    if printed(answer.text, for_programs):
        return
    one = answer.value
    going = f", moving to {one['moving_to']}" if one["moving_to"] else ""
    say(
        f"session {one['session']} of {one['client']}: {websockets(one['websockets'])} on {', '.join(one['members']) or 'no member'}{going}"
    )
    heads = ("ID", "MEMBER", "PATH", "OPEN FOR", "QUIET FOR", "MESSAGES IN", "OUT")
    say(table(heads, map(_row, one["websocket_records"]), right="lllrrrr"))


def _row(record: dict[str, Any]) -> list[str]:
    return [
        record["id"],
        record["member"],
        record["path"],
        lasted(record["open_seconds"]),
        lasted(record["idle_seconds"]),
        f"{record['messages_in']:,}",
        f"{record['messages_out']:,}",
    ]


@sessions.command()
@SESSION
@TO_MEMBER
@talks
def move(daemon: Daemon, session: str, member: str, *, for_programs: bool) -> None:
    """Move a session to another member.

    Its WebSockets are closed, and its pages connect again, to that one.  The move holds for an hour.
    What the application keeps of the session in memory does not move, unless the members share their sessions.
    """
    answer = daemon.post(f"sessions/{quoted(session)}/move", {"member": member})
    if printed(answer.text, for_programs):
        return
    told = answer.value
    say(
        f"session {told['session']} moves to {told['member']}: {websockets(told['websockets'])} being closed."
    )
    say(f"Has it come there?  panolb sessions show {told['session']}")


@sessions.command()
@SESSION
@talks
def close(daemon: Daemon, session: str, *, for_programs: bool) -> None:
    """Close the WebSockets of a session.

    Its pages connect again, to the same member.
    """
    answer = daemon.post(f"sessions/{quoted(session)}/close")
    if printed(answer.text, for_programs):
        return
    say(f"session {answer.value['session']}: {websockets(answer.value['websockets'])} being closed.")
