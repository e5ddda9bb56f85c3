"""An operator moves one user from one Tomcat to the other with ``panolb sessions move``; the others stay."""

from __future__ import annotations

from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from tests.cli.shell import Shell

from .balancer import Balancer, Panolb, StartBalancer
from .browser import PATIENCE, User

pytestmark = pytest.mark.apache_fails("it has no such command, and knows no sessions")

PAGE, LIVE = "/probe/counter.jsp", "/websocket/echoAnnotation"


def user_of(balancer: Balancer, member: str) -> User:
    """A new user who has a session with a member."""
    for _ in range(20):
        user = User(balancer.port)
        if user.get(PAGE).facts["member"] == member:
            return user
        user.close()
    raise AssertionError(f"20 new users, and none came to {member}")


def is_live(client: ClientConnection) -> bool:
    """Whether the page answers."""
    client.send("are you there?")
    return client.recv(timeout=PATIENCE) == "are you there?"


def listed(shell: Shell, member: str) -> list[dict[str, Any]]:
    """The sessions with a member."""
    return list(shell.json("sessions", "list", "--member", f"panopticoncluster/{member}")["sessions"])


@pytest.mark.parametrize("by", ["ROUTEID", "JSESSIONID"])
def test_move(start_balancer: StartBalancer, by: str) -> None:
    """Page and requests are with the other Tomcat at once, which gives the user a session of its own, and stay there."""
    balancer = start_balancer(stickysession=by, cookie=by == "ROUTEID")
    assert isinstance(balancer, Panolb)
    shell = Shell(str(balancer.control))
    with user_of(balancer, "1") as user, user_of(balancer, "1") as other:
        with other.websocket(LIVE) as theirs:
            with user.websocket(LIVE) as page:
                assert is_live(page) and is_live(theirs)
                mine = max(listed(shell, "1"), key=lambda one: float(one["since"]))["session"]
                done = shell.run("sessions", "move", mine, "--to", "panopticoncluster/2")
                assert done.code == 0, done
                with pytest.raises(ConnectionClosed) as closed:
                    page.recv(timeout=PATIENCE)
                assert closed.value.rcvd is not None and closed.value.rcvd.code == 1012
            with user.websocket(LIVE) as page:
                assert is_live(page)
                (arrived,) = listed(shell, "2")
                assert (arrived["session"], arrived["moving_to"]) == (mine, None)
                before = user.cookies["JSESSIONID"]
                for visit in ("1", "2", "3"):
                    facts = user.get(PAGE).facts
                    assert (facts["member"], facts["visits"]) == ("2", visit)
                assert user.cookies["JSESSIONID"] != before
                assert user.cookies["JSESSIONID"].endswith(".2")
                assert user.cookies.get("ROUTEID") == (".2" if by == "ROUTEID" else None)
            assert is_live(theirs)
        assert other.get(PAGE).facts["member"] == "1"
