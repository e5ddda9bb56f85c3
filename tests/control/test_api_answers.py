"""What a running panolb answers is what the OpenAPI document says."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

import pytest

from tests.control.contract import Contract, operations
from tests.control.operating import Lab, running
from tests.harness.waiting import ADDRESS


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A process whose members come and go."""
    with running(tmp_path_factory.mktemp("answers"), balancer='session_cookie = "JSESSIONID"') as lab:
        yield lab
        lab.panolb.stop()


@pytest.fixture
def lab(shared: Lab) -> Iterator[Lab]:
    """The same, which serves nobody after each test."""
    yield shared
    shared.settle()


@pytest.fixture(scope="module")
def contract(shared: Lab) -> Contract:
    """Its API."""
    return Contract(shared.control)


def test_seeing(lab: Lab, contract: Contract) -> None:
    """All that shows, with users there."""
    ann = lab.open("1", "", "Cookie: JSESSIONID=ann")
    lab.open("2", "", "Cookie: JSESSIONID=bob")
    status = contract.ask("GET", "/status")
    assert (status["websockets"], status["sessions"], status["overrides"]) == (2, 2, 0)
    assert status["pid"] == lab.panolb.process.pid
    (balancer,) = contract.ask("GET", "/balancers")["balancers"]
    assert balancer == contract.ask("GET", "/balancers/{name}", "app")
    assert (balancer["method"], balancer["session_cookie"]) == ("byrequests", "JSESSIONID")
    assert len(contract.ask("GET", "/members")["members"]) == 2
    assert contract.ask("GET", "/members/{name}", "app/1")["websockets"] == 1
    (listener,) = contract.ask("GET", "/listeners")["listeners"]
    assert (listener["name"], listener["connections"], listener["open"]) == ("public", 2, True)
    assert contract.ask("GET", "/websockets", member="app/1")["total"] == 1
    assert contract.ask("GET", "/resources")["exchanges"] == 2
    shown = contract.ask("GET", "/sessions", limit=1)
    assert (shown["total"], len(shown["sessions"])) == (2, 1)
    details = contract.ask("GET", "/sessions/{id}", shown["sessions"][0]["session"])
    assert len(details["websocket_records"]) == 1
    configuration = contract.ask("GET", "/configuration")
    assert 'stickysession = "ROUTEID"' in configuration["toml"]
    assert contract.ask("GET", "/openapi.json")["openapi"] == "3.1.0"
    ann.browser.socket.close()


def test_members_come_and_go(lab: Lab, contract: Contract) -> None:
    """A third one is added, weighed and removed, and everything is as the file says again."""
    third = {"url": f"http://{ADDRESS}:9", "route": "3", "weight": 2, "lbset": 1}
    added = contract.ask("POST", "/balancers/{name}/members", "app", body=third)
    assert (added["name"], added["weight"]) == ("app/3", 2)
    assert added["overrides"]["added"]["is"]["lbset"] == 1
    changed = contract.ask("POST", "/members/{name}", "app/3", body={"weight": 1.5, "state": "drain"})
    assert (changed["weight"], changed["state"]) == (1.5, "drain")
    shown = contract.ask("GET", "/overrides")
    assert {one["member"] for one in shown["overrides"]} == {"app/3"}
    assert contract.ask("DELETE", "/members/{name}", "app/3")["busy"] == 0
    assert contract.ask("GET", "/overrides")["overrides"] == []
    contract.ask("GET", "/save", status=409)
    contract.ask("POST", "/members/{name}", "app/1", body={"weight": 7})
    (file,) = contract.ask("GET", "/save")["files"]
    assert "+loadfactor = 7" in file["diff"]
    assert file["sha256"] == sha256(lab.panolb.file.read_bytes()).hexdigest()
    (dropped,) = contract.ask("DELETE", "/overrides", member="app/1")["dropped"]
    assert (dropped["member"], dropped["key"], dropped["was"], dropped["is"]) == ("app/1", "weight", 1.0, 7.0)
    assert contract.ask("DELETE", "/overrides") == {"dropped": []}


