"""The status page: for people, and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.control import lab as labs
from tests.control.lab import Lab
from tests.harness.client import Client
from tests.harness.member import Member
from tests.harness.scripts import Stall
from tests.harness.waiting import ADDRESS, until


@pytest.fixture(scope="module")
def member() -> Iterator[Member]:
    """The only member that serves."""
    with Member("m") as made:
        yield made


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, member: Member) -> Iterator[Lab]:
    """A member with a route and one without."""
    members = [labs.member(member.port, route='"r1"'), labs.member(1, status='"disabled"')]
    with labs.running(tmp_path_factory.mktemp("status"), {"my-app": labs.balancer(members)}) as lab:
        yield lab


def test_json(lab: Lab, member: Member) -> None:
    """Every member with its state and its counters, ready for a script."""
    before = lab.status()["my-app/r1"]["elected"]
    lab.get("/my-app")
    status, headers, body = lab.ask_admin("GET", "/status.json")
    assert status == 200
    assert headers["Content-Type"] == "application/json"
    assert headers["Cache-Control"] == "no-store"
    (balancer,) = json.loads(body)["balancers"]
    assert balancer["name"] == "my-app"
    first, second = balancer["members"]
    assert first["url"] == f"http://{ADDRESS}:{member.port}"
    assert (first["name"], first["route"], first["state"]) == ("my-app/r1", "r1", "up")
    assert first["elected"] == before + 1
    assert (second["name"], second["state"]) == (f"my-app/{ADDRESS}:1", "disabled")


def test_busy_counts_what_is_under_way(lab: Lab, member: Member) -> None:
    """A request that the member has not answered yet makes it busy."""
    stall = Stall()
    member.script = stall
    with Client(lab.port) as client:
        client.ask("GET", "/my-app")
        stall.wait()
        assert lab.status()["my-app/r1"]["busy"] == 1
        stall.release()
        client.answer()
    until(lambda: lab.status()["my-app/r1"]["busy"] == 0, "the request to be over")


def test_page(lab: Lab, member: Member) -> None:
    """The page shows the same, is never stored, and needs nothing from elsewhere."""
    status, headers, body = lab.ask_admin("GET", "/")
    page = body.decode()
    assert status == 200
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert headers["Cache-Control"] == "no-store"
    for word in ("my-app", "r1", f"http://{ADDRESS}:{member.port}", "up", "disabled"):
        assert word in page
    assert "<script" not in page and 'src="http' not in page


@pytest.mark.parametrize("target", ["/", "/status.json"])
def test_head(lab: Lab, target: str) -> None:
    """A monitor may ask with HEAD."""
    status, _, body = lab.ask_admin("HEAD", target)
    assert (status, body) == (200, b"")


def test_nothing_else_is_there(lab: Lab) -> None:
    """Other paths and methods are refused, without a word about the inside."""
    status, _, body = lab.ask_admin("GET", "/etc/passwd")
    assert status == 404
    assert b"Traceback" not in body
    assert lab.ask_admin("POST", "/")[0] == 405


def test_no_admin_table_no_page(tmp_path: Path) -> None:
    """Nothing listens that was not asked for."""
    from tests.harness.process import Panolb
    from tests.harness.waiting import free_port

    port = free_port()
    config = f'[listener.public]\nendpoint = "tcp:{port}:interface={ADDRESS}"\n' + labs.balancer(
        [labs.member(1)]
    ).replace("@", "app")
    panolb = Panolb(tmp_path, config + '\n[[location]]\npath = "/"\nbalancer = "app"\n', (port,))
    try:
        panolb.start()
        assert "status page" not in panolb.log
        panolb.stop()
    finally:
        panolb.close()
