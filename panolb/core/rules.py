"""The operator's rules of one location: variables, changed header fields, pages of their own, and fixed answers."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..language.environment import Environment
from ..language.headers import RequestRules, ResponseRules
from .canonical import escaped
from .facts import ExchangeFacts


class Rules:
    """What Apache's mod_headers and mod_setenvif do for a location.

    :param on_upgrade: whether the rules for answers apply to a 101 too.
    """

    __slots__ = ("environment", "on_upgrade", "request", "response")

    def __init__(
        self,
        environment: Environment,
        request: RequestRules,
        response: ResponseRules,
        on_upgrade: bool = True,
    ) -> None:
        self.environment = environment
        self.request = request
        self.response = response
        self.on_upgrade = on_upgrade


class ErrorPage:
    """What is shown with an answer of panolb's own (ErrorDocument): a body, or another place to go to.

    :param url: where to send the client instead (with a 302); empty for the body.
    """

    __slots__ = ("body", "content_type", "url")

    def __init__(self, body: bytes = b"", content_type: bytes = b"text/html", url: bytes = b"") -> None:
        self.body = body
        self.content_type = content_type
        self.url = url


class FixedAnswer:
    """A location that needs no member: a status, or a redirect (mod_alias, ``RewriteRule [R]``).

    :param redirect: where to; ``%{NAME}`` is a server variable, ``$1`` a group of the location's pattern.
    """

    __slots__ = ("_redirect", "status")

    def __init__(self, status: int, redirect: bytes = b"") -> None:
        self.status = status
        self._redirect = redirect

    def url(self, facts: ExchangeFacts, rest: bytes, groups: re.Match[bytes] | None, query: bytes) -> bytes:
        """The redirect's Location; empty when there is none.

        :param rest: what follows a location's path, as it was sent.
        :param query: the request's query with its question mark; kept unless the redirect has one of its own.
        """
        if not self._redirect:
            return b""
        url = expanded(self._redirect, groups)
        url = _VARIABLE.sub(lambda found: _variable(facts, found[1].decode()), url) + rest
        if _ELSEWHERE.match(url) and not _ELSEWHERE.match(self._redirect):
            url = b"/" + url.lstrip(b"/\\")  # what a client wrote is no host to send it to
        return url if b"?" in url else url + query


def _variable(facts: ExchangeFacts, name: str) -> bytes:
    """A variable as it may stand in a URL; the path comes with its escapes resolved."""
    value = facts.variable(name)
    return escaped(value) if name == "REQUEST_URI" else value


_VARIABLE = re.compile(rb"%\{([A-Z_]+)\}")
_GROUP = re.compile(rb"\$([0-9])")
_ELSEWHERE = re.compile(rb"[/\\]{2}")  # where browsers see another host begin


def expanded(template: bytes, groups: re.Match[bytes] | None) -> bytes:
    """A template with ``$1`` and so on filled in, escaped as a path."""
    if b"$" not in template:
        return template

    def fill(found: re.Match[bytes]) -> bytes:
        number = int(found[1])
        return escaped(groups[number] or b"") if groups is not None and number <= groups.re.groups else b""

    return _GROUP.sub(fill, template)


NO_PAGES: Mapping[int, ErrorPage] = {}
