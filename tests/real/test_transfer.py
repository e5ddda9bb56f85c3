"""Bodies and heads arrive as they were sent, and when they were sent."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from tests.harness.waiting import ADDRESS

from .balancer import Balancer
from .browser import PATIENCE, User, Wire, bound_user
from .payload import numbered, sha256
from .tomcat import Members

UPLOAD = 3 * 1000 * 1000
DOWNLOAD = 20 * 1000 * 1000


def in_pieces(data: bytes) -> Iterator[bytes]:
    """``data`` in chunks of growing, odd sizes."""
    at, size = 0, 1
    while at < len(data):
        yield data[at : at + size]
        at, size = at + size, size % 60000 + 7919


def test_upload_with_a_length_is_byte_exact(balancer: Balancer) -> None:
    """3 MB with Content-Length reach the member with that Content-Length."""
    body = numbered(UPLOAD)
    with User(balancer.port) as user:
        facts = user.request("POST", "/probe/upload.jsp", body).facts
    assert (facts["length"], facts["sha256"]) == (str(UPLOAD), sha256(body))
    assert facts["content-length"] == str(UPLOAD)


def test_upload_in_chunks_is_byte_exact(balancer: Balancer) -> None:
    """3 MB in chunks of many sizes."""
    body = numbered(UPLOAD)
    with User(balancer.port) as user:
        facts = user.request("POST", "/probe/upload.jsp", in_pieces(body)).facts
    assert (facts["length"], facts["sha256"]) == (str(UPLOAD), sha256(body))


def test_upload_that_expects_100_continue_waits_for_the_member(balancer: Balancer) -> None:
    """The client sends its body only after "100 Continue", and that comes."""
    body = numbered(UPLOAD)
    with Wire(balancer.port) as wire:
        wire.send(
            b"POST /panopticon/probe/upload.jsp HTTP/1.1\r\nHost: %s:%d\r\nContent-Length: %d\r\n"
            b"Content-Type: application/octet-stream\r\nExpect: 100-continue\r\n\r\n"
            % (ADDRESS.encode(), balancer.port, UPLOAD)
        )
        assert wire.head()[0] == 100
        wire.send(body)
        status, headers = wire.head()
        assert status == 200
        answer = wire.body(int(headers["content-length"])).decode()
    assert f"length={UPLOAD}\n" in answer
    assert f"sha256={sha256(body)}\n" in answer


def test_upload_that_the_member_refuses_is_not_asked_for(balancer: Balancer) -> None:
    """With ``Expect: 100-continue`` a refusal arrives as the first head: the balancer does not say 100 by itself."""
    with Wire(balancer.port) as wire:
        wire.send(
            b"POST /panopticon/probe/upload.jsp?refuse=true HTTP/1.1\r\nHost: %s:%d\r\n"
            b"Content-Length: %d\r\nExpect: 100-continue\r\n\r\n" % (ADDRESS.encode(), balancer.port, UPLOAD)
        )
        assert wire.head()[0] == 403


@pytest.mark.parametrize("length", ["true", "false"], ids=["with a length", "in chunks"])
def test_download_is_byte_exact(balancer: Balancer, length: str) -> None:
    """20 MB, framed as the member framed it."""
    with User(balancer.port) as user:
        answer = user.get(f"/probe/big.jsp?bytes={DOWNLOAD}&length={length}")
    assert answer.status == 200
    assert answer.one("Content-Length") == (str(DOWNLOAD) if length == "true" else None)
    assert len(answer.body) == DOWNLOAD
    assert sha256(answer.body) == sha256(numbered(DOWNLOAD))


def test_server_sent_events_are_not_held_back(balancer: Balancer, members: Members) -> None:
    """The member sends an event only when the one before it is in the client's hand; so nobody may collect them."""
    key = uuid.uuid4().hex
    with bound_user(balancer, "1") as user:
        response = user.ask("GET", f"/probe/events.jsp?count=3&key={key}")
        assert response.headers.get_content_type() == "text/event-stream"
        for event in (1, 2, 3):
            assert response.readline() == b"id: %d\n" % event
            assert response.readline() == b"data: on time\n"
            assert response.readline() == b"\n"
            with User(members["1"].port) as direct:
                direct.get(f"/probe/seen.jsp?key={key}&event={event}")
        assert response.read() == b""


