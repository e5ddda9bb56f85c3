"""mod_rewrite: the WebSocket recipe in its usual spellings, redirects, refusals; and a clear word for everything else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from panolb.config.httpd.imported import Imported
from panolb.config.httpd.known import Verdict
from panolb.config.model import Location
from tests.harness.httpdconf import ALWAYS, MEMBERS, PASS, changed

Translate = Callable[..., Imported]
Problems = Callable[..., list[str]]


def _first(translate: Translate, rules: str) -> dict[str, Any]:
    """What the first location has, and what serves it."""
    imported = translate(f"RewriteEngine On\n{rules}\n{MEMBERS}{PASS}")
    return changed(imported.config.location[0], but=ALWAYS)


UPGRADE = "RewriteCond %{HTTP:Upgrade} websocket [NC]\n"


@pytest.mark.parametrize(
    "conditions",
    [
        "RewriteCond %{HTTP:Upgrade} =websocket [NC]\nRewriteCond %{HTTP:Connection} upgrade [NC]",
        "RewriteCond %{HTTP:Upgrade} websocket [NC]",
        "RewriteCond %{HTTP:UPGRADE} ^WebSocket$ [NC]\nRewriteCond %{HTTP:CONNECTION} ^Upgrade$ [NC]",
        "RewriteCond %{HTTP:Connection} .*Upgrade.* [NC]\nRewriteCond %{HTTP:Upgrade} =WebSocket",
        "RewriteCond %{QUERY_STRING} transport=websocket [NC]",
    ],
)
@pytest.mark.parametrize("flags", ["[P]", "[P,L]", "[L,P]", "[NC,P]", "[proxy]"])
def test_the_recipe(translate: Translate, conditions: str, flags: str) -> None:
    """However it is spelt, handshakes go where it says."""
    found = _first(translate, f"{conditions}\nRewriteRule ^/app/(.*) balancer://c/$1 {flags}")
    assert found.pop("match").removeprefix("(?i:").removesuffix(")") in ("^/app/(.*)", "^/app/(.*")
    assert found == {
        "requests": "websocket",
        "balancer": "c",
        "target": "/$1",
        "reverse": ["/app balancer://c"],
    }


@pytest.mark.parametrize(
    ("rule", "match", "balancer", "target"),
    [
        ("^/?(.*) ws://localhost:8080/$1", "^/?(.*)", "localhost-8080", "/$1"),
        ("^/app(.*) balancer://c$1", "^/app(.*)", "c", "$1"),
        ("/(.*) ws://localhost:8080/app/$1", "/(.*)", "localhost-8080", "/app/$1"),
        (".* ws://localhost:8080%{REQUEST_URI}", ".*", "localhost-8080", None),
    ],
)
def test_where_it_leads(
    translate: Translate, rule: str, match: str, balancer: str, target: str | None
) -> None:
    """To a balancer or a single server, with a group or the whole path."""
    found = _first(translate, f"{UPGRADE}RewriteRule {rule} [P,L]")
    assert (found["match"], found["balancer"], found.get("target")) == (match, balancer, target)


def test_its_counterpart(translate: Translate) -> None:
    """What is no handshake goes elsewhere."""
    found = _first(
        translate,
        "RewriteCond %{HTTP:Upgrade} !=websocket [NC]\nRewriteRule /(.*) http://localhost:8080/$1 [P]",
    )
    assert (found["requests"], found["balancer"]) == ("other", "localhost-8080")


def test_ws_and_http_are_one_server(translate: Translate) -> None:
    """The recipe's ws://localhost:8080 and the ProxyPass to http://localhost:8080 share their state."""
    text = f"RewriteEngine On\n{UPGRADE}RewriteRule /(.*) ws://localhost:8080/$1 [P]\nProxyPass / http://localhost:8080/\n"
    config = translate(text).config
    assert list(config.balancer) == ["localhost-8080"]
    assert [(one.path or one.match, one.balancer) for one in config.location] == [
        ("/(.*)", "localhost-8080"),
        ("/", "localhost-8080"),
    ]


def test_the_recipes_balancer_is_the_http_one(translate: Translate) -> None:
    """The same servers and routes: one balancer, and the report says what that means."""
    twin = (
        MEMBERS.replace("balancer://c", "balancer://ws")
        .replace("http:", "ws:")
        .replace(" upgrade=websocket", "")
    )
    text = f"{MEMBERS}{twin}RewriteEngine On\n{UPGRADE}RewriteRule ^/app(.*) balancer://ws$1 [P]\n{PASS}"
    imported = translate(text)
    assert list(imported.config.balancer) == ["c"]
    assert imported.config.location[0].balancer == "c"
    assert any("loses it for both" in one.words for one in imported.report.of(Verdict.IMPROVED))


