"""What can go wrong, who is to blame, and which status the client deserves.

Every failure that crosses a module border is one of these.  ``status`` is the HTTP status (RFC 9110 section 15)
that a client gets when nothing better is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class PanolbError(Exception):
    """The root of the tree; never raised itself."""

    status = 500


class BadRequest(PanolbError):
    """The client sent what no server may accept; no member is involved.

    :param status: the 4xx that says what was wrong.
    :param reason: one sentence for the error page and the log; never contains bytes of the request.
    :param lines: header fields that the answer has to carry, as ``Name: value``.
    """

    def __init__(self, status: int, reason: str, lines: Sequence[bytes] = ()) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.lines = tuple(lines)


class BadResponse(PanolbError):
    """A member answered with what is not HTTP/1.x, or not an answer to what it was asked (502)."""

    status = 502

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a configuration: ``place`` is ``file:line: key`` (or the key), ``message`` says what would be right."""

    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


class ConfigError(PanolbError):
    """A configuration that cannot be run; carries every problem found, not only the first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


class LanguageError(PanolbError, ValueError):
    """A text in one of the small languages (`panolb.language`) that cannot be read; the message says why."""


class NotStarted(SystemExit, Exception):
    """The process cannot begin, and ends with exit code 1 and these words on standard error.

    An `Exception` as well, since twistd as a daemon tells the command that has started it of nothing else: that would wait for ever.
    """
