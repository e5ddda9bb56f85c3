"""Every row of a client: refused before a member hears of it, or passed on with the one meaning that it has."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.harness.scripts import Stall
from tests.harness.waiting import until
from tests.proxy.lab import Lab

from .observing import expected, observe
from .recorder import Recorder
from .rows import Row, get, post
from .table import GROUPS, ROWS

NOWHERE = get(line="GET /nowhere HTTP/1.1")


@pytest.fixture
def recorder(lab: Lab) -> Recorder:
    """The member of the lab, as one that records."""
    lab.reset()
    return Recorder(lab.member)


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_row(lab: Lab, recorder: Recorder, row: Row) -> None:
    """The client, the member and the next client see what the row says; a refusal is one line in the log."""
    before = len(lab.panolb.lines("refused with"))
    assert observe(lab.port, recorder, row) == expected(row)
    if row.status not in (200, 404):
        lines = until(lambda: lab.panolb.lines("refused with")[before:], "a line in the log")
        assert len(lines) == 1
        assert f"client 127.0.0.1: refused with {row.status}: " in lines[0]
    assert not lab.member.failures


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_row_on_a_connection_of_twisted_web(lab: Lab, recorder: Recorder, row: Row) -> None:
    """The same behind a request that twisted.web has answered; only what is wrong with a path alone leaves it open."""
    seen = observe(lab.port, recorder, replace(row, data=NOWHERE + row.data))
    assert seen.answers[0] == (404, "")
    seen = replace(seen, answers=seen.answers[1:])
    assert seen in (expected(row), expected(replace(row, kept=True)))
    assert not lab.member.failures


def test_refused_behind_one_that_twisted_web_has_in_flight(lab: Lab) -> None:
    """Where there is no room for a refusal, the answer under way is completed, and the connection ends."""
    lab.reset()
    stall = lab.member.script = Stall()
    with lab.client() as client:
        assert client.get("/nowhere").status == 404
        client.send(get() + get("A: b\0c") + get(line="GET /app/smuggled HTTP/1.1"))
        stall.wait()
        stall.release()
        assert client.answer().body == b"late"
        assert client.ended()
    assert lab.member.lines == ["GET /app/ HTTP/1.1"]


def test_every_row_has_a_name_of_its_own() -> None:
    """The page and what was seen of the peers are found by it."""
    assert len(ROWS) == sum(len(group.rows) for group in GROUPS)


def test_refused_behind_a_good_one(lab: Lab, recorder: Recorder) -> None:
    """A bad request costs its own connection, and nothing before it."""
    with lab.client() as client:
        client.send(get() + post("Content-Length: 3", "Transfer-Encoding: chunked") + get())
        assert client.answer().status == 200
        got = client.answer("POST")
        assert (got.status, got.closes) == (400, True)
        assert client.ended()
    assert recorder.understood == ["GET /app/ 0"]


def test_refused_head(lab: Lab, recorder: Recorder) -> None:
    """The answer to a refused HEAD has no body: a client would take it for the next answer (RFC 9110 section 9.3.2)."""
    with lab.client() as client:
        client.send(get("Host: other", line="HEAD /app/ HTTP/1.1"))
        assert client.answer("HEAD").status == 400
        assert client.ended()
    assert recorder.understood == []


def test_no_member_is_blamed(lab: Lab) -> None:
    """Whatever clients have sent, the member is up."""
    assert lab.states()["1"]["state"] == "up"
