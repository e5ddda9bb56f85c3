"""Who may see what, redirects, and files: whatever keeps somebody out stops the start where something is served."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from panolb.config.httpd.imported import Imported
from panolb.config.httpd.known import Verdict
from tests.harness.httpdconf import ALWAYS, MEMBERS, PASS, changed

Translate = Callable[..., Imported]
Problems = Callable[..., list[str]]

CLOSED = [
    "Require ip 10.0.0.0/8",
    "Require all denied",
    "Require valid-user",
    "AuthType Basic",
    "Deny from all",
    "Allow from 10.0.0.0/8",
    "Order mutual-failure",
    "Order mutual-failure",
    "SSLRequireSSL",
    "AllowMethods GET",
]


@pytest.mark.parametrize("line", CLOSED)
@pytest.mark.parametrize(
    "section",
    [
        "Location /",
        "Location /app",
        "Location /app/admin",
        "LocationMatch ^/app/x",
        "Proxy *",
        "Proxy balancer://c",
    ],
)
def test_where_something_is_served(problems: Problems, section: str, line: str) -> None:
    """The start stops and says what it would mean; --allow-unsupported names the directive."""
    text = f"{MEMBERS}{PASS}<{section}>\n{line}\n</{section.partition(' ')[0]}>\n"
    found = problems(text)
    assert len(found) == 1, found
    assert found[0].startswith(f"11: {line.partition(' ')[0]}: is not supported.")
    assert problems(text, allowed={line.partition(" ")[0]}) == []


@pytest.mark.parametrize("line", CLOSED)
@pytest.mark.parametrize(
    "section",
    [
        "Location /server-status",
        "Location /appendix",
        "LocationMatch ^/server-(status|info)$",
        "Directory /srv",
        "Files .ht*",
        "FilesMatch ^x",
    ],
)
def test_where_nothing_is_served(translate: Translate, section: str, line: str) -> None:
    """It does not matter, and the report says so."""
    imported = translate(f"{MEMBERS}{PASS}<{section}>\n{line}\n</{section.partition(' ')[0]}>\n")
    entry = next(one for one in imported.report.entries if one.place.line == 11)
    assert entry.verdict is Verdict.HARMLESS, entry


@pytest.mark.parametrize(
    "line", ["Require all granted", "Allow from all", "Order allow,deny\nAllow from all"]
)
def test_everybody(problems: Problems, line: str) -> None:
    """What lets everybody in is what panolb does."""
    assert problems(f"{MEMBERS}{PASS}<Location />\n{line}\n</Location>\n") == []


def test_a_path_that_is_kept_from_the_members(problems: Problems) -> None:
    """ProxyPass / with an exception before it: what the exception is for is not served."""
    closed = "<Location /server-status>\nSetHandler server-status\nRequire local\n</Location>\n"
    assert problems(MEMBERS + closed + "ProxyPass /server-status !\nProxyPass / balancer://c\n") == []
    assert len(problems(MEMBERS + closed + "ProxyPass / balancer://c\nProxyPass /server-status !\n")) == 1


def test_sections_of_the_main_server(problems: Problems) -> None:
    """They hold in every virtual host; one that serves the path is enough to stop."""
    closed = "<Location /x>\nRequire local\n</Location>\n"
    host = "<VirtualHost *:10080>\nServerName {0}.test\nProxyPass {1} http://{0}:80/\n</VirtualHost>\n"
    assert problems(closed + host.format("a", "/a") + host.format("b", "/b")) == []
    assert len(problems(closed + host.format("a", "/a") + host.format("b", "/x"))) == 1


# --- redirects ---


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "Redirect /old https://new.test/x",
            {"path": "/old", "redirect": "https://new.test/x", "status": 302},
        ),
        (
            "Redirect permanent / https://new.test/",
            {"path": "/", "redirect": "https://new.test", "status": 301},
        ),
        ("Redirect 308 /old /app", {"path": "/old", "redirect": "/app", "status": 308}),
        ("Redirect seeother /old/ /app/", {"path": "/old", "redirect": "/app", "status": 303}),
        ("Redirect gone /old", {"path": "/old", "status": 410}),
        ("Redirect 404 /old", {"path": "/old", "status": 404}),
        ("RedirectTemp /old /app", {"path": "/old", "redirect": "/app", "status": 302}),
        ("RedirectPermanent /old /app", {"path": "/old", "redirect": "/app", "status": 301}),
        ("RedirectMatch ^/$ /app/", {"match": "^/$", "redirect": "/app/", "status": 302}),
        ("RedirectMatch 301 ^/o/(.*)$ /app/$1", {"match": "^/o/(.*)$", "redirect": "/app/$1", "status": 301}),
    ],
)
def test_redirects(translate: Translate, line: str, expected: dict[str, Any]) -> None:
    """They come after ProxyPass, as in Apache."""
    locations = translate(f"{line}\n{MEMBERS}{PASS}").config.location
    assert [one.balancer for one in locations] == ["c", None]
    assert changed(locations[1], but=ALWAYS) == expected


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("Redirect /old", "needs a path and a URL"),
        ("Redirect gone /old /new", "Redirect URL not valid for this status"),
        ("Redirect old /new", 'must start with "/"'),
        ("RedirectMatch ^/( /new", "is no regular expression"),
        ("Redirect 200 /old", "from 300 to 599"),
    ],
)
def test_redirects_written_wrongly(problems: Problems, line: str, words: str) -> None:
    """With the line."""
    found = problems(f"{line}\n{MEMBERS}{PASS}")
    assert len(found) == 1, found
    assert words in found[0]


def test_redirects_below_a_proxied_path(translate: Translate) -> None:
    """ProxyPass comes first, unless an exception lets them through or they stand in a <Location>."""
    assert [one.name for one in translate(f"Redirect /app/old /new\n{MEMBERS}{PASS}").config.location] == [
        "/app"
    ]
    through = translate(f"Redirect /app/old /new\n{MEMBERS}ProxyPass /app/old !\n{PASS}").config.location
    assert [(one.name, one.redirect) for one in through] == [("/app/old", "/new"), ("/app", None)]
    inner = translate(
        f"{MEMBERS}{PASS}<Location /app/old>\nRedirect /app/old /new\n</Location>\n"
    ).config.location
    assert [(one.name, one.redirect) for one in inner] == [("/app/old", "/new"), ("/app", None)]


def test_a_redirect_of_everything_with_an_exception(translate: Translate) -> None:
    """What ProxyPass lets through is redirected, too."""
    text = f"Redirect / https://new.test/\n{MEMBERS}ProxyPass /app/old !\n{PASS}"
    assert [(one.name, one.redirect) for one in translate(text).config.location] == [
        ("/app/old", "https://new.test/app/old"),
        ("/app", None),
        ("/", "https://new.test"),
    ]


def test_nothing_is_told_as_run_where_nothing_is(translate: Translate) -> None:
    """Settings for paths that lead nowhere have no effect; an answer of the section's own is one."""
    text = f"{MEMBERS}{PASS}<Location /{{0}}>\nHeader set X-A a\n{{1}}</Location>\n"
    entries = translate(text.format("nowhere", "")).report.entries
    assert [one.verdict for one in entries if one.name == "Header"] == [Verdict.HARMLESS]
    entries = translate(text.format("gone", "Redirect 410 /gone\n")).report.entries
    assert [one.verdict for one in entries if one.name in ("Header", "Redirect")] == [Verdict.RUN] * 2


