"""A panolb with TLS in front of one member that says what it was sent."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.harness.member import Member
from tests.harness.process import Panolb
from tests.harness.scripts import Script
from tests.harness.talk import Request, Talk
from tests.harness.waiting import ADDRESS, PATIENCE, free_port, until

from .authority import Authority

BALANCER = """\

[balancer.app]
lbmethod = "byrequests"

[[balancer.app.member]]
url = "http://127.0.0.1:{member}/"
"""

LOCATION = """\

[[location]]
path = "/"
balancer = "app"
"""


def telling() -> Script:
    """A member that answers with the fields that it was sent, as JSON."""

    def script(talk: Talk, request: Request) -> None:
        talk.read_body(request)
        body = json.dumps(request.headers)
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        talk.send(head.encode() + body.encode())

    return script


class Site:
    """One panolb and its member.

    :param listener: the keys of its listener in TOML, without the endpoint; ``{directory}`` stands for its directory.
    :param more: further tables; ``{plain}`` stands for a free port, ``{port}`` for that of the listener.
    :param location: instead of one for all paths.

    :ivar authority: has issued what is in the directory.
    """

    def __init__(
        self,
        directory: Path,
        authority: Authority,
        listener: str,
        more: str = "",
        location: str = LOCATION,
    ) -> None:
        self.directory = directory
        self.authority = authority
        self.port, self.plain = free_port(), free_port()
        self.member = Member("app")
        self.member.script = telling()
        text = f'[listener.public]\nendpoint = "tcp:{self.port}:interface={ADDRESS}"\n' + listener + more
        text += BALANCER + location
        for name, value in self.values.items():
            text = text.replace("{" + name + "}", value)
        self.panolb = Panolb(directory, text, ())

    @property
    def values(self) -> dict[str, str]:
        """What braces in the texts stand for."""
        return {
            "directory": str(self.directory),
            "port": str(self.port),
            "plain": str(self.plain),
            "member": str(self.member.port),
        }

    def __enter__(self) -> Site:
        self.panolb.launch()
        until(lambda: self.panolb.lines("file descriptors"), "panolb to have started")
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        try:
            if kind is None:
                self.panolb.stop()
        finally:
            self.panolb.close()
            self.member.refuse()

    def curl(self, host: str, path: str = "/", *options: str, scheme: str = "https") -> str:
        """What curl prints of a request to a host, answer's head included."""
        return self.try_curl(host, path, *options, scheme=scheme, check=True).stdout

    def try_curl(
        self, host: str, path: str = "/", *options: str, scheme: str = "https", check: bool = False
    ) -> subprocess.CompletedProcess[str]:
        """The same, where it may fail."""
        port = self.port if scheme == "https" else self.plain
        return subprocess.run(
            [
                *("curl", "-sS", "-i", "--noproxy", "*", "--max-time", str(int(PATIENCE))),
                *("--cacert", str(self.authority.root), "--resolve", f"{host}:{port}:{ADDRESS}"),
                *options,
                f"{scheme}://{host}:{port}{path}",
            ],
            capture_output=True,
            text=True,
            check=check,
        )

    def told(self, host: str, *options: str) -> dict[str, str]:
        """The fields that the member was sent, by lower-case name."""
        body = self.curl(host, "/", *options).rpartition("\n")[2]
        return {name.lower(): value for name, value in json.loads(body)}

    def subject(self, host: str | None) -> str:
        """The subject of the certificate that a client of a host is shown; ``None``: one that names no host."""
        named = ["-noservername"] if host is None else ["-servername", host]
        return next(line for line in self.openssl(*named).splitlines() if line.startswith("subject="))

    def openssl(self, *options: str, send: str = "") -> str:
        """What ``openssl s_client`` prints."""
        found = subprocess.run(
            [
                "openssl",
                "s_client",
                "-connect",
                f"{ADDRESS}:{self.port}",
                "-CAfile",
                self.authority.root,
                *options,
            ],
            input=send,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
        return found.stdout + found.stderr

    def until_logged(self, words: str, times: int = 1) -> str:
        """Wait until so many lines of the log have these words; returns the last."""
        until(lambda: len(self.panolb.lines(words)) >= times, f"the log to say {words!r}")
        return self.panolb.lines(words)[-1]
