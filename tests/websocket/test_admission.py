"""Limits on WebSockets, and what they say of a member's health, in a process of its own."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.harness.client import Answer
from tests.harness.process import Panolb
from tests.harness.waiting import ADDRESS, PATIENCE, free_port, until
from tests.websocket.peer import CLOSE, PING, PONG, TEXT, Browser, Peer, RawMember

CONFIG = """\
[listener.public]
endpoint = "tcp:{port}:interface={address}"
trusted_proxies = ["127.0.0.1"]

[websockets]
max_open = 5
max_per_client = 2
close_timeout = "300ms"

[balancer.narrow]
stickysession = "ROUTEID"
session_cookie = "SESSION"
retry = "0s"
[[balancer.narrow.member]]
url = "http://{address}:{first}"
route = "a"
max_websockets = 1
[[balancer.narrow.member]]
url = "http://{address}:{second}"
route = "b"
[[balancer.narrow.member]]
url = "http://{address}:{nobody}"
route = "gone"
max_websockets = 1

[balancer.quick]
websocket_rate = 0.01
websocket_burst = 2
[[balancer.quick.member]]
url = "http://{address}:{first}"
route = "q"

[balancer.watched]
stickysession = "ROUTEID"
observe = "websocket"
[[balancer.watched.member]]
url = "http://{address}:{first}"
route = "1"
[[balancer.watched.member]]
url = "http://{address}:{second}"
route = "2"

[balancer.pinged]
observe = "websocket"
observe_fails = 1
[[balancer.pinged.member]]
url = "http://{address}:{first}"
route = "1"

[[location]]
path = "/pinged"
balancer = "pinged"
websocket_ping_interval = "700ms"
[[location]]
path = "/narrow"
balancer = "narrow"
[[location]]
path = "/quick"
balancer = "quick"
[[location]]
path = "/watched"
balancer = "watched"

[[access_log]]
path = "access.log"
format = "common"
[[access_log]]
path = "ends.log"
format = "%U %s %{{WEBSOCKET_CLOSED_BY}}e %{{WEBSOCKET_CLOSE_CODE}}e %{{WEBSOCKET_MESSAGES_IN}}e %{{WEBSOCKET_MESSAGES_OUT}}e %X"
websockets = "end"
[[access_log]]
path = "both.log"
format = "%U %s %{{WEBSOCKET_CLOSED_BY}}e %{{WEBSOCKET_CLOSE_CODE}}e %{{WEBSOCKET_MESSAGES_IN}}e %{{WEBSOCKET_MESSAGES_OUT}}e %X"

