"""Programs that are measured: started on one core, read from ``/proc``, ended on every way out."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from bench.errors import BenchError

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
PAGE_KIB = os.sysconf("SC_PAGE_SIZE") // 1024
STOP_SECONDS = 8.0
START_SECONDS = 30.0


class Cpu(NamedTuple):
    """CPU time in seconds since the start of a program, all its processes together."""

    user: float
    system: float


class Stat(NamedTuple):
    """What ``/proc/PID/stat`` says about one process (proc(5)); times in clock ticks."""

    pid: int
    parent: int
    session: int
    user: int
    system: int


def processes() -> Iterator[Stat]:
    """Every process of the machine that can be read."""
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            text = Path("/proc", name, "stat").read_text(encoding="utf-8", errors="replace")
        except OSError:  # it has ended meanwhile
            continue
        fields = text.rpartition(")")[2].split()  # the program's name may hold spaces and parentheses
        state, parent, session = fields[0], int(fields[1]), int(fields[3])
        if state != "Z":
            yield Stat(int(name), parent, session, int(fields[11]), int(fields[12]))


class Program:
    """A running program: the leader of a session of its own, so that its workers are counted and ended with it.

    :param core: the only core it and its workers may use.
    :param log: the file that gets its output; the end of it is quoted when the program fails.
    """

    def __init__(
        self, name: str, command: Sequence[str], *, core: int, log: Path, python_path: str = ""
    ) -> None:
        self.name = name
        self.core = core
        self._log = log
        environment = {**os.environ, "PYTHONPATH": python_path} if python_path else None
        with log.open("wb") as output:
            self._popen = subprocess.Popen(
                ["taskset", "-c", str(core), *command],
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                cwd=log.parent, env=environment, start_new_session=True,
            )  # fmt: skip

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def wait_until_listening(self, port: int) -> None:
        """Return as soon as 127.0.0.1:PORT accepts; raise BenchError when the program ends or takes too long."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._popen.poll() is not None:
                raise BenchError(
                    f"{self.name} ended with {self._popen.returncode} at its start:\n{self.last_words()}"
                )
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        raise BenchError(f"{self.name} does not listen after {START_SECONDS:.0f} s:\n{self.last_words()}")

    def last_words(self) -> str:
        """The last lines that the program printed, for an error message."""
        lines = self._log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(f"    {line}" for line in lines[-12:]) or "    (it printed nothing)"

    def _members(self) -> list[Stat]:
        return [stat for stat in processes() if stat.session == self._popen.pid]

    def cpu(self) -> Cpu:
        """The CPU time used so far."""
        stats = self._members()
        return Cpu(
            sum(stat.user for stat in stats) / TICKS_PER_SECOND,
            sum(stat.system for stat in stats) / TICKS_PER_SECOND,
        )

    def pss_mib(self) -> float:
        """Proportional set size: pages shared with other processes are counted in shares."""
        total = 0
        for stat in self._members():
            try:
                lines = Path(f"/proc/{stat.pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
            except OSError:
                continue
            total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
        return total / 1024

    def pids(self) -> list[int]:
        """The processes to hand to ``rss_kib``: found once, since looking costs more than reading."""
        return [stat.pid for stat in self._members()]

    def stop(self) -> None:
        """End it and all its workers: SIGTERM, then SIGKILL after a while."""
        end_group(self._popen.pid, self._popen)


def rss_kib(pids: Sequence[int]) -> int:
    """Resident memory of these processes together; a page that two of them share counts twice."""
    total = 0
    for pid in pids:
        try:
            total += int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * PAGE_KIB
        except OSError:
            continue
    return total


def end_group(leader: int, popen: subprocess.Popen[bytes] | None = None) -> None:
    """End the session of ``leader``, which is a child of ours, and wait until nothing of it is left."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(leader, sign)
        except ProcessLookupError:
            pass
        deadline = time.monotonic() + STOP_SECONDS
        while time.monotonic() < deadline:
            if popen is not None:
                popen.poll()  # reaps it; a zombie no longer counts
            if not any(leader in {stat.pid, stat.session} for stat in processes()):
                return
            time.sleep(0.02)


def end_children() -> None:
    """End whatever this process has started and not yet ended: the last line of defence, whatever happened before."""
    ours = os.getpid()
    for stat in list(processes()):
        if stat.parent != ours:
            continue
        if stat.session == stat.pid:
            end_group(stat.pid)
        else:
            os.kill(stat.pid, signal.SIGKILL)


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
