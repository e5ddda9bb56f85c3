"""Traces through a running panolb: what the member gets, and what the logs say of it."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.control import lab as labs
from tests.control.test_accesslog import balancers, written
from tests.harness.member import Member
from tests.harness.waiting import until

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SENT = f"00-{TRACE}-00f067aa0ba902b7-01"

LOGS = """\
[[access_log]]
path = "json"
format = "json"
[[access_log]]
path = "plain"
format = '%{TRACE_ID}e %{traceparent}i %U'
"""


def test_traces(tmp_path: Path) -> None:
    """One that the client has begun is passed on; where there is none, one is begun, and stands in all logs."""
    with Member("one") as one, labs.running(tmp_path, balancers(one), LOGS, healthy=False) as lab:
        text = lab.panolb.file.read_text()
        assert text.count('balancer = "app"') == 1
        lab.panolb.stop()
        lab.panolb.file.write_text(
            text.replace('balancer = "app"', 'balancer = "app"\ntraceparent = "create"')
        )
        lab.panolb.start()
        lab.get("/app/1", f"traceparent: {SENT}", "tracestate: a=b")
        lab.get("/app/2", "traceparent: no", "tracestate: a=b")
        until(lambda: len(written(tmp_path, "json")) == len(written(tmp_path, "plain")) == 2, "the lines")
        kept, made = (json.loads(line)["trace_id"] for line in written(tmp_path, "json"))
        plain = written(tmp_path, "plain")
    assert kept == TRACE
    assert re.fullmatch(r"[0-9a-f]{32}", made)
    assert plain[0] == f"{TRACE} {SENT} /app/1"
    assert re.fullmatch(rf"{made} 00-{made}-[0-9a-f]{{16}}-01 /app/2", plain[1])
    first, second = (dict(request.headers) for request in one.requests[-2:])
    assert (first["traceparent"], first["tracestate"]) == (SENT, "a=b")
    assert second["traceparent"] == plain[1].split()[1]
    assert "tracestate" not in second
