"""One check at a time: what each kind asks of a member, and what counts as passed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from websockets.http11 import Request as HandshakeRequest
from websockets.http11 import Response
from websockets.sync.server import Server, ServerConnection, serve

from tests.control import lab as labs
from tests.control.lab import Lab
from tests.harness.member import Member
from tests.harness.scripts import Script, answer, close, raw
from tests.harness.talk import Request, Talk
from tests.harness.waiting import ADDRESS, free_port, until

FAST = 'interval = "200ms"\ninterval_changing = "100ms"\nfails = 1\n'


def silent(talk: Talk, request: Request) -> None:
    """Read the request and never answer."""
    talk.read_body(request)
    talk.ended()


def silent_within_the_body(talk: Talk, request: Request) -> None:
    """Begin an answer and never end it."""
    talk.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nalive")
    talk.ended()


@dataclass
class Case:
    """A member, how it is checked, and what comes out.

    :ivar reason: what the status page says then; a part of it is enough.
    """

    health: str
    script: Script
    state: str
    reason: str = ""


OK = answer(b"all is UP", status="200 OK")
CONDITION = "%{REQUEST_STATUS} =~ /^[234]/"
CASES = {
    "any-200": Case("", OK, "up"),
    "redirect": Case("", answer(b"", "Location: /elsewhere", status="302 Found"), "up"),
    "redirect-unwanted": Case(
        'expect_status = ["200"]',
        answer(b"", "Location: /elsewhere", status="302 Found"),
        "down",
        "answered 302",
    ),
    "not-found": Case("", answer(b"", status="404 Not Found"), "down", "answered 404"),
    "wanted-404": Case('expect_status = ["200", "404"]', answer(b"", status="404 Not Found"), "up"),
    "error": Case("", answer(b"", status="500 Oops"), "down", "answered 500"),
    "range": Case('expect_status = ["200-204"]', answer(b"", status="204 No Content"), "up"),
    "range-missed": Case('expect_status = ["200-203"]', raw(b"HTTP/1.1 204 X\r\n\r\n"), "down", "204"),
    "body": Case('expect_body = "is (UP|WARM)"', OK, "up"),
    "body-wrong": Case('expect_body = "is DOWN"', OK, "down", "the body is not the expected one"),
    "body-by-the-end": Case('expect_body = "UP"', raw(b"HTTP/1.1 200 OK\r\n\r\nit is UP", end=True), "up"),
    "body-huge": Case('expect_body = "x$"', answer(b"x" * (2 << 20)), "up"),
    "body-cut": Case(
        'expect_body = "UP"', raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nUP", end=True), "up"
    ),
    "chunked": Case(
        'expect_body = "^is UP$"',
        raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nis \r\n2\r\nUP\r\n0\r\n\r\n"),
        "up",
    ),
    "interim": Case(
        'expect_body = "UP"',
        raw(b"HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nUP"),
        "up",
    ),
    "only-interim": Case("", raw(b"HTTP/1.1 199 Wait\r\n\r\n", end=True), "down", "without an answer"),
    "switches": Case("", raw(b"HTTP/1.1 101 Surprise\r\nUpgrade: x\r\n\r\nxxx"), "down", "answered 101"),
    "head": Case('method = "HEAD"', raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"), "up"),
    "huge-head": Case(
        "", raw(b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * (20 << 10)), "down", "head of its answer"
    ),
    "condition": Case(f"expect = '{CONDITION}'", answer(b"", status="404 Not Found"), "up"),
    "condition-fails": Case(
        f"expect = '{CONDITION}'",
        answer(b"", status="503 Busy"),
        "down",
        "answered 503, for which the condition",
    ),
    "condition-alone": Case(
        """expect = "hc('body') =~ /WARM|UP/"\nexpect_status = ["200"]""",
        answer(b"UP", status="500 Oops"),
        "up",
    ),
    "condition-body-fails": Case("""expect = "%{HC_BODY} =~ /WARM/" """, OK, "down", "answered 200"),
    "condition-header": Case(
        """expect = "resp('X-State') == 'a, b' && resp('Content-Type') =~ m#^text/#" """,
        answer(b"", "X-State: a", "Content-Type: text/html", "x-state: b"),
        "up",
    ),
    "silent": Case('timeout = "300ms"', silent, "down", "no answer within 0.3 s"),
    "silent-body": Case(
        'timeout = "300ms"\nexpect_body = "dead"', silent_within_the_body, "down", "no answer within 0.3 s"
    ),
    "garbage": Case("", raw(b"SSH-2.0-OpenSSH_9.2\r\n\r\n", end=True), "down", "its answer is not HTTP"),
    "closes": Case("", close, "down", "the connection was closed without an answer"),
    "tcp": Case('check = "tcp"', silent, "up"),
    "websocket-refused": Case(
        'check = "websocket"', answer(b"", status="403 Keep <b>out</b>"), "down", "403"
    ),
    "websocket-silent": Case(
        'check = "websocket"\ntimeout = "300ms"', silent, "down", "no answer within 0.3 s"
    ),
}


class Prober:
    """The members of all cases and the process that checks them."""

    def __init__(self, lab: Lab, members: dict[str, Member]) -> None:
        self.lab = lab
        self.members = members


@pytest.fixture(scope="module")
def prober(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prober]:
    """One process for all cases: each is a balancer with one member."""
    with ExitStack() as stack:
        members: dict[str, Member] = {}
        balancers: dict[str, str] = {}
        for name, case in CASES.items():
            members[name] = stack.enter_context(Member(name))
            members[name].script = case.script
            balancers[name] = labs.balancer(
                [labs.member(members[name].port, route='"m"')], FAST + case.health
            )
        lab = stack.enter_context(labs.running(tmp_path_factory.mktemp("probes"), balancers))
        yield Prober(lab, members)


@pytest.mark.parametrize("name", CASES)
def test_what_passes(prober: Prober, name: str) -> None:
    """After a few checks the member is in the state that its answers deserve, for the reason that they give."""
    case = CASES[name]
    made = prober.members[name]
    until(lambda: made.accepted >= 3, "three checks")
    prober.lab.wait_for(f"{name}/m", case.state)
    found = prober.lab.status()[f"{name}/m"]
    assert case.reason in found["reason"], found
    assert bool(found["reason"]) is (case.state != "up")
    assert not made.failures


@pytest.mark.parametrize("name", ["redirect", "redirect-unwanted"])
def test_redirects_are_not_followed(prober: Prober, name: str) -> None:
    """Only the configured path is asked for, ever."""
    made = prober.members[name]
    until(lambda: len(made.requests) >= 3, "three checks")
    assert {request.target for request in made.requests} == {"/"}


def test_a_huge_body_is_not_read_to_its_end(prober: Prober) -> None:
    """Two megabytes are on offer; a check takes the beginning and leaves."""
    made = prober.members["body-huge"]
    until(lambda: made.accepted >= 3, "three checks")
    assert prober.lab.panolb.rss() < 200 << 20


def test_page_escapes_what_a_member_says(prober: Prober) -> None:
    """A member's own words, such as its reason phrase, are text on the status page and not markup."""
    prober.lab.wait_for("websocket-refused/m", "down")
    until(lambda: "403" in prober.lab.status()["websocket-refused/m"]["reason"], "the reason to be known")
    page = prober.lab.ask_admin("GET", "/")[2].decode()
    assert "<b>out" not in page
    assert "&lt;b&gt;out" in page


