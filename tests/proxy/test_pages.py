"""The pages that panolb answers with itself."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator

import pytest

from tests.harness.client import Answer
from tests.harness.scripts import raw
from tests.proxy.lab import Lab, running

BROKEN = b"HTTP/9 nonsense\r\n\r\n"


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A member that is easy to give up."""
    with running(tmp_path_factory.mktemp("lab"), balancer='response_timeout = "500ms"') as lab:
        yield lab


def broken(lab: Lab, *fields: str) -> Answer:
    """A 502."""
    lab.member.script = raw(BROKEN)
    got = lab.get("/app/", *fields)
    assert got.status == 502
    return got


def test_html_for_people(lab: Lab) -> None:
    """A browser gets a small page that says what happened and gives no detail away."""
    got = broken(lab, "Accept: text/html,application/xhtml+xml,*/*;q=0.8")
    assert got.one("Content-Type") == "text/html; charset=utf-8"
    assert got.one("Cache-Control") == "no-store"
    page = got.body.decode()
    assert page.startswith("<!DOCTYPE html>")
    assert "<title>502 Bad Gateway</title>" in page
    assert str(lab.member.port) not in page
    assert "Traceback" not in page


@pytest.mark.parametrize(
    "accept", ["application/json", "application/problem+json, */*;q=0.1", "Application/JSON"]
)
def test_json_for_programs(lab: Lab, accept: str) -> None:
    """A program that asks for JSON gets JSON."""
    got = broken(lab, f"Accept: {accept}")
    assert got.one("Content-Type") == "application/json"
    content = json.loads(got.body)
    assert content["status"] == 502
    assert content["error"] == "Bad Gateway"
    assert content["reason"]
    assert content["request_id"]


@pytest.mark.parametrize(
    "fields", [(), ("Accept: */*",), ("Accept: image/png",), ("Accept: text/html, application/json",)]
)
def test_html_otherwise(lab: Lab, fields: tuple[str, ...]) -> None:
    """Everybody else gets HTML."""
    assert broken(lab, *fields).one("Content-Type") == "text/html; charset=utf-8"


def test_request_ids_differ(lab: Lab) -> None:
    """Each request has an id of its own, the same form in both formats."""
    ids = [json.loads(broken(lab, "Accept: application/json").body)["request_id"] for _ in range(3)]
    assert len(set(ids)) == 3
    assert "Request id: " in html.unescape(broken(lab).body.decode())


def test_the_route_on_our_own_page(lab: Lab) -> None:
    """A member was chosen, so the user learns it: the next request goes where this one went."""
    assert broken(lab).all("Set-Cookie") == ["ROUTEID=.1; Path=/; HttpOnly; SameSite=Lax"]
    assert broken(lab, "Cookie: ROUTEID=.1").all("Set-Cookie") == []


def test_head_gets_no_page(lab: Lab) -> None:
    """The answer to HEAD has the page's length and no page."""
    lab.member.script = raw(BROKEN)
    with lab.client() as client:
        for _ in range(2):
            client.ask("HEAD", "/app/")
            got = client.answer("HEAD")
            assert got.status == 502
            assert int(got.one("Content-Length") or 0) > 100


def test_nothing_of_the_request_is_shown(lab: Lab) -> None:
    """A page repeats nothing that the client sent, so that nobody's markup is in it."""
    marker = "<script>alert(1)</script>"
    lab.member.script = raw(BROKEN)
    pages = [
        lab.get(f"/app/{marker}", f"User-Agent: {marker}", f"Accept: {marker}"),
        lab.get(f"/nowhere/{marker}"),
        lab.get("/app/", f"Content-Length: {marker}"),
        lab.get("/app/", f"{marker}: x"),
    ]
    assert [page.status for page in pages] == [502, 404, 400, 400]
    for page in pages:
        assert b"alert" not in page.body


def test_404(lab: Lab) -> None:
    """Where nothing is configured there is a small 404, as HTML or JSON."""
    got = lab.get("/nowhere")
    assert (got.status, got.one("Content-Type")) == (404, "text/html; charset=utf-8")
    got = lab.get("/nowhere", "Accept: application/json")
    assert (got.status, json.loads(got.body)["status"]) == (404, 404)
    assert lab.member.requests == []


def test_an_error_of_the_member_is_the_members(lab: Lab) -> None:
    """An answer of a member passes as it is, whatever its status."""
    for status in (400, 404, 500, 502, 503, 504):
        lab.member.script = raw(
            b"HTTP/1.1 %d Own\r\nContent-Length: 3\r\nContent-Type: text/x\r\n\r\nown" % status
        )
        got = lab.get("/app/", "Accept: application/json")
        assert (got.status, got.reason, got.body, got.one("Content-Type")) == (
            status,
            "Own",
            b"own",
            "text/x",
        )
