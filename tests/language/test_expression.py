"""Apache's expressions: what holds, what a text becomes, and what is refused in which words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panolb.errors import LanguageError
from panolb.language import expression
from tests.language.given import NASTY, Given, looking_like

FACTS = Given(
    env={b"TEAM": b"blue"},
    request={b"host": b"Panopticon.example.org:8080", b"x-api": b"v2", b"user-agent": b"curl/8"},
    response={b"content-type": b"text/html", b"x-health": b"UP 17"},
    body=b"status: UP\nload: 3",
    REQUEST_STATUS=b"302",
    REQUEST_METHOD=b"GET",
    REQUEST_URI=b"/app/x y",
    REMOTE_ADDR=b"10.1.2.3",
    CONN_REMOTE_ADDR=b"10.1.2.3",
    HTTPS=b"off",
)
HOLDS = [
    "true",
    "!false",
    "not false",
    "! ! true",
    "%{REQUEST_STATUS} == '302'",
    "%{REQUEST_STATUS} = 302",
    "%{REQUEST_STATUS} != 200",
    "%{REQUEST_STATUS} -ge 200 && %{REQUEST_STATUS} -lt 400",
    "%{REQUEST_STATUS} ge 200 and %{REQUEST_STATUS} lt 400",
    "false || %{REQUEST_STATUS} =~ /^[23]/",
    "false or true and true",
    "%{REQUEST_STATUS} in {'200','302'}",
    "%{REQUEST_STATUS} -in { 200, 302 }",
    "%{request_status} !~ /^5/",
    "(((%{REQUEST_STATUS}))) -eq 302",
    "(%{REQUEST_METHOD} == 'GET') && !(%{HTTPS} == 'on')",
    "'abc' =~ m#B#i",
    "'/a/b' =~ m|^/a/|",
    r"'a/b' =~ /a\/b/",
    "%{HTTP_HOST} =~ /^([a-z]+)\\.([a-z]+)/i && $2 == 'example' && '$1' == 'Panopticon'",
    "'x' =~ /(x)/ && !('y' =~ /(z)/) && $1 == ''",
    "'10' -gt '9' && '10' < '9'",
    "-n 'x' && -z '' && -T 'yes' && !-T 'off' && !-T '0'",
    "-R '10.1.0.0/16' && %{REMOTE_ADDR} -ipmatch '10.1'",
    "!(%{REMOTE_ADDR} -ipmatch 'fd00::/8')",
    "'abc' -strmatch 'a*' && 'ABC' -strcmatch 'a?c' && 'a/b' -strmatch 'a*b' && !('a/b' -fnmatch 'a*b')",
    "!('a/b' -fnmatch 'a?b') && 'a/b' -strmatch 'a?b' && !('a/b' -fnmatch 'a[/]b') && 'a/b/c' -fnmatch '*/b/?'",
    "'a.*b' -fnmatch 'a[.*][.*]b' && 'abc' -fnmatch '?[!a]*' && 'a]' -fnmatch '*[]]' && 'a*' -fnmatch 'a\\\\*'",
    "'xaybzc' -strmatch '*a*b*c' && !('xaybzc' -strmatch '*a*b*d') && '[a' -strmatch '[a'",
    "req('X-Api') == 'v2' && http('x-api') == 'v2' && %{req:X-Api} == 'v2'",
    "resp('Content-Type') == 'text/html' && resp('none') == ''",
    "reqenv('team') == 'blue' && env('TEAM') == 'blue'",
    "hc('body') =~ /UP$/m && %{HC_BODY} =~ /load: ([0-9]+)$/ && $1 -lt 10",
    "tolower('ABC') . toupper('d') == 'abcD'",
    "%{tolower:%{HTTP_HOST}} == 'panopticon.example.org:8080'",
    "%{escape:%{REQUEST_URI}} == '/app/x%20y' && unescape('%41') == 'A'",
    "base64('ab') == 'YWI=' && unbase64('YWI=') == 'ab' && unbase64('?') == ''",
    "md5('') == 'd41d8cd98f00b204e9800998ecf8427e'",
    "'\\101\\t\\x' == 'A\\t" + "x' && \"it's\" == 'it\\'s'",
    "%{escape:a?} == 'a%3f' && %{HTTP2} == 'off'",
    "%{TIME_YEAR} -eq 2023 && %{IPV6} == 'off' && %{REMOTE_USER} == ''",
]


@pytest.mark.parametrize("text", HOLDS)
def test_condition_holds(text: str) -> None:
    """And its negation does not."""
    assert expression.explain(text) is None
    assert expression.parse(text).holds(FACTS)
    assert not expression.parse(f"!({text})").holds(FACTS)


REFUSED = [
    ("", "value is expected at the end"),
    ("true true", "nothing more is expected before 'true'"),
    ("'a'", "comparison is missing"),
    ("('a') && true", "comparison is missing"),
    ("true == true", "nothing more is expected"),
    ("'a' == true", "a text needs quotes before 'true'"),
    ("%{REQUEST_STATUS} == OK", "a text needs quotes before 'OK'"),
    ("'a' == (true)", "value is expected instead of a condition"),
    ("(true", r"'\)' is missing at the end"),
    ("'a", "does not end"),
    ("'a' =~ 'b'", "regular expression between slashes"),
    ("'a' =~ /b", "does not end"),
    ("'a' =~ /b/q", "unknown flags 'q'"),
    ("'a' =~ /(/", "is not a regular expression"),
    ("%{NOPE} == 1", "there is no variable %{NOPE}"),
    ("%{REQUEST_FILENAME} == 1", "is about files"),
    ("%{ == 1", "value is expected"),
    ("'%{' == 1", "name of a variable"),
    ("nope('x') == 1", r"there is no function nope\(\)"),
    ("file('/etc/passwd') == 1", r"function file\(\) is not supported"),
    ("-f '/etc/passwd'", "test -f is not supported"),
    ("'a' -nope 'b'", "there is no comparison -nope"),
    ("'a' -ipmatch %{HTTP_HOST}", "plain text"),
    ("'a' -ipmatch 'b'", "is no network"),
    ("'a' -fnmatch '[b-a]'", "is no pattern"),
    ("'a' in 'a'", "'{' is missing"),
    ("(" * 21 + "true" + ")" * 21, "nested deeper than 20"),
    ("!" * 100_000 + "true", "nested deeper than 20"),
    ("%{tolower:" * 30 + "a" + "}" * 30 + " == 'a'", "nested deeper than 20"),
    ("'a' == \x00", "value is expected"),
]


@pytest.mark.parametrize(("text", "said"), REFUSED)
def test_what_cannot_be_read_is_refused_with_a_sentence(text: str, said: str) -> None:
    """It says what and where, and `explain` the same."""
    with pytest.raises(LanguageError, match=said) as caught:
        expression.parse(text)
    assert expression.explain(text) == str(caught.value)


def test_groups_of_the_last_match_are_given() -> None:
    """For whoever sets variables of them."""
    found = expression.parse("%{HTTP_HOST} =~ /^(.*?)[.](.*?)[.]/")
    assert found.groups(FACTS) == (b"Panopticon.example.", b"Panopticon", b"example")
    assert found.groups(Given()) is None
    assert expression.parse("true").groups(FACTS) == ()


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("", b""),
        ("plain 'text' 50%", b"plain 'text' 50%"),
        ("%{REQUEST_STATUS}-%{tolower:ABC}-$1", b"302-abc-"),
        ("%{reqenv:TEAM} and %{req:X-Api}", b"blue and v2"),
        (r"\%{x\} \\", b"%{x} \\"),
        ("grün", "grün".encode()),
    ],
)
def test_text_with_variables(text: str, made: bytes) -> None:
    """The string form, without quotes around it."""
    assert expression.parse_string(text).text(FACTS) == made


LIKE = looking_like(
    "%{REQUEST_STATUS}", "%{", "}", "req('x')", "resp(", "'", '"', "/", "=~", "!~", "m#", "==", "-in", "{", ",", "&&",
    "||", "!", "(", ")", " ", "-eq", "-T", "-ipmatch", "10", "true", "$1", "\\", "\\x4", ".", "tolower", ":", "/(a)/i",
)  # fmt: skip


@given(LIKE)
def test_any_text_holds_or_not_or_is_an_error(text: str) -> None:
    """Nothing else comes out of it, neither when it is read nor when it is asked."""
    try:
        found = expression.parse(text)
    except LanguageError as error:
        assert expression.explain(text) == str(error)
    else:
        assert expression.explain(text) is None
        assert found.holds(NASTY) in (True, False)


@given(LIKE)
def test_any_text_is_a_template_or_an_error(text: str) -> None:
    """The same for the string form."""
    try:
        found = expression.parse_string(text)
    except LanguageError:
        return
    assert isinstance(found.text(NASTY), bytes)


@given(
    st.recursive(
        st.booleans(), lambda inner: st.tuples(st.sampled_from(["&&", "||"]), inner, inner), max_leaves=12
    )
)
def test_logic_is_pythons(tree: object) -> None:
    """Conditions of any shape: ``&&``, ``||`` and parentheses."""

    def text(node: object) -> str:
        if isinstance(node, tuple):
            return f"({text(node[1])} {node[0]} !{text(node[2])})"
        return "true" if node else "false"

    def value(node: object) -> bool:
        if isinstance(node, tuple):
            left, right = value(node[1]), not value(node[2])
            return (left and right) if node[0] == "&&" else (left or right)
        return bool(node)

    written = text(tree)
    try:
        found = expression.parse(written)
    except LanguageError as error:
        assert "nested deeper" in str(error)
    else:
        assert found.holds(Given()) is value(tree)
