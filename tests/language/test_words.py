"""Words of a line of httpd.conf."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panolb.language.words import join_words, neutral, split_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", []),
        ("  \t ", []),
        ("set X-A b", ["set", "X-A", "b"]),
        ('set X-A "b c"', ["set", "X-A", "b c"]),
        ("set X-A 'b \"c'", ["set", "X-A", 'b "c']),
        (r'"say \"hi\" \\ \n"', [r'say "hi" \ \n']),
        (r"'it\'s \"so\"'", [r"it's \"so\""]),
        (r"a\\b \n", ["a\\b", r"\n"]),
        ('"a"b', ["a", "b"]),
        ('a"b c"', ['a"b', 'c"']),
        ('""', [""]),
        ('"without an end', ["without an end"]),
        ("'", [""]),
        ('"a\\', ["a\\"]),
    ],
)
def test_words_are_split_as_apache_does(text: str, words: list[str]) -> None:
    """Either kind of quote; a backslash matters before the quote and before a backslash."""
    assert split_words(text) == words


@given(st.lists(st.text()))
def test_joined_words_are_split_into_the_same(words: list[str]) -> None:
    """Whatever a word has in it, it can be written."""
    assert split_words(join_words(words)) == words


@given(st.binary())
def test_neutral_values_fit_into_a_line(value: bytes) -> None:
    """What could end a line is a blank, and the rest as it was."""
    found = neutral(value)
    assert len(found) == len(value)
    assert not set(found) & {0, 10, 13}
    assert all(old == new for old, new in zip(value, found, strict=True) if old >= 32 and old != 127)
