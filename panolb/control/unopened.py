"""What the log says of connections that ended before their first request could be read."""

from __future__ import annotations

from collections.abc import Callable

from ..core.clients import network_of
from ..events import EventLogger
from .seldom import Seldom

log = EventLogger()

# What OpenSSL says, in words that help; the rest of its reasons come as they are.
_WORDS = {
    "CALLBACK_FAILED": "it asks for a host whose name has other bytes than ASCII (SNI)",
    "CERTIFICATE_VERIFY_FAILED": "its certificate is not one that client_ca has issued, or is no longer good",
    "HTTP_REQUEST": "it speaks plain HTTP",
    "NO_SHARED_CIPHER": "none of the ciphers that it knows is allowed",
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "it shows no certificate, which client_certificate asks for",
    "SSLV3_ALERT_BAD_CERTIFICATE": "it does not take our certificate",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "it finds our certificate expired",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "it does not take our certificate",
    "TLSV1_ALERT_UNKNOWN_CA": "it does not know who issued our certificate",
    "UNEXPECTED_EOF_WHILE_READING": "it has left in the midst of it",
    "UNSUPPORTED_PROTOCOL": "it knows no version of TLS that is allowed",
    "WRONG_VERSION_NUMBER": "what it sends is not TLS",
}


class Unopened:
    """Writes the lines: one a minute of each client and trouble.

    :param clock: reads a monotonic clock in seconds.

    :ivar counts: how many there were, of ``handshake`` (TLS) and ``announcement`` (PROXY protocol).
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._seldom = Seldom(clock)
        self.counts = {"handshake": 0, "announcement": 0}

    def note(self, address: str, what: str, why: str) -> None:
        """A connection has ended so.

        :param address: at its other side.
        :param what: one of those that are counted.
        :param why: OpenSSL's reason, or words.
        """
        self.counts[what] += 1
        since = self._seldom.take((what, network_of(address.encode()), why))
        if since is None:
            return
        if what == "handshake":
            log.info(
                "client {client}: no TLS: {why}{since}",
                event="client.handshake",
                client=address,
                why=f"{_WORDS[why]} ({why})" if why in _WORDS else why,
                since=since,
            )
        else:
            log.warn(
                "client {client}: refused on a listener with proxy_protocol: {why}{since}",
                event="client.announcement",
                client=address,
                why=why,
                since=since,
            )
