"""Who may see what: lines that keep somebody out matter only where something is served.

panolb lets everybody in.  A line that would keep some out therefore stops the start, unless it stands in a section of
files or of paths that lead nowhere.
"""

from __future__ import annotations

from typing import Final

from attrs import frozen

from panolb.config.httpd import ruled
from panolb.config.httpd.directives import DIRECTIVES, SECTIONS
from panolb.config.httpd.known import Known, Verdict
from panolb.config.httpd.nodes import Directive, Node, Section
from panolb.config.httpd.remarks import Remarks
from panolb.config.httpd.scopes import Area, Scope, below, deep, plain
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

    def answers(self, area: Area) -> bool:
        """Whether anything at all is done with requests for an area."""
        return any(touches(area, way) for way in self.ways)

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
    known = {id(area.section) for one in servers for area in one.areas if one.answers(area)}
    scopes = {id(scope): scope for one in servers for scope in (one.scope.main, one.scope) if scope}
    for one in servers:
        ruled.judge(one.scope, busy, remarks)
    for scope in scopes.values():
        if all(scope is not one.scope for one in servers):
            for node in scope.own("RewriteRule", "RewriteCond"):
                remarks.say(node, Verdict.HARMLESS, "Virtual hosts do not have the main server's rules.")
        for section in scope.sections:
            if plain(section) in ("location", "locationmatch") and id(section) not in busy:
                _spare(section, everything=id(section) not in known, remarks=remarks)


def _spare(section: Section, *, everything: bool, remarks: Remarks) -> None:
    """Say that what stops the start does not matter here, and of everything else that it is not needed."""
    for node in deep(section.children):
        known = _known(node)
        verdict, _, stops = known.verdict_for(node.args) if known is not None else (None, "", False)
        if stops or (everything and verdict is Verdict.RUN):
            remarks.say(node, Verdict.HARMLESS, "Nothing is served there.")
        elif node.name.lower() == "sethandler" and node.args[0].lower() in _PAGES:
            remarks.say(node, Verdict.HARMLESS, "panolb has a status page of its own: [admin] in TOML.")


def _known(node: Node) -> Known | None:
    if isinstance(node, Directive):
        return DIRECTIVES.get(node.name.lower())
    return SECTIONS.get(plain(node))
