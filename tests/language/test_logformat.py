"""The formats of access logs."""

from __future__ import annotations

import pytest
from hypothesis import given

from panolb.errors import LanguageError
from panolb.language import logformat
from tests.language.given import NASTY, Given, looking_like

FACTS = Given(
    env={b"BALANCER_WORKER_ROUTE": b"2", b"QUOTED": b'a"b\\c\td\xff'},
    request={
        b"host": b"Panopticon.Example:8080",
        b"user-agent": b"curl/8",
        b"cookie": b"a=1; Session = x y ;b=2; empty=",
    },
    response={b"content-type": b"text/html; charset=utf-8", b"x-a": b"b"},
    REQUEST_STATUS=b"404",
    REMOTE_ADDR=b"10.1.2.3",
    REMOTE_HOST=b"10.1.2.3",
    CONN_REMOTE_ADDR=b"127.0.0.1",
    SERVER_ADDR=b"127.0.0.2",
    REQUEST_METHOD=b"GET",
    REQUEST_URI=b"/a b",
    QUERY_STRING=b"q=1",
    THE_REQUEST=b"GET /a%20b?q=1 HTTP/1.1",
    SERVER_PROTOCOL=b"HTTP/1.1",
    SERVER_NAME=b"panopticon",
    REQUEST_LOG_ID=b"abc-1",
)
COMMON = '%h %l %u %t "%r" %>s %b'


@pytest.mark.parametrize(
    ("form", "line"),
    [
        (COMMON, '10.1.2.3 - - [begin:] "GET /a%20b?q=1 HTTP/1.1" 404 512'),
        ('"%{Referer}i" "%{User-Agent}i"', '"-" "curl/8"'),
        ("%v:%p %V %H %m %U%q", "panopticon:10080 panopticon.example HTTP/1.1 GET /a b?q=1"),
        ("%a %{c}a %A", "10.1.2.3 127.0.0.1 127.0.0.2"),
        ("%D %T %{s}T %{ms}T %{us}T", "1234567 1 1 1234 1234567"),
        ("%B %I %O %S", "512 7 512 519"),
        ("%{BALANCER_WORKER_ROUTE}e %{balancer_worker_route}e %{NONE}e", "2 2 -"),
        ("%{QUOTED}e", r"a\"b\\c\td\xff"),
        ("%{Content-Type}o %{X-A}o %{None}o", "text/html b -"),
        ("%{session}C %{a}C %{b}C %{empty}C %{none}C", "x y 1 2 - -"),
        (
            "%{sec}t %{msec}t %{usec}t %{msec_frac}t %{usec_frac}t",
            "1700000000 1700000000123 1700000000123456 123 123456",
        ),
        ("%{%d/%b}t %{begin}t %{end}t %{end:%H}t", "begin:%d/%b [begin:] [end] end"),
        ("%{end:sec}t %{begin:sec}t", "1700000001 1700000000"),
        ("%k %X %P %{tid}P %L %R", "3 + 42 42 abc-1 proxy-server"),
        ("%{canonical}p %{local}p %{remote}p", "10080 10080 -"),
        ("%{note}n %{SSL_PROTOCOL}x %{X}^ti %^FB", "- - - -"),
        ("%404{User-agent}i %!404{User-agent}i %{User-agent}!200,304i", "curl/8 - curl/8"),
        ("%400,501{User-agent}i", "-"),
        ("%<s %>s", "404 404"),
        (r"100%% \t\\ \x", "100% \t\\ \\x"),
        ("grün", "grün"),
        ("common", "common"),
        ("", ""),
    ],
)
def test_line(form: str, line: str) -> None:
    """What each token writes."""
    assert logformat.explain(form) is None
    assert logformat.parse(form).line(FACTS) == line.encode()


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ("%h %Z", "there is no token %Z"),
        ("%^XX", r"there is no token %\^XX"),
        ("%f", "name of a file"),
        ("%h %", "lacks the letter"),
        ("%400,{x}", "lacks the letter"),
        ("%i", "%i needs a name"),
        ("%{}e", "%e needs a name"),
        ("%{min}T", "must be s, ms or us"),
        ("%{x}p", "must be canonical, local or remote"),
        ("%{x}P", "must be pid, tid or hextid"),
        (r"%h\n%t", "a request is one line"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_sentence(form: str, said: str) -> None:
    """And `explain` says the same."""
    with pytest.raises(LanguageError, match=said) as caught:
        logformat.parse(form)
    assert logformat.explain(form) == str(caught.value)


@given(
    looking_like(
        "%", "{", "}", "!", "<", ">", ",", "200", "404", "\\", '"', "\n", "\0", "%h", "%{A}e", "%{X}i", "%{X}o", "%{x}C",
        *"haAlutfbBinoLeVvpPHmqXCkrDTUsRIOS", "^ti", "^FB", "%{sec}t", "%{%Y}t", "ms", "c",
    )
)  # fmt: skip
def test_any_text_is_a_format_or_an_error(form: str) -> None:
    """A line is one line, whatever the operator wrote and the client sent."""
    try:
        found = logformat.parse(form)
    except LanguageError as error:
        assert logformat.explain(form) == str(error)
        return
    assert logformat.explain(form) is None
    assert not set(found.line(NASTY)) & {0, 10, 13}
