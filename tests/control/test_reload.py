"""Another configuration takes effect while everything runs: what stays, what changes in place, what goes."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.harness.client import Client
from tests.harness.member import Member
from tests.harness.process import Panolb
from tests.harness.scripts import Stall, answer, close
from tests.harness.waiting import ADDRESS, free_port, until
from tests.websocket.peer import TEXT

from . import operating
from .operating import Lab

# -- WebSockets -----------------------------------------------------------------------------------------------------


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """A lab whose members the test plays."""
    with operating.running(tmp_path) as made:
        yield made
        made.leave()
        if made.panolb.process.poll() is None:
            made.panolb.stop()


def without_first_member(text: str) -> str:
    """A configuration without the first of its members."""
    first = text.index("[[balancer.app.member]]")
    return text[:first] + text[text.index("[[balancer.app.member]]", first + 1) :]


def test_what_survives(lab: Lab) -> None:
    """A member whose balancer, URL and route are the same keeps its WebSockets and its counters; its weight changes."""
    pair = lab.open("1")
    lab.edit('route = "1"', 'route = "1"\nloadfactor = 5')
    assert "app/1" in lab.reload()
    member = lab.member("1")
    assert (member["websockets"], member["busy"], member["elected"]) == (1, 1, 1)
    pair.browser.send(TEXT, b"still here")
    assert pair.member.message() == b"still here"
    lab.reload("says the same")
    pair.browser.close_frame(1000)
    assert pair.member.closed()[0] == 1000


def test_a_member_that_is_removed(lab: Lab) -> None:
    """Its WebSockets are told to come again, and their users come to another member."""
    gone = lab.open("1")
    lab.panolb.file.write_text(without_first_member(lab.panolb.file.read_text()))
    lab.reload()
    assert gone.closed()[0] == 1012
    gone.answer()
    lab.open("1", "2")
    assert [one["name"] for one in lab.control.get("/api/v1/members")["members"]] == ["app/2"]
    until(lambda: "removed" in lab.terms(), "the access log to say why it ended")


def test_a_handshake_under_way_when_its_member_is_removed(lab: Lab) -> None:
    """It becomes a WebSocket, and that is told to come again."""
    browser = lab.ask("1")
    visit = lab.members["1"].visit()
    lab.panolb.file.write_text(without_first_member(lab.panolb.file.read_text()))
    lab.reload()
    member = visit.switch()
    assert browser.switched().closed()[0] == 1012
    assert member.closed()[0] == 1012


def test_a_status_that_changes_in_the_file(lab: Lab) -> None:
    """It is as if an operator had said so."""
    pair = lab.open("1")
    lab.edit('route = "1"', 'route = "1"\nstatus = "disabled"')
    lab.reload()
    assert pair.closed()[0] == 1012
    assert lab.member("1")["state"] == "disabled"
    lab.edit('\nstatus = "disabled"', "")
    lab.reload()
    assert lab.member("1")["state"] == "up"


def test_a_reload_that_comes_too_late(lab: Lab) -> None:
    """While panolb stops nothing is opened again."""
    pair = lab.open("1")
    lab.panolb.terminate()
    assert pair.closed()[0] == 1012
    assert "panolb is stopping" in lab.reload("nothing has changed")
    with pytest.raises(ConnectionRefusedError):
        Client(lab.port)
    pair.answer()
    assert lab.panolb.wait() == 0


def test_websockets_of_a_listener_that_moves(lab: Lab) -> None:
    """The new listener serves, the old one refuses, and what was opened through it goes on."""
    pair = lab.open("1")
    moved = free_port()
    lab.edit(f"tcp:{lab.port}:", f"tcp:{moved}:")
    lab.reload()
    with pytest.raises(ConnectionRefusedError):
        Client(lab.port)
    lab.port = moved
    lab.open("2")
    pair.browser.send(TEXT, b"still here")
    assert pair.member.message() == b"still here"
    assert lab.control.get("/api/v1/resources")["clients"] == {"public": 2}


# -- requests -------------------------------------------------------------------------------------------------------

CONFIG = """\
[listener.public]
endpoint = "tcp:{port}:interface={address}"

[balancer.app]
stickysession = "ROUTEID"
[[balancer.app.member]]
url = "http://{address}:{members[0]}"
route = "1"
[[balancer.app.member]]
url = "http://{address}:{members[1]}"
route = "2"

[[location]]
path = "/"
balancer = "app"

