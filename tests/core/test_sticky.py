"""Where the route of a request is found; the rows S<n> are Apache's behaviour as it was observed."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import unquote_to_bytes

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from panolb.core.cookie import RouteCookie
from panolb.core.request import Request
from panolb.core.sticky import Route, RouteResolver

from .building import ask

APP = b"/panopticon/"


class Row(NamedTuple):
    name: str
    target: bytes
    cookies: tuple[bytes, ...]
    route: bytes | None
    sticky: str = "ROUTEID"
    separator: str = "."
    semicolon: bool = False


def resolve(row: Row) -> Route | None:
    """What the resolver of a row's configuration finds in its request."""
    request = ask(*(b"Cookie: " + cookie for cookie in row.cookies), target=row.target)
    return RouteResolver(row.sticky, row.separator, row.semicolon).resolve(request)


def in_cookie(name: str, *cookies: bytes, route: bytes | None, **more: str) -> Row:
    """A row whose request has nothing but cookies."""
    return Row(name, APP, cookies, route, **more)  # type: ignore[arg-type]


def in_url(name: str, target: bytes, route: bytes | None, semicolon: bool = False) -> Row:
    """A row whose request has no cookies."""
    return Row(name, target, (), route, semicolon=semicolon)


TWO = "JSESSIONID|jsessionid"
AS_APACHE = [
    in_cookie("S1 none", route=None),
    in_cookie("S2", b"ROUTEID=.2", route=b"2"),
    in_cookie("S3 what precedes the separator is the member's", b"ROUTEID=abc.2", route=b"2"),
    in_cookie("S4 no separator", b"ROUTEID=2", route=None),
    in_cookie("S5 the first separator counts", b"ROUTEID=abc.def.node1", route=b"def.node1"),
    in_cookie("S6", b"ROUTEID=abc.def.2", route=b"def.2"),
    in_cookie("S7 whether it exists is the balancer's matter", b"ROUTEID=.9", route=b"9"),
    in_cookie("S8 nothing behind the separator", b"ROUTEID=.", route=None),
    in_cookie("S8 empty", b"ROUTEID=", route=None),
    in_cookie("S8 quotes belong to the value", b'ROUTEID=".2"', route=b'2"'),
    in_cookie("S9 no blanks", b"a=b;ROUTEID=.2;c=d", route=b"2"),
    in_cookie("S9 comma", b"a=b, ROUTEID=.2", route=b"2"),
    in_cookie("S9 blank before =", b"ROUTEID =.2", route=b"2"),
    in_cookie("S10 another name that ends so", b"XROUTEID=.2", route=None),
    in_cookie("S10 case", b"routeid=.2", route=None),
    in_cookie("S10 inside a value", b"x=ROUTEID=.2", route=None),
    in_cookie("a name that begins so", b"ROUTEIDX=.2", route=None),
    in_cookie("a name that begins so, then the name", b"ROUTEIDX=.1; ROUTEID=.2", route=b"2"),
    in_cookie("S11 the first wins", b"ROUTEID=.1; ROUTEID=.2", route=b"1"),
    in_cookie("S12 also an unknown one", b"ROUTEID=.9; ROUTEID=.2", route=b"9"),
    in_cookie("also an empty one", b"ROUTEID=; ROUTEID=.2", route=None),
    in_cookie("S13 two fields", b"a=b", b"ROUTEID=.2", route=b"2"),
    in_cookie("S14 trailing blank is part of it", b"ROUTEID=.2 ; x=y", route=b"2 "),
    in_url("S15 query", APP + b"?ROUTEID=.2", b"2"),
    in_url("S15 later in the query", APP + b"?a=b&ROUTEID=.2", b"2"),
    in_url("S15 path", APP + b";ROUTEID=.2", b"2"),
    in_url("path and query", APP + b";ROUTEID=.2?a=b", b"2"),
    in_url("name that begins so", APP + b"?ROUTEIDX=.1&ROUTEID=.2", b"2"),
    in_url("a question mark inside the query ends a value", APP + b"?next=/x?ROUTEID=.2", b"2"),
    in_url("S17 a semicolon does not end it", APP + b";ROUTEID=.2;x=y", b"2;x=y"),
    in_url("S17 scolonpathdelim", APP + b";ROUTEID=.2;x=y", b"2", semicolon=True),
    in_url("a slash does not end it", APP + b";ROUTEID=.2/echo", b"2/echo"),
    Row("S18 the URL wins", APP + b"?ROUTEID=.2", (b"ROUTEID=.1",), b"2"),
    Row("S20 an empty URL value is none", APP + b"?ROUTEID=", (b"ROUTEID=.2",), b"2"),
    Row("only delimiters are none", APP + b"?ROUTEID=&&", (b"ROUTEID=.2",), b"2"),
    in_cookie("S21 two names, cookie", b"JSESSIONID=a.2", route=b"2", sticky=TWO),
    Row("S21 two names, path", APP + b";jsessionid=a.2", (), b"2", TWO),
    in_cookie("S21 the URL's name is no cookie's", b"jsessionid=a.2", route=None, sticky=TWO),
    Row("S21 the cookie's name is no URL's", APP + b";JSESSIONID=a.2", (), None, TWO),
    in_cookie("S22 separator", b"ROUTEID=S!2", route=b"2", separator="!"),
    in_cookie("S22 first separator", b"ROUTEID=a!b!2", route=b"b!2", separator="!"),
    in_cookie("S22 off", b"ROUTEID=2", route=b"2", separator="off"),
    in_cookie("S22 off takes all of it", b"ROUTEID=.2", route=b".2", separator="Off"),
    in_cookie("S22 off, empty", b"ROUTEID=", route=None, separator="off"),
    in_url("S30 leading delimiters are skipped", APP + b"?ROUTEID=&x=.2", b"2"),
    in_url("S30 only the first counts", APP + b"?ROUTEID=a&ROUTEID=.2", None),
    in_url("S31 escapes of the path count", APP + b";ROUTEID=%2e2", b"2"),
    in_url("escapes in the path's name", APP + b";%52OUTEID=.2", b"2"),
    in_url("an escaped semicolon of the path", APP + b"%3bROUTEID=.2", b"2"),
    in_url("S31 escapes of the query do not", APP + b"?ROUTEID=%2e2", None),
    in_url("escapes in the query's name", APP + b"?%52OUTEID=.2", None),
]

