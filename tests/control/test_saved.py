"""What operators changed is saved into the file while users are there: they notice nothing, and no override is left."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.control.operating import Lab, Member, running
from tests.harness.waiting import ADDRESS, until
from tests.websocket.peer import TEXT


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """One with a state file."""
    with running(tmp_path, more=f'state_file = "{tmp_path}/overrides.json"') as made:
        yield made


def members(lab: Lab) -> dict[str, dict[str, Any]]:
    """What is to be the same before and after, by name."""
    keys = ("url", "state", "weight", "websockets", "leaving")
    shown = lab.control.get("/api/v1/members")["members"]
    return {one["name"]: {key: one[key] for key in keys} for one in shown}


def save(lab: Lab) -> str:
    """Write the file as the API shows it; the difference."""
    (shown,) = lab.control.get("/api/v1/save")["files"]
    assert Path(shown["file"]) == lab.panolb.file
    lab.panolb.file.write_bytes(shown["text"].encode(shown["encoding"]))
    return str(shown["diff"])


def test_there_and_back(lab: Lab, tmp_path: Path) -> None:
    """Every kind of change, and a WebSocket on each member that stays."""
    third = lab.members["3"] = Member()
    url = f"http://{ADDRESS}:{third.port}"
    try:
        one, two = lab.open("1"), lab.open("2")
        assert lab.control.post("/api/v1/balancers/app/members", {"url": url, "route": "3"})[0] == 201
        lab.set("1", "drain", weight=2.5)
        lab.set("3", "active", weight=4)
        three = lab.open("3")
        assert lab.control.ask("DELETE", "/api/v1/members/app/2")[0] == 200
        assert two.closed()[0] == 1012
        two.answer()
        until(lambda: "app/2" not in members(lab), "the removed member to be gone")
        before = members(lab)
        assert before.keys() == {"app/1", "app/3"}
        assert "route = " in save(lab)
        assert "says the same" in lab.reload("says the same")
        assert members(lab) == before
        assert lab.control.get("/api/v1/overrides")["overrides"] == []
        assert json.loads((tmp_path / "overrides.json").read_bytes())["overrides"] == []
        for pair in (one, three):
            word = base64.b64encode(pair.route.encode())
            pair.browser.send(TEXT, word)
            assert pair.member.message() == word
        assert lab.control.ask("GET", "/api/v1/save")[0] == 409
    finally:
        lab.leave()
        del lab.members["3"]
        third.close()


def test_users_that_move_go_on_moving(lab: Lab) -> None:
    """The file says drain; that its users go to others at once is an override as before."""
    lab.set("1", "drain", close_websockets=True)
    assert '+status = "drain"' in save(lab)
    lab.reload("says the same")
    ((override),) = lab.control.get("/api/v1/overrides")["overrides"]
    assert (override["was"], override["is"]) == ("drain", "drain")
    assert lab.member("1")["moving"] is True
    lab.open("1", "2")
    assert lab.control.ask("GET", "/api/v1/save")[0] == 409


def test_a_file_that_has_become_wrong(lab: Lab) -> None:
    """It is told what is wrong with it."""
    lab.set("1", "drain")
    lab.edit('route = "1"', 'rout = "1"')
    status, _, body = lab.control.ask("GET", "/api/v1/save")
    assert status in (409, 422) and "did you mean 'route'" in body.decode()
