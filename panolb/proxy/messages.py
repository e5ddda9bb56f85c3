"""The lane of messages: autobahn takes every message apart, checks it, and puts it together again.

The routing, stickiness and failover of the handshake are the exchange's business, so neither of the two protocols
(`panolb.proxy.sides`) sends or reads HTTP on the wire: the member's side is shown the member's 101 and the browser's
side the browser's request, both reduced to what they negotiate about.  Each side negotiates permessage-deflate for
itself.
"""

from __future__ import annotations

from twisted.python.failure import Failure

from ..core.filtering import FilterFailed, Filters
from ..core.headers import Answer, websocket_accept
from ..events import EventLogger
from .bridge import Bridge
from .handshake import Offer, factories, head_of_101, head_of_request, headers_for_browser
from .sides import BrowserSide, MemberSide

log = EventLogger()

INTERNAL_ERROR = 1011


class Messages(Bridge):
    """A bridge whose messages are looked at.

    :ivar filtered: whether filters see them.
    """

    __slots__ = ("_filters", "filtered", "max_message")

    def join(self, offer: Offer, answer: Answer, early: bytes) -> bool:
        self.max_message = offer.terms.max_message
        self.filtered = bool(offer.terms.filters)
        self._filters: Filters | None = None
        http1, link, tunnel = self.client, self.link, self.tunnel
        servers, clients = factories(http1.frontend.reactor, offer.compresses, self.max_message)
        browser = BrowserSide(servers, self, tunnel.client, http1)
        member = MemberSide(clients, self, tunnel.member, link)
        browser.other, member.other = member, browser
        fields = {name.lower(): value for name, _, value in (line.partition(b": ") for line in answer.lines)}
        member.websocket_key = offer.key
        member.makeConnection(link.transport)
        member.take(head_of_101(websocket_accept(offer.key), fields))
        if not member.is_up:
            return False
        browser.subprotocol = fields.get(b"sec-websocket-protocol", b"").strip().decode("latin-1")
        browser.answer_headers = headers_for_browser(answer)
        http1.go_onward(browser)
        http1.wire.source, link.wire.source = member, browser
        browser.take(head_of_request(offer))
        link.onward = member
        browser.read()
        member.read()
        self.begin()
        if self.filtered:
            self._filters = self._make_filters()
        if early:
            member.dataReceived(early)
        return True

    def filter(self, sender: str, payload: bytes, binary: bool) -> bytes | None:
        """Show a whole message to the filters.

        :param sender: ``client`` or ``member``.
        :returns: what is to be passed on; ``None`` for nothing.
        """
        if self._filters is None:
            return None  # nothing passes unseen
        try:
            return self._filters.passed(sender, payload, binary)
        except FilterFailed as failed:
            self._give_up(failed)
            return None

    def _make_filters(self) -> Filters | None:
        try:
            return Filters(self.tunnel.terms.filters, self._exchange.request)
        except FilterFailed as failed:
            self._give_up(failed)
            return None

    def _give_up(self, failed: FilterFailed) -> None:
        """A filter raised: that costs this WebSocket, and nobody else anything."""
        log.failure(
            "exchange {id}: the message filter {name} failed; both sides get {code}",
            Failure(failed.__cause__),
            event="plugin.failed",
            id=self._exchange.request_id,
            name=failed.name,
            code=INTERNAL_ERROR,
        )
        self._filters = None
        self.tunnel.close("plugin-failed", INTERNAL_ERROR, "A message could not be processed.")
