"""``ErrorDocument``: a text, a URL, or a page of the server itself, which has to be a file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from panolb.config.httpd.nodes import Directive
from panolb.config.httpd.remarks import Remarks
from panolb.config.httpd.scopes import Scope, below
from panolb.config.httpd.ways import Way

_PAGES: Final = frozenset({".html", ".htm", ".xhtml", ".txt", ".json", ".xml"})
"""Files that Apache sends as they are."""


def page(
    node: Directive, text: str, scope: Scope, ways: list[Way], root: Path, remarks: Remarks
) -> str | None:
    """Return the page in the words of the model; None for Apache's own.

    :param root: where relative file names begin.
    """
    if text.lower() == "default" or not text:
        return None
    if not text.startswith("/"):
        return text
    path = text.partition("?")[0]
    for way in ways:
        if way.prefix is not None and below(path, way.prefix) and way.group is not None:
            remarks.lost(node, f"{path} is a page of a member, and panolb asks no member for error pages.")
            return None
        if way.prefix is not None and below(path, way.prefix):
            break
    file = _file(path, scope, root)
    if file is not None and file.suffix.lower() not in _PAGES:
        remarks.lost(node, f"{file} may be a program; panolb shows a page of its own.")
        return None
    if file is None or not file.is_file():
        where = f"There is no file {file}" if file is not None else "There is no DocumentRoot"
        remarks.lost(node, f"{where}; panolb shows a page of its own.")
        return None
    return f"file:{file}"


def _file(path: str, scope: Scope, root: Path) -> Path | None:
    """Return the file that a path of the server means."""
    for node in scope.all("Alias"):
        if len(node.args) == 2 and below(path, node.args[0].rstrip("/")):
            rest = path[len(node.args[0].rstrip("/")) :].lstrip("/")
            return Path(os.path.normpath(root / node.args[1] / rest))
    directory = scope.word("DocumentRoot")
    return Path(os.path.normpath(root / directory / path.lstrip("/"))) if directory else None
