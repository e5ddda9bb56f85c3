"""What an ``httpd.conf`` is made of once it has been read: directives and sections, each with its place."""

from __future__ import annotations

from attrs import frozen


@frozen
class Place:
    """A line of a file; lines count from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@frozen
class Directive:
    """One directive; quoting and ``${VAR}`` are resolved, the name is spelt as in Apache's manual."""

    name: str
    args: tuple[str, ...]
    place: Place


@frozen
class Section:
    """``<Name args>`` and what stands in it, in the file's order; no ``<If...>`` that reading itself decides."""

    name: str
    args: tuple[str, ...]
    place: Place
    children: tuple[Node, ...]


Node = Directive | Section
