"""Members that speak TLS."""

from __future__ import annotations

import socket
import ssl
import threading
from pathlib import Path

from .member import Member
from .talk import Talk
from .waiting import PATIENCE


class SecureMember(Member):
    """A scripted member behind TLS.

    :param certificate: key and certificate.
    :param client_ca: who must have signed the certificates of its clients; ``None``: they need none.

    :ivar context: may be changed, for the connections to come.
    :ivar greeted: of each TLS connection: the name that it was asked for, the version, the protocol agreed on, whether it
        resumed a session, and who the client said it was.
    :ivar refused: why handshakes failed.
    """

    def __init__(self, name: str, certificate: tuple[Path, Path], client_ca: Path | None = None) -> None:
        self.greeted: list[Greeted] = []
        self.refused: list[str] = []
        self._names = threading.local()
        self.context = self.secured(certificate, client_ca)
        super().__init__(name)

    def secured(self, certificate: tuple[Path, Path], client_ca: Path | None = None) -> ssl.SSLContext:
        """What a member with such a certificate speaks TLS with."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        key, chain = certificate
        context.load_cert_chain(chain, key)
        context.set_alpn_protocols(["h2", "http/1.1"])
        context.sni_callback = self._asked
        if client_ca is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(client_ca)
        return context

    def _asked(self, connection: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        self._names.last = name

    def _serve(self, talk: Talk) -> None:
        self._names.last = None
        try:
            talk.socket.settimeout(PATIENCE)
            secure = self.context.wrap_socket(talk.socket, server_side=True)
        except OSError as error:
            self.refused.append(str(error))
            talk.close()
            return
        secure.settimeout(None)
        talk.socket = secure
        self.greeted.append(Greeted(secure, self._names.last))
        super()._serve(talk)

    def forget(self) -> None:
        super().forget()
        self.greeted.clear()
        self.refused.clear()

    def _end(self, talk: Talk) -> None:
        """Say that there is nothing more to come: TLS has a word for it."""
        connection = talk.socket
        if isinstance(connection, ssl.SSLSocket) and connection.version():
            # Not unwrap, which would read what is the talk's thread's to read.
            connection.shutdown(socket.SHUT_RDWR)
        else:
            super()._end(talk)


class Greeted:
    """What came of one handshake, see `SecureMember`."""

    def __init__(self, connection: ssl.SSLSocket, name: str | None) -> None:
        self.name = name
        self.version = connection.version()
        self.protocol = connection.selected_alpn_protocol()
        self.resumed = bool(connection.session_reused)
        subject = (connection.getpeercert() or {}).get("subject", ())
        self.client = dict(pair for group in subject for pair in group).get("commonName")  # type: ignore[misc]

    def __repr__(self) -> str:
        return f"<{self.version} for {self.name}{', resumed' if self.resumed else ''}>"
