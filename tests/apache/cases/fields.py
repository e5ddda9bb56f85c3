"""Headers, bodies and statuses, on their way to the member and back."""

from __future__ import annotations

from tests.harness.member import close, raw

from ..changes import accepted_in_all, does, gives, refuse, wait
from ..lasting import stream
from ..scene import Case
from ..scripts import continues, page
from ..steps import PATH, ask, cookie, get, sent
from ..text import COOKIE, PAIR, plain, site

MINE = "Cookie: ROUTEID=.1"
TEN = b"0123456789"
MUCH = bytes(100_000)
HOP = (
    "Connection: close, X-Hop",
    "X-Hop: 1",
    "TE: trailers",
    "Trailer: X-T",
    "Keep-Alive: timeout=5",
    "Upgrade: foo",
)
CACHED = 'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n'
WHOLE = page("Accept-Ranges: bytes", body=TEN)


def from_server(id: str, data: str, **more: object) -> Case:
    """A request that names no virtual host, and so needs a server of its own."""
    return Case(id, plain(), [sent(data, **more)], alone=True)  # type: ignore[arg-type]


def status(id: str, line: str, code: int, reason: str) -> Case:
    """A status line that passes as it is."""
    data = f"HTTP/1.1 {line}\r\nContent-Length: 4\r\n\r\npage".encode()
    return Case(id, plain(), [does("1", raw(data)), get(status=code, reason=reason, body=b"page")])


def bad(id: str, *lines: str, status: int = 400) -> Case:
    """A request that is refused."""
    head = "\r\n".join(("POST /app/x HTTP/1.1", "Host: HOST", *lines))
    return Case(id, plain(), [sent(f"{head}\r\n\r\nxxx", status=status, to="")])


def cookies_in(id: str, first: str, status: int) -> Case:
    """The cookie in an answer of the member."""
    return Case(id, site(), [gives("1", status=first), get(to="1", sets="1", status=status, body=b"page")])


