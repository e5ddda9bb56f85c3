"""Which names a virtual host answers to on which listeners, in the model's terms."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from fnmatch import fnmatchcase

from attrs import frozen

from panolb.config.addresses import explain_host
from panolb.config.httpd.addresses import Door
from panolb.config.httpd.known import Verdict
from panolb.config.httpd.remarks import Remarks
from panolb.config.httpd.scopes import Scope


@frozen
class Turn:
    """The locations of a server once: for these names, on these listeners.

    :ivar names: empty for whatever nobody before claims.
    :ivar doors: names of listeners.
    """

    server: Scope
    names: list[str]
    doors: list[str]


def turns(doors: list[Door], remarks: Remarks) -> list[Turn]:
    """Return all turns in the order in which the model has to ask them: those for names first.

    The first virtual host of an address answers for every name that no other has; it needs a turn by name only where a
    later one claims its names, too.
    """
    named: list[Turn] = []
    rest: list[Turn] = []
    for door in doors:
        first, *others = door.servers
        claimed: set[str] = set()
        later = [(server, _names(server, remarks)) for server in others]
        own = _names(first, remarks, others={name for _, names in later for name in names})
        if any(claims(pattern, name) for _, names in later for pattern in names for name in own):
            named.append(Turn(first, own, [door.name]))
            claimed |= set(own)
        for server, names in later:
            free = [name for name in names if name not in claimed]
            claimed |= set(free)
            if free:
                named.append(Turn(server, free, [door.name]))
            elif server.section is not None:
                words = "Nothing reaches it: it has no name that an earlier one has not."
                remarks.say(server.section, Verdict.HARMLESS, words)
        rest.append(Turn(first, [], [door.name]))
    return [*_joined(named), *_joined(rest)]


def _joined(found: list[Turn]) -> Iterator[Turn]:
    """Yield one turn for those that differ in their listeners only."""
    same: dict[tuple[int, tuple[str, ...]], Turn] = {}
    for turn in found:
        other = same.setdefault((id(turn.server), tuple(turn.names)), turn)
        if other is not turn:
            other.doors.extend(turn.doors)
    yield from same.values()


def _names(server: Scope, remarks: Remarks, *, others: Collection[str] | None = None) -> list[str]:
    """Return ServerName and ServerAlias in the model's terms.

    The start has to stop for a wildcard that the model cannot express, where it decides who answers.

    :param others: for the first server of an address, which gets what nobody else claims, the names that others claim.
    """
    found = [server_host(server)] if server_host(server) else []
    for node in server.own("ServerAlias"):
        for word in node.args:
            name = word.lower()
            if (
                "*" not in name.removeprefix("*.")
                and "?" not in name
                and explain_host(name.removeprefix("*.")) is None
            ):
                found.append(name)
            elif others is None or any("*" in other or fnmatchcase(other, name) for other in others):
                remarks.stops(
                    node, f"panolb knows names and *.DOMAIN; requests for {word} would go to another host."
                )
    return list(dict.fromkeys(found))


def server_host(server: Scope) -> str:
    """Return the ServerName without scheme and port; a virtual host without one has the main server's."""
    name = server.word("ServerName").rpartition("://")[2].lower()
    host = name if name.endswith("]") else name.rpartition(":")[0] or name
    return host if not host or explain_host(host) is None else ""


def claims(pattern: str, name: str) -> bool:
    """Whether a name, or ``*.`` and a domain, is for another."""
    return pattern == name or (pattern.startswith("*.") and name.endswith(pattern[1:]))
