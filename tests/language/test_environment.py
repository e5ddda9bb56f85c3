"""SetEnv, SetEnvIf and their siblings."""

from __future__ import annotations

import pytest
from hypothesis import given

from panolb.errors import LanguageError
from panolb.language import environment
from tests.language.given import NASTY, Given, looking_like

FACTS = Given(
    request={b"user-agent": b"Mozilla/5.0 (X11)", b"x-team": b"blue-7"},
    REQUEST_URI=b"/app/img/a.gif",
    REQUEST_METHOD=b"GET",
    REMOTE_ADDR=b"10.1.2.3",
    SERVER_PROTOCOL=b"HTTP/1.1",
)


def variables(*lines: str) -> dict[bytes, bytes]:
    """What those directives set."""
    return environment.Environment([environment.parse(line) for line in lines]).evaluate(FACTS)


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("SetEnv quiet", {b"QUIET": b""}),
        ('setenv Team "red team"', {b"TEAM": b"red team"}),
        ("SetEnv A $1", {b"A": b"$1"}),
        (r"SetEnvIf Request_URI \.gif$ image", {b"IMAGE": b"1"}),
        (r"SetEnvIf Request_URI \.GIF$ image", {}),
        (r"SetEnvIfNoCase request_uri \.GIF$ image", {b"IMAGE": b"1"}),
        ("SetEnvIf Remote_Addr ^10 inside=yes !outside", {b"INSIDE": b"yes"}),
        ("SetEnvIf X-Team ^([a-z]+)-([0-9])$ TEAM=$1 NUMBER=<$2>", {b"TEAM": b"blue", b"NUMBER": b"<7>"}),
        ("SetEnvIf X-None ^$ missing", {b"MISSING": b"1"}),
        ("SetEnvIf Request_Method GET empty=", {b"EMPTY": b"1"}),
        ("SetEnvIf Request_Method GET gone=!x", {}),
        ("SetEnvIf Request_Protocol 1.1$ v11", {b"V11": b"1"}),
        ("SetEnvIf Remote_User . somebody", {}),
        ("BrowserMatch Mozilla/([0-9]) browser=$1", {b"BROWSER": b"5"}),
        ("BrowserMatchNoCase mozilla browser", {b"BROWSER": b"1"}),
        ("SetEnvIfExpr \"%{REMOTE_ADDR} -ipmatch '10.0.0.0/8'\" inside", {b"INSIDE": b"1"}),
        ("SetEnvIfExpr \"req('X-Team') =~ /^(\\w+)-/\" team=$1", {b"TEAM": b"blue"}),
        ('SetEnvIfExpr "false" never', {}),
    ],
)
def test_directive_sets(line: str, found: dict[bytes, bytes]) -> None:
    """One directive by itself; names do not depend on case."""
    assert environment.explain(line) is None
    assert variables(line) == found


def test_later_directives_see_what_earlier_ones_set() -> None:
    """A variable is an attribute like a header field, and can be asked for in an expression."""
    found = variables(
        "SetEnvIf X-Team ^blue team=blue",
        "SetEnvIf team blue is_blue",
        "SetEnvIfExpr \"reqenv('IS_BLUE') == '1'\" checked",
        "SetEnvIf Is_Blue 1 !team",
    )
    assert found == {b"IS_BLUE": b"1", b"CHECKED": b"1"}


def test_setenv_is_for_what_nothing_else_sets() -> None:
    """As in Apache: SetEnvIf wins wherever it stands, and does not see what SetEnv says."""
    found = variables(
        "SetEnv A always",
        "SetEnv B x",
        "SetEnvIf A always seen",
        "SetEnvIf X-Team . A=if",
        "SetEnv C y",
        "UnsetEnv B",
    )
    assert found == {b"A": b"if", b"C": b"y"}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "must begin with one of SetEnv"),
        ("PassEnv PATH", "begins with 'PassEnv'"),
        ("SetEnv", "needs the name"),
        ("SetEnv a b c", "in quotes"),
        ("UnsetEnv", "needs the names"),
        ("SetEnvIf Host a", "needs an attribute"),
        ("SetEnvIf Host ( x", "is not a regular expression"),
        ("SetEnvIf Host a =x", "name of a variable is missing"),
        ("SetEnvIf Host a !", "name of a variable is missing"),
        ("SetEnvIf ^TS* a x", "cannot be patterns"),
        ('SetEnvIf Host "" x', "regular expression is missing"),
        ("BrowserMatch a", "needs a regular expression"),
        ("SetEnvIfExpr x", "needs an expression"),
        ('SetEnvIfExpr "x ==" y', "a text needs quotes"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_sentence(line: str, said: str) -> None:
    """And `explain` says the same."""
    with pytest.raises(LanguageError, match=said) as caught:
        environment.parse(line)
    assert environment.explain(line) == str(caught.value)


@given(
    looking_like(
        "SetEnv ", "UnsetEnv ", "SetEnvIf ", "SetEnvIfNoCase ", "BrowserMatch ", "SetEnvIfExpr ", "Host ", "X ", "A", " ",
        ".* ", "^(.*)$ ", "!", "=", "$1", "$0", '"', "\\", '"true" ', "\"reqenv('A') == '1'\" ", "Remote_Addr ", "\n", "\0",
    )
)  # fmt: skip
def test_any_text_is_a_directive_or_an_error(line: str) -> None:
    """Values never have what could end a line, whatever the request was."""
    try:
        rule = environment.parse(line)
    except LanguageError as error:
        assert environment.explain(line) == str(error)
        return
    assert environment.explain(line) is None
    for name, value in environment.Environment([rule]).evaluate(NASTY).items():
        assert name == name.upper()
        assert not set(value) & {0, 10, 13}