[access_log]
path = "access.log"
"""


class Site:
    """A process and two members that answer with their names."""

    def __init__(self, directory: Path) -> None:
        self._stack = ExitStack()
        self.directory = directory
        self.members = [self._stack.enter_context(Member(name)) for name in "12"]
        self.port = free_port()
        self._config = CONFIG.format(
            port=self.port, address=ADDRESS, members=[member.port for member in self.members]
        )
        self.panolb = Panolb(directory, self._config, (self.port,))
        self._stack.callback(self.panolb.close)
        self.panolb.start()

    def reset(self) -> None:
        """Before each test: the configuration of the beginning, and members that are well."""
        for member in self.members:
            member.listen()
            member.forget()
            member.script = answer(member.name.encode())
        # Its members are others for a moment, so that errors are forgotten.
        nobody = self._config.replace('route = "', 'route = "x')
        for config in (nobody, self._config):
            self.panolb.file.write_text(config)
            self.hang_up("is in effect")

    def reload(self, old: str, new: str, words: str = "is in effect") -> str:
        """Replace a passage of the file and send SIGHUP; returns the line of the log that it led to."""
        text = self.panolb.file.read_text()
        assert old in text
        self.panolb.file.write_text(text.replace(old, new, 1))
        return self.hang_up(words)

    def hang_up(self, words: str) -> str:
        before = len(self.panolb.lines(words))
        self.panolb.process.send_signal(signal.SIGHUP)
        until(lambda: len(self.panolb.lines(words)) > before, f"the log to say {words!r}")
        return self.panolb.lines(words)[-1]

    def get(self, target: str = "/", *fields: str) -> bytes:
        """The body of an answer."""
        with Client(self.port) as client:
            return client.get(target, *fields).body

    def of(self, route: str) -> bytes:
        """What a user of this route is answered."""
        return self.get("/", f"Cookie: ROUTEID=.{route}")

    def close(self) -> None:
        self._stack.close()


@pytest.fixture(scope="module")
def shared_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site that is sound to its end."""
    made = Site(tmp_path_factory.mktemp("site"))
    try:
        yield made
        made.panolb.stop()
    finally:
        made.close()


@pytest.fixture
def site(shared_site: Site) -> Site:
    """The site, as it was at the beginning."""
    shared_site.reset()
    return shared_site


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[access_log]", "[acess_log]", "acess_log"),
        ("http://", "ftp://", "url"),
        ("tcp:", "tcp:70000:", "endpoint"),
        ('path = "access.log"', 'path = "/nowhere/access.log"', "/nowhere"),
        ("[listener.public]", "[listener", "toml:1"),
    ],
)
def test_a_wrong_file_changes_nothing(site: Site, old: str, new: str, said: str) -> None:
    """The log names the place; the next right one takes effect."""
    line = site.reload(old, new, "nothing has changed")
    assert said in line
    assert site.of("1") == b"1"
    site.reload(new, old, "says the same")


@pytest.mark.parametrize("what", ["pipe", "directory", "nothing"])
def test_what_is_no_file(site: Site, what: str) -> None:
    """Nobody waits for who might write to a pipe."""
    file = site.panolb.file
    right = file.read_text()
    file.unlink()
    if what == "pipe":
        os.mkfifo(file)
    elif what == "directory":
        file.mkdir()
    try:
        assert "cannot be read" in site.hang_up("nothing has changed")
        assert site.of("1") == b"1"
    finally:
        if what == "directory":
            file.rmdir()
        else:
            file.unlink(missing_ok=True)
        file.write_text(right)


def test_an_address_that_is_taken(site: Site) -> None:
    """A listener that cannot be opened is a reason to leave everything as it is."""
    taken = site.members[0].port
    more = f'[listener.more]\nendpoint = "tcp:{taken}:interface={ADDRESS}"\n\n[balancer.app]'
    line = site.reload("[balancer.app]", more, "nothing has changed")
    assert "cannot listen" in line and str(taken) in line
    assert site.of("2") == b"2"


def test_the_same_port_with_another_endpoint(site: Site) -> None:
    """Where the old listener is in the way of the new one, it goes first."""
    site.reload(f'"tcp:{site.port}:', f'"tcp:{site.port}:backlog=20:')
    assert site.of("1") == b"1"


def test_listeners_come_and_go(site: Site) -> None:
    """A kept connection of one that goes ends after the answer that it waits for."""
    other = free_port()
    more = f'[listener.more]\nendpoint = "tcp:{other}:interface={ADDRESS}"\n\n[balancer.app]'
    site.reload("[balancer.app]", more)
    stall = site.members[0].script = Stall(answer(b"late"))
    with Client(other) as waiting, Client(other) as idle:
        site.members[1].script = answer(b"2")
        assert idle.get("/", "Cookie: ROUTEID=.2").body == b"2"
        waiting.ask("GET", "/", "Cookie: ROUTEID=.1")
        stall.wait()
        site.reload(more, "[balancer.app]")
        assert idle.ended()
        stall.release()
        late = waiting.answer()
        assert (late.body, late.closes) == (b"late", True)


def test_a_request_under_way_with_a_member_that_is_removed(site: Site) -> None:
    """It is answered; the next one of its user goes to another member."""
    stall = site.members[0].script = Stall(answer(b"late"))
    with Client(site.port) as client:
        client.ask("GET", "/", "Cookie: ROUTEID=.1")
        stall.wait()
        text = site.panolb.file.read_text()
        site.reload(text, without_first_member(text))
        stall.release()
        assert client.answer().body == b"late"
        assert client.get("/", "Cookie: ROUTEID=.1").body == b"2"


