"""The command ``explain``: where a request goes, or went, and why."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click

from .client import Daemon, quoted
from .options import talks
from .showing import printed, say, state, table


@click.command()
@click.argument("url", required=False)
@click.option("--id", "request_id", metavar="ID", help="A request that was served: its id in the access log.")
@click.option("--method", help="GET, if nothing else is said.")
@click.option("--cookie", metavar="NAME=VALUE", multiple=True, help="A cookie that the request brings along.")
@click.option("--header", metavar="NAME: VALUE", multiple=True, help="A header field that it has.")
@click.option("--client", metavar="ADDRESS", help="Whom it comes from.")
@click.option("--listener", metavar="NAME", help="Where it comes in.")
@click.option("--websocket", is_flag=True, help="It is the handshake of a WebSocket.")
@talks
def explain(
    daemon: Daemon,
    url: str | None,
    request_id: str | None,
    cookie: tuple[str, ...],
    header: tuple[str, ...],
    *,
    for_programs: bool,
    **words: Any,
) -> None:
    """Say where a request goes, or went, and why.

    A request for URL with these options, if it came now; or, with --id, one that was served.  Nothing is sent anywhere.
    """
    if (url is None) == (request_id is None) or (request_id and (cookie or header or any(words.values()))):
        raise click.UsageError("say a URL, with options that describe the request; or --id, and nothing else")
    if request_id is not None:
        answer = daemon.get(f"explain/{quoted(request_id)}")
    else:
        given = {key: value for key, value in words.items() if value}
        headers: dict[str, list[str]] = {}
        for name, value in _pairs(header, ":"):
            headers.setdefault(name, []).append(value)
        wish = {"url": url, **given, "headers": headers, "cookies": dict(_pairs(cookie, "="))}
        answer = daemon.post("explain", {key: value for key, value in wish.items() if value})
    if not printed(answer.text, for_programs):
        say(_lines(answer.value))


def _pairs(texts: tuple[str, ...], separator: str) -> Iterator[tuple[str, str]]:
    """Take options apart.

    :raises click.UsageError: when a text has no separator.
    """
    for text in texts:
        name, found, value = text.partition(separator)
        if not found:
            raise click.UsageError(f"{text!r}: write NAME{separator}VALUE")
        yield name.strip(), value.strip()


def _lines(explanation: dict[str, Any]) -> list[str]:
    """An explanation for people."""
    rows = [
        [
            one["name"],
            click.style(one["verdict"], fg="green" if one["verdict"] == "chosen" else None),
            state(one["state"]),
            one["words"],
        ]
        for one in explanation["members"]
    ]
    advice = [click.style(line, fg="yellow") for line in explanation["advice"]]
    members = ["", *table(("MEMBER", "VERDICT", "STATE", "WHY"), rows)] if rows else []
    return [*explanation["summary"], *advice, *members]
