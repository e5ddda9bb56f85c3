"""Reads one line of an ``httpd.conf`` after the other, and does what a line says while the file is read."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Protocol

from panolb.config.httpd import arguments, lexer
from panolb.config.httpd.conditions import CONDITIONS, Situation, Unanswerable, holds
from panolb.config.httpd.directives import DIRECTIVES, SECTIONS
from panolb.config.httpd.findings import Findings
from panolb.config.httpd.known import Known, Verdict
from panolb.config.httpd.modules import Modules
from panolb.config.httpd.nodes import Directive, Place
from panolb.config.httpd.recovery import restore
from panolb.config.httpd.sections import DEEPEST, Open, Sections
from panolb.config.httpd.variables import TooLong, Variables

_HEADER: Final = re.compile(r"<([^\s>]*)(.*)", re.DOTALL)
_UNREAD: Final = frozenset(
    {"Define", "UnDefine", "Include", "IncludeOptional", "LoadModule", "ServerRoot", "Error"}
)
"""Directives that have done their work when they have been read, and never are in the tree."""


class Include(Protocol):
    """Reads the files of that name; ``place`` is where they are asked for."""

    def __call__(self, name: str, place: Place, *, optional: bool) -> None: ...


class Statements:
    """What the lines so far have said.

    :param root: where relative paths start, until ``ServerRoot`` says otherwise.
    :ivar loads_modules: there was a ``LoadModule``, be it in a section that is not read.
    """

    def __init__(self, root: Path, variables: Variables, modules: Modules, include: Include) -> None:
        self.root = root
        self.modules = modules
        self.findings = Findings()
        self.sections = Sections()
        self.loads_modules = False
        self._variables = variables
        self._include = include

    def line(self, text: str, place: Place) -> None:
        """Read a logical line."""
        refusal = lexer.refusal(text)
        if refusal is not None:
            self.findings.problem(place, f"the line {refusal}")
            return
        pieces = restore(text)
        if pieces is None:
            self._statement(text, place)
            return
        self.findings.entry(
            place, text, Verdict.RESTORED, f"Line breaks were missing here; read as {len(pieces)} lines."
        )
        for piece in pieces:
            self._statement(piece, place)

    def _statement(self, text: str, place: Place) -> None:
        if text.startswith("</"):
            self._end_section(text, place)
            return
        if not self.sections.reads:
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
            self.findings.problem(place, "the line is too long once its variables are filled in")
            return text
        for name in missing:
            self.findings.undefined(name, place)
        return filled

    # --- sections ---

    def _begin_section(self, text: str, place: Place) -> None:
        match = _HEADER.match(text)
        name, rest = (match[1], match[2]) if match else ("", "")
        known = SECTIONS.get(name.lower())
        inside, bracket, after = rest.rpartition(">")
        if not bracket:
            self.findings.problem(place, f"<{name}: the > at the end of the line is missing")
            inside = rest
        elif after.strip():
            self.findings.entry(
                place, text, Verdict.HARMLESS, "What stands after the > is passed over, as in Apache."
            )
        args = tuple(word.text for word in lexer.words(inside))
        if known is None:
            self.findings.unknown(f"<{name}>", place)
            self._begin(Open(name, args, place, kept=False), place)
        elif name.lower() in CONDITIONS:
            self._condition(known, args, place)
        else:
            self._check(known, args, place)
            self._begin(Open(known.name.strip("<>"), args, place), place)

    def _condition(self, known: Known, args: tuple[str, ...], place: Place) -> None:
        name = known.name.strip("<>")
        situation = Situation(
            self.modules.names, self.modules.sources, self._variables.defined, self._absolute
        )
        try:
            reads = holds(name.lower(), args, situation)
        except Unanswerable as error:
            self.findings.problem(place, f"{known.name} {error}")
            reads = False
        self._begin(Open(name, args, place, self.sections.into, reads, kept=False), place)

    def _begin(self, section: Open, place: Place) -> None:
        if self.sections.depth == DEEPEST:
            self.findings.problem(place, f"there are more than {DEEPEST} sections in each other here")
        if self.sections.depth >= DEEPEST:
            section.reads, section.kept = False, False
        self.sections.begin(section)

    def _end_section(self, text: str, place: Place) -> None:
        name = text[2:].partition(">")[0].strip()
        innermost = self.sections.innermost()
        if ">" not in text:
            self.findings.problem(place, f"</{name}: the > is missing")
        found, left = self.sections.end(name)
        if not found:
            inner = f"</{innermost}> is" if innermost else "no section ends"
            self.findings.problem(place, f"</{name}> ends nothing; {inner} expected here")
        for one in left:
            self.findings.problem(one.place, f"<{one.name}> does not end before </{name}> at {place}")

    # --- directives ---

    def _directive(self, text: str, place: Place) -> None:
        braces = text.lower().startswith("proxyhcexpr")  # It has an expression of its own kind.
        name, *args = (word.text for word in lexer.words(text, braces=braces))
        known = DIRECTIVES.get(name.lower())
        if known is None:
            self.findings.unknown(name, place)
            return
        if known.name == "LoadModule":
            self.loads_modules = True
        if not self._check(known, args, place):
            return
        if known.name not in _UNREAD:
            self.sections.into.append(Directive(known.name, tuple(args), place))
            return
        if known.name not in ("Error", "LoadModule"):
            self.findings.entry(place, text, Verdict.RUN, known.words)
        self._now(known.name, args, place)

    def _check(self, known: Known, args: Iterable[str], place: Place) -> bool:
        """Say what is wrong with a directive before its meaning is looked at; whether nothing is."""
        missing = self.modules.missing(known)
        if missing is not None:
            self.findings.problem(place, missing)
            return False
        wrong = arguments.wrong(known, tuple(args))
        if wrong is not None:
            self.findings.problem(place, f"{known.name} {wrong}")
        return wrong is None

    def _now(self, name: str, args: list[str], place: Place) -> None:
        """Do what a directive says while the file is read."""
        match name:
            case "Define" | "UnDefine" if ":" in args[0]:
                self.findings.problem(place, f"{name}: a name must not have a colon")
            case "Define":
                self._variables.defined[args[0]] = args[1] if len(args) > 1 else None
            case "UnDefine":
                self._variables.defined.pop(args[0], None)
            case "ServerRoot":
                self.root = self.root / args[0]
            case "LoadModule":
                self._load(args[0], args[1], place)
            case "Error":
                self.findings.problem(place, f"Error: {' '.join(args)}")
            case _:
                self._include(args[0], place, optional=name == "IncludeOptional")

    def _load(self, name: str, file: str, place: Place) -> None:
        if self.modules.load(name, file):
            words = "The module's directives are known from here on."
            self.findings.entry(place, f"LoadModule {name}", Verdict.RUN, words, "LoadModule")
        else:
            self.findings.stranger(name, place)

    def _absolute(self, name: str) -> Path:
        return self.root / name
