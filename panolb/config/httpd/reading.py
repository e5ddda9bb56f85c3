"""Reads an ``httpd.conf`` and everything that it includes into a tree of directives and sections.

What Apache decides while it reads is decided here: definitions, includes, ``<IfModule>`` and its like, and which
modules are loaded.  Nothing is thrown: every mistake is collected, with its place.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from attrs import frozen

from panolb.config.httpd import arguments, includes, lexer
from panolb.config.httpd.conditions import CONDITIONS, Situation, Unanswerable, holds
from panolb.config.httpd.directives import DIRECTIVES, SECTIONS, STATIC, about, module_names, providers
from panolb.config.httpd.findings import Findings
from panolb.config.httpd.known import Known, Verdict
from panolb.config.httpd.nodes import Directive, Node, Place
from panolb.config.httpd.recovery import restore
from panolb.config.httpd.report import Entry
from panolb.config.httpd.requirements import missing_modules
from panolb.config.httpd.sections import DEEPEST, Open, Sections
from panolb.config.httpd.variables import TooLong, Variables
from panolb.errors import Problem

FILES: Final = 2000
"""Files that one configuration may include."""

NESTED: Final = 20
"""Files that include files."""

_HEADER: Final = re.compile(r"<([^\s>]*)(.*)", re.DOTALL)
_UNREAD: Final = frozenset(
    {"Define", "UnDefine", "Include", "IncludeOptional", "LoadModule", "ServerRoot", "Error"}
)
"""Directives that have done their work when they have been read, and never are in the tree."""


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
    path: Path, *, defines: Iterable[str] = (), environment: Mapping[str, str] | None = None
) -> Document:
    """Read a file.

    :param defines: ``NAME`` or ``NAME=VALUE``, as with ``httpd -D``.
    :param environment: variables of the process, which ``${NAME}`` may name; those of panolb if not given.
    """
    environment = os.environ if environment is None else environment
    defines = tuple(defines)
    reader = _Reader(path, Variables(defines, environment), everything=False)
    reader.begin(path)
    if not reader.loads_modules:
        # A part of a configuration, such as one of Debian's sites-enabled: its modules are loaded elsewhere.
        reader = _Reader(path, Variables(defines, environment), everything=True)
        reader.begin(path)
    return reader.document()


class _Reader:
    """Reads once.

    :param everything: all known modules are taken as loaded.
    """

    def __init__(self, path: Path, variables: Variables, *, everything: bool) -> None:
        self.loads_modules = False
        self._path = path
        self._variables = variables
        self._everything = everything
        self._modules = set(module_names() if everything else STATIC)
        self._sources: set[str] = set()
        self._findings = Findings()
        self._sections = Sections()
        self._root = Path(os.path.abspath(path)).parent
        self._reading: dict[Path, Place] = {}
        self._files = 0

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
            for place, words in missing_modules(nodes, self._modules):
                self._findings.problem(place, words)
        return Document(
            nodes, frozenset(self._modules), self._root, self._findings.problems, self._findings.entries
        )

    # --- files and lines ---

    def _file(self, path: Path, place: Place, named: str) -> None:
        """Read one file.

        :param place: where it is asked for.
        """
        try:
            data = includes.read(path)
        except includes.Unreadable as error:
            self._findings.problem(place, f"{named} {error}")
            return
        real = Path(os.path.realpath(path))
        self._reading[real] = place
        self._files += 1
        self._sections.begin_file()
        for line in lexer.logical_lines(lexer.decode(data)):
            if self._findings.is_full:
                break
            self._line(line.text, Place(str(path), line.number))
        for left in self._sections.end_file():
            self._findings.problem(left.place, f"<{left.name}> does not end; write </{left.name}>")
        del self._reading[real]

    def _line(self, text: str, place: Place) -> None:
        refusal = lexer.refusal(text)
        if refusal is not None:
            self._findings.problem(place, f"the line {refusal}")
            return
        pieces = restore(text)
        if pieces is None:
            self._statement(text, place)
            return
        self._findings.entry(
            place, text, Verdict.RESTORED, f"Line breaks were missing here; read as {len(pieces)} lines."
        )
        for piece in pieces:
            self._statement(piece, place)

    def _statement(self, text: str, place: Place) -> None:
        if text.startswith("</"):
            self._end_section(text, place)
            return
        if not self._sections.reads:
            self._pass_over(text, place)
            return
        filled = self._fill_in(text, place)
        if filled.startswith("<"):
            self._begin_section(filled, place)
        else:
            self._directive(filled, place)

    def _pass_over(self, text: str, place: Place) -> None:
        """Take note of what an ``<If...>`` rules out: its sections have to end too."""
        if text.startswith("<"):
            name = _HEADER.match(text)
            self._begin(Open(name[1] if name else "", (), place, reads=False, kept=False), place)
        elif text.lower().startswith("loadmodule"):
            self.loads_modules = True

    def _fill_in(self, text: str, place: Place) -> str:
        try:
            filled, missing = self._variables.fill_in(text)
        except TooLong:
            self._findings.problem(place, "the line is too long once its variables are filled in")
            return text
        for name in missing:
            self._findings.undefined(name, place)
        return filled

    # --- sections ---

    def _begin_section(self, text: str, place: Place) -> None:
        match = _HEADER.match(text)
        name, rest = (match[1], match[2]) if match else ("", "")
        known = SECTIONS.get(name.lower())
        inside, bracket, after = rest.rpartition(">")
        if not bracket:
            self._findings.problem(place, f"<{name}: the > at the end of the line is missing")
            inside = rest
        elif after.strip():
            self._findings.entry(
                place, text, Verdict.HARMLESS, "What stands after the > is passed over, as in Apache."
            )
        args = tuple(word.text for word in lexer.words(inside))
        if known is None:
            self._findings.unknown(f"<{name}>", place)
            self._begin(Open(name, args, place, kept=False), place)
        elif name.lower() in CONDITIONS:
            self._condition(known, args, place)
        else:
            self._check(known, args, place)
            self._begin(Open(known.name.strip("<>"), args, place), place)

    def _condition(self, known: Known, args: tuple[str, ...], place: Place) -> None:
        name = known.name.strip("<>")
        situation = Situation(self._modules, self._sources, self._variables.defined, self._absolute)
        try:
            reads = holds(name.lower(), args, situation)
        except Unanswerable as error:
            self._findings.problem(place, f"{known.name} {error}")
            reads = False
        self._begin(Open(name, args, place, self._sections.into, reads, kept=False), place)

    def _begin(self, section: Open, place: Place) -> None:
        if self._sections.depth == DEEPEST:
            self._findings.problem(place, f"there are more than {DEEPEST} sections in each other here")
        if self._sections.depth >= DEEPEST:
            section.reads, section.kept = False, False
        self._sections.begin(section)

    def _end_section(self, text: str, place: Place) -> None:
        name = text[2:].partition(">")[0].strip()
        innermost = self._sections.innermost()
        if ">" not in text:
            self._findings.problem(place, f"</{name}: the > is missing")
        found, left = self._sections.end(name)
        if not found:
            inner = f"</{innermost}> is" if innermost else "no section ends"
            self._findings.problem(place, f"</{name}> ends nothing; {inner} expected here")
        for one in left:
            self._findings.problem(one.place, f"<{one.name}> does not end before </{name}> at {place}")

    # --- directives ---

    def _directive(self, text: str, place: Place) -> None:
        braces = text.lower().startswith("proxyhcexpr")  # It has an expression of its own kind.
        name, *args = (word.text for word in lexer.words(text, braces=braces))
        known = DIRECTIVES.get(name.lower())
        if known is None:
            self._findings.unknown(name, place)
            return
        if known.name == "LoadModule":
            self.loads_modules = True
        if not self._check(known, args, place):
            return
        if known.name not in _UNREAD:
            self._sections.into.append(Directive(known.name, tuple(args), place))
            return
        if known.name not in ("Error", "LoadModule"):
            self._findings.entry(place, text, Verdict.RUN, known.words)
        self._now(known.name, args, place)

    def _check(self, known: Known, args: Iterable[str], place: Place) -> bool:
        """Say what is wrong with a directive before its meaning is looked at; whether nothing is."""
        if not self._everything and not any(name in self._modules for name in providers(known)):
            name, source = next(iter(providers(known).items()))
            self._findings.problem(
                place,
                f"{known.name} belongs to {source.removesuffix('.c')}, which is not loaded; "
                f'add "LoadModule {name} modules/{source.removesuffix(".c")}.so" before it',
            )
            return False
        wrong = arguments.wrong(known, tuple(args))
        if wrong is not None:
            self._findings.problem(place, f"{known.name} {wrong}")
        return wrong is None

    def _now(self, name: str, args: list[str], place: Place) -> None:
        """Do what a directive says while the file is read."""
        match name:
            case "Define" | "UnDefine" if ":" in args[0]:
                self._findings.problem(place, f"{name}: a name must not have a colon")
            case "Define":
                self._variables.defined[args[0]] = args[1] if len(args) > 1 else None
            case "UnDefine":
                self._variables.defined.pop(args[0], None)
            case "ServerRoot":
                self._root = self._absolute(args[0])
            case "LoadModule":
                self._load(args[0], args[1], place)
            case "Error":
                self._findings.problem(place, f"Error: {' '.join(args)}")
            case _:
                self._include(args[0], place, optional=name == "IncludeOptional")

    def _load(self, name: str, file: str, place: Place) -> None:
        if name not in module_names():
            self._sources.add(f"{Path(file).stem}.c")
            self._findings.stranger(name, place)
        else:
            words = f"The directives for {about(name)} are known from here on."
            self._findings.entry(place, f"LoadModule {name}", Verdict.RUN, words)
        self._modules.add(name)

    def _include(self, name: str, place: Place, *, optional: bool) -> None:
        if len(self._reading) >= NESTED:
            self._findings.problem(place, f"Include: files include each other more than {NESTED} deep")
            return
        try:
            found = includes.find(self._absolute(name), optional=optional)
        except includes.Unreadable as error:
            self._findings.problem(place, f"Include: {name} {error}")
            return
        for path in found:
            earlier = self._reading.get(Path(os.path.realpath(path)))
            if earlier is not None:
                self._findings.problem(place, f"Include: {path} is being read already, because of {earlier}")
            elif self._files >= FILES:
                self._findings.problem(place, f"Include: there are more than {FILES} files already")
                return
            else:
                self._file(path, place, f"Include: {path}")

    def _absolute(self, name: str) -> Path:
        return self._root / name
