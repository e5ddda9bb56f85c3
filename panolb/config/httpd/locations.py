"""The ways of a server, and the settings that hold on each, become the model's locations.

A ``<Location>`` that says something about a part of what a way leads to splits it: first the part, then the rest.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal

from attrs import define, field, frozen

from panolb.config.httpd.balancers import PREFIX, Group, label_of, path_of
from panolb.config.httpd.combining import MOST, Combination, combinations
from panolb.config.httpd.hosts import claims, server_host
from panolb.config.httpd.known import Verdict
from panolb.config.httpd.nodes import Place
from panolb.config.httpd.pages import page
from panolb.config.httpd.remarks import Remarks
from panolb.config.httpd.scopes import Area, Scope, flat
from panolb.config.httpd.settings import Settings, changes
from panolb.config.httpd.ways import Way, ascii_only, covers, encoded, touches
from panolb.config.model import Location

_SLASHES: dict[str, Literal["pass", "refuse", "decode"]] = {
    "off": "refuse",
    "on": "decode",
    "nodecode": "pass",
}


@frozen
class Built:
    """A location, and the lines that it is made of."""

    location: Location
    places: list[Place]


@define(eq=False)
class Site:
    """One server: all that its locations have in common.

    :ivar groups: finds the balancer of a label.
    :ivar idle: for ``--apache-compat``, seconds after which a quiet WebSocket ends, by the name of its balancer.
    :ivar exact: as in Apache, where panolb would do better.
    """

    scope: Scope
    settings: Settings
    areas: list[Area]
    ways: list[Way]
    find: Any
    root: Path
    remarks: Remarks
    exact: bool = False
    idle: dict[str, float] = field(factory=dict)
    markers: list[str] = field(factory=list)

    @property
    def name(self) -> str | None:
        """Its ServerName, with a port if it has one; None when it has no name, or one that no host can have."""
        written = self.scope.word("ServerName").rpartition("://")[2]
        if written and not server_host(self.scope):
            node = self.scope.last("ServerName")
            assert node is not None
            self.remarks.lost(node, "It is no host name, so the machine's name stands in headers.")
            return None
        return written or None

    def parts(self) -> list[tuple[Way, Settings, list[Place]]]:
        """Return the ways in the order in which they are asked, split where settings differ."""
        found: list[tuple[Way, Settings, list[Place]]] = []
        changing = [area for area in self.areas if _changes(area)]
        for index, way in enumerate(self.ways):
            earlier = self.ways[:index]
            if way.files is not None:
                self._tell_files(way)
                found.append((way, self.settings, [way.node.place]))
                continue
            inner = [area for area in changing if touches(area, way) and not covers(area, way)]
            below = {area.path for area in inner if area.path is not None and way.prefix is not None}
            parts = [way.narrowed(path) for path in below]
            pieces = [one for one in parts if not any(before.takes_all_of(one) for before in earlier)]
            pieces.append(way)
            for piece in sorted(pieces, key=lambda one: (-len(one.prefix or ""), one.prefix or "")):
                # What regular expressions take out of a piece comes before the piece.
                expressions = [area for area in inner if area.path is None or piece.prefix is None]
                for some in self._together([area for area in expressions if touches(area, piece)]):
                    part = piece
                    for area in some:
                        part = part.where_also(area.expression)
                    found.append(self._part(part, piece, some))
        return found

    def _tell_files(self, way: Way) -> None:
        """Rules and pages are for what panolb answers itself or passes on; files are sent as they are."""
        for area in self.areas:
            for node in area.directives:
                if changes(node) and touches(area, way):
                    self.remarks.lost(node, "Files of an Alias are served without it.")

    def _together(self, areas: list[Area]) -> list[Combination]:
        """Return what may hold at once of areas for whose paths a way is split; at last, nothing of them."""
        found = combinations(areas)
        if found is not None:
            return found
        words = f"With the other sections for these paths it makes more than {MOST} combinations; put them together."
        self.remarks.stops(areas[-1].section, words)
        return [()]

    def _part(self, way: Way, around: Way, further: Combination) -> tuple[Way, Settings, list[Place]]:
        """Return a way with what holds on it: of the server, of ``<Proxy>``, and of ``<Location>``.

        :param around: the way that it is a part of.
        :param further: the areas for whose paths it was split off.
        """
        places = [way.node.place]
        settings = self.settings
        for section in self.scope.all_sections("proxy"):
            url = section.args[0] if section.args else ""
            if _is_about(url, way):
                settings = settings.under(flat(section.children), None, self.remarks)
            elif _may_be_about(url, way) and any(changes(node) for node in flat(section.children)):
                words = "It may be for a part of what goes there; write a <Location> for that part."
                self.remarks.stops(section, words)
        for area in self.areas:
            if any(area is one for one in further) or covers(area, around):
                if _changes(area):
                    places.append(area.section.place)
                settings = settings.under(area.directives, area.path, self.remarks)
        return way, settings, places

    def built(self, hosts: list[str], doors: list[str], *, rest: bool) -> list[Built]:
        """Return the locations.

        :param hosts: the names that they are for; none for any.
        :param doors: the listeners; none for all.
        :param rest: whether a last location takes what no other does.
        """
        found = []
        for way, settings, places in self.parts():
            location = self._location(way, settings, hosts, doors)
            if location is not None:
                found.append(Built(location, places))
        ends_with_all = any(way.whole and not way.prefix for way in self.ways)
        if rest and not ends_with_all:
            root = [area for area in self.areas if area.path == ""]
            settings = self.settings
            for area in root:
                settings = settings.under(area.directives, "", self.remarks)
            first = self.scope.section or self.scope.nodes[0]
            left = Location(path="/", status=404, host=hosts, listener=doors, **self._common(settings))
            found.append(Built(left, [first.place]))
        return found

    def _location(self, way: Way, settings: Settings, hosts: list[str], doors: list[str]) -> Location | None:
        names = [name for name in way.hosts if not hosts or any(claims(host, name) for host in hosts)]
        if way.hosts and not names:
            return None  # The rule asks for a host that never comes here.
        if way.crowded and "$" in f"{way.target}{way.redirect}":
            words = "With the sections and conditions for these paths there are more than nine groups; use (?:...)."
            self.remarks.problem(way.node, words)
            return None
        values: dict[str, Any] = {
            "host": names or hosts,
            "listener": list(way.listeners) if way.listeners is not None else doors,
            "requests": way.requests,
            **({"path": encoded(way.path)} if way.path is not None else {"match": way.pattern}),
            **self._common(settings),
        }
        if way.group is not None:
            values |= self._proxied(way, settings, way.group)
        elif way.files is not None:
            values["files"] = way.files
        else:
            url = None if way.redirect is None else ascii_only(way.redirect)
            values |= {"redirect": url, "status": way.status}
        try:
            return Location(**values)
        except ValueError as error:
            self.remarks.problem(way.node, str(error))
            return None

    def _common(self, settings: Settings) -> dict[str, Any]:
        """Return what holds whoever answers."""
        pages = {
            status: text
            for status, (node, written) in settings.pages.items()
            if (text := page(node, written, self.scope, self.ways, self.root, self.remarks)) is not None
        }
        return {
            "server_name": self.name,
            "environment": [*settings.environment, *(f"SetEnv {name} 1" for name in self.markers)],
            "response_headers": list(settings.response_headers),
            "error_pages": pages,
        }

    def _proxied(self, way: Way, settings: Settings, group: Group) -> dict[str, Any]:
        via = self.scope.word("ProxyVia", "Off").lower()
        slashes = self.scope.word("AllowEncodedSlashes", "Off").lower()
        values: dict[str, Any] = {
            "balancer": group.name,
            "target": None if way.target is None else ascii_only(way.target),
            "mapping": self._mapping(way),
            "encoded_slashes": _SLASHES.get(slashes, "refuse"),
            "preserve_host": settings.preserve_host,
            "forwarded": settings.forwarded,
            "answer_expect": not settings.expect,
            "via": via in ("on", "full"),
            "strip_request_headers": ["Via"] if via == "block" else [],
            "request_headers": list(settings.request_headers),
            "error_override": list(settings.override),
            "reverse": self._reverse(way, settings, group),
            "reverse_cookie_path": list(settings.cookie_paths),
            "reverse_cookie_domain": list(settings.cookie_domains),
            "websocket": group.websocket is not False,
        }
        if self.exact:
            values |= {
                "headers_on_upgrade": False,
                "timeout_status": 502,
                "websocket_idle_timeout": self.idle.get(group.name),
                "websocket_ping_interval": 0.0,
            }
        return values

    def _mapping(self, way: Way) -> str:
        if way.literal or not self.exact:
            return "verbatim"
        return "servlet" if way.servlet else "canonical"

    def _reverse(self, way: Way, settings: Settings, group: Group) -> list[str] | None:
        """Return the pairs for Location headers; None when they are what path and members make anyway."""
        if len(settings.reverse) == 1:
            pair = settings.reverse[0]
            same = way.path is not None and pair.public.rstrip("/") == way.prefix
            if same and pair.internal.rstrip("/").lower() == way.url.rstrip("/").lower():
                return None
        found: list[str] = []
        for pair in settings.reverse:
            label = label_of(pair.internal)
            named = self.find(label) if label is not None else None
            if label is not None and named is None:
                self.remarks.say(pair.node, Verdict.HARMLESS, f"There is no balancer://{label}.")
                continue
            internal = f"{PREFIX}{named.name}{path_of(pair.internal)}" if named is not None else pair.internal
            found.append(f"{ascii_only(pair.public)} {ascii_only(internal)}")
        return found


def _changes(area: Area) -> bool:
    return any(changes(node) for node in area.directives)


def _may_be_about(url: str, way: Way) -> bool:
    """Whether a ``<Proxy URL>`` may be about some of the requests that go a way, by what follows in their paths."""
    target = way.url.partition("$")[0].partition("%{")[0].lower()
    written = re.split(r"[*?\[]", url.strip().lower())[0].removeprefix("proxy:")
    ends = target.endswith("/") or target != way.url.lower()
    inside = written.startswith(target) and (ends or written[len(target) :].startswith(("/", "?")))
    return bool(target) and (inside or target.startswith(written))


def _is_about(url: str, way: Way) -> bool:
    """Whether a ``<Proxy URL>`` is about what a way leads to."""
    if not way.url:
        return False
    written, target = url.strip().lower(), way.url.lower()
    return (
        written == "*"
        or target.startswith(written.rstrip("*"))
        or f"proxy:{target}".startswith(written.rstrip("*"))
    )
