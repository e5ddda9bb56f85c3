"""Sorts the lines of a configuration by whom they are for: the main server or a virtual host, and there which paths."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Final

from attrs import define, frozen

from panolb.config.httpd.directives import DIRECTIVES, SECTIONS
from panolb.config.httpd.expressions import wrong
from panolb.config.httpd.nodes import Directive, Node, Section
from panolb.config.httpd.remarks import Remarks

_WILDCARDS: Final = re.compile(r"[*?\[]")
_SLASHES: Final = re.compile("/{2,}")


@frozen
class Area:
    """A ``<Location>`` or ``<LocationMatch>``: a part of a server's paths with directives of its own.

    :ivar path: what its paths start with, without a slash at the end (the root is empty); None for an expression.
    :ivar pattern: the regular expression that its paths contain; None for a prefix.
    """

    section: Section
    path: str | None
    pattern: str | None

    @property
    def expression(self) -> str:
        """A regular expression that just its paths contain."""
        return f"^{re.escape(self.path)}(?:/|$)" if self.path is not None else self.pattern or ""

    @property
    def directives(self) -> Iterator[Directive]:
        return flat(self.section.children)


@define(eq=False)
class Scope:
    """The main server, or one virtual host.

    :ivar section: the ``<VirtualHost>``; None for the main server.
    :ivar main: the main server, for a virtual host.
    """

    section: Section | None
    nodes: tuple[Node, ...]
    main: Scope | None = None

    @cached_property
    def directives(self) -> list[Directive]:
        """What holds for the whole server."""
        return list(flat(self.nodes))

    @cached_property
    def sections(self) -> list[Section]:
        """What holds for a part of it, ``<Location>`` and ``<Proxy>`` among them."""
        return [one for one in expanded(self.nodes) if isinstance(one, Section)]

    def own(self, *names: str) -> list[Directive]:
        """Return its own directives of these names, in the file's order."""
        wanted = {name.lower() for name in names}
        return [one for one in self.directives if one.name.lower() in wanted]

    def all(self, *names: str) -> list[Directive]:
        """Return the main server's directives of these names, and then its own."""
        return [*(self.main.own(*names) if self.main else ()), *self.own(*names)]

    def last(self, *names: str) -> Directive | None:
        """Return the directive that counts where the last one does."""
        found = self.all(*names)
        return found[-1] if found else None

    def word(self, name: str, default: str = "") -> str:
        """Return the first argument of the directive that counts."""
        found = self.last(name)
        return found.args[0] if found is not None and found.args else default

    def on(self, name: str, *, default: bool = False) -> bool:
        """Whether an On/Off directive says On."""
        return self.word(name, "on" if default else "off").lower() == "on"

    def all_sections(self, *names: str) -> list[Section]:
        """Return the main server's sections of these names, and then its own."""
        wanted = {name.lower() for name in names}
        inherited = self.main.sections if self.main else []
        return [one for one in (*inherited, *self.sections) if plain(one) in wanted]


def split(nodes: tuple[Node, ...]) -> tuple[Scope, list[Scope]]:
    """Return the main server and the virtual hosts."""
    inner = list(expanded(nodes))
    hosts = [one for one in inner if isinstance(one, Section) and plain(one) == "virtualhost"]
    main = Scope(None, tuple(one for one in inner if one not in hosts))
    return main, [Scope(one, one.children, main) for one in hosts]


def expanded(nodes: Iterable[Node]) -> Iterator[Node]:
    """Yield nodes; without those that lack what they need, which reading has told."""
    for one in nodes:
        known = SECTIONS.get(plain(one)) if isinstance(one, Section) else DIRECTIVES.get(one.name.lower())
        if known is None or len(one.args) >= known.least:
            yield one


def deep(nodes: Iterable[Node]) -> Iterator[Node]:
    """Yield nodes, and everything that stands in them."""
    for node in expanded(nodes):
        yield node
        if isinstance(node, Section):
            yield from deep(node.children)


def flat(nodes: Iterable[Node]) -> Iterator[Directive]:
    """Yield the directives that stand in no section of their own."""
    return (one for one in expanded(nodes) if isinstance(one, Directive))


def plain(section: Section) -> str:
    """Return the name of a section in lower case, without its brackets."""
    return section.name.strip("<>").lower()


def areas(scope: Scope, remarks: Remarks) -> list[Area]:
    """Return the ``<Location>`` sections that hold for a server, in the order in which Apache applies them."""
    found: list[Area] = []
    for section in scope.all_sections("location", "locationmatch"):
        area = _area(section)
        error = None if area.pattern is None else wrong(area.pattern)
        if error is not None:
            remarks.problem(section, error)
        else:
            found.append(area)
    return found


def _area(section: Section) -> Area:
    args = section.args
    if plain(section) == "locationmatch" or args[:1] == ("~",):
        return Area(section, None, args[-1] if args else "")
    path = _SLASHES.sub("/", args[0] if args else "/").rstrip("/")
    if not _WILDCARDS.search(path):
        return Area(section, path, None)
    return Area(section, None, "^" + _fnmatch(path) + "(?:/|$)")


def _fnmatch(path: str) -> str:
    """Translate the wildcards of a path; none of them matches a slash."""
    text = re.escape(path).replace(r"\*", "[^/]*").replace(r"\?", "[^/]")
    return re.sub(r"\\\[([^/]*?)\\\]", r"[\1]", text)


def below(path: str, prefix: str) -> bool:
    """Whether a path is a prefix or lies below it; both without a slash at the end."""
    return path == prefix or path.startswith(prefix + "/")
