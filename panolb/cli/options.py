"""What the commands that talk to a running panolb have in common: options, names that complete, and JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import reduce, wraps
from typing import Any

import click
from click.shell_completion import CompletionItem

from .client import SOCKET, TIMEOUT, Daemon
from .ending import Failed

PATIENCE = 1.0  # seconds that a shell waits for the names of members

Command = Callable[..., None]

_OPTIONS = (
    click.option(
        "--control",
        metavar="PATH|URL",
        envvar="PANOLB_CONTROL",
        default=SOCKET,
        show_default=True,
        help="The control API: the path of its UNIX socket, or http(s)://HOST:PORT.  [env: PANOLB_CONTROL]",
    ),
    click.option(
        "--token-file",
        metavar="FILE",
        envvar="PANOLB_TOKEN_FILE",
        help="With a URL: the token that it wants.  [env: PANOLB_TOKEN_FILE]",
    ),
    click.option("--ca", metavar="FILE", help="With https: the certificates that vouch for its own."),
    click.option("--cert", metavar="FILE", help="With https: the certificate to show it."),
    click.option("--key", metavar="FILE", help="With https: the key of that certificate."),
    click.option(
        "--timeout",
        metavar="SECONDS",
        type=click.FloatRange(0.1, 3600),
        default=TIMEOUT,
        show_default=True,
        help="Wait so long for an answer.",
    ),
)
_FOR_PROGRAMS = click.option("--json", "for_programs", is_flag=True, help="Say it as JSON.")


def talks(command: Command) -> Command:
    """Give a command the running panolb as its first argument, ``--json`` as ``for_programs``, and what both need.

    With ``--json`` a failure is told on standard output too.
    """

    @wraps(command)
    def asked(for_programs: bool, **words: Any) -> None:
        try:
            command(_daemon(words), for_programs=for_programs, **words)
        except Failed as failed:
            if for_programs:
                click.echo(json.dumps(dict(failed.said), indent=1))
            raise

    return reduce(lambda wrapped, option: option(wrapped), reversed((_FOR_PROGRAMS, *_OPTIONS)), asked)


def _daemon(words: dict[str, Any]) -> Daemon:
    """Take what belongs to the connection out of a command's words."""
    own = {name: words.pop(name) for name in ("control", "token_file", "ca", "cert", "key", "timeout")}
    return Daemon(own.pop("control"), **own)


def _names(context: click.Context, path: str, key: str, name: str, incomplete: str) -> list[CompletionItem]:
    """The names in a list that a running panolb shows; none, when it cannot be asked."""
    known = {one: context.params.get(one) for one in ("token_file", "ca", "cert", "key")}
    try:
        daemon = Daemon(context.params.get("control") or SOCKET, timeout=PATIENCE, **known)
        listed = daemon.get(path).value[key]
        found = {str(one[name]): str(one.get("state", "")) for one in listed}
    except (click.ClickException, LookupError, TypeError, ValueError):
        return []
    return [CompletionItem(word, help=state) for word, state in found.items() if word.startswith(incomplete)]


def _members(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return _names(context, "members", "members", "name", incomplete)


def _overridden(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return _names(context, "overrides", "overrides", "member", incomplete)


def _balancers(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return _names(context, "balancers", "balancers", "name", incomplete)


def _sessions(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return _names(context, "sessions", "sessions", "session", incomplete)


MEMBER = click.argument("member", shell_complete=_members)
TO_MEMBER = click.option("--to", "member", metavar="MEMBER", required=True, shell_complete=_members)
OF_MEMBER = click.option(
    "--member", metavar="MEMBER", shell_complete=_members, help="Only those of this member."
)
DROP = click.option(
    "--drop",
    metavar="MEMBER",
    shell_complete=_overridden,
    help="Drop those of this member: what the file says holds again.",
)
BALANCER = click.argument("balancer", shell_complete=_balancers)
SESSION = click.argument("session", shell_complete=_sessions)
