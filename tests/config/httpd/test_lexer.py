"""Files become logical lines, and lines words, as Apache's own reader makes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panolb.config.httpd.lexer import LONGEST, Line, decode, logical_lines, refusal, words


def lines(text: str) -> list[tuple[int, str]]:
    """Logical lines with their numbers."""
    return [(line.number, line.text) for line in logical_lines(text)]


def texts(text: str, *, braces: bool = False) -> list[str]:
    """The meaning of the words of a line."""
    return [word.text for word in words(text, braces=braces)]


def test_lines_keep_their_numbers() -> None:
    """Comments and empty lines are gone; the others still know where they stood."""
    assert lines("# first\n\n  Listen 80  \n\t# third\nTimeout 5") == [(3, "Listen 80"), (5, "Timeout 5")]


def test_a_backslash_at_the_end_joins_lines() -> None:
    """A logical line has the number of its first line, and the next one is counted right."""
    text = "ProxyPass /a \\\n  http://b \\\n  retry=1\nTimeout 5\n"
    assert lines(text) == [(1, "ProxyPass /a   http://b   retry=1"), (4, "Timeout 5")]


def test_a_joined_comment_is_a_comment_to_its_end() -> None:
    """What follows a comment that ends in a backslash belongs to it."""
    assert lines("# off: \\\nListen 80\nListen 81") == [(3, "Listen 81")]


@pytest.mark.parametrize("text", ["Listen 80\\", "Listen \\\n80\\\n", "Listen\\\n 80"])
def test_a_backslash_at_the_very_end(text: str) -> None:
    """The end of the file ends the line too."""
    assert lines(text)[0][1].split() == ["Listen", "80"]


def test_a_backslash_before_blanks_joins_nothing() -> None:
    """It has to be the last character."""
    assert lines("Define a \\ \nDefine b") == [(1, "Define a \\"), (2, "Define b")]


def test_files_of_windows() -> None:
    """Carriage returns and a byte order mark leave no trace."""
    assert lines(decode(b"\xef\xbb\xbfListen 80\r\nProxyPass / \\\r\n http://b\r\n")) == [
        (1, "Listen 80"),
        (2, "ProxyPass /  http://b"),
    ]


def test_old_files_are_latin_1() -> None:
    """A comment with an umlaut of the last century is no mistake."""
    assert lines(decode(b"# f\xfcr alle\nServerAdmin m\xfcller")) == [(2, "ServerAdmin müller")]
    assert decode("müller".encode()) == "müller"


@pytest.mark.parametrize("text", ["a\0b", "a\x1bb", "a\x7f", "a\x85b", "x" * (LONGEST + 1)])
def test_what_no_line_may_have(text: str) -> None:
    """Control characters and endless lines are refused with a reason."""
    assert refusal(text)


def test_what_a_line_may_have() -> None:
    """Blanks of all kinds and letters of all languages are fine."""
    assert refusal("a\tb ü 漢 \f") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a b", ["a", "b"]),
        ("  a\t b ", ["a", "b"]),
        ('"a b" c', ["a b", "c"]),
        ("'a b' c", ["a b", "c"]),
        (r'"a \"b\" \\ \d"', [r'a "b" \ \d']),
        (r"'it\'s \"'", [r"it's \""]),
        (r"a\\b\c", [r"a\b\c"]),
        ('a"b c"', ['a"b', 'c"']),
        ('"a"b', ["a", "b"]),
        ('"" x', ["", "x"]),
        ('"never closed', ["never closed"]),
        ('"ends so \\', ["ends so \\"]),
        ("", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    """Quotes join and vanish, a backslash makes a quote ordinary; in the middle of a word both are ordinary."""
    assert texts(text) == expected


def test_words_in_braces() -> None:
    """Where it is asked for, braces quote too, and may stand in each other."""
    assert texts("ok {%{STATUS} =~ /^[23]/} x", braces=True) == ["ok", "%{STATUS} =~ /^[23]/", "x"]
    assert texts("ok {a b", braces=True) == ["ok", "a b"]
    assert texts("ok {a b}") == ["ok", "{a", "b}"]


@given(st.text(alphabet="ab \t\\\"'{}", max_size=40))
def test_words_stand_where_they_say(text: str) -> None:
    """Words follow each other, and nothing but blanks stands between them."""
    at = 0
    for word in words(text):
        assert not text[at : word.start].strip()
        assert word.start < word.end <= len(text)
        at = word.end
    assert not text[at:].strip()


@given(st.lists(st.text(alphabet="ab \\\"'", max_size=6), max_size=5))
def test_quoting_and_reading_are_inverse(parts: list[str]) -> None:
    """Whatever is put in quotes properly comes out again."""
    quoted = " ".join('"' + part.replace("\\", "\\\\").replace('"', '\\"') + '"' for part in parts)
    assert texts(quoted) == parts


@given(st.binary(max_size=200))
def test_any_bytes_are_lines(data: bytes) -> None:
    """Every file has lines, numbered upwards within the file, none of them empty or a comment."""
    text = decode(data)
    found: list[Line] = list(logical_lines(text))
    assert [line.number for line in found] == sorted({line.number for line in found})
    for line in found:
        assert line.text
        assert not line.text.startswith("#")
        assert 1 <= line.number <= text.count("\n") + 1
