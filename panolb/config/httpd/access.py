"""Who may see what: lines that keep somebody out matter only where something is served.

panolb lets everybody in.  A line that would keep some out therefore stops the start, unless it stands in a section of
files or of paths that lead nowhere.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator
from typing import Final

from attrs import frozen

from panolb.config.httpd.directives import DIRECTIVES, SECTIONS
from panolb.config.httpd.known import Known, Verdict
from panolb.config.httpd.nodes import Directive, Node, Section
from panolb.config.httpd.remarks import Remarks
from panolb.config.httpd.scopes import Area, Scope, below, expanded, plain
from panolb.config.httpd.ways import Way, touches

_PAGES: Final = frozenset({"server-status", "server-info", "balancer-manager", "ldap-status"})


@frozen
class Served:
    """A server with all of its areas and ways, in the order in which they are asked."""

    scope: Scope
    areas: list[Area]
    ways: list[Way]

    def serves(self, area: Area) -> bool:
        """Whether anything in an area leads somewhere."""
        return any(touches(area, way) for way in self._reached(area) if _is_guarded(way))

    def _reached(self, area: Area) -> list[Way]:
        """Return the ways that are asked; none after a ``ProxyPass ... !`` for the whole area."""
        for index, way in enumerate(self.ways):
            shut = way.status is not None and way.redirect is None and way.whole and way.prefix is not None
            if shut and area.path is not None and below(area.path, way.prefix or ""):
                return self.ways[:index]
        return self.ways


def _is_guarded(way: Way) -> bool:
    """Whether Apache asks who may see it: members, files and redirects of a section, but not redirects of a server."""
    return (
        way.group is not None or way.files is not None or (way.area is not None and way.redirect is not None)
    )


def judge(servers: list[Served], remarks: Remarks) -> None:
    """Say of everything that stops the start, but stands where nothing is served, that it does not matter."""
    busy = {id(area.section): area for one in servers for area in one.areas if one.serves(area)}
    for area in busy.values():
        _refuse_rules(area, remarks)
    for scope in {
        id(scope): scope for one in servers for scope in (one.scope.main, one.scope) if scope
    }.values():
        for section in scope.sections:
            if plain(section) in ("location", "locationmatch") and id(section) not in busy:
                _spare(section, "Nothing is served there.", remarks)


def _refuse_rules(area: Area, remarks: Remarks) -> None:
    """mod_rewrite's rules of a section see a path that depends on the directories of the server."""
    switches = [node.args[0].lower() for node in area.directives if node.name.lower() == "rewriteengine"]
    for node in area.directives:
        if node.name.lower() == "rewriterule" and switches[-1:] == ["on"]:
            remarks.stops(
                node, "Rules in sections are not carried over; write them outside, with the whole path."
            )


def _spare(section: Section, words: str, remarks: Remarks) -> None:
    for node in _all(section.children):
        known = _known(node)
        if known is None or not known.verdict_for(node.args)[2]:
            page = node.name.lower() == "sethandler" and node.args[0].lower() in _PAGES
            if page:
                remarks.say(node, Verdict.HARMLESS, "panolb has a status page of its own: [admin] in TOML.")
        else:
            remarks.say(node, Verdict.HARMLESS, words)


def _all(nodes: Iterable[Node]) -> Iterator[Node]:
    for node in expanded(nodes):
        yield node
        if isinstance(node, Section):
            yield from _all(node.children)


def _known(node: Node) -> Known | None:
    if isinstance(node, Directive):
        return DIRECTIVES.get(node.name.lower())
    return SECTIONS.get(plain(node))


def readable(scope: Scope, directory: str) -> bool:
    """Whether Apache would show everybody the files of a directory: no section around it or in it keeps anybody out."""
    shown = True
    for section, path in _sections(scope, directory):
        granted = _granted(section)
        around = below(directory, path)
        if around and granted is not None:
            shown = granted
        elif not around and granted is False:
            return False
    return shown


def _granted(section: Section) -> bool | None:
    """Whether a section lets everybody in; None when it says nothing about it."""
    granted: bool | None = None
    for node in _all(section.children):
        name, args = node.name.lower(), " ".join(node.args).lower()
        if isinstance(node, Section) and plain(node) not in ("requireall", "requireany"):
            return False
        if name in ("require", "allow", "deny", "order"):
            granted = granted is not False and args in ("all granted", "from all", "allow,deny", "deny,allow")
            granted = granted and name != "deny"
        elif name == "authtype" and args != "none":
            return False
    return granted


def _sections(scope: Scope, directory: str) -> list[tuple[Section, str]]:
    """Return the sections that a directory lies in, the outer ones first, and those that lie in it."""
    found: list[tuple[Section, str]] = []
    for section in scope.all_sections("directory"):
        if section.args and section.args[0] != "~":
            path = posixpath.normpath(re.split(r"[*?\[]", section.args[0])[0] or "/").rstrip("/")
            if below(directory, path) or below(path, directory):
                found.append((section, path))
    return sorted(found, key=lambda one: len(one[1]))
