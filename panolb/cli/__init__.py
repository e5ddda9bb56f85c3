"""The ``panolb`` command.

Only what every command needs is imported here: ``panolb status`` should not wait for Twisted.
"""

from __future__ import annotations

from typing import Any

import click

from .. import __version__
from .completing import completion
from .configuring import reload, save
from .ending import EPILOG, INTERRUPTED, printing
from .events import events
from .explaining import explain
from .files import check, import_, plan
from .members import add, disable, drain, enable, remove, stop, weight
from .overrides import overrides
from .seeing import members, status
from .sessions import sessions


class Main(click.Group):
    """The verbs, in the order in which an operator meets them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def make_context(self, *words: Any, **more: Any) -> click.Context:
        with printing():  # --help and --version
            return super().make_context(*words, **more)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with printing():
                return super().invoke(ctx)
        except KeyboardInterrupt:
            click.echo(err=True)  # behind the terminal's ^C
            ctx.exit(INTERRUPTED)


@click.group(cls=Main, context_settings={"help_option_names": ["-h", "--help"]}, epilog=EPILOG)
@click.version_option(__version__, prog_name="panolb", message="%(prog)s %(version)s")
def main() -> None:
    """A sticky load balancer for stateful, WebSocket-heavy dashboards.

    Run it with: twistd -n panolb --config FILE
    """


@main.command()
def version() -> None:
    """Print the version."""
    click.echo(f"panolb {__version__}")


for _one in (
    status, members, sessions, events, explain,
    drain, enable, disable, stop, weight, add, remove, overrides, save,
    check, plan, reload, import_, completion, version,
):  # fmt: skip
    main.commands.pop(_one.name or "", None)
    _one.epilog = _one.epilog or EPILOG
    main.add_command(_one)
for _one in sessions.commands.values():
    _one.epilog = EPILOG
