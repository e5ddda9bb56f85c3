"""Listen and <VirtualHost>: who answers where; and what servers say about connections, TLS and logs."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from panolb.config.httpd.imported import Imported
from panolb.config.httpd.known import Verdict
from panolb.config.httpd.tls import protocols
from panolb.config.model import AccessLog, Certificate, Listener, Tls
from tests.harness.httpdconf import MEMBERS, PASS, changed

Translate = Callable[..., Imported]
Problems = Callable[..., list[str]]

SITE = "ProxyPass / http://10.0.0.9/\n"


def _host(name: str, addresses: str = "*:10080", more: str = "") -> str:
    return (
        f"<VirtualHost {addresses}>\nServerName {name}\nProxyPass / http://{name}:80/\n{more}</VirtualHost>\n"
    )


def _turns(imported: Imported) -> list[tuple[list[str], list[str], str | None]]:
    """Hosts, listeners and balancer of each location that is not the end of a virtual host."""
    return [
        (list(one.host), list(one.listener), one.balancer) for one in imported.config.location if one.balancer
    ]


def _words(imported: Imported, line: int) -> str:
    return " ".join(one.words for one in imported.report.entries if one.place.line == line)


@pytest.mark.parametrize(
    ("listen", "name", "endpoint"),
    [
        ("80", "http-80", "tcp:80"),
        ("*:8080", "http-8080", "tcp:8080"),
        ("0.0.0.0:8080", "http-8080", "tcp:8080"),
        ("127.0.0.1:8080", "http-127.0.0.1-8080", "tcp:8080:interface=127.0.0.1"),
        ("[::]:8080", "http-8080", "tcp6:8080:interface=\\:\\:"),
        ("[::1]:8080", "http-1-8080", "tcp6:8080:interface=\\:\\:1"),
        ("8443 https", "http-8443", "tcp:8443"),
    ],
)
def test_listen(translate: Translate, listen: str, name: str, endpoint: str) -> None:
    """Each is a listener with a name of its own."""
    config = translate(f"Listen {listen}\n{SITE}", head="").config
    assert config.listener == {name: Listener(endpoint=endpoint)}


@pytest.mark.parametrize("listen", ["http", "70000", "0", "127.0.0.1", "[::1]"])
def test_no_address(problems: Problems, listen: str) -> None:
    """With the line."""
    found = problems(f"Listen {listen}\n{SITE}")
    assert len(found) == 1
    assert found[0].startswith(f"3: Listen: {listen} is no address")


def test_the_same_address_twice(problems: Problems) -> None:
    """As in Apache."""
    assert problems("Listen 10080\n" + SITE) == [
        "3: Listen: Cannot define multiple Listeners on the same IP:port"
    ]


def test_no_listen_at_all(problems: Problems, tmp_path: Path) -> None:
    """Nobody could come."""
    found = problems(SITE, head="")
    assert len(found) == 1
    assert "no listening sockets available" in found[0]


def test_only_a_main_server(translate: Translate) -> None:
    """It answers everything, everywhere."""
    assert _turns(translate("Listen 10081\n" + SITE)) == [([], [], "10.0.0.9-80")]


def test_hosts_by_name(translate: Translate) -> None:
    """The first answers for what nobody claims; each other one ends with a 404 of its own."""
    imported = translate(
        _host("one.example.org")
        + _host("two.example.org", more="ServerAlias www.two.example.org *.two.test\n")
    )
    assert _turns(imported) == [
        (["two.example.org", "www.two.example.org", "*.two.test"], [], "two.example.org-80"),
        ([], [], "one.example.org-80"),
    ]


def test_a_wildcard_that_only_apache_has(translate: Translate, problems: Problems) -> None:
    """At the first host of an address it matters only where another one claims what it fits."""
    first = _host("pub.test", more="ServerAlias app?.test\n")
    assert len(_turns(translate(first + _host("other.test")))) == 2
    (found,) = problems(first + _host("app1.test"))
    assert "requests for app?.test would go to another host" in found


def test_the_end_of_a_host(translate: Translate) -> None:
    """What its ProxyPass does not have must not fall through to another host."""
    host = "<VirtualHost *:10080>\nServerName {0}\nProxyPass /x http://{0}:80/x\n</VirtualHost>\n"
    locations = translate(host.format("one.test") + host.format("two.test")).config.location
    assert [(one.path, list(one.host), one.status) for one in locations] == [
        ("/x", ["two.test"], None),
        ("/", ["two.test"], 404),
        ("/x", [], None),
    ]


def test_ports(translate: Translate) -> None:
    """Each port has its hosts; a port without one has the main server."""
    turns = _turns(
        translate(
            "Listen 81\nListen 82\nProxyPass /x http://10.0.0.9/\n"
            + _host("a.test")
            + _host("b.test", "*:81")
        )
    )
    assert turns == [
        ([], ["http-10080"], "10.0.0.9-80"),
        ([], ["http-10080"], "a.test-80"),
        ([], ["http-81"], "10.0.0.9-80"),
        ([], ["http-81"], "b.test-80"),
        ([], ["http-82"], "10.0.0.9-80"),
    ]


def test_a_host_for_all_ports(translate: Translate) -> None:
    """``*`` and ``_default_`` without a port, and one host for two addresses."""
    for addresses in ("*", "_default_", "*:*", "*:10080 *:81"):
        assert _turns(translate("Listen 81\n" + _host("a.test", addresses))) == [([], [], "a.test-80")]


def test_hosts_by_address(translate: Translate) -> None:
    """A host that names the address of a Listen comes before those for any."""
    text = "Listen 127.0.0.1:81\n" + _host("any.test", "*:81") + _host("own.test", "127.0.0.1:81")
    turns = _turns(translate(text, head="ServerName x\n"))
    assert turns == [([], [], "own.test-80")]


def test_addresses_behind_a_listen_for_all(translate: Translate, problems: Problems) -> None:
    """What was for one address is not shown on all; where an address cannot be told apart the start stops."""
    one, two = _host("a.test", "10.1.2.3:81"), _host("b.test", "10.1.2.4:81")
    imported = translate("Listen 81\n" + one + two, head="ServerName x\n")
    assert {
        name: door.endpoint for name, door in imported.config.listener.items() if "81" in door.endpoint
    } == {
        "http-10.1.2.3-81": "tcp:81:interface=10.1.2.3",
        "http-10.1.2.4-81": "tcp:81:interface=10.1.2.4",
    }
    assert [place.listener for place in imported.config.location] == [
        ["http-10.1.2.3-81"],
        ["http-10.1.2.4-81"],
    ]
    for others in (
        _host("c.test", "*:81"),
        "<Proxy balancer://m>\nBalancerMember http://m\n</Proxy>\nProxyPass /m balancer://m\n",
    ):
        found = problems("Listen 81\n" + one + two + others, head="ServerName x\n")
        assert len([text for text in found if "write a Listen for each address" in text]) == 2
    named = translate("Listen 81\n" + _host("own.test", "own.test:81"), head="ServerName x\n")
    assert "answers on every address of port 81" in _words(named, 3)


def test_a_host_that_nothing_reaches(translate: Translate) -> None:
    """The report says so, of ports without Listen and of names that are taken."""
    imported = translate(_host("a.test") + _host("b.test", "*:9999") + _host("a.test"))
    assert _turns(imported) == [(["a.test"], [], "a.test-80"), ([], [], "a.test-80")]
    assert "No Listen is for its addresses" in _words(imported, 7)
    assert "Nothing reaches it" in _words(imported, 11)


def test_the_first_host_claims_its_own_name(translate: Translate) -> None:
    """Although a later one has a wildcard for it."""
    imported = translate(_host("a.example.org") + _host("b.test", more="ServerAlias *.example.org\n"))
    assert [(hosts, balancer) for hosts, _, balancer in _turns(imported)] == [
        (["a.example.org"], "a.example.org-80"),
        (["b.test", "*.example.org"], "b.test-80"),
        ([], "a.example.org-80"),
    ]


@pytest.mark.parametrize("alias", ["www.*", "w?w.example.org", "*"])
def test_names_that_the_model_cannot_express(problems: Problems, alias: str) -> None:
    """They stop the start, except where they do not matter: at the first host of an address."""
    found = problems(_host("a.test") + _host("b.test", more=f"ServerAlias {alias}\n"))
    assert len(found) == 1
    assert found[0].startswith("10: ServerAlias: is not supported.")
    assert problems(_host("b.test", more=f"ServerAlias {alias}\n")) == []


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("KeepAlive Off", {"keepalive": False}),
        ("KeepAliveTimeout 15", {"idle_timeout": 15.0}),
        ("KeepAliveTimeout 500ms", {"idle_timeout": 0.5}),
        ("MaxKeepAliveRequests 500", {"max_requests": 500}),
        ("MaxKeepAliveRequests 0", {}),
        ("LimitRequestLine 16380", {"max_target": 16380}),
        ("LimitRequestLine 65536", {"max_target": 65536, "max_head": 65536 + 32768}),
        ("LimitRequestFieldSize 65536", {"max_head": 65536 + 8192}),
        ("LimitRequestFieldSize 16380", {}),
        ("LimitRequestFields 200", {"max_fields": 200}),
        ("LimitRequestFields 0", {"max_fields": 10_000}),
        ("LimitRequestBody 1048576", {}),
        ("Timeout 300", {"body_timeout": 300.0}),
        (
            "RequestReadTimeout handshake=3 header=20-40,MinRate=500 body=30-90,MinRate=800",
            {"tls_timeout": 3.0, "header_timeout": 40.0, "body_timeout": 90.0, "body_rate": 800},
        ),
        ("RequestReadTimeout header=0 body=10", {"body_timeout": 10.0, "body_rate": 0}),
    ],
)
def test_connections(translate: Translate, line: str, values: dict[str, Any]) -> None:
    """What is not written is as panolb has it."""
    config = translate(f"{line}\n{SITE}").config
    assert changed(config.listener["http-10080"], but={"endpoint": "tcp:10080"}) == values


def test_connections_of_the_first_host(translate: Translate) -> None:
    """Nobody knows the host before the request is there."""
    hosts = _host("a.test", more="KeepAliveTimeout 7\n") + _host("b.test", more="KeepAliveTimeout 8\n")
    assert translate(hosts).config.listener["http-10080"].idle_timeout == 7.0


def test_apaches_own_defaults(translate: Translate) -> None:
    """With --apache-compat: five seconds, a hundred requests, a hundred fields, and X-Forwarded-For of everybody."""
    listener = translate(SITE, compat=True).config.listener["http-10080"]
    assert (listener.idle_timeout, listener.max_requests, listener.max_fields) == (5.0, 100, 100)
    assert listener.trusted_proxies == [ip_network("0.0.0.0/0"), ip_network("::/0")]
    assert (
        translate("KeepAliveTimeout 9\n" + SITE, compat=True).config.listener["http-10080"].idle_timeout
        == 9.0
    )


def test_proxies_in_front(translate: Translate) -> None:
    """mod_remoteip's trusted proxies; without RemoteIPHeader they have no effect."""
    text = "RemoteIPHeader X-Forwarded-For\nRemoteIPTrustedProxy 10.0.0.0/8 lb.example.org\nRemoteIPInternalProxy 192.168.1.7\n"
    imported = translate(text + SITE)
    assert imported.config.listener["http-10080"].trusted_proxies == [
        ip_network("10.0.0.0/8"),
        ip_network("192.168.1.7/32"),
    ]
    assert "lb.example.org is a name" in _words(imported, 4)
    assert (
        translate("RemoteIPTrustedProxy 10.0.0.0/8\n" + SITE).config.listener["http-10080"].trusted_proxies
        == []
    )


