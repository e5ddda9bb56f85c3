"""What operators changed while panolb ran, after the process was killed in the midst of it, or its state file damaged."""

from __future__ import annotations

import json
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest

from tests.control.operating import Lab, Member, running
from tests.control.test_service_httpd import CONF, Started
from tests.harness.control import Control
from tests.harness.waiting import ADDRESS, free_port, until

STATE = "overrides.json"


@dataclass
class House:
    """A panolb that keeps what is changed in a file.

    :ivar file: the state file.
    """

    lab: Lab
    file: Path

    def kill(self) -> None:
        """End the process as the kernel does when there is no memory left."""
        process = self.lab.panolb.process
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        self.lab.members["1"].clear()
        self.lab.members["2"].clear()

    def start(self) -> None:
        """Start it again, as systemd does."""
        self.lab.start()

    def change(self, name: str, **wish: Any) -> dict[str, Any]:
        """Change a member; that must succeed."""
        status, member = self.lab.control.post(f"/api/v1/members/{name}", wish)
        assert status == 200, member
        return member

    def add(self, url: str, **wish: Any) -> dict[str, Any]:
        """Add a member; that must succeed."""
        status, member = self.lab.control.post("/api/v1/balancers/app/members", {"url": url, **wish})
        assert status == 201, member
        return member

    def members(self) -> dict[str, dict[str, Any]]:
        """What there is, by name."""
        return {one["name"]: one for one in self.lab.control.get("/api/v1/members")["members"]}

    def overrides(self) -> list[dict[str, Any]]:
        """What the API says was changed."""
        shown = self.lab.control.get("/api/v1/overrides")
        assert shown["state_file"] == str(self.file)
        return list(shown["overrides"])


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """One that runs."""
    file = tmp_path / "state" / STATE
    file.parent.mkdir()
    with running(tmp_path, more=f'state_file = "{file}"') as lab:
        yield House(lab, file)


def test_killed(house: House) -> None:
    """Whatever was answered is there again: a drain, a weight, members that were added and removed, and since when."""
    third = Member()
    house.change("app/1", state="drain")
    house.change("app/1", weight=2.5)
    house.add(f"http://{ADDRESS}:{third.port}", route="3", weight=3)
    status, _, said = house.lab.control.ask("DELETE", "/api/v1/members/app/2")
    assert status == 200, said
    before, known = house.overrides(), house.members()
    house.kill()
    house.start()
    assert house.overrides() == before
    now = house.members()
    assert now.keys() == {"app/1", "app/3"}
    assert (now["app/1"]["state"], now["app/1"]["weight"], now["app/3"]["weight"]) == ("drain", 2.5, 3)
    for name in now:
        assert now[name]["overrides"] == known[name]["overrides"]
    try:
        house.lab.members["3"] = third
        house.lab.open("1").browser.close_frame(1000)  # a drain keeps its users
        house.lab.open("3").browser.close_frame(1000)
        house.lab.open("2", "3").browser.close_frame(1000)
        house.lab.open("none", "3").browser.close_frame(1000)
    finally:
        del house.lab.members["3"]
        third.close()


def test_a_drain_that_moves_users(house: House) -> None:
    """It still moves them: nobody comes back to the member, also not with its route."""
    house.change("app/1", state="drain", close_websockets=True)
    house.kill()
    house.start()
    member = house.members()["app/1"]
    assert (member["state"], member["moving"]) == ("drain", True)
    house.lab.open("1", "2").browser.close_frame(1000)
    house.change("app/1", state="active")
    assert house.overrides() == []
    house.kill()
    house.start()
    assert house.members()["app/1"]["state"] == "up"
    house.lab.open("1").browser.close_frame(1000)


def test_killed_at_any_moment(house: House) -> None:
    """In the midst of changes: what was answered holds, what was not may; nothing half done is ever read."""
    for turn in range(4):
        answered = _changed_until_killed(house, first=1 + turn)
        house.start()
        weight = house.members()["app/2"]["weight"]
        assert answered <= weight <= answered + STEP, "the change that was under way, at most"
        assert not house.lab.panolb.lines("state_file") and not house.lab.panolb.lines(".refused-")
    assert {path.name for path in house.file.parent.iterdir()} <= {STATE, f"{STATE}.new"}


STEP = 0.125


