"""Regular expressions of Perl's kind in Python's words."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panolb.errors import LanguageError
from panolb.language.patterns import Substitution, compile_pattern, groups_of
from tests.language.given import looking_like


@pytest.mark.parametrize(
    ("pattern", "value", "found"),
    [
        ("^a.c$", b"abc", b"abc"),
        ("a$", b"a\n", None),
        (r"a\Z", b"a\n", b"a"),
        (r"a\z", b"a\n", None),
        ("a.b", b"a\nb", b"a\nb"),
        ("[[:alpha:]]+", b"12ab3", b"ab"),
        ("[^[:digit:][:space:]]+", b"1 x-2", b"x-"),
        ("[]a]+", b"x]a]", b"]a]"),
        ("[[a]+", b"x[a", b"[a"),
        ("[a&&b]+", b"&b", b"&b"),
        (r"\Qa.b\E+", b"a.bb", b"a.bb"),
        (r"\x{41}\x42", b"AB", b"AB"),
        (r"a\hb", b"a\tb", b"a\tb"),
        ("(?<year>[0-9]{4})(?<!x)(?<=4)", b"2024", b"2024"),
        ("(?i)ABC", b"abc", b"abc"),
        ("[$]", b"$", b"$"),
        (r"\$", b"$", b"$"),
        ("ü", "grün".encode(), "ü".encode()),
    ],
)
def test_patterns_match_what_they_match_in_apache(pattern: str, value: bytes, found: bytes | None) -> None:
    """Among them what Python spells differently."""
    match = compile_pattern(pattern).search(value)
    assert (None if match is None else match[0]) == found


def test_flags() -> None:
    """Those of ``/pattern/im``."""
    assert compile_pattern("A", ignore_case=True).search(b"a")
    assert compile_pattern("a$", multiline=True).search(b"a\nb")


@pytest.mark.parametrize(
    "pattern", ["(", "[", "a{99999999999}", "*", "(?P<a>.)(?P<a>.)", "[[:nope:]]", "(" * 5000 + ")" * 5000]
)
def test_what_is_none_is_an_error_that_names_it(pattern: str) -> None:
    """Whatever Python's own complaint was."""
    with pytest.raises(LanguageError, match="is not a regular expression"):
        compile_pattern(pattern)


@given(
    looking_like(
        "[", "]", "[:alpha:]", "(", ")", "(?<a>", "\\", "\\Q", "\\E", "{2}", "*", "+", "$", "^", "|", "-"
    )
)
def test_any_text_is_a_pattern_or_an_error(pattern: str) -> None:
    """Nothing else comes out of it."""
    try:
        compile_pattern(pattern)
    except LanguageError:
        pass


@pytest.mark.parametrize(
    ("text", "made"),
    [
        (b"$1-$2", b"a-b"),
        (b"<$0>", b"<ab>"),
        (rb"\$1 \\ \x", b"$1 \\ x"),
        (b"$3$9", b""),
        (b"$ & $x", b"$ & $x"),
        (b"", b""),
        (b"\\", b"\\"),
    ],
)
def test_substitutions_are_filled_as_in_apache(text: bytes, made: bytes) -> None:
    """Groups by number; a backslash makes the next character an ordinary one, and ``&`` is one."""
    match = re.match(b"(a)(b)(c)?", b"ab")
    assert match is not None
    assert Substitution(text).fill(groups_of(match)) == made


@given(st.binary().filter(lambda text: not set(text) & set(b"$\\")))
def test_plain_substitutions_are_themselves(text: bytes) -> None:
    """Only two characters mean something."""
    assert Substitution(text).fill((b"x",)) == text
