"""Reads an ``httpd.conf``: its lines, their translation, what must hold of the whole, and what the operator is told.

Whoever has a TOML file never imports this: the tables and patterns of all directives take their time.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from attrs import evolve

from panolb.config import crosscheck
from panolb.config.crosscheck import Known
from panolb.config.httpd.imported import Imported, Origins
from panolb.config.httpd.judging import judge
from panolb.config.httpd.reading import Document, read
from panolb.config.httpd.remarks import Remarks
from panolb.config.httpd.report import Entry, Report
from panolb.config.httpd.translation import Translation
from panolb.errors import ConfigError, Problem

_LINE = re.compile(r"(?P<file>.*?):(?P<line>\d+)(?::|$)", re.DOTALL)


def load(
    path: Path,
    known: Known,
    *,
    compat: bool = False,
    allowed: Collection[str] = frozenset(),
    defines: Iterable[str] = (),
    instead: Mapping[str, bytes] | None = None,
) -> Imported:
    """Read a file and everything that it includes.

    :param known: the names of the plugins that exist.
    :param compat: do exactly as Apache where panolb would do better; see `panolb.config.httpd.differences`.
    :param allowed: directives whose loss the operator accepts.
    :param defines: ``NAME`` or ``NAME=VALUE``, as with ``httpd -D``.
    :param instead: by name, what to take for what stands in a file.
    :raises ConfigError: with everything that is wrong or must not be lost, in the order of the lines.
    """
    document = read(path, defines=defines, instead=instead)
    remarks = Remarks()
    translation = Translation(document.nodes, document.root, remarks, compat)
    config = translation.config()
    entries: list[Entry] = [*document.entries, *judge(document.nodes, remarks.said)]
    report = Report(entries)
    origins = Origins(str(path), sources=translation.sources)
    found = [*document.problems, *remarks.problems, *report.problems(allowed)]
    if not config.listener and not found:
        found.append(Problem(str(path), "no listening sockets available; write Listen 80"))
    if not found:
        # Only a whole translation is worth to be looked at: what is missing has been told before.
        agreed = crosscheck.findings(config, known)
        found = [Problem(origins(one.path), one.message) for one in agreed if not one.warning]
    if found:
        raise ConfigError(_in_order(found, document, path))
    return Imported(evolve(config, where=origins), report, translation.sources)


def _in_order(problems: list[Problem], document: Document, path: Path) -> list[Problem]:
    """Sort by file, in the order in which the files are read, and by line."""
    files = [str(path), *dict.fromkeys(node.place.file for node in document.nodes)]

    def place(problem: Problem) -> tuple[int, int]:
        match = _LINE.match(problem.place)
        file, line = (match["file"], int(match["line"])) if match else (problem.place, 0)
        return files.index(file) if file in files else len(files), line

    return sorted(problems, key=place)
