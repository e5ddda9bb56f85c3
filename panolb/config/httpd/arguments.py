"""How many arguments a directive may have, and what is wrong with those that it has."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from panolb.config.httpd.known import Known

_NAMED: Final = frozenset({"unset", "echo"})
_REPLACED: Final = frozenset({"edit", "edit*"})
_CONDITION: Final = re.compile(r"(?:env|expr)=.*|early", re.IGNORECASE | re.DOTALL)


def most(known: Known, args: Sequence[str]) -> int | None:
    """Return how many of these arguments the directive can take; None for any number.

    Most directives take a fixed number.  With mod_headers it depends on the action, and on a condition at the end.
    """
    if known.name not in ("Header", "RequestHeader"):
        return known.most
    table = bool(args) and known.name == "Header" and args[0].lower() in ("always", "onsuccess")
    action = args[table].lower() if len(args) > table else ""
    count = table + (2 if action in _NAMED else 4 if action in _REPLACED else 3)
    return count + (len(args) > count and _CONDITION.fullmatch(args[count]) is not None)


def wrong(known: Known, args: Sequence[str]) -> str | None:
    """Return what is wrong with the number of arguments, or with On and Off; None when nothing is."""
    highest = most(known, args)
    if len(args) < known.least or (highest is not None and len(args) > highest):
        return f"takes {_expected(known.least, highest)}, found {len(args)}"
    if known.flag and args[0].lower() not in ("on", "off"):
        return "must be On or Off"
    return None


def _expected(least: int, highest: int | None) -> str:
    if highest is None:
        return f"at least {_counted(least)}"
    if least >= highest:
        return _counted(highest) if highest else "no arguments"
    return f"{least} to {_counted(highest)}"


def _counted(count: int) -> str:
    return f"{count} argument{'' if count == 1 else 's'}"
