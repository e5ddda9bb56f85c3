"""Reads files, and says what will come of them.

Imported only when there is a file to read: with what understands it, the whole of panolb comes along, and takes a second.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import attrs
import click
from twisted.internet.testing import MemoryReactor

import panolb.plugins

from ..config import Config, toml
from ..config.dump import comment, dump
from ..config.httpd.imported import Imported
from ..config.httpd.report import Verdict
from ..control import membercertificates, tls
from ..control.registry import Registry
from ..control.surroundings import surrounding_problems
from ..errors import ConfigError, Problem
from ..reading import HttpdOptions, names, read
from ..terminal import Terminal, as_json
from .ending import FAILED


def httpd_options(
    apache_compat: bool, allow_unsupported: Sequence[str], define: Sequence[str]
) -> HttpdOptions:
    """How to read an httpd.conf, as the options of the commands say it."""
    return HttpdOptions(compat=apache_compat, allowed=names(allow_unsupported), defines=tuple(define))


def check(file: Path, httpd: HttpdOptions | None, for_programs: bool) -> None:
    """Say what a file will do.

    :raises SystemExit: with 1 when it is wrong.
    """
    imported, problems = _read(file, httpd)
    doubts: list[Problem] = []
    if imported is not None:
        wrong, doubts = tls.judge(imported.config, datetime.now(UTC).timestamp())
        problems = (
            surrounding_problems(imported.config, MemoryReactor())
            + membercertificates.problems(imported.config)
            + wrong
        )
    if for_programs:
        click.echo(as_json(file, imported, problems, doubts))
    else:
        _tell(file, imported, problems, doubts)
    if problems:
        sys.exit(FAILED)


def import_(httpd_conf: Path, httpd: HttpdOptions, output: Path | None) -> None:
    """Write an httpd.conf as TOML.

    :param output: where; ``None`` for standard output.
    :raises SystemExit: with 1 when that cannot be done.
    """
    terminal = Terminal()
    imported, problems = _read(httpd_conf, httpd)
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


def to_plan(file: Path, httpd: HttpdOptions | None, running: str) -> str:
    """A file as TOML for the running panolb to compare with what it does.

    :param running: its own configuration.  An httpd.conf says nothing of panolb's own doors and workers; twistd's options do,
        which are still in force after a reload.
    :raises SystemExit: with 1 when the file is wrong.
    """
    imported, problems = _read(file, httpd)
    if imported is None:
        Terminal().problems(problems, "nothing was compared.")
        sys.exit(FAILED)
    config = imported.config if httpd is None else _with_options(imported.config, running)
    return dump(config, imported.sources)


def _with_options(config: Config, running: str) -> Config:
    now = toml.loads(running, Registry(panolb.plugins).known, "the running configuration")
    return attrs.evolve(
        config,
        admin=config.admin or now.admin,
        control=config.control or now.control,
        workers=now.workers,
    )


def _read(file: Path, httpd: HttpdOptions | None) -> tuple[Imported | None, Sequence[Problem]]:
    """Read a file; either there is a configuration, or there are problems."""
    try:
        return read(file, Registry(panolb.plugins).known, httpd), ()
    except ConfigError as error:
        return None, error.problems


def _tell(
    file: Path, imported: Imported | None, problems: Sequence[Problem], doubts: Sequence[Problem]
) -> None:
    terminal = Terminal()
    if imported is not None:
        terminal.report(imported.report)
    if problems:
        terminal.problems(problems, "nothing was started.")
    elif imported is not None:
        terminal.behaviour(file, imported, doubts)


def _as_toml(file: Path, imported: Imported) -> str:
    """Write the file, with what is lost at its top."""
    head = comment(f"Made by: panolb import {file}")
    lost = imported.report.lines([Verdict.UNSUPPORTED])
    head += ["#"] * bool(lost) + [line for said in lost for line in comment(said)]
    return "\n".join([*head, "", dump(imported.config, imported.sources)])