def test_clients_are_announced(translate: Translate) -> None:
    """The PROXY protocol, for which the proxies count without RemoteIPHeader, too."""
    text = "RemoteIPProxyProtocol On\nRemoteIPProxyProtocolExceptions 10.9.0.0/16 lb\n"
    listener = translate(text + "RemoteIPTrustedProxy 10.0.0.7\n" + SITE).config.listener["http-10080"]
    assert listener.proxy_protocol
    assert listener.trusted_proxies == [ip_network("10.0.0.7")]
    assert listener.proxy_protocol_exceptions == [ip_network("10.9.0.0/16")]
    assert translate(text + SITE, compat=True).config.listener["http-10080"].proxy_protocol
    assert not translate("RemoteIPProxyProtocol Off\n" + SITE).config.listener["http-10080"].proxy_protocol


def test_the_end(translate: Translate) -> None:
    """Apache's 0 is without end."""
    assert translate(SITE).config.shutdown.grace == 30.0
    assert translate("GracefulShutdownTimeout 5\n" + SITE).config.shutdown.grace == 5.0
    assert translate("GracefulShutdownTimeout 0\n" + SITE).config.shutdown.grace == 86400.0


# --- TLS ---

TLS13 = "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256"


@pytest.fixture
def certificate(tmp_path: Path) -> str:
    """Lines that name files which are there; what is in them is not read before the start."""
    (tmp_path / "dash.crt").write_text("-----BEGIN CERTIFICATE-----\n")
    (tmp_path / "dash.key").write_text("")
    return "SSLEngine On\nSSLCertificateFile dash.crt\nSSLCertificateKeyFile dash.key\n"


