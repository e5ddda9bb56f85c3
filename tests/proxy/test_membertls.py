"""What a connection to a member remembers, and for how long."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from OpenSSL import SSL
from OpenSSL.crypto import X509
from twisted.internet.error import ConnectionDone

from panolb.proxy.identity import Demands, alert, trouble
from panolb.proxy.membertls import RESUMED, MemberTls, SecureTransport, watch
from tests.harness.certificate import Authority


class Clock:
    """A clock that stands still."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Meeting:
    """Handshakes between `MemberTls` and OpenSSL's own server, in memory."""

    def __init__(self, directory: Path, clock: Clock) -> None:
        authority = Authority(directory, "ca")
        key, certificate = authority.issue("member", names=["member.test"])
        self._server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._server.load_cert_chain(certificate, key)
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.load_verify_locations(str(authority.certificate))
        watch(context)
        self._member = MemberTls(context, Demands("member.test", "the test's", frozenset(), None), clock)

    def shake(self) -> bool:
        """One handshake, a message, and the end; returns whether it resumed another one."""
        transport = SecureTransport.__new__(SecureTransport)
        client = self._member.clientConnectionForTLS(transport)
        client.set_app_data(transport)  # as Twisted does
        client.set_connect_state()
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        server = self._server.wrap_bio(incoming, outgoing, server_side=True)
        for _ in range(4):
            for step in (client.do_handshake, server.do_handshake):
                try:
                    step()
                except (SSL.WantReadError, ssl.SSLWantReadError):
                    pass
                self._carry(client, incoming, outgoing)
        server.write(b"x")
        self._carry(client, incoming, outgoing)
        assert client.recv(1) == b"x"
        client.shutdown()
        return bool(server.session_reused)

    @staticmethod
    def _carry(client: SSL.Connection, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO) -> None:
        try:
            incoming.write(client.bio_read(1 << 16))
        except SSL.WantReadError:
            pass
        data = outgoing.read()
        if data:
            client.bio_write(data)


def test_sessions_end(tmp_path: Path) -> None:
    """An hour after the certificate was verified it is verified again, however often the session was resumed."""
    clock = Clock()
    meeting = Meeting(tmp_path, clock)
    assert [meeting.shake() for _ in range(3)] == [False, True, True]
    clock.now += RESUMED - 1
    assert meeting.shake()
    clock.now += 2
    assert [meeting.shake() for _ in range(2)] == [False, True]


@pytest.mark.parametrize(
    "error", [ConnectionDone(), OSError(5, "x"), SSL.SysCallError(-1, "Unexpected EOF"), None]
)
def test_ends_without_a_word(error: BaseException | None) -> None:
    """Whatever ended the connection, there are words for it."""
    assert trouble(error) == "it ended the connection within the TLS handshake"
    assert alert(error) is None


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("tlsv13 alert certificate required", "it asks for a client certificate"),
        ("sslv3 alert handshake failure", "it refuses the TLS handshake"),
        ("ssl/tls alert handshake failure", "it refuses the TLS handshake"),
        ("tls alert handshake failure", "it refuses the TLS handshake"),
        ("tlsv1 unrecognized name", "it does not know the name"),
        ("wrong version number", "it does not speak TLS on this port"),
        ("unsupported protocol", "it speaks no version of TLS"),
        ("something new", "the TLS handshake failed: something new"),
    ],
)
def test_words_of_openssl(reason: str, words: str) -> None:
    """Of each version of it; what nobody knows is told as it is."""
    assert trouble(SSL.Error([("SSL routines", "", reason)])).startswith(words)


def test_a_certificate_that_cannot_be_read() -> None:
    """It is refused, and nothing is raised into OpenSSL."""

    class Odd(X509):
        def to_cryptography(self) -> None:  # type: ignore[override]
            raise ValueError("odd\n")

    demands = Demands("member.test", "the test's", frozenset(), None)
    assert demands.complaint(Odd(), 0, 0) == "its certificate cannot be read: odd?"
