"""The same from an httpd.conf: several certificates on one port, clients' certificates, and a redirect."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.harness.process import TWISTD, Panolb

from .authority import Authority, person
from .site import Site

CONF = """\
ServerName one.example.org
Listen 127.0.0.1:{plain}
Listen 127.0.0.1:{port} https

SSLProtocol all -SSLv3 -TLSv1 -TLSv1.1
SSLCipherSuite ECDHE+AESGCM
SSLHonorCipherOrder On
SSLSessionCache shmcb:/run/ssl(512000)

<VirtualHost *:{plain}>
    ServerName one.example.org
    Redirect permanent / https://one.example.org:{port}/
</VirtualHost>

<VirtualHost *:{port}>
    ServerName one.example.org
    SSLEngine On
    SSLCertificateFile {directory}/one.crt
    SSLCertificateKeyFile {directory}/one.key
    SSLCertificateChainFile {directory}/chain.pem
    SSLVerifyClient optional
    SSLCACertificateFile {directory}/staff.pem
    Header always set Strict-Transport-Security "max-age=63072000"
    RequestHeader set X-Client-DN "%{SSL_CLIENT_S_DN}s"
    ProxyPass / http://127.0.0.1:{member}/
</VirtualHost>

<VirtualHost *:{port}>
    ServerName two.example.org
    ServerAlias *.two.example.org
    SSLEngine On
    SSLCertificateFile {directory}/two.pem
    SSLCertificateKeyFile {directory}/two.key
    SSLVerifyClient optional
    SSLCACertificateFile {directory}/staff.pem
    ProxyPass / http://127.0.0.1:{member}/
</VirtualHost>
"""


class WithHttpdConf(Panolb):
    """The same process, started with an httpd.conf."""

    @property
    def command(self) -> Sequence[str]:  # type: ignore[override]
        return [*TWISTD, "--httpd-conf", str(self.file)]


@pytest.fixture
def site(tmp_path: Path, authority: Authority) -> Site:
    """Files as in many an Apache: the chain of one in a file of its own."""
    one = authority.host("one.example.org")
    one.save(tmp_path, "one")
    (tmp_path / "one.crt").write_bytes(one.pem.replace(authority.intermediate, b""))
    (tmp_path / "chain.pem").write_bytes(authority.intermediate)
    # Apache chooses by ServerName, whatever names the certificate has.
    authority.host("www.example.net", "two.example.org").save(tmp_path, "two")
    staff = Authority(tmp_path, "staff")
    staff.client(person("Ada", "Panoptes")).save(tmp_path, "ada")
    made = Site(tmp_path, authority, "")
    text = CONF
    for name, value in made.values.items():
        text = text.replace("{" + name + "}", value)
    made.panolb = WithHttpdConf(tmp_path, text, ())
    return made


def test_httpd_conf(site: Site) -> None:
    """Runs as it is."""
    with site:
        said = site.curl("one.example.org")
        assert said.startswith("HTTP/1.1 200")
        assert "Strict-Transport-Security: max-age=63072000" in said
        assert "HTTP/1.1 200" in site.curl("two.example.org")
        assert "CN = www.example.net" in site.subject("any.two.example.org")
        assert "CN = one.example.org" in site.subject("www.example.net")
        assert "CN = one.example.org" in site.subject(None)
        shown = ["--cert", str(site.directory / "ada.pem"), "--key", str(site.directory / "ada.key")]
        told = site.told("one.example.org", *shown)
        assert told["x-client-dn"] == "emailAddress=ada@example.org,CN=Ada,O=Panoptes,C=DE"
        assert told["x-client-cert-verify"] == "SUCCESS"
        assert site.told("one.example.org")["x-client-dn"] == "(null)"
        assert f"Location: https://one.example.org:{site.port}/x" in site.curl(
            "one.example.org", "/x", scheme="http"
        )
        assert "Cipher is (NONE)" in site.openssl("-tls1_2", "-cipher", "ECDHE-ECDSA-CHACHA20-POLY1305")
        renewed = site.authority.host("one.example.org")
        (site.directory / "one.crt").write_bytes(renewed.pem.replace(site.authority.intermediate, b""))
        (site.directory / "one.key").write_bytes(renewed.key_pem)
        site.until_logged("PLB-1701")
        assert site.curl("one.example.org").startswith("HTTP/1.1 200")