def test_streamed_text_of_the_stock_ticker_arrives_line_by_line(balancer: Balancer) -> None:
    """The asynchronous example writes chunks for half a minute: the first lines come long before its end."""
    with User(balancer.port, timeout=PATIENCE) as user:
        response = user.ask("GET", "/async/stockticker")
        assert response.status == 200
        for _ in range(3):
            assert b"STOCK#" in response.readline()


@pytest.mark.apache_fails("the balancer's address is made /panopticon/, so Tomcat's redirect is lost")
def test_context_root_without_slash_keeps_tomcats_redirect(balancer: Balancer) -> None:
    """``/panopticon`` reaches Tomcat as it is, which sends the browser to ``/panopticon/``."""
    with User(balancer.port) as user:
        answer = user.get("")
        assert answer.status == 302
        assert (answer.one("Location") or "").endswith("/panopticon/")
        assert user.get("/").status in (200, 302)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("relative", "/panopticon/probe/echo.jsp"),
        ("absolute", "http://{public}/panopticon/probe/echo.jsp"),
        ("member", "http://{public}/panopticon/probe/echo.jsp"),
        ("foreign", "https://login.example.com/authorize?back=/panopticon/probe/echo.jsp"),
    ],
)
def test_redirects_lead_to_the_public_address(balancer: Balancer, kind: str, expected: str) -> None:
    """A path stays, the member's own address becomes the public one, another site's address stays."""
    with User(balancer.port) as user:
        answer = user.get(f"/probe/redirect.jsp?kind={kind}")
    assert answer.status == 302
    assert answer.one("Location") == expected.format(public=f"{ADDRESS}:{balancer.port}")


@pytest.mark.parametrize("status", [400, 404, 500, 503])
def test_error_of_the_application_passes_and_does_not_hurt_the_member(
    balancer: Balancer, status: int
) -> None:
    """The status and the body are the application's, and its user stays where the session is."""
    with bound_user(balancer, "2") as user:
        answer = user.get(f"/probe/error.jsp?status={status}")
        assert answer.status == status
        assert answer.facts == {"member": "2", "status": str(status)}
        assert user.get("/probe/echo.jsp").facts["member"] == "2"


@pytest.mark.apache_fails("escapes of characters that need none are undone: echo%2Ejsp arrives as echo.jsp")
def test_path_and_query_arrive_as_they_were_sent(balancer: Balancer) -> None:
    """Escapes, path parameters and an odd query reach Tomcat byte for byte."""
    path = "/probe/echo%2Ejsp;a=b;c=%20d?q=%2F%26&&x=a+b&;y=%C3%A9"
    with User(balancer.port) as user:
        facts = user.get(path).facts
    assert facts["uri"] + "?" + facts["query"] == "/panopticon" + path


@pytest.mark.apache_fails(
    "a client's X-Forwarded-For is believed and appended to; no X-Forwarded-Proto or -Port"
)
def test_member_sees_the_public_address_and_the_true_client(balancer: Balancer) -> None:
    """Tomcat's RemoteIpValve is told the public name, port and scheme, and no client can lie about its address."""
    lie = {"Host": "pano.example.com", "X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}
    with User(balancer.port) as user:
        facts = user.request("GET", "/probe/echo.jsp", headers=lie).facts
    assert facts["remote"] == "127.0.0.1"
    assert facts["scheme"] == "http"
    assert facts["server"].startswith("pano.example.com:")
    assert facts["header.host"] == "pano.example.com"


def test_head_and_not_modified_have_no_body_and_keep_the_connection(balancer: Balancer) -> None:
    """HEAD and 304 end with their head; the next answer on the same connection is whole."""
    page = "/websocket/echo.xhtml"
    with User(balancer.port) as user:
        whole = user.get(page)
        head = user.request("HEAD", page)
        assert (head.status, head.body) == (200, b"")
        assert head.one("Content-Length") == str(len(whole.body))
        tag = whole.one("ETag")
        assert tag is not None
        unchanged = user.request("GET", page, headers={"If-None-Match": tag})
        assert (unchanged.status, unchanged.body) == (304, b"")
        assert user.get(page).body == whole.body


def test_more_requests_than_tomcat_serves_on_a_connection(balancer: Balancer) -> None:
    """Tomcat closes a connection with every 100th request; 250 in a row through one of ours never notice."""
    with bound_user(balancer, "1") as user:
        for _ in range(250):
            assert user.get("/probe/echo.jsp").facts["member"] == "1"
