"""Members that fail, clients that fail: who is asked next, what is seen of it, who is blamed."""

from __future__ import annotations

import time

from tests.harness.member import answer

from ..changes import black_hole, does, hang_up, listen, refuse, wait
from ..lasting import begin, finish, hold, leave, release, soon, turns
from ..scene import Case, Scene
from ..scripts import deaf, resets_upload
from ..steps import ask, cookie, get, sent
from ..text import PAIR, site

MINE = "Cookie: ROUTEID=.1"
BODIES = (("a", bytes(100), False), ("b", bytes(20_000), False), ("c", bytes(5_000_000), False))
MOVED = cookie("ROUTEID=.1", to="2", sets="2")
STAYED = cookie("ROUTEID=.1", to="1")
NOBODY = cookie("ROUTEID=.1", to="", status=503)
WELL_1 = does("1", answer(b"1"))


STALLED = f"POST /app/x HTTP/1.1\r\nHost: HOST\r\n{MINE}\r\nContent-Length: 100\r\n\r\nxxx"


def first(parameters: str, settings: str = "", *more: str) -> str:
    """Two members; parameters of the first."""
    return site(*more, members=(f"{PAIR[0]} {parameters}", PAIR[1]), settings=settings)


def queues(scene: Scene) -> None:
    """A request for which there is no connection waits until there is one."""
    second = scene.client("b")
    begin("a", MINE, to="1")(scene)
    second.send(f"GET /app/x HTTP/1.1\r\nHost: {scene.host}\r\n{MINE}\r\n\r\n")
    time.sleep(0.3)
    assert scene.reached() == "1"
    assert scene.members["1"].accepted == 1
    release(scene)
    for name in ("a", "b"):
        assert scene.client(name).answer().status == 200
    assert len(scene.members["1"].requests) == 2


def waits_for_100(scene: Scene) -> None:
    """A client that sends its body when it is asked for it, by the balancer itself."""
    with scene.client() as client:
        client.send(f"POST /app/x HTTP/1.1\r\nHost: {scene.host}\r\n{MINE}\r\n")
        client.send("Expect: 100-continue\r\nContent-Length: 4\r\n\r\n")
        assert client.interim()[0] == 100
        client.send(b"body")
        assert client.answer("POST").status == 200
    (request,) = scene.members["1"].requests
    assert (request.body, request.one("Expect")) == (b"body", None)


def forced(id: str, letter: str) -> Case:
    """The only member that may serve is in error, the other one never will."""
    return Case(
        id,
        site(members=(f"{PAIR[0]} retry=1", f"{PAIR[1]} status=+{letter}")),
        [refuse("1"), NOBODY, listen("1"), NOBODY, wait(1.2), STAYED],
        panolb=[refuse("1"), NOBODY, listen("1"), STAYED],
        differs=["forced-recovery"],
    )


