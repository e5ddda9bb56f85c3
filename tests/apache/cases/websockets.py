"""WebSockets: which handshakes get through, to whom, and what may be said then."""

from __future__ import annotations

from tests.harness.member import answer, raw

from ..changes import does, refuse, wait
from ..echo import echoes, either
from ..scene import Case, Scene, Step
from ..sockets import (
    HANDSHAKE,
    closes,
    cut,
    half_closed,
    handshake,
    opens,
    pipelined,
    says,
    switches_to,
    tunnels,
)
from ..steps import ask, cookie, get
from ..text import PAIR, site
from .states import statuses

UPGRADING = tuple(f"{member} upgrade=websocket" for member in PAIR)
WS = tuple(member.replace("http:", "ws:") for member in PAIR)
OWN = "own=1; Path=/app"
MINE = "Cookie: ROUTEID=.1"


def routed(number: int) -> str:
    """The balancer's cookie, which panolb sets on a 101 too."""
    return f"ROUTEID=.{number}; path=/"


def upgrading(*more: str, parameters: str = "", settings: str = "") -> str:
    """Two members that let WebSockets through."""
    members = tuple(f"{member} {parameters}".strip() for member in UPGRADING)
    return site(*more, members=members, settings=settings)


def in_state(flag: str) -> str:
    """The first of two members with that flag."""
    return site(members=tuple(f"{member} upgrade=websocket" for member in statuses(flag, "n")))


def own_cookie(scene: Scene) -> None:
    """The first member sets a cookie in its 101."""
    member = scene.members["1"]
    member.script = either(answer(b"1"), lambda talk, request: echoes(talk, request, f"Set-Cookie: {OWN}"))


def closed_in_peace(*fields: str, to: str, has: str | None = None) -> list[Step]:
    """A whole WebSocket."""
    cookies = () if has is None else (has,)
    return [opens("a", *fields, to=to, has=cookies), says("a"), closes("a")]


CASES = (
    Case(
        "W1",
        site(),
        [handshake(to="1", sets="1", saw_lacks=["Upgrade"], saw_has=["Sec-WebSocket-Version: 13"])],
        panolb=closed_in_peace(to="1", has=routed(1)),
        differs=["websocket-without-upgrade", "headers-on-upgrade"],
    ),
    Case(
        "W2",
        upgrading(),
        [own_cookie, opens("a", to="1", has=[OWN]), says("a"), closes("a")],
        panolb=[own_cookie, opens("a", to="1", has=[OWN, routed(1)]), says("a"), closes("a")],
        differs=["headers-on-upgrade"],
        compat=True,
    ),
    Case("W3", upgrading(), closed_in_peace("Cookie: ROUTEID=.2", to="2") * 3),
    Case(
        "W4",
        upgrading(),
        [refuse("1"), *closed_in_peace(MINE, to="2")],
        panolb=[refuse("1"), *closed_in_peace(MINE, to="2", has=routed(2))],
        differs=["headers-on-upgrade"],
        compat=True,
    ),
    Case(
        "W5",
        upgrading(),
        [get("/app/x", MINE, "Connection: Upgrade", "Upgrade: h2c", to="1", saw_lacks=["Upgrade"])],
    ),
    Case(
        "W6",
        upgrading(),
        [switches_to("websocket", "Connection: keep-alive, Upgrade", *HANDSHAKE, MINE)],
    ),
    Case(
        "W6b",
        upgrading(),
        [switches_to("websocket", *HANDSHAKE, MINE)],
        panolb=[ask("GET", "/app/x", "Upgrade: websocket", *HANDSHAKE, MINE, to="1")],
        differs=["websocket-needs-connection"],
    ),
    Case(
        "W7",
        upgrading(),
        [
            does("1", answer(b"no", status="403 Forbidden")),
            handshake(to="1", status=403, body=b"no", sets="1", on="a"),
            get("/app/x", "Cookie: ROUTEID=.2", on="a", to="2"),
        ],
    ),
    Case(
        "W8",
        upgrading(),
        [
            does(
                "1", raw(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n")
            ),
            handshake(MINE, to="1", status=502),
        ],
    ),
    Case(
        "W9",
        upgrading("Timeout 1"),
        [opens("a", MINE), says("a"), wait(0.7), says("a"), wait(0.7), says("a"), cut("a")],
        panolb=[opens("a", MINE), says("a"), wait(1.5), says("a"), closes("a")],
        differs=["websocket-idle"],
        compat=True,
    ),
    Case(
        "W9b",
        upgrading("Timeout 1", parameters="timeout=2"),
        [opens("a", MINE), wait(1.4), says("a"), cut("a")],
        panolb=[opens("a", MINE), wait(2.4), says("a"), closes("a")],
        differs=["websocket-idle"],
        compat=True,
    ),
    Case(
        "W10",
        upgrading(),
        [half_closed(b"last words")],
        panolb=[half_closed(b"")],
        differs=["websocket-half-close"],
    ),
    Case("W11", upgrading(), [pipelined(MINE)]),
    Case("W12", in_state("+N"), closed_in_peace(MINE, to="1")),
    Case(
        "W12b",
        in_state("+D"),
        closed_in_peace(MINE, to="2"),
        panolb=closed_in_peace(MINE, to="2", has=routed(2)),
        differs=["headers-on-upgrade"],
        compat=True,
    ),
    Case(
        "W12c",
        in_state("+S"),
        closed_in_peace(MINE, to="2"),
        panolb=closed_in_peace(MINE, to="2", has=routed(2)),
        differs=["headers-on-upgrade"],
        compat=True,
    ),
    Case(
        "W13",
        site(members=(f"{UPGRADING[0]} status=+D", UPGRADING[1]), settings="nofailover=On"),
        [handshake(MINE, to="", status=503)],
    ),
    Case(
        "W15",
        site(members=WS),
        [
            cookie("ROUTEID=.2", to="2"),
            ask("POST", "/app/x", MINE, content=b"body", to="1", saw_body=b"body"),
            *closed_in_peace(MINE, to="1"),
        ],
    ),
    Case(
        "W16",
        site("ProxyWebsocketFallbackToProxyHttp Off", "Timeout 1", members=WS),
        [
            get("/app/x", MINE, status=426, to="", has=["Upgrade: WebSocket"]),
            opens("a", MINE, to="1"),
            wait(1.5),
            says("a"),
            closes("a"),
        ],
        panolb=[cookie("ROUTEID=.1", to="1"), opens("a", MINE, to="1"), wait(1.5), says("a"), closes("a")],
        differs=["websocket-fallback"],
    ),
    Case(
        "W18",
        site(members=tuple(f"{member} upgrade=websocket,foo" for member in PAIR)),
        [tunnels("foo", MINE), *closed_in_peace(MINE, to="1")],
        panolb=[
            get("/app/x", MINE, "Connection: Upgrade", "Upgrade: foo", to="1", saw_lacks=["Upgrade"]),
            *closed_in_peace(MINE, to="1"),
        ],
        differs=["upgrade-websocket-only"],
    ),
    Case(
        "W18b",
        site(members=tuple(f"{member} upgrade=ANY" for member in PAIR)),
        [tunnels("foo", MINE), *closed_in_peace(MINE, to="1")],
        panolb=[
            get("/app/x", MINE, "Connection: Upgrade", "Upgrade: foo", to="1", saw_lacks=["Upgrade"]),
            *closed_in_peace(MINE, to="1"),
        ],
        differs=["upgrade-websocket-only"],
    ),
)
