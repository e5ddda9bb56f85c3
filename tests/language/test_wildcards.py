"""Wildcards one behind the other, with looks ahead between them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panolb.language.wildcards import quickened

_WILD = st.sampled_from([".*", ".+", ".*?", "(.*)", "(.+?)", "(?P<a>.*)"])
_PIECE = st.sampled_from(
    [
        "",
        "a",
        "b",
        "ab",
        "(a|b)",
        "[ab]c",
        "(?:ab|c)",
        "b(a)b",
        r"\b",
        "^",
        r"\Z",
        "a?",
        "(a)?b",
        "(abc|b)",
        "[(].",
        r"\.",
    ]
)
_TAIL = st.one_of(_PIECE, st.sampled_from(["a+", "[ab]*c", "(a.*b)", "(ab|b+)*", r"(?=\n?\Z)", r"a\Z"]))


@st.composite
def _patterns(draw: st.DrawFn) -> bytes:
    links = draw(st.lists(st.tuples(_WILD, _PIECE), min_size=1, max_size=4))
    text = draw(st.sampled_from(["", "^", "a", "(a|B)", "^a+", "(b.*)?"]))
    text += "".join(wild + piece for wild, piece in links)
    text += draw(_WILD) + draw(_TAIL)
    for number in range(5):
        text = text.replace("(?P<a>", f"(?P<b{number}>", 1)
    shape = draw(st.sampled_from(["{}", "{}", "({})", "{}|(b+)", "((a)|{}|.*c.*b)", "(?:.+c|{})"]))
    return (draw(st.sampled_from(["", "(?i)"])) + shape.format(text)).encode()


@given(_patterns(), st.lists(st.text("abcAB.\n(", max_size=9).map(str.encode), min_size=5, max_size=20))
def test_what_matches_stays_the_same(pattern: bytes, texts: list[bytes]) -> None:
    """Where it begins and ends, and each of its groups."""
    made, _ = quickened(pattern, re.DOTALL)
    plain, quick = re.compile(pattern, re.DOTALL), re.compile(made, re.DOTALL)
    assert plain.groupindex == quick.groupindex
    for text in texts:
        found, found_quickly = plain.search(text), quick.search(text)
        assert (found and found.regs) == (found_quickly and found_quickly.regs), text


@pytest.mark.parametrize(
    "pattern",
    [
        b"a.*b",  # one alone
        rb"(a).*\1.*",  # what is looked for depends on a group
        b".*(?:abc|b).*c",  # abc begins first, and b ends first
        b".*a*b.*c",
        b".*(?=a).*c",
        b".*a.*+c",
        b"(?i:a).*a.*b",
    ],
)
def test_what_could_change_its_meaning_is_left_alone(pattern: bytes) -> None:
    """So that `re` runs it as it is."""
    assert quickened(pattern, re.DOTALL)[0] == pattern


@pytest.mark.parametrize(
    "pattern",
    [
        b"^a.*b.*c.*d",
        b"a.*b.*c.*d",
        rb".*(?:MSIE|Trident).*x.*\Z",
        b"(union(.*)select|select(.*)from(.*)where)",
        b"(?i)(?:x|.*bot.*crawl.*y)",
        rb"^/(.*)/(.*)/(.*)\.html(?=\n?\Z)",
    ],
)
def test_the_time_becomes_quadratic(pattern: bytes) -> None:
    """Also in alternatives, and with pieces of several lengths of which none lies within another."""
    made, power = quickened(pattern, re.DOTALL)
    assert made != pattern
    assert power <= 2


def test_pieces_within_each_other_are_left_alone() -> None:
    """Here the first that begins is not the first that ends."""
    pattern = b"(?i)a.*(?:MSIE|aMsieb).*x"
    assert quickened(pattern, re.DOTALL)[0] == pattern
