"""The ``panolb`` command."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape

import panolb.plugins

from . import __version__
from .config import load, warnings
from .config.summary import describe
from .control.registry import Registry
from .control.surroundings import surrounding_problems
from .errors import ConfigError
from .tap import known

FAILED = 1  # the configuration is wrong


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="panolb", message="%(prog)s %(version)s")
def main() -> None:
    """A sticky load balancer for stateful, WebSocket-heavy dashboards.

    Run it with: twistd -n panolb --config FILE
    """


@main.command()
@click.argument("file", type=click.Path(path_type=Path))
def check(file: Path) -> None:
    """Check a configuration and say what it will do, without touching anything.

    Exit status: 0 it is right, 1 it is wrong (every problem is printed), 2 the command was misspelt.
    """
    out, err = Console(highlight=False, soft_wrap=True), Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        config = load(file, known(Registry(panolb.plugins)))
        problems = surrounding_problems(config)
        if problems:
            raise ConfigError(problems)
    except ConfigError as error:
        for problem in error.problems:
            err.print(f"[red]{escape(problem.place)}[/]: {escape(problem.message)}")
        count = len(error.problems)
        err.print(f"{count} problem{'s' if count != 1 else ''}; nothing was started.")
        sys.exit(FAILED)
    for warning in warnings(config):
        err.print(f"[yellow]{escape(warning.place)}[/]: warning: {escape(warning.message)}")
    for line in describe(config):
        out.print(escape(line))
    out.print(f"{escape(str(file))}: right", style="green")
