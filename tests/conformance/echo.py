"""The member under the suite: autobahn's own WebSocket server, which sends every message back.

``python -m tests.conformance.echo PORT`` listens on the loopback address until it is ended.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from autobahn.websocket.compress import (
    PerMessageDeflateOffer,
    PerMessageDeflateOfferAccept,
)

from tests.harness.waiting import ADDRESS


class Echo(WebSocketServerProtocol):
    """One connection."""

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self.sendMessage(payload, isBinary)


def accept(offers: Sequence[object]) -> PerMessageDeflateOfferAccept | None:
    """Take the first offer of permessage-deflate, with the parameters that the client asks for."""
    for offer in offers:
        if isinstance(offer, PerMessageDeflateOffer):
            return PerMessageDeflateOfferAccept(offer)
    return None


def main(port: int) -> None:
    """Serve until the process is ended."""
    from twisted.internet import reactor

    factory = WebSocketServerFactory()
    factory.protocol = Echo
    factory.setProtocolOptions(
        failByDrop=False,  # RFC 6455 section 7.1.7: a close frame before the connection ends
        echoCloseCodeReason=True,  # so that a code that changes on the way is seen
        perMessageCompressionAccept=accept,
    )
    reactor.listenTCP(port, factory, interface=ADDRESS)
    reactor.run()


if __name__ == "__main__":
    main(int(sys.argv[1]))
