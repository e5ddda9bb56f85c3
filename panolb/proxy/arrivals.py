"""Connections of proxies that announce a client first (the PROXY protocol).

A receiver must not guess (section 2 of the protocol): whether a connection begins with a header is the operator's word, and
so is who may send one.  A connection becomes one of the listener's when its header has been read, to the byte: what
follows may be TLS.  From there on it is the client's, with the client's address.
"""

from __future__ import annotations

import socket
from ipaddress import ip_address
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import IAddress, IListeningPort, IReadDescriptor
from twisted.internet.tcp import Port
from zope.interface import implementer

from ..core.announced import NotAnnounced, length_of, read
from .deadlines import NEVER
from .frontend import Frontend

PIECE = 512  # bytes of a header that are looked at at a time; most are shorter


def hear_announcements(port: IListeningPort, frontend: Frontend) -> None:
    """Have connections that ``port`` accepts from now on announced, as long as the frontend's `Announcing` says so.

    To be called behind `panolb.proxy.tls.secure`, whose transports then get what comes behind the header.

    :raises TypeError: the frontend wants announcements, and the port is none of Twisted's own.
    """
    if isinstance(port, Port):
        _Arrivals(port, frontend)
    elif frontend.announcing is not None:
        raise TypeError(f"{port!r} is no port of Twisted's: proxy_protocol cannot be had on it")


class _Arrivals:
    """Stands between a port, its factory, and the kind of transport that it makes."""

    def __init__(self, port: Port, frontend: Frontend) -> None:
        self.frontend = frontend
        self.factory: Any = port.factory
        self.transport: Any = port.transport
        port.factory = self  # type: ignore[assignment]
        port.transport = self._make  # type: ignore[assignment]

    def doStop(self) -> None:
        """The port is closed."""
        self.factory.doStop()

    def buildProtocol(self, address: IAddress) -> Any:
        """The protocol of a connection that the port has accepted."""
        if self.frontend.announcing is None:
            return self.factory.buildProtocol(address)
        return Arrival(self, address)

    def _make(self, accepted: socket.socket, protocol: Any, *more: Any) -> Any:
        """Its transport; what of it waits for a header need not have one."""
        if isinstance(protocol, Arrival):
            return (accepted, *more)
        return self.transport(accepted, protocol, *more)

    def begin(self, address: IAddress | None, accepted: socket.socket, *more: Any) -> None:
        """A connection begins, as it does without us.

        :param address: the client's, if that is not the other side's.
        """
        protocol = self.factory.buildProtocol(address)
        transport = self.transport(accepted, protocol, *more)
        if address is not None:
            transport.getPeer = lambda: address
        protocol.makeConnection(transport)


@implementer(IReadDescriptor)
class Arrival:
    """A connection whose header has not come yet."""

    __slots__ = (
        "_address",
        "_arrivals",
        "_frontend",
        "_header",
        "_more",
        "_reactor",
        "_socket",
        "deadline",
        "slot",
    )

    def __init__(self, arrivals: _Arrivals, address: IAddress) -> None:
        self.deadline = NEVER
        self.slot = 0
        self._arrivals = arrivals
        self._frontend = arrivals.frontend
        self._address = address
        self._header = b""

    def makeConnection(self, accepted: tuple[Any, ...]) -> None:
        """The port has accepted it."""
        self._socket, *self._more = accepted
        self._reactor = self._more[-1]
        announcing = self._frontend.announcing
        assert announcing is not None
        host = getattr(self._address, "host", None)
        client = None if host is None else ip_address(host.partition("%")[0])
        client = getattr(client, "ipv4_mapped", None) or client  # of a listener on "::"
        if client is not None and any(client in network for network in announcing.direct):
            self._arrivals.begin(None, self._socket, *self._more)
        elif client is None or any(client in network for network in announcing.proxies):
            self._socket.setblocking(False)
            self._frontend.expect(self)
            self._frontend.deadlines.set(self, self._frontend.limits.header_timeout)
            self._reactor.addReader(self)
        else:
            self._refuse("it is not among trusted_proxies, and nobody else may connect here")

    # -- for the reactor -----------------------------------------------------------------------------------------------

    def fileno(self) -> int:
        return int(self._socket.fileno())

    def logPrefix(self) -> str:
        return "panolb"

    def doRead(self) -> None:
        """Take what belongs to the header, and no byte more.

        All that has come and belongs to it is taken at once, whether it is whole or not: what is only looked at, the
        socket remains readable for.
        """
        try:
            seen = self._socket.recv(PIECE, socket.MSG_PEEK)
            begun = self._header + seen
            length = length_of(begun)
            theirs = len(begun) if length is None else min(length, len(begun))
            self._header += self._socket.recv(theirs - len(self._header)) if seen else b""
            if seen and len(self._header) != length:
                return
            announced = read(self._header) if seen else None
        except BlockingIOError:
            return
        except OSError:
            announced = None
        except NotAnnounced as problem:
            self._refuse(f"it has sent no PROXY header: {problem}")
            return
        self._forget()
        if announced is None:  # it has left, as those do who only see whether somebody listens
            self._socket.close()
        elif announced.local:
            self._arrivals.begin(UNIXAddress(None), self._socket, *self._more)
        elif announced.client is None:
            self._arrivals.begin(None, self._socket, *self._more)
        else:
            host, number = announced.client
            kind = IPv6Address if ":" in host else IPv4Address
            self._arrivals.begin(kind("TCP", host, number), self._socket, *self._more)

    def connectionLost(self, reason: Any) -> None:
        """The reactor lets go of everything at its end."""
        self.end()

    # -- its end -------------------------------------------------------------------------------------------------------

    def out_of_time(self) -> None:
        self._refuse("it has sent no whole PROXY header in time (header_timeout)")

    def end(self) -> None:
        """Close it; nothing was asked yet."""
        self._forget()
        self._socket.close()

    def _forget(self) -> None:
        self._frontend.deadlines.forget(self)
        self._reactor.removeReader(self)
        self._frontend.no_longer_expect(self)

    def _refuse(self, why: str) -> None:
        self._frontend.unopened(getattr(self._address, "host", "unix"), "announcement", why)
        self.end()
