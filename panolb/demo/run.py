"""The demonstration: two members and a balancer in one process."""

from __future__ import annotations

import sys
from collections.abc import Callable
from tempfile import TemporaryDirectory
from typing import Any

from twisted.application.service import IService, MultiService
from twisted.internet.defer import Deferred

from .members import DemoMember

PUBLIC, BROWSERS, ADMIN = 10080, 10081, 10088

# 10080 is the port of the Panopticon guide, but browsers refuse it: https://fetch.spec.whatwg.org/#port-blocking

_CONFIG = """
[listener.demo]
endpoint = "tcp:{public}:interface=127.0.0.1"

[listener.browsers]
endpoint = "tcp:{browsers}:interface=127.0.0.1"

[balancer.demo]
stickysession = "ROUTEID"
retry = "5s"
connect_timeout = "2s"

[[balancer.demo.member]]
url = "http://127.0.0.1:{ports[0]}/panopticon"
route = "1"

[[balancer.demo.member]]
url = "http://127.0.0.1:{ports[1]}/panopticon"
route = "2"

[balancer.demo.health]
uri = "/panopticon/health"
interval = "1s"
timeout = "1s"

[[location]]
path = "/panopticon"
balancer = "demo"

[admin]
endpoint = "tcp:{admin}:interface=127.0.0.1"

[control]
socket = "{directory}/control"
"""

HINTS = """\
Open http://127.0.0.1:{browsers}/panopticon/ : a live dashboard, balanced over two members (curl: port {public} too).
Try   "Kill Member" on the page, and watch yourself move to the other one while the numbers go on.
Drain a member, in another terminal, and its users move to the other one without a page being reloaded:
      curl --unix-socket {directory}/control http://panolb/api/v1/members/demo/1 \\
           -d '{{"state": "drain", "close_websockets": true}}'
Back  with the same line and -d '{{"state": "active"}}'.
See   http://127.0.0.1:{admin}/ : what the balancer thinks of its members.  Ctrl-C ends the demonstration."""


class Demo(MultiService):
    """Members first, since the balancer has to know their ports.

    :param balancer: makes the balancer's service of a configuration's text.
    :param say: tells the user what to try.
    """

    def __init__(self, reactor: Any, balancer: Callable[[str], IService], say: Callable[[str], None]) -> None:
        super().__init__()
        self._balancer = balancer
        self._say = say
        self._directory: TemporaryDirectory[str] | None = None  # for the control socket
        self._members = [DemoMember(reactor, name=f"Member {route}", route=route) for route in ("1", "2")]
        for member in self._members:
            member.setServiceParent(self)

    def privilegedStartService(self) -> None:
        """Start the members, then open the balancer in front of them."""
        for member in self._members:
            member.startService()
        self._directory = TemporaryDirectory(prefix="panolb-demo-")
        places = {"public": PUBLIC, "browsers": BROWSERS, "admin": ADMIN, "directory": self._directory.name}
        balancer = self._balancer(_CONFIG.format(ports=[member.port for member in self._members], **places))
        balancer.setServiceParent(self)
        balancer.privilegedStartService()
        self._say(HINTS.format(**places))

    def startService(self) -> None:
        """Start whatever is not running yet."""
        self.running = 1
        for part in self:
            if not part.running:
                part.startService()

    def stopService(self) -> Deferred[Any]:
        """End the balancer and its members, and leave nothing behind."""
        stopped: Deferred[Any] = super().stopService()
        return stopped.addCallback(self._clean)

    def _clean(self, result: object) -> None:
        if self._directory is not None:
            self._directory.cleanup()


def demo(reactor: Any, balancer: Callable[[str], IService]) -> IService:
    """The demonstration as a service."""
    # Past twistd's log, which takes what is printed to sys.stdout.
    return Demo(reactor, balancer, lambda text: print(text, file=sys.__stdout__, flush=True))