def test_tls(translate: Translate, certificate: str, tmp_path: Path) -> None:
    """Certificate and key of the listener."""
    listener = translate(certificate + SITE).config.listener
    assert {name: one.endpoint for name, one in listener.items()} == {"https-10080": "tcp:10080"}
    assert listener["https-10080"].is_secure
    assert listener["https-10080"].certificate == [
        Certificate(file=f"{tmp_path}/dash.crt", key=f"{tmp_path}/dash.key")
    ]
    assert listener["https-10080"].tls == Tls()


def test_a_chain(translate: Translate, certificate: str, tmp_path: Path) -> None:
    """In a file of its own."""
    (tmp_path / "chain.crt").write_text("-----BEGIN CERTIFICATE-----\n")
    own = translate(certificate + "SSLCertificateChainFile chain.crt\n" + SITE).config.listener
    assert own["https-10080"].certificate[0].chain == f"{tmp_path}/chain.crt"


def test_two_kinds_of_keys(translate: Translate, certificate: str, tmp_path: Path) -> None:
    """A virtual host may have one certificate of each; their order says which key is whose."""
    for name in ("rsa.crt", "rsa.key"):
        (tmp_path / name).write_text("")
    more = "SSLCertificateFile rsa.crt\nSSLCertificateKeyFile rsa.key\n"
    listener = translate(_host("a.test", more=certificate + more)).config.listener
    assert [(one.file, one.key, one.names) for one in listener["https-10080"].certificate] == [
        (f"{tmp_path}/dash.crt", f"{tmp_path}/dash.key", ["a.test"]),
        (f"{tmp_path}/rsa.crt", f"{tmp_path}/rsa.key", ["a.test"]),
    ]