def test_a_member_that_leaves(lab: Lab, contract: Contract) -> None:
    """It is shown until what is under way with it has ended."""
    pair = lab.open("2")
    left = contract.ask("DELETE", "/members/{name}", "app/2")
    assert (left["websockets"], left["busy"]) == (1, 1)
    leaving = contract.ask("GET", "/members/{name}", "app/2")
    assert (leaving["leaving"], leaving["state"], leaving["websockets"]) == (True, "removed", 1)
    assert "it was removed" in leaving["reason"]
    assert [one["name"] for one in contract.ask("GET", "/members")["members"]] == ["app/1", "app/2"]
    assert pair.closed()[0] == 1012
    pair.answer()
    contract.ask("DELETE", "/overrides")
    assert not contract.ask("GET", "/members/{name}", "app/2")["leaving"]


def test_sessions_are_moved_and_closed(lab: Lab, contract: Contract) -> None:
    """One page goes to the other member, and then has to connect again."""
    pair = lab.open("1", "", "Cookie: JSESSIONID=mia")
    (session,) = contract.ask("GET", "/sessions", member="app/1")["sessions"]
    moved = contract.ask("POST", "/sessions/{id}/move", session["session"], body={"member": "app/2"})
    assert moved["websockets"] == 1
    assert contract.ask("GET", "/sessions/{id}", session["session"])["moving_to"] == "app/2"
    pair.closed()
    pair.answer()
    pair = lab.open("1", "2", "Cookie: JSESSIONID=mia")
    assert contract.ask("POST", "/sessions/{id}/close", session["session"])["websockets"] == 1
    pair.closed()
    pair.answer()
    contract.ask("POST", "/sessions/{id}/move", session["session"], body={"member": "app/9"}, status=404)
    contract.ask("POST", "/sessions/{id}/close", "000000000000", status=404)


def test_plans_and_reloads(lab: Lab, contract: Contract) -> None:
    """Nothing, a change, a mistake."""
    before = lab.panolb.file.read_text()
    assert not contract.ask("POST", "/reload")["changes"]
    other = before.replace('route = "2"', 'route = "2"\nloadfactor = 3')
    plan = contract.ask("POST", "/plan", body={"configuration": other})
    assert [one["name"] for one in plan["members"]["changed"]] == ["app/2"]
    wrong = contract.ask("POST", "/plan", body={"configuration": "[listener.public"}, status=422)
    assert len(wrong["problems"]) == 1
    lab.panolb.file.write_text(other)
    report = contract.ask("POST", "/reload")
    assert (report["changes"], report["generation"]) == (True, contract.ask("GET", "/status")["generation"])
    assert contract.ask("GET", "/members/{name}", "app/2")["weight"] == 3
    lab.panolb.file.write_text(before.replace("stickysession", "stickysesion"))
    (problem,) = contract.ask("POST", "/reload", status=422)["problems"]
    assert "stickysession" in problem["message"]
    configuration = contract.ask("GET", "/configuration")
    assert configuration["last_problems"] == [problem]
    assert configuration["reloads"]["refused"] == 1
    lab.panolb.file.write_text(before)
    assert contract.ask("POST", "/reload")["changes"]


def test_explanations(lab: Lab, contract: Contract) -> None:
    """Of a request that could come, of one that came, and of nonsense."""
    question = {
        "url": f"http://{ADDRESS}:{lab.port}/",
        "cookies": {"ROUTEID": ".2"},
        "headers": {"X-A": ["1", "2"]},
    }
    said = contract.ask("POST", "/explain", body=question)
    assert (said["outcome"], said["member"], said["reason"]) == ("member", "app/2", "sticky")
    contract.ask("POST", "/explain", body={"url": "gopher://x"}, status=422)
    contract.ask("GET", "/explain/{id}", "0-0", status=404)
    lab.open("2")
    (record,) = contract.ask("GET", "/websockets")["websockets"]
    then = contract.ask("GET", "/explain/{id}", record["id"])
    assert (then["when"], then["member"], then["reason"]) == ("then", "app/2", "sticky")


def test_events(contract: Contract) -> None:
    """What all of this was."""
    events = contract.ask("GET", "/events")
    assert [one["id"] for one in events] == list(range(1, len(events) + 1))
    assert {"reload.applied", "reload.refused", "member.weight"} <= {one["event"] for one in events}
    assert contract.ask("GET", "/events", limit=2) == events[-2:]
    assert contract.ask("GET", "/events", after=3, limit=2) == events[3:5]
    assert contract.ask("GET", "/events", after=10**8) == events


def test_everything_was_asked(contract: Contract) -> None:
    """The last test of this module."""
    assert operations() - contract.asked == set()
