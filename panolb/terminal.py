"""How the ``panolb`` command shows what it has found: to people on a terminal, and to programs as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import attrs
from rich.console import Console
from rich.markup import escape

from .config import describe, warnings
from .config.httpd.imported import Imported
from .config.httpd.report import Entry, Report, Verdict
from .errors import Problem

COLOURS: Final = {
    Verdict.UNSUPPORTED: "red",
    Verdict.IMPROVED: "cyan",
    Verdict.RESTORED: "yellow",
    Verdict.HARMLESS: "dim",
    Verdict.RUN: "green",
}
"""The verdicts in the order in which they are printed: what an operator has to know comes first."""


@attrs.frozen
class Terminal:
    """The two streams of the command; coloured where they are a terminal."""

    out: Console = attrs.field(factory=lambda: _console(stderr=False))
    err: Console = attrs.field(factory=lambda: _console(stderr=True))

    def report(self, report: Report) -> None:
        """Say line by line what becomes of an ``httpd.conf``, grouped by verdict."""
        for verdict, colour in COLOURS.items():
            for line in report.lines([verdict]):
                self.out.print(escape(line), style=None if line.startswith(" ") else colour)

    def behaviour(self, file: Path, imported: Imported, doubts: Sequence[Problem]) -> None:
        """Say what a right configuration will do.

        :param doubts: warnings about what stands in the files that it names.
        """
        for warning in (*warnings(imported.config), *doubts):
            self.err.print(f"[yellow]{escape(warning.place)}[/]: warning: {escape(warning.message)}")
        for line in describe(imported.config):
            self.out.print(escape(line))
        self.out.print(f"{escape(str(file))}: right", style="green")

    def problems(self, problems: Sequence[Problem], consequence: str) -> None:
        """Say everything that is wrong, and what that means."""
        for problem in problems:
            self.err.print(f"[red]{escape(problem.place)}[/]: {escape(problem.message)}")
        count = len(problems)
        self.err.print(f"{count} problem{'s' if count != 1 else ''}; {consequence}")

    def not_carried_over(self, report: Report) -> None:
        """Say what of an ``httpd.conf`` is lost."""
        for line in report.lines([Verdict.UNSUPPORTED]):
            self.err.print(escape(line), style=None if line.startswith(" ") else "yellow")


def as_json(
    file: Path, imported: Imported | None, problems: Sequence[Problem], doubts: Sequence[Problem] = ()
) -> str:
    """Write the same for programs.

    :param doubts: see `Terminal.behaviour`.
    :param imported: ``None`` when the file could not be read as a configuration.
    """
    config = None if imported is None else imported.config
    said = {
        "file": str(file),
        "right": not problems,
        "problems": [_problem(one) for one in problems],
        "warnings": [] if config is None else [_problem(one) for one in (*warnings(config), *doubts)],
        "report": [] if imported is None else [_entry(one) for one in imported.report.entries],
        "does": [] if config is None else describe(config),
    }
    return json.dumps(said, indent=2, ensure_ascii=False)


def _problem(problem: Problem) -> dict[str, str]:
    return {"place": problem.place, "message": problem.message}


def _entry(entry: Entry) -> dict[str, object]:
    return {
        "file": entry.place.file,
        "line": entry.place.line,
        "directive": entry.text,
        "verdict": entry.verdict.value,
        "words": entry.words,
    }


class _Console(Console):
    def on_broken_pipe(self) -> None:
        raise BrokenPipeError  # for the command to end with its own exit code; Rich would say 1


def _console(*, stderr: bool) -> Console:
    return _Console(stderr=stderr, highlight=False, soft_wrap=True)