# Where Apache is bettered on purpose: Apache's route, and ours.
OTHERWISE = [
    (in_url("S16 left boundary", APP + b"?XROUTEID=.2", None), b"2"),
    (in_url("S30 inside a value", APP + b"?a=ROUTEID=.1&ROUTEID=.2", b"2"), b"1"),
    (in_url("a path segment is no parameter", APP + b"ROUTEID=.2", None), b"2"),
    (Row("S19 a URL value without a route does not hide the cookie", APP + b"?ROUTEID=nodot", (b"ROUTEID=.2",), b"2"), None),
    (Row("nor does one with an empty route", APP + b"?ROUTEID=.", (b"ROUTEID=.2",), b"2"), None),
]  # fmt: skip


@pytest.mark.parametrize("row", AS_APACHE, ids=lambda row: row.name)
def test_as_apache(row: Row) -> None:
    """A configuration that moves here from Apache finds the same routes."""
    found = resolve(row)
    assert (None if found is None else found.value) == row.route


@pytest.mark.parametrize(("row", "apache"), OTHERWISE, ids=lambda value: getattr(value, "name", ""))
def test_otherwise_than_apache(row: Row, apache: bytes | None) -> None:
    """The differences are these and deliberate."""
    found = resolve(row)
    assert row.route != apache
    assert (None if found is None else found.value) == row.route