def test_a_recipe_with_other_members(translate: Translate) -> None:
    """They stay apart."""
    twin = (
        MEMBERS.replace("balancer://c", "balancer://ws").replace("http:", "ws:").replace("route=2", "route=3")
    )
    text = f"{MEMBERS}{twin}RewriteEngine On\n{UPGRADE}RewriteRule ^/app(.*) balancer://ws$1 [P]\n{PASS}"
    assert sorted(translate(text).config.balancer) == ["c", "ws"]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("^/$ /app/ [R]", {"match": "^/$", "redirect": "/app/", "status": 302}),
        ("^/$ /app/ [R=301,L]", {"match": "^/$", "redirect": "/app/", "status": 301}),
        ("^/old/(.*)$ /app/$1 [R=permanent]", {"match": "^/old/(.*)$", "redirect": "/app/$1", "status": 301}),
        (
            "^ https://%{HTTP_HOST}%{REQUEST_URI} [R=301,L,NE]",
            {"match": "^", "redirect": "https://%{HTTP_HOST}%{REQUEST_URI}", "status": 301},
        ),
        (
            "(.*) https://%{SERVER_NAME}/x [R]",
            {"match": "(.*)", "redirect": "https://%{SERVER_NAME}/x", "status": 302},
        ),
        ("^/GONE - [G,NC]", {"match": "(?i:^/GONE)", "status": 410}),
        ("^/secret - [F]", {"match": "^/secret", "status": 403}),
        ("^/secret - [R=404]", {"match": "^/secret", "status": 404}),
        ("!^/app - [F]", {"match": "^(?!.*?(?:^/app))", "status": 403}),
    ],
)
def test_answers(translate: Translate, rule: str, expected: dict[str, Any]) -> None:
    """Redirects and refusals come before ProxyPass."""
    assert _first(translate, f"RewriteRule {rule}") == expected


def test_the_servers_own_name(translate: Translate) -> None:
    """The client's word for it, unless UseCanonicalName says otherwise."""
    rule = "RewriteRule ^/r https://%{SERVER_NAME}/x [R=301]"
    assert _first(translate, rule)["redirect"] == "https://%{SERVER_NAME}/x"
    assert _first(translate, f"UseCanonicalName On\n{rule}")["redirect"] == "https://dash.example.org/x"


def test_conditions_on_the_path(translate: Translate) -> None:
    """They become part of the expression."""
    rule = (
        "RewriteCond %{REQUEST_URI} !^/app/public\nRewriteCond %{REQUEST_URI} ^/app\nRewriteRule (.*) - [F]"
    )
    match = _first(translate, rule)["match"]
    assert match == "^(?=(?!.*?(?:^/app/public)))(?=/app)(?=.*?(?:(.*)))"


def test_conditions_on_the_host(translate: Translate) -> None:
    """One, or several as alternatives."""
    one = _first(
        translate,
        "RewriteCond %{HTTP_HOST} ^old\\.example\\.org$ [NC]\nRewriteRule ^ https://new.example.org/ [R]",
    )
    assert one["host"] == ["old.example.org"]
    two = _first(
        translate,
        "RewriteCond %{HTTP_HOST} =a.example.org [OR]\nRewriteCond %{HTTP_HOST} =b.example.org\nRewriteRule ^ https://c.example.org/ [R]",
    )
    assert two["host"] == ["a.example.org", "b.example.org"]


@pytest.mark.parametrize(
    "condition",
    ["%{HTTPS} off", "%{HTTPS} !on", "%{HTTPS} !=on", "%{SERVER_PORT} 10080", "%{SERVER_PORT} !443"],
)
def test_conditions_that_are_always_true(translate: Translate, condition: str) -> None:
    """Without TLS everything is off, and there is one port."""
    found = _first(
        translate, f"RewriteCond {condition}\nRewriteRule ^ https://%{{HTTP_HOST}}%{{REQUEST_URI}} [R]"
    )
    assert found["redirect"] == "https://%{HTTP_HOST}%{REQUEST_URI}"
    assert "listener" not in found


