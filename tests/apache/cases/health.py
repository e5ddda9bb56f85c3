"""Health checks: what goes out, what counts as passed, what becomes of the member."""

from __future__ import annotations

from collections.abc import Sequence

from tests.harness.member import Script, answer
from tests.harness.talk import Request, Talk
from tests.harness.waiting import until

from ..changes import listen, refuse, wait
from ..scene import Case, Scene, Step, is_check
from ..sockets import closes, opens, says
from ..steps import cookie, get
from ..text import PAIR, site

CHECKED = "hcmethod=GET hcinterval=100ms hcuri=/hc"
MOVED = cookie("ROUTEID=.1", to="2", sets="2")
STAYED = cookie("ROUTEID=.1", to="1")


def checked(parameters: str = CHECKED, *more: str, rest: str = "") -> str:
    """Two members, the first one checked."""
    return site(*more, members=(f"{PAIR[0]} {parameters} {rest}".strip(), PAIR[1]))


def checks(name: str, *answers: str) -> Step:
    """This member answers checks with these statuses, the last one for ever; the step ends when that one was given."""

    def step(scene: Scene) -> None:
        statuses = list(answers)
        given: list[str] = []
        member = scene.members[name]

        def script(talk: Talk, request: Request) -> None:
            if not is_check(request):
                answer(name.encode())(talk, request)
                return
            status = statuses.pop(0) if len(statuses) > 1 else statuses[0]
            answer(b"checked", status=f"{status} So")(talk, request)
            given.append(status)

        member.script = script
        until(lambda: len(given) > len(answers), "the checks to come")

    return step


def soon_at(name: str) -> Step:
    """Before long, the first member's users are at that one."""

    def step(scene: Scene) -> None:
        def there() -> bool:
            scene.forget()
            with scene.client() as client:
                client.get("/app/x", f"Host: {scene.host}", "Cookie: ROUTEID=.1")
            return scene.reached() == name

        until(there, f"users to be served by {name}")

    return step


def wire(line: str, names: Sequence[str] = ("host",)) -> Step:
    """What a check looks like."""

    def step(scene: Scene) -> None:
        member = scene.members["1"]
        request = until(lambda: member.requests and member.requests[0], "a check")
        assert isinstance(request, Request)
        assert request.line == line, request.head
        assert [name.lower() for name, _ in request.headers] == list(names), request.head
        assert request.one("Host") == scene.text("http://b1").removeprefix("http://")

    return step


def wire_case(id: str, method: str, line: str) -> Case:
    """A method of checks."""
    return Case(
        id,
        checked(f"hcmethod={method} hcinterval=100ms hcuri=/hc"),
        [wire(line)],
        panolb=[wire(line, ("host", "user-agent", "connection"))],
        differs=["check-headers"],
    )


def status_case(id: str, status: str, passes: bool) -> Case:
    """What a status means."""
    return Case(id, checked(), [checks("1", status), STAYED if passes else soon_at("2")])


def unchecked(name: str) -> Step:
    """No check has come to this member."""

    def step(scene: Scene) -> None:
        assert scene.members[name].accepted == 0

    return step


def decided(condition: str) -> str:
    """Checks that only an expression decides."""
    return "\n".join((f"ProxyHCExpr fine {{{condition}}}", checked(f"{CHECKED} hcexpr=fine")))


def answers_checks(script: Script) -> Step:
    """Some checks are answered so."""

    def step(scene: Scene) -> None:
        member = scene.members["1"]
        member.script = lambda talk, request: (script if is_check(request) else answer(b"1"))(talk, request)
        member.requests.clear()
        until(
            lambda: len([request for request in member.requests if is_check(request)]) > 2, "checks to come"
        )

    return step


CASES = (
    wire_case("H1", "GET", "GET /app//hc HTTP/1.0"),
    wire_case("H2", "GET11", "GET /app//hc HTTP/1.1"),
    wire_case("H2b", "HEAD", "HEAD /app//hc HTTP/1.0"),
    wire_case("H2c", "HEAD11", "HEAD /app//hc HTTP/1.1"),
    wire_case("H2d", "OPTIONS", "OPTIONS * HTTP/1.0"),
    wire_case("H2e", "OPTIONS11", "OPTIONS * HTTP/1.1"),
    status_case("H3", "200", True),
    status_case("H3b", "302", True),
    status_case("H3c", "399", True),
    status_case("H3d", "400", False),
    status_case("H3e", "404", False),
    status_case("H3f", "500", False),
    Case(
        "H4",
        checked(rest="hcfails=3 hcpasses=2"),
        [
            checks("1", "500", "500", "200"),
            STAYED,
            checks("1", "500"),
            soon_at("2"),
            checks("1", "200"),
            soon_at("1"),
        ],
    ),
    Case(
        "H5",
        checked(rest="hcfails=3 hcpasses=100"),
        [checks("1", *["500", "200", "200"] * 3), MOVED],
        panolb=[checks("1", *["500", "200", "200"] * 3), STAYED],
        differs=["health-in-a-row"],
    ),
    Case("H6", checked(), [refuse("1"), MOVED, listen("1"), soon_at("1"), STAYED]),
    Case(
        "H7",
        site(members=tuple(f"{member} {CHECKED} retry=0" for member in PAIR)),
        [checks("1", "500"), checks("2", "500"), wait(0.2), *[get(to="", status=503)] * 3],
    ),
    Case("H8", checked(rest="status=+I"), [checks("1", "500"), soon_at("2"), MOVED]),
    Case(
        "H9",
        site(members=(f"{PAIR[0]} {CHECKED} status=+D", f"{PAIR[1]} {CHECKED} status=+S")),
        [checks("1", "200"), unchecked("2")],
    ),
    Case(
        "H10",
        decided("%{REQUEST_STATUS} =~ /^[234]/"),
        [answers_checks(answer(b"", status="404 Not Found")), STAYED],
    ),
    Case(
        "H10b",
        decided("hc('body') =~ /all is well/"),
        [answers_checks(answer(b"all is well here", status="500 So")), STAYED],
    ),
    Case(
        "H10c",
        decided("%{REQUEST_STATUS} -lt 400 && resp('X-Ready') == 'yes'"),
        [answers_checks(answer(b"", "X-Ready: yes")), STAYED],
    ),
    Case("H10d", decided("hc('body') =~ /all is well/"), [checks("1", "200"), soon_at("2")]),
    Case(
        "H12",
        checked(f"{CHECKED} upgrade=websocket"),
        [opens("a", "Cookie: ROUTEID=.1", to="1"), checks("1", "500"), soon_at("2"), says("a"), closes("a")],
    ),
)