def _changed_until_killed(house: House, first: int) -> float:
    """Change a weight again and again while the process is killed; the last one that was answered."""
    answered = float(first)
    house.change("app/2", weight=answered)
    begun = threading.Event()

    def kill() -> None:
        begun.wait()
        house.kill()

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        for number in range(1, 5000):
            house.lab.control.post("/api/v1/members/app/2", {"weight": first + number * STEP})
            answered = first + number * STEP
            if number == 2 * first:
                begun.set()
    except (OSError, HTTPException, json.JSONDecodeError):
        pass
    finally:
        begun.set()
        killer.join()
    return answered


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda whole: b"",
    "cut-early": lambda whole: whole[:3],
    "cut-in-the-middle": lambda whole: whole[: len(whole) // 2],
    "cut-late": lambda whole: whole.rstrip()[:-1],
    "zeros": lambda whole: bytes(len(whole)),  # what some file systems leave after a power failure
    "newer": lambda whole: json.dumps({**json.loads(whole), "format": 2}).encode(),
}


def test_damaged(house: House) -> None:
    """It is told in one line and set aside as it is; panolb starts, as the file says, and keeps changes again."""
    for kind, damage in DAMAGE.items():
        house.change("app/1", state="drain")
        house.change("app/2", weight=7)
        house.kill()
        damaged = damage(house.file.read_bytes())
        house.file.write_bytes(damaged)
        known = set(house.file.parent.iterdir())
        said = len(house.lab.panolb.lines("state file"))
        house.start()
        (line,) = house.lab.panolb.lines("state file")[said:]
        assert str(house.file) in line, kind
        (aside,) = set(house.file.parent.iterdir()) - known
        assert aside.name.startswith(f"{STATE}.refused-2") and str(aside) in line, kind
        assert aside.read_bytes() == damaged, kind
        assert not house.file.exists()
        assert house.overrides() == [], kind
        assert {one["state"] for one in house.members().values()} == {"up"}, kind
        assert house.members()["app/2"]["weight"] == 1
    house.lab.open("1").browser.close_frame(1000)
    assert "Traceback" not in house.lab.panolb.log


def test_the_file_was_changed_meanwhile(house: House) -> None:
    """While panolb was down: where it says something else than it did, it is the newer word; that is logged."""
    house.change("app/1", state="drain")
    house.change("app/2", weight=7)
    house.kill()
    house.lab.edit('route = "2"', 'route = "2"\nloadfactor = 4')
    house.start()
    assert [one["key"] for one in house.overrides()] == ["state"]
    assert (house.members()["app/1"]["state"], house.members()["app/2"]["weight"]) == ("drain", 4)
    assert house.lab.logged("app/2: what operators changed of it is dropped (weight)")
    house.lab.edit("loadfactor = 4", "loadfactor = 1")
    house.lab.panolb.stop()
    house.start()
    assert house.members()["app/2"]["weight"] == 1, "what was dropped does not come back"


def test_a_disk_that_fails(house: House) -> None:
    """The member drains all the same, and the operator hears that a restart forgets it."""
    shutil.rmtree(house.file.parent)
    assert "cannot be written" in house.change("app/1", state="drain")["unkept"]
    assert house.members()["app/1"]["state"] == "drain"
    house.file.parent.mkdir()
    assert house.change("app/2", weight=2)["unkept"] == ""
    assert {one["key"] for one in house.overrides()} == {"state", "weight"}
    house.kill()
    house.start()
    assert house.members()["app/1"]["state"] == "drain"


def test_without_a_state_file(tmp_path: Path) -> None:
    """What is changed lives as long as the process does, and it says so."""
    with running(tmp_path) as lab:
        assert "there is no state file" in lab.set("1", "drain")["unkept"]
        assert lab.control.get("/api/v1/overrides")["state_file"] is None
        lab.panolb.process.send_signal(signal.SIGKILL)
        lab.panolb.wait()
        lab.start()
        until(lambda: lab.member("1")["state"] == "up", "the member to be as in the file")


def test_with_an_httpd_conf(tmp_path: Path) -> None:
    """``--state`` names the file there."""
    conf = tmp_path / "httpd.conf"
    conf.write_text(CONF.format(address=ADDRESS, port=free_port()))
    process = Started(tmp_path, f"--httpd-conf={conf}", "--control=control", "--state=state.json")
    control = Control(str(tmp_path / "control"))
    try:
        _launch(process)
        assert control.post("/api/v1/members/app/2", {"state": "drain"})[1]["unkept"] == ""
        process.process.send_signal(signal.SIGKILL)
        process.wait()
        _launch(process)
        (state,) = [one["state"] for one in control.get("/api/v1/members")["members"] if one["route"] == "2"]
        assert state == "drain"
        assert control.get("/api/v1/overrides")["state_file"] == str(tmp_path / "state.json")
        process.stop()
    finally:
        process.close()


def _launch(process: Started) -> None:
    """Start it, once more or for the first time."""
    listening = "control API: listening on"
    before = len(process.lines(listening))
    process.launch()
    until(lambda: len(process.lines(listening)) > before, "the control API")
