"""Clients with certificates, and what members are told of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from tests.harness.waiting import until

from .authority import Authority, person
from .site import LOCATION, Site

CERTIFICATE = """\

[listener.public.certificate]
file = "{directory}/dash.pem"
key = "{directory}/dash.key"
"""
HOST = "dash.example.org"
FORGED = [
    f"{name}: forged"
    for name in (
        "X-Client-Cert-Verify",
        "x-client-cert-subject",
        "X_Client_Cert_Issuer",
        "X-Client-Cert-Serial",
        "X-Client-Cert-Fingerprint",
        "Client-Cert",
        "Client_Cert_Chain",
    )
]


def asking(how: str, more: str = "") -> str:
    """A listener that asks for certificates."""
    tls = f'\n[listener.public.tls]\nclient_certificate = "{how}"\nclient_ca = "{{directory}}/staff.pem"\n'
    return CERTIFICATE + tls + more


def forging() -> list[str]:
    """The options of a client that lies to members."""
    return [part for line in FORGED for part in ("-H", line)]


class Staff:
    """An authority for clients, and one of them."""

    def __init__(self, directory: Path) -> None:
        self.authority = Authority(directory, "staff")
        self.ada = self.authority.client(person("Ada\r\nX-Admin: 1"))
        self.path = self.ada.save(directory, "ada")

    @property
    def options(self) -> list[str]:
        """For curl, to show it."""
        return ["--cert", str(self.path), "--key", str(self.path.with_suffix(".key"))]


@pytest.fixture
def staff(tmp_path: Path, authority: Authority) -> Staff:
    """One who may come in; and the listener's own certificate."""
    authority.host(HOST).save(tmp_path, "dash")
    return Staff(tmp_path)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_who_a_client_is(tmp_path: Path, authority: Authority, staff: Staff, version: str) -> None:
    """The result of the check, and the names as they may stand in a header; a client's own fields never get through."""
    with Site(tmp_path, authority, asking("optional")) as site:
        limits = [f"--tlsv{version}", "--tls-max", version]
        told = site.told(HOST, *staff.options, *limits, *forging())
        assert told["x-client-cert-verify"] == "SUCCESS"
        assert told["x-client-cert-fingerprint"] == staff.ada.fingerprint
        assert int(told["x-client-cert-serial"], 16) == staff.ada.certificate.serial_number
        assert told["x-client-cert-issuer"] == "CN=staff"
        assert told["x-client-cert-subject"] == (
            r"emailAddress=ada@example.org,CN=Ada\0D\0AX-Admin: 1,O=Panoptes GmbH\, K\C3\B6ln,C=DE"
        )
        assert "x-admin" not in told
        assert "forged" not in told.values()
        told = site.told(HOST, *limits, *forging())
        assert told["x-client-cert-verify"] == "NONE"
        assert "forged" not in told.values()
        assert "x-client-cert-subject" not in told


def test_on_a_listener_that_does_not_ask(tmp_path: Path, authority: Authority, staff: Staff) -> None:
    """There a member is told nothing, least of all by the client."""
    with Site(tmp_path, authority, CERTIFICATE) as site:
        told = site.told(HOST, *staff.options, *forging())
        assert not [name for name in told if "cert" in name]


def test_required(tmp_path: Path, authority: Authority, staff: Staff) -> None:
    """Nobody comes in without, or with another authority's."""
    with Site(tmp_path, authority, asking("required")) as site:
        assert site.told(HOST, *staff.options)["x-client-cert-verify"] == "SUCCESS"
        assert site.try_curl(HOST).returncode != 0
        strangers = Authority(tmp_path, "strangers").client(person("Eve")).save(tmp_path, "eve")
        shown = ["--cert", str(strangers), "--key", str(strangers.with_suffix(".key"))]
        assert site.try_curl(HOST, "/", *shown).returncode != 0
        assert len(site.member.requests) == 1