CASES = (
    Case("F1", site(), [refuse("1"), MOVED, listen("1"), MOVED]),
    *(
        Case(
            f"F2{letter}",
            site(),
            [
                refuse("1"),
                ask("POST", "/app/x", MINE, content=body, chunked=chunked, to="2", sets="2", saw_body=body),
            ],
        )
        for letter, body, chunked in (*BODIES, ("d", bytes(1_000_000), True))
    ),
    Case("F3", first("retry=1"), [refuse("1"), MOVED, listen("1"), MOVED, wait(1.2), STAYED, STAYED]),
    Case("F4", site(), [refuse("1", "2"), get(status=503, to="", reason="Service Unavailable"), NOBODY]),
    Case("F5", site(), [refuse("1", "2"), NOBODY, listen("1", "2"), STAYED]),
    Case(
        "F5b",
        site(members=tuple(f"{member} retry=1" for member in PAIR), settings="forcerecovery=Off"),
        [refuse("1", "2"), NOBODY, listen("1", "2"), NOBODY, wait(1.2), STAYED],
        panolb=[refuse("1", "2"), NOBODY, listen("1", "2"), MOVED, wait(1.2), STAYED],
        differs=["panic"],
        compat=True,
    ),
    Case("F5c", site(), [refuse("1", "2"), get(status=503, to=""), listen("1", "2"), turns("2121")]),
    forced("F6", "D"),
    forced("F6b", "S"),
    forced("F6c", "C"),
    Case(
        "F6d",
        site(members=(f"{PAIR[0]} retry=1", f"{PAIR[1]} status=+N")),
        [refuse("1"), NOBODY, listen("1"), NOBODY, wait(1.2), STAYED],
        panolb=[refuse("1"), NOBODY, listen("1"), STAYED],
        differs=["forced-recovery"],
    ),
    Case(
        "F7",
        site(members=tuple(f"{member} retry=0" for member in PAIR)),
        [refuse("1"), NOBODY, NOBODY],
        panolb=[refuse("1"), MOVED, MOVED],
        differs=["sticky-retry-0"],
    ),
    Case(
        "F8",
        first("status=+I"),
        [refuse("1"), NOBODY, NOBODY, listen("1"), STAYED],
        panolb=[refuse("1"), MOVED, MOVED, listen("1"), STAYED],
        differs=["ignored-errors-fail-over"],
    ),
    Case("F9", site(settings="maxattempts=0"), [refuse("1"), NOBODY]),
    Case("F10", site(settings="nofailover=On"), [refuse("1"), NOBODY, listen("1"), NOBODY]),
    Case(
        "F11",
        first("connectiontimeout=300ms"),
        [black_hole("1"), ask("POST", "/app/x", MINE, content=b"body", to="2", sets="2", saw_body=b"body")],
    ),
    Case(
        "F12",
        first("timeout=1"),
        [black_hole("1"), ask("POST", "/app/x", MINE, content=b"body", to="2", sets="2", saw_body=b"body")],
    ),
    Case(
        "F28",
        site(members=("http://nowhere.invalid/app route=1", PAIR[1])),
        [cookie("ROUTEID=.1", to="", status=500), MOVED],
        panolb=[MOVED, MOVED],
        differs=["name-failover"],
    ),
    Case(
        "F29",
        first("max=1 acquire=300"),
        [hold("1"), begin("a", MINE, to="1"), MOVED, release, finish("a"), MOVED],
        panolb=[hold("1"), begin("a", MINE, to="1"), MOVED, release, finish("a"), STAYED],
        differs=["acquire-without-blame"],
    ),
    Case("F30", first("max=1"), [hold("1"), queues]),
    Case(
        "F31",
        site(members=tuple(f"{member} status=+D" for member in PAIR), settings="timeout=1"),
        [get(status=503, to="")],
    ),
    Case(
        "F32",
        first("ping=500ms"),
        [
            STAYED,
            does("1", deaf),
            ask("POST", "/app/x", MINE, content=b"body", to="1 2", sets="2"),
            WELL_1,
            MOVED,
        ],
    ),
    Case(
        "F33",
        site(members=tuple(f"{member} timeout=1" for member in PAIR)),
        [
            does("1", deaf),
            does("2", deaf),
            ask("POST", "/app/x", MINE, "Expect: 100-continue", content=b"body", to="1 2", status=503),
        ],
        panolb=[
            does("1", deaf),
            ask("POST", "/app/x", MINE, "Expect: 100-continue", content=b"body", to="1", status=504),
            WELL_1,
            STAYED,
        ],
        differs=["blameless-requests"],
    ),
    Case("F33b", site("Proxy100Continue Off"), [waits_for_100]),
    Case(
        "F34",
        site(),
        [ask("POST", "/app/x", MINE, "Transfer-Encoding: gzip, chunked", status=500, to=""), MOVED],
        panolb=[ask("POST", "/app/x", MINE, "Transfer-Encoding: gzip, chunked", status=400, to=""), STAYED],
        differs=["blameless-requests"],
    ),
    Case("F35", site(), [STAYED, hang_up("1"), STAYED]),
    Case(
        "F36",
        site(),
        [
            does("1", resets_upload),
            ask("POST", "/app/x", MINE, content=bytes(5_000_000), to="1", status=502),
            WELL_1,
            STAYED,
        ],
    ),
    Case(
        "F37",
        site(settings="lbmethod=bybusyness"),
        [hold("1"), begin("a", to="1"), leave("a"), turns("2222"), release, soon("1")],
        panolb=[hold("1"), begin("a", to="1"), leave("a"), WELL_1, soon("1")],
        differs=["client-gone"],
    ),
    Case(
        "F38",
        "Timeout 1\n" + site(),
        [
            does("1", deaf),
            sent(
                f"POST /app/x HTTP/1.1\r\nHost: HOST\r\n{MINE}\r\nContent-Length: 100000\r\n\r\n"
                + "x" * 50000,
                status=408,
                to="1",
            ),
            WELL_1,
            STAYED,
        ],
        alone=True,
    ),
    Case(
        "F38b",
        "Timeout 1\n" + site(),
        [sent(STALLED, status=408, to=""), STAYED],
        panolb=[does("1", deaf), sent(STALLED, status=408, to="1"), WELL_1, STAYED],
        differs=["body-at-once"],
        alone=True,
    ),
    Case(
        "F40",
        site('ErrorDocument 503 "closed for today"', members=tuple(f"{m} status=+D" for m in PAIR)),
        [get(status=503, to="", body=b"closed for today")],
    ),
)
