"""What holds for requests whoever serves them: headers, variables, error pages, and the switches of mod_proxy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from panolb.config.httpd.imported import Imported
from panolb.config.httpd.known import Verdict
from panolb.config.model import Location
from tests.harness.httpdconf import ALWAYS, MEMBERS, PASS, changed

Translate = Callable[..., Imported]
Problems = Callable[..., list[str]]


def _location(translate: Translate, text: str, **options: Any) -> Location:
    return translate(MEMBERS + PASS + text, **options).config.location[0]


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("ProxyPreserveHost On", {"preserve_host": True}),
        ("ProxyAddHeaders Off", {"forwarded": False}),
        ("Proxy100Continue Off", {"answer_expect": True}),
        ("Proxy100Continue On", {}),
        ("ProxyVia On", {"via": True}),
        ("ProxyVia Full", {"via": True}),
        ("ProxyVia Block", {"strip_request_headers": ["Via"]}),
        ("ProxyVia Off", {}),
        ("ProxyErrorOverride On", {"error_override": ["400-599"]}),
        ("ProxyErrorOverride On 404 410", {"error_override": ["404", "410"]}),
        ("ProxyErrorOverride Off", {}),
        ('Header set X-A "a b"', {"response_headers": ['set X-A "a b"']}),
        ("Header always unset X-A", {"response_headers": ["always unset X-A"]}),
        ("RequestHeader set X-A a env=B", {"request_headers": ["set X-A a env=B"]}),
        ("RequestHeader unset Proxy early", {"request_headers": ["unset Proxy"]}),
        ("SetEnv SITE dash", {"environment": ["SetEnv SITE dash"]}),
        ('SetEnvIf User-Agent "^My Bot" bot=1 x', {"environment": ['SetEnvIf User-Agent "^My Bot" bot=1 x']}),
        ("SetEnvIfNoCase Host ^A a", {"environment": ["SetEnvIfNoCase Host ^A a"]}),
        ("BrowserMatch Safari apple", {"environment": ["BrowserMatch Safari apple"]}),
        ("UseCanonicalName On", {}),
        ("ErrorDocument 503 Sorry", {"error_pages": {"503": "Sorry"}}),
        ("ErrorDocument 503 https://example.org/down", {"error_pages": {"503": "https://example.org/down"}}),
        ("ErrorDocument 503 default", {}),
    ],
)
def test_a_line(translate: Translate, line: str, values: dict[str, Any]) -> None:
    """It becomes a key of the location, in Apache's own words where there are such."""
    one = _location(translate, line + "\n")
    found = changed(one, but=ALWAYS)
    if not one.preserve_host:
        assert "preserve_host" not in values
    else:
        found["preserve_host"] = True
    assert found == {"path": "/app", "balancer": "c", **values}


def test_the_order_of_rules(translate: Translate) -> None:
    """Main server, virtual host, <Proxy>, <Location>; of switches the innermost counts."""
    text = (
        "Header set X-O main\nSetEnv A main\n"
        "<Location /app>\nHeader set X-O inner\nProxyPreserveHost On\nSetEnv A inner\n</Location>\n"
        "<Proxy *>\nHeader set X-O proxy\nProxyAddHeaders Off\n</Proxy>\n"
        "<VirtualHost *:10080>\nHeader set X-O host\nProxyPreserveHost Off\n</VirtualHost>\n"
    )
    one = _location(translate, text)
    assert one.response_headers == ["set X-O main", "set X-O host", "set X-O proxy", "set X-O inner"]
    assert one.environment == ["SetEnv A main", "SetEnv A inner"]
    assert one.preserve_host
    assert not one.forwarded


def test_pages_of_the_server(translate: Translate, tmp_path: Path) -> None:
    """A path is a file of the DocumentRoot or of an Alias, when it is there."""
    (tmp_path / "errors").mkdir()
    (tmp_path / "errors" / "503.html").write_text("down")
    root = _location(translate, "DocumentRoot .\nErrorDocument 503 /errors/503.html\n")
    assert root.error_pages == {"503": f"file:{tmp_path}/errors/503.html"}
    alias = _location(translate, "Alias /e errors\nErrorDocument 503 /e/503.html\n")
    assert alias.error_pages == {"503": f"file:{tmp_path}/errors/503.html"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ErrorDocument 503 /nothing.html\n", "There is no DocumentRoot"),
        ("DocumentRoot .\nErrorDocument 503 /nothing.html\n", "There is no file"),
        ("ErrorDocument 503 /app/down.html\n", "is a page of a member"),
        ("ErrorDocument 200 Fine\n", "Only pages for the statuses 400 to 599"),
    ],
)
def test_pages_that_are_not_there(translate: Translate, text: str, words: str) -> None:
    """panolb's own page, and a word in the report."""
    imported = translate(MEMBERS + PASS + text)
    assert imported.config.location[0].error_pages == {}
    assert any(words in one.words for one in imported.report.of(Verdict.UNSUPPORTED))


