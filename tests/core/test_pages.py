"""The pages that panolb answers with when no member does."""

from __future__ import annotations

import json
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panolb.core.pages import PHRASES, page


class Reader(HTMLParser):
    """Collects the elements and the words of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.words = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.words += data


@pytest.mark.parametrize("status", [*sorted(PHRASES), 418, 599])
def test_html(status: int) -> None:
    """A user reads what happened, what to do about it, and the number that the log knows."""
    kind, body = page(status, "It broke off.", "0000002a", None)
    assert kind == b"text/html; charset=utf-8"
    words = Reader(body.decode()).words
    assert f"{status} {PHRASES.get(status, 'Error')}" in words
    assert "It broke off." in words
    assert "0000002a" in words


@pytest.mark.parametrize("accept", [None, b"application/json"])
def test_no_request_id(accept: bytes | None) -> None:
    """A request that never became an exchange has no number, and its page does not speak of one."""
    body = page(400, "It broke off.", "", accept)[1].lower()
    assert b"request id" not in body
    assert b"request_id" not in body


@given(st.text(), st.text())
def test_markup_is_text(reason: str, request_id: str) -> None:
    """Whatever gets into a page is text there, never an element."""
    plain = Reader(page(502, "", "", None)[1].decode())
    kind, body = page(502, "<script>alert(1)</script>&amp;" + reason, "<b>" + request_id, None)
    assert kind == b"text/html; charset=utf-8"
    assert Reader(body.decode("utf-8", "surrogatepass")).tags == plain.tags


@pytest.mark.parametrize(
    ("accept", "wants_json"),
    [
        (None, False),
        (b"", False),
        (b"*/*", False),
        (b"text/html,application/xhtml+xml,*/*;q=0.8", False),
        (b"application/json", True),
        (b"Application/JSON, text/plain, */*", True),
        (b"application/problem+json", True),
        (b"text/html, application/json", False),
        (b"\xff\xfe", False),
    ],
)
def test_accept(accept: bytes | None, wants_json: bool) -> None:
    """A script that names JSON and not HTML gets JSON; a browser gets a page."""
    kind, body = page(503, "Nobody <here>.", "0000002a", accept)
    assert (kind == b"application/json") is wants_json
    if wants_json:
        assert json.loads(body) == {
            "status": 503,
            "error": "Service Unavailable",
            "reason": "Nobody <here>.",
            "request_id": "0000002a",
        }
