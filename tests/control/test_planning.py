"""What a plan says of the users who are there now."""

from __future__ import annotations

from typing import Any

import pytest

from panolb.config import Config, Known, loads
from panolb.config.comparison import compare
from panolb.control.planning import report
from tests.control.test_operations import House

KNOWN = Known(lbmethods=frozenset({"byrequests"}), checks=frozenset({"http"}), resolvers=frozenset({"route"}))
HEAD = """
[listener.public]
endpoint = "tcp:10080"

[[location]]
path = "/panopticon"
balancer = "b"

[balancer.b]
stickysession = "ROUTEID"
"""
ONE = '[[balancer.b.member]]\nurl = "http://localhost:8081/panopticon"\nroute = "1"\n'
TWO = '[[balancer.b.member]]\nurl = "http://localhost:8082/panopticon"\nroute = "2"\n'
THREE = '[[balancer.b.member]]\nurl = "http://localhost:8083/panopticon"\nroute = "3"\n'


@pytest.fixture
def house() -> House:
    """Members 1 and 2; the second has three WebSockets of one user, and two requests."""
    made = House()
    made.open(made.two, 3)
    made.two.busy = 5
    return made


def plan(house: House, new: str, old: str = HEAD + ONE + TWO) -> dict[str, Any]:
    """What is reported of a change."""

    def read(text: str) -> Config:
        return loads(text, KNOWN, "panolb.toml")

    return report(compare(read(old), read(new)), house.operations, {"public": 7})


def messages(told: dict[str, Any]) -> list[str]:
    """Its warnings as lines."""
    return [f"{one['place']}: {one['message']}" for one in told["warnings"]]


def test_nothing_to_do(house: House) -> None:
    """The same once more means nothing for anybody."""
    told = plan(house, HEAD + ONE + TWO)
    assert (told["changes"], told["summary"], told["warnings"]) == (False, [], [])


def test_another_number_of_workers(house: House) -> None:
    """It is a change that a reload does not make."""
    told = plan(house, "workers = 4\n" + HEAD + ONE + TWO)
    assert told["summary"] == ["workers: 1 -> 4"]
    assert messages(told) == ["workers: the number takes effect at the next start, and not by a reload"]


def test_a_removed_member(house: House) -> None:
    """Its WebSockets, their users, and its requests are counted, for people and for programs."""
    told = plan(house, HEAD + ONE)
    assert told["summary"] == [
        "member b/2: removed; 3 WebSockets of 1 user are closed, 100 a second, 2 requests under way finish"
    ]
    (gone,) = told["members"]["removed"]
    assert (gone["name"], gone["websockets"], gone["sessions"], gone["busy"]) == ("b/2", 3, 1, 5)
    assert messages(told) == []


def test_changed_members(house: House) -> None:
    """Each change says what it does to users: nothing, nothing yet, or that they are closed."""
    for key, ending in (
        ("loadfactor = 3", "loadfactor: 1 -> 3; it counts for new users, and moves nobody"),
        (
            'status = "drain"',
            (
                "status: active -> drain; its 3 WebSockets of 1 user stay until they are closed by their users, "
                "and it gets no new users"
            ),
        ),
        (
            'status = "disabled"',
            "status: active -> disabled; 3 WebSockets of 1 user are closed, 100 a second, 2 requests under way finish",
        ),
        ("lbset = 1", "lbset: 0 -> 1"),
    ):
        told = plan(house, f"{HEAD}{ONE}{TWO}{key}\n")
        assert told["summary"] == [f"member b/2: {ending}"]
        assert told["members"]["changed"][0]["websockets"] == 3


def test_nobody_left_for_new_users(house: House) -> None:
    """All drained at once is hardly what was meant; nor is it that the last one that works goes."""
    drained = plan(house, f'{HEAD}{ONE}status = "drain"\n{TWO}status = "drain"\n')
    assert messages(drained) == ["balancer b: no member is left that takes new users: none is active"]
    house.check(house.one, False)
    assert messages(plan(house, HEAD + ONE)) == ["balancer b: no member is left that serves now: b/1 is down"]
    assert messages(plan(house, HEAD + ONE + THREE)) == [
        "balancer b: only new members are left, b/3: b/1 is down"
    ]


def test_members_that_are_replaced(house: House) -> None:
    """Who writes another URL for a member may not know that it is another member then."""
    told = plan(house, HEAD + ONE + TWO.replace("8082", "9082"))
    assert messages(told) == [
        (
            "member b/2: with the URL http://localhost:9082/panopticon it is another member: "
            "3 WebSockets of 1 user are closed and come back to it"
        )
    ]
    assert messages(plan(house, HEAD + THREE)) == [
        "balancer b: none of its members stays: those with WebSockets, 1 user, come to new ones"
    ]


def test_another_cookie(house: House) -> None:
    """The users of today have the old one."""
    told = plan(house, HEAD.replace("ROUTEID", "OTHER") + ONE + TWO)
    assert "balancer b: users stick by another stickysession" in messages(told)[0]


def test_listeners(house: House) -> None:
    """A listener at another place says how many it has."""
    told = plan(house, HEAD.replace("10080", "10081") + ONE + TWO)
    (changed,) = told["listeners"]["changed"]
    assert (changed["connections"], changed["reopens"]) == (7, True)
    assert told["summary"][0].startswith(
        "listener public: endpoint: tcp:10080 -> tcp:10081; the new one opens before"
    )
