"""One run: panolb and its members started, users let in, one configuration after the other, and what came of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from random import Random
from statistics import quantiles
from tempfile import TemporaryDirectory

from tests.harness.control import Control
from tests.harness.held import Watch
from tests.harness.process import TWISTD, Panolb
from tests.harness.waiting import ADDRESS, free_port, until
from tests.reload.configurations import FIRST, PASSING, STAYING, State, Writer, states
from tests.reload.users import Failure, Seen, Users

ROOT = Path(__file__).parents[2]
APPLIED = "is in effect"
REFUSED = "the configuration was not reloaded"
EVERY = 10  # reloads; then there is one of a file that is wrong
WARM = 0.2  # the share of the reloads after which memory is looked at
VISITORS = 150
WAYS = SIGHUP, API, COMMAND = "SIGHUP", "API", "command"


@dataclass(frozen=True)
class Load:
    """How much goes on.

    :ivar rate: requests a second that visitors aim at.
    :ivar viewers: WebSockets.
    :ivar every: seconds from one reload to the next.
    :ivar ways: how they are ordered, by turns.
    :ivar seed: other ones draw other configurations.
    """

    rate: float = 2000.0
    viewers: int = 500
    reloads: int = 50
    every: float = 1.2
    ways: tuple[str, ...] = WAYS
    seed: int = 7


@dataclass
class Result:
    """What came of a run.

    :ivar applied: seconds that each reload took to be in effect, by how it was ordered.
    :ivar refused: reloads of a wrong file, which changed nothing.
    :ivar accepted: what panolb did that it must not: took a wrong file, or did not take a right one.
    :ivar released: WebSockets of members that were removed, as panolb's log counts them.
    :ivar processor: seconds of a processor that panolb took meanwhile; ``users``: that the users took.
    :ivar warm: bytes of resident memory after some reloads; ``end``: after the last one, under the same load.
    :ivar left: what panolb still held when all users had gone.
    :ivar objects: what there were more of at the end than at the start, with the same configuration.
    :ivar complaints: lines of its log that tell of an error.
    :ivar logged: what the access log says of the requests that failed.
    """

    seconds: float
    seen: Seen
    applied: dict[str, list[float]] = field(default_factory=dict)
    refused: int = 0
    accepted: list[str] = field(default_factory=list)
    processor: float = 0.0
    users: float = 0.0
    warm: int = 0
    end: int = 0
    left: str = ""
    objects: dict[str, tuple[int, int]] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)
    logged: dict[int, str] = field(default_factory=dict)

    @property
    def percentiles(self) -> tuple[float, float, float]:
        """Half, 99 % and all of the small requests were answered within so many seconds."""
        times = self.seen.times
        cuts = quantiles(times, n=100)
        return cuts[49], cuts[98], max(times)

    @property
    def sound(self) -> bool:
        """Whether all is as it must be; memory aside, which takes time to tell."""
        return not (
            self.seen.failures or self.accepted or self.left or self.objects or self.complaints
        ) and bool(self.applied)


class Counted(Panolb):
    """panolb, which can be asked how many of its objects there are.

    :param httpd: whether its configuration is an ``httpd.conf``.
    """

    def __init__(self, directory: Path, writer: Writer, control: str, admin: int) -> None:
        super().__init__(directory, "", (writer.port, admin))
        self.objects = directory / "objects.json"
        self._words = ["--config", str(self.file)]
        if writer.httpd:
            self.file = directory / "httpd.conf"
            self._words = [f"--httpd-conf={self.file}", f"--control={control}"]
            self._words += [f"--admin=tcp:{admin}:interface={ADDRESS}", f"--workers={writer.workers}"]

    @property
    def command(self) -> list[str]:
        """As everybody's, in other words."""
        counted = [sys.executable, "-m", "tests.reload.counted", str(self.objects)]
        return [*counted, *TWISTD[3:], *self._words]

    def processor(self) -> float:
        """Seconds of a processor that it has taken so far."""
        numbers = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(numbers[11]) + int(numbers[12])) / os.sysconf("SC_CLK_TCK")

    def count(self) -> Counter[str]:
        """Objects by class."""
        self.objects.unlink(missing_ok=True)
        self.process.send_signal(signal.SIGRTMIN)
        until(self.objects.exists, "the objects to be counted")
        return Counter(json.loads(self.objects.read_text()))


