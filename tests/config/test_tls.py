"""What the configuration says of a listener's TLS, before any file is read."""

from __future__ import annotations

import pytest

from panolb.config import Config, Listener
from panolb.config.crosscheck import findings
from panolb.config.model import Certificate, Tls
from panolb.config.sslendpoint import read
from panolb.config.tls import INTERMEDIATE_CIPHERS, cipher_names, explain_ciphers


@pytest.mark.parametrize(
    ("written", "address", "certificate"),
    [
        (
            r"ssl:443:privateKey=/a\:b.key:certKey=/c.pem:interface=127.0.0.1",
            "tcp:443:interface=127.0.0.1",
            Certificate(file="/c.pem", key="/a:b.key"),
        ),
        ("SSL:port=443:privateKey=k", "tcp:port=443", Certificate(file="k", key="k")),
        (
            r"ssl:443:interface=\:\::privateKey=k:certKey=c:extraCertChain=e:sslmethod=TLSv1_METHOD:backlog=9",
            r"tcp:443:interface=\:\::backlog=9",
            Certificate(file="c", key="k", chain="e"),
        ),
        ("ssl:443", "tcp:443", Certificate(file="server.pem", key="server.pem")),
        ("ssl:443:privateKey=:certKey=", "tcp:443", Certificate(file="server.pem", key="server.pem")),
    ],
)
def test_endpoints_of_twisted(written: str, address: str, certificate: Certificate) -> None:
    """An ssl: endpoint is a tcp: one and a certificate, which comes before those of tables."""
    assert read(written) == (address, certificate)
    other = Certificate(file="other")
    listener = Listener(endpoint=written, certificate=[other])
    assert (listener.address, listener.shown) == (address, [certificate, other])
    assert listener.is_secure


@pytest.mark.parametrize(
    "written", ["tcp:443", "tls:443", "systemd:domain=INET:name=https", "", ":", "sslx:1"]
)
def test_other_endpoints(written: str) -> None:
    """Are what they are."""
    assert read(written) is None


@pytest.mark.parametrize(
    ("secure", "own", "url"),
    [
        (Listener(endpoint="tcp:443", certificate=[Certificate(file="x")]), {}, "https://%{SERVER_NAME}"),
        (
            Listener(endpoint="tcp:port=8443", certificate=[Certificate(file="x")]),
            {},
            "https://%{SERVER_NAME}:8443",
        ),
        (Listener(endpoint="tls:8443:x"), {}, "https://%{SERVER_NAME}:8443"),
        (Listener(endpoint="systemd:name=x", secure=True), {}, "https://%{SERVER_NAME}"),
        (Listener(endpoint="tcp:8443", secure=True), {"https_port": 443}, "https://%{SERVER_NAME}"),
        (Listener(endpoint="tcp:8443", secure=False), {}, "https://%{SERVER_NAME}"),
    ],
)
def test_where_clients_are_sent(secure: Listener, own: dict[str, int], url: str) -> None:
    """To the port of TLS, as far as it is known."""
    plain = Listener(endpoint="tcp:80", redirect_to_https=True, **own)  # type: ignore[arg-type]
    assert Config(listener={"plain": plain, "secure": secure}).https_url(plain) == url


def test_ciphers() -> None:
    """Mozilla's, without those of DHE; or OpenSSL's words."""
    names = cipher_names("intermediate") or []
    assert names == INTERMEDIATE_CIPHERS.split(":")
    assert all(name.startswith("ECDHE-") and ("GCM" in name or "POLY1305" in name) for name in names)
    assert explain_ciphers("HIGH:!aNULL") is None
    assert explain_ciphers("NONSENSE") is not None
    assert explain_ciphers("") is not None


@pytest.mark.parametrize(
    ("tls", "value"),
    [
        (Tls(), None),
        (Tls(hsts=31536000.0), "max-age=31536000"),
        (Tls(hsts=0.0), "max-age=0"),
        (Tls(hsts=1.5, hsts_subdomains=True), "max-age=1; includeSubDomains"),
    ],
)
def test_hsts(tls: Tls, value: str | None) -> None:
    """RFC 6797 section 6.1: whole seconds."""
    assert tls.hsts_header == value


def test_secure_is_not_to_be_denied() -> None:
    """secure = false beside a certificate is a mistake: cookies would not be Secure."""
    listener = Listener(endpoint="tcp:1", certificate=[Certificate(file="x")], secure=False)
    assert any(
        "take secure = false away" in one.message for one in findings(Config(listener={"a": listener}))
    )


@pytest.mark.parametrize("name", ["a b", "*", "*.*.x", "a..b", ".a", "a/b", "ü"])
def test_names(name: str) -> None:
    """Are host names, or a wildcard for one label."""
    with pytest.raises(ValueError, match="host name"):
        Certificate(file="x", names=[name])
