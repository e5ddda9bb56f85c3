"""Where the control API is served over HTTP: a Twisted endpoint of TCP, or an address and a port."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Final

from attrs import frozen

_OTHER: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|localhost|[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+):([0-9]{1,5})")

EXPECTED: Final = (
    'is no address to listen on; write for example "tcp:10089:interface=127.0.0.1" or "127.0.0.1:10089"'
)


@frozen
class ControlEndpoint:
    """An address and a port.

    :ivar interface: the address; empty for all.
    """

    interface: str
    port: int
    backlog: str = ""

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can connect."""
        if self.interface == "localhost":
            return True
        try:
            return ip_address(self.interface).is_loopback
        except ValueError:
            return False

    @property
    def description(self) -> str:
        """As a Twisted endpoint."""
        kind = "tcp6" if ":" in self.interface else "tcp"
        interface = self.interface.replace(":", r"\:")
        backlog = f":backlog={self.backlog}" if self.backlog else ""
        return f"{kind}:{self.port}" + (f":interface={interface}" if interface else "") + backlog


def parse(text: str) -> ControlEndpoint:
    """Read one.

    :raises ValueError: with what would be right.
    """
    kind, *parts = _split(text)
    if kind in ("tcp", "tcp6"):
        endpoint = _of_twisted(kind, parts)
    else:
        match = _OTHER.fullmatch(text)
        endpoint = None if match is None else ControlEndpoint(match[1].strip("[]"), int(match[2]))
    if endpoint is None or not 0 <= endpoint.port <= 65535:
        raise ValueError(EXPECTED)
    return endpoint


def _of_twisted(kind: str, parts: list[str]) -> ControlEndpoint | None:
    given = {"interface": "::" if kind == "tcp6" else ""}
    for place, part in enumerate(parts):
        key, equals, value = part.partition("=")
        if not equals and place == 0:
            key, value = "port", part
        elif not equals:
            return None
        if key not in ("port", "interface", "backlog"):
            return None
        given[key] = value
    port, backlog = given.get("port", ""), given.get("backlog", "")
    if not re.fullmatch(r"[0-9]{1,5}", port) or not re.fullmatch(r"[0-9]{0,6}", backlog):
        return None
    return ControlEndpoint(given["interface"], int(port), backlog)


def _split(text: str) -> list[str]:
    r"""The parts between colons; ``\:`` is none."""
    return [re.sub(r"\\(.)", r"\1", part) for part in re.split(r"(?<!\\):", text)]
