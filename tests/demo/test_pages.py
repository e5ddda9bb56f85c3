"""The pages of a demo member, asked by a plain HTTP client."""

from __future__ import annotations

import hashlib
import http.client
import json
import re
from typing import Any

import pytest

PATIENCE = 30.0


def ask(
    port: int, path: str, method: str = "GET", body: bytes | None = None, **headers: str
) -> tuple[http.client.HTTPResponse, bytes]:
    """One request on a connection of its own; header names are written with underscores."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request(
            method, path, body, {name.replace("_", "-"): text for name, text in headers.items()}
        )
        answer = connection.getresponse()
        return answer, answer.read()
    finally:
        connection.close()


def log_in(port: int, user: str = "Ann") -> str:
    """Log in; returns the cookie to send."""
    answer, _ = ask(port, "/panopticon/login", "POST", f"user={user}".encode())
    assert answer.status == 303
    cookie = answer.getheader("Set-Cookie")
    assert cookie is not None
    return cookie.partition(";")[0]


def whoami(port: int, **headers: str) -> dict[str, Any]:
    """What the member says of us."""
    answer, body = ask(port, "/panopticon/whoami", "GET", None, **headers)
    assert answer.status == 200
    found: dict[str, Any] = json.loads(body)
    return found


def test_context_path_redirects_relatively(member: int) -> None:
    """As Tomcat does: 302 without scheme and host, so that a balancer need not rewrite it."""
    answer, _ = ask(member, "/panopticon")
    assert (answer.status, answer.getheader("Location")) == (302, "/panopticon/")


def test_page_is_self_contained_and_names_its_member(member: int) -> None:
    """The page says who served it and loads nothing from anywhere."""
    answer, body = ask(member, "/panopticon/")
    page = body.decode()
    assert answer.status == 200
    assert answer.getheader("Content-Type") == "text/html; charset=utf-8"
    assert 'id="page-member">Member 1<' in page
    assert "@@" not in page
    assert not re.search(r"""(src|href)=["'](https?:)?//""", page)


def test_head_describes_the_page_without_a_body(member: int) -> None:
    """HEAD tells the length and counts as no page view."""
    cookie = log_in(member)
    head, nothing = ask(member, "/panopticon/", "HEAD", Cookie=cookie)
    assert nothing == b""
    assert int(head.getheader("Content-Length", "0")) > 1000
    assert whoami(member, Cookie=cookie)["views"] == 0


def test_login_makes_a_session_that_counts_views(member: int) -> None:
    """The session id carries the route, the cookie its attributes, and only page views count."""
    answer, _ = ask(member, "/panopticon/login", "POST", b"user=Ann")
    cookie = answer.getheader("Set-Cookie", "")
    assert re.fullmatch(r"JSESSIONID=[0-9A-F]{32}\.1; Path=/panopticon; HttpOnly; SameSite=Lax", cookie)
    assert (answer.status, answer.getheader("Location")) == (303, "/panopticon/")
    session = cookie.partition(";")[0]
    for _ in range(3):
        ask(member, "/panopticon/", Cookie=session)
    found = whoami(member, Cookie=f"ROUTEID=.1; {session}")
    assert (found["user"], found["views"], found["member"], found["route"]) == ("Ann", 3, "Member 1", "1")
    assert found["cookies"] == {"ROUTEID": ".1", "JSESSIONID": session.partition("=")[2]}
    assert not found["session_unknown"]


def test_sessions_belong_to_one_member(members: list[int]) -> None:
    """The other member does not know the session, and says so: this is why stickiness matters."""
    cookie = log_in(members[0])
    assert whoami(members[0], Cookie=cookie)["user"] == "Ann"
    stranger = whoami(members[1], Cookie=cookie)
    assert stranger["user"] is None
    assert stranger["session_unknown"]


def test_login_always_makes_a_new_session(member: int) -> None:
    """A second log-in ends the first session instead of taking it over."""
    old = log_in(member)
    answer, _ = ask(member, "/panopticon/login", "POST", b"user=Bob", Cookie=old)
    new = answer.getheader("Set-Cookie", "").partition(";")[0]
    assert new != old
    assert whoami(member, Cookie=old)["session_unknown"]
    assert whoami(member, Cookie=new)["user"] == "Bob"


def test_logout_forgets_the_session(member: int) -> None:
    """The cookie is taken back and the id is worth nothing any more."""
    cookie = log_in(member)
    answer, _ = ask(member, "/panopticon/logout", Cookie=cookie)
    assert answer.status == 302
    assert "Max-Age=0" in answer.getheader("Set-Cookie", "")
    assert whoami(member, Cookie=cookie)["session_unknown"]


