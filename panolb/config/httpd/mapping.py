"""``ProxyPass`` and ``ProxyPassMatch``: which requests go to which balancer."""

from __future__ import annotations

from typing import Any

from attrs import define, evolve

from panolb.config.httpd.balancers import Group, Groups, is_option, label_of, path_of
from panolb.config.httpd.expressions import wrong
from panolb.config.httpd.nodes import Directive
from panolb.config.httpd.remarks import Remarks
from panolb.config.httpd.scopes import Area, Scope
from panolb.config.httpd.singles import Singles
from panolb.config.httpd.ways import Way


@define(eq=False)
class Mapping:
    """Reads the ways of one server.

    :ivar exact: join paths as Apache does, where slashes do not fit as well.
    """

    scope: Scope
    groups: Groups
    singles: Singles
    remarks: Remarks
    exact: bool = False

    def scoped(self, areas: list[Area]) -> list[Way]:
        """Return the ways of ``<Location>`` sections: the last one that a path lies in is asked first."""
        found: list[Way] = []
        for area in reversed(areas):
            passes = [node for node in area.directives if _is_pass(node)]
            for node in passes[-1:]:
                way = self._way(node, node.args, area)
                found += [way] if way is not None else []
        return found

    def unscoped(self) -> list[Way]:
        """Return the ways of the server as a whole, in the file's order."""
        found: list[Way] = []
        for node in self.scope.all("ProxyPass", "ProxyPassMatch"):
            args = [word for word in node.args if word != "~"]
            if len(args) < 2:
                self.remarks.problem(node, "needs a path when not defined in a location")
                continue
            matching = node.name.lower() == "proxypassmatch" or "~" in node.args[:1]
            start = Way(node, pattern=args[0]) if matching else Way(node, path=args[0])
            way = self._filled(start, args[1], args[2:])
            found += [way] if way is not None else []
        return found

    def _way(self, node: Directive, args: tuple[str, ...], area: Area) -> Way | None:
        if args[0].startswith("/"):
            self.remarks.problem(node, "can not have a path when defined in a location.")
            return None
        path = None if area.path is None else area.path or "/"
        return self._filled(Way(node, path=path, pattern=area.pattern, area=area), args[0], list(args[1:]))

    def _filled(self, way: Way, target: str, words: list[str]) -> Way | None:
        """Add to a way where it leads."""
        if way.pattern is not None and not self._compiles(way):
            return None
        if way.path is not None and not way.path.startswith("/"):
            self.remarks.problem(way.node, f'{way.path} must start with "/"')
            return None
        if target == "!":
            return evolve(way, status=404)
        way = self._options(way, words)
        led = self.lead(way.node, target, [word for word in words if not is_option(word)])
        if led is None:
            return None
        group, rest = led
        return mapped(evolve(way, group=group, url=target), rest, exact=self.exact)

    def lead(self, node: Directive, target: str, words: list[str]) -> tuple[Group, str] | None:
        """Return the balancer that a URL means, and the path that follows it."""
        label = label_of(target)
        if label is None:
            return self.singles.group(node, target, words)
        group = self.groups.find(label)
        if group is None:
            self.remarks.problem(node, f"there is no balancer://{label}")
            return None
        return group, path_of(target)

    def _options(self, way: Way, words: list[str]) -> Way:
        options = [word.lower() for word in words if is_option(word)]
        further: dict[str, Any] = {
            "literal": "nocanon" in options or "mapping=encoded" in options,
            "servlet": "mapping=servlet" in options,
        }
        for word in options:
            if word.startswith("mapping=") and word not in ("mapping=encoded", "mapping=servlet"):
                self.remarks.problem(way.node, "unknown mapping; there are: encoded, servlet")
        if "noquery" in options:
            self.remarks.lost(way.node, "The query string is passed on in spite of noquery.")
        return evolve(way, **further)

    def _compiles(self, way: Way) -> bool:
        error = wrong(way.pattern or "")
        if error is not None:
            self.remarks.problem(way.node, error)
        return error is None


def mapped(way: Way, rest: str, *, exact: bool) -> Way:
    """Add to a way the path that follows the balancer or server it leads to.

    Where slashes do not fit, as in ``/app http://localhost:8080/``, one slash is right unless ``exact``.
    """
    if way.path is None or exact:
        return evolve(way, target=rest or None, exact=exact)
    return evolve(way, path=way.path.rstrip("/") or "/", target=rest.rstrip("/") or None)


def _is_pass(node: Directive) -> bool:
    return node.name.lower() in ("proxypass", "proxypassmatch")