def test_tls_on_one_of_two_ports(translate: Translate, certificate: str) -> None:
    """As the virtual host of that port says."""
    hosts = _host("a.test") + _host("b.test", "*:8443", certificate)
    config = translate("Listen 8443 https\n" + hosts).config
    assert sorted(config.listener) == ["http-10080", "https-8443"]
    assert _turns(translate("Listen 8443\n" + hosts)) == [
        ([], ["http-10080"], "a.test-80"),
        ([], ["https-8443"], "b.test-80"),
    ]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("SSLEngine On\n", "3: SSLEngine: needs SSLCertificateFile"),
        ("SSLEngine On\nSSLCertificateFile nothing.crt\n", "4: SSLCertificateFile: file '"),
    ],
)
def test_tls_without_files(problems: Problems, lines: str, words: str) -> None:
    """Apache would not start either."""
    found = problems(lines + SITE)
    assert len(found) == 1
    assert found[0].startswith(words)


@pytest.mark.parametrize(
    ("line", "verdict", "stops"),
    [
        ("SSLProtocol -all +TLSv1.2 +TLSv1.3", Verdict.RUN, False),
        ("SSLProtocol TLSv1.2 TLSv1.3", Verdict.RUN, False),
        ("SSLProtocol all -SSLv3 -TLSv1 -TLSv1.1", Verdict.RUN, False),
        ("SSLProtocol all -SSLv3", Verdict.IMPROVED, False),
        ("SSLProtocol TLSv1.2", Verdict.RUN, False),
        ("SSLProtocol -all +TLSv1.3", Verdict.RUN, False),
        ("SSLProtocol TLSv1.1", Verdict.UNSUPPORTED, True),
        ("SSLCipherSuite HIGH:!aNULL", Verdict.RUN, False),
        ("SSLCipherSuite PROFILE=SYSTEM", Verdict.RUN, False),
        ("SSLCipherSuite ECDHE-RSA-AES256-GCM-SHA384", Verdict.RUN, False),
        (f"SSLCipherSuite TLSv1.3 {TLS13}", Verdict.RUN, False),
        ("SSLVerifyClient none", Verdict.HARMLESS, False),
        ("SSLVerifyClient optional_no_ca", Verdict.UNSUPPORTED, True),
        ("SSLVerifyClient require", Verdict.UNSUPPORTED, True),
        ("SSLCipherSuite TLSv1.3 TLS_AES_256_GCM_SHA384", Verdict.UNSUPPORTED, True),
    ],
)
def test_policy(translate: Translate, certificate: str, line: str, verdict: Verdict, stops: bool) -> None:
    """What panolb can do is run; what it would undercut stops the start."""
    allowed = {"SSLProtocol", "SSLCipherSuite", "SSLVerifyClient"}
    imported = translate(f"{line}\n{certificate}{SITE}", allowed=allowed)
    entry = next(one for one in imported.report.entries if one.place.line == 3)
    assert (entry.verdict, entry.stops) == (verdict, stops), entry


