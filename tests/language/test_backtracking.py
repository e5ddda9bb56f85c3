"""Regular expressions that could stop everything are refused, and those that are taken end in time."""

from __future__ import annotations

import json
import random
import subprocess
import sys

import pytest

from panolb.errors import LanguageError
from panolb.language.patterns import POWER, compile_pattern

FOR_EVER = [
    r"^/panopticon/([a-z]+/?)+\.php$",
    r"^(\w+\s?)*$",
    "(.*)*x",
    "(.+)+x",
    "(a|aa)+$",
    "(a*)*b",
    r"(?:\d{1,3})*x",
    "(a+){10}x",
    "(a?){30}b",
    "(?=(a+)+b)c",
    "(?!(a+)+b)c",
    "(a|b|ab)*c",
    "(.*,)*x",
    "^(([a-z])+.)+[A-Z]([a-z])+$",
    "^(a?a?)*b",
    r"(\.?[a-z]+)*$",
    "(?:(?:x?|y?)a)*b",
    "(?:(?:x|)*a)*b",
    "(?i)(a|Ab|B)+c",
]
TOO_LONG = [r"^(.*)(\d+)(.*)x", "a+.*b.*[0-9]+c.*d", "(?:x|a.*b.*c)d.*e"]
TAKEN = [
    "^(/[a-z]+)*$",
    r"([a-z0-9-]+\.)*example\.com",
    "(?:foo|bar)+x",
    "(a+b)*c",
    "(.*)*",
    "([a-z]+/?)+",
    r"(\w|\d)*x",
    "(x?|y?)*z",
    r"^(?:\d{1,3}\.){3}\d{1,3}$",
    r"(?:[a-z]++/?)+\.php",
    r"(?:(?>[a-z]+)/?)+\.php",
    "^/(.*)/(.*)$",
    r"^/(.*)/(.*)/(.*)/(.*)\.html$",
    r"^/(.*)/(.*)/(.*)/(.*)\.html\Z",
    ".*foo.*bar.*",
    "Mozilla/4.*MSIE.*Windows.*SV1",
    "Mozilla.*(MSIE|Trident).*Windows",
    "^(?=.*?(?:foo))(?!.*?(?:bar))/x/(.*)$",
    r"^(?=.*?(?:^/a/(.*)/(.*)\.php$))/x/.*y",
    "(?:(?!-->).)*x",
    "(?:%[0-9a-f]{2})*z",
    "([0-9a-f]{32}-?)*z",
    r"\s+$",
    r"^/([^/]+)/([^/]+)/([^/]+)\.x",
    r"(^|,)\s*a",
    r'"[^"\\]*(?:\\.[^"\\]*)*"',
    "^([a-z]{2}|[a-z]{3})(-[a-z]{2})?/(.*)$",
    "(<|%3C).*script.*(>|%3E)",
    "(x|union(.*)select|select(.*)from(.*)where)",
    r"base64_(en|de)code.*\(.*\)",
    "^(?:" + "|".join(f"/word{number}" for number in range(400)) + ")(/|$)",
]


@pytest.mark.parametrize("pattern", FOR_EVER)
def test_what_can_take_for_ever_is_refused(pattern: str) -> None:
    """A repeat within a repeat, when one text can be split in several ways and something can fail behind it."""
    with pytest.raises(LanguageError, match="can take for ever on a long text"):
        compile_pattern(pattern)


@pytest.mark.parametrize("pattern", TOO_LONG)
def test_what_can_take_minutes_is_refused(pattern: str) -> None:
    """More than two repeats one behind the other that take the same text."""
    with pytest.raises(LanguageError, match="can take minutes on a long text"):
        compile_pattern(pattern)


def test_what_is_too_long_to_judge_is_refused() -> None:
    """The judgement itself must end, too."""
    with pytest.raises(LanguageError, match="too long to say"):
        compile_pattern("(?:" + "|".join(f"a{number}x*" for number in range(3000)) + ")*b")


_MATCHER = """
import json, re, sys
for pattern, flags, texts in json.load(sys.stdin):
    for text in texts:
        re.search(pattern.encode("latin-1"), text.encode("latin-1"), flags)
    print(pattern, flush=True)
"""


def _search(patterns: list[str], hostile: list[str]) -> None:
    """Search in another process, which can be ended."""
    compiled = [compile_pattern(pattern) for pattern in patterns]
    work = json.dumps([(one.pattern.decode("latin-1"), one.flags, hostile) for one in compiled])
    try:
        subprocess.run([sys.executable, "-c", _MATCHER], input=work, text=True, check=True, timeout=100)
    except subprocess.TimeoutExpired as error:
        done = (error.stdout or b"").decode().splitlines()
        pytest.fail(f"does not end: {patterns[len(done)]}")


def test_what_is_taken_ends() -> None:
    """Texts of a kilobyte, with which a cubic time would be minutes and a doubling one for ever."""
    made = ("a", "/", "a/", "ab", "x", " ", "a ", "1", "foo", "MSIE", "a,", "%aa", "\\.", "fooab", "-", "a\n")
    _search(TAKEN, [start + one * 300 + end for one in made for start in ("", "/x/") for end in ("", "!")])


def test_whatever_is_taken_ends() -> None:
    """Expressions by chance; half of them and more are refused."""
    chance = random.Random(5)

    def part(depth: int) -> str:
        if depth == 0 or chance.random() < 0.3:
            return chance.choice(["a", "b", "[ab]", ".", "ab", "[^b]", "^", r"\b", "c"])
        inner = part(depth - 1)
        return chance.choice(
            [
                lambda: inner + part(depth - 1),
                lambda: f"(?:{inner}|{part(depth - 1)})",
                lambda: (
                    f"({inner})" + chance.choice(["*", "+", "?", "*?", "{2}", "{1,6}", "{2,}", "{7}", "*+"])
                ),
                lambda: f"(?={inner})",
                lambda: f"(?>{inner})",
            ]
        )()

    taken = []
    for _ in range(6000):
        pattern = part(5) + part(4) + chance.choice(["", "$", "!", "c"])
        try:
            compile_pattern(pattern)
        except LanguageError:
            continue
        if sum(map(pattern.count, "*+{")) > 1:
            taken.append(pattern)
    assert len(taken) > 500
    _search(
        taken, [one * 64 + end for one in ("a", "b", "ab", "aab", "c", "abc") for end in ("", "!", "\n?")]
    )


def test_the_limit_is_quadratic() -> None:
    """A path of 8 KiB takes a second or two then; the next power takes a quarter of an hour."""
    assert POWER == 2
