"""One panolb with two workers, in front of two members whose WebSockets the test holds at both ends."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.control.operating import Lab, Pair
from tests.harness.waiting import until

NUMBER = 2
SLOW = 180.0  # seconds; each start reads two seconds' worth of Python, on a machine that does so for several tests
STARTED = "accepts clients (process "


class Crowd(Lab):
    """It, and its processes."""

    def start(self) -> None:
        """Until both workers accept clients."""
        text = self.panolb.file.read_text()
        if not text.startswith("workers"):
            self.panolb.file.write_text(f"workers = {NUMBER}\n{text}")
        super().start()
        self.all_accept(NUMBER)

    def all_accept(self, started: int) -> None:
        """Wait until so many workers have been started in all."""
        until(
            lambda: len(self.panolb.lines(STARTED)) >= started,
            f"{started} workers to accept clients",
            seconds=SLOW,
        )

    @property
    def pids(self) -> list[int]:
        """The processes of the workers that were started, in that order."""
        return [int(line.partition(STARTED)[2].rstrip(")")) for line in self.panolb.lines(STARTED)]

    def open_until_both_have(self, route: str, comes_to: str = "") -> list[Pair]:
        """WebSockets until each of the two workers has at least one; who accepts a client is the system's choice."""
        pairs = [self.open(route, comes_to)]
        while len(set(map(self.worker_of, pairs))) < NUMBER:
            pairs.append(self.open(route, comes_to))
            assert len(pairs) < 200, "one worker accepts all clients"
        return pairs

    def worker_of(self, pair: Pair) -> int:
        """The process that has a client's connection."""
        return until(lambda: next(iter(self.holders(pair)), 0), "somebody to have the connection")

    def holders(self, pair: Pair) -> set[int]:
        """The workers that have it: one, as long as that lives."""
        inodes = _inodes(pair.browser.socket.getsockname()[1])
        return {pid for pid in self.pids if inodes & _sockets(pid)}


def _inodes(port: int) -> set[str]:
    """The sockets whose other end has this port, as /proc/PID/fd names them."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {f"socket:[{words[9]}]" for words in lines if int(words[2].partition(":")[2], 16) == port}


def _sockets(pid: int) -> set[str]:
    """What a process has open, if there is such a process."""
    found = set()
    try:
        for name in Path(f"/proc/{pid}/fd").iterdir():
            found.add(os.readlink(name))
    except OSError:
        pass
    return found


def kill(pid: int) -> None:
    """End a process as the kernel does when there is no memory left."""
    os.kill(pid, signal.SIGKILL)


def is_alive(pid: int) -> bool:
    """Whether there is such a process."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@contextmanager
def running(directory: Path, *, balancer: str = "", more: str = "") -> Iterator[Crowd]:
    """A lab, started."""
    with TemporaryDirectory(prefix="panolb-") as short:  # a UNIX socket's path must be
        lab = Crowd(directory, f"{short}/control", balancer, more)
        try:
            lab.start()
            yield lab
        finally:
            lab.close()