def test_shown_values_are_escaped(members: list[int]) -> None:
    """Neither a member's name nor a user's can become markup or script."""
    cookie = log_in(members[0], "</script><script>alert(1)//")
    _, body = ask(members[0], "/panopticon/", Cookie=cookie)
    page = body.decode()
    assert whoami(members[0], Cookie=cookie)["user"].startswith("</script>")
    assert "alert(1)" in page
    assert "<script>alert" not in page
    assert "</script><script" not in page
    assert "<i>One" not in page
    assert "&lt;i&gt;One" in page


@pytest.mark.parametrize("path", ["/panopticon/login", "/panopticon/kill"])
def test_other_sites_may_not_post(member: int, path: str) -> None:
    """A form on another site can neither log in nor kill; nor can a link, which only GETs."""
    refused, _ = ask(member, path, "POST", b"user=Eve", Origin="http://evil.example")
    assert refused.status == 403
    assert refused.getheader("Set-Cookie") is None
    opaque, _ = ask(member, path, "POST", b"user=Eve", Origin="null")
    assert opaque.status == 403
    link, _ = ask(member, path)
    assert link.status == 405


def test_own_origin_may_log_in(member: int) -> None:
    """A browser sends Origin with every POST; ours is the Host."""
    answer, _ = ask(
        member, "/panopticon/login", "POST", b"user=Ann", Origin="http://demo.example", Host="demo.example"
    )
    assert answer.status == 303


def test_health(member: int) -> None:
    """The body that Tomcat's HealthCheckValve has."""
    answer, body = ask(member, "/panopticon/health")
    assert (answer.status, body) == (200, b'{"status":"UP"}')


def test_forwarded_headers_are_shown(member: int) -> None:
    """The page can tell whether a balancer is in front."""
    assert whoami(member)["forwarded"] == {}
    found = whoami(member, X_Forwarded_Host="demo.example", X_Forwarded_Proto="https")
    assert found["forwarded"] == {"host": "demo.example", "proto": "https"}


def test_slow_answers_and_checks_its_argument(member: int) -> None:
    """It answers in the end; nonsense is a 400."""
    answer, body = ask(member, "/panopticon/slow?seconds=0.05")
    assert (answer.status, json.loads(body)) == (200, {"member": "Member 1", "seconds": 0.05})
    for nonsense in ("x", "-1", "nan"):
        assert ask(member, f"/panopticon/slow?seconds={nonsense}")[0].status == 400


@pytest.mark.parametrize("kind", ["application/octet-stream", "application/x-www-form-urlencoded"])
def test_upload_is_hashed_whatever_it_calls_itself(member: int, kind: str) -> None:
    """A body larger than one block, byte-exact, and never parsed as a form."""
    body = bytes(range(251)) * 5000
    answer, result = ask(member, "/panopticon/upload", "POST", body, Content_Type=kind)
    found = json.loads(result)
    assert answer.status == 200
    assert (found["length"], found["sha256"]) == (len(body), hashlib.sha256(body).hexdigest())


def test_download_has_the_promised_bytes(member: int) -> None:
    """Byte i is i modulo 256, over block borders; HEAD promises the same length; 0 is allowed."""
    length = 200_001
    answer, body = ask(member, f"/panopticon/download?bytes={length}")
    assert answer.getheader("Content-Length") == str(length)
    assert body == (bytes(range(256)) * (length // 256 + 1))[:length]
    head, _ = ask(member, f"/panopticon/download?bytes={length}", "HEAD")
    assert head.getheader("Content-Length") == str(length)
    assert ask(member, "/panopticon/download?bytes=0")[1] == b""
    assert ask(member, "/panopticon/download?bytes=x")[0].status == 400


def test_events_flow_one_by_one(member: int) -> None:
    """The first event is there at once, the next follows on the same answer."""
    connection = http.client.HTTPConnection("127.0.0.1", member, timeout=PATIENCE)
    connection.request("GET", "/panopticon/events")
    answer = connection.getresponse()
    assert answer.getheader("Content-Type") == "text/event-stream"
    events = [[answer.readline() for _ in range(4)] for _ in range(2)]
    connection.close()
    for number, event in enumerate(events, 1):
        assert event[0] == b"event: tick\n"
        assert json.loads(event[2].removeprefix(b"data: ")) == {"member": "Member 1", "count": number}
        assert event[3] == b"\n"
