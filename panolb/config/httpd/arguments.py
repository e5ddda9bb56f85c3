"""How many arguments a directive may have, and what is wrong with those that it has."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from panolb.config.httpd.known import Known

_NAMED: Final = frozenset({"unset", "echo"})
_REPLACED: Final = frozenset({"edit", "edit*"})
_TILDE: Final = frozenset({"<Location>", "<Directory>", "<Files>"})
_CONDITION: Final = re.compile(r"(?:env|expr)=.*|early", re.IGNORECASE | re.DOTALL)


def most(known: Known, args: Sequence[str]) -> int | None:
    """Return how many of these arguments the directive can take; None for any number."""
    return _bounds(known, args)[1]


def wrong(known: Known, args: Sequence[str]) -> str | None:
    """Return what is wrong with the number of arguments, or with On and Off; None when nothing is."""
    least, highest = _bounds(known, args)
    if len(args) < least or (highest is not None and len(args) > highest):
        return f"takes {_expected(least, highest)}, found {len(args)}"
    if known.flag and args[0].lower() not in ("on", "off"):
        return "must be On or Off"
    return None


def _bounds(known: Known, args: Sequence[str]) -> tuple[int, int | None]:
    """Return the fewest and the most arguments.

    Most directives take fixed numbers.  With mod_headers they depend on the action, and on a condition at the end;
    with sections on the ``~`` before a regular expression.
    """
    if known.name in _TILDE:
        count = 2 if args and args[0] == "~" else 1
        return count, count
    if known.name not in ("Header", "RequestHeader"):
        return known.least, known.most
    table = bool(args) and known.name == "Header" and args[0].lower() in ("always", "onsuccess")
    action = args[table].lower() if len(args) > table else ""
    count = table + (2 if action in _NAMED else 4 if action in _REPLACED else 3)
    return count, count + (len(args) > count and _CONDITION.fullmatch(args[count]) is not None)


def _expected(least: int, highest: int | None) -> str:
    if highest is None:
        return f"at least {_counted(least)}"
    if least >= highest:
        return _counted(highest) if highest else "no arguments"
    return f"{least} to {_counted(highest)}"


def _counted(count: int) -> str:
    return f"{count} argument{'' if count == 1 else 's'}"
