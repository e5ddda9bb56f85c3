"""What is held, as the status page and the control API show it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.control import operating
from tests.control.lab import Lab, balancer, member, running
from tests.harness.client import Client
from tests.harness.member import Member
from tests.harness.scripts import Stall
from tests.harness.waiting import until


@pytest.fixture(scope="module")
def serving() -> Iterator[Member]:
    """The only member."""
    with Member("m") as made:
        yield made


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, serving: Member) -> Iterator[Lab]:
    """A member that may have one connection."""
    members = [member(serving.port, route='"r1"', max_connections="1")]
    with running(tmp_path_factory.mktemp("resources"), {"app": balancer(members)}) as lab:
        yield lab


def held(lab: Lab) -> dict[str, Any]:
    """What the status page's JSON says of it."""
    shown: dict[str, Any] = json.loads(lab.ask_admin("GET", "/status.json")[2])["resources"]
    return shown


def descriptors(lab: Lab) -> int:
    """How many descriptors the process has, and one for a connection to the status page."""
    return len(os.listdir(f"/proc/{lab.panolb.process.pid}/fd")) + 1


def test_of_requests(lab: Lab, serving: Member) -> None:
    """Each number counts what it is called after, and goes back with it."""
    before = held(lab)
    assert before["clients"] == {"public": 0}
    serving.script = stall = Stall()
    with Client(lab.port) as first, Client(lab.port) as second:
        first.ask("GET", "/app")
        stall.wait()
        second.ask("GET", "/app")
        until(lambda: held(lab)["exchanges_waiting"] == 1, "the second request to wait for the connection")
        now = held(lab)
        assert now["clients"] == {"public": 2}
        assert (now["exchanges"], now["websockets"]) == (2, 0)
        assert (now["member_connections"], now["member_connections_idle"]) == (1, 0)
        until(
            lambda: descriptors(lab) == before["descriptors"] + 3, "three more, as soon as others have closed"
        )
        page = lab.ask_admin("GET", "/")[2].decode()
        assert "connections of clients 2; exchanges 2, of which WebSockets 0" in page
        stall.release()
        first.answer()
        second.answer()
        now = until(lambda: held(lab)["exchanges"] == 0 and held(lab), "both exchanges to end")
        assert (now["exchanges_waiting"], now["member_connections_idle"]) == (0, 1)
    until(lambda: held(lab)["clients"] == {"public": 0}, "both clients to be gone")


def without_timers(resources: dict[str, Any]) -> dict[str, Any]:
    """What does not depend on which connections to the control socket are just ending."""
    return {name: number for name, number in resources.items() if name not in ("timers", "descriptors")}


def test_of_websockets(tmp_path: Path) -> None:
    """The control API shows the same; a WebSocket is an exchange and two sockets that are polled."""
    with operating.running(tmp_path) as lab:
        before = without_timers(lab.control.get("/api/v1/resources"))
        pair = lab.open("1")
        now = lab.control.get("/api/v1/resources")
        names = ("exchanges", "websockets", "websockets_admitted", "polled_sockets", "member_connections")
        assert [now[name] - before[name] for name in names] == [1, 1, 1, 2, 1]
        assert now["time_limits"] > before["time_limits"]
        pair.browser.socket.close()
        pair.member.socket.close()
        lab.settle()
        until(lambda: without_timers(lab.control.get("/api/v1/resources")) == before, "nothing to be left")
