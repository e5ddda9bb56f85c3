"""A member hangs (SIGSTOP): connections are accepted, nothing is answered."""

from __future__ import annotations

import pytest

from tests.harness.waiting import until

from .balancer import CHECKED, StartBalancer
from .browser import User, bound_user
from .tomcat import Members


@pytest.mark.parametrize("check", CHECKED)
@pytest.mark.apache_fails("no health check in the guide's configuration: every second new user hangs")
def test_health_check_takes_a_frozen_member_out_and_back_in(
    start_balancer: StartBalancer, members: Members, check: str
) -> None:
    """Once it is out, new users never meet it and its own users move on; thawed, it is taken back."""
    balancer = start_balancer(check=check)
    with bound_user(balancer, "1") as user:
        members["1"].freeze()
        until(lambda: balancer.states()["1"] in ("down", "error"), "member 1 to be taken out")
        for _ in range(10):
            with User(balancer.port, timeout=10) as newcomer:
                answer = newcomer.get("/probe/echo.jsp")
                assert (answer.status, answer.facts["member"], newcomer.route) == (200, "2", "2")
        assert user.get("/probe/echo.jsp").facts["member"] == "2"
        assert user.route == "2"
        members["1"].thaw()
        until(lambda: balancer.states()["1"] == "up", "member 1 to be taken back")
        bound_user(balancer, "1").close()