def test_revoked(tmp_path: Path, authority: Authority, staff: Staff) -> None:
    """A new list of revoked certificates counts without a reload."""
    revoked = tmp_path / "revoked.crl"
    revoked.write_bytes(staff.authority.revoked())
    listed = 'client_crl = "{directory}/revoked.crl"\n'
    with Site(tmp_path, authority, asking("required", listed)) as site:
        assert site.told(HOST, *staff.options)["x-client-cert-verify"] == "SUCCESS"
        revoked.write_bytes(staff.authority.revoked(staff.ada))
        site.until_logged("PLB-1705")
        until(lambda: site.try_curl(HOST, "/", *staff.options).returncode != 0, "the client to be refused")


def test_resumed_sessions_keep_the_certificate(tmp_path: Path, authority: Authority, staff: Staff) -> None:
    """It is part of the session."""
    logged = "\n[access_log]\npath = \"access.log\"\nformat = '%{SSL_SESSION_RESUMED}x %{SSL_CLIENT_S_DN_CN}x %{SSL_PROTOCOL}x'\n"
    staff.ada = staff.authority.client(person("Ada"))
    path = staff.ada.save(tmp_path, "ada")
    with Site(tmp_path, authority, asking("required"), logged) as site:
        request = f"GET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n"
        common = ["-servername", HOST, "-ign_eof", "-cert", str(path), "-key", str(path.with_suffix(".key"))]
        site.openssl(*common, "-sess_out", str(tmp_path / "session"), send=request)
        site.openssl(*common, "-sess_in", str(tmp_path / "session"), send=request)
        assert [one.one("X-Client-Cert-Verify") for one in site.member.requests] == ["SUCCESS", "SUCCESS"]
    assert (tmp_path / "access.log").read_text().splitlines() == [
        "Initial Ada TLSv1.3",
        "Resumed Ada TLSv1.3",
    ]


def test_the_whole_certificate_and_rules(tmp_path: Path, authority: Authority, staff: Staff) -> None:
    """RFC 9440, and mod_ssl's variables in mod_headers' rules."""
    rules = """request_headers = ['set X-DN "%{SSL_CLIENT_S_DN}s, %{SSL_CLIENT_I_DN_CN}s, %{SSL_CLIENT_S_DN_O}s"', 'set X-SNI "%{SSL_TLS_SNI}s"', 'set X-No "%{SSL_NO}s"']\n"""
    only_a_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Ada")])
    path = staff.authority.client(only_a_name).save(tmp_path, "ada")
    with Site(
        tmp_path, authority, asking("optional", "send_client_certificate = true\n"), location=LOCATION + rules
    ) as site:
        told = site.told(HOST, "--cert", str(path), "--key", str(path.with_suffix(".key")))
        assert told["x-dn"] == "CN=Ada, staff, (null)"
        assert told["x-sni"] == HOST
        assert told["x-no"] == "(null)"
        value = told["client-cert"]
        assert value[0] == value[-1] == ":"
        assert value[1:-1] in path.read_text().replace("\n", "")


def test_after_twisted_web(tmp_path: Path, authority: Authority, staff: Staff) -> None:
    """A connection that has been served a file first is still that of the same client."""
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "index.html").write_text("hello")
    files = f'\n[[location]]\npath = "/files"\nfiles = "{tmp_path}/files"\n'
    files += '[access_log]\npath = "access.log"\nformat = "%U %{SSL_CLIENT_S_DN_CN}x"\n'
    path = staff.authority.client(person("Ada")).save(tmp_path, "ada")
    options = ["--cert", str(path), "--key", str(path.with_suffix(".key"))]
    with Site(tmp_path, authority, asking("required"), files) as site:
        done = site.try_curl(HOST, "/files/", "-v", *options, f"https://{HOST}:{site.port}/")
        assert "hello" in done.stdout
        assert "Re-using existing connection" in done.stderr
        assert site.member.requests[0].one("X-Client-Cert-Verify") == "SUCCESS"
    assert sorted((tmp_path / "access.log").read_text().splitlines()) == ["/ Ada", "/files/ Ada"]
