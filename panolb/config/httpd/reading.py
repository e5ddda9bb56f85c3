"""Reads an ``httpd.conf`` and everything that it includes into a tree of directives and sections.

What Apache decides while it reads is decided here: definitions, includes, ``<IfModule>`` and its like, and which
modules are loaded.  Nothing is thrown: every mistake is collected, with its place.
"""

from __future__ import annotations

import codecs
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from attrs import frozen

from panolb.config.httpd import includes, lexer
from panolb.config.httpd.known import Verdict
from panolb.config.httpd.modules import Modules
from panolb.config.httpd.nodes import Node, Place
from panolb.config.httpd.report import Entry
from panolb.config.httpd.requirements import missing_modules
from panolb.config.httpd.statements import Statements
from panolb.config.httpd.variables import Variables
from panolb.errors import Problem

FILES: Final = 2000
"""Files that one configuration may include."""

NESTED: Final = 20
"""Files that include files."""


@frozen
class Document:
    """A configuration that has been read.

    :ivar nodes: what is left to be translated, in the order in which Apache would see it.
    :ivar modules: identifiers of the modules that are loaded.
    :ivar root: where relative paths start.
    :ivar problems: everything that is wrong.
    :ivar entries: what became of the lines that reading has dealt with.
    """

    nodes: tuple[Node, ...]
    modules: frozenset[str]
    root: Path
    problems: list[Problem]
    entries: list[Entry]


def read(
    path: Path,
    *,
    defines: Iterable[str] = (),
    environment: Mapping[str, str] | None = None,
    instead: Mapping[str, bytes] | None = None,
) -> Document:
    """Read a file.

    :param defines: ``NAME`` or ``NAME=VALUE``, as with ``httpd -D``.
    :param environment: variables of the process, which ``${NAME}`` may name; those of panolb if not given.
    :param instead: by name, what to take for what stands in a file.
    """
    environment = os.environ if environment is None else environment
    defines = tuple(defines)
    instead = instead or {}
    reader = _Reader(path, Variables(defines, environment), instead, everything=False)
    reader.begin(path)
    if not reader.loads_modules:
        # A part of a configuration, such as one of Debian's sites-enabled: its modules are loaded elsewhere.
        reader = _Reader(path, Variables(defines, environment), instead, everything=True)
        reader.begin(path)
    return reader.document()


class _Reader:
    """Reads once.

    :param instead: by name, what to take for what stands in a file.
    :param everything: all known modules are taken as loaded.
    """

    def __init__(
        self, path: Path, variables: Variables, instead: Mapping[str, bytes], *, everything: bool
    ) -> None:
        self._instead = instead
        self._everything = everything
        self._modules = Modules(everything=everything)
        root = Path(os.path.abspath(path)).parent
        self._statements = Statements(root, variables, self._modules, self._include)
        self._findings = self._statements.findings
        self._sections = self._statements.sections
        self._reading: dict[Path, Place] = {}
        self._files = 0

    @property
    def loads_modules(self) -> bool:
        """Whether any line loads a module."""
        return self._statements.loads_modules

    def begin(self, path: Path) -> None:
        """Read the file that was asked for."""
        place = Place(str(path), 1)
        if self._everything:
            self._findings.entry(
                place,
                "",
                Verdict.RESTORED,
                "No LoadModule anywhere: all modules are taken as loaded, as in a part of a configuration.",
            )
        self._file(path, place, str(path))

    def document(self) -> Document:
        """Return what was read."""
        nodes = tuple(self._sections.nodes)
        if not self._everything:
            for place, words in missing_modules(nodes, self._modules.names):
                self._findings.problem(place, words)
        return Document(
            nodes,
            frozenset(self._modules.names),
            self._statements.root,
            self._findings.problems,
            self._findings.entries,
        )

    def _file(self, path: Path, place: Place, named: str) -> None:
        """Read one file.

        :param place: where it is asked for.
        """
        try:
            data = self._instead[str(path)] if str(path) in self._instead else includes.read(path)
        except includes.Unreadable as error:
            self._findings.problem(place, f"{named} {error}")
            return
        if data[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            self._findings.problem(place, f"{named} is UTF-16; save it as UTF-8")
            return
        real = Path(os.path.realpath(path))
        self._reading[real] = place
        self._files += 1
        self._sections.begin_file()
        for line in lexer.logical_lines(lexer.decode(data)):
            if self._findings.is_full:
                break
            self._statements.line(line.text, Place(str(path), line.number))
        for left in self._sections.end_file():
            self._findings.problem(left.place, f"<{left.name}> does not end; write </{left.name}>")
        del self._reading[real]

    def _include(self, name: str, place: Place, *, optional: bool) -> None:
        if len(self._reading) >= NESTED:
            self._findings.problem(place, f"Include: files include each other more than {NESTED} deep")
            return
        try:
            found = includes.find(self._statements.root / name, optional=optional)
        except includes.Unreadable as error:
            self._findings.problem(place, f"Include: {name} {error}")
            return
        for path in found:
            earlier = self._reading.get(Path(os.path.realpath(path)))
            if earlier is not None:
                self._findings.problem(place, f"Include: {path} is being read already, since {earlier}")
            elif self._files >= FILES:
                self._findings.problem(place, f"Include: there are more than {FILES} files already")
                return
            else:
                self._file(path, place, f"Include: {path}")