@pytest.mark.parametrize("condition", ["%{HTTPS} on", "%{HTTPS} !off", "%{SERVER_PORT} ^443$"])
def test_conditions_that_are_never_true(translate: Translate, condition: str) -> None:
    """The rule is left out."""
    found = _first(translate, f"RewriteCond {condition}\nRewriteRule ^ https://example.org/ [R]")
    assert found == {"path": "/app", "balancer": "c"}


def test_a_condition_that_is_true_on_one_of_two_listeners(translate: Translate) -> None:
    """The location is for that listener only."""
    config = translate(
        f"Listen 10081\nRewriteEngine On\nRewriteCond %{{SERVER_PORT}} 10081\nRewriteRule ^ - [F]\n{MEMBERS}{PASS}"
    ).config
    assert config.location[0].listener == ["http-10081"]
    assert config.location[1].listener == []


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (".* - [E=SITE:dash]", ["SetEnv SITE dash"]),
        ("^/app/x - [E=PART:x]", ["SetEnvIf Request_URI ^/app/x PART=x"]),
        (".* - [E=!SITE]", ["UnsetEnv SITE"]),
    ],
)
def test_variables(translate: Translate, rule: str, expected: list[str]) -> None:
    """Those that do not depend on the request."""
    assert _first(translate, f"RewriteRule {rule}")["environment"] == expected


@pytest.mark.parametrize(
    "rules",
    [
        "RewriteRule ^/old/(.*)$ /app/$1 [PT]",
        "RewriteRule ^/old/(.*)$ /app/$1",
        "RewriteCond %{HTTP:X-Forwarded-Proto} !https\nRewriteRule ^ https://example.org/ [R]",
        "RewriteCond %{REMOTE_ADDR} ^10\\.\nRewriteRule ^ - [F]",
        "RewriteCond %{REQUEST_METHOD} POST\nRewriteRule ^ - [F]",
        "RewriteCond %{HTTP_HOST} !^dash\nRewriteRule ^ https://dash.example.org/ [R]",
        "RewriteCond %{HTTP:Upgrade} websocket [OR]\nRewriteCond %{HTTP:Connection} upgrade\nRewriteRule /(.*) ws://h:1/$1 [P]",
        "RewriteRule ^/x/(.*) http://%{HTTP_HOST}/$1 [P]",
        "RewriteRule ^/x http://10.0.0.1/fixed [P]",
        "RewriteRule ^ https://%{ENV:X}/ [R]",
        "RewriteRule .* - [E=USER:%{REMOTE_USER}]",
        "RewriteRule ^/static - [L]\nRewriteRule ^ - [F]",
        "RewriteRule ^/([ - [F]",
    ],
)
def test_what_is_not_carried_over(problems: Problems, rules: str) -> None:
    """The start stops, with the line and what the rule wanted."""
    found = problems(f"RewriteEngine On\n{rules}\n{MEMBERS}{PASS}")
    assert len(found) == 1, found
    assert "RewriteRule: is not supported. panolb does not rewrite like this: " in found[0]
    assert problems(f"RewriteEngine On\n{rules}\n{MEMBERS}{PASS}", allowed={"RewriteRule"}) == []


@pytest.mark.parametrize("rules", ["", "RewriteEngine Off\n"])
def test_rules_that_are_off(translate: Translate, rules: str) -> None:
    """Whatever they say."""
    imported = translate(f"{rules}RewriteRule ^/old /app [PT]\n{MEMBERS}{PASS}")
    assert len(imported.config.location) == 1


def test_methods_that_nobody_needs(translate: Translate) -> None:
    """The hardening guides' rule against TRACE is not needed."""
    rule = "RewriteCond %{REQUEST_METHOD} ^(TRACE|TRACK)\nRewriteRule .* - [F]"
    assert _first(translate, rule) == {"path": "/app", "balancer": "c"}


def test_a_rule_that_stops_nothing(translate: Translate) -> None:
    """[L] at the end has no effect."""
    assert _first(translate, "RewriteRule ^/x - [L]") == {"path": "/app", "balancer": "c"}


def test_rules_of_the_main_server(translate: Translate) -> None:
    """They are not those of its virtual hosts."""
    text = f"RewriteEngine On\nRewriteRule ^ - [F]\n<VirtualHost *:10080>\n{MEMBERS}{PASS}</VirtualHost>\n"
    assert [one.path for one in translate(text).config.location] == ["/app"]


