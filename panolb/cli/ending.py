"""How a command ends: exit codes, and what is said when it cannot do what it was asked."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO, Any, Final

import click

from .showing import harmless

DONE: Final = 0
FAILED: Final = 1
USAGE: Final = 2
PENDING: Final = 2  # of `panolb plan`: there are changes
UNREACHABLE: Final = 3
PARTIAL: Final = 4
INTERRUPTED: Final = 130
UNREAD: Final = 141  # as a shell says it of a program that SIGPIPE has ended

EPILOG: Final = """\
\b
Exit status:
    0  done
    1  refused, or failed; standard error says why
    2  the command line makes no sense; for "plan": there are changes
    3  panolb cannot be reached
    4  the deadline has passed, and not all is done
  130  interrupted with Ctrl-C
  141  nobody reads any more what it prints, as with "| head"
"""


class Failed(click.ClickException):
    """It was not done.

    :param message: what happened, and to which member.
    :param hints: what to do next, a line each.
    :param said: the same for programs, where panolb itself has said it.
    """

    exit_code = FAILED

    def __init__(self, message: str, *hints: str, said: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.hints = hints
        self.said: Mapping[str, Any] = {"error": message} if said is None else said

    def show(self, file: IO[Any] | None = None) -> None:
        """Say it to people."""
        click.secho(harmless(self.message), fg="red", err=True)
        for hint in self.hints:
            click.echo(hint, err=True)


class Refused(Failed):
    """The running panolb does not do it.

    :ivar status: of its answer.
    """

    def __init__(self, status: int, said: Mapping[str, Any], *hints: str) -> None:
        super().__init__(str(said.get("error", f"panolb answered with status {status}")), *hints, said=said)
        self.status = status

    @property
    def problems(self) -> Sequence[Mapping[str, str]]:
        """Of a configuration: each with ``place`` and ``message``."""
        return self.said.get("problems") or ()

    def show(self, file: IO[Any] | None = None) -> None:
        """Say it to people, with every problem."""
        for problem in self.problems:
            place = click.style(problem["place"], fg="red")
            click.echo(harmless(f"{place}: {problem['message']}"), err=True)
        if self.problems:
            number = len(self.problems)
            click.echo(f"{number} problem{'s' if number != 1 else ''}", err=True)
        super().show(file)


class Unreachable(Failed):
    """There is no panolb to ask, or it does not answer."""

    exit_code = UNREACHABLE


class Partial(Failed):
    """The deadline has passed; the text says what is left."""

    exit_code = PARTIAL


@contextmanager
def printing() -> Iterator[None]:
    """End the command when its output cannot be written; quietly when its reader has seen enough.

    :raises Failed: with why it cannot.
    """
    try:
        yield
    except OSError as error:
        # Nothing more can go there, nor what is left in the buffer, which Python writes when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            raise click.exceptions.Exit(UNREAD) from None
        raise Failed(f"what it has to say cannot be printed: {error.strerror or error}") from None
