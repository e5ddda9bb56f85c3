"""SSLProxy* lines: the same meaning as in Apache, and what is not verified is said aloud."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from panolb.config import warnings
from panolb.config.httpd.imported import Imported
from panolb.config.httpd.report import Verdict
from tests.harness.certificate import Authority
from tests.harness.httpdconf import HEAD

from .conftest import Problems, Translate

MEMBERS = (
    "<Proxy balancer://c>\nBalancerMember https://a.test:8443/app\nBalancerMember wss://b.test/app\n"
    "{}</Proxy>\nProxyPass /app balancer://c\n"
)
REQUIRED = "SSLProxyEngine On\nSSLProxyVerify require\n"


def _tls(imported: Imported, balancer: str = "c") -> dict[str, Any]:
    """The keys of TLS that are not at their defaults."""
    one = imported.config.balancer[balancer]
    names = "ca name certificate key insecure min_version ciphers depth".split()
    found = {name: getattr(one, f"tls_{name}") for name in names}
    return {name: value for name, value in found.items() if value not in (None, [], "1.2")}


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """A file of an authority, and one with certificate and key, by the words that stand for them."""
    authority = Authority(tmp_path, "ca")
    key, certificate = authority.issue("client")
    both = tmp_path / "both.pem"
    both.write_bytes(certificate.read_bytes() + key.read_bytes())
    return {"CA": str(authority.certificate), "BOTH": str(both), "DIRECTORY": str(tmp_path)}


def test_members_over_tls(translate: Translate) -> None:
    """https:// and wss:// are the same; the port is that of https."""
    config = translate("SSLProxyEngine On\n" + MEMBERS.format("")).config
    assert [one.url for one in config.balancer["c"].member] == [
        "https://a.test:8443/app",
        "https://b.test/app",
    ]
    assert [one.port for one in config.balancer["c"].member] == [8443, 443]


@pytest.mark.parametrize(
    ("lines", "insecure"),
    [
        ("", ["ca"]),
        ("SSLProxyVerify none\n", ["ca"]),
        ("SSLProxyVerify optional_no_ca\n", ["ca"]),
        ("SSLProxyVerify require\n", []),
        ("SSLProxyVerify optional\n", []),
        ("SSLProxyVerify require\nSSLProxyCheckPeerName off\n", ["name"]),
        ("SSLProxyVerify require\nSSLProxyCheckPeerCN off\n", ["name"]),
        ("SSLProxyVerify require\nSSLProxyCheckPeerCN off\nSSLProxyCheckPeerName on\n", []),
        ("SSLProxyVerify require\nSSLProxyCheckPeerCN on\nSSLProxyCheckPeerName off\n", []),
        ("SSLProxyVerify require\nSSLProxyCheckPeerExpire off\n", []),
        ("SSLProxyVerify none\nSSLProxyCheckPeerExpire off\n", ["ca", "dates"]),
        (
            "SSLProxyVerify none\nSSLProxyCheckPeerCN off\nSSLProxyCheckPeerName off\nSSLProxyCheckPeerExpire off\n",
            ["ca", "name", "dates"],
        ),
    ],
)
@pytest.mark.parametrize("compat", [False, True])
def test_what_is_verified(translate: Translate, lines: str, insecure: list[str], compat: bool) -> None:
    """As in Apache in both modes; whatever is not verified stands in the report, and among the warnings."""
    imported = translate("SSLProxyEngine On\n" + lines + MEMBERS.format(""), compat=compat)
    assert imported.config.balancer["c"].tls_insecure == insecure
    said = [one for one in imported.report.of(Verdict.UNSUPPORTED) if "can pass for it" in one.words]
    assert bool(said) == bool(insecure)
    assert not any(one.stops for one in said)
    assert any("certificates are not verified" in one.message for one in warnings(imported.config)) == bool(
        insecure
    )


def test_files(translate: Translate, files: dict[str, str]) -> None:
    """Authorities and what is shown to members."""
    text = (
        f"{REQUIRED}SSLProxyCACertificateFile {files['CA']}\nSSLProxyMachineCertificateFile {files['BOTH']}\n"
    )
    found = translate(text + MEMBERS.format(""))
    assert _tls(found) == {"ca": files["CA"], "certificate": files["BOTH"]}
    text = f"{REQUIRED}SSLProxyCACertificatePath {files['DIRECTORY']}\n"
    assert _tls(translate(text + MEMBERS.format(""))) == {"ca": files["DIRECTORY"]}


def test_sections_come_before_the_server(translate: Translate, files: dict[str, str]) -> None:
    """What stands in <Proxy balancer://> is for that balancer alone."""
    inside = MEMBERS.format(f"SSLProxyCACertificateFile {files['CA']}\nSSLProxyVerifyDepth 3\n")
    other = "ProxyPass /other https://d.test/\n"
    found = translate(f"{REQUIRED}SSLProxyVerifyDepth 2\n{inside}{other}")
    assert _tls(found) == {"ca": files["CA"], "depth": 3}
    assert _tls(found, "d.test-443") == {"depth": 2}


