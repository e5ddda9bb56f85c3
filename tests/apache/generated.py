"""What the comparison of Apache and panolb sends: configurations, requests, what members do."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

from .exchanges import Ask, Blob, Reply
from .text import COOKIE, balancer

GUIDE = "\n".join(
    (
        "ProxyPreserveHost On",
        COOKIE,
        balancer(("http://b1/panopticon route=1", "http://b2/panopticon route=2"), name="panopticoncluster"),
        "ProxyPass /panopticon balancer://panopticoncluster",
        "ProxyPassReverse /panopticon balancer://panopticoncluster",
    )
)
TOMCAT = "\n".join(
    (
        "ProxyPreserveHost On",
        balancer(
            ("http://b1 route=1", "http://b2 route=2 loadfactor=2", "http://b3 route=3 status=+H"),
            "stickysession=JSESSIONID|jsessionid scolonpathdelim=On failonstatus=503",
        ),
        "ProxyPass /private !",
        "ProxyPass / balancer://c/",
        "ProxyPassReverse / balancer://c/",
    )
)
TIERS = "\n".join(
    (
        "ProxyVia On",
        COOKIE,
        'Header edit Set-Cookie ^(ROUTEID=.*)$ "$1; HttpOnly; Secure"',
        'ErrorDocument 503 "closed for today"',
        balancer(
            ("http://b1/app route=1", "http://b2/app route=2 status=+N", "http://b3/app route=3 lbset=1"),
            "stickysession=ROUTEID nofailover=On lbmethod=bybusyness",
        ),
        "ProxyPass /app balancer://c",
        "ProxyPassReverse /app balancer://c",
    )
)
SHOP = "\n".join(
    (
        "ProxyPreserveHost On",
        "RequestHeader set X-Mark yes",
        "RequestHeader append X-List last",
        "RequestHeader unset X-Secret",
        'SetEnvIf X-Mood "^(good|bad)$" mood=$1',
        "RequestHeader set X-Mood-Was %{mood}e env=mood",
        "Header set X-Frame-Options DENY",
        "Header always append X-Always 1",
        "Header unset X-Powered-By",
        "Header edit X-Note o 0",
        "ProxyErrorOverride On 404",
        'ErrorDocument 404 "no such page"',
        balancer(("http://b1/inner", "http://b2/inner"), ""),
        "ProxyPass /shop/static !",
        "ProxyPass /shop balancer://c",
        "ProxyPassReverse /shop balancer://c",
        "ProxyPassReverseCookiePath /inner /shop",
        "ProxyPassReverseCookieDomain back.test front.test",
    )
)
CONFIGURATIONS = {"guide": GUIDE, "tomcat": TOMCAT, "tiers": TIERS, "shop": SHOP}
PREFIXES = {"guide": "/panopticon", "tomcat": "/private", "tiers": "/app", "shop": "/shop"}


@dataclass(frozen=True)
class Move:
    """One exchange of a play.

    :ivar down: the members that refuse connections now.
    """

    ask: Ask
    reply: Reply
    down: frozenset[str] = frozenset()


SEGMENTS = (
    "a B.html %41 %20 %2B + ; ;x=1 ;jsessionid=s.2 ;ROUTEID=.2 .. . ... ~u [x] %5B %7e é %C3%A9 : @ ! * static $ & , '"
).split()
# No "?ROUTEID=" at the very end: Apache now and then takes a route from beyond it.
QUERIES = (
    "",
    "?",
    "?a=b",
    "?ROUTEID=.2",
    "?a=b&ROUTEID=.1",
    "?jsessionid=s.2",
    "?ROUTEID=nodot",
    "?q=%20%2F&r=a?b",
)
STICKY = (
    "ROUTEID=.1",
    "ROUTEID=.2",
    "ROUTEID=.3",
    "ROUTEID=.9",
    "ROUTEID=x.2",
    "ROUTEID=a.b.2",
    "ROUTEID=2",
    "ROUTEID=",
    'ROUTEID=".1"',
    "ROUTEID = .1",
    "JSESSIONID=s.1",
    "JSESSIONID=s.2",
    "JSESSIONID=s.3",
    "XROUTEID=.2",
    "a=b",
    "a=ROUTEID=.2",
)
FIELDS = (
    "Accept: */*",
    "Accept-Encoding: gzip, br",
    "Authorization: Basic eDp5",
    "Connection: X-Hop",
    "X-Hop: 1",
    "X-Twice: 1",
    "X-Twice: 2",
    "X-Secret: 1",
    "X-List: first",
    "X-Mood: good",
    "X-Mood: odd",
    "X_Under: 1",
    "X-Empty:",
    "Via: 1.0 before",
    "X-Forwarded-For: 10.0.0.1",
    "X-Forwarded-Host: before.test",
    'If-None-Match: "a"',
    "Max-Forwards: 3",
    "Origin: http://elsewhere.test",
    "TE: trailers",
    "Keep-Alive: 300",
    "Proxy-Connection: keep-alive",
    "Upgrade: h2c",
    "User-Agent: differential",
)
ANSWERS = (
    "Location: http://b1/panopticon/next",
    "Location: http://b2/inner/next",
    "Location: http://b2/app",
    "Location: /relative",
    "Location: http://elsewhere.test/inner",
    "Content-Location: http://b1/inner/x",
    "Set-Cookie: JSESSIONID=s.1; Path=/inner; HttpOnly",
    "Set-Cookie: b=c; Domain=back.test",
    "Set-Cookie: ROUTEID=mine",
    "Content-Type: text/html",
    "Cache-Control: no-store",
    "X-Powered-By: members",
    "X-Note: foo",
    "Keep-Alive: timeout=5",
    "X-Two: 1",
    "X-Two: 2",
    "Date: Sun, 06 Nov 1994 08:49:37 GMT",
    "Server: member",
    "Via: 1.1 inside",
    "Vary: Cookie",
    'ETag: "a"',
)
STATUSES = (
    "200 OK",
    "200 OK",
    "200 OK",
    "201 Created",
    "204 No Content",
    "299 Odd",
    "301 Moved Permanently",
    "302 Found",
    "304 Not Modified",
    "401 Unauthorized",
    "404 Not Found",
    "418 Teapot",
    "500 Internal Server Error",
    "503 Service Unavailable",
)
METHODS = "GET GET GET POST PUT HEAD DELETE OPTIONS PATCH PROPFIND".split()
BODIES = (Blob(), Blob(b"x"), Blob(b"body" * 25), Blob(20_000))


def some(values: tuple[str, ...], most: int) -> st.SearchStrategy[tuple[str, ...]]:
    """A few different ones of these."""
    one = st.sampled_from(values)
    counts = st.integers(0, most).flatmap(lambda n: st.lists(one, min_size=n, max_size=n, unique=True))
    return counts.map(tuple)


def latin(text: str) -> str:
    """The target as a client sends it: bytes beyond ASCII in UTF-8."""
    return text.encode().decode("latin-1")


def targets(prefix: str) -> st.SearchStrategy[str]:
    """Paths at, below and beside a prefix."""
    below = st.lists(st.sampled_from(SEGMENTS), max_size=3).map(
        lambda parts: "".join(f"/{part}" for part in parts)
    )
    heads = st.sampled_from((prefix, prefix, prefix, prefix, f"/{prefix}", f"{prefix}x", prefix.upper(), ""))
    ends = st.sampled_from(("", "", "/"))
    parts = st.tuples(heads, below, ends, st.sampled_from(QUERIES))
    return parts.map(lambda found: latin("".join(found))).map(
        lambda text: text if text[:1] == "/" else f"/{text}"
    )


def asks(prefix: str) -> st.SearchStrategy[Ask]:
    """Requests."""
    cookies = some(STICKY, 3).map(lambda values: tuple(f"Cookie: {value}" for value in values))
    joined = some(STICKY, 3).map(lambda values: (f"Cookie: {'; '.join(values)}",) if values else ())
    fields = st.tuples(st.one_of(joined, joined, cookies), some(FIELDS, 5)).map(
        lambda pair: pair[0] + pair[1]
    )
    plain = st.builds(Ask, st.sampled_from(METHODS), targets(prefix), fields)
    loaded = st.builds(
        Ask,
        st.sampled_from(("POST", "PUT", "PATCH")),
        targets(prefix),
        fields,
        st.sampled_from(BODIES),
        st.booleans(),
    )
    return st.one_of(plain, plain, loaded)


def replies() -> st.SearchStrategy[Reply]:
    """What members do: as a rule they answer."""
    answers = st.builds(
        Reply,
        st.sampled_from(STATUSES),
        some(ANSWERS, 4),
        st.sampled_from(BODIES),
        st.sampled_from(("length", "length", "chunked", "close")),
    )
    failures = st.sampled_from(("close", "reset", "garbage", "no colon", "half")).map(
        lambda word: Reply(failure=word)
    )
    return st.integers(0, 9).flatmap(lambda number: failures if number == 9 else answers)


@st.composite
def plays(draw: st.DrawFn) -> tuple[str, list[Move]]:
    """A configuration, and what happens in it."""
    configuration = draw(st.sampled_from(sorted(CONFIGURATIONS)))
    downs = st.one_of(st.just(frozenset[str]()), st.frozensets(st.sampled_from("123"), max_size=2))
    moves = st.builds(Move, asks(PREFIXES[configuration]), replies(), downs)
    return configuration, draw(st.lists(moves, min_size=1, max_size=5))
