"""``Listen`` and the addresses of ``<VirtualHost>``: which virtual hosts answer on which listener."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_address
from typing import Final

from attrs import define, field, frozen

from panolb.config.httpd.known import Verdict
from panolb.config.httpd.nodes import Directive
from panolb.config.httpd.remarks import Remarks
from panolb.config.httpd.scopes import Scope

_ADDRESS: Final = re.compile(r"(?:(?P<host>\[[^]]*\]|[^:\[\]]+|\*):)?(?P<port>\d{1,5}|\*)")
_ANY: Final = frozenset({"*", "0.0.0.0", "[::]", "_default_", ""})


@frozen
class Address:
    """Host and port of a ``Listen`` or a ``<VirtualHost>``; empty and None stand for any."""

    host: str
    port: int | None

    @property
    def is_wild(self) -> bool:
        return self.host in _ANY


@define(eq=False)
class Door:
    """A listener on its way into the model.

    :ivar servers: who answers there: the first one also what nobody else claims.
    """

    node: Directive
    address: Address
    name: str
    servers: list[Scope] = field(factory=list)
    secure: bool = False

    @property
    def port(self) -> int:
        assert self.address.port is not None
        return self.address.port

    def endpoint(self) -> str:
        """Return where to listen, as a Twisted endpoint."""
        host = self.address.host.strip("[]")
        version = "6" if ":" in host else ""
        escaped = host.replace(":", "\\:")
        interface = f":interface={escaped}" if host and host not in ("*", "0.0.0.0") else ""
        return f"tcp{version}:{self.port}{interface}"


def doors(main: Scope, hosts: list[Scope], remarks: Remarks) -> list[Door]:
    """Return the listeners, each with those who answer there."""
    found: list[Door] = []
    for node in main.own("Listen"):
        address = _address(node.args[0])
        if address is None or address.port is None:
            remarks.problem(
                node, f'{node.args[0]} is no address; write it like "Listen 80" or "Listen 127.0.0.1:8080"'
            )
        elif any(door.address == address for door in found):
            remarks.problem(node, "Cannot define multiple Listeners on the same IP:port")
        else:
            found.append(Door(node, address, _name(address, found)))
            if not address.host or address.host == "*":
                remarks.say(node, Verdict.RUN, "All IPv4 addresses; for IPv6 write Listen [::]:PORT instead.")
    asked = [(host, _addresses(host, remarks)) for host in hosts]
    if not main.own("ProxyPass") and not main.own("ProxyPassMatch"):
        found = [narrow for door in found for narrow in _narrowed(door, found, asked, remarks)]
    for door in found:
        door.servers = _servers(door, asked, remarks) or [main]
    _unreachable(found, hosts, remarks)
    return found


def _narrowed(
    door: Door, doors: list[Door], asked: Iterable[tuple[Scope, list[Address]]], remarks: Remarks
) -> list[Door]:
    """Return a listener for each address of its virtual hosts, if none of them is for all addresses.

    On any other address Apache's main server would answer, which sends nothing to members; there nobody listens.
    """
    wanted = [one.host for _, addresses in asked for one in addresses if one.port in (None, door.port)]
    if not door.address.is_wild or not wanted or not all(map(_is_literal, wanted)):
        return [door]
    remarks.say(
        door.node, Verdict.RUN, "Only on the addresses of its virtual hosts; the main server serves nothing."
    )
    made: list[Door] = []
    for host in dict.fromkeys(wanted):
        address = Address(host, door.port)
        if not any(other.address == address for other in doors):
            made.append(Door(door.node, address, _name(address, [*doors, *made])))
    return made


def _is_literal(host: str) -> bool:
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return host not in _ANY


def _servers(door: Door, asked: Iterable[tuple[Scope, list[Address]]], remarks: Remarks) -> list[Scope]:
    """Return the virtual hosts of a listener: those that name its address, or else those for any."""
    fitting = [(host, one) for host, addresses in asked for one in addresses if one.port in (None, door.port)]
    wild = [host for host, one in fitting if one.is_wild]
    exact = [host for host, one in fitting if one.host == door.address.host and not one.is_wild]
    named = {one.host for host, one in fitting if not one.is_wild}
    if not door.address.is_wild:
        return _once(exact or wild)
    if not named:
        return _once(wild)
    special = [host for host, one in fitting if not one.is_wild]
    if len(named) == 1 and not wild and not any(map(_is_literal, named)):
        words = f"It answers on every address of port {door.port}, as the Listen says; in Apache the main server would on others."
        for host in _once(special):
            if host.section is not None:
                remarks.say(host.section, Verdict.RUN, words)
        return _once(special)
    for host in _once(special):
        if host.section is not None:
            remarks.stops(
                host.section,
                f"panolb tells addresses apart by the Listen only; write a Listen for each address of port {door.port}.",
            )
    return _once([host for host, _ in fitting])


def _once(scopes: Iterable[Scope]) -> list[Scope]:
    return list({id(scope): scope for scope in scopes}.values())


def _addresses(host: Scope, remarks: Remarks) -> list[Address]:
    assert host.section is not None
    found: list[Address] = []
    for text in host.section.args:
        # Without a port it is for all ports, unlike in Listen.
        address = _address(text) if re.search(r"[:\]]\d+\Z|:\*\Z", text) else Address(text.lower(), None)
        if address is None:
            remarks.problem(host.section, f"{text} is no address")
        else:
            found.append(address)
    return found


def _address(text: str) -> Address | None:
    match = _ADDRESS.fullmatch(text)
    if match is None:
        return None
    port = None if match["port"] == "*" else int(match["port"])
    if port is not None and not 0 < port < 65536:
        return None
    host = (match["host"] or "").lower()
    return Address("" if host in ("*", "_default_") else host, port)


def _name(address: Address, others: list[Door]) -> str:
    """Return a name for the listener's table."""
    host = address.host.strip("[]").replace(":", "-").strip("-")
    name = f"http-{address.port}" if address.is_wild or not host else f"http-{host}-{address.port}"
    taken = {door.name for door in others}
    return next(one for one in (name, *(f"{name}-{n}" for n in range(2, 999))) if one not in taken)[:63]


def _unreachable(found: list[Door], hosts: list[Scope], remarks: Remarks) -> None:
    reached = {id(host) for door in found for host in door.servers}
    for host in hosts:
        if id(host) not in reached and host.section is not None:
            remarks.say(
                host.section, Verdict.HARMLESS, "No Listen is for its addresses, so nothing reaches it."
            )
