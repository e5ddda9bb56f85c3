"""One panolb process in front of raw members and members of the ``websockets`` package."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.harness.held import watch
from tests.harness.process import Panolb
from tests.harness.waiting import ADDRESS, PATIENCE, free_port, until
from tests.websocket.library import LibraryMember, dial
from tests.websocket.peer import Browser, Peer, RawMember

CONFIG = """\
[listener.public]
endpoint = "tcp:{port}:interface={address}"

{listeners}
[balancer.raw]
stickysession = "ROUTEID"
[[balancer.raw.member]]
url = "http://{address}:{raw}/raw"
route = "r"

[balancer.two]
stickysession = "ROUTEID"
[[balancer.two.member]]
url = "http://{address}:{nobody}"
route = "gone"
[[balancer.two.member]]
url = "http://{address}:{raw}/raw"
route = "r"

[balancer.deflate]
[[balancer.deflate.member]]
url = "http://{address}:{deflate}"

[balancer.plain]
[[balancer.plain.member]]
url = "http://{address}:{plain}"

{locations}
[access_log]
path = "access.log"
format = "common"

[admin]
endpoint = "tcp:{admin}:interface={address}"

[shutdown]
grace = "{grace}"
"""

IN_BOTH_LANES = {
    "/raw": ("raw", ""),
    "/two": ("two", ""),
    "/deflate": ("deflate", ""),
    "/plain": ("plain", ""),
    "/uncompressed": ("deflate", "websocket_compression = false"),
    "/idle": ("raw", 'websocket_idle_timeout = "500ms"'),
}
"""Path: balancer and more settings; in the lane of messages the same paths stand below ``/messages``."""

OTHERS = {
    "/off": ("raw", "websocket = false"),
    "/messages/pinged": (
        "raw",
        'websocket = "messages"\nwebsocket_ping_interval = "300ms"\nwebsocket_ping_misses = 20',
    ),
    "/messages/silent": (
        "raw",
        'websocket = "messages"\nwebsocket_ping_interval = "500ms"\nwebsocket_ping_misses = 4',
    ),
    "/messages/slow": (
        "raw",
        'websocket = "messages"\nwebsocket_backlog = "64KiB"\nwebsocket_slow_timeout = "1s"',
    ),
    "/messages/small": ("raw", 'websocket_max_message = "1KiB"'),
    "/messages/small-deflate": ("deflate", 'websocket_max_message = "10kB"'),
    "/messages/offload": ("deflate", 'websocket_compression = "offload"'),
    "/messages/offload-raw": ("raw", 'websocket_compression = "offload"'),
}

LANES = pytest.mark.parametrize("lane", ["splice", "messages"])
"""The test holds in both lanes; without this mark a test is of the splice."""

MESSAGES = pytest.mark.parametrize("lane", ["messages"])


Locations = dict[str, tuple[str, str]]


def _locations(more: str, own: Locations) -> str:
    """The locations' tables; ``more`` are further settings of those of `IN_BOTH_LANES`."""
    tables = {**OTHERS, **own}
    for path, (balancer, settings) in IN_BOTH_LANES.items():
        tables[path] = (balancer, f"{settings}\n{more}")
        tables["/messages" + path] = (balancer, f'{settings}\n{more}\nwebsocket = "messages"')
    return "\n".join(
        f'[[location]]\npath = "{path}"\nbalancer = "{balancer}"\n{settings}\n'
        for path, (balancer, settings) in tables.items()
    )


class Pair:
    """Both ends of a WebSocket that goes through panolb.

    :ivar browser: the client's end; `handshake` has its 101.
    :ivar member: the member's end.
    """

    def __init__(self, handshake: Browser, browser: Peer, member: Peer) -> None:
        self.handshake = handshake
        self.browser = browser
        self.member = member

    def direction(self, sender: str) -> tuple[Peer, Peer]:
        """The ends as (sender, receiver)."""
        return (self.browser, self.member) if sender == "client" else (self.member, self.browser)


class Lab:
    """The process and its members.

    :param more: further settings of the locations of `IN_BOTH_LANES`.
    :param locations: more of them, by path: balancer and settings.
    :param listeners: the tables of more of them.
    :ivar lane: ``splice`` or ``messages``: what the paths of `open`, `browse`, `dial` and `at` lead through.
    """

    def __init__(
        self,
        directory: Path,
        *,
        grace: str = "20s",
        more: str = "",
        locations: Locations | None = None,
        listeners: str = "",
    ) -> None:
        self.port, self.admin = free_port(), free_port()
        self.raw = RawMember()
        self.deflate = LibraryMember("deflate")
        self.plain = LibraryMember(None)
        self.lane = "splice"
        config = CONFIG.format(
            address=ADDRESS,
            port=self.port,
            admin=self.admin,
            raw=self.raw.port,
            nobody=free_port(),
            deflate=self.deflate.port,
            plain=self.plain.port,
            locations=_locations(more, locations or {}),
            listeners=listeners,
            grace=grace,
        )
        self.panolb = Panolb(directory, config, (self.port, self.admin))
        self._browsers: list[Browser] = []

    def at(self, path: str) -> str:
        """A path in the lane under test."""
        return path if self.lane == "splice" else "/messages" + path

    def browse(self, port: int | None = None) -> Browser:
        """A client's connection, to the lab's own listener or another one."""
        browser = Browser(port or self.port, self.at(""))
        self._browsers.append(browser)
        return browser

    def open(self, path: str = "/raw", *fields: str) -> Pair:
        """A WebSocket between a raw client and the raw member."""
        browser = self.browse()
        browser.upgrade(path, *fields)
        member = self.raw.visit().switch()
        return Pair(browser, browser.switched(), member)

    def dial(self, path: str, **options: Any) -> Any:
        """A client of the ``websockets`` package, as a context manager."""
        return dial(self.port, self.at(path), **options)

    def status(self) -> dict[str, dict[str, Any]]:
        """What panolb says of its members, by name."""
        connection = http.client.HTTPConnection(ADDRESS, self.admin, timeout=PATIENCE)
        try:
            connection.request("GET", "/status.json")
            status = json.load(connection.getresponse())
        finally:
            connection.close()
        return {member["name"]: member for balancer in status["balancers"] for member in balancer["members"]}

    def busy(self) -> int:
        """How many exchanges and WebSockets all members serve."""
        ended = self.panolb.process.poll()
        assert ended is None, f"panolb ended with {ended}:\n{self.panolb.tail()}"
        return sum(member["busy"] for member in self.status().values())

    def settle(self) -> None:
        """After a test: end what it left open; panolb must then serve nobody."""
        browsers, self._browsers = self._browsers, []
        for browser in browsers:
            browser.client.close()
        self.raw.clear()
        self.deflate.forget()
        self.plain.forget()
        until(lambda: self.busy() == 0, "all exchanges to end")

    def close(self) -> None:
        self.panolb.close()
        self.raw.close()
        self.deflate.close()
        self.plain.close()


@contextmanager
def running(directory: Path, **settings: Any) -> Iterator[Lab]:
    """A lab, started; what the test does with it is its own business."""
    lab = Lab(directory, **settings)
    try:
        lab.panolb.start()
        watch(lab.panolb, lab.admin)
        yield lab
    finally:
        for browser in lab._browsers:
            browser.client.close()
        lab.close()
