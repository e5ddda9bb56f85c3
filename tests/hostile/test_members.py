"""Members that fail, at every point: the table of docs/failures.rst, row by row, for users of a member and for new ones."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.harness.client import Client, Cut
from tests.harness.member import Member
from tests.harness.scripts import Script, answer, close, raw, reset, when_kept
from tests.harness.talk import Request, Talk
from tests.harness.waiting import until
from tests.proxy.lab import Lab, running

PAGE = Path(__file__).parents[2] / "docs" / "failures.rst"
SHORT = "600ms"
WARM, LARGE = "/app/warm", 8 << 20
OK = b"HTTP/1.1 200 OK\r\n"
PART = OK + b"Content-Length: 10\r\n\r\npart"

Row = tuple[str, str, str, str, str, str]


def written() -> list[Row]:
    """The table: what happens, what a GET gets and how often it is sent, likewise a POST, and the member's state."""
    text = PAGE.read_text(encoding="utf-8").partition("What a failing member costs")[2]
    table = re.search(r"\n   \* - What happens\n.*?\n\n", text, re.DOTALL)
    assert table is not None
    rows = [re.split(r"\n +- ", row) for row in table[0].split("\n   * - ")[2:]]
    return [tuple(re.sub(r"\s+", " ", cell.replace("``", "")).strip() for cell in row) for row in rows]  # type: ignore[misc]


# -- what members do -----------------------------------------------------------------------------------------------------


def ends(*pieces: bytes, how: Callable[[Talk, Request], None] = close, body: bool = True) -> Script:
    """Send these bytes, then end the connection.

    :param body: whether the request's body is read before.
    """

    def script(talk: Talk, request: Request) -> None:
        if body:
            talk.read_body(request)
        for piece in pieces:
            talk.send(piece)
            time.sleep(0.05)  # so that it has left before a reset
        talk.close() if how is close else talk.reset()

    return script


def freezes(*pieces: bytes, body: bool = True) -> Script:
    """Send these bytes, and then nothing."""

    def script(talk: Talk, request: Request) -> None:
        if body:
            talk.read_body(request)
        for piece in pieces:
            talk.send(piece)
        talk.cut()

    return script


def dawdles(talk: Talk, request: Request) -> None:
    """Answer in pieces, none of them later than the limits allow."""
    talk.read_body(request)
    for piece in (OK, b"Content-Length: 4\r\n\r\n", b"w", b"e", b"l", b"l"):
        time.sleep(0.05)
        talk.send(piece)


def hangs_up_when_idle(talk: Talk, request: Request) -> None:
    """Answer, and end the kept connection before it is used again."""
    answer(b"well")(talk, request)
    if request.target == WARM:
        talk.close()


def early(status: str, how: Callable[[Talk, Request], None] = close) -> Script:
    """Answer without a look at the body, and go."""
    return ends(f"HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\nno".encode(), how=how, body=False)


Doing = Callable[[Member], None]


def does(script: Script) -> Doing:
    """Do this with every request."""

    def do(member: Member) -> None:
        member.script = script

    return do


def kept(script: Script) -> Doing:
    """Do this with a request on a kept connection only."""
    return does(when_kept(script, answer(b"well")))