def test_a_page_for_what_is_not_found(translate: Translate) -> None:
    """It is shown for paths that no ProxyPass has, too."""
    locations = translate(MEMBERS + PASS + "ErrorDocument 404 Nothing\n").config.location
    assert [(one.path, one.status, one.error_pages) for one in locations] == [
        ("/app", None, {"404": "Nothing"}),
        ("/", 404, {"404": "Nothing"}),
    ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("RequestHeader set Connection upgrade", "panolb writes this field itself"),
        ("RequestHeader set Upgrade websocket", "panolb writes this field itself"),
        ("BrowserMatch MSIE nokeepalive downgrade-1.0 force-response-1.0", "panolb needs no such help"),
        ("SetEnv proxy-initial-not-pooled 1", "panolb needs no such help"),
        ("SetEnv proxy-sendchunked 1", "panolb needs no such help"),
    ],
)
def test_lines_that_are_not_needed(translate: Translate, line: str, words: str) -> None:
    """Named, with the reason."""
    imported = translate(f"{line}\n{MEMBERS}{PASS}")
    entry = next(one for one in imported.report.entries if one.place.line == 3)
    assert entry.verdict is Verdict.HARMLESS
    assert words in entry.words
    assert changed(imported.config.location[0], but=ALWAYS) == {"path": "/app", "balancer": "c"}


@pytest.mark.parametrize("line", ["SetEnv proxy-nokeepalive 1", "SetEnv force-proxy-request-1.0 1"])
def test_variables_that_are_lost(translate: Translate, line: str) -> None:
    """Traffic still goes the same way."""
    imported = translate(f"{line}\n{MEMBERS}{PASS}")
    entry = next(one for one in imported.report.entries if one.place.line == 3)
    assert entry.verdict is Verdict.UNSUPPORTED
    assert not entry.stops


@pytest.mark.parametrize("line", ["SetEnv no-proxy 1", "SetEnvIf Request_URI ^/app/local no-proxy"])
def test_a_variable_that_says_where_traffic_goes(problems: Problems, line: str) -> None:
    """It stops the start."""
    found = problems(f"{line}\n{MEMBERS}{PASS}")
    assert len(found) == 1
    assert "is not supported. Requests with this variable are proxied all the same." in found[0]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("ProxyErrorOverride On 200", "status codes to intercept must follow On"),
        ("ProxyErrorOverride 404", "status codes to intercept must follow On"),
        ("ProxyPassReverse /app", "needs a path and a URL"),
        ("SetEnvIf User-Agent ( x", "regular expression"),
    ],
)
def test_written_wrongly(problems: Problems, line: str, words: str) -> None:
    """With the line."""
    found = problems(f"{line}\n{MEMBERS}{PASS}")
    assert len(found) == 1, found
    assert found[0].startswith("3: ")
    assert words in found[0]


def test_a_rule_that_is_not_understood(translate: Translate, problems: Problems) -> None:
    """One for answers is lost; one that keeps clients from sending a field stops the start."""
    lost = next(
        one for one in translate(f"Header echo ^(\n{MEMBERS}{PASS}").report.entries if one.place.line == 3
    )
    assert lost.verdict is Verdict.UNSUPPORTED
    assert not lost.stops
    found = problems(f"RequestHeader unset X-User expr=nonsense(\n{MEMBERS}{PASS}")
    assert len(found) == 1
    assert "Clients may send this field to the members" in found[0]


def test_names_with_ports_and_schemes(translate: Translate) -> None:
    """ServerName may have both; the scheme is for redirects only."""
    for written, name in (("https://a.test:8443", "a.test:8443"), ("a.test", "a.test")):
        head = f"Listen 10080\nServerName {written}\n"
        assert translate(MEMBERS + PASS, head=head).config.location[0].server_name == name
    assert translate(MEMBERS + PASS, head="Listen 10080\n").config.location[0].server_name is None
