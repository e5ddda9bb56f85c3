"""A process in front of members that speak TLS."""

from __future__ import annotations

import signal
from contextlib import ExitStack
from pathlib import Path

from tests.harness.certificate import Authority
from tests.harness.control import Control
from tests.harness.held import watch
from tests.harness.member import Member
from tests.harness.process import Panolb
from tests.harness.securemember import SecureMember
from tests.harness.waiting import ADDRESS, free_port, until
from tests.proxy.lab import Lab

HEAD = """\
[listener.public]
endpoint = "tcp:{port}:interface={address}"
[admin]
endpoint = "tcp:{admin}:interface={address}"
[control]
socket = "{directory}/control"
[shutdown]
grace = "10s"
"""


class Scene:
    """A process whose configuration has balancers with members over TLS; each has a location of its name.

    :ivar authority: whose certificate the configuration knows as ``{ca}``.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.authority = Authority(directory, "authority")
        self.stranger = Authority(directory, "stranger")
        self.port, self.admin = free_port(), free_port()
        self.config = HEAD.format(port=self.port, admin=self.admin, address=ADDRESS, directory=directory)
        self.stack = ExitStack()
        self.good = self.member("good")
        self.lab: Lab
        self.control: Control

    def member(
        self, name: str, issued: tuple[Path, Path] | None = None, client_ca: Path | None = None
    ) -> SecureMember:
        """One more member; its certificate is a right one if none is given."""
        made = SecureMember(name, issued or self.authority.issue(name, names=["localhost"]), client_ca)
        self.stack.enter_context(made)
        return made

    def balancer(self, name: str, urls: list[str], more: str = "", last: str = "") -> None:
        """One whose members come one after the other."""
        ca = (
            "" if "tls_ca" in more or "tls_insecure" in more else f'tls_ca = "{self.authority.certificate}"\n'
        )
        self.config += f'\n[balancer.{name}]\nretry = "100ms"\nconnect_timeout = "1s"\n{ca}{more}\n'
        for number, url in enumerate(urls):
            self.config += f'[[balancer.{name}.member]]\nurl = "{url}"\nlbset = {number}\n'
        self.config += f'[[location]]\npath = "/{name}"\nbalancer = "{name}"\n'
        self.config += last

    def start(self) -> None:
        """With what has been written so far."""
        panolb = Panolb(self.directory, self.config, (self.port, self.admin))
        self.stack.callback(panolb.close)
        panolb.start()
        watch(panolb, self.admin)
        self.lab = Lab(panolb, [self.good])
        self.control = Control(str(self.directory / "control"))

    def resources(self) -> dict[str, int]:
        """What the process holds."""
        held: dict[str, int] = self.lab.status()["resources"]
        return held

    def reload(self, words: str) -> str:
        """Have it read its file again; returns the line that says what came of it."""
        panolb = self.lab.panolb
        panolb.file.write_text(self.config)
        before = len(panolb.lines(words))
        panolb.process.send_signal(signal.SIGHUP)
        until(lambda: len(panolb.lines(words)) > before, f"the log to say {words!r}")
        return panolb.lines(words)[-1]

    def wait_for(self, words: str) -> str:
        """The first line of the log with this in it."""
        return until(lambda: self.lab.panolb.lines(words), f"the log to say {words!r}")[0]


def url_of(member: Member, host: str = ADDRESS) -> str:
    """Where a member is."""
    return f"https://{host}:{member.port}"