@pytest.mark.parametrize(
    ("section", "line", "expected"),
    [
        ("Location /app/old", "Redirect 301 / https://new.test/", {"/app/old": "https://new.test/app/old"}),
        ("Location /app/old", "Redirect /app/old/x /new", {"/app/old/x": "/new"}),
        ("Location /app/old", "Redirect /else /new", {}),
        (
            "Location /app/old",
            "RedirectMatch ^/(.*)x /new/$1",
            {"^(?=/app/old(?:/|$))/(.*)x": "/new/$1"},
        ),
        ("Location /", "RedirectMatch ^/(.*)x /new/$1", {"^/(.*)x": "/new/$1"}),
        ("LocationMatch ^/(a|b)", "Redirect / /new", {"^(?=/(?:a|b))((?:/.*)?)$": "/new$1"}),
        ("LocationMatch ^/x/lm", "Redirect 404 /", {"^(?=/x/lm)((?:/.*)?)$": None}),
    ],
)
def test_redirects_of_a_section(
    translate: Translate, section: str, line: str, expected: dict[str, str | None]
) -> None:
    """They hold for what is both in the section and in their own path."""
    text = f"{MEMBERS}{PASS}<{section}>\n{line}\n</{section.partition(' ')[0]}>\n"
    locations = [one for one in translate(text).config.location if one.balancer is None]
    assert {one.name: one.redirect for one in locations} == expected
