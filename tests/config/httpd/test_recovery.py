"""Lost line breaks come back where only that makes sense, and nowhere else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panolb.config.httpd import arguments
from panolb.config.httpd.directives import DIRECTIVES
from panolb.config.httpd.nodes import Node, Section
from panolb.config.httpd.reading import Document, read
from panolb.config.httpd.recovery import restore
from panolb.config.httpd.report import Verdict

PAIRS = ("BalancerMember", "ProxySet", "ProxyPass", "ProxyPassMatch")
"""They take words with = and a few that are known, so a name of a directive cannot be one of them."""

GUIDE = """\
Define SRVROOT "/Path/To/Apache"
ServerRoot "${SRVROOT}"

LoadModule proxy_module modules/mod_proxy.so
LoadModule proxy_http_module modules/mod_proxy_http.so
LoadModule proxy_wstunnel_module modules/mod_proxy_wstunnel.so
LoadModule rewrite_module modules/mod_rewrite.so
LoadModule headers_module modules/mod_headers.so
LoadModule lbmethod_byrequests_module modules/mod_lbmethod_byrequests.so
LoadModule proxy_balancer_module modules/mod_proxy_balancer.so
LoadModule slotmem_shm_module modules/mod_slotmem_shm.so

Listen 10080

<VirtualHost *:10080>
    ServerAdmin webmaster@localhost
    ProxyPreserveHost On
    Header add Set-Cookie "ROUTEID=.%{BALANCER_WORKER_ROUTE}e; path=/" env=BALANCER_ROUTE_CHANGED
    <Proxy "balancer://panopticoncluster">
        BalancerMember "http://localhost:8080/panopticon" route=1
        BalancerMember "http://localhost:8081/panopticon" route=2
        ProxySet stickysession=ROUTEID
    </Proxy>
    ProxyPass /panopticon balancer://panopticoncluster
    ProxyPassReverse /panopticon balancer://panopticoncluster
    ServerName localhost:8080
</VirtualHost>
"""
"""The configuration of the product's installation guide, with the line breaks that its page has lost."""

LARGE = """\
LoadModule proxy_module modules/mod_proxy.so
LoadModule headers_module modules/mod_headers.so
LoadModule setenvif_module modules/mod_setenvif.so
LoadModule authz_core_module modules/mod_authz_core.so
LoadModule rewrite_module modules/mod_rewrite.so
LoadModule proxy_http_module modules/mod_proxy_http.so
LoadModule proxy_balancer_module modules/mod_proxy_balancer.so
LoadModule slotmem_shm_module modules/mod_slotmem_shm.so
LoadModule proxy_hcheck_module modules/mod_proxy_hcheck.so
<IfVersion > 2.4>
Timeout 300
</IfVersion>
<VirtualHost *:443>
ServerName a.example.org
ServerAlias b.example.org *.c.example.org
ErrorDocument 503 "We will be back soon"
SetEnvIf User-Agent "curl" is_curl=1 quiet
RequestHeader unset X-User
RequestHeader set X-Forwarded-Proto "https"
Header always edit Set-Cookie ^(.*)$ "$1; Secure"
ProxyHCExpr ok {%{REQUEST_STATUS} =~ /^[23]/}
<Location "/app">
ProxyPass balancer://app stickysession=JSESSIONID|jsessionid timeout=5 nocanon
ProxyPassReverse balancer://app
Require all granted
</Location>
RewriteEngine On
RewriteCond %{HTTP:Upgrade} websocket [NC]
RewriteRule ^/app(.*) ws://localhost:8080/app$1 [P,L]
CustomLog logs/access.log "%h %{BALANCER_WORKER_ROUTE}e" env=!quiet
KeepAlive On
</VirtualHost>
"""


def reading(path: Path, text: str) -> Document:
    """Read a text as httpd.conf."""
    file = path / "httpd.conf"
    file.write_text(text)
    return read(file, environment={})


def plain(nodes: tuple[Node, ...]) -> list[Any]:
    """Nodes without their places."""
    return [
        (node.name, node.args, plain(node.children) if isinstance(node, Section) else None) for node in nodes
    ]


def lost_in_blocks(text: str) -> str:
    """Without the line breaks within blocks."""
    return re.sub(r"(?<=[^\n])\n[ ]*(?=[^\n])", " ", text)


def lost_in_sections(text: str) -> str:
    """Without the line breaks within sections."""
    return re.sub(
        r"^<(\w+).*?^</\1>",
        lambda match: " ".join(match[0].split("\n")),
        text,
        flags=re.DOTALL | re.MULTILINE,
    )


