"""The ``panolb`` command."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import reduce
from pathlib import Path
from typing import Any

import click

import panolb.plugins

from . import __version__
from .config.dump import comment, dump
from .config.httpd import Imported
from .config.httpd.report import Verdict
from .control.registry import Registry
from .control.surroundings import surrounding_problems
from .errors import ConfigError, Problem
from .reading import HttpdOptions, names, read
from .tap import known
from .terminal import Terminal, as_json

FAILED = 1  # the configuration is wrong

FILE = click.Path(path_type=Path)


def httpd_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say how to read an httpd.conf."""
    options = [
        click.option(
            "--apache-compat", is_flag=True, help="Do exactly as Apache, also where panolb does better."
        ),
        click.option(
            "--allow-unsupported",
            metavar="NAME[,NAME...]",
            multiple=True,
            help="Go on without these directives, although traffic would go elsewhere in Apache.",
        ),
        click.option("--define", metavar="NAME[=VALUE]", multiple=True, help="Like httpd's -D."),
    ]
    return reduce(lambda wrapped, option: option(wrapped), reversed(options), command)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="panolb", message="%(prog)s %(version)s")
def main() -> None:
    """A sticky load balancer for stateful, WebSocket-heavy dashboards.

    Run it with: twistd -n panolb --config FILE
    """


@main.command()
@click.argument("file", type=FILE)
@click.option("--httpd-conf", is_flag=True, help="FILE is Apache's, whatever it is called; *.conf always is.")
@httpd_options
@click.option("--json", "for_programs", is_flag=True, help="Say it as JSON.")
def check(file: Path, httpd_conf: bool, for_programs: bool, **options: Any) -> None:
    """Check a configuration and say what it will do, without touching anything.

    FILE is panolb's TOML, or an httpd.conf of Apache; of that, say also what becomes of each of its lines.

    Exit status: 0 it is right, 1 it is wrong (every problem is printed), 2 the command was misspelt.
    """
    httpd = _httpd_options(**options) if httpd_conf or file.suffix == ".conf" else None
    if httpd is None and any(options.values()):
        raise click.UsageError("--apache-compat, --allow-unsupported and --define are for an httpd.conf")
    imported, problems = _read(file, httpd)
    if imported is not None:
        problems = surrounding_problems(imported.config)
    if for_programs:
        click.echo(as_json(file, imported, problems))
    else:
        _tell(file, imported, problems)
    if problems:
        sys.exit(FAILED)


@main.command(name="import")
@click.argument("httpd_conf", type=FILE)
@click.option("--output", "-o", type=FILE, help="Write there, instead of to standard output; a new file.")
@httpd_options
def import_(httpd_conf: Path, output: Path | None, **options: Any) -> None:
    """Write an httpd.conf of Apache as TOML that does the same.

    What is not carried over stands at the top of the file, and on standard error.

    Exit status: 0 it is written, 1 it cannot be run (every problem is printed), 2 the command was misspelt.
    """
    terminal = Terminal()
    imported, problems = _read(httpd_conf, _httpd_options(**options))
    if imported is None:
        terminal.problems(problems, "nothing was written.")
        sys.exit(FAILED)
    terminal.not_carried_over(imported.report)
    text = _as_toml(httpd_conf, imported)
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        with output.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        terminal.problems(
            [Problem(str(output), f"cannot be written: {error.strerror}")], "nothing was written."
        )
        sys.exit(FAILED)


def _httpd_options(
    apache_compat: bool, allow_unsupported: Sequence[str], define: Sequence[str]
) -> HttpdOptions:
    return HttpdOptions(compat=apache_compat, allowed=names(allow_unsupported), defines=tuple(define))


def _read(file: Path, httpd: HttpdOptions | None) -> tuple[Imported | None, Sequence[Problem]]:
    """Read a file; either there is a configuration, or there are problems."""
    try:
        return read(file, known(Registry(panolb.plugins)), httpd), ()
    except ConfigError as error:
        return None, error.problems


def _tell(file: Path, imported: Imported | None, problems: Sequence[Problem]) -> None:
    terminal = Terminal()
    if imported is not None:
        terminal.report(imported.report)
    if problems:
        terminal.problems(problems, "nothing was started.")
    elif imported is not None:
        terminal.behaviour(file, imported)


def _as_toml(file: Path, imported: Imported) -> str:
    """Write the file, with what is lost at its top."""
    head = comment(f"Made by: panolb import {file}")
    lost = imported.report.lines([Verdict.UNSUPPORTED])
    head += ["#"] * bool(lost) + [line for said in lost for line in comment(said)]
    return "\n".join([*head, "", dump(imported.config, imported.sources)])
