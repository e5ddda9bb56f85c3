"""A request as somebody describes it: whatever is said, it is understood as clients would send it, or refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from panolb.control.question import BadQuestion, understand
from panolb.errors import BadRequest
from panolb.proxy.frontend import Limits

TEXT = st.text(max_size=20)
NAMES = TEXT | st.sampled_from(
    ["Host", "Cookie", "Connection", "Content-Length", "Transfer-Encoding", "Upgrade"]
)
VALUES = TEXT | st.sampled_from(["5", "chunked", "close", "dash.example", "websocket"])
URLS = TEXT | st.builds(
    "{}{}{}".format,
    st.sampled_from(["http://", "https://", "ws://", "", "/", "http://[::1]", "http://dash.example:80"]),
    TEXT,
    st.sampled_from(["", "/x?y#z", "/%zz", "/..", ":99999/"]),
)
ASKED = st.fixed_dictionaries(
    {"url": URLS},
    optional={
        "method": TEXT | st.sampled_from(["GET", "POST", "CONNECT", "PRI"]),
        "headers": st.dictionaries(NAMES, VALUES | st.lists(VALUES, max_size=2), max_size=3),
        "cookies": st.dictionaries(TEXT, TEXT, max_size=2),
        "client": TEXT | st.sampled_from(["192.0.2.7", "::1"]),
        "websocket": st.booleans(),
    },
)


@given(ASKED)
@example({"url": "/\ud800"})
@example({"url": "/", "cookies": {"\ud800": "\udfff"}})
@example({"url": "http://\ud800/"})
@example({"url": "http://é.example/é"})
@example({"url": "http://" + "x" * 300 + "é/"})
@example({"url": "/", "client": "fe80::1%eth0"})
def test_anything(asked: dict[str, Any]) -> None:
    """Nothing but a refusal, or one request with what was said."""
    try:
        question = understand(asked)
    except BadQuestion as error:
        assert str(error)
        return
    try:
        request = question.read(Limits())
    except BadRequest as problem:
        assert 400 <= problem.status <= 505
        return
    assert request.target == question.target
    assert request.method == question.method


def test_as_browsers_write_it() -> None:
    """No fragment, escapes for what is not ASCII, the host as it is in DNS, and a slash for no path."""
    question = understand({"url": "HTTP://Jörg@dash.exämple:8080/a b/ä?ö#ü", "cookies": {"a": "1", "b": "2"}})
    request = question.read(Limits())
    assert request.target == b"/a%20b/%C3%A4?%C3%B6"
    assert request.host == b"dash.xn--exmple-cua:8080"
    assert request.cookie == b"a=1; b=2"
    assert (question.scheme, question.port) == ("http", 8080)
    assert understand({"url": "https://dash.example?x"}).target == b"/?x"


def test_several_values_and_cookies_from_both() -> None:
    """A header field may come more than once, and cookies from the field and from their names are one."""
    asked = {"url": "/", "headers": {"X-A": ["1", "2"], "Cookie": "a=1"}, "cookies": {"b": "2"}}
    request = understand(asked).read(Limits())
    assert [line for line in request.lines if line.startswith(b"X-A")] == [b"X-A: 1", b"X-A: 2"]
    assert request.cookie == b"a=1; b=2"


@pytest.mark.parametrize("scheme", ["ws", "wss"])
def test_a_websocket_by_its_scheme(scheme: str) -> None:
    """It can be said otherwise, and the client's own fields stay."""
    assert understand({"url": f"{scheme}://dash.example/"}).read(Limits()).websocket is not None
    plain = understand({"url": f"{scheme}://dash.example/", "websocket": False})
    assert plain.read(Limits()).websocket is None
    old = {"url": "/", "websocket": True, "headers": {"Sec-WebSocket-Version": "8"}}
    with pytest.raises(BadRequest) as refused:
        understand(old).read(Limits())
    assert refused.value.status == 426
