"""Puts the parts of a translation together: one Config of a whole ``httpd.conf``."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import Final

from attrs import define, field

from panolb.config.httpd import access, logs, membertls, redirects, rewriting, scopes, tls
from panolb.config.httpd.addresses import Door, doors
from panolb.config.httpd.balancers import Group, Groups, fold
from panolb.config.httpd.building import answer_timeout, build, client_timeout
from panolb.config.httpd.checks import Checks
from panolb.config.httpd.hosts import turns
from panolb.config.httpd.imported import Sources
from panolb.config.httpd.known import Verdict
from panolb.config.httpd.listeners import listener
from panolb.config.httpd.locations import Built, Site
from panolb.config.httpd.mapping import Mapping
from panolb.config.httpd.nodes import Node
from panolb.config.httpd.remarks import Remarks
from panolb.config.httpd.rewriteconds import Door as Asked
from panolb.config.httpd.scalars import duration
from panolb.config.httpd.scopes import Scope
from panolb.config.httpd.settings import Settings
from panolb.config.httpd.singles import Singles
from panolb.config.httpd.ways import Way
from panolb.config.model import AccessLog, Balancer, Config, Listener, Location, Shutdown

_NAME: Final = re.compile(r"[^A-Za-z0-9._~-]")
_LONGEST: Final = 63
_DAY: Final = 86400.0


@define(eq=False)
class Translation:
    """One run.

    :ivar exact: as in Apache, where panolb would do better.
    :ivar sources: filled as tables are made.
    """

    nodes: tuple[Node, ...]
    root: Path
    remarks: Remarks
    exact: bool
    sources: Sources = field(factory=dict)
    _groups: dict[int, Groups] = field(factory=dict)
    _named: dict[str, Group] = field(factory=dict)
    _twins: dict[str, list[Group]] = field(factory=dict)
    """By name: the other balancers of the file that are the same one."""

    _singles: dict[int, tuple[Group, str]] = field(factory=dict)
    _sites: dict[int, Site] = field(factory=dict)

    def config(self) -> Config:
        """Return the configuration; where there are problems, of what is left without them."""
        main, hosts = scopes.split(self.nodes)
        found = doors(main, hosts, self.remarks)
        listeners = self._listeners(found)
        self._read_balancers(main, hosts)
        servers = list({id(one): one for door in found for one in door.servers}.values())
        ways = {id(server): self._ways(server, found) for server in servers}
        self._name_balancers(ways)
        for server in servers:
            self._sites[id(server)] = self._site(server, ways[id(server)])
        access.judge(
            [access.Served(one.scope, one.areas, one.ways) for one in self._sites.values()], self.remarks
        )
        written = self._logs(servers)
        balancers = self._balancers()
        return Config(
            listener=listeners,
            balancer=balancers,
            location=self._locations(found, rest=len(servers) > 1 and any(log.servers for log in written)),
            location_order="first",
            access_log=written,
            shutdown=self._shutdown(main),
        )

    # --- listeners ---

    def _listeners(self, found: list[Door]) -> dict[str, Listener]:
        made: dict[str, Listener] = {}
        for door in found:
            secured = tls.read(door, self.root, self.remarks)
            if door.secure:
                door.name = "https" + door.name.removeprefix("http")
            one = listener(door, secured, self.remarks, exact=self.exact)
            if one is not None:
                made[door.name] = one
                self.sources["listener", door.name] = [door.node.place]
                for index, place in enumerate(secured.places):
                    self.sources["listener", door.name, "certificate", index] = [place]
        return made

    # --- balancers ---

    def _read_balancers(self, main: Scope, hosts: list[Scope]) -> None:
        checks = Checks()
        inherited = self._groups[id(main)] = Groups(main, self.remarks, checks)
        inherited.read()
        for host in hosts:
            groups = self._groups[id(host)] = Groups(host, self.remarks, checks, inherited)
            groups.read()

    def _name_balancers(self, ways: dict[int, list[Way]]) -> None:
        """Give each balancer that is used a name in the model, and those that are the same the same."""
        found: dict[int, Group] = {}
        for mine in ways.values():
            found |= {id(way.group): way.group for way in mine if way.group is not None}
        instead = fold(list(found.values()), self.remarks)
        for key, group in found.items():
            if key not in instead:
                group.name = _free(_NAME.sub("-", group.label)[:_LONGEST], self._named)
                self._named[group.name] = group
        for key, other in instead.items():
            found[key].name = other.name
            self._twins.setdefault(other.name, []).append(found[key])
        for groups in self._groups.values():
            for group in groups.all():
                if id(group) not in found:
                    self.remarks.say(group.node, Verdict.HARMLESS, "No ProxyPass leads to this balancer.")

    def _balancers(self) -> dict[str, Balancer]:
        made: dict[str, Balancer] = {}
        for name, group in self._named.items():
            user = self._user(name)
            timeout = answer_timeout(user, self.remarks)
            tls_to_members = membertls.settings(user, group, self.root, self.remarks, exact=self.exact)
            balancer = build(group, timeout, tls_to_members, self.remarks, exact=self.exact)
            if balancer is not None:
                made[name] = balancer
                self.sources["balancer", name] = [group.node.place]
                same = [group, *self._twins.get(name, ())]
                for index in range(len(group.members)):
                    places = [one.members[index].node.place for one in same]
                    self.sources["balancer", name, "member", index] = places
        return made

    def _user(self, name: str) -> Scope:
        """Return the first server that uses a balancer; its timeouts are the balancer's."""
        users = (
            site.scope
            for site in self._sites.values()
            if any(way.group is not None and way.group.name == name for way in site.ways)
        )
        return next(users)

    # --- servers ---

    def _ways(self, server: Scope, found: list[Door]) -> list[Way]:
        """Return what a server does with requests, in the order in which Apache asks."""
        groups = self._groups[id(server)]
        singles = Singles(groups, groups.checks, self.remarks, self._singles)
        mapping = Mapping(server, groups, singles, self.remarks, self.exact)
        mine = tuple(Asked(door.name, door.port, door.secure) for door in found if server in door.servers)
        rules = rewriting.Rewriting(server, mapping, mine, self.remarks)
        rules.read()
        areas = scopes.areas(server, self.remarks)
        passes = [*mapping.scoped(areas), *mapping.unscoped()]
        last = [*redirects.unscoped(server, self.remarks), *redirects.files(server, self.remarks, self.root)]
        ways = [
            *rules.ways,
            *redirects.scoped(areas, self.remarks),
            *_let_through(passes, last, self.remarks),
            *last,
        ]
        self._sites[id(server)] = Site(
            server,
            Settings(environment=tuple(rules.environment)),
            areas,
            _reachable(ways, self.remarks),
            groups.find,
            self.root,
            self.remarks,
            self.exact,
        )
        return self._sites[id(server)].ways

    def _site(self, server: Scope, ways: list[Way]) -> Site:
        site = self._sites[id(server)]
        settings = site.settings
        for scope in (server.main, server):
            if scope is not None:
                settings = settings.under(scope.directives, None, self.remarks)
        site.settings = settings
        idle = client_timeout(server)
        backend = answer_timeout(server, self.remarks)
        for way in ways:
            if way.group is not None:
                slowest = max((member.timeout or backend for member in way.group.members), default=backend)
                site.idle[way.group.name] = max(idle, slowest)
        return site

    def _logs(self, servers: list[Scope]) -> list[AccessLog]:
        made: list[AccessLog] = []
        names = {id(server): self._sites[id(server)].name for server in servers}
        for number, log in enumerate(logs.logs(servers, self.root, self.remarks), start=1):
            writers = [names[id(server)] for server in log.servers]
            others = [names[id(server)] for server in servers if server not in log.servers]
            condition, only = log.condition, sorted({name for name in writers if name is not None})
            if not others:
                only = []
            elif None in writers or set(writers) & set(others):
                # Names do not tell these servers apart; a variable does.
                only = []
                if condition is not None:
                    self.remarks.lost(
                        log.node, "It has the lines of other virtual hosts of the same name, too."
                    )
                else:
                    condition = f"log-{number}"
                    for server in log.servers:
                        self._sites[id(server)].markers.append(condition)
            try:
                made.append(logs.build(log, only, condition))
            except ValueError as error:
                self.remarks.problem(log.node, str(error))
            else:
                self.sources["access_log", len(made) - 1] = [log.node.place]
        return made

    def _locations(self, found: list[Door], *, rest: bool) -> list[Location]:
        """Return all locations; of those for the same requests only the first."""
        built: list[Built] = []
        for turn in turns(found, self.remarks):
            site = self._sites[id(turn.server)]
            everywhere = len(turn.doors) == len(found)
            settings = site.settings
            always = any(rule.startswith("always ") for rule in settings.response_headers)
            speaks = "404" in settings.pages or always or bool(site.markers) or rest
            doors_ = [] if everywhere else turn.doors
            built += site.built(turn.names, doors_, rest=bool(turn.names) or speaks)
        for index, one in enumerate(built):
            self.sources["location", index] = one.places
        return [one.location for one in built]

    def _shutdown(self, main: Scope) -> Shutdown:
        node = main.last("GracefulShutdownTimeout")
        if node is None:
            return Shutdown()
        try:
            return Shutdown(grace=min(duration(node.args[0], "s"), _DAY) or _DAY)
        except ValueError as error:
            self.remarks.problem(node, str(error))
            return Shutdown()


