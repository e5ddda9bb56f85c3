"""A client that speaks TLS, and hears of every connection that is cut off instead of ended."""

from __future__ import annotations

import ssl
from typing import Any

from .client import Client


def client_context(
    version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3, *, most: ssl.TLSVersion | None = None
) -> ssl.SSLContext:
    """One that takes any certificate, and no end of TCP for the end of TLS.

    :param version: the least; and the most, unless ``most`` says otherwise.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = version
    context.maximum_version = most or version
    # Python sets this option by default; before 3.12 it has no name for it.
    context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 1 << 7)
    return context


class TlsClient(Client):
    """One connection to a port that speaks TLS.

    :ivar socket: decrypts and encrypts; an end without close_notify is an ``ssl.SSLEOFError``.
    """

    def __init__(
        self,
        port: int,
        context: ssl.SSLContext | None = None,
        *,
        name: str = "panolb.test",
        session: ssl.SSLSession | None = None,
        **options: Any,
    ) -> None:
        self._context = context or client_context()
        self._name = name
        self._session = session
        super().__init__(port, **options)

    @property
    def tls(self) -> ssl.SSLSocket:
        """The socket, as what it is."""
        assert isinstance(self.socket, ssl.SSLSocket)
        return self.socket

    def _connect(self) -> None:
        super()._connect()
        self.socket = self._context.wrap_socket(
            self.socket, server_hostname=self._name, session=self._session, suppress_ragged_eofs=False
        )