def test_chains_are_as_long_as_in_apache_with_compat(translate: Translate) -> None:
    """SSLProxyVerifyDepth is 1 there; here chains may have any length."""
    assert _tls(translate(REQUIRED + MEMBERS.format(""))) == {}
    assert _tls(translate(REQUIRED + MEMBERS.format(""), compat=True)) == {"depth": 1}


@pytest.mark.parametrize(
    ("line", "keys", "words"),
    [
        ("SSLProxyProtocol all -SSLv3", {}, "Only TLS 1.2 and 1.3"),
        ("SSLProxyProtocol TLSv1.2 TLSv1.3", {}, "Versions and ciphers"),
        ("SSLProxyProtocol TLSv1.3", {"min_version": "1.3"}, "Versions and ciphers"),
        ("SSLProxyProtocol TLSv1.2", {}, "TLS 1.3 is spoken, too"),
        ("SSLProxyCipherSuite ECDHE+AESGCM:!aNULL", {"ciphers": "ECDHE+AESGCM:!aNULL"}, "Versions and"),
        ("SSLProxyCipherSuite PROFILE=SYSTEM", {}, "Versions and ciphers"),
        ("SSLProxyCipherSuite TLSv1.3 TLS_AES_128_GCM_SHA256", {}, "The ciphers of TLS 1.3"),
    ],
)
def test_versions_and_ciphers(translate: Translate, line: str, keys: dict[str, str], words: str) -> None:
    """What can be said of them, and what cannot."""
    found = translate(f"{REQUIRED}{line}\n{MEMBERS.format('')}")
    assert _tls(found) == keys
    assert next(one.words for one in found.report.entries if one.place.line == 5).startswith(words)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("SSLProxyVerify maybe", "5: SSLProxyVerify: Invalid argument"),
        ("SSLProxyCACertificateFile /no/where.pem", "5: SSLProxyCACertificateFile: '/no/where.pem' does not"),
        ("SSLProxyProtocol TLSv9", "5: SSLProxyProtocol: names a protocol that does not exist"),
        ("SSLProxyProtocol TLSv1", "5: SSLProxyProtocol: is not supported. panolb speaks TLS 1.2 and 1.3"),
        ("SSLProxyCipherSuite nonsense", "5: SSLProxyCipherSuite: Unable to configure permitted SSL ciphers"),
        ("SSLProxyVerifyDepth -1", "5: SSLProxyVerifyDepth: must be a number from 0 on"),
        ("SSLProxyCARevocationCheck chain", "5: SSLProxyCARevocationCheck: is not supported. Whether"),
    ],
)
def test_mistakes(problems: Problems, line: str, problem: str) -> None:
    """The start stops, with the line."""
    found = problems(f"{REQUIRED}{line}\n{MEMBERS.format('')}")
    assert len(found) == 1, found
    assert found[0].startswith(problem)


def test_both_places_of_authorities(problems: Problems, files: dict[str, str]) -> None:
    """One of them is enough."""
    text = (
        f"{REQUIRED}SSLProxyCACertificateFile {files['CA']}\nSSLProxyCACertificatePath {files['DIRECTORY']}\n"
    )
    assert "from one place" in problems(text + MEMBERS.format(""))[0]


def test_without_the_engine(translate: Translate) -> None:
    """Apache would answer 500; the URL says it, too."""
    found = translate("SSLProxyVerify require\n" + MEMBERS.format(""))
    assert any("needs SSLProxyEngine On" in one.words for one in found.report.of(Verdict.IMPROVED))


def test_the_websocket_recipe(translate: Translate) -> None:
    """Balancers with wss:// and https:// to the same servers are one."""
    text = (
        "SSLProxyEngine On\nSSLProxyVerify require\n"
        "<Proxy balancer://ws>\nBalancerMember wss://a.test:8443/app\n</Proxy>\n"
        "<Proxy balancer://web>\nBalancerMember https://a.test:8443/app\n</Proxy>\n"
        "ProxyPass /app/ws balancer://ws/ws\nProxyPass /app balancer://web\n"
    )
    assert list(translate(text).config.balancer) == ["web"]


def test_members_without_tls(translate: Translate) -> None:
    """The lines are there, and nobody they are about."""
    text = REQUIRED + MEMBERS.format("").replace("https", "http").replace("wss", "ws")
    assert _tls(translate(text)) == {}


def test_the_virtual_host_counts(translate: Translate, files: dict[str, str]) -> None:
    """What it says itself comes before what the main server says."""
    text = (
        f"SSLProxyCACertificateFile {files['BOTH']}\n<VirtualHost *>\n{REQUIRED}"
        f"SSLProxyCACertificateFile {files['CA']}\n{MEMBERS.format('')}</VirtualHost>\n"
    )
    assert _tls(translate(text, head=HEAD)) == {"ca": files["CA"]}