def test_timed_out_checks_leave_no_connections(prober: Prober) -> None:
    """A check that runs out of time ends its connection, wherever it hung."""
    for name in ("silent", "silent-body", "websocket-silent"):
        made = prober.members[name]
        until(lambda: made.accepted >= 5, "five checks")  # noqa: B023
        until(lambda: sum(talk.open for talk in made.talks) <= 2, f"{name}: connections to end")  # noqa: B023


def test_failing_checks_are_not_logged_one_by_one(prober: Prober) -> None:
    """A flip is a line; the hundredth failing check since then is none."""
    for name in ("websocket-refused", "websocket-silent", "silent-body", "error", "garbage"):
        made = prober.members[name]
        prober.lab.wait_for(f"{name}/m", "down")
        until(lambda: made.accepted >= 6, "six checks")  # noqa: B023
        assert len(prober.lab.flips(f"{name}/m")) == 1
        assert len(prober.lab.panolb.lines(f":{made.port}")) <= 1
    assert prober.lab.panolb.lines("opening handshake") == []


# -- what a check says ----------------------------------------------------------------------------------------------


def test_request_is_the_configured_one(tmp_path: Path) -> None:
    """Method, URI, Host and headers are as configured; the connection is the check's own; no cookie is sent back."""
    health = FAST + (
        'method = "OPTIONS"\nuri = "/app/health?deep=1"\nhost = "check.example:81"\n'
        'headers = { "X-Probe" = "yes", "Authorization" = "Basic eDp5" }\n'
    )
    with Member("m") as made:
        made.script = answer(b"", "Set-Cookie: s=1; Path=/", "Set-Cookie: ROUTEID=.m; Path=/")
        balancers = {"app": labs.balancer([labs.member(made.port)], health)}
        with labs.running(tmp_path, balancers):
            until(lambda: len(made.requests) >= 3, "three checks")
        for request in made.requests:
            assert request.line == "OPTIONS /app/health?deep=1 HTTP/1.1"
            assert request.one("Host") == "check.example:81"
            assert request.one("X-Probe") == "yes"
            assert request.one("Authorization") == "Basic eDp5"
            assert request.one("User-Agent") == "panolb-health-check"
            assert request.one("Cookie") is None
            assert request.all("X-Forwarded-For") == []
            assert not request.kept


def test_host_is_the_members_by_default(prober: Prober) -> None:
    """Without ``host`` the member is asked by its own name."""
    made = prober.members["any-200"]
    until(lambda: bool(made.requests), "a check")
    assert made.requests[0].one("Host") == f"{ADDRESS}:{made.port}"
    assert made.requests[0].method == "GET"


