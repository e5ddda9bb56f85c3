"""A way is what a server does with some of its requests: the common form of ProxyPass, RewriteRule, Redirect and Alias."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Final, Literal
from urllib.parse import quote, unquote

from attrs import evolve, frozen

from panolb.config.httpd.balancers import Group
from panolb.config.httpd.expressions import count, inner, shifted, uncounted
from panolb.config.httpd.nodes import Directive
from panolb.config.httpd.scopes import Area, below

_SAFE: Final = "/._~!$&'()*+,;=:@-"
_PRINTABLE: Final = "".join(map(chr, range(33, 127)))
_MOST_GROUPS: Final = 9
"""As many have a name: ``$1`` to ``$9``."""

_EXACT: Final = re.compile(r"\^((?:[A-Za-z0-9/_~%@:,;=!'-]|\\[./+_-])*)(?:/\??)?\$")
"""A regular expression that only one path matches, with or without a slash at its end."""


@frozen
class Way:
    """One of them.  Requests match either a prefix or a regular expression.

    :ivar path: the prefix as written, unescaped.
    :ivar area: the ``<Location>`` that it stands in.
    :ivar group: the balancer that serves it.
    :ivar url: what a ``<Proxy>`` has to name to be about it, such as ``balancer://name/path``.
    :ivar target: what stands between the member's path and the rest; None for nothing.
    :ivar exact: path and target are joined as they stand, also where their slashes do not fit.
    :ivar literal: the path is passed on byte for byte, as with ``nocanon``.
    :ivar servlet: path parameters do not count.
    :ivar listeners: None for all of its server.
    :ivar anchored: its expression begins with ^, and has no alternatives to what follows that.
    :ivar crowded: its expression has more groups than there are names for.
    """

    node: Directive
    path: str | None = None
    pattern: str | None = None
    area: Area | None = None
    group: Group | None = None
    url: str = ""
    target: str | None = None
    exact: bool = False
    literal: bool = False
    servlet: bool = False
    requests: Literal["all", "websocket", "other"] = "all"
    listeners: tuple[str, ...] | None = None
    hosts: tuple[str, ...] = ()
    redirect: str | None = None
    status: int | None = None
    files: str | None = None
    anchored: bool = False
    crowded: bool = False

    @property
    def prefix(self) -> str | None:
        """The path without a slash at its end; the root is empty."""
        return None if self.path is None else self.path.rstrip("/")

    @property
    def base(self) -> str:
        """What the target takes the place of; what follows it is kept."""
        return (self.path if self.exact else self.prefix) or ""

    @property
    def whole(self) -> bool:
        """Whether nothing but the path decides: a later way for the same paths is then never asked."""
        return self.path is not None and self.requests == "all" and self.listeners is None and not self.hosts

    def takes_all_of(self, other: Way) -> bool:
        """Whether nothing is left for another way that is asked later."""
        if not self.whole or other.prefix is None or self.prefix is None:
            return False
        return below(other.prefix, self.prefix)

    def narrowed(self, path: str) -> Way:
        """Return the same way for the paths below one of its own: what was left of the path becomes fixed.

        :param path: below `prefix`, without a slash at the end.
        """
        rest = quote(path[len(self.base) :], safe=_SAFE)
        further: dict[str, Any] = {"path": path}
        if self.group is not None:
            target = (self.target or "") + rest
            further["target"] = target if target.startswith("/") else f"/{target}"
        elif self.redirect is not None:
            further["redirect"] = self.redirect + rest
        elif self.files is not None:
            further["files"] = self.files + path[len(self.base) :]
        return evolve(self, **further)

    def where_also(self, pattern: str) -> Way:
        """Return the same way for those of its paths that contain a regular expression, too."""
        pattern = uncounted(inner(pattern))
        groups = count(pattern)
        ahead = f"^(?={pattern[1:]})" if _is_anchored(pattern) else f"^(?=.*?(?:{pattern}))"
        crowded = self.crowded or groups + (1 if self.pattern is None else count(self.pattern)) > _MOST_GROUPS
        if self.pattern is not None:
            own = shifted(inner(self.pattern), groups)
            return evolve(
                self,
                pattern=ahead + (own[1:] if self.anchored or _is_anchored(own) else f"(?=.*?(?:{own}))"),
                target=_shift(self.target, groups),
                redirect=_shift(self.redirect, groups),
                anchored=True,
                crowded=crowded,
            )
        last = f"${groups + 1}"
        following = "(.*)" if self.base.endswith("/") else "((?:/.*)?)"
        return evolve(
            self,
            path=None,
            pattern=f"{ahead}{re.escape(self.base)}{following}$",
            target=None if self.group is None else (self.target or "") + last,
            redirect=None if self.redirect is None else self.redirect + last,
            anchored=True,
            crowded=crowded,
        )


def _shift(text: str | None, by: int) -> str | None:
    """Renumber references to groups of a regular expression before which others have been put."""
    return None if text is None else re.sub(r"\$(\d)", lambda match: f"${int(match[1]) + by}", text)


def encoded(path: str) -> str:
    """Write a path as it stands in a URL."""
    return quote(unquote(path) if "%" in path else path, safe=_SAFE)


def ascii_only(url: str) -> str:
    """Write what may not stand in a URL at all as escapes, and leave everything else as it is."""
    return quote(url, safe=_PRINTABLE)


def covers(area: Area, way: Way) -> bool:
    """Whether everything that goes a way lies in an area."""
    if area.path is not None:
        prefix = way.prefix
        if prefix is not None:
            return below(prefix, area.path)
        return not area.path or way.area is area or literal(way.pattern or "").startswith(area.path + "/")
    if area.pattern in ("", "/", "^/", ".*", "^", "^/.*", "^.*$", "/.*", "^/.*$"):
        return True
    return way.area is area


def touches(area: Area, way: Way) -> bool:
    """Whether something that goes a way may lie in an area."""
    prefix = way.prefix
    if area.path is not None and prefix is not None:
        return below(prefix, area.path) or below(area.path, prefix)
    if covers(area, way):
        return True
    mine, whole = (area.path, True) if area.path is not None else (literal(area.pattern or ""), False)
    only = _EXACT.fullmatch(way.pattern or "")
    if whole and only is not None:
        return below(only[1].replace("\\", "").rstrip("/"), mine or "")
    other = prefix if prefix is not None else literal(way.pattern or "")
    return mine.startswith(other) or other.startswith(mine)


def _may_be_else(pattern: str) -> bool:
    """Whether an expression may have alternatives outside of groups; brackets that are letters are not told apart."""
    if "|" in pattern and re.search(r"\\[()]|\[", pattern):
        return True
    return "|" in re.sub(r"\([^()]*\)", "", pattern)


def _is_anchored(pattern: str) -> bool:
    return pattern.startswith("^") and pattern[1:2] not in ("*", "+", "?", "{") and not _may_be_else(pattern)


@lru_cache(maxsize=4096)
def literal(pattern: str) -> str:
    """Return what everything that contains a regular expression begins with; often nothing can be said."""
    if not pattern.startswith("^") or _may_be_else(pattern):
        return ""
    match = re.match(r"(?:[A-Za-z0-9/_~%@:,;=!'-]|\\[./+_-])*", pattern[1:])
    assert match is not None
    text, following = match[0], pattern[1 + match.end() : 2 + match.end()]
    if following in ("*", "?", "{"):
        text = text[:-2] if text[-2:-1] == "\\" else text[:-1]
    return text.replace("\\", "")
