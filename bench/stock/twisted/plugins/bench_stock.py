"""Endpoints with Twisted's own TLS: ``stocktls:`` and what Twisted's ``ssl:`` takes, which panolb makes its own of."""

from __future__ import annotations

from typing import Any

from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IStreamServerEndpointStringParser
from twisted.plugin import IPlugin
from zope.interface import implementer


@implementer(IPlugin, IStreamServerEndpointStringParser)
class StockTls:
    """Makes them."""

    prefix = "stocktls"

    def parseStreamServer(self, reactor: Any, *arguments: object, **settings: object) -> Any:
        """Leave it to Twisted."""
        named = (f"{name}={value}" for name, value in settings.items())
        return serverFromString(reactor, ":".join(("ssl", *map(str, arguments), *named)))


stock_tls = StockTls()
