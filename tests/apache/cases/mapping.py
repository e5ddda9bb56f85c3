"""Paths: which requests are proxied, what the member is asked for, and how its addresses come back."""

from __future__ import annotations

from collections.abc import Sequence

from ..changes import gives
from ..scene import Case, Step
from ..steps import get
from ..text import MAPPING, PAIR, balancer, plain, site

VERBATIM = ["verbatim-path", "context-root", "slashes-that-do-not-fit"]
INNER = ("http://b1/inner",)
COOKIES = (
    "ProxyPass /app balancer://c",
    "ProxyPassReverseCookiePath /inner /app",
    "ProxyPassReverseCookieDomain back.test front.test",
)


def becomes(*pairs: tuple[str, str]) -> list[Step]:
    """Targets, and what the member is asked for."""
    return [get(sent, to="1", saw=f"GET {seen}") for sent, seen in pairs]


def unproxied(*targets: str) -> list[Step]:
    """Targets that no member is asked for."""
    return [get(target, to="", status=404) for target in targets]


def pathed(
    id: str, site: str, canonical: Sequence[tuple[str, str]], verbatim: Sequence[tuple[str, str]]
) -> Case:
    """Paths that Apache writes anew, and panolb leaves as they are."""
    return Case(id, site, becomes(*canonical), panolb=becomes(*verbatim), differs=VERBATIM, compat=True)


def reverse(id: str, *pairs: tuple[str, str], header: str = "Location", host: str = "HOST") -> Case:
    """Headers of an answer of the second member, and what becomes of them."""
    steps = []
    for given, got in pairs:
        steps.append(gives("2", f"{header}: {given}", status="302 Found"))
        steps.append(
            get("/app/x", f"Host: {host}", "Cookie: ROUTEID=.2", to="2", status=302, has=[f"{header}: {got}"])
        )
    return Case(id, "\n".join(("ProxyPreserveHost On", balancer(PAIR), *MAPPING)), steps)


def cookies(id: str, given: str, got: str) -> Case:
    """A Set-Cookie, and what becomes of it."""
    return Case(
        id,
        plain(members=INNER, mapping=COOKIES),
        [gives("1", f"Set-Cookie: {given}"), get(to="1", has=[f"Set-Cookie: {got}"])],
    )


def slashes(setting: str) -> str:
    """A virtual host with AllowEncodedSlashes."""
    return plain(f"AllowEncodedSlashes {setting}")


