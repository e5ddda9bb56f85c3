"""An operator moves a user from one member to another, or closes his WebSockets: the process, the API and both ends."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.control.operating import Lab, Pair, running
from tests.harness.client import Answer, Client
from tests.harness.waiting import until

ROUTEID, JSESSIONID = 'stickysession = "ROUTEID"', 'stickysession = "JSESSIONID"'


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """One for all; each test has users of its own."""
    with running(tmp_path_factory.mktemp("sessions")) as made:
        yield made


@pytest.fixture(params=["ROUTEID", "JSESSIONID"])
def sticky(lab: Lab, request: pytest.FixtureRequest) -> Iterator[str]:
    """The cookie that keeps users where they are: panolb's own, or the members'."""
    if request.param == "JSESSIONID":
        lab.edit(ROUTEID, JSESSIONID)
        lab.reload()
    yield request.param
    lab.settle()
    if request.param == "JSESSIONID":
        lab.edit(JSESSIONID, ROUTEID)
        lab.reload()


@dataclass
class User:
    """Somebody with a session that began on member 1, and a browser that keeps cookies.

    :ivar route: in the cookie by which he stays.
    """

    lab: Lab
    sticky: str
    name: str
    route: str = "1"

    @property
    def cookies(self) -> str:
        """JSESSIONID tells his session apart in any case; with Tomcat's route it also keeps him where he is."""
        if self.sticky == "JSESSIONID":
            return f"Cookie: JSESSIONID={self.name}.{self.route}"
        return f"Cookie: JSESSIONID={self.name}; ROUTEID=.{self.route}"

    @property
    def session(self) -> str:
        """Its id."""
        (one,) = {
            record["session"]
            for record in self.lab.control.get("/api/v1/websockets")["websockets"]
            if record["path"] == f"/{self.name}"
        }
        return str(one)

    def open(self, comes_to: str) -> Pair:
        """Open a WebSocket; it must come to this member."""
        browser = self.lab.ask_for(f"/{self.name}", self.cookies)
        member = self.lab.members[comes_to].visit().switch()
        pair = Pair(comes_to, browser.switched(), member)
        self._learn(browser.all("Set-Cookie"))
        return pair

    def get(self, comes_to: str) -> Answer:
        """Ask for something on a connection of its own; it must come to this member."""
        with Client(self.lab.port) as client:
            return self.get_on(client, comes_to)

    def get_on(self, client: Client, comes_to: str) -> Answer:
        """The same on a connection that is kept."""
        client.ask("GET", f"/{self.name}", self.cookies)
        self.lab.members[comes_to].visit().send(
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
        )
        answer = client.answer()
        assert answer.status == 200
        self._learn(answer.all("Set-Cookie"))
        return answer

    def _learn(self, cookies: list[str]) -> None:
        for cookie in cookies:
            assert self.sticky == "ROUTEID", "panolb sets no cookie of its own"
            assert cookie.startswith("ROUTEID=.")
            self.route = cookie.partition(";")[0].partition(".")[2]


def move(lab: Lab, session: str, member: str) -> tuple[int, dict[str, Any]]:
    """Move a session; status and answer."""
    return lab.control.post(f"/api/v1/sessions/{session}/move", {"member": member})


def show(lab: Lab, session: str) -> dict[str, Any]:
    """What the API says of a session."""
    return lab.control.get(f"/api/v1/sessions/{session}")


def test_move(lab: Lab, sticky: str) -> None:
    """His WebSocket is closed with 1012 and comes back on the other member, where his requests go too."""
    ann, bob = User(lab, sticky, "ann"), User(lab, sticky, "bob")
    page, other = ann.open("1"), bob.open("1")
    session = ann.session
    ann.get("1")
    assert show(lab, session)["members"] == ["app/1"]
    moved = {"session": session, "member": "app/2", "websockets": 1}
    assert move(lab, session, "app/2") == (200, moved)
    assert page.closed()[0] == 1012
    page.answer()
    assert show(lab, session)["moving_to"] == "app/2"
    back = ann.open("2")
    ann.get("2")
    shown = show(lab, session)
    assert (shown["members"], shown["websockets"], shown["moving_to"]) == (["app/2"], 1, None)
    assert [record["member"] for record in shown["websocket_records"]] == ["app/2"]
    assert ann.route == ("2" if sticky == "ROUTEID" else "1")
    bob.get("1")
    other.browser.send(1, b"still here")
    assert other.member.message() == b"still here"
    assert lab.logged(f"session {session}: it is moved to app/2")
    until(lambda: any("moved:1012" in line for line in access_log(lab, "/ann")), "the access log to say why")
    words = [line.partition(" app/")[2].split()[1] for line in access_log(lab, "/ann")]
    assert "moved" in words
    back.browser.close_frame(1000)


def access_log(lab: Lab, path: str) -> list[str]:
    """The lines about a path."""
    lines = (lab.panolb.directory / "access.log").read_text().splitlines()
    return [line for line in lines if f"GET {path} " in line]