ALWAYS = COOKIE.replace("Header add", "Header always add")
CASES = (
    Case(
        "M18",
        plain(),
        [
            get(
                PATH,
                *HOP,
                to="1",
                saw_lacks=["X-Hop", "TE", "Trailer", "Keep-Alive", "Upgrade"],
                closes=True,
            )
        ],
    ),
    Case(
        "M19",
        plain(),
        [get(PATH, "X-Forwarded-For: 10.0.0.1", saw_has=["X-Forwarded-For: 10.0.0.1, 127.0.0.1"])],
        panolb=[get(PATH, "X-Forwarded-For: 10.0.0.1", saw_has=["X-Forwarded-For: 127.0.0.1"])],
        differs=["forwarded-for-everybody"],
        compat=True,
    ),
    Case(
        "M19a",
        plain(),
        [
            get(
                PATH,
                "X-Forwarded-Host: first.test",
                "X-Forwarded-Server: first.test",
                saw_has=["X-Forwarded-Host: first.test, HOST", "X-Forwarded-Server: first.test, HOST"],
            )
        ],
        panolb=[
            get(
                PATH,
                "X-Forwarded-Host: first.test",
                "X-Forwarded-Server: first.test",
                saw_has=["X-Forwarded-Host: HOST", "X-Forwarded-Server: HOST"],
            )
        ],
        differs=["forwarded-for-everybody"],
    ),
    Case(
        "M19b",
        plain(),
        [
            get(
                saw_has=["X-Forwarded-For: 127.0.0.1", "X-Forwarded-Host: HOST", "X-Forwarded-Server: HOST"],
                saw_lacks=["X-Forwarded-Proto", "X-Forwarded-Port", "Via"],
            )
        ],
        panolb=[
            get(
                saw_has=[
                    "X-Forwarded-For: 127.0.0.1",
                    "X-Forwarded-Host: HOST",
                    "X-Forwarded-Server: HOST",
                    "X-Forwarded-Proto: http",
                ],
                saw_lacks=["Via"],
            )
        ],
        differs=["forwarded-proto-port"],
    ),
    Case("M20", plain(), [sent("GET /app/x HTTP/1.1\r\n\r\n", status=400, to="")]),
    Case(
        "M20b",
        plain(),
        [sent("GET /app/x HTTP/1.0\r\n\r\n", to="1", saw_has=["Host: localhost"])],
        alone=True,
    ),
    Case(
        "M21",
        plain(),
        [get(PATH, "Cookie: a=b", "Cookie: c=d", saw_has=["Cookie: a=b, c=d"])],
        panolb=[get(PATH, "Cookie: a=b", "Cookie: c=d", saw_has=["Cookie: a=b; c=d"])],
        differs=["cookie-joined"],
    ),
    Case(
        "M22",
        plain(),
        [
            get(PATH, "Max-Forwards: 0", to="", status=400),
            get(PATH, "Max-Forwards: 5", saw_has=["Max-Forwards: 4"]),
            get(PATH, "Max-Forwards: abc", to="", status=400),
        ],
        panolb=[
            get(PATH, f"Max-Forwards: {hops}", saw_has=[f"Max-Forwards: {hops}"])
            for hops in ("0", "5", "abc")
        ],
        differs=["max-forwards"],
    ),
    Case(
        "M23",
        plain(),
        [
            ask("POST", content=TEN, chunked=True, saw_has=["Content-Length: 10"], saw_body=TEN),
            ask("POST", content=MUCH, chunked=True, saw_has=["Transfer-Encoding: chunked"], saw_body=MUCH),
        ],
        panolb=[
            ask("POST", content=TEN, chunked=True, saw_body=TEN),
            ask("POST", content=MUCH, chunked=True, saw_has=["Transfer-Encoding: chunked"], saw_body=MUCH),
        ],
        differs=["small-bodies-stay-chunked"],
    ),
    Case(
        "M24",
        plain(),
        [
            ask("POST", saw_lacks=["Content-Length", "Transfer-Encoding"]),
            ask("POST", PATH, "Content-Length: 0", saw_has=["Content-Length: 0"]),
        ],
    ),
    Case(
        "M25",
        plain(),
        [
            does("1", raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n")),
            ask("HEAD", has=["Content-Length: 1234"], body=b"", on="a"),
            ask("HEAD", has=["Content-Length: 1234"], body=b"", on="a"),
        ],
    ),
    Case(
        "M26",
        plain(),
        [does("1", raw(WHOLE)), get(PATH, "Range: bytes=2-4", status=206, body=b"234")],
        panolb=[does("1", raw(WHOLE)), get(PATH, "Range: bytes=2-4", status=200, body=TEN)],
        differs=["range-by-members"],
    ),
    Case(
        "M27",
        plain(),
        [
            does("1", continues),
            ask(
                "POST",
                PATH,
                "Expect: 100-continue",
                content=TEN,
                interim=[100],
                body=TEN,
                saw_has=["Expect: 100-continue"],
            ),
        ],
    ),
    Case("M28", plain(), [get(PATH, "Expect: foo", status=417, to="")]),
    Case(
        "M29",
        plain(),
        [
            gives("1", "Date: Sunday, 06-Nov-94 08:49:37 GMT"),
            get(has=["Date: Sun, 06 Nov 1994 08:49:37 GMT"]),
        ],
        panolb=[
            gives("1", "Date: Sunday, 06-Nov-94 08:49:37 GMT"),
            get(has=["Date: Sunday, 06-Nov-94 08:49:37 GMT"]),
        ],
        differs=["dates-untouched"],
    ),
    Case(
        "M30",
        plain(),
        [
            gives("1", "Date: Sun, 06 Nov 1994 08:49:37 GMT", "Server: mine"),
            get(has=["Date: Sun, 06 Nov 1994 08:49:37 GMT", "Server: mine"]),
        ],
    ),
    status("M31", "418 I'm a teapot", 418, "I'm a teapot"),
    status("M31b", "299 Odd", 299, "Odd"),
    status("M31c", "600 Beyond", 600, "Beyond"),
    status("M31d", "200 My Reason", 200, "My Reason"),
    status("M31e", "200 ", 200, ""),
    cookies_in("M32", "200 OK", 200),
    cookies_in("M32b", "404 Not Found", 404),
    Case("M32c", site(), [does("1", raw(CACHED.encode())), get(to="1", sets="1", status=304)]),
    Case("M32d", site(), [does("1", close), ask("POST", to="1", status=502)]),
    Case("M32e", site(), [refuse("1", "2"), get(to="", status=503)]),
    Case("M32f", site(cookie=ALWAYS), [does("1", close), ask("POST", to="1", status=502, sets="1")]),
    Case(
        "M32g",
        site(cookie=ALWAYS, members=tuple(f"{member} status=+D" for member in PAIR)),
        [get(to="", status=503)],
    ),
    Case("M32h", site(cookie=ALWAYS), [get(to="1", sets="1"), cookie("ROUTEID=.1", to="1")]),
    Case(
        "M33",
        site("RequestHeader set X-Route %{BALANCER_WORKER_ROUTE}e"),
        [cookie("ROUTEID=.1", to="1", saw_has=["X-Route: (null)"])],
        panolb=[cookie("ROUTEID=.1", to="1", saw_has=["X-Route: 1"])],
        differs=["route-in-request-headers"],
    ),
    Case(
        "M34",
        site("Header set X-Known yes env=!BALANCER_ROUTE_CHANGED"),
        [get(to="1", sets="1", lacks=["X-Known"]), cookie("ROUTEID=.1", to="1", has=["X-Known: yes"])],
    ),
    Case(
        "M35",
        site("ProxyErrorOverride On 404 410", settings="failonstatus=404"),
        [
            gives("1", "X-Mine: 1", status="404 Not Found", body=b"own page"),
            cookie("ROUTEID=.1", to="1", status=404, lacks=["X-Mine"]),
            cookie("ROUTEID=.1", to="2", sets="2"),
        ],
    ),
    Case(
        "M36",
        plain(),
        [
            does("1", raw(page("Connection: close"), end=True)),
            get(on="a", closes=False),
            get(on="a", closes=False),
            accepted_in_all("1", 2),
        ],
    ),
    Case(
        "M37",
        plain(members=("http://b1/app disablereuse=On",)),
        [get(saw_has=["Connection: close"]), get(), accepted_in_all("1", 2)],
    ),
    Case(
        "M37b",
        plain(members=("http://b1/app ttl=1",)),
        [get(on="a"), get(on="a"), accepted_in_all("1", 1), wait(2.1), get(on="a"), accepted_in_all("1", 2)],
    ),
    Case(
        "M38",
        plain(),
        [get(PATH, f"X-Long: {'x' * 8200}", status=400, to="")],
        panolb=[get(PATH, f"X-Long: {'x' * 8200}", to="1")],
        differs=["big-head-431"],
    ),
    Case(
        "M38b",
        plain(),
        [get(PATH, *(f"X-{n}: x" for n in range(105)), status=400, to="")],
        panolb=[get(PATH, *(f"X-{n}: x" for n in range(105)), status=431, to="")],
        differs=["big-head-431"],
    ),
    Case(
        "M38d",
        "LimitRequestFields 20\nLimitRequestFieldSize 1000\n" + plain(),
        [
            get(PATH, *(f"X-{n}: x" for n in range(30)), status=400, to=""),
            get(PATH, f"X-Long: {'x' * 2000}", status=400, to=""),
            get(PATH, *(f"X-{n}: x" for n in range(15)), to="1"),
        ],
        panolb=[
            get(PATH, *(f"X-{n}: x" for n in range(30)), status=431, to=""),
            get(PATH, *(f"X-{n}: x" for n in range(15)), to="1"),
        ],
        differs=["big-head-431"],
        alone=True,
    ),
    Case("M38c", plain(), [get(f"/app/{'x' * 8200}", status=414, to="")]),
    bad("M39", "Content-Length: 3", "Content-Length: 2"),
    bad("M39b", "Content-Length: +3"),
    bad("M39c", "Transfer-Encoding: gzip"),
    Case("M40", plain(), [stream]),
)