def test_http_1_0_and_the_server_as_a_whole(tmp_path: Path) -> None:
    """``http_version`` and ``uri = "*"`` stand in the request line, and the answer of an old server is understood."""
    health = FAST + 'method = "OPTIONS"\nuri = "*"\nhttp_version = "1.0"\nexpect_body = "^old$"\n'
    with Member("m") as made:
        made.script = raw(b"HTTP/1.0 200 OK\r\n\r\nold", end=True)
        balancers = {"app": labs.balancer([labs.member(made.port, route='"m"')], health)}
        with labs.running(tmp_path, balancers) as lab:
            until(lambda: len(made.requests) >= 3, "three checks")
            assert lab.state("app/m") == "up"
        assert {request.line for request in made.requests} == {"OPTIONS * HTTP/1.0"}
        assert made.requests[0].one("Host") == f"{ADDRESS}:{made.port}"


# -- never two at once ----------------------------------------------------------------------------------------------


def test_hanging_member_is_never_asked_twice_at_once(tmp_path: Path) -> None:
    """The next check waits for the one before, however short the interval: a sick member is not run over."""
    lock = threading.Lock()
    now = most = 0

    def hang(talk: Talk, request: Request) -> None:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        talk.read_body(request)
        talk.ended()
        with lock:
            now -= 1

    health = 'interval = "100ms"\ninterval_changing = "100ms"\ntimeout = "700ms"\n'
    with Member("m") as made:
        made.script = hang
        balancers = {"app": labs.balancer([labs.member(made.port)], health)}
        with labs.running(tmp_path, balancers):
            until(lambda: made.accepted >= 4, "four checks")
            assert made.accepted <= 5  # and not one for every 100 ms
    assert most == 1


def test_nobody_listens(tmp_path: Path) -> None:
    """A refused connection fails both kinds of check, with words that say so."""
    port = free_port()
    balancers = {
        kind: labs.balancer([labs.member(port, route='"m"')], f'{FAST}check = "{kind}"')
        for kind in ("http", "tcp", "websocket")
    }
    with labs.running(tmp_path, balancers) as lab:
        for kind in balancers:
            lab.wait_for(f"{kind}/m", "down")
            assert "refused" in lab.status()[f"{kind}/m"]["reason"]


# -- WebSocket ------------------------------------------------------------------------------------------------------


class WebSocketMember:
    """A WebSocket server that notes its handshakes and whether their pings were seen.

    :ivar deaf: answers no ping.
    """

    def __init__(self, *, deaf: bool) -> None:
        self.handshakes: list[HandshakeRequest] = []
        self.codes: list[int | None] = []
        self.port = free_port()
        self._server: Server = serve(
            self._converse,
            ADDRESS,
            self.port,
            process_request=self._note,
            select_subprotocol=lambda connection, offered: offered[0] if offered else None,
            create_connection=Deaf if deaf else None,
            ping_interval=None,
        )
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _note(self, connection: ServerConnection, request: HandshakeRequest) -> Response | None:
        self.handshakes.append(request)
        return None

    def _converse(self, connection: ServerConnection) -> None:
        for _ in connection:
            pass
        self.codes.append(connection.close_code)

    def close(self) -> None:
        self._server.shutdown()


class Deaf(ServerConnection):
    """Takes pings out of what it receives, so that nobody answers them."""

    def recv_events(self) -> None:
        receive = self.protocol.receive_data

        def without_pings(data: bytes | bytearray) -> None:
            receive(b"" if data[:1] == b"\x89" else data)

        self.protocol.receive_data = without_pings  # type: ignore[method-assign]
        super().recv_events()


def test_websocket_check(tmp_path: Path) -> None:
    """A handshake of its own, and with ``ping`` a round trip: a server that only accepts is not alive."""
    health = FAST + (
        'check = "websocket"\nuri = "/live"\nhost = "check.example"\ntimeout = "1500ms"\n'
        'subprotocols = ["v1.dash"]\nheaders = { "Origin" = "http://check.example" }\n'
    )
    hearing, deaf = WebSocketMember(deaf=False), WebSocketMember(deaf=True)
    balancers = {
        f"{name}-{ping}": labs.balancer([labs.member(made.port, route='"m"')], f"{health}ping = {ping}")
        for name, made in (("hearing", hearing), ("deaf", deaf))
        for ping in ("true", "false")
    }
    try:
        with labs.running(tmp_path, balancers) as lab:
            until(lambda: len(hearing.handshakes) >= 6 and len(deaf.handshakes) >= 6, "three checks of each")
            lab.wait_for("deaf-true/m", "down")
            for name in ("hearing-true/m", "hearing-false/m", "deaf-false/m"):
                lab.wait_for(name, "up")
            for handshake in hearing.handshakes:
                assert handshake.path == "/live"
                assert handshake.headers["Host"] in ("check.example", "check.example:80")
                assert handshake.headers["Origin"] == "http://check.example"
                assert handshake.headers["Sec-WebSocket-Protocol"] == "v1.dash"
            until(lambda: hearing.codes.count(1000) >= 2, "the checks to say goodbye")
    finally:
        hearing.close()
        deaf.close()
