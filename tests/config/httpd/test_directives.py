"""The tables are complete, and judge arguments where the name alone says too little."""

from __future__ import annotations

import re

import pytest

from panolb.config.httpd import arguments
from panolb.config.httpd.directives import DIRECTIVES, MODULES, SECTIONS, STATIC, module_named, module_names
from panolb.config.httpd.known import Known, Verdict

ALL = [*DIRECTIVES.values(), *SECTIONS.values()]


def test_names_are_unique() -> None:
    """No directive stands in two tables."""
    names = [one.name.lower() for module in MODULES for one in module.known()]
    assert len(names) == len(set(names)) == len(ALL)
    assert len(names) > 800


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.name)
def test_every_row_is_whole(one: Known) -> None:
    """Each has words that are a sentence, arguments that can be, and patterns that can be read."""
    assert one.words.endswith(".")
    assert one.words[0].isupper() or one.words.startswith("panolb")
    assert one.most is None or 0 <= one.least <= one.most
    assert one.module in module_names()
    assert one.verdict is Verdict.UNSUPPORTED or not one.stops
    for pattern in (one.same, one.mild):
        re.compile(pattern or "")


def test_modules() -> None:
    """Every module has a source file for <IfModule>; those of every build are known."""
    assert module_names() >= STATIC
    assert module_named("mod_proxy.c") == "proxy_module"
    assert module_named("proxy_module") == "proxy_module"
    assert module_named("mod_nobody.c") == "mod_nobody.c"


@pytest.mark.parametrize(
    ("line", "verdict", "stops"),
    [
        ("Require all granted", Verdict.HARMLESS, False),
        ("Require ALL Granted", Verdict.HARMLESS, False),
        ("Require all denied", Verdict.UNSUPPORTED, True),
        ("Require ip 10.0.0.0/8", Verdict.UNSUPPORTED, True),
        ("Allow from all", Verdict.HARMLESS, False),
        ("Allow from 10.0.0.1", Verdict.UNSUPPORTED, True),
        ("Deny from all", Verdict.UNSUPPORTED, True),
        ("Order deny,allow", Verdict.HARMLESS, False),
        ("Order allow,deny", Verdict.UNSUPPORTED, True),
        ("ProxyRequests Off", Verdict.HARMLESS, False),
        ("ProxyRequests On", Verdict.UNSUPPORTED, True),
        ("SSLVerifyClient none", Verdict.HARMLESS, False),
        ("SSLVerifyClient require", Verdict.UNSUPPORTED, True),
        ("SecRuleEngine Off", Verdict.HARMLESS, False),
        ("SecRuleEngine On", Verdict.UNSUPPORTED, True),
        ("AddOutputFilterByType DEFLATE text/html", Verdict.UNSUPPORTED, False),
        ("AddOutputFilterByType SUBSTITUTE text/html", Verdict.UNSUPPORTED, True),
        ("AddOutputFilterByType DEFLATE;SUBSTITUTE text/html", Verdict.UNSUPPORTED, True),
        ("SetOutputFilter DEFLATE", Verdict.UNSUPPORTED, False),
        ("SetOutputFilter INFLATE;proxy-html;DEFLATE", Verdict.UNSUPPORTED, True),
        ("SetHandler server-status", Verdict.UNSUPPORTED, False),
        ("SetHandler proxy:http://elsewhere", Verdict.UNSUPPORTED, True),
        ("AuthType None", Verdict.HARMLESS, False),
        ("AuthType Basic", Verdict.UNSUPPORTED, True),
        ("MaxRequestWorkers 400", Verdict.HARMLESS, False),
        ("ProxyPass / http://a/", Verdict.RUN, False),
    ],
)
def test_arguments_decide(line: str, verdict: Verdict, stops: bool) -> None:
    """What lets everybody in, or is off, stops nothing."""
    name, *args = line.split()
    found, words, stopped = DIRECTIVES[name.lower()].verdict_for(tuple(args))
    assert (found, stopped) == (verdict, stops)
    assert words.endswith(".")


@pytest.mark.parametrize(
    ("line", "right"),
    [
        ("Listen 80", True),
        ("Listen", False),
        ("KeepAlive On", True),
        ("KeepAlive maybe", False),
        ("ServerName a b", False),
        ("ServerAlias a b c d", True),
        ("AuthnCacheEnable", True),
        ("AuthnCacheEnable x", False),
        ("Header set A b", True),
        ("Header set A", False),
        ("Header set A b env=c", True),
        ("Header set A b early", True),
        ("Header set A b c", False),
        ("Header always unset A", True),
        ("Header always unset A env=!b", True),
        ("Header always unset A b", False),
        ("Header edit Set-Cookie a b", True),
        ("Header edit* Set-Cookie a b expr=true", True),
        ("Header edit Set-Cookie a b c", False),
        ("Header edit Set-Cookie a", False),
        ("RequestHeader unset A", True),
        ("RequestHeader unset A b", False),
        ("Header unset", False),
    ],
)
def test_how_many_arguments(line: str, right: bool) -> None:
    """Each directive takes what Apache gives it; with mod_headers that depends on the action."""
    name, *args = line.split()
    assert (arguments.wrong(DIRECTIVES[name.lower()], args) is None) is right


@pytest.mark.parametrize(
    ("written", "stops"),
    [
        ("+ICASE", True),
        ("none", True),
        ("DOTALL", True),
        ("-DOTALL", True),
        ("+DOTALL +DOLLAR_ENDONLY", False),
        ("+DOTALL -ICASE", False),
    ],
)
def test_options_of_expressions(written: str, stops: bool) -> None:
    """Those that Apache has by itself are panolb's."""
    known = DIRECTIVES["regexdefaultoptions"]
    assert known.verdict_for(tuple(written.split()))[2] is stops
