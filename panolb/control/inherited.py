"""Listening sockets that systemd opened before it started panolb (``sd_listen_fds(3)``).

A listener has one by its name, ``systemd:domain=INET6:name=http``, or because it is to listen where that one does.
"""

from __future__ import annotations

import ipaddress
import os
import re
import socket
from collections.abc import Iterable, Iterator
from typing import Any

import attrs
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IListeningPort, IProtocolFactory, IStreamServerEndpoint
from zope.interface import implementer

from ..events import EventLogger

log = EventLogger()

_PREFIX = "systemd:"
_DOMAIN = re.compile(r"[:](?:domain=)?(INET6?|UNIX)(?=:|$)")
_TCP = re.compile(r"(tcp6?):(?:port=)?(\d+)(?::interface=((?:[^:\\]|\\:)*))?(?::backlog=\d+)?")
_EXAMPLE = '"systemd:domain=INET6:name=http"'


class NotPassed(ValueError):
    """There is no such socket; the text says what would be right."""


@implementer(IStreamServerEndpoint)
@attrs.frozen
class Inherited:
    """One of these sockets.

    A listener gets a copy of the descriptor, and this one stays open as long as the process runs: after a reload without
    the listener and another one with it, the number must not be somebody else's.
    """

    reactor: Any
    fileno: int
    family: socket.AddressFamily

    def listen(self, factory: IProtocolFactory) -> Deferred[IListeningPort]:
        """Accept from it."""
        if self.family is socket.AF_UNIX:
            return maybeDeferred(_adopt_unix, self.reactor, self.fileno, factory)
        return maybeDeferred(self.reactor.adoptStreamPort, self.fileno, self.family, factory)

    def addresses(self) -> list[tuple[object, int]]:
        """The addresses and ports at which it listens; one of all IPv6 addresses may be one of all IPv4 addresses too."""
        if self.family is socket.AF_UNIX:
            return []
        with socket.socket(fileno=os.dup(self.fileno)) as copy:
            host, port, *_ = copy.getsockname()
            both = host == "::" and not copy.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
        return [(_address(one), port) for one in ([host, "0.0.0.0"] if both else [host])]

    def __str__(self) -> str:
        with socket.socket(fileno=os.dup(self.fileno)) as copy:
            name = copy.getsockname()
        return f"{name[0]}, port {name[1]}" if isinstance(name, tuple) else str(name)


def _adopt_unix(reactor: Any, fileno: int, factory: IProtocolFactory) -> IListeningPort:
    """Accept from a UNIX socket; its path is not ours to remove at the end, as Twisted's own port does."""
    from twisted.internet import tcp, unix  # noqa: PLC0415  # Windows cannot import the second

    class Port(unix.Port):
        def connectionLost(self, reason: Any) -> None:
            tcp.Port.connectionLost(self, reason)

    port: Any = Port._fromListeningDescriptor(reactor, fileno, factory)
    port.startListening()
    return port  # type: ignore[no-any-return]


def is_meant(description: str) -> bool:
    """Whether an endpoint is such a socket by name or number."""
    return description.startswith(_PREFIX)


def mistake(description: str) -> str | None:
    """What is wrong with a description, whatever was passed to this process: that is empty when a file is only checked."""
    if _DOMAIN.search(description) is None:
        return f"does not say what kind of socket it is; write for example {_EXAMPLE}"
    try:
        serverFromString(None, description)
    except LookupError:
        return None  # well written, and not there
    except Exception as error:  # noqa: BLE001  # as endpoint parsers do
        return f"is no endpoint ({error}); write for example {_EXAMPLE}"
    return None


def named(reactor: Any, description: str) -> Inherited:
    """The socket that a description names.

    :raises NotPassed: when systemd has passed none like it.
    """
    wrong = mistake(description)
    if wrong is not None:
        raise NotPassed(wrong)
    try:
        found: Any = serverFromString(reactor, description)
    except LookupError:
        message = (
            f"{description}: systemd has passed no such socket; is there a socket unit for this service, started before "
            "it, and is its FileDescriptorName this name?"
        )
        raise NotPassed(message) from None
    made = Inherited(reactor, found.fileno, _family(found.fileno))
    if made.family != found.addressFamily:
        is_one, written = made.family.name[3:], found.addressFamily.name[3:]
        raise NotPassed(f"the socket is one of {is_one}; write domain={is_one} instead of {written}")
    return made


def matching(reactor: Any, description: str) -> Inherited | None:
    """The socket that listens already where a TCP endpoint is to listen; opening another one there could only fail."""
    match = _TCP.fullmatch(description)
    if match is None:
        return None
    host = match[3] or ("::" if match[1] == "tcp6" else "0.0.0.0")
    wanted = _address(host.replace("\\:", ":")), int(match[2])
    candidates = {address: one for one in passed(reactor) for address in one.addresses()}
    return candidates.get(wanted)


def passed(reactor: Any) -> Iterator[Inherited]:
    """All that were."""
    index = 0
    while True:
        try:
            found: Any = serverFromString(None, f"systemd:domain=INET:index={index}")
        except LookupError:
            return
        yield Inherited(reactor, found.fileno, _family(found.fileno))
        index += 1


def warn_of_unused(reactor: Any, descriptions: Iterable[str]) -> None:
    """Name the sockets that none of these endpoints uses: who connects there waits, and nobody ever answers."""
    used = set()
    for description in descriptions:
        one = named(reactor, description) if is_meant(description) else matching(reactor, description)
        used.add(None if one is None else one.fileno)
    for one in passed(reactor):
        if one.fileno not in used:
            log.warn(
                "systemd has passed a socket that no listener uses ({socket}): who connects there waits in vain; give it "
                "a listener, or take it out of the socket unit",
                event="socket.unused",
                socket=one,
            )


def _family(fileno: int) -> socket.AddressFamily:
    """Its family, which the socket itself knows best.

    :raises NotPassed: when nobody can be accepted from it.
    """
    try:
        os.set_inheritable(fileno, False)
        os.set_blocking(fileno, False)
        with socket.socket(fileno=os.dup(fileno)) as copy:
            if copy.type is socket.SOCK_STREAM and copy.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                return socket.AddressFamily(copy.family)
    except OSError as error:
        raise NotPassed(f"descriptor {fileno}, passed by systemd, cannot be used: {error.strerror}") from None
    message = f"descriptor {fileno}, passed by systemd, does not listen: the socket unit must have ListenStream and Accept=no"
    raise NotPassed(message)


def _address(host: str) -> object:
    """An address to compare; a name is itself."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    return getattr(address, "ipv4_mapped", None) or address