def _let_through(passes: list[Way], later: list[Way], remarks: Remarks) -> list[Way]:
    """Return the ways of ProxyPass; where ``!`` ends the search, what comes after ProxyPass for the same paths is put first."""
    found: list[Way] = []
    for way in passes:
        if way.status is not None:
            for other in later:
                if other.files is not None and way.prefix is None:
                    remarks.lost(way.node, "Files are not served by an expression; these paths get 404.")
                elif way.prefix is None or other.prefix is None:
                    if way.prefix is not None and other.prefix is None:
                        found.append(other.where_also(f"^{re.escape(way.prefix)}(?:/|$)"))
                    elif way.pattern is not None:
                        found.append(other.where_also(way.pattern))
                elif scopes.below(other.prefix, way.prefix):
                    found.append(other)
                elif scopes.below(way.prefix, other.prefix):
                    found.append(other.narrowed(way.prefix))
        found.append(way)
    return found


def _reachable(ways: list[Way], remarks: Remarks) -> list[Way]:
    """Return the ways without those that an earlier one leaves nothing for."""
    found: list[Way] = []
    for way in ways:
        before = next((one for one in found if one.takes_all_of(way)), None)
        if before is None:
            found.append(way)
        elif not (before.node is way.node or before.status is not None):
            words = f"Never reached, as in Apache: line {before.node.place.line} is for these paths and comes first."
            remarks.say(way.node, Verdict.RUN, words)
    return found


def _free(name: str, taken: Collection[str]) -> str:
    if name not in taken:
        return name
    number = 2
    while f"{name[: _LONGEST - 4]}-{number}" in taken:
        number += 1
    return f"{name[: _LONGEST - 4]}-{number}"
