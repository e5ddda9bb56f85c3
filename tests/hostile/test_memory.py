"""What thousands of slow clients make panolb hold: no more than the table of ``docs/limits.rst`` says of each.

Few of them are enough to tell what one costs.  With ``PANOLB_HOSTILE=full`` there are as many as that page speaks of.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.harness.process import Panolb
from tests.harness.waiting import ADDRESS, free_port, until
from tests.hostile.hordes import FloodingMember, Horde, deaf_member, room_for

FULL = os.environ.get("PANOLB_HOSTILE") == "full"

CONFIG = """\
[listener.public]
endpoint = "tcp:{port}:interface={address}:backlog=4096"
header_timeout = "1h"
body_timeout = "1h"

[balancer.app]
response_timeout = "1h"
[[balancer.app.member]]
url = "http://{address}:{member}"

[[location]]
path = "/app"
balancer = "app"

[shutdown]
grace = "1s"
"""

LIMITS = Path(__file__).parents[2] / "docs/limits.rst"
UNITS = {"KiB": 1 << 10, "MiB": 1 << 20, "max_head": 32 << 10}
BODY = 100 << 20
NOISE = 1 << 20  # bytes that the first of them take, and that few of them cannot be told from
FEW = 3  # descriptors that come and go for other reasons
REQUEST = b"GET /app/ HTTP/1.1\r\nHost: panolb.test\r\n"
FIELDS = b"".join(
    b"X-%03d: %b\r\n" % (number, b"v" * 640) for number in range(49)
)  # 31 KiB, just below max_head


def terms() -> dict[str, float]:
    """What the documentation says that each thing costs, in bytes."""
    row = re.compile(
        r"^   \* - \*(?P<term>[a-z ]+)\*\n     - (?P<number>[\d.]+) (?P<unit>\w+)$", re.MULTILINE
    )
    return {
        match["term"]: float(match["number"]) * UNITS[match["unit"]]
        for match in row.finditer(LIMITS.read_text())
    }


@contextmanager
def running(directory: Path, member: int) -> Iterator[Panolb]:
    """One process whose clients have all the time in the world."""
    port = free_port()
    panolb = Panolb(directory, CONFIG.format(port=port, address=ADDRESS, member=member), (port,))
    try:
        panolb.start()
        yield panolb
        panolb.stop()
    finally:
        panolb.close()


@contextmanager
def flooding_member(fields: bytes, length: int) -> Iterator[FloodingMember]:
    """A member that answers with these fields and so many bytes."""
    member = FloodingMember(b"HTTP/1.1 200 OK\r\n" + fields, length)
    try:
        yield member
    finally:
        member.close()


def open_sockets(panolb: Panolb) -> int:
    """How many files and sockets it has open."""
    return len(os.listdir(f"/proc/{panolb.process.pid}/fd"))


def grown(
    panolb: Panolb, horde: Horde, number: int, each: int, then: Callable[[], object] = lambda: None
) -> float:
    """Let a horde come, and return by how many bytes the process has grown for each of them, above `NOISE`.

    :param each: how many descriptors panolb needs for one.
    """
    memory, sockets = panolb.rss(), open_sockets(panolb)
    horde.come(panolb.ports[0], number)
    then()
    until(lambda: open_sockets(panolb) > sockets + number * each - FEW, "all to be there", seconds=60)
    time.sleep(1)  # what they have sent is read
    assert horde.ended() == 0
    size = (panolb.rss() - memory - NOISE) / number
    print(f"{number} of them: {size / 1024:.1f} KiB each")
    return size


def test_heads_that_do_not_end(tmp_path: Path) -> None:
    """Slowloris with heads as long as they may be; a second wave finds the place that the first one has left."""
    cost, number = terms(), 10_000 if FULL else 1000
    with room_for(number), running(tmp_path, free_port()) as panolb:
        after = []
        for _ in range(2):
            horde = Horde(REQUEST + FIELDS)
            assert grown(panolb, horde, number, 1) < cost["connection"] + cost["arriving head"]
            after.append(panolb.rss())
            left = open_sockets(panolb) - number
            horde.leave()
            until(lambda left=left: open_sockets(panolb) < left + FEW, "them to be forgotten")  # type: ignore[misc]
        assert after[1] < 1.2 * after[0]


def test_requests_in_flight(tmp_path: Path) -> None:
    """Heads as long as they may be, and the next one already sent, while the member does not answer."""
    cost, number = terms(), 2000 if FULL else 300
    with room_for(number), deaf_member() as member, running(tmp_path, member) as panolb:
        horde = Horde((REQUEST + FIELDS + b"\r\n") * 2)
        assert (
            grown(panolb, horde, number, 2) < cost["connection"] + cost["exchange"] + cost["heads in flight"]
        )
        horde.leave()


def test_slow_readers(tmp_path: Path) -> None:
    """Bodies of 100 MB, of which nobody reads a byte, while the member sends all it can."""
    cost, number = terms(), 2000 if FULL else 100
    fields = b"Content-Length: %d\r\n\r\n" % BODY
    with (
        flooding_member(fields, BODY) as member,
        room_for(2 * number),
        running(tmp_path, member.port) as panolb,
    ):
        horde = Horde(REQUEST + b"\r\n", receive_buffer=4096)
        size = grown(panolb, horde, number, 2, lambda: member.serve(number))
        assert size < cost["connection"] + cost["exchange"] + cost["waiting"]
        assert member.sent < number * BODY / 2, "everything was swallowed"
        horde.leave()


def test_answer_heads(tmp_path: Path) -> None:
    """Heads of answers that do not end, almost as long as they may be."""
    cost, number = terms(), 1000 if FULL else 200
    with (
        flooding_member(FIELDS * 2, 0) as member,
        room_for(2 * number),
        running(tmp_path, member.port) as panolb,
    ):
        horde = Horde(REQUEST + b"\r\n")
        size = grown(panolb, horde, number, 2, lambda: member.serve(number))
        assert size < cost["connection"] + cost["exchange"] + cost["answer head"]
        horde.leave()


def test_slow_uploads(tmp_path: Path) -> None:
    """Bodies of 100 MB, of which the member reads nothing, while the clients send all they can."""
    cost, number = terms(), 1000 if FULL else 100
    with room_for(number), deaf_member() as member, running(tmp_path, member) as panolb:
        length = b"Content-Length: %d\r\n\r\n" % BODY
        horde = Horde(REQUEST + length, more=b"x" * (1 << 16), limit=BODY)
        size = grown(panolb, horde, number, 2, horde.push)
        assert size < cost["connection"] + cost["exchange"] + cost["waiting"]
        assert horde.sent < number * BODY / 2, "everything was swallowed"
        horde.leave()


def test_the_process_itself(tmp_path: Path) -> None:
    """What is there before anybody comes."""
    with running(tmp_path, free_port()) as panolb:
        print(f"{panolb.rss() / (1 << 20):.1f} MiB")
        assert panolb.rss() < terms()["process"]


@pytest.mark.parametrize(
    "term",
    ["process", "connection", "exchange", "arriving head", "heads in flight", "waiting", "answer head"],
)
def test_terms(term: str) -> None:
    """The documentation has every term that is measured here."""
    assert terms()[term] > 0