ALL = [get("/app/static/x", to="1"), get("/app/x", to="1")]
CASES = (
    pathed(
        "M1",
        plain(),
        [("/app", "/app/"), ("/app/", "/app/"), ("/app/x", "/app/x"), ("/app?q=1", "/app/?q=1")],
        [("/app", "/app"), ("/app/", "/app/"), ("/app/x", "/app/x"), ("/app?q=1", "/app?q=1")],
    ),
    Case("M2", plain(), unproxied("/appx", "/APP/x")),
    Case(
        "M2b",
        plain(),
        unproxied("/app;j=1"),
        panolb=becomes(("/app;j=1", "/app;j=1")),
        differs=["path-parameters"],
        compat=True,
    ),
    pathed(
        "M3",
        plain(),
        [("//app//x", "/app/x"), ("/app/a/../b", "/app/b"), ("/app/./x", "/app/x")],
        [("//app//x", "//app//x"), ("/app/a/../b", "/app/a/../b"), ("/app/./x", "/app/./x")],
    ),
    Case("M4", plain(), unproxied("/app/../x")),
    Case("M5", plain(), unproxied("/app/a%2Fb")),
    Case("M5b", slashes("NoDecode"), becomes(("/app/a%2Fb", "/app/a%2Fb"))),
    pathed("M5c", slashes("On"), [("/app/a%2Fb", "/app/a/b")], [("/app/a%2Fb", "/app/a%2Fb")]),
    pathed(
        "M6",
        plain(),
        [("/app/%41%2B%3B%20%25%3F", "/app/A+;%20%25%3F"), ("/app/%c3%a4[]", "/app/%C3%A4%5B%5D")],
        [("/app/%41%2B%3B%20%25%3F", "/app/%41%2B%3B%20%25%3F"), ("/app/%c3%a4[]", "/app/%c3%a4[]")],
    ),
    Case(
        "M7",
        plain(),
        becomes(
            ("/app/x?a=b&c=%20%2F", "/app/x?a=b&c=%20%2F"),
            ("/app/x?", "/app/x?"),
            ("/app/x?a?b", "/app/x?a?b"),
        ),
    ),
    Case(
        "M8",
        plain(mapping=("ProxyPass /app balancer://c nocanon",)),
        becomes(("/app//x", "/app//x"), ("/app/%41", "/app/%41")),
    ),
    Case(
        "M9",
        plain(mapping=("ProxyPass /app/static !", "ProxyPass /app balancer://c")),
        [*unproxied("/app/static/x"), get("/app/x", to="1")],
    ),
    Case("M9b", plain(mapping=("ProxyPass /app balancer://c", "ProxyPass /app/static !")), ALL),
    Case(
        "M10",
        "\n".join(
            (
                balancer(("http://b1/app",), "", "short"),
                balancer(("http://b2/app/long",), "", "long"),
                "ProxyPass /app balancer://short",
                "ProxyPass /app/long balancer://long",
            )
        ),
        [get("/app/long/x", to="1"), get("/app/x", to="1")],
    ),
    Case(
        "M10b",
        "\n".join(
            (
                balancer(("http://b1/app",), "", "short"),
                balancer(("http://b2/app/long",), "", "long"),
                "ProxyPass /app/long balancer://long",
                "ProxyPass /app balancer://short",
            )
        ),
        [get("/app/long/x", to="2", saw="GET /app/long/x"), get("/app/x", to="1")],
    ),
    Case(
        "M11",
        plain(members=("http://b1",), mapping=("ProxyPass /app balancer://c/app mapping=servlet",)),
        becomes(("/app;x=1/y", "/app;x=1/y")),
    ),
    Case(
        "M11b",
        plain(mapping=("ProxyPass /app balancer://c mapping=servlet",)),
        [get("/app;x=1/y", to="", status=500)],
        panolb=becomes(("/app;x=1/y", "/app;x=1/y")),
        differs=["servlet-on-the-name"],
    ),
    Case(
        "M12b",
        site(
            members=("http://b1/inner route=1", "http://b2/inner route=2"),
            mapping=(*MAPPING, *COOKIES[1:]),
        ),
        [
            gives("1", "Location: http://b2/inner/next", status="302 Found"),
            get("/app/x", "Cookie: ROUTEID=.1", to="1", status=302, has=["Location: http://HOST/app/next"]),
        ],
    ),
    reverse("M12", ("http://b1/app/y", "http://HOST/app/y"), ("http://b2/app/y", "http://HOST/app/y")),
    reverse(
        "M13",
        *(
            (value, value)
            for value in (
                "http://127.0.0.1:1/app/y",
                "https://b2/app/y",
                "http://localhost/app/y",
                "/app/y",
                "y",
                "//b2/app/y",
            )
        ),
    ),
    Case(
        "M14",
        "\n".join(("ServerAlias other.name", "ProxyPreserveHost On", balancer(PAIR), *MAPPING)),
        [
            gives("1", "Location: http://b2/app/y", status="302 Found"),
            get(
                "/app/x",
                "Host: other.name:8443",
                to="1",
                status=302,
                has=["Location: http://other.name:8443/app/y"],
            ),
        ],
    ),
    *(
        reverse(f"M15{letter}", ("http://b2/app/y", "http://HOST/app/y"), header=name)
        for letter, name in zip("abc", ("Content-Location", "URI", "Destination"), strict=True)
    ),
    *(
        reverse(f"M15{letter}", (value, value), header=name)
        for letter, name, value in (
            ("d", "Link", "<http://b2/app/y>"),
            ("e", "Refresh", "1; url=http://b2/app/y"),
        )
    ),
    cookies("M16", "a=b; Path=/inner/x; HttpOnly", "a=b; Path=/app; HttpOnly"),
    cookies("M17", "a=b; Domain=.back.test", "a=b; Domain=.back.test"),
    cookies("M17b", "a=b; Domain=back.test", "a=b; Domain=front.test"),
)
