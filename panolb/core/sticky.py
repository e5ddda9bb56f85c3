"""Finding the route, the sticky id of a member, in a request.

Apache's rules (mod_proxy_balancer's ``find_session_route``): the URL is asked first, then the cookies; the route is
what follows the *first* separator of the value.  Two of them are bettered: a name in the URL must begin at a delimiter
(``?XROUTEID=.2`` is another parameter), and a URL value without a route does not hide the cookie.
"""

from __future__ import annotations

import re
from typing import NamedTuple, Protocol
from urllib.parse import unquote_to_bytes

from .request import Request


class Route(NamedTuple):
    """A route, where it was found (``cookie``, ``path`` or ``query``), and by which name."""

    value: bytes
    source: str
    name: bytes = b""


class Resolver(Protocol):
    """What a balancer asks of its sticky-session resolver; one instance serves one balancer."""

    def resolve(self, request: Request) -> Route | None:
        """The route in ``request``, or ``None`` when it carries none."""


class RouteResolver:
    """The route in a cookie, a path parameter or a query parameter.

    :param stickysession: ``NAME``, or ``COOKIE|urlparameter`` when the two differ.
    :param separator: one character, or ``off`` when the whole value is the route (``stickysessionsep``).
    :param semicolon_ends: whether ``;`` ends a value in the URL (``scolonpathdelim``).
    """

    __slots__ = ("_cookie", "_cookie_mark", "_separator", "_url", "_url_mark")

    def __init__(self, stickysession: str, separator: str = ".", semicolon_ends: bool = False) -> None:
        cookie, _, parameter = stickysession.partition("|")
        name = cookie.encode("ascii")
        url_name = (parameter or cookie).encode("ascii")
        self._separator = b"" if separator.lower() == "off" else separator.encode("ascii")
        self._cookie_mark = name
        # The name comes first, so that the search for it is a plain one; the look-behind is tried only where it is found.
        self._cookie = re.compile(re.escape(name) + rb"(?<![^;,\s]" + re.escape(name) + rb")\s*=([^;,]*)")
        self._url_mark = url_name + b"="
        end = rb"?&;" if semicolon_ends else rb"?&"
        self._url = re.compile(rb"[;?&]" + re.escape(url_name) + rb"=[" + end + rb"]*([^" + end + rb"]+)")

    def resolve(self, request: Request) -> Route | None:
        """The route in the URL, else in the cookies, else ``None``."""
        target = request.target
        if self._url_mark in target or b"%" in request.path:
            found = self._in_url(request)
            if found is not None:
                return found
        memo = request.memo
        if memo.resolver is not self:
            memo.resolver, memo.route = self, self._in_cookies(request.cookie)
        return memo.route  # type: ignore[return-value]

    def _in_cookies(self, cookies: bytes | None) -> Route | None:
        if cookies is not None and self._cookie_mark in cookies:
            match = self._cookie.search(cookies)
            if match is not None:
                route = self._route(match[1])
                if route:
                    return Route(route, "cookie", self._cookie_mark)
        return None

    def _in_url(self, request: Request) -> Route | None:
        """The path counts with its escapes resolved, the query as it was sent."""
        path = unquote_to_bytes(request.path)
        match = self._url.search(path + request.target[len(request.path) :])
        if match is None:
            return None
        route = self._route(match[1])
        if not route:
            return None
        return Route(route, "path" if match.start() < len(path) else "query", self._url_mark[:-1])

    def _route(self, value: bytes) -> bytes:
        if not self._separator:
            return value
        return value.partition(self._separator)[2]