def test_a_request_that_waits_for_a_member_that_is_removed(site: Site) -> None:
    """It waits for a connection, has not been sent, and goes to another member."""
    site.reload('stickysession = "ROUTEID"', 'stickysession = "ROUTEID"\nmax_connections = 1')
    stall = site.members[0].script = Stall(answer(b"late"))
    with Client(site.port) as first, Client(site.port) as second:
        first.ask("GET", "/", "Cookie: ROUTEID=.1")
        stall.wait()
        second.ask("GET", "/", "Cookie: ROUTEID=.1")
        text = site.panolb.file.read_text()
        site.reload(text, without_first_member(text))
        assert second.answer().body == b"2"
        stall.release()
        assert first.answer().body == b"late"


def test_a_member_that_is_removed_since_it_is_dead(site: Site) -> None:
    """Whoever still tries to reach it goes to another member, also when no failover is left to the others."""
    site.reload('stickysession = "ROUTEID"', 'stickysession = "ROUTEID"\nconnect_timeout = "1s"')
    site.members[0].black_hole()
    with Client(site.port) as client:
        client.ask("GET", "/", "Cookie: ROUTEID=.1")
        text = site.panolb.file.read_text()
        site.reload(text, without_first_member(text))
        assert client.answer().body == b"2"


def test_a_member_is_added(site: Site) -> None:
    """New users come to it, and its own."""
    with Member("3") as third:
        third.script = answer(b"3")
        member = (
            f'[[balancer.app.member]]\nurl = "http://{ADDRESS}:{third.port}"\nroute = "3"\n\n[[location]]'
        )
        site.reload("[[location]]", member)
        assert site.of("3") == b"3"
        assert b"3" in {site.get() for _ in range(6)}
        assert "PLB-1107] member app/3: added by the configuration" in site.panolb.log
        site.reload(member, "[[location]]")
        assert site.of("3") in (b"1", b"2")
        assert "PLB-1108] member app/3: removed by the configuration" in site.panolb.log


def test_an_error_is_not_forgotten(site: Site) -> None:
    """A member that live traffic found dead is not asked again because a file was read."""
    site.members[0].refuse()
    assert site.of("1") == b"2"
    site.reload('route = "1"', 'route = "1"\nloadfactor = 2')
    site.members[0].listen()
    assert site.of("1") == b"2"


def test_limits_change_in_place(site: Site) -> None:
    """A connection that is open obeys the new ones with its next request."""
    with Client(site.port) as client:
        assert client.get("/", "Cookie: ROUTEID=.1").status == 200
        site.reload(
            "[balancer.app]", "[extra]\n".replace("[extra]\n", "") + "[balancer.app]\nnofailover = true"
        )
        site.members[0].script = close
        site.members[0].refuse()
        assert client.get("/", "Cookie: ROUTEID=.1").status == 503


def test_a_location_is_added(site: Site) -> None:
    """Also for connections that are open."""
    with Client(site.port) as client:
        assert client.get("/old").status == 200
        moved = '[[location]]\npath = "/old"\nredirect = "https://new.example/"\nstatus = 301\n\n[access_log]'
        site.reload("[access_log]", moved)
        assert client.get("/old").status == 301


def test_the_access_log_moves(site: Site) -> None:
    """No line is lost, and each stands in the file of its time."""
    site.get("/before")
    site.reload('path = "access.log"', 'path = "other.log"')
    site.get("/after")
    until(lambda: "/after" in (site.directory / "other.log").read_text(), "the line to be written")
    assert "/before" in (site.directory / "access.log").read_text()
    assert "/after" not in (site.directory / "access.log").read_text()


def test_the_status_page_moves(site: Site) -> None:
    """Doors are opened, moved and closed like listeners."""
    first, second = free_port(), free_port()

    def page(port: int) -> str:
        return f'[admin]\nendpoint = "tcp:{port}:interface={ADDRESS}"\n\n[access_log]'

    site.reload("[access_log]", page(first))
    with Client(first) as client:
        assert client.get("/status.json").status == 200
    site.reload(page(first), page(second))
    with Client(second) as client:
        assert client.get("/status.json").status == 200
    until(lambda: _refused(first), "the old one to be closed")
    site.reload(page(second), "[access_log]")
    until(lambda: _refused(second), "the page to be closed")


def _refused(port: int) -> bool:
    try:
        Client(port).close()
    except ConnectionRefusedError:
        return True
    return False


def test_checks_come_and_go(site: Site) -> None:
    """A member that checks took out serves again when there are no checks any more."""
    health = '[balancer.app.health]\ncheck = "http"\nuri = "/health"\ninterval = "100ms"\nfails = 1\n\n[[location]]'
    site.members[0].script = answer(b"1", status="500 Broken")
    before = len(site.panolb.lines("member app/1: up -> down"))
    site.reload("[[location]]", health)
    until(lambda: len(site.panolb.lines("member app/1: up -> down")) > before, "the check to fail")
    site.reload(health, "[[location]]")
    assert site.of("1") == b"1"
