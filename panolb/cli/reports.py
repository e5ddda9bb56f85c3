"""What a reload did, or would do, for people."""

from __future__ import annotations

from typing import Any

import click

from .showing import count, requests, say, users, warn, websockets


def say_report(report: dict[str, Any], *, planned: bool = False) -> None:
    """Print a report, line by line.

    :param planned: it has not been done yet.
    """
    for warning in report["warnings"]:
        warn(f"{warning['place']}: warning: {warning['message']}")
    say(report["summary"])
    for one in report["overrides"]["dropped"]:
        say(f"override of {one['member']} dropped, {one['key']}: {one['why']}")
    if planned:
        say("These are changes: panolb reload makes them." if report["changes"] else "Nothing would change.")
        return
    for member in report.get("draining", ()):
        left = f"{websockets(member['websockets'])} being closed, {count(requests(member), 'request')} being finished"
        say(f"{member['name']} leaves: {left}")
    if report["changes"]:
        say(click.style(f"Reloaded: configuration generation {report['generation']}.", fg="green"))
    else:
        say("Nothing has changed.")


def affected(member: dict[str, Any]) -> str:
    """Whom a change of a member concerns."""
    return f"{users(member['sessions'])}, {websockets(member['websockets'])}"
