"""How numbers, times and tables look; what a terminal never gets to see."""

from __future__ import annotations

import click
import pytest

from panolb.cli.showing import count, harmless, lasted, table


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (0.4, "0 s"),
        (59.6, "1 min 0 s"),
        (37, "37 s"),
        (125, "2 min 5 s"),
        (3600, "1 h 0 min"),
        (3600 * 24 * 3 + 3600 * 4 + 59, "3 d 4 h"),
    ],
)
def test_time_spans(seconds: float, words: str) -> None:
    """In their two largest units."""
    assert lasted(seconds) == words


def test_numbers_have_units() -> None:
    """One thing, several things, and thousands of them."""
    assert [count(number, "user") for number in (0, 1, 1234)] == ["0 users", "1 user", "1,234 users"]


def test_columns_are_aligned() -> None:
    """Numbers to the right, words to the left; colours take no room."""
    lines = table(
        ("NAME", "N", "STATE"),
        [["a", "1", click.style("up", fg="green")], ["long name", "100", "down"]],
        right="lrl",
    )
    assert [click.unstyle(line) for line in lines] == [
        "NAME         N  STATE",
        "a            1  up",
        "long name  100  down",
    ]


def test_terminals_are_not_commanded() -> None:
    """A path with escape sequences in it is text; our own colours stay."""
    assert harmless("/a\x1b[2Jb\x1b]0;title\x07\r\x9bc") == "/a?[2Jb?]0;title???c"
    assert harmless(click.style("up", fg="green")) == click.style("up", fg="green")
