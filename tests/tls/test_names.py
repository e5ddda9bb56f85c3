"""Which certificate a client gets, and by which version of TLS; asked with curl and openssl."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.harness.supervisor import Activated
from tests.harness.waiting import ADDRESS, until

from .authority import Authority
from .site import Site

SEVERAL = """\

[[listener.public.certificate]]
file = "{directory}/dash.pem"
key = "{directory}/dash.key"

[[listener.public.certificate]]
file = "{directory}/apps.pem"
key = "{directory}/apps.key"

[[listener.public.certificate]]
file = "{directory}/whole.pem"
"""
ONE = """\

[listener.public.certificate]
file = "{directory}/dash.pem"
key = "{directory}/dash.key"
"""


def several(directory: Path, authority: Authority) -> None:
    """Files for three certificates, one of them together with its key."""
    authority.host("dash.example.org").save(directory, "dash")
    authority.host("*.apps.example.org", "apps.example.org").save(directory, "apps")
    whole = authority.host("whole.example.org", kind="rsa")
    (directory / "whole.pem").write_bytes(whole.key_pem + whole.pem)


def test_names(tmp_path: Path, authority: Authority) -> None:
    """Names and wildcards in the certificates decide, and the first one is for everybody else."""
    several(tmp_path, authority)
    with Site(tmp_path, authority, SEVERAL) as site:
        for host in ("dash", "a.apps", "apps", "whole"):
            assert site.curl(f"{host}.example.org").startswith("HTTP/1.1 200"), host
        assert "CN = *.apps" in site.subject("B.Apps.Example.Org")
        # A wildcard stands for one label (RFC 6125 section 6.4.3).
        for other in ("a.b.apps.example.org", "example.org", None):
            assert "CN = dash.example.org" in site.subject(other), other


def test_a_name_beyond_ascii(tmp_path: Path, authority: Authority) -> None:
    """Such a handshake fails, and the log says why without a traceback."""
    several(tmp_path, authority)
    with Site(tmp_path, authority, ONE) as site:
        site.openssl("-servername", "d\u00e4sh.example.org")
        site.until_logged("no TLS: it asks for a host whose name has other bytes than ASCII (SNI)")
        assert "Traceback" not in site.panolb.log


def test_alpn_and_chain(tmp_path: Path, authority: Authority) -> None:
    """Clients that offer HTTP/2 are told HTTP/1.1; they get the whole chain but the root."""
    several(tmp_path, authority)
    with Site(tmp_path, authority, SEVERAL) as site:
        said = site.try_curl("dash.example.org", "/", "-v", "--http2").stderr
        assert "ALPN: server accepted http/1.1" in said
        said = site.openssl("-servername", "dash.example.org", "-showcerts", "-alpn", "h2,http/1.1")
        assert "ALPN protocol: http/1.1" in said
        assert said.count("BEGIN CERTIFICATE") == 2
        assert "Verify return code: 0 (ok)" in said


def test_versions(tmp_path: Path, authority: Authority) -> None:
    """TLS 1.2 and 1.3, and nothing older, even for a client that would take weaker ciphers."""
    several(tmp_path, authority)
    with Site(tmp_path, authority, SEVERAL) as site:
        for version in ("1_2", "1_3"):
            assert f"TLSv{version.replace('_', '.')}, Cipher is" in site.openssl(f"-tls{version}")
        assert "Cipher is (NONE)" in site.openssl("-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
        weak = site.openssl("-tls1_2", "-cipher", "AES256-SHA:ECDHE-ECDSA-AES256-SHA:@SECLEVEL=0")
        assert "Cipher is (NONE)" in weak


def test_settings(tmp_path: Path, authority: Authority) -> None:
    """Versions, ciphers and their order, as the operator wants them."""
    authority.host("dash.example.org", kind="rsa").save(tmp_path, "dash")
    listed = "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES128-GCM-SHA256"
    tls = (
        f'\n[listener.public.tls]\nmax_version = "1.2"\nciphers = "{listed}"\nprefer_server_ciphers = true\n'
    )
    with Site(tmp_path, authority, ONE + tls) as site:
        assert "Cipher is (NONE)" in site.openssl("-tls1_3")
        wanted = "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384"
        assert "TLSv1.2, Cipher is ECDHE-RSA-AES256-GCM-SHA384" in site.openssl("-cipher", wanted)


def test_both_kinds_of_keys(tmp_path: Path, authority: Authority) -> None:
    """Of two certificates for the same names clients get that whose kind they can check."""
    authority.host("dash.example.org").save(tmp_path, "dash")
    authority.host("dash.example.org", kind="rsa").save(tmp_path, "rsa")
    two = '[[listener.public.certificate]]\nfile = "{directory}/rsa.pem"\nkey = "{directory}/rsa.key"\n'
    with Site(
        tmp_path,
        authority,
        ONE.replace("[listener.public.certificate]", "[[listener.public.certificate]]") + two,
    ) as site:
        assert "ECDHE-ECDSA" in site.openssl("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256")
        assert "ECDHE-RSA" in site.openssl("-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256")


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_sessions_are_taken_up_again(tmp_path: Path, authority: Authority, version: str) -> None:
    """By a ticket, whichever certificate was shown."""
    several(tmp_path, authority)
    with Site(tmp_path, authority, SEVERAL) as site:
        for host in ("dash.example.org", "whole.example.org"):
            ticket = tmp_path / "session.pem"
            request = f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
            common = (version, "-servername", host, "-ign_eof")
            first = site.openssl(*common, "-sess_out", str(ticket), send=request)
            assert "New, " in first
            assert "Reused, " in site.openssl(*common, "-sess_in", str(ticket), send=request), host


def test_without_tickets(tmp_path: Path, authority: Authority) -> None:
    """Clients are given none."""
    authority.host("dash.example.org").save(tmp_path, "dash")
    with Site(tmp_path, authority, ONE + "\n[listener.public.tls]\nsession_tickets = false\n") as site:
        request = "GET / HTTP/1.1\r\nHost: dash.example.org\r\nConnection: close\r\n\r\n"
        said = site.openssl("-ign_eof", send=request)
        assert "200 OK" in said
        assert "TLS session ticket" not in said


def test_a_name_of_other_bytes(tmp_path: Path, authority: Authority) -> None:
    """It ends its own handshake; nothing of it stands in the log but, at most, that it failed."""
    several(tmp_path, authority)
    with Site(tmp_path, authority, SEVERAL) as site:
        with socket.create_connection((ADDRESS, site.port)) as client:
            client.sendall(hello(b"\xff\xfedash"))
            assert client.recv(100)[:1] == b"\x15"  # an alert
        assert site.curl("dash.example.org").startswith("HTTP/1.1 200")
        assert "UnicodeDecodeError" not in site.panolb.log


def hello(name: bytes) -> bytes:
    """A ClientHello of TLS 1.2 that asks for a name (RFC 5246 section 7.4.1.2, RFC 6066 section 3)."""

    def sized(data: bytes, size: int) -> bytes:
        return len(data).to_bytes(size, "big") + data

    names = b"\x00\x00" + sized(sized(b"\x00" + sized(name, 2), 2), 2)
    groups = b"\x00\x0a" + sized(sized(b"\x00\x17", 2), 2)
    signatures = b"\x00\x0d" + sized(sized(b"\x04\x03\x08\x04", 2), 2)
    body = b"\x03\x03" + bytes(32) + sized(b"", 1) + sized(b"\xc0\x2b\xc0\x2f", 2) + sized(b"\x00", 1)
    body += sized(names + groups + signatures, 2)
    return b"\x16\x03\x01" + sized(b"\x01" + sized(body, 3), 2)


def test_an_endpoint_of_twisted(tmp_path: Path, authority: Authority) -> None:
    """ssl: with files means the same."""
    authority.host("dash.example.org").save(tmp_path, "dash")
    with Site(tmp_path, authority, "") as site:
        assert "SSL" in site.try_curl("dash.example.org").stderr
        text = site.panolb.file.read_text().replace(
            f'"tcp:{site.port}:',
            f'"ssl:{site.port}:privateKey={tmp_path}/dash.key:certKey={tmp_path}/dash.pem:',
        )
        site.panolb.file.write_text(text)
        site.panolb.process.send_signal(1)
        until(lambda: "HTTP/1.1 200" in site.try_curl("dash.example.org").stdout, "TLS")


@pytest.mark.parametrize("endpoint", ["systemd:domain=INET:name=https", "tcp:{port}:interface=127.0.0.1"])
def test_a_socket_of_systemd(tmp_path: Path, authority: Authority, endpoint: str) -> None:
    """By its name or its address, it speaks TLS as any other, and sends clients of the plain one to 443."""
    authority.host("dash.example.org").save(tmp_path, "dash")
    plain = '\n[listener.plain]\nendpoint = "tcp:{plain}:interface=127.0.0.1"\nredirect_to_https = true\n'
    with socket.create_server((ADDRESS, 0)) as listening:
        site = Site(tmp_path, authority, ONE, plain)
        port = int(listening.getsockname()[1])
        text = site.panolb.file.read_text().replace(
            f"tcp:{site.port}:interface={ADDRESS}", endpoint.replace("{port}", str(port))
        )
        site.port, site.panolb = port, Activated(tmp_path, text, {"https": listening})
        with site:
            assert site.curl("dash.example.org").startswith("HTTP/1.1 200")
            place = "" if endpoint.startswith("systemd") else f":{port}"
            assert f"Location: https://dash.example.org{place}/x\n" in site.curl(
                "dash.example.org", "/x", scheme="http"
            )