def lost_everywhere(text: str) -> str:
    """On one line."""
    return " ".join(text.split("\n"))


@pytest.mark.parametrize("text", [GUIDE, LARGE], ids=["guide", "large"])
@pytest.mark.parametrize("lose", [lost_in_blocks, lost_in_sections, lost_everywhere])
def test_line_breaks_come_back(tmp_path: Path, text: str, lose: Any) -> None:
    """The same directives are read without them, and the report says so."""
    right = reading(tmp_path, text)
    lost = lose(text)
    assert lost != text
    found = reading(tmp_path, lost)
    assert found.problems == right.problems == []
    assert plain(found.nodes) == plain(right.nodes)
    assert found.modules == right.modules
    assert not [one for one in right.entries if one.verdict is Verdict.RESTORED]
    assert [one for one in found.entries if one.verdict is Verdict.RESTORED]


def test_the_guide_is_right(tmp_path: Path) -> None:
    """Nothing is wrong with it, and a root that does not exist does no harm."""
    document = reading(tmp_path, GUIDE)
    assert document.problems == []
    assert document.root == Path("/Path/To/Apache")
    assert [node.name for node in document.nodes] == ["Listen", "VirtualHost"]


@pytest.mark.parametrize(
    "line", sorted({line.strip() for line in (GUIDE + LARGE).split("\n") if line.strip()})
)
def test_right_lines_stay(line: str) -> None:
    """A line that is right is never cut."""
    assert restore(line) is None


@pytest.mark.parametrize(
    "line",
    [
        "ServerAlias Alias Header Redirect Include",
        "Header set Header Alias",
        "RequestHeader set Listen Header",
        "SetEnv Timeout KeepAlive",
        'ErrorDocument 404 "Listen 80 </p> Timeout 5"',
        "<Location /a> # Timeout",
        "<Location /a> whatever",
        "</Location> # Timeout",
        "<LocationMatch ^/(?<name>x)>",
        '<If "%{X} > 3">',
        "<IfVersion >= 2.4>",
        "CustomLog logs/Timeout combined",
        "Timeout 5 6 7",
        "Nonsense Timeout 5",
        "AddDescription Options Alias Listen",
        "ProxyPass",
        "Header",
        "<Proxy",
        "</",
    ],
)
def test_odd_lines_stay(line: str) -> None:
    """Names of directives may be arguments; and what no cut makes right stays as it is."""
    assert restore(line) is None


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Timeout 5 KeepAlive On", ["Timeout 5", "KeepAlive On"]),
        ("Listen 80 <VirtualHost *> </VirtualHost>", ["Listen 80", "<VirtualHost *>", "</VirtualHost>"]),
        ("</Proxy> ProxyPass / balancer://a/", ["</Proxy>", "ProxyPass / balancer://a/"]),
        ("Header unset A Header unset B", ["Header unset A", "Header unset B"]),
        (
            "BalancerMember http://a route=1 BalancerMember http://b route=2",
            ["BalancerMember http://a route=1", "BalancerMember http://b route=2"],
        ),
        ("<IfVersion > 2.4> Timeout 5", ["<IfVersion > 2.4>", "Timeout 5"]),
        ("ServerName a </VirtualHost>", ["ServerName a", "</VirtualHost>"]),
        ("ProxyPassReverse / http://a/ </VirtualHost>", ["ProxyPassReverse / http://a/", "</VirtualHost>"]),
    ],
)
def test_cuts(line: str, expected: list[str]) -> None:
    """Before names of directives and sections, where the arguments are enough."""
    assert restore(line) == expected


@given(
    st.sampled_from(sorted(DIRECTIVES)), st.lists(st.sampled_from(["a", "x=1", "On", "Timeout", "Header"]))
)
def test_right_arguments_stay(name: str, args: list[str]) -> None:
    """A directive with as many arguments as it takes is never cut, whatever they are."""
    known = DIRECTIVES[name]
    if known.name not in PAIRS and arguments.wrong(known, args) is None:
        assert restore(" ".join([known.name, *args])) is None


@given(
    st.lists(
        st.sampled_from([*sorted(DIRECTIVES)[:40], "<Proxy", "</Proxy>", "a", ">", '"', "Timeout", "On"]),
        max_size=30,
    )
)
def test_nothing_is_lost(parts: list[str]) -> None:
    """Whatever is cut, all of it is still there, in its order."""
    text = " ".join(parts)
    pieces = restore(text)
    if pieces is not None:
        assert len(pieces) > 1
        assert "".join("".join(pieces).split()) == "".join(text.split())