def test_how_tls_is_spoken(translate: Translate, certificate: str, tmp_path: Path) -> None:
    """Versions, ciphers and clients' certificates become keys."""
    lines = """\
SSLProtocol -all +TLSv1.2
SSLCipherSuite HIGH:!aNULL
SSLHonorCipherOrder On
SSLSessionTickets Off
SSLVerifyClient require
SSLCACertificateFile ca.crt
SSLCARevocationFile gone.crl
SSLCARevocationCheck leaf
"""
    imported = translate(certificate + lines + SITE)
    assert imported.config.listener["https-10080"].tls == Tls(
        max_version="1.2",
        ciphers="HIGH:!aNULL",
        prefer_server_ciphers=True,
        session_tickets=False,
        client_certificate="required",
        client_ca=f"{tmp_path}/ca.crt",
        client_crl=f"{tmp_path}/gone.crl",
    )
    assert all(one.verdict is Verdict.RUN for one in imported.report.entries if one.name.startswith("SSL"))


def test_client_certificates_of_some_hosts(problems: Problems, certificate: str) -> None:
    """Those of another virtual host of the port would be let in without one."""
    asking = certificate + "SSLVerifyClient require\nSSLCACertificateFile dash.crt\n"
    found = problems(_host("a.test", more=certificate) + _host("b.test", more=asking))
    assert len(found) == 1
    assert "clients are asked for certificates as the first virtual host says" in found[0]


def test_client_certificates_of_some_paths(problems: Problems, certificate: str) -> None:
    """When a path is known, the handshake is long over."""
    asking = "<Location /admin>\nSSLVerifyClient require\n</Location>\n"
    found = problems(_host("a.test", more=certificate + asking))
    assert any("SSLVerifyClient" in one for one in found)


@pytest.mark.parametrize(
    ("words", "left"),
    [
        (("all",), {"tlsv1", "tlsv1.1", "tlsv1.2", "tlsv1.3"}),
        (("all", "-TLSv1"), {"tlsv1.1", "tlsv1.2", "tlsv1.3"}),
        (("-ALL", "+TLSv1.3"), {"tlsv1.3"}),
        (("TLSv1.2", "+TLSv1.3"), {"tlsv1.2", "tlsv1.3"}),
    ],
)
def test_protocols(words: tuple[str, ...], left: set[str]) -> None:
    """Signs add and take away."""
    assert set(protocols(words) or ()) == left
    assert protocols((*words, "TLSv9")) is None


def test_several_certificates_on_one_port(translate: Translate, certificate: str, tmp_path: Path) -> None:
    """By the names of their virtual hosts; the first one is for all others."""
    (tmp_path / "other.crt").write_text("")
    other = certificate.replace("dash.crt", "other.crt")
    text = (
        _host("a.test", more=certificate)
        + _host("b.test", more=other + "ServerAlias *.b.test c.test\n")
        + _host("d.test", more=certificate)
    )
    listener = translate(text).config.listener["https-10080"]
    assert [(one.file, one.names) for one in listener.certificate] == [
        (f"{tmp_path}/dash.crt", ["a.test", "d.test"]),
        (f"{tmp_path}/other.crt", ["b.test", "*.b.test", "c.test"]),
    ]