@pytest.mark.parametrize(
    ("target", "cookie", "source"),
    [
        (APP, b"ROUTEID=.2", "cookie"),
        (APP + b";ROUTEID=.2", b"ROUTEID=.1", "path"),
        (APP + b";ROUTEID=.2?x=y", b"ROUTEID=.1", "path"),
        (APP + b"?ROUTEID=.2", b"ROUTEID=.1", "query"),
        (APP + b"%41?ROUTEID=.2", b"ROUTEID=.1", "query"),
        (APP + b"%3fROUTEID=.2", b"ROUTEID=.1", "path"),
        (APP + b"?ROUTEID=a", b"ROUTEID=.2", "cookie"),
    ],
)
def test_source(target: bytes, cookie: bytes, source: str) -> None:
    """The access log says where the route came from."""
    found = RouteResolver("ROUTEID").resolve(ask(b"Cookie: " + cookie, target=target))
    assert found == Route(b"2", source, b"ROUTEID")


def test_cookies_are_joined_with_semicolons() -> None:
    """Apache joins Cookie fields with a comma, which RFC 9113 section 8.2.3 and Tomcat know nothing of."""
    assert ask(b"Cookie: a=b", b"Cookie: ROUTEID=.2").cookie == b"a=b; ROUTEID=.2"


# Bytes that are likely to matter, and any others.
PIECES = st.sampled_from(
    [b"ROUTEID", b"ROUTEID=", b"=", b".", b"2", b"a.2", b"!", b";", b"&", b"?", b"/", b",", b" ", b"%2e", b"%52", b"%3b", b"%"]
)  # fmt: skip
NOISE = st.lists(PIECES | st.binary(max_size=3), max_size=12).map(b"".join)
RESOLVERS = st.builds(RouteResolver, st.sampled_from(["ROUTEID", TWO]), st.sampled_from([".", "!", "off"]), st.booleans())  # fmt: skip


@given(NOISE, NOISE | st.none(), RESOLVERS)
@example(b"?ROUTEID=&&", b"", RouteResolver("ROUTEID"))
def test_anything(rest: bytes, cookies: bytes | None, resolver: RouteResolver) -> None:
    """Nothing that a client sends raises; a route is never empty and always a piece of what was sent."""
    request = Request(b"GET", APP + rest, True)
    request.cookie = cookies
    found = resolver.resolve(request)
    if found is None:
        return
    assert found.value
    if found.source == "cookie":
        assert found.value in (cookies or b"")
    else:
        plain = unquote_to_bytes(request.path) + request.target[len(request.path) :]
        assert found.value in plain
        assert found.source in ("path", "query")


ROUTES = st.text("abcXYZ019_-.~", min_size=1, max_size=63)
OTHERS = st.lists(st.from_regex(rb"\A[a-z]{1,8}=[A-Za-z0-9.=!]{0,8}\Z"), max_size=4)


@given(ROUTES, st.sampled_from([".", "!"]), OTHERS, OTHERS)
def test_our_own_cookie(route: str, separator: str, before: list[bytes], after: list[bytes]) -> None:
    """What our cookie says is found again among any other cookies."""
    value = RouteCookie("ROUTEID", separator=separator).value(route.encode(), False)
    pair = value.partition(b";")[0]
    request = ask(b"Cookie: " + b"; ".join([*before, pair, *after]))
    assert RouteResolver("ROUTEID", separator).resolve(request) == Route(route.encode(), "cookie", b"ROUTEID")


@given(ROUTES)
def test_our_own_cookie_without_separator(route: str) -> None:
    """Likewise with ``stickysessionsep = "off"``."""
    value = RouteCookie("ROUTEID", separator="").value(route.encode(), False)
    request = ask(b"Cookie: " + value.partition(b";")[0])
    assert RouteResolver("ROUTEID", "off").resolve(request) == Route(route.encode(), "cookie", b"ROUTEID")