[admin]
endpoint = "tcp:{admin}:interface={address}"
"""


class Lab:
    """The process, two members, and clients that come from addresses of their own."""

    def __init__(self, directory: Path) -> None:
        self.port, self.admin = free_port(), free_port()
        self.first, self.second = RawMember(), RawMember()
        ports = {"port": self.port, "admin": self.admin, "nobody": free_port()}
        config = CONFIG.format(address=ADDRESS, first=self.first.port, second=self.second.port, **ports)
        self.directory = directory
        self.panolb = Panolb(directory, config, (self.port, self.admin))
        self._browsers: list[Browser] = []
        self._addresses = count(1)

    def ask(self, path: str, route: str = "", client: str = "", *fields: str) -> Browser:
        """Begin a handshake, for the user of a member, from an address of its own if none is given."""
        browser = Browser(self.port)
        self._browsers.append(browser)
        client = client or f"2001:db8:0:{next(self._addresses):x}::1"
        cookie = [f"Cookie: ROUTEID=.{route}"] if route else []
        browser.upgrade(path, f"X-Forwarded-For: {client}", *cookie, *fields)
        return browser

    def open(
        self, path: str = "/narrow", route: str = "", client: str = "", member: RawMember | None = None
    ) -> tuple[Peer, Peer]:
        """Both ends of a WebSocket that is let in; the member's is the first member's if not said otherwise."""
        browser = self.ask(path, route, client)
        visit = (member or self.first).visit().switch()
        return browser.switched(), visit

    def refused(self, path: str, route: str = "", client: str = "") -> Answer:
        """The answer to a handshake that is not let in."""
        answer = self.ask(path, route, client).client.answer()
        assert answer.status == 503
        assert answer.one("Retry-After") is not None
        return answer

    def get(self, target: str) -> tuple[int, Any, str]:
        """Status, headers and body of a page for operators."""
        connection = http.client.HTTPConnection(ADDRESS, self.admin, timeout=PATIENCE)
        try:
            connection.request("GET", target)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read().decode()
        finally:
            connection.close()

    def members(self) -> dict[str, dict[str, Any]]:
        """What panolb says of its members, by name."""
        status = json.loads(self.get("/status.json")[2])
        return {member["name"]: member for balancer in status["balancers"] for member in balancer["members"]}

    def busy(self) -> int:
        return sum(int(member["busy"]) for member in self.members().values())

    def quiet(self) -> None:
        """Wait until nothing is under way any more."""
        until(lambda: self.busy() == 0, "all exchanges to end")

    def lines(self, word: str, number: int, name: str = "access.log") -> list[str]:
        """The lines of a log with a word in them, when there are so many."""

        def found() -> list[str]:
            return [line for line in (self.directory / name).read_text().splitlines() if word in line]

        until(lambda: len(found()) >= number, f"{number} lines with {word} in {name}")
        return found()

    def settle(self) -> None:
        """After a test: end what it left open."""
        browsers, self._browsers = self._browsers, []
        for browser in browsers:
            browser.client.close()
        self.first.clear()
        self.second.clear()
        self.quiet()

    def close(self) -> None:
        self.panolb.close()
        self.first.close()
        self.second.close()


@pytest.fixture(scope="module")
def _lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    lab = Lab(tmp_path_factory.mktemp("admission"))
    try:
        lab.panolb.start()
        yield lab
        lab.panolb.stop()
    finally:
        lab.close()


@pytest.fixture
def lab(_lab: Lab) -> Iterator[Lab]:
    """The shared process; after each test nothing is under way."""
    yield _lab
    _lab.settle()


# -- limits -------------------------------------------------------------------------------------------------------------


def test_per_member(lab: Lab) -> None:
    """One more than a member may have is told to come again; the member does not hear of it."""
    lab.open(route="a")
    before = lab.members()["narrow/a"]["elected"]
    answer = lab.refused("/narrow", "a")
    assert answer.one("Retry-After") == "5"
    assert lab.members()["narrow/a"]["elected"] == before
    lab.open(route="b", member=lab.second)


def test_per_client(lab: Lab) -> None:
    """The third of one address; another address is let in."""
    for _ in range(2):
        lab.open(route="b", client="192.0.2.1", member=lab.second)
    lab.refused("/narrow", "b", "192.0.2.1")
    lab.open(route="b", client="192.0.2.2", member=lab.second)


def test_in_all(lab: Lab) -> None:
    """However many addresses and members they are of; ordinary requests are not counted."""
    for _ in range(5):
        lab.open(route="b", member=lab.second)
    lab.refused("/narrow", "b")
    lab.refused("/quick")
    browser = Browser(lab.port)
    browser.client.ask("GET", "/narrow", "Cookie: ROUTEID=.b")
    lab.second.visit().send("HTTP/1.1 204 No Content\r\n\r\n")
    assert browser.client.answer().status == 204


def test_bucket(lab: Lab) -> None:
    """After the burst one in 100 s is let in; those who are sent away are told different times."""
    for _ in range(2):
        lab.open("/quick")
    told = [int(lab.refused("/quick").one("Retry-After") or 0) for _ in range(3)]
    assert len(set(told)) == 3
    assert all(0 < seconds <= 30 for seconds in told)
    assert len(lab.lines(" too-fast ", 3)) == 3


# -- counts -------------------------------------------------------------------------------------------------------------


def client_leaves_within_the_handshake(lab: Lab) -> None:
    """While the member has not answered."""
    browser = lab.ask("/narrow", "a")
    visit = lab.first.visit()
    browser.client.close()
    assert visit.ended()


def member_refuses(lab: Lab) -> None:
    """An ordinary answer."""
    browser = lab.ask("/narrow", "a")
    lab.first.visit().send("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
    assert browser.client.answer().status == 403


def member_hangs_up(lab: Lab) -> None:
    """Another member takes the user over."""
    browser = lab.ask("/narrow", "a")
    lab.first.visit().socket.close()
    lab.second.visit().switch()
    peer = browser.switched()
    lab.open(route="a")[0].reset()
    peer.reset()


def member_switches_wrongly(lab: Lab) -> None:
    """A 101 with the wrong token."""
    browser = lab.ask("/narrow", "a")
    lab.first.visit().switch(accept="AAAA")
    assert browser.client.answer().status == 502


def client_closes(lab: Lab) -> None:
    """With a close frame, which is answered."""
    client, member = lab.open(route="a")
    client.close_frame(1000)
    assert member.closed() == (1000, "")
    member.close_frame(1000)
    assert client.closed() == (1000, "")


def member_closes(lab: Lab) -> None:
    """Likewise."""
    client, member = lab.open(route="a")
    member.close_frame(4001, "no more")
    assert client.closed() == (4001, "no more")
    client.close_frame(4001)
    assert member.closed() == (4001, "")


def client_is_lost(lab: Lab) -> None:
    """Its connection is reset."""
    client, member = lab.open(route="a")
    client.reset()
    assert member.closed()[0] == 1001
    member.socket.close()


def member_is_lost(lab: Lab) -> None:
    """Likewise."""
    client, member = lab.open(route="a")
    member.reset()
    assert client.closed()[0] == 1012
    client.socket.close()


def nobody_listens(lab: Lab) -> None:
    """The handshake goes on to a member that does."""
    browser = lab.ask("/narrow", "gone")
    until(lambda: lab.busy() == 1, "the handshake to be with another member")
    taken = lab.members()["narrow/b"]["busy"]
    (lab.second if taken else lab.first).visit().switch()
    browser.switched().reset()


ENDS = [
    client_leaves_within_the_handshake,
    member_refuses,
    member_hangs_up,
    member_switches_wrongly,
    client_closes,
    member_closes,
    client_is_lost,
    member_is_lost,
]


@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.__name__)
def test_counts_go_back_down(lab: Lab, end: Callable[[Lab], None]) -> None:
    """The one place with a member, and that of a client, are free again after every kind of end."""
    end(lab)
    lab.quiet()
    lab.open(route="a")
    lab.refused("/narrow", "a")


def test_failover_gives_the_place_back(lab: Lab) -> None:
    """A member that nobody can connect to would else be full after the first try."""
    for _ in range(3):
        nobody_listens(lab)
        lab.quiet()


# -- what a member's WebSockets say of its health ------------------------------------------------------------------------


def test_refused_handshakes_put_a_member_in_error(lab: Lab) -> None:
    """Five errors in a row do; what a user is refused does not."""

    def answer(status: str, number: int) -> None:
        for _ in range(number):
            browser = lab.ask("/watched", "1")
            lab.first.visit().send(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n")
            assert browser.client.answer().status == int(status[:3])

    for status in ("401 Unauthorized", "403 Forbidden", "404 Not Found", "426 Upgrade Required"):
        answer(status, 5)
    answer("503 Service Unavailable", 4)
    client, member = lab.open("/watched", "1")
    member.send(TEXT, b"I am well")
    assert client.message() == b"I am well"
    client.close_frame(1000)
    assert member.closed() == (1000, "")
    member.close_frame(1000)
    assert client.closed() == (1000, "")
    lab.quiet()
    answer("503 Service Unavailable", 4)
    assert lab.members()["watched/1"]["state"] == "up"
    answer("500 Oops", 1)
    until(lambda: lab.members()["watched/1"]["state"] == "error", "the member to be in error")
    reason = lab.members()["watched/1"]["reason"]
    assert reason.endswith("it answered a WebSocket handshake with 500")
    lab.open("/watched", "1", member=lab.second)


def test_unanswered_pings_put_a_member_in_error(lab: Lab) -> None:
    """The client answers its pings and is told goodbye; the member says nothing."""
    client, _ = lab.open("/pinged")
    while (frame := client.frame()).opcode == PING:
        client.send(PONG, frame.payload)
    assert frame.opcode == CLOSE
    client.send(CLOSE, frame.payload)
    assert len(lab.lines(" member-silent:1006 ", 1)) == 1
    assert lab.members()["pinged/1"]["state"] == "error"
    assert lab.members()["pinged/1"]["reason"].endswith("it stopped answering pings")


# -- what is told of them -----------------------------------------------------------------------------------------------


def test_two_lines_of_the_access_log(lab: Lab) -> None:
    """One at the 101 and one at the end, with the close code; a log that wants the end alone gets that."""
    client, member = lab.open("/narrow/logged", "b", "192.0.2.9", lab.second)
    (opened,) = lab.lines("/logged", 1)
    head = r'192\.0\.2\.9 - - \[[^]]+\] "GET /narrow/logged HTTP/1\.1" 101'
    assert re.fullmatch(head + r" - narrow/b sticky cookie opened \d+ \S+", opened)
    client.send(TEXT, b"abc")
    assert member.message() == b"abc"
    for number in range(2):
        member.send(TEXT, b"x" * number)
        client.message()
    client.close_frame(1000)
    member.closed()
    member.close_frame(1000)
    client.closed()
    _, ended = lab.lines("/logged", 2)
    assert re.fullmatch(head + r" \d+ narrow/b sticky cookie closed-by-client:1000 \d+ \S+", ended)
    assert ended.split()[-1] == opened.split()[-1]
    assert lab.lines("/logged", 1, "ends.log") == ["/narrow/logged 101 client 1000 1 2 -"]
    both = lab.lines("/logged", 2, "both.log")
    assert both == ["/narrow/logged 101 - - 0 0 +", "/narrow/logged 101 client 1000 1 2 -"]


def test_refusals_have_their_words(lab: Lab) -> None:
    """Which limit it was stands in the log."""
    for number in range(2):
        lab.open("/narrow/words", "ab"[number], "192.0.2.3", (lab.first, lab.second)[number])
    lab.refused("/narrow/words", "b", "192.0.2.3")
    lab.refused("/narrow/words", "a")
    for _ in range(3):
        lab.open("/narrow/words", "b", member=lab.second)
    lab.refused("/narrow/words", "b")
    terms = [line.split()[-3] for line in lab.lines("/words", 8) if '" 503 ' in line]
    assert terms == ["client-full", "member-full", "full"]
