"""mod_alias: ``Redirect`` and its like, and the files of ``Alias``."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from panolb.config.httpd.expressions import wrong
from panolb.config.httpd.known import Verdict
from panolb.config.httpd.nodes import Directive
from panolb.config.httpd.readable import why_not
from panolb.config.httpd.remarks import Remarks
from panolb.config.httpd.scalars import atoi
from panolb.config.httpd.scopes import Area, Scope, below
from panolb.config.httpd.ways import Way

_WORDS: Final = {"permanent": 301, "temp": 302, "seeother": 303, "gone": 410}
_NAMES: Final = ("Redirect", "RedirectMatch", "RedirectTemp", "RedirectPermanent")


def scoped(areas: list[Area], remarks: Remarks) -> list[Way]:
    """Return the redirects of ``<Location>`` sections, the last section first; they come before any ProxyPass."""
    found: list[Way] = []
    for area in reversed(areas):
        for node in area.directives:
            if node.name.lower() in {name.lower() for name in _NAMES}:
                way = _redirect(node, area, remarks)
                found += [way] if way is not None else []
    return found


def unscoped(scope: Scope, remarks: Remarks) -> list[Way]:
    """Return the redirects of a server; a ProxyPass for the same path comes before them."""
    ways = (_redirect(node, None, remarks) for node in _own_first(scope, *_NAMES))
    return [way for way in ways if way is not None]


def _own_first(scope: Scope, *names: str) -> list[Directive]:
    return [*scope.own(*names), *(scope.main.own(*names) if scope.main is not None else ())]


def files(scope: Scope, remarks: Remarks, root: Path) -> list[Way]:
    """Return the directories that ``Alias`` serves, where nothing keeps anybody from them.

    :param root: where relative names begin.
    """
    found: list[Way] = []
    for node in _own_first(scope, "Alias", "ScriptAlias"):
        lost = _why_not(node, scope, root)
        path = node.args[0].rstrip("/") or "/"
        if lost is not None:
            remarks.lost(node, f"{lost}; these paths get 404.")
            found.append(Way(node, path=path, status=404))
        else:
            words = "Serves the files as they are, without header rules; index.html stands for its directory."
            remarks.say(node, Verdict.RUN, words)
            found.append(Way(node, path=path, files=_directory(node, root)))
    # Nothing need be said of paths that nobody else has.
    shown = [way.prefix or "" for way in found if way.files is not None]
    return [way for way in found if way.files or any(below(way.prefix or "", one) for one in shown)]


def _why_not(node: Directive, scope: Scope, root: Path) -> str | None:
    """Say why the files of an ``Alias`` are not served; None when they are."""
    if node.name.lower() == "scriptalias":
        # Every httpd.conf that came with Apache has one; nobody sees what should not be seen.
        return "panolb runs no programs"
    if len(node.args) != 2 or not node.args[0].startswith("/"):
        return "Its files are not served"
    directory = _directory(node, root)
    if not os.path.isdir(directory):
        return f"There is no directory {directory}"
    return why_not(scope, directory)


def _directory(node: Directive, root: Path) -> str:
    return os.path.normpath(os.path.join(root, node.args[1]))


def _redirect(node: Directive, area: Area | None, remarks: Remarks) -> Way | None:
    status, rest = _status(node)
    moved = 300 <= status < 400
    if len(rest) + (area is not None and not moved and not rest) < (2 if moved and area is None else 1):
        remarks.problem(node, "needs a path and a URL" if moved else "needs a path")
        return None
    if not moved and (len(rest) > 1 or not 400 <= status < 600):
        remarks.problem(
            node,
            "Redirect URL not valid for this status" if len(rest) > 1 else "needs a status from 300 to 599",
        )
        return None
    url = rest[-1] if moved else None
    if url is not None and area is not None and len(rest) == 1 and re.search(r"%\{|\$", url):
        remarks.stops(node, "Redirects with variables in <Location> are not carried over.")
        return None
    where = rest[0] if len(rest) > (1 if moved else 0) else None
    return _way(node, where, area, url, status, remarks)


def _way(
    node: Directive, where: str | None, area: Area | None, url: str | None, status: int, remarks: Remarks
) -> Way | None:
    if where is None:
        assert area is not None
        if area.path is None:
            return Way(node, pattern=area.pattern, area=area, redirect=url, status=status)
        # In a <Location> without a path of its own the URL is the whole target, whatever follows in the request.
        return Way(node, pattern=area.expression, area=area, redirect=url, status=status)
    if node.name.lower() == "redirectmatch":
        error = wrong(where)
        if error is not None:
            remarks.problem(node, error)
            return None
        return _within(Way(node, pattern=where, area=area, redirect=url, status=status), area, remarks)
    if not where.startswith("/"):
        remarks.problem(node, f'{where} must start with "/"')
        return None
    if where.endswith("/") and url is not None:
        # What follows the path begins with a slash; see mapping.mapped.
        url = url.removesuffix("/")
    whole = Way(node, path=where.rstrip("/") or "/", area=area, redirect=url, status=status)
    return _within(whole, area, remarks)


def _within(way: Way, area: Area | None, remarks: Remarks) -> Way | None:
    """Return a redirect for what is in its section, too; None when there is no such path."""
    if area is None or area.path == "":
        return way
    if area.path is None or way.prefix is None:
        return way.where_also(area.expression)
    if below(way.prefix, area.path):
        return way
    if below(area.path, way.prefix):
        return way.narrowed(area.path)
    remarks.say(way.node, Verdict.HARMLESS, "No path is both in its section and its own.")
    return None


def _status(node: Directive) -> tuple[int, list[str]]:
    """Return the status, and the words without it."""
    name, args = node.name.lower(), list(node.args)
    if name == "redirectpermanent":
        return 301, args
    if name == "redirecttemp":
        return 302, args
    first = args[0].lower()
    if first in _WORDS:
        return _WORDS[first], args[1:]
    if first[:1].isdigit():
        return atoi(first), args[1:]
    return 302, args
