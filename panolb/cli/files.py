"""The commands about files: ``check``, ``import`` and ``plan``."""

from __future__ import annotations

from functools import reduce
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .client import Daemon
from .ending import PENDING
from .options import Command, talks
from .reports import say_report
from .showing import printed

if TYPE_CHECKING:
    from ..reading import HttpdOptions

FILE = click.Path(path_type=Path)
_IS_HTTPD = click.option(
    "--httpd-conf", is_flag=True, help="FILE is Apache's, whatever it is called; *.conf always is."
)


def _checking() -> Any:
    """Whatever reads files, which takes a second to import."""
    return import_module("panolb.cli.checking")


def _httpd_options(command: Command) -> Command:
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


def _httpd(file: Path, httpd_conf: bool, options: dict[str, Any]) -> HttpdOptions | None:
    """How to read a file as an httpd.conf; ``None`` when it is TOML.

    :raises click.UsageError: when it is TOML, and there are such options.
    """
    if httpd_conf or file.suffix == ".conf":
        said: HttpdOptions = _checking().httpd_options(**options)
        return said
    if any(options.values()):
        raise click.UsageError("--apache-compat, --allow-unsupported and --define are for an httpd.conf")
    return None


@click.command()
@click.argument("file", type=FILE)
@_IS_HTTPD
@_httpd_options
@click.option("--json", "for_programs", is_flag=True, help="Say it as JSON.")
def check(file: Path, httpd_conf: bool, for_programs: bool, **options: Any) -> None:
    """Check a configuration and say what it will do.

    Nothing is started or touched.  FILE is panolb's TOML, or an httpd.conf of Apache; of that, say also what becomes of each of its lines.
    """
    _checking().check(file, _httpd(file, httpd_conf, options), for_programs)


@click.command(name="import")
@click.argument("httpd_conf", type=FILE)
@click.option("--output", "-o", type=FILE, help="Write there, instead of to standard output; a new file.")
@_httpd_options
def import_(httpd_conf: Path, output: Path | None, **options: Any) -> None:
    """Write an httpd.conf of Apache as TOML that does the same.

    What is not carried over stands at the top of the file, and on standard error.
    """
    checking = _checking()
    checking.import_(httpd_conf, checking.httpd_options(**options), output)


@click.command()
@click.argument("file", type=FILE)
@_IS_HTTPD
@_httpd_options
@talks
def plan(daemon: Daemon, file: Path, httpd_conf: bool, *, for_programs: bool, **options: Any) -> None:
    """Say what a reload with FILE would change.

    And whose WebSockets that would close.  Nothing is changed.  Exit status 0: nothing would be, 2: these changes.
    """
    httpd = _httpd(file, httpd_conf, options)
    running = daemon.get("configuration").value["toml"] if httpd else ""
    answer = daemon.post("plan", {"configuration": _checking().to_plan(file, httpd, running)})
    if not printed(answer.text, for_programs):
        say_report(answer.value, planned=True)
    if answer.value["changes"]:
        click.get_current_context().exit(PENDING)
