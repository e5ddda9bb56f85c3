"""Whatever an httpd.conf says: a configuration that holds, or problems with their lines; never an exception."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from panolb.config import Known, loads
from panolb.config.crosscheck import problems as disagreements
from panolb.config.dump import dump
from panolb.config.httpd.loading import load
from panolb.errors import ConfigError
from tests.harness.httpdconf import MEMBERS

PATHS = st.sampled_from(
    ["/", "/app", "/app/", "/app/x", "/appx", "/a b", "^/app/(.*)$", "^/", "(", "app", "//", "/app/*", "é"]
)
URLS = st.sampled_from(
    [
        "balancer://c", "balancer://c/", "balancer://c/app", "balancer://c$1", "balancer://nosuch", "BALANCER://C/x",
        "http://10.0.0.9", "http://10.0.0.9:81/x", "ws://10.0.0.9/", "https://h/", "http://", "ajp://h:8009", "!", "x",
        "http://[::1]:80/", "http://h:1/$1", "http://h:1%{REQUEST_URI}", "unix:/x|http://h/",
    ]
)  # fmt: skip
WORDS = st.sampled_from(
    [
        "route=1", "status=+D-E", "retry=0", "timeout=5", "nocanon", "mapping=servlet", "loadfactor=2", "max=5",
        "hcmethod=GET", "hcuri=/x", "hcinterval=1", "hctemplate=t", "hcexpr=e", "upgrade=NONE", "lbmethod=bytraffic",
        "stickysession=A|b", "stickysessionsep=é", "failonstatus=503", "x", "=", "a=b", "route=é",
    ]
)  # fmt: skip
NAMES = st.sampled_from(["a.test", "b.test:81", "*.test", "*", "é", "https://c.test", "[::1]", ""])
LINE = st.one_of(
    st.builds("ProxyPass {} {} {}".format, PATHS, URLS, WORDS),
    st.builds("ProxyPass {} {}".format, PATHS, URLS),
    st.builds("ProxyPassMatch {} {}".format, PATHS, URLS),
    st.builds("ProxyPassReverse {} {}".format, PATHS, URLS),
    st.builds("BalancerMember {} {} {}".format, URLS, URLS, WORDS),
    st.builds("ProxySet {} {}".format, URLS, WORDS),
    st.builds(
        "RewriteRule {} {} [{}]".format,
        PATHS,
        URLS,
        st.sampled_from(["P", "R=301", "F", "L", "E=a:b", "PT", "G,NC"]),
    ),
    st.builds(
        "RewriteCond %{{{}}} {} [{}]".format,
        st.sampled_from(["HTTPS", "HTTP:Upgrade", "HTTP_HOST", "REQUEST_URI", "SERVER_PORT", "REMOTE_ADDR"]),
        st.sampled_from(["on", "!off", "websocket", "!=websocket", "^a$", "80", "a.test", "("]),
        st.sampled_from(["NC", "OR", ""]),
    ),
    st.builds("Redirect {} {}".format, PATHS, st.sampled_from(["/x", "https://h/", "gone", "é", "x"])),
    st.builds("RedirectMatch {} {}".format, PATHS, st.sampled_from(["/x$1", "https://h/", "%{HTTP_HOST}"])),
    st.builds("Listen {}".format, st.sampled_from(["10080", "81", "127.0.0.1:82", "[::1]:83", "x", "99999"])),
    st.builds("ServerName {}".format, NAMES),
    st.builds("ServerAlias {}".format, NAMES),
    st.builds(
        "ErrorDocument {} {}".format,
        st.sampled_from(["404", "503", "99", "x"]),
        st.sampled_from(["/x", "text", "http://h/", '"a\tb"']),
    ),
    st.sampled_from(
        [
            "RewriteEngine On",
            "SSLEngine On",
            "Header set X-A é",
            'Header set X-B "a b"',
            "RequestHeader unset X",
            "Require all denied",
            "Timeout 0",
            "ProxyTimeout x",
            "KeepAliveTimeout x",
            "LimitRequestFieldSize 99999999",
            "LimitRequestLine 99999999",
            "LimitRequestBody -1",
            "GracefulShutdownTimeout 99999999",
            "ProxyVia Block",
            "AllowEncodedSlashes NoDecode",
            "CustomLog x.log common",
            "CustomLog x.log %é",
            "SetEnv a b",
            "SetEnv no-proxy",
            "ProxyHCExpr e {%{REQUEST_STATUS} == 200}",
            "ProxyHCTemplate t hcmethod=TCP",
            "ProxyErrorOverride On 404",
            "RemoteIPHeader X-Forwarded-For",
            "RemoteIPInternalProxy x 10.0.0.1",
            "ProxyPreserveHost On",
            "Alias /s .",
            "RequestReadTimeout header=1 body=99999999",
            "MaxKeepAliveRequests -1",
            "LimitRequestFields 1",
            "DocumentRoot .",
        ]
    ),
)
SECTION = st.sampled_from(["Location /app", "Location /app/x", "LocationMatch \\.css$", "Proxy balancer://c", "Proxy *", "Directory /", "VirtualHost *:10080", "VirtualHost *", "VirtualHost 10.0.0.1:81"])  # fmt: skip
BLOCK = st.one_of(
    LINE,
    st.builds(
        lambda name, lines: "\n".join([f"<{name}>", *lines, f"</{name.partition(' ')[0]}>"]),
        SECTION,
        st.lists(LINE, max_size=4),
    ),
)


@given(st.lists(BLOCK, max_size=8), st.booleans(), st.booleans())
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_configuration(
    tmp_path: Path, methods: Known, blocks: list[str], compat: bool, allowed: bool
) -> None:
    """A problem is a line of the file and a sentence; a configuration has none left, and says the same as TOML."""
    path = tmp_path / "httpd.conf"
    path.write_text("\n".join(["Listen 10080", MEMBERS, *blocks, ""]))
    everything = {
        "RewriteRule",
        "Require",
        "BalancerMember",
        "ProxyPass",
        "ServerAlias",
        "SetEnv",
        "VirtualHost",
    }
    try:
        imported = load(path, methods, compat=compat, allowed=everything if allowed else frozenset())
    except ConfigError as error:
        for problem in error.problems:
            assert problem.place.startswith(str(path))
            assert problem.message
    else:
        assert disagreements(imported.config, methods) == []
        assert loads(dump(imported.config), methods) == imported.config
        assert set(imported.sources) >= {
            ("location", index) for index in range(len(imported.config.location))
        }


@pytest.mark.parametrize("text", ["", "\n", "ProxyPass\n", "<VirtualHost>\n</VirtualHost>\n", "<Proxy>\n</Proxy>\n", "<Location>\n</Location>\n", "Listen\n", "RewriteEngine On\nRewriteRule\n", "Redirect\n", "Header\n"])  # fmt: skip
def test_lines_without_arguments(tmp_path: Path, methods: Known, text: str) -> None:
    """Reading tells that they are missing; translation must not stumble over it."""
    path = tmp_path / "httpd.conf"
    path.write_text("Listen 10080\n" + MEMBERS + text)
    try:
        load(path, methods)
    except ConfigError as error:
        assert error.problems
