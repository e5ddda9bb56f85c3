"""One run: everything started, let go, ended, and what came of it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from tests.harness.control import Control
from tests.harness.held import Watch
from tests.harness.process import Panolb
from tests.harness.waiting import ADDRESS, free_port
from tests.soak.explaining import Failure, Logged, Trouble, explain, read_log
from tests.soak.troubles import MemberProcess, Troubles
from tests.soak.users import Traffic

MEMBERS = 4
VISITORS = 10
VIEWERS = 6

WARM = 0.4
"""The share of the time after which memory is looked at.

It grows until the allocator has met the worst moments of all kinds of trouble, which takes 15 of each, 180 s.
"""
SAMPLED = (
    0.1  # the share of the time, at most 10 s of it, for which memory is looked at; the middle size counts
)
GROWTH = 0.05  # the share by which memory may grow after that

CONFIG = """\
[listener.public]
endpoint = "tcp:{port}:interface={address}"

[balancer.app]
stickysession = "ROUTEID"
keepalive_idle = "2s"
response_timeout = "3s"
retry = "10s"

{members}
[balancer.app.health]
uri = "/app/small"
interval = "500ms"
interval_changing = "250ms"

[[location]]
path = "/app"
balancer = "app"
websocket_ping_interval = "1s"
websocket_ping_misses = 3

[[location]]
path = "/messages"
balancer = "app"
websocket = "messages"
websocket_ping_interval = "1s"
websocket_ping_misses = 3

[access_log]
path = "access.log"
format = "common"

[control]
socket = "{control}"

[admin]
endpoint = "tcp:{admin}:interface={address}"
"""
MEMBER = '[[balancer.app.member]]\nurl = "http://{address}:{port}"\nroute = "{route}"\n\n'


@dataclass
class Result:
    """What came of a run.

    :ivar seconds: how long users came.
    :ivar done: requests by kind.
    :ivar explained: failures by why.
    :ivar unexplained: failures that nothing explains, each with what the access log says.
    :ivar repeated: uploads that members have got more than once.
    :ivar left: what panolb still held when all users had gone; empty for nothing.
    :ivar complaints: lines of its log that tell of an error.
    :ivar warm: bytes of resident memory after the warm-up; ``end``: at the end, under the same load.
    """

    seconds: float
    done: Counter[str]
    messages: int
    troubles: Counter[str]
    explained: Counter[str] = field(default_factory=Counter)
    unexplained: list[tuple[Failure, Logged | None]] = field(default_factory=list)
    repeated: list[int] = field(default_factory=list)
    left: str = ""
    complaints: list[str] = field(default_factory=list)
    warm: int = 0
    end: int = 0

    @property
    def growth(self) -> float:
        """The share by which memory has grown after the warm-up."""
        return self.end / self.warm - 1

    @property
    def sound(self) -> bool:
        """Whether all is as it must be, memory aside: that takes time to tell."""
        return not (self.unexplained or self.repeated or self.left or self.complaints)

    def judge(self, failures: list[Failure], troubles: list[Trouble], log: Path) -> None:
        """Find what explains each failure."""
        logged = read_log(log, [failure.number for failure in failures])
        for failure in failures:
            line = logged.get(failure.number)
            because = explain(failure, line, troubles)
            if because is None:
                self.unexplained.append((failure, line))
            else:
                self.explained[f"{failure.kind}, {failure.how}: {because}"] += 1


class Soak:
    """panolb and its members, running.

    :param directory: for configuration and logs.
    """

    def __init__(self, directory: Path) -> None:
        for old in ("journal", "access.log", "panolb.log"):
            (directory / old).unlink(missing_ok=True)
        self.journal = directory / "journal"
        self.journal.touch()
        self.members = [MemberProcess(str(number), self.journal) for number in range(1, MEMBERS + 1)]
        self.control = Control(str(directory / "control.sock"))
        self.port, self.admin = free_port(), free_port()
        members = (
            MEMBER.format(address=ADDRESS, port=member.port, route=member.route) for member in self.members
        )
        config = CONFIG.format(
            address=ADDRESS,
            port=self.port,
            admin=self.admin,
            members="".join(members),
            control=self.control.path,
        )
        self.panolb = Panolb(directory, config, (self.port, self.admin))

    def memory(self, until: float) -> int:
        """Bytes of resident memory, looked at until then."""
        sizes = [self.panolb.rss()]
        while time.monotonic() < until:
            time.sleep(0.2)
            sizes.append(self.panolb.rss())
        return int(median(sizes))

    def run(self, seconds: float) -> Result:
        """Let users come for so long."""
        held = Watch(self.panolb, self.admin)
        traffic, troubles = Traffic(), Troubles(self.members, self.control)
        began = time.monotonic()
        traffic.begin(self.port, VISITORS, VIEWERS)
        troubles.begin()
        sampled = min(10.0, seconds * SAMPLED)
        time.sleep(seconds * WARM - sampled)
        warm = self.memory(began + seconds * WARM)
        time.sleep(seconds * (1 - WARM) - sampled)
        end = self.memory(began + seconds)
        troubles.end()
        traffic.end()
        result = Result(
            time.monotonic() - began, traffic.done, traffic.messages, Counter(), warm=warm, end=end
        )
        result.troubles = Counter(trouble.kind for trouble in troubles.had)
        try:
            held.settle()
        except AssertionError as error:
            result.left = str(error)
        held.close()
        self.panolb.stop()
        result.complaints = [*self.panolb.lines("#error"), *self.panolb.lines("#critical")]
        result.judge(traffic.failures, troubles.had, self.panolb.directory / "access.log")
        uploads = Counter(self.journal.read_text().split())
        result.repeated = [int(number) for number, times in uploads.items() if times > 1]
        return result


@contextmanager
def soaking(directory: Path) -> Iterator[Soak]:
    """Everything started; at the end nothing is left running."""
    soak = Soak(directory)
    try:
        for member in soak.members:
            member.start()
        soak.panolb.start()
        yield soak
    finally:
        soak.panolb.close()
        for member in soak.members:
            member.kill()
