"""One panolb with a control socket, in front of two members whose WebSockets the test holds at both ends."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.harness.control import Control
from tests.harness.process import Panolb
from tests.harness.waiting import ADDRESS, free_port, until
from tests.websocket.peer import Browser, Peer, RawMember

CONFIG = """\
[listener.public]
endpoint = "tcp:{port}:interface={address}"

[balancer.app]
stickysession = "ROUTEID"
{balancer}
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
format = "common"

[control]
socket = "{socket}"

{more}
"""


class Member(RawMember):
    """A member that can be taken down while its WebSockets go on."""

    def vanish(self) -> None:
        """Listen at the port no more."""
        self._listening.close()
        self._listening = socket.create_server((ADDRESS, 0))


class Pair:
    """Both ends of a WebSocket.

    :ivar route: the member's.
    """

    def __init__(self, route: str, browser: Peer, member: Peer) -> None:
        self.route = route
        self.browser = browser
        self.member = member

    def closed(self) -> tuple[Any, Any]:
        """What both sides are told; both must be told the same."""
        told = self.browser.closed()
        assert self.member.closed() == told
        return told

    def answer(self, code: int = 1012) -> None:
        """Both answer the close frame, and panolb ends both connections."""
        self.browser.close_frame(code)
        self.member.close_frame(code)
        assert self.browser.ended()
        self.member.socket.close()


class Lab:
    """The process, its members and its operator.

    :ivar members: by route.
    """

    def __init__(self, directory: Path, path: str, balancer: str, more: str) -> None:
        self.port = free_port()
        self.members = {"1": Member(), "2": Member()}
        config = CONFIG.format(
            port=self.port,
            address=ADDRESS,
            members=[member.port for member in self.members.values()],
            socket=path,
            balancer=balancer,
            more=more,
        )
        self.panolb = Panolb(directory, config, ())
        self.control = Control(path)
        self._browsers: list[Browser] = []

    def start(self) -> None:
        """Until the control API answers; no request goes to the members, which the test plays itself."""
        self.panolb.launch()
        until(self._answers, "the control API")

    def _answers(self) -> bool:
        ended = self.panolb.process.poll()
        assert ended is None, f"panolb ended with {ended}:\n{self.panolb.tail()}"
        return bool(self.control.get("/api/v1/members"))

    def edit(self, old: str, new: str) -> None:
        """Write the configuration anew, with one passage otherwise."""
        text = self.panolb.file.read_text()
        assert text.count(old) == 1, text
        self.panolb.file.write_text(text.replace(old, new))

    def reload(self, words: str = "is in effect") -> str:
        """Send SIGHUP; returns the line that it led to in the process log, which must have these words."""
        before = len(self.panolb.lines(words))
        self.panolb.process.send_signal(signal.SIGHUP)
        until(lambda: len(self.panolb.lines(words)) > before, f"the log to say {words!r}")
        return self.panolb.lines(words)[-1]

    def ask(self, route: str, *fields: str) -> Browser:
        """A handshake of a user who has a route; nobody has answered it yet."""
        return self.ask_for("/live", f"Cookie: ROUTEID=.{route}", *fields)

    def ask_for(self, target: str, *fields: str) -> Browser:
        """A handshake of any user; nobody has answered it yet."""
        browser = Browser(self.port)
        self._browsers.append(browser)
        browser.upgrade(target, *fields)
        return browser

    def open(self, route: str, comes_to: str = "", *fields: str) -> Pair:
        """A WebSocket of a user who has a route.

        :param comes_to: the route of the member that gets it, if that is another one.
        """
        browser = self.ask(route, *fields)
        member = self.members[comes_to or route].visit().switch()
        return Pair(comes_to or route, browser.switched(), member)

    def set(self, route: str, state: str, **more: Any) -> dict[str, Any]:
        """Have a member's state set; that must succeed."""
        status, member = self.control.post(f"/api/v1/members/app/{route}", {"state": state, **more})
        assert status == 200, member
        return member

    def member(self, route: str) -> dict[str, Any]:
        """What the API says of a member."""
        return self.control.get(f"/api/v1/members/app/{route}")

    def logged(self, words: str) -> str:
        """The line of the process log with these words; it must come."""
        return until(lambda: self.panolb.lines(words), f"the log to say {words!r}")[-1]

    def terms(self) -> list[str]:
        """How each line of the access log says that its exchange ended."""
        lines = (self.panolb.directory / "access.log").read_text().splitlines()
        return [line.split()[-3].partition(":")[0] for line in lines]

    def leave(self) -> None:
        """All browsers go away, and what the members have open."""
        browsers, self._browsers = self._browsers, []
        for browser in browsers:
            browser.client.close()
        for member in self.members.values():
            member.clear()

    def settle(self) -> None:
        """After a test: end what it left open, and set both members to active."""
        self.leave()
        for route in self.members:
            self.set(route, "active")
            until(lambda route=route: self.member(route)["busy"] == 0, "all to end")  # type: ignore[misc]

    def close(self) -> None:
        self.leave()
        self.panolb.close()
        for member in self.members.values():
            member.close()


@contextmanager
def running(directory: Path, *, balancer: str = "", more: str = "") -> Iterator[Lab]:
    """A lab, started."""
    with TemporaryDirectory(prefix="panolb-") as short:  # a UNIX socket's path must be
        lab = Lab(directory, f"{short}/control", balancer, more)
        try:
            lab.start()
            yield lab
        finally:
            lab.close()


def answer_all(pairs: Sequence[Pair]) -> None:
    """Every side answers the close frame that it was sent."""
    for pair in pairs:
        pair.answer()
