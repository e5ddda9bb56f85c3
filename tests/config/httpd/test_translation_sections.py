"""Sections that hold for the same requests: all of them apply, in Apache's order, to just those requests."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from panolb.config import Config, Known
from panolb.config.httpd.imported import Imported
from panolb.config.httpd.loading import load
from panolb.config.model import Location
from panolb.language.patterns import compile_pattern
from tests.harness.httpdconf import HEAD, MEMBERS, PASS

Translate = Callable[..., Imported]
Problems = Callable[..., list[str]]

SECTIONS = [
    "Location /app",
    "Location /app/a",
    "Location /app/a/b",
    "Location /app/c",
    "LocationMatch ^/app/a",
    "LocationMatch ^/app/a/?$",
    "LocationMatch ^/app/c|b$",
    r"LocationMatch \.html$",
    "LocationMatch (?i)/A/",
    "LocationMatch (b|c)$",
    r"LocationMatch ([a-z])\1",
    "Location /app/*/b",
]
PASSES = [
    PASS,
    "ProxyPass / balancer://c/\n",
    "ProxyPassMatch ^/app(/.*)?$ balancer://c/x$1\n",
    "ProxyPassMatch ^/(app)/(a|c)(.*)$ balancer://c/$1/$2$3\n",
]
PATHS = [
    "/app/a",
    "/app/a/",
    "/app/a/b",
    "/app/a/b/x.html",
    "/app/c",
    "/app/c.html",
    "/app/ab",
    "/app/A/b",
    "/app/cc",
    "/app/a\n/c",
]


def _lies_in(path: str, section: str) -> bool:
    """Apache's location walk."""
    kind, _, argument = section.partition(" ")
    if kind == "LocationMatch":
        return compile_pattern(argument).search(path.encode()) is not None
    if "*" in argument:
        return re.match(re.escape(argument).replace(r"\*", "[^/]*") + r"(?:/|\Z)", path) is not None
    return path == argument or path.startswith(argument + "/")


def _first(config: Config, path: str) -> tuple[Location, str] | None:
    """The location of a path, and where it leads."""
    for one in config.location:
        if one.path is not None:
            if path == one.path or path.startswith(one.path.rstrip("/") + "/"):
                return one, (one.target or "") + path[len(one.path.rstrip("/")) :]
        else:
            assert one.match is not None
            match = compile_pattern(one.match).search(path.encode())
            if match is not None:
                groups = [match[0], *match.groups(b"")]
                parts = re.split(r"\$(\d)", one.target or "")
                parts[1::2] = [groups[int(number)].decode() for number in parts[1::2]]
                return one, "".join(parts)
    return None


@given(st.lists(st.sampled_from(SECTIONS), max_size=4, unique=True), st.sampled_from(PASSES))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_all_that_match_apply(tmp_path: Path, methods: Known, sections: list[str], passed: str) -> None:
    """For every path the rules of just those sections that it lies in; and the same target as without them."""
    lines = [
        f'<{name.replace(" ", " " + chr(34))}">\nRequestHeader set X-{number} yes\n</{name.partition(" ")[0]}>'
        for number, name in enumerate(sections)
    ]
    path = tmp_path / "httpd.conf"
    path.write_text(HEAD + MEMBERS + passed)
    without = load(path, methods).config
    path.write_text(HEAD + MEMBERS + passed + "\n".join(lines) + "\n")
    config = load(path, methods).config
    for asked in PATHS:
        plain, found = _first(without, asked), _first(config, asked)
        assert (plain is None) == (found is None)
        if plain is not None and found is not None:
            assert found[1] == plain[1], asked
            expected = [
                f"set X-{number} yes" for number, name in enumerate(sections) if _lies_in(asked, name)
            ]
            assert found[0].request_headers == expected, asked


def test_two_expressions_for_one_request(translate: Translate) -> None:
    """A section that is about caching does not switch off one that takes a forged field away."""
    text = (
        '<LocationMatch "^/app/api">\nRequestHeader unset X-User\n</LocationMatch>\n'
        '<LocationMatch "\\.html$">\nRequestHeader set X-Html 1\n</LocationMatch>\n'
    )
    found = _first(translate(MEMBERS + PASS + text).config, "/app/api/x.html")
    assert found is not None
    assert found[0].request_headers == ["unset X-User", "set X-Html 1"]


