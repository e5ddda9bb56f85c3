"""Events that clients cause: limits that they reach, and nothing of what they sent, be it secret or hostile."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.control.operating import Lab, running
from tests.harness.waiting import ADDRESS, PATIENCE, until

MORE = """\
[websockets]
max_per_client = 2
"""
SECRET = "s3cr3t"


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """A process whose listener and members have narrow limits."""
    with running(tmp_path, more=MORE) as lab:
        lab.edit('route = "1"\n', 'route = "1"\nmax_connections = 1\nqueue = 1\n')
        lab.edit("[balancer.app]", "request_rate = 50\nrequest_burst = 60\n[balancer.app]")
        lab.reload()
        yield lab


def events(lab: Lab) -> list[dict[str, Any]]:
    """All that are kept."""
    return [json.loads(line) for line in lab.control.ask("GET", "/api/v1/events")[2].splitlines()]


def named(lab: Lab, name: str) -> dict[str, Any]:
    """The one event of this name; it must come."""
    (found,) = until(lambda: [one for one in events(lab) if one["event"] == name], name)
    return dict(found)


def send(lab: Lab, data: str) -> socket.socket:
    """Bytes of a client, who waits for no answer."""
    client = socket.create_connection((ADDRESS, lab.port), PATIENCE)
    client.sendall(data.encode("latin-1"))
    return client


def get(target: str = "/", route: str = "1") -> str:
    """A request full of secrets."""
    return (
        f"GET {target}?token={SECRET} HTTP/1.1\r\nHost: x\r\nCookie: ROUTEID=.{route}; JSESSIONID={SECRET}\r\n"
        f"Authorization: Bearer {SECRET}\r\n\r\n"
    )


HOSTILE = [
    f"GET /x?{SECRET}\x01 HTTP/1.1\r\nHost: x\r\n\r\n",
    f"GET /../..?{SECRET} HTTP/1.1\r\nHost: x\r\n\r\n",
    f"GET /%zz{SECRET} HTTP/1.1\r\nHost: x\r\n\r\n",
    f"GET /?{SECRET} HTTP/1.1\r\nHost: {SECRET}\r\nHost: x\r\n\r\n",
    f"GET / HTTP/1.1\r\nHost: x\r\nCookie : {SECRET}\r\n\r\n",
    f"GET / HTTP/9.{SECRET}\r\n\r\n",
    f"{SECRET} / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: {SECRET}\r\n\r\n",
    f"POST /?{SECRET} HTTP/1.1\r\nHost: x\r\nContent-Length: {SECRET}\r\n\r\n",
    f"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{SECRET}\r\n",
    f"GET /?{SECRET} HTTP/1.1\r\nHost: x\r\nX: {SECRET * 20000}\r\n\r\n",
]


def test_no_secret_is_told(lab: Lab) -> None:
    """Whatever is refused, and whichever limit is reached: no query, cookie, token or header field stands in the log."""
    held = [send(lab, request) for request in HOSTILE]
    until(lambda: len([one for one in events(lab) if one["event"] == "request.refused"]) >= 9, "refusals")
    held += [send(lab, get()) for _ in range(3)]
    full = named(lab, "limit.queue")
    assert full["code"] == "PLB-1508"
    assert full["fields"]["member"] == "app/1"
    viewers = [lab.ask_for(f"/live?token={SECRET}", f"Cookie: ROUTEID=.2; a={SECRET}") for _ in range(3)]
    assert named(lab, "limit.websockets")["fields"]["client"] == ADDRESS
    held += [send(lab, get("/", "2")) for _ in range(80)]
    assert named(lab, "limit.request_rate")["fields"]["client"] == ADDRESS
    assert SECRET not in json.dumps(events(lab))
    assert not lab.panolb.lines(SECRET)
    for client in (*held, *(one.client.socket for one in viewers)):
        client.close()


def test_clients_push_no_other_event_out(lab: Lab) -> None:
    """Of a thousand refusals the API shows few; what happened before is still there."""
    first = events(lab)[0]
    for _ in range(300):
        client = send(lab, HOSTILE[1])
        while client.recv(4096):
            pass
        client.close()
    until(lambda: len(lab.panolb.lines("PLB-1520")) == 300, "all to be logged")
    told = events(lab)
    assert told[0] == first
    assert len([one for one in told if one["event"] == "request.refused"]) < 100
