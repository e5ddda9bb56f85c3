"""mod_headers' rules; what stands here was seen to be so on Apache 2.4.71."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panolb.errors import LanguageError
from panolb.language import headers
from panolb.language.headers import HeaderRule, RequestRules, ResponseRules
from tests.language.given import NASTY, Given, looking_like

ROUTE_COOKIE = 'add Set-Cookie "ROUTEID=.%{BALANCER_WORKER_ROUTE}e; path=/" env=BALANCER_ROUTE_CHANGED'
FACTS = Given(
    env={b"BALANCER_WORKER_ROUTE": b"1", b"TEAM": b"blue"},
    request={b"host": b"a.example"},
    response={b"x-a": b"aaa"},
    REQUEST_STATUS=b"200",
)
MEMBERS = [b"X-A: aaa", b"x-a:bbb", b'X-L: a, "b, c", d', b"Content-Type: text/plain", b"Set-Cookie: s=1"]


def answered(*rules: str, own: bool = False, facts: Given = FACTS) -> list[bytes]:
    """The lines of an answer after those rules."""
    before = list(MEMBERS)
    found = ResponseRules([headers.parse_response_rule(rule) for rule in rules]).apply(before, facts, own)
    assert before == MEMBERS
    return found


def changed(*rules: str) -> dict[bytes, list[bytes]]:
    """What is different afterwards, by lower-case name."""
    before, after = values(MEMBERS), values(answered(*rules))
    return {name: after.get(name, []) for name in before | after if before.get(name) != after.get(name)}


def values(lines: list[bytes]) -> dict[bytes, list[bytes]]:
    """The values by lower-case name."""
    found: dict[bytes, list[bytes]] = {}
    for line in lines:
        name, _, value = line.partition(b":")
        found.setdefault(name.lower(), []).append(value.strip())
    return found


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        ("set X-New v", {b"x-new": [b"v"]}),
        ("SET x-a: v", {b"x-a": [b"v"]}),
        ("onsuccess set X-A v", {b"x-a": [b"v"]}),
        ('add X-A ""', {b"x-a": [b"aaa", b"bbb", b""]}),
        ("append X-A c", {b"x-a": [b"aaa, c", b"bbb"]}),
        ("append X-New c", {b"x-new": [b"c"]}),
        ("merge X-L d", {}),
        (r'merge X-L "\"b, c\""', {}),
        ("merge X-L e", {b"x-l": [b'a, "b, c", d, e']}),
        ("merge X-A bbb", {b"x-a": [b"aaa, bbb", b"bbb"]}),
        ("merge X-New v", {b"x-new": [b"v"]}),
        ("setifempty X-A zz", {}),
        ("setifempty X-New zz", {b"x-new": [b"zz"]}),
        ("unset X-A", {b"x-a": []}),
        ("unset X-None", {}),
        ("edit X-A a b", {b"x-a": [b"baa", b"bbb"]}),
        ("edit* X-A a b", {b"x-a": [b"bbb", b"bbb"]}),
        ("edit* X-A ^a b", {b"x-a": [b"bbb", b"bbb"]}),
        ('edit X-A a "[&]"', {b"x-a": [b"[&]aa", b"bbb"]}),
        (r'edit X-A (a)(x)? "<$0$1$2\$1>"', {b"x-a": [b"<aa$1>aa", b"bbb"]}),
        ('edit X-L "[[:alpha:]]+$" "(%{nope}e)"', {b"x-l": [b'a, "b, c", ((null))']}),
        ("edit X-A z b", {}),
        ("edit* X-A x* -", {b"x-a": [b"-aaa", b"-bbb"]}),
        ('set X-New "q%%q%"', {b"x-new": [b"q%q%"]}),
        (r'set X-New "a\tb\\\\c\nd"', {b"x-new": [b"a\tb\\c d"]}),
        ('set X-New "%{foo}e %{SSL_PROTOCOL}s %{team}e"', {b"x-new": [b"(null) (null) blue"]}),
        ('set X-New "%D %t"', {b"x-new": [b"D=1234567 t=1700000000123456"]}),
        ('set X-New "\'single\' \\"q\\""', {b"x-new": [b"'single' \"q\""]}),
        ("unset Content-Type", {b"content-type": []}),
        ("edit Content-Type plain html", {b"content-type": [b"text/html"]}),
        ("append Content-Type b", {}),
        ("add Content-Type b", {}),
        ("always set Content-Type text/x", {b"content-type": [b"text/x"]}),
        ("always set X-A own", {b"x-a": [b"own", b"aaa", b"bbb"]}),
        ("always append X-A own", {b"x-a": [b"own", b"aaa", b"bbb"]}),
        ("always unset X-A", {}),
        ("always edit X-A a b", {}),
        ("unset Connection", {}),
        ("unset Upgrade", {}),
        (
            'set X-New "expr=%{REQUEST_STATUS}-%{tolower:ABC}-%{HTTP_HOST}"',
            {b"x-new": [b"200-abc-a.example"]},
        ),
        ("set X-New v \"expr=%{REQUEST_STATUS} -in {'200','201'}\"", {b"x-new": [b"v"]}),
        ("set X-New v \"expr=resp('X-A') == 'aaa'\"", {b"x-new": [b"v"]}),
        ('set X-New v "expr=%{REQUEST_STATUS} -eq 404"', {}),
        ("set X-New v env=TEAM", {b"x-new": [b"v"]}),
        ("set X-New v env=team", {b"x-new": [b"v"]}),
        ("set X-New v env=!TEAM", {}),
        ("set X-New v env=OTHER", {}),
        ("set X-New v env=!OTHER", {b"x-new": [b"v"]}),
        ("unset X-A env=TEAM", {b"x-a": []}),
        ("edit X-A a b env=!TEAM", {}),
    ],
)
def test_rule_for_answers(rule: str, found: dict[bytes, list[bytes]]) -> None:
    """Each action, each table, each kind of value and of condition."""
    assert headers.explain_response_rule(rule) is None
    assert changed(rule) == found


def test_route_cookie_is_added_and_edited() -> None:
    """The guide's rule, and the usual one for its attributes behind it; the member's own cookies stay."""
    facts = Given(env={b"BALANCER_WORKER_ROUTE": b"2", b"BALANCER_ROUTE_CHANGED": b"1"})
    edit = 'edit Set-Cookie ^(ROUTEID=.*)$ "$1; HttpOnly; SameSite=Lax"'
    found = answered(ROUTE_COOKIE, edit, facts=facts)
    assert found == [*MEMBERS, b"Set-Cookie: ROUTEID=.2; path=/; HttpOnly; SameSite=Lax"]
    assert answered(edit, ROUTE_COOKIE, facts=facts)[-1] == b"Set-Cookie: ROUTEID=.2; path=/"
    assert answered(ROUTE_COOKIE, edit) == MEMBERS


def test_tables_are_separate_and_always_stands_first() -> None:
    """A field in both is there twice; the order within a table is that of the file."""
    found = answered("set X-B success", "always set X-B one", "always append X-B two", "append X-B more")
    assert found == [b"X-B: one, two", *MEMBERS, b"X-B: success, more"]


def test_own_answers_get_always_only() -> None:
    """And what those rules write is not there twice."""
    found = answered("set X-B v", "always set Content-Type text/x", "always add Set-Cookie a=b", own=True)
    assert found == [b"Content-Type: text/x", b"Set-Cookie: a=b", *MEMBERS[:3], MEMBERS[4]]
    assert answered("set X-B v", "unset X-A", own=True) == MEMBERS


def test_rules_for_requests() -> None:
    """They work on a list of their own, since a request's lines are shared."""
    lines = [b"Host: a", b"User-Agent: curl", b"X-Identity: root"]
    rules = [
        "set X-Forwarded-Proto https",
        "unset X-Identity",
        "append User-Agent x",
        'set X-Route "%{BALANCER_WORKER_NAME}e"',
        "set Host other",
    ]
    made = RequestRules([headers.parse_request_rule(rule) for rule in rules])
    assert made.names == {b"x-forwarded-proto", b"x-identity", b"user-agent", b"x-route", b"host"}
    assert made.apply(lines, FACTS) == [
        b"Host: other",
        b"User-Agent: curl, x",
        b"X-Forwarded-Proto: https",
        b"X-Route: (null)",
    ]
    assert lines == [b"Host: a", b"User-Agent: curl", b"X-Identity: root"]


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("", "an action and the name"),
        ("always", "an action and the name"),
        ("set", "an action and the name"),
        ("replace X-A b", "'replace' is no action; it must be one of add, set"),
        ("echo ^TS", "echo is not supported"),
        ("note X-A n", "note is not supported"),
        ("set X-A", "set needs a value"),
        ("edit X-A a", "edit needs a regular expression"),
        ("edit X-A ( b", "is not a regular expression"),
        ("set X-A b c", "'c' is no condition"),
        ("set X-A b early", "early is not supported"),
        ("set X-A b env=", "name of a variable is missing"),
        ("set X-A b env=!", "name of a variable is missing"),
        ("set X-A b c d", "more words than set takes"),
        ("unset X-A b c", "more words than unset takes"),
        ("set X-A b expr=", "a value is expected"),
        ("set X-A expr=%{NOPE}", "there is no variable %{NOPE}"),
        ("set X-A %l", "the load of the machine"),
        ("set X-A %q", "there is no format %q"),
        ('set "X A" b', "is no name of a header field"),
        ('set "X-A\r\nEvil" b', "is no name of a header field"),
        ("set Content-Length 5", "Content-Length says how the message is carried"),
        ("edit Transfer-Encoding a b", "how the message is carried"),
        ("unset Transfer-Encoding", "how the message is carried"),
        ("set Connection close", "how the message is carried"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_sentence(rule: str, said: str) -> None:
    """And `explain` says the same."""
    with pytest.raises(LanguageError, match=said) as caught:
        headers.parse_response_rule(rule)
    assert headers.explain_response_rule(rule) == str(caught.value)


@pytest.mark.parametrize(
    "rule", ["always set A b", "unset Host", "add Host x", "unset Upgrade", "unset Expect"]
)
def test_what_requests_cannot_have(rule: str) -> None:
    """There are no tables, exactly one Host, and what upgrades a connection is panolb's."""
    assert headers.explain_request_rule(rule) is not None


RULE = looking_like(
    "set ", "add ", "append ", "merge ", "unset ", "edit ", "edit* ", "setifempty ", "always ", "X ", "Set-Cookie ",
    "Content-Type ", '"', " ", "\\", "\\n", "%{A}e", "%D", "%t", "%", "env=A", "env=!A", "expr=", "expr=%{REQUEST_URI}",
    "expr=req('x') == 'y'", "a", "(.*) ", "$1", "\r", "\n", "\0", "v ",
)  # fmt: skip


def check_lines(lines: list[bytes]) -> None:
    """Each is one line with a name."""
    for line in lines:
        assert not set(line) & {0, 10, 13}, line
        assert line.partition(b":")[0].strip()


@given(RULE, st.booleans())
def test_any_text_is_a_rule_for_answers_or_an_error(text: str, own: bool) -> None:
    """No value, the operator's or the client's, begins a line of its own."""
    rule = parsed(headers.parse_response_rule, headers.explain_response_rule, text)
    if rule is not None:
        check_lines(ResponseRules([rule]).apply([b"X: 1", b"X:2", b"Set-Cookie: a=b"], NASTY, own))


@given(RULE)
def test_any_text_is_a_rule_for_requests_or_an_error(text: str) -> None:
    """The same for requests."""
    rule = parsed(headers.parse_request_rule, headers.explain_request_rule, text)
    if rule is not None:
        check_lines(RequestRules([rule]).apply([b"X: 1", b"Host: a"], NASTY))


def parsed(parse: object, explain: object, text: str) -> HeaderRule | None:
    """The rule, or None when there is an error that is also explained."""
    assert callable(parse) and callable(explain)
    try:
        rule = parse(text)
    except LanguageError as error:
        assert explain(text) == str(error)
        return None
    assert explain(text) is None
    assert isinstance(rule, HeaderRule)
    return rule