def test_rules_in_sections(problems: Problems) -> None:
    """Rules of a <Location> that is served are not carried over, those of files do not matter."""
    rules = "RewriteEngine On\nRewriteRule ^ - [F]\n"
    assert problems(f"<Directory /srv>\n{rules}</Directory>\n{MEMBERS}{PASS}") == []
    found = problems(f"<Location /app>\n{rules}</Location>\n{MEMBERS}{PASS}")
    assert [one.partition(":")[0] for one in found] == ["5"]
    assert problems(f"<Location /nowhere>\n{rules}</Location>\n{MEMBERS}{PASS}") == []


def test_the_order_of_rules(translate: Translate) -> None:
    """As they are written."""
    text = f"RewriteEngine On\nRewriteRule ^/b - [G]\nRewriteRule ^/a - [F]\n{MEMBERS}{PASS}"
    locations: list[Location] = translate(text).config.location
    assert [one.name for one in locations] == ["^/b", "^/a", "/app"]


RULE = "RewriteCond %{REMOTE_ADDR} ^127\nRewriteRule ^ - [F]\n"


@pytest.mark.parametrize(
    "text",
    [
        f"RewriteEngine On\n<Location /app/admin>\n{RULE}</Location>\n",
        f"<Location /app>\nRewriteEngine On\n</Location>\n<Location /app/admin>\n{RULE}</Location>\n",
        f"<LocationMatch ^/app/a>\nRewriteEngine On\n{RULE}</LocationMatch>\n",
        f"<Proxy balancer://c>\nRewriteEngine On\n{RULE}</Proxy>\n",
        f"RewriteEngine On\n<Proxy http://10.0.0.1:8080/app*>\n{RULE}</Proxy>\n",
        f"RewriteEngine On\n<VirtualHost *:10080>\n<Location /app>\n{RULE}</Location>\n{PASS}</VirtualHost>\n",
        f"RewriteEngine On\n<Location /app>\n{RULE}</Location>\n<VirtualHost *:10080>\n{PASS}</VirtualHost>\n",
    ],
)
def test_rules_in_sections_that_may_be_asked(problems: Problems, translate: Translate, text: str) -> None:
    """The engine may be on, wherever the switch stands: the start stops; nothing of them is told as run."""
    found = problems(MEMBERS + PASS + text)
    assert len(found) == 1, found
    assert "RewriteRule: is not supported. Rules in sections are not carried over" in found[0]
    entries = translate(MEMBERS + PASS + text, allowed={"RewriteRule"}).report.entries
    verdicts = {one.name: one.verdict for one in entries}
    assert verdicts["RewriteRule"] is verdicts["RewriteCond"] is Verdict.UNSUPPORTED


@pytest.mark.parametrize(
    "text",
    [
        f"<Location /app>\n{RULE}</Location>\n",
        f"RewriteEngine Off\n<Location /app>\n{RULE}</Location>\n",
        f"RewriteEngine On\n<Location /app>\nRewriteEngine Off\n{RULE}</Location>\n",
        f"RewriteEngine On\n<Location /nowhere>\n{RULE}</Location>\n",
        f"RewriteEngine On\n{RULE}<VirtualHost *:10080>\n{PASS}</VirtualHost>\n",
    ],
)
def test_rules_that_are_certainly_not_asked(translate: Translate, text: str) -> None:
    """They do not matter, and are not told as run."""
    entries = translate(MEMBERS + PASS + text).report.entries
    assert {one.verdict for one in entries if one.name == "RewriteRule"} == {Verdict.HARMLESS}


def test_rules_that_pass_files_on(problems: Problems) -> None:
    """In Apache the requests reach a member; here they would not."""
    rules = "RewriteEngine On\nRewriteRule ^(.*)$ http://10.0.0.1:8080/$1 [P,L]\n"
    found = problems(f"<Directory /srv>\n{rules}</Directory>\n{MEMBERS}{PASS}")
    assert len(found) == 1
    assert "Rules for directories are not carried over; write ProxyPass." in found[0]


def test_conditions_of_a_rule_that_is_not_carried_over(translate: Translate) -> None:
    """They are not told as run either."""
    imported = translate(f"RewriteEngine On\n{RULE}{MEMBERS}{PASS}", allowed={"RewriteRule"})
    verdicts = {one.name: one.verdict for one in imported.report.entries}
    assert verdicts["RewriteRule"] is verdicts["RewriteCond"] is Verdict.UNSUPPORTED