def test_kept_connections(lab: Lab, sticky: str) -> None:
    """Whatever was worked out for the requests before, the next one on the same connection goes where it is to go."""
    ann = User(lab, sticky, "nora")
    page = ann.open("1")
    session = ann.session
    with Client(lab.port) as client:
        for member in ("1", "2", "1", "2"):
            assert move(lab, session, f"app/{member}")[0] == 200
            for _ in range(2):
                ann.get_on(client, member)
    assert page.closed()[0] == 1012


def test_drain_of_the_new_member(lab: Lab, sticky: str) -> None:
    """A plain drain lets him stay; one that moves its users ends the move, and he does not come back by it."""
    ann = User(lab, sticky, "cleo")
    page = ann.open("1")
    session = ann.session
    assert move(lab, session, "app/2")[0] == 200
    assert page.closed()[0] == 1012
    page.answer()
    page = ann.open("2")
    assert lab.set("2", "drain")["websockets"] == 1
    ann.get("2")
    assert lab.set("2", "drain", close_websockets=True)["closing"] == 1
    assert page.closed()[0] == 1012
    page.answer()
    ann.get("1")
    back = ann.open("1")
    lab.set("2", "active")
    ann.get("1")
    assert show(lab, session)["moving_to"] is None
    back.browser.close_frame(1000)


def test_moves_outlast_reloads(lab: Lab, sticky: str) -> None:
    """But for one that takes the member away."""
    ann = User(lab, sticky, "dora")
    page = ann.open("1")
    session = ann.session
    assert move(lab, session, "app/2")[0] == 200
    page.closed()
    page.answer()
    lab.edit('route = "2"', 'route = "2"\nloadfactor = 2')
    lab.reload()
    ann.get("2")
    away = member_2(lab)
    lab.edit(away, "")
    lab.reload()
    ann.get("1")
    assert move(lab, session, "app/2")[0] == 404
    lab.edit('route = "1"\n', f'route = "1"\n{away.replace("loadfactor = 2", "")}')
    lab.reload()
    ann.get("1")
    assert lab.control.ask("GET", f"/api/v1/sessions/{session}")[0] == 404


def member_2(lab: Lab) -> str:
    """Its table in the configuration."""
    text = lab.panolb.file.read_text()
    start = text.rindex("[[balancer.app.member]]")
    return text[start : text.index("[[location]]")]


def test_close(lab: Lab, sticky: str) -> None:
    """All of his, nobody else's, and he comes back to where he was."""
    ann, bob = User(lab, sticky, "ella"), User(lab, sticky, "fred")
    pages, other = [ann.open("1"), ann.open("1")], bob.open("1")
    session = ann.session
    closed = lab.control.post(f"/api/v1/sessions/{session}/close", {})
    assert closed == (200, {"session": session, "websockets": 2})
    for page in pages:
        assert page.closed()[0] == 1012
        page.answer()
    ann.open("1").browser.close_frame(1000)
    other.browser.send(1, b"still here")
    assert other.member.message() == b"still here"
    until(
        lambda: sum("closed-by-operator:1012" in line for line in access_log(lab, "/ella")) == 2,
        "the access log to say why",
    )


def test_refusals(lab: Lab, sticky: str) -> None:
    """What cannot be done says why, and nothing is closed."""
    ann = User(lab, sticky, "gwen")
    page = ann.open("1")
    session = ann.session
    lab.set("2", "disabled")
    for one, member, status, words in (
        ("0123456789ab", "app/2", 404, "there is no session 0123456789ab"),
        (session, "app/7", 404, "there is no member app/7"),
        (session, "app/2", 409, "app/2 cannot take it: its state is disabled"),
    ):
        answered, said = move(lab, one, member)
        assert (answered, words in said["error"]) == (status, True), said
    page.browser.send(1, b"still here")
    assert page.member.message() == b"still here"


def test_list(lab: Lab, sticky: str) -> None:
    """By member, a page at a time."""
    users = [User(lab, sticky, name, route) for name, route in (("h1", "1"), ("h2", "2"), ("h3", "2"))]
    for user in users:
        user.open(user.route)
    told = lab.control.get("/api/v1/sessions")
    assert told["total"] == 3
    assert {one["session"] for one in told["sessions"]} == {user.session for user in users}
    told = lab.control.get("/api/v1/sessions?member=app/2&offset=1&limit=1")
    assert (told["total"], [one["session"] for one in told["sessions"]]) == (2, [users[2].session])


def test_restart_forgets(tmp_path: Path) -> None:
    """Moves are kept in memory only."""
    with running(tmp_path) as lab:
        ann = User(lab, "ROUTEID", "ida")
        page = ann.open("1")
        assert move(lab, ann.session, "app/2")[0] == 200
        page.closed()
        page.answer()
        lab.panolb.stop()
        lab.start()
        assert lab.control.get("/api/v1/sessions")["total"] == 0
        ann.get("1")
