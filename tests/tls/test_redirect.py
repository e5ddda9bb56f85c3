"""The plain port beside TLS, and what browsers are told to do next time."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.demo.chromium import browsing, installed
from tests.harness.scripts import answer

from .authority import Authority
from .site import Site

HOST = "dash.example.org"
CERTIFICATE = """\

[listener.public.certificate]
file = "{directory}/dash.pem"
key = "{directory}/dash.key"

[listener.public.tls]
hsts = "365d"
hsts_subdomains = true
"""
PLAIN = """\

[listener.plain]
endpoint = "tcp:{plain}:interface=127.0.0.1"
redirect_to_https = true
"""
HEADER = "Strict-Transport-Security: max-age=31536000; includeSubDomains"


@pytest.fixture
def directory(tmp_path: Path, authority: Authority) -> Path:
    """With the listener's certificate."""
    authority.host(HOST).save(tmp_path, "dash")
    return tmp_path


def test_redirect(directory: Path, authority: Authority) -> None:
    """To the same host, path and query, on the other listener's port; the method stays."""
    with Site(directory, authority, CERTIFICATE, PLAIN) as site:
        for options in ([], ["-d", "x=1"], ["-I"], ["-H", f"Host: {HOST}"], ["--http1.0"]):
            said = site.curl(HOST, "/a%20b/../c?d=%2F&e", "--path-as-is", *options, scheme="http")
            assert said.startswith("HTTP/1.1 308 ")
            assert f"\nLocation: https://{HOST}:{site.port}/a%20b/../c?d=%2F&e\n" in said
            assert "Strict-Transport-Security" not in said  # RFC 6797 section 7.2
        followed = site.curl(
            HOST, "/x?y", "-L", "-d", "x=1", "--resolve", f"{HOST}:{site.port}:127.0.0.1", scheme="http"
        )
        assert "HTTP/1.1 200 OK" in followed
        assert [one.line for one in site.member.requests] == ["POST /x?y HTTP/1.1"]


@pytest.mark.parametrize("host", ["evil.test/@x", "a b", "[::1", ""])
def test_no_other_place(directory: Path, authority: Authority, host: str) -> None:
    """What is no host name is no place to send anybody to."""
    with Site(directory, authority, CERTIFICATE, PLAIN) as site:
        said = site.try_curl(HOST, "/", "-H", f"Host: {host}" if host else "Host;", scheme="http").stdout
        assert said.startswith("HTTP/1.1 400 ")
        assert "Location" not in said


def test_what_stays(directory: Path, authority: Authority) -> None:
    """Locations that name the listener, such as those for ACME."""
    (directory / "acme").mkdir()
    (directory / "acme" / "token").write_text("answer")
    acme = '\n[[location]]\npath = "/.well-known/acme-challenge"\nfiles = "{directory}/acme"\nlistener = "plain"\n'
    with Site(directory, authority, CERTIFICATE, PLAIN + acme) as site:
        assert site.curl(HOST, "/.well-known/acme-challenge/token", scheme="http").endswith("answer")
        assert " 308 " in site.curl(HOST, "/.well-known/other", scheme="http")
        assert " 200 " in site.curl(
            HOST, "/.well-known/acme-challenge/token"
        )  # the member's: it is not that listener


@pytest.mark.parametrize(("port", "written"), [(443, ""), (8443, ":8443")])
def test_another_port(directory: Path, authority: Authority, port: int, written: str) -> None:
    """Where ports are translated before panolb."""
    with Site(directory, authority, CERTIFICATE, f"{PLAIN}https_port = {port}\n") as site:
        said = site.curl(HOST, "/x", "-H", f"Host: {HOST}:80", scheme="http")
        assert f"Location: https://{HOST}{written}/x\n" in said


def test_hsts(directory: Path, authority: Authority) -> None:
    """On all answers over TLS: members', panolb's own, and files'; once, and not where the member says it otherwise."""
    (directory / "files").mkdir()
    (directory / "files" / "index.html").write_text("hello")
    more = """
[[location]]
path = "/files"
files = "{directory}/files"

[[location]]
path = "/gone"
status = 410

[[location]]
path = "/own"
balancer = "app"
response_headers = ["always set Strict-Transport-Security max-age=5"]
"""
    with Site(directory, authority, CERTIFICATE, more) as site:
        for path in ("/", "/files/", "/gone"):
            assert site.curl(HOST, path).count(HEADER) == 1, path
        said = site.curl(HOST, "/own")
        assert "Strict-Transport-Security: max-age=5" in said
        assert HEADER not in said
        both = site.curl(HOST, "/files/", f"https://{HOST}:{site.port}/own", f"https://{HOST}:{site.port}/")
        assert both.count(HEADER) == 2
        assert both.count("max-age=5") == 1


def trust(directory: Path, authority: Authority) -> None:
    """Have programs trust an authority whose home is this directory, and that look where Chromium does."""
    database = directory / ".pki" / "nssdb"
    database.mkdir(parents=True)
    for words in (["-N", "--empty-password"], ["-A", "-n", "tests", "-t", "C,,", "-i", str(authority.root)]):
        subprocess.run(["certutil", "-d", f"sql:{database}", *words], check=True)


@pytest.mark.skipif(
    installed() is None or shutil.which("certutil") is None, reason="there is no Chromium, or no certutil"
)
def test_chromium(directory: Path, authority: Authority) -> None:
    """A browser is sent to TLS, finds nothing wrong with it, and uses nothing else from then on."""
    trust(directory, authority)
    with Site(directory, authority, CERTIFICATE, PLAIN) as site:
        site.member.script = answer(b"<!doctype html><p>hello</p>", "Content-Type: text/html")
        plain = f"http://{HOST}:{site.plain}/page"
        with browsing(plain, directory, f"--host-resolver-rules=MAP {HOST} 127.0.0.1") as page:
            page.wait("document.body.innerText.includes('hello')")
            assert page.evaluate("location.href") == f"https://{HOST}:{site.port}/page"
            navigation = "performance.getEntriesByType('navigation')[0]"
            assert page.evaluate(f"{navigation}.nextHopProtocol") == "http/1.1"
            # HSTS has it try TLS on the plain port, where there is none (RFC 6797 section 8.3).
            page.evaluate(f"void setTimeout(() => location.href = {plain!r}, 0)")
            page.wait("location.href.startsWith('chrome-error:')")
