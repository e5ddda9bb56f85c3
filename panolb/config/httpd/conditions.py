"""Answers the questions of ``<IfModule>`` and its like, while the file is read."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Final

from attrs import frozen

from panolb.config.httpd.directives import DIRECTIVES, SECTIONS, module_named, providers
from panolb.config.httpd.known import Known

VERSION: Final = (2, 4, 66)
"""The Apache as which panolb answers ``<IfVersion>``."""

_COMPARISON: Final = re.compile(r"(!?)(==?|>=?|<=?|~)")
_NUMBERS: Final = re.compile(r"\d{1,6}(?:\.\d{1,6}){0,2}")


class Unanswerable(Exception):
    """The question is put wrongly; the message says how."""


@frozen
class Situation:
    """What is known when a question is asked.

    :ivar modules: identifiers of the modules that are loaded.
    :ivar sources: source files of those that are loaded but not known otherwise.
    :ivar variables: what ``Define`` has defined.
    :ivar path: makes an absolute path.
    """

    modules: Collection[str]
    sources: Collection[str]
    variables: Mapping[str, str | None]
    path: Callable[[str], Path]

    def has(self, known: Known) -> bool:
        """Whether a module that has the directive is loaded."""
        return any(name in self.modules for name in providers(known))


def holds(name: str, args: Sequence[str], situation: Situation) -> bool:
    """Answer a section's question.

    :param name: of the section, in small letters, one of `CONDITIONS`.
    :raises Unanswerable: it is put wrongly.
    """
    if not args or tuple(args) == ("!",):
        raise Unanswerable("asks for nothing; write what it depends on before the >")
    if name == "ifversion":
        return _version(args)
    asked = args[0].removeprefix("!") or "".join(args[1:2])  # What follows is passed over, as in Apache.
    return CONDITIONS[name](asked, situation) != args[0].startswith("!")


def _module(name: str, situation: Situation) -> bool:
    return module_named(name) in situation.modules or name in situation.sources


def _define(name: str, situation: Situation) -> bool:
    return name in situation.variables


def _file(name: str, situation: Situation) -> bool:
    try:
        return situation.path(name).exists()
    except (OSError, ValueError):
        return False


def _directive(name: str, situation: Situation) -> bool:
    known = DIRECTIVES.get(name.lower())
    return known is not None and situation.has(known)


def _section(name: str, situation: Situation) -> bool:
    known = SECTIONS.get(name.lower())
    return known is not None and situation.has(known)


def _version(args: Sequence[str]) -> bool:
    """``[[!]operator] version``; the operators are those of mod_version."""
    operator, wanted = ("=", args[0]) if len(args) == 1 else (args[0], args[-1])
    match = _COMPARISON.fullmatch(operator)
    if match is None or len(args) > 2:
        raise Unanswerable("takes an operator (=, >, >=, <, <=, ~, each with or without !) and a version")
    negated, comparison = match.groups()
    return _compare(comparison, wanted) != bool(negated)


def _compare(comparison: str, wanted: str) -> bool:
    if comparison == "~" or (comparison in ("=", "==") and wanted.startswith("/")):
        try:
            return re.search(wanted.strip("/"), ".".join(map(str, VERSION))) is not None
        except (re.error, OverflowError, RecursionError):
            raise Unanswerable("has a regular expression that cannot be read") from None
    if _NUMBERS.fullmatch(wanted) is None:
        raise Unanswerable("takes a version such as 2.4 or 2.4.10")
    numbers = [int(number) for number in wanted.split(".")]
    other = (*numbers, 0, 0)[:3]
    order = (other < VERSION) - (other > VERSION)
    return {"=": order == 0, "==": order == 0, ">": order > 0, ">=": order >= 0, "<": order < 0}.get(
        comparison, order <= 0
    )


CONDITIONS: Final[Mapping[str, Callable[[str, Situation], bool]]] = {
    "ifmodule": _module,
    "ifdefine": _define,
    "iffile": _file,
    "ifdirective": _directive,
    "ifsection": _section,
    "ifversion": lambda name, situation: _version([name]),
}
"""The sections that are decided while reading, and never are in the tree."""
