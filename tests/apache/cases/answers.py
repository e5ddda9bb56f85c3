"""Members that answer badly, late or not at all: what the client sees of it, who is blamed."""

from __future__ import annotations

from tests.harness.member import answer, close, raw

from ..changes import does, wait
from ..scene import Case
from ..scripts import page, pauses, stalls
from ..steps import PATH, ask, cookie, get
from ..text import site
from .failures import MINE, MOVED, STAYED, WELL_1, first

LONG = f"X-Long: {'x' * 9000}"
BOTH = page("Transfer-Encoding: chunked", body=b"2\r\nok\r\n0\r\n\r\n")
MANY = b"HTTP/1.1 102 Processing\r\n\r\n" * 10 + page()


def bad_answer(id: str, *data: bytes) -> Case:
    """An answer that is none: 502."""
    return Case(
        id,
        site(),
        [does("1", raw(*data, end=True)), ask("POST", "/app/x", MINE, to="1", status=502), WELL_1, STAYED],
    )


CASES = (
    Case(
        "F13",
        site(),
        [does("1", close), cookie("ROUTEID=.1", to="1", status=502), WELL_1, STAYED],
        panolb=[does("1", close), cookie("ROUTEID=.1", to="1 2", sets="2"), WELL_1],
        differs=["failover-once-more"],
    ),
    Case("F13b", site(), [does("1", close), ask("POST", "/app/x", MINE, to="1", status=502), WELL_1, STAYED]),
    Case(
        "F14",
        site(),
        [
            get("/app/x", "Cookie: ROUTEID=.2", on="a", to="2"),
            does("1", close),
            ask("POST", "/app/x", MINE, on="a", to="1", status=None),
            WELL_1,
            MOVED,
        ],
        panolb=[
            get("/app/x", "Cookie: ROUTEID=.2", on="a", to="2"),
            does("1", close),
            ask("POST", "/app/x", MINE, on="a", to="1", status=502),
            WELL_1,
            STAYED,
        ],
        differs=["no-silent-close"],
    ),
    Case(
        "F15",
        site(),
        [
            get("/app/x", MINE, on="a", to="1"),
            does("1", close),
            ask("POST", "/app/x", MINE, on="a", to="1", status=None),
            WELL_1,
            STAYED,
        ],
        panolb=[
            get("/app/x", MINE, on="a", to="1"),
            does("1", close),
            ask("POST", "/app/x", MINE, on="a", to="1", status=502),
            WELL_1,
            STAYED,
        ],
        differs=["no-silent-close"],
    ),
    Case(
        "F16",
        first("timeout=1"),
        [does("1", stalls()), cookie("ROUTEID=.1", to="1", status=502), WELL_1, STAYED],
        panolb=[does("1", stalls()), cookie("ROUTEID=.1", to="1", status=504), WELL_1, STAYED],
        differs=["timeout-504"],
        compat=True,
    ),
    Case(
        "F16b",
        first("timeout=1", "failontimeout=On"),
        [does("1", stalls()), cookie("ROUTEID=.1", to="1", status=502), WELL_1, MOVED],
        panolb=[does("1", stalls()), cookie("ROUTEID=.1", to="1", status=504), WELL_1, MOVED],
        differs=["timeout-504"],
        compat=True,
    ),
    bad_answer("F17", b"HTTP/1.1 200 OK\r\nContent-Le"),
    bad_answer("F17b", b"HTTP/1.1 200 OK\r\nno colon\r\nContent-Length: 0\r\n\r\n"),
    Case(
        "F17c",
        site(),
        [does("1", answer(b"page", LONG)), ask("POST", PATH, MINE, to="1", status=502), WELL_1, STAYED],
        panolb=[does("1", answer(b"page", LONG)), ask("POST", PATH, MINE, to="1", has=[LONG])],
        differs=["response-field-size"],
    ),
    Case(
        "F18",
        site(),
        [
            does("1", raw(page(body=bytes(1000))[:-900], end=True)),
            cookie("ROUTEID=.1", to="1", truncated=True, body=bytes(100)),
            WELL_1,
            STAYED,
        ],
    ),
    Case(
        "F19",
        site(),
        [
            does("1", raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", end=True)),
            cookie("ROUTEID=.1", to="1", truncated=True, body=b"hello"),
            WELL_1,
            STAYED,
        ],
    ),
    Case(
        "F20",
        first("timeout=1", "failontimeout=On"),
        [
            does("1", pauses(3)),
            cookie("ROUTEID=.1", to="1", truncated=True, body=bytes(100)),
            WELL_1,
            STAYED,
        ],
    ),
    Case(
        "F21",
        site(),
        [does("1", raw(b"SSH-2.0-x\r\n", end=True)), cookie("ROUTEID=.1", to="1", body=b"SSH-2.0-x")],
        panolb=[
            does("1", raw(b"SSH-2.0-x\r\n", end=True)),
            ask("POST", "/app/x", MINE, to="1", status=502),
        ],
        differs=["garbage-502"],
    ),
    bad_answer("F22", b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"),
    Case(
        "F23",
        site(),
        [
            does("1", raw(BOTH)),
            cookie(
                "ROUTEID=.1", to="1", body=b"ok", has=["Transfer-Encoding: chunked"], lacks=["Content-Length"]
            ),
        ],
        panolb=[does("1", raw(BOTH)), ask("POST", PATH, MINE, to="1", status=502)],
        differs=["ambiguous-answer"],
    ),
    Case(
        "F24",
        site(),
        [does("1", raw(MANY)), ask("POST", PATH, MINE, to="1", status=502, interim=[102] * 10)],
        panolb=[does("1", raw(MANY)), ask("POST", PATH, MINE, to="1", body=b"page", interim=[102] * 10)],
        differs=["interim-limit"],
    ),
    Case(
        "F24b",
        site(),
        [
            does("1", raw(b"HTTP/1.1 102 Processing\r\n\r\n" * 9 + page())),
            cookie("ROUTEID=.1", to="1", interim=[102] * 9, body=b"page"),
        ],
    ),
    Case(
        "F25",
        site(),
        [
            does("1", answer(b"busy", status="503 Service Unavailable")),
            cookie("ROUTEID=.1", to="1", status=503, body=b"busy"),
            WELL_1,
            STAYED,
        ],
    ),
    Case(
        "F26",
        first("retry=1", "failonstatus=503"),
        [
            does("1", answer(b"busy", status="503 Service Unavailable")),
            cookie("ROUTEID=.1", to="1", status=503, body=b"busy"),
            WELL_1,
            MOVED,
            wait(1.2),
            STAYED,
        ],
    ),
    Case(
        "F27",
        site(settings="failonstatus=502"),
        [does("1", close), ask("POST", "/app/x", MINE, to="1", status=502), WELL_1, MOVED],
    ),
)