class Run:
    """panolb and its members, running.

    :param directory: for configuration and logs.
    :param socket: the control socket's path, which must be short.
    :param httpd: whether the configuration is an ``httpd.conf``.
    :param workers: how many processes share the listeners.
    """

    def __init__(self, directory: Path, socket: str, *, httpd: bool = False, workers: int = 1) -> None:
        for old in ("access.log", "panolb.log"):
            (directory / old).unlink(missing_ok=True)
        self.ports = {route: free_port() for route in (*STAYING, *PASSING)}
        self.control = Control(socket)
        admin = free_port()
        self.writer = Writer(directory, free_port(), admin, socket, self.ports, httpd, workers)
        self.panolb = Counted(directory, self.writer, socket, admin)
        self.panolb.file.write_text(self.writer.text(FIRST))
        self.users = Users(self.writer.port, STAYING)
        self._admin = admin
        self._members: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Start everything, and wait until all of it listens."""
        for route, port in self.ports.items():
            command = [sys.executable, "-m", "tests.reload.member", str(port), route]
            self._members.append(subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL))
        self.panolb.start()
        until(self._well, "all members to be up", every=0.1)
        if self.writer.workers > 1:
            until(self._all_accept, "all workers to accept clients", seconds=180, every=0.1)

    def close(self) -> None:
        """Nothing is left running."""
        self.users.close()
        self.panolb.close()
        for member in self._members:
            member.kill()
            member.wait()

    def _all_accept(self) -> bool:
        return len(self.panolb.lines("accepts clients")) == self.writer.workers

    def _well(self) -> bool:
        members = self.control.get("/api/v1/members")["members"]
        return all(member["state"] == "up" for member in members)

    # -- reloads ------------------------------------------------------------------------------------------------------

    def _order(self, way: str) -> None:
        """Say it as an operator would."""
        ways: dict[str, Callable[[], object]] = {
            SIGHUP: lambda: self.panolb.process.send_signal(signal.SIGHUP),
            API: lambda: self.control.ask("POST", "/api/v1/reload"),
            COMMAND: self._command,
        }
        ways[way]()

    def _command(self) -> None:
        command = [sys.executable, "-c", "from panolb.cli import main; main()", "reload", "--control"]
        command.append(self.control.path)
        subprocess.run(command, env=self.panolb.environment, capture_output=True, check=False)

    def _reload(self, result: Result, way: str, text: str, words: str) -> None:
        """Have a file read, and wait until the log says what came of it."""
        before = {one: len(self.panolb.lines(one)) for one in (APPLIED, REFUSED)}
        self.panolb.file.write_text(text)
        began = time.monotonic()
        self._order(way)
        until(
            lambda: any(len(self.panolb.lines(one)) > before[one] for one in before),
            f"panolb to say what came of {way}",
            every=0.002,
        )
        took = time.monotonic() - began
        if len(self.panolb.lines(words)) == before[words]:
            result.accepted.append(f"{way}: {self.panolb.tail(3)}")
        elif words == APPLIED:
            result.applied.setdefault(way, []).append(took)
        else:
            result.refused += 1

    # -- all of it ----------------------------------------------------------------------------------------------------

    def run(self, load: Load) -> Result:
        """Let users come, and reload."""
        held = Watch(self.panolb, self._admin)
        objects = self.panolb.count()
        began, processor, users = time.monotonic(), self.panolb.processor(), time.process_time()
        self.users.begin(VISITORS, load.rate, load.viewers)
        until(lambda: self.users.opened >= load.viewers, f"{load.viewers} WebSockets to open", seconds=60)
        result = Result(0.0, self.users.seen)
        self._reload_all(load, result)
        self.users.end()
        result.seconds = time.monotonic() - began
        result.processor = self.panolb.processor() - processor
        result.users = time.process_time() - users
        try:
            held.settle()
        except AssertionError as error:
            result.left = str(error)
        held.close()
        now = self.panolb.count()
        result.objects = {name: (objects[name], now[name]) for name in now if now[name] > objects[name]}
        self.panolb.stop()
        result.complaints = [
            line
            for word in ("#error", "#critical")
            for line in self.panolb.lines(word)
            if REFUSED not in line
        ]
        result.logged = self._logged(self.users.seen.failures)
        return result

    def _reload_all(self, load: Load, result: Result) -> None:
        ways = load.ways
        files: list[State] = [
            *islice(states(Random(load.seed), httpd=self.writer.httpd), load.reloads - 1),
            FIRST,
        ]
        due = time.monotonic()
        for number, state in enumerate(files, 1):
            due = max(due + load.every, time.monotonic())
            time.sleep(max(0.0, due - time.monotonic()))
            self._reload(result, ways[number % len(ways)], self.writer.text(state), APPLIED)
            if number % EVERY == 0:
                self._reload(result, ways[number // EVERY % len(ways)], self.writer.wrong, REFUSED)
            if number == max(1, int(load.reloads * WARM)):
                result.warm = self.panolb.rss()
        time.sleep(2 * load.every)
        result.end = self.panolb.rss()

    def _logged(self, failures: list[Failure]) -> dict[int, str]:
        """What the access log says of failed requests."""
        wanted = {f"n={failure.number} ": failure.number for failure in failures[:100]}
        found: dict[int, str] = {}
        with (self.panolb.directory / "access.log").open(errors="replace") as lines:
            for line in lines if wanted else ():
                for words, number in wanted.items():
                    if words in line:
                        found[number] = line.strip()
        return found


@contextmanager
def running(directory: Path, *, httpd: bool = False, workers: int = 1) -> Iterator[Run]:
    """Everything started; at the end nothing is left running."""
    with TemporaryDirectory(prefix="panolb-") as short:  # a UNIX socket's path must be
        run = Run(directory, f"{short}/control", httpd=httpd, workers=workers)
        try:
            run.start()
            yield run
        finally:
            run.close()
