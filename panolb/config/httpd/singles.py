"""``ProxyPass`` to one server: in the model a balancer with a single member, named after host and port."""

from __future__ import annotations

import re
from typing import Final

from attrs import define, field

from panolb.config.addresses import split_url
from panolb.config.httpd.balancers import Group, Groups
from panolb.config.httpd.checks import Checks
from panolb.config.httpd.members import read_member
from panolb.config.httpd.nodes import Directive
from panolb.config.httpd.remarks import Remarks

_SERVER: Final = re.compile(r"(?P<server>[a-z][a-z0-9+.-]*://[^/$?]+)(?P<rest>.*)", re.IGNORECASE | re.DOTALL)


@define(eq=False)
class Singles:
    """The single servers of all ProxyPass of one server, each of them once."""

    groups: Groups
    checks: Checks
    remarks: Remarks
    known: dict[int, tuple[Group, str]] = field(factory=dict)
    """What lines have become, for all servers: those of the main server are read again for each virtual host."""
    found: list[Group] = field(factory=list)

    def group(self, node: Directive, url: str, words: list[str]) -> tuple[Group, str] | None:
        """Return the balancer for a URL, and the path of the URL; None for what panolb cannot speak to."""
        before = self.known.get(id(node))
        if before is None:
            before = self._group(node, url, words)
            if before is not None:
                self.known[id(node)] = before
        elif before[0] not in self.found:
            self.found.append(before[0])
        return before

    def _group(self, node: Directive, url: str, words: list[str]) -> tuple[Group, str] | None:
        match = _SERVER.fullmatch(url)
        if match is None:
            if url.lower().startswith("unix:"):
                self.remarks.stops(node, f"panolb speaks to no Unix sockets; requests would not reach {url}.")
            else:
                self.remarks.problem(node, f'{url} is no URL; write it like "http://localhost:8080/app"')
            return None
        draft = read_member(node, match["server"], words, self.checks, self.remarks)
        if draft is None:
            return None
        for said, section in self.groups.singles:
            if url.lower().startswith(section.args[0].lower()):
                draft.values = {**said.values, **draft.values}
                draft.websocket = said.websocket if draft.websocket is None else draft.websocket
        server = split_url(draft.url)[:2]
        for group in self.found:
            one = group.own[0]
            if split_url(one.url)[:2] == server and draft.values in ({}, one.values):
                one.websocket = draft.websocket if one.websocket is None else one.websocket
                return group, match["rest"]
        group = Group(f"{server[0]}-{server[1]}", node, own=[draft])
        self.found.append(group)
        return group, match["rest"]