@pytest.mark.parametrize("url", ["balancer://c/admin", "balancer://c/a*", "balancer://*/admin"])
def test_a_section_for_a_part_of_a_member(problems: Problems, url: str) -> None:
    """What holds for some of the paths of a member only is not left out without a word."""
    section = f"<Proxy {url}>\nRequestHeader unset X-User\n</Proxy>\n"
    found = problems(MEMBERS + PASS + section)
    assert len(found) == 1, found
    assert "<Proxy>: is not supported. It may be for a part of what goes there" in found[0]
    for other in ("balancer://other/x", "balancer://cc", "http://c/admin"):
        assert problems(MEMBERS + PASS + section.replace(url, other)) == []


def test_too_many(problems: Problems) -> None:
    """Combinations of which there would be too many stop the start."""
    text = "".join(
        f'<LocationMatch "{letter}">\nHeader set X-{letter} 1\n</LocationMatch>\n'
        for letter in "abcdefghijklmnop"
    )
    found = problems(MEMBERS + PASS + text)
    assert len(found) == 1, found
    assert "makes more than 32 combinations" in found[0]
    assert problems(MEMBERS + PASS + text, allowed={"LocationMatch"}) == []


def test_many_that_exclude_each_other(translate: Translate) -> None:
    """Sections for different paths are no combinations."""
    text = "".join(
        f'<LocationMatch "^/app/{letter}/">\nHeader set X-{letter} 1\n</LocationMatch>\n'
        for letter in "abcdefghijklmnopqrstuvwxyz"
    )
    assert len(translate(MEMBERS + PASS + text).config.location) == 27


@pytest.mark.parametrize(
    ("pattern", "path", "section"),
    [
        ("^/ap?$", "/a", "Location /a"),
        (r"^/a\(x|y\)$", "/y)", "Location /y)"),
        ("^/a[(]x|y[)]$", "/y)", "Location /y)"),
    ],
)
def test_expressions_that_look_like_paths(
    translate: Translate, pattern: str, path: str, section: str
) -> None:
    """What an expression begins with is not guessed: the section's rules hold wherever they may."""
    text = f'ProxyPassMatch "{pattern}" balancer://c\n<{section}>\nRequestHeader unset X-User\n</Location>\n'
    location = _first(translate(MEMBERS + text).config, path)
    assert location is not None
    assert location[0].request_headers == ["unset X-User"]


def test_groups(translate: Translate, problems: Problems) -> None:
    """Those of sections do not count, unless the section's expression refers to them; there are names for nine."""
    passed = "ProxyPassMatch ^/(a)(b)(c)(d)(e)(f)(g)(h)(.*) balancer://c/$9\n"
    section = '<LocationMatch "(x){0}">\nHeader set X-X 1\n</LocationMatch>\n'
    first = translate(MEMBERS + passed + section.format("y[(]")).config.location[0]
    assert first.target == "/$9"
    found = problems(MEMBERS + passed + section.format("\\1"))
    assert len(found) == 1, found
    assert "more than nine groups" in found[0]


def test_flags_of_an_expression(translate: Translate) -> None:
    """(?i) is about its own expression, wherever that comes to stand."""
    text = '<LocationMatch "(?i)^/app/ADMIN">\nRequestHeader unset X-User\n</LocationMatch>\n'
    config = translate(MEMBERS + PASS + text).config
    rules = [_first(config, path) for path in ("/app/admin", "/APP/admin")]
    assert [None if one is None else one[0].request_headers for one in rules] == [["unset X-User"], None]


@pytest.mark.parametrize(
    "line",
    [
        '<LocationMatch "{0}">\n</LocationMatch>',
        'ProxyPassMatch "{0}" balancer://c',
        'RedirectMatch "{0}" /x',
        'RewriteEngine On\nRewriteRule "{0}" - [F]',
    ],
)
@pytest.mark.parametrize(
    "pattern", ["(", "(" * 2000 + "a" + ")" * 2000, "a{99999999999}"], ids=["open", "deep", "often"]
)
def test_expressions_that_cannot_be_read(problems: Problems, line: str, pattern: str) -> None:
    """Said, with the line; also when it is Python that gives up."""
    found = problems(MEMBERS + PASS + line.format(pattern) + "\n")
    assert len(found) == 1
    assert "is no regular expression that panolb understands" in found[0]
