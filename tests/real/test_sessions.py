"""Users stay with their member, and their session with them."""

from __future__ import annotations

from tests.harness.waiting import until

from .balancer import Balancer, StartBalancer
from .browser import Answer, User, bound_user


def test_session_sticks_over_50_requests_by_the_route_cookie(balancer: Balancer) -> None:
    """Two users whose requests alternate: each keeps member, session and counter, and the cookie is set only once."""
    with bound_user(balancer, "1") as one, bound_user(balancer, "2") as two:
        sessions = {user: user.get("/probe/counter.jsp").facts["session"] for user in (one, two)}
        for visit in range(2, 51):
            for user in (one, two):
                answer = user.get("/probe/counter.jsp")
                facts = answer.facts
                assert facts["member"] == user.route
                assert facts["session"] == sessions[user]
                assert facts["visits"] == str(visit)
                assert "ROUTEID" not in answer.cookies


def test_session_attribute_of_the_examples_application_is_kept(balancer: Balancer) -> None:
    """What SessionExample has stored is still there on every later page."""
    with User(balancer.port) as user:
        user.get("/servlets/servlet/SessionExample?dataname=dashboard&datavalue=orders")
        for _ in range(10):
            assert b"dashboard = orders" in user.get("/servlets/servlet/SessionExample").body


def test_session_sticks_by_jsessionid_in_the_url_alone(start_balancer: StartBalancer) -> None:
    """Two clients without cookies, each with the ``;jsessionid=`` of its first page: 50 visits each, one session each."""
    balancer = start_balancer(stickysession="JSESSIONID|jsessionid", cookie=False)
    users = [User(balancer.port, cookies=False) for _ in range(2)]
    first = [user.get("/probe/counter.jsp").facts for user in users]
    assert {facts["member"] for facts in first} == {"1", "2"}
    for visit in range(2, 51):
        for user, facts in zip(users, first, strict=True):
            link = facts["link"].removeprefix("/panopticon")
            assert f";jsessionid={facts['session']}" in link
            answer = user.get(link)
            assert answer.facts["visits"] == str(visit)
            assert answer.facts["member"] == facts["member"]
            assert "ROUTEID" not in answer.cookies
    for user in users:
        user.close()


def test_new_users_are_spread_over_both_members(own_balancer: Balancer) -> None:
    """Ten users without a cookie get the members in turn, and each is bound to the member that answered."""
    routes = []
    for _ in range(10):
        with User(own_balancer.port) as user:
            assert user.get("/probe/echo.jsp").facts["member"] == user.route
            routes.append(user.route)
    assert routes in (["1", "2"] * 5, ["2", "1"] * 5)


def test_unknown_route_is_balanced_anew_with_a_new_cookie(balancer: Balancer) -> None:
    """A cookie that names a member which does not exist (any more) is replaced, not refused."""
    with User(balancer.port) as user:
        user.cookies["ROUTEID"] = ".nosuch"
        answer = user.get("/probe/echo.jsp")
        assert answer.status == 200
        assert user.route == answer.facts["member"]


def test_access_log_has_a_line_for_every_request(balancer: Balancer) -> None:
    """In Apache's format, with the status and the query as it was sent."""
    with User(balancer.port) as user:
        user.get("/probe/echo.jsp?logged=yes")
        user.get("/probe/error.jsp?status=418")

    def logged(start: str) -> bool:
        return any(start in line for line in balancer.access_log.read_text().splitlines())

    until(lambda: logged('"GET /panopticon/probe/echo.jsp?logged=yes HTTP/1.1" 200 '), "the line of the 200")
    until(lambda: logged('"GET /panopticon/probe/error.jsp?status=418 HTTP/1.1" 418 '), "the line of the 418")


def _set_cookies(answer: Answer) -> dict[str, str]:
    return {name: value.partition(";")[2].strip() for name, value in answer.cookies.items()}


def test_members_own_cookies_pass_beside_the_route_cookie(balancer: Balancer) -> None:
    """The first answer carries Tomcat's session cookie as Tomcat wrote it, and ours beside it."""
    with User(balancer.port) as user:
        cookies = _set_cookies(user.get("/probe/counter.jsp"))
    assert cookies["JSESSIONID"] == "Path=/panopticon; HttpOnly; SameSite=Lax"
    assert "ROUTEID" in cookies