DOINGS: dict[str, Doing] = {
    "It refuses the connection": Member.refuse,
    "It lets the connection hang (a full backlog)": Member.black_hole,
    "A new connection ends before the answer": does(close),
    "A new connection is reset before the answer": does(reset),
    "A kept connection ends between two requests": does(hangs_up_when_idle),
    "A kept connection ends before the answer": kept(close),
    "A kept connection is reset before the answer": kept(reset),
    "It ends within the head": does(ends(b"HTTP/1.1 200 OK\r\nContent-Le")),
    "It is reset within the head": does(ends(b"HTTP/1.1 200 OK\r\nContent-Le", how=reset)),
    "It ends behind the head": does(ends(OK + b"Content-Length: 10\r\n\r\n")),
    "It ends within the body": does(ends(PART)),
    "It is reset within the body": does(ends(PART, how=reset)),
    "It ends within a chunk": does(ends(OK + b"Transfer-Encoding: chunked\r\n\r\na\r\npart")),
    "It ends in good order, and the answer has no length": does(ends(OK + b"\r\nwell")),
    "It is reset, and the answer has no length": does(ends(OK + b"\r\npart", how=reset)),
    "It is slow, within the limits": does(dawdles),
    "It freezes before the answer": does(freezes()),
    "It freezes within the head": does(freezes(b"HTTP/1.1 200 OK\r\nContent-Le")),
    "It freezes within the body": does(freezes(PART)),
    "It freezes while the body goes up": does(freezes(body=False)),
    "It ends while the body goes up": does(ends(body=False)),
    "It is reset while the body goes up": does(ends(body=False, how=reset)),
    "It answers 413 while the body goes up, and ends": does(early("413 Content Too Large")),
    "It answers 401 while the body goes up, and is reset": does(early("401 Unauthorized", how=reset)),
    "It sends less than it has promised, and goes on": does(freezes(PART)),
    "It sends more than it has promised": does(raw(OK + b"Content-Length: 4\r\n\r\nwell, and more")),
    "It says two lengths": does(raw(OK + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nwell")),
    "Its chunks are no chunks": does(raw(OK + b"Transfer-Encoding: chunked\r\n\r\nnone\r\n")),
    "It sends 1xx without end": does(raw(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 1000)),
    "It switches protocols without being asked": does(
        raw(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
    ),
    "It answers 503, which is in failonstatus": does(
        raw(OK.replace(b"200 OK", b"503 No") + b"Content-Length: 0\r\n\r\n")
    ),
}


# -- what comes of it ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Two members, short limits, and errors that are soon over."""
    limits = "\n".join(
        f'{name} = "{SHORT}"' for name in ("connect_timeout", "response_timeout", "stall_timeout")
    )
    with running(
        tmp_path_factory.mktemp("failing"),
        members=2,
        balancer=f'{limits}\nretry = "100ms"\nfailonstatus = [503]',
    ) as lab:
        yield lab


def ask(client: Client, method: str, fields: list[str], large: bool) -> str:
    """One request; what came of it, as the table says it."""
    try:
        if large:
            client.ask(method, "/app/x", *fields, f"Content-Length: {LARGE}")
            try:
                client.send(b"x" * LARGE)
            except OSError:
                pass  # whoever is answered early may be told to stop by a reset, but only after the answer
        else:
            client.ask(method, "/app/x", *fields, body=b"abc" if method == "POST" else b"")
        got = client.answer(method)
    except Cut:
        return "cut"
    return f"{got.status} of another member" if got.body == b"member 2" else str(got.status)


@pytest.mark.parametrize("user", ["own", "new"])
@pytest.mark.parametrize("row", written(), ids=lambda row: row[0])
def test_row(lab: Lab, row: Row, user: str) -> None:
    """What the client gets, how often a request was sent, and whether the member was put in error."""
    what, get, get_sent, post, post_sent, state = row
    member = lab.members[0]
    for method, gets, sent in (("GET", get, get_sent), ("POST", post, post_sent)):
        if gets == "\\-":
            continue
        lab.reset()
        for _ in range(2):  # so that it is the first one's turn to get a new user
            lab.get("/app/", "Cookie: ROUTEID=.2")
        DOINGS[what](member)
        if "kept" in what:
            lab.get(WARM, "Cookie: ROUTEID=.1")
            time.sleep(0.05)  # so that a kept connection that has ended is known to have
        before = len(lab.panolb.lines("member app/1: up -> error"))
        recorded = len(member.requests), len(lab.members[1].requests)
        with lab.client() as client:
            got = ask(client, method, ["Cookie: ROUTEID=.1"] if user == "own" else [], "goes up" in what)
        times = len(member.requests) + len(lab.members[1].requests) - sum(recorded)
        in_error = len(lab.panolb.lines("member app/1: up -> error")) > before
        assert (method, got, str(times), "error" if in_error else "up") == (method, gets, sent, state)
        until(lambda: lab.states()["1"]["state"] == "up", "its error to be over")
        assert lab.states()["1"]["busy"] == 0


def test_a_slow_client_is_no_silent_member(lab: Lab) -> None:
    """While we do not listen the member cannot speak, for however long."""
    lab.reset()
    size = 24 << 20

    def script(talk: Talk, request: Request) -> None:
        talk.send(OK + b"Content-Length: %d\r\n\r\n" % size)
        talk.send(bytes(size))

    lab.members[0].script = script
    with lab.client(receive_buffer=8192) as client:
        client.ask("GET", "/app/x", "Cookie: ROUTEID=.1")
        assert client.head().status == 200
        time.sleep(1.0)
        read = 0
        while piece := client.piece():
            read += len(piece)
        assert read == size


def test_all_rows_are_written_down() -> None:
    """And all that is written down is tested."""
    assert [row[0] for row in written()] == list(DOINGS)
