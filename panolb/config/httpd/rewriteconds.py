"""``RewriteCond``: those conditions that say which requests a location takes, or that are decided beforehand.

A condition that panolb cannot ask of each request makes its rule unsupported.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final, Literal

from attrs import evolve, field, frozen

from panolb.config.httpd.expressions import inner, wrong
from panolb.config.httpd.nodes import Directive


class NotCarriedOver(Exception):
    """The condition or rule is none that panolb knows; the message says which."""


@frozen
class Door:
    """A listener, as far as rules can ask for it."""

    name: str
    port: int
    secure: bool


@frozen
class Asked:
    """What the conditions of a rule ask for, all of it together.

    :ivar doors: the listeners on which they can be true at all.
    :ivar patterns: regular expressions that the path contains; those with True in front must not be there.
    :ivar hosts: one of them; empty for any.
    :ivar methods: the only methods that they are true for; None for any.
    """

    doors: tuple[Door, ...]
    requests: Literal["all", "websocket", "other"] = "all"
    patterns: tuple[tuple[bool, str], ...] = ()
    hosts: tuple[str, ...] = ()
    methods: frozenset[str] | None = field(default=None)


_WEBSOCKET: Final = re.compile(r"=?\^?(?:\.\*)?\(?websocket\)?(?:\.\*)?\$?", re.IGNORECASE)
_UPGRADE: Final = re.compile(r"=?\^?(?:\.\*)?\(?upgrade\)?(?:\.\*)?\$?", re.IGNORECASE)
_TRANSPORT: Final = re.compile(r".*transport=\(?websocket\)?.*", re.IGNORECASE)
_HOST: Final = re.compile(r"[=^](?P<host>[A-Za-z0-9-]+(?:\\?\.[A-Za-z0-9-]+)+)(?:\(:\\?[0-9d]+\+?\)\?)?\$?")
"""A whole name from its beginning; without the $ a port may follow, which hosts are compared without."""
_METHODS: Final = re.compile(r"=?\^?\(?(?P<methods>[A-Z]+(?:\|[A-Z]+)*)\)?\$?", re.IGNORECASE)


def asked(nodes: Sequence[Directive], doors: tuple[Door, ...]) -> Asked:
    """Read the conditions of one rule.

    :raises NotCarriedOver: one of them cannot be asked here.
    """
    found = Asked(doors)
    alternatives: list[str] = []
    for node in nodes:
        subject, pattern, *rest = node.args
        flags = {flag.strip().lower() for flag in "".join(rest).strip("[]").split(",") if flag.strip()}
        hosts = subject.upper() in ("%{HTTP_HOST}", "%{SERVER_NAME}")
        if flags & {"or", "ornext"} or alternatives:
            # Several hosts are the one alternative that a location can express.
            if not hosts or pattern.startswith("!"):
                raise NotCarriedOver(f"RewriteCond {subject} {pattern} is an alternative")
            alternatives.append(_host(pattern))
            if not flags & {"or", "ornext"}:
                found = evolve(found, hosts=(*found.hosts, *alternatives))
                alternatives = []
            continue
        ask = _ASK.get(subject.upper())
        if ask is None:
            raise NotCarriedOver(f"RewriteCond asks for {subject}")
        negated = pattern.startswith("!")
        found = ask(found, pattern.removeprefix("!"), negated, "nc" in flags or "nocase" in flags)
    return found


_Ask = Callable[[Asked, str, bool, bool], Asked]


def _upgrade(found: Asked, pattern: str, negated: bool, nocase: bool) -> Asked:
    if not _WEBSOCKET.fullmatch(pattern):
        raise NotCarriedOver(f"RewriteCond asks for Upgrade: {pattern}")
    return evolve(found, requests="other" if negated else "websocket")


def _connection(found: Asked, pattern: str, negated: bool, nocase: bool) -> Asked:
    if not _UPGRADE.fullmatch(pattern):
        raise NotCarriedOver(f"RewriteCond asks for Connection: {pattern}")
    return evolve(found, requests="other" if negated else "websocket")


def _query(found: Asked, pattern: str, negated: bool, nocase: bool) -> Asked:
    if not _TRANSPORT.fullmatch(pattern):
        raise NotCarriedOver(f"RewriteCond asks for the query {pattern}")
    return evolve(found, requests="other" if negated else "websocket")


def _secure(found: Asked, pattern: str, negated: bool, nocase: bool) -> Asked:
    wanted = pattern.strip("=^$()").lower()
    if wanted not in ("on", "off"):
        raise NotCarriedOver(f"RewriteCond asks for HTTPS {pattern}")
    secure = (wanted == "on") != negated
    return evolve(found, doors=tuple(door for door in found.doors if door.secure == secure))


def _port(found: Asked, pattern: str, negated: bool, nocase: bool) -> Asked:
    wanted = pattern.strip("=^$()")
    if not wanted.isdigit():
        raise NotCarriedOver(f"RewriteCond asks for port {pattern}")
    return evolve(found, doors=tuple(door for door in found.doors if (door.port == int(wanted)) != negated))


def _path(found: Asked, pattern: str, negated: bool, nocase: bool) -> Asked:
    if pattern.startswith(("-", "<", ">")):
        raise NotCarriedOver(f"RewriteCond asks for a path {pattern}")
    text = f"^{re.escape(pattern[1:])}$" if pattern.startswith("=") else pattern
    return evolve(found, patterns=(*found.patterns, (negated, compiled(text, nocase))))


def _hosts(found: Asked, pattern: str, negated: bool, nocase: bool) -> Asked:
    if negated:
        raise NotCarriedOver(f"RewriteCond asks for every host but {pattern}")
    return evolve(found, hosts=(*found.hosts, _host(pattern)))


def _methods(found: Asked, pattern: str, negated: bool, nocase: bool) -> Asked:
    match = _METHODS.fullmatch(pattern)
    if match is None or negated:
        raise NotCarriedOver(f"RewriteCond asks for methods {pattern}")
    return evolve(found, methods=frozenset(match["methods"].upper().split("|")))


_ASK: Final[dict[str, _Ask]] = {
    "%{HTTP:UPGRADE}": _upgrade,
    "%{HTTP:CONNECTION}": _connection,
    "%{QUERY_STRING}": _query,
    "%{HTTPS}": _secure,
    "%{SERVER_PORT}": _port,
    "%{REQUEST_URI}": _path,
    "%{HTTP_HOST}": _hosts,
    "%{SERVER_NAME}": _hosts,
    "%{REQUEST_METHOD}": _methods,
}


def _host(pattern: str) -> str:
    match = _HOST.fullmatch(pattern)
    if match is None:
        raise NotCarriedOver(f"RewriteCond asks for the host {pattern}")
    return match["host"].replace("\\", "").lower()


def compiled(pattern: str, nocase: bool) -> str:
    """Return the text of a regular expression that works, with its case in itself.

    :raises NotCarriedOver: it cannot be read.
    """
    error = wrong(pattern)
    if error is not None:
        raise NotCarriedOver(error)
    return f"(?i:{inner(pattern)})" if nocase else inner(pattern)
