"""An operator drains a member with fifty live pages, and ``panolb drain --wait`` follows it to its end."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cli.shell import Shell, end

from .balancer import Balancer, Panolb, StartBalancer
from .browser import User, bound_user
from .tomcat import Members
from .viewers import NORMAL, OPEN, Viewer, Viewers

pytestmark = pytest.mark.apache_fails("it has no such command, and says nothing of WebSockets")

SNAKES, BOARDS = 30, 20
NAME = "panopticoncluster/1"
TOMCATS_OWN = frozenset((1001,))  # the snake by itself, to some when many join at once


class Maintenance:
    """Two Tomcats with fifty live pages, and the operator's shell.

    :ivar those: who is with member 1, which is to be emptied.
    """

    def __init__(self, balancer: Balancer) -> None:
        assert isinstance(balancer, Panolb)
        self.balancer = balancer
        self.shell = Shell(str(balancer.control))
        self.viewers = Viewers(balancer.port, SNAKES, BOARDS)
        self.viewers.watching()
        for one in self.viewers.all:
            one.forget()
        self.those = self.viewers.on("1")
        self.others = [one for one in self.viewers.all if one not in self.those]
        assert self.those and self.others

    def member(self) -> dict[str, Any]:
        """What panolb says of the member."""
        (found,) = [one for one in self.shell.json("members")["members"] if one["name"] == NAME]
        return dict(found)

    def undisturbed(self) -> None:
        """Who is with the other member has noticed nothing."""
        self.viewers.watching(self.others)
        assert {code for one in self.others for code in one.codes} <= TOMCATS_OWN
        assert {one.route for one in self.others} == {"2"}


@pytest.fixture
def maintenance(start_balancer: StartBalancer, members: Members) -> Iterator[Maintenance]:
    """It is about to begin."""
    made = Maintenance(start_balancer())
    yield made
    made.viewers.close()


def progress(process: subprocess.Popen[str]) -> str:
    """What the next line of it says is left; it must come."""
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith(f"{NAME}: "):
            return line.removeprefix(f"{NAME}: ")
    raise AssertionError("the command has ended")


def test_drain_until_the_last_user_has_left(maintenance: Maintenance) -> None:
    """They leave one after another, by themselves; nobody new comes; the command ends with the last of them."""
    those = maintenance.those
    left: list[Viewer] = []
    with maintenance.shell.running("drain", NAME, "--wait") as command:
        assert progress(command).startswith(f"{len(those)} WebSockets")
        assert maintenance.member()["state"] == "drain"
        with bound_user(maintenance.balancer, "2") as newcomer:
            assert newcomer.get("/probe/counter.jsp").status == 200
        while len(left) < len(those) - 1:
            one = those[len(left)]
            one.leave()
            left.append(one)
            maintenance.viewers.wait(lambda viewer: viewer.has_left, "the user to leave", left)
            assert command.poll() is None
        assert not progress(command).startswith(f"{len(those)} WebSockets")
        assert command.poll() is None
        last = those[-1]
        assert last.is_open and last.codes == []
        last.leave()
        done = end(command)
    assert done.code == 0, done
    assert f"{NAME} is empty" in done.out
    assert maintenance.member()["busy"] == 0
    assert {code for one in those for code in one.codes} <= {NORMAL}
    maintenance.undisturbed()


def test_deadline(maintenance: Maintenance) -> None:
    """It is said what is left, for people and for programs; the member goes on draining, and nobody is thrown out."""
    number = len(maintenance.those)
    done = maintenance.shell.run("drain", NAME, "--deadline", "2s")
    assert done.code == 4, done
    assert f"after 2 s there is still this left: {number} WebSockets" in done.err
    assert "--move" in done.err
    said = maintenance.shell.json("drain", NAME, "--wait", "--deadline", "1s", code=4)
    assert (said["member"]["websockets"], said["member"]["state"]) == (number, "drain")
    assert "deadline" in said["error"]
    maintenance.viewers.watching()
    assert {code for one in maintenance.those for code in one.codes} <= TOMCATS_OWN
    done = maintenance.shell.run("enable", NAME, "--wait")
    assert done.code == 0, done
    maintenance.undisturbed()


def test_move(maintenance: Maintenance) -> None:
    """Each page is told 1012 and comes back to the other Tomcat; the command ends when the last has gone."""
    those = maintenance.those
    said = maintenance.shell.json("drain", NAME, "--move", "--wait")
    assert (said["name"], said["websockets"], said["busy"]) == (NAME, 0, 0)
    maintenance.viewers.wait(
        lambda one: bool(one.codes) and one.is_open and one.route == "2",
        "each page to come back to the other member",
        those,
    )
    maintenance.viewers.watching()
    assert {code for one in those for code in one.codes} <= {1012, *TOMCATS_OWN}
    assert maintenance.viewers.codes()["snake"][OPEN] == SNAKES
    maintenance.undisturbed()
    with User(maintenance.balancer.port) as newcomer:
        assert newcomer.get("/probe/counter.jsp").facts["member"] == "2"
