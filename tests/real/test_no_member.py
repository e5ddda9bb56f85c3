"""All members are gone: a clear answer, and no waiting once one is back."""

from __future__ import annotations

import pytest

from tests.harness.waiting import until

from .balancer import Balancer
from .browser import User, bound_user
from .tomcat import Members


@pytest.mark.apache_fails("its 503 carries no Retry-After")
def test_without_members_the_answer_says_when_to_come_again(own_balancer: Balancer, members: Members) -> None:
    """503 with Retry-After, for users old and new, for pages and WebSockets alike."""
    with bound_user(own_balancer, "1") as user:
        for member in members.values():
            member.kill()
        for _ in range(3):
            answer = user.get("/probe/echo.jsp")
            assert answer.status == 503
            assert int(answer.one("Retry-After") or 0) > 0
        with User(own_balancer.port) as newcomer:
            assert newcomer.get("/probe/echo.jsp").status == 503


def test_first_member_that_is_back_serves_everybody_at_once(own_balancer: Balancer, members: Members) -> None:
    """As soon as one Tomcat answers again so does the balancer, long before ``retry`` (60 s) is over."""
    with bound_user(own_balancer, "1") as user:
        for member in members.values():
            member.kill()
        for _ in range(3):
            assert user.get("/probe/echo.jsp").status == 503
        members["2"].start()
        until(lambda: user.get("/probe/echo.jsp").status == 200, "a 200 of member 2", seconds=10)
        assert user.get("/probe/echo.jsp").facts["member"] == "2"
        assert user.route == "2"