def test_tls_for_some_hosts_of_a_port(problems: Problems, certificate: str) -> None:
    """A port speaks TLS or does not."""
    found = problems(_host("a.test", more=certificate) + _host("b.test"))
    assert any("need SSLEngine On, or none of them" in one for one in found)


# --- logs ---


def test_a_log(translate: Translate, tmp_path: Path) -> None:
    """The formats mean what Apache means by them, and a path is relative to the ServerRoot."""
    config = translate(
        'LogFormat "%h %>s" short\nCustomLog access.log short\nCustomLog all.log combined env=!quiet\n' + SITE
    ).config
    assert config.access_log == [
        AccessLog(path=f"{tmp_path}/access.log", format="%h %>s", websockets="end"),
        AccessLog(
            path=f"{tmp_path}/all.log",
            format='%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i"',
            condition="!quiet",
            websockets="end",
        ),
    ]


def test_transfer_logs(translate: Translate) -> None:
    """In the latest format without a name, else in the common one."""
    first = translate("TransferLog t.log\n" + SITE).config.access_log[0]
    assert first.format == '%h %l %u %t "%r" %>s %b'
    second = translate('LogFormat "%h %U"\nTransferLog t.log\n' + SITE).config.access_log[0]
    assert second.format == "%h %U"


def test_a_format_on_the_line(translate: Translate) -> None:
    """What is no name is the format itself."""
    assert (
        translate('CustomLog t.log "%h %{BALANCER_WORKER_ROUTE}e"\n' + SITE).config.access_log[0].format
        == "%h %{BALANCER_WORKER_ROUTE}e"
    )


@pytest.mark.parametrize(
    "line", ['CustomLog "|/usr/bin/rotatelogs x" common', "CustomLog missing/access.log common"]
)
def test_logs_that_are_not_written(translate: Translate, line: str) -> None:
    """Not a reason to stop, but said."""
    imported = translate(f"{line}\n{SITE}")
    assert imported.config.access_log == []
    entry = next(one for one in imported.report.entries if one.place.line == 3)
    assert entry.verdict is Verdict.UNSUPPORTED
    assert not entry.stops


def test_logs_of_hosts(translate: Translate) -> None:
    """A host with a log of its own does not write the main server's."""
    hosts = _host("a.test") + _host("b.test", more="CustomLog b.log common\n") + _host("c.test")
    logs = translate("CustomLog main.log common\n" + hosts).config.access_log
    assert [(Path(one.path).name, one.servers) for one in logs] == [
        ("main.log", ["a.test", "c.test"]),
        ("b.log", ["b.test"]),
    ]


def test_logs_of_hosts_with_the_same_name(translate: Translate) -> None:
    """A variable tells them apart."""
    hosts = _host("a.test", more="CustomLog plain.log common\n") + _host(
        "a.test", "*:81", "CustomLog other.log common\n"
    )
    config = translate("Listen 81\n" + hosts).config
    assert [(one.condition, one.servers) for one in config.access_log] == [("log-1", []), ("log-2", [])]
    assert {one.listener[0]: one.environment for one in config.location} == {
        "http-10080": ["SetEnv log-1 1"],
        "http-81": ["SetEnv log-2 1"],
    }


def test_a_whole_configuration(translate: Translate) -> None:
    """What the model says of the smallest useful file."""
    config = translate(MEMBERS + PASS).config
    assert sorted(changed(config)) == ["balancer", "listener", "location", "location_order"]


@pytest.mark.parametrize(
    ("alias", "name", "stops"),
    [
        ("app?.example.com", "app1.example.com", True),
        ("app?.example.com", "*.example.com", True),
        ("app*", "app1.example.com", True),
        ("app?.example.com", "other.example.com", False),
    ],
)
def test_wildcards_of_the_first_host(problems: Problems, alias: str, name: str, stops: bool) -> None:
    """It has what nobody claims; where a later host has a name that the wildcard fits, the start stops."""
    first = _host("pub.test", more=f"ServerAlias {alias}\n")
    found = problems(first + _host(name if name[0] != "*" else "b.test", more=f"ServerAlias {name}\n"))
    assert [one.partition(": ")[2][:11] for one in found] == (["ServerAlias"] if stops else [])
