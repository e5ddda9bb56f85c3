"""One panolb process with one location for WebSockets and one raw member, and the settings that a test is about."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.harness.process import Panolb
from tests.harness.waiting import ADDRESS, PATIENCE, free_port, until
from tests.websocket.lab import Pair
from tests.websocket.peer import Browser, RawMember

CONFIG = """\
[listener.public]
endpoint = "tcp:{port}:interface={address}"

[balancer.raw]
websocket_rate = 0
[[balancer.raw.member]]
url = "http://{address}:{member}"
route = "r"

[[location]]
path = "/raw"
balancer = "raw"
{settings}

[access_log]
path = "access.log"

[control]
socket = "{control}"

{tables}
"""


class Control(http.client.HTTPConnection):
    """The control API of a process.

    :param path: of its socket.
    """

    def __init__(self, path: Path) -> None:
        super().__init__("panolb", timeout=PATIENCE)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(PATIENCE)
        self.sock.connect(str(self._path))

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON of an answer, which must be a 200."""
        self.request(method, "/api/v1" + path, None if body is None else json.dumps(body))
        answer = self.getresponse()
        text = answer.read()
        assert answer.status == 200, text
        return json.loads(text)


class Single:
    """The process and its member.

    :param settings: of the location, as TOML.
    :param tables: further tables.
    :param member: the port of somebody else's member; without it a `RawMember` is made.
    """

    def __init__(self, directory: Path, settings: str, tables: str = "", member: int | None = None) -> None:
        self.port = free_port()
        self.raw = RawMember()
        self.control = directory / "control.sock"
        config = CONFIG.format(
            address=ADDRESS,
            port=self.port,
            member=member or self.raw.port,
            settings=settings,
            control=self.control,
            tables=tables,
        )
        self.panolb = Panolb(directory, config, (self.port,))
        self._browsers: list[Browser] = []

    def browse(self) -> Browser:
        """A client's connection."""
        browser = Browser(self.port)
        self._browsers.append(browser)
        return browser

    def open(self) -> Pair:
        """A WebSocket between a raw client and the raw member."""
        browser = self.browse()
        browser.upgrade("/raw")
        member = self.raw.visit().switch()
        return Pair(browser, browser.switched(), member)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Use the control API."""
        control = Control(self.control)
        try:
            return control.ask(method, path, body)
        finally:
            control.close()

    def websockets(self) -> int:
        """How many are open."""
        total: int = self.ask("GET", "/websockets?limit=1")["total"]
        return total

    def logged(self, word: str) -> list[str]:
        """The lines of the access log that contain ``word``."""
        log = self.panolb.directory / "access.log"
        return [line for line in log.read_text().splitlines() if word in line] if log.exists() else []

    def settle(self) -> None:
        """After a test: end what it left open; nothing may stay in panolb."""
        browsers, self._browsers = self._browsers, []
        for browser in browsers:
            browser.client.close()
        self.raw.clear()
        until(lambda: self.websockets() == 0, "all WebSockets to end")

    def close(self) -> None:
        for browser in self._browsers:
            browser.client.close()
        self.panolb.close()
        self.raw.close()


@contextmanager
def single(directory: Path, settings: str, tables: str = "", member: int | None = None) -> Iterator[Single]:
    """A process, started; at the end it is killed if it still runs."""
    one = Single(directory, settings, tables, member)
    try:
        one.panolb.start()
        yield one
    finally:
        one.close()
