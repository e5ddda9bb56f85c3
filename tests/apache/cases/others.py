"""What the catalogue tells without a case: how paths are joined, and the rest of the differences."""

from __future__ import annotations

from tests.harness.member import answer, close, when_kept

from ..changes import does, gives
from ..scene import Case
from ..sockets import closes, opens, says
from ..steps import ask, get, sent
from ..text import COOKIE, PAIR, balancer, plain, site
from .failures import MINE, STAYED
from .mapping import becomes, unproxied

ASKED = ("/app", "/app/", "/app/x")


def joined(id: str, path: str, mapping: str, apache: str, panolb: str) -> Case:
    """A member's path and a ProxyPass, and what /app, /app/ and /app/x become."""
    return Case(
        id,
        plain(members=(f"http://b1{path}",), mapping=(f"ProxyPass {mapping}",)),
        becomes(*zip(ASKED, apache.split(), strict=True)),
        panolb=becomes(*zip(ASKED, panolb.split(), strict=True)),
        differs=["slashes-that-do-not-fit", "context-root"],
        compat=True,
    )


RECIPE = "\n".join(
    (
        "ProxyPreserveHost On",
        COOKIE,
        balancer(),
        balancer(tuple(member.replace("http:", "ws:") for member in PAIR), name="ws"),
        "RewriteEngine On",
        "RewriteCond %{HTTP:Upgrade} websocket [NC]",
        "RewriteCond %{HTTP:Connection} upgrade [NC]",
        "RewriteRule ^/app(.*) balancer://ws$1 [P,L]",
        "ProxyPass /app balancer://c",
        "ProxyPassReverse /app balancer://c",
    )
)

CASES = (
    joined("X1", "/app", "/app balancer://c", "/app/ /app/ /app/x", "/app /app/ /app/x"),
    joined("X1b", "/app", "/app balancer://c/", "/app/ /app// /app//x", "/app /app/ /app/x"),
    Case(
        "X1c",
        plain(members=("http://b1/app/",), mapping=("ProxyPass /app balancer://c",)),
        becomes(("/app", "/app//"), ("/app/x", "/app//x")),
        panolb=becomes(("/app", "/app"), ("/app/x", "/app/x")),
        differs=["member-path-slash", "context-root"],
    ),
    joined("X1d", "", "/app balancer://c/app", "/app /app/ /app/x", "/app /app/ /app/x"),
    joined(
        "X1e",
        "/root",
        "/app balancer://c/sub",
        "/root/sub /root/sub/ /root/sub/x",
        "/root/sub /root/sub/ /root/sub/x",
    ),
    joined("X1f", "", "/ balancer://c/", "/app /app/ /app/x", "/app /app/ /app/x"),
    Case(
        "X2",
        plain(),
        [sent("GET http://HOST/app/x HTTP/1.1\r\nHost: HOST\r\n\r\n", to="1")],
        panolb=[sent("GET http://HOST/app/x HTTP/1.1\r\nHost: HOST\r\n\r\n", to="", status=400)],
        differs=["absolute-form"],
    ),
    Case(
        "X3", plain(), [ask("TRACE", to="1")], panolb=[ask("TRACE", to="", status=405)], differs=["trace-405"]
    ),
    Case(
        "X4",
        plain(mapping=("ProxyPass /app/ balancer://c/",)),
        unproxied("/app"),
        panolb=[get("/app", to="1")],
        differs=["trailing-slash-prefix"],
    ),
    Case(
        "X5",
        plain(),
        [
            gives("1", "Location: http://b1/apple", status="302 Found"),
            get(status=302, has=["Location: http://HOST/apple"]),
        ],
        panolb=[
            gives("1", "Location: http://b1/apple", status="302 Found"),
            get(status=302, has=["Location: http://b1/apple"]),
        ],
        differs=["reverse-boundary"],
    ),
    Case(
        "X6",
        site(),
        [STAYED, does("1", when_kept(close, answer(b"1"))), get("/app/x", MINE, to="1", status=502)],
        panolb=[STAYED, does("1", when_kept(close, answer(b"1"))), get("/app/x", MINE, to="1", body=b"1")],
        differs=["stale-connection"],
    ),
    Case(
        "X7",
        RECIPE,
        [
            STAYED,
            opens("a", MINE, to="1"),
            says("a"),
            closes("a"),
            opens("b", "Cookie: ROUTEID=.2", to="2"),
            says("b"),
            closes("b"),
        ],
        alone=True,
    ),
)
