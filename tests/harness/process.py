"""panolb as operators run it: ``twistd -n panolb --config FILE`` in a process of its own."""

from __future__ import annotations

import atexit
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import panolb

from .waiting import ADDRESS, PATIENCE, until

TWISTD = [sys.executable, "-c", "from twisted.scripts.twistd import run; run()", "--pidfile=", "-n", "panolb"]

WORKERS = int(os.environ.get("PANOLB_TEST_WORKERS", "0"))
"""How many processes each panolb has in a run that is to show that this makes no difference; 0: as each test says."""


def rss(pid: int) -> int:
    """The resident size of a process in bytes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


class Panolb:
    """One process with a configuration of its own.

    :param directory: its working directory; the configuration and the log are written there.
    :param config: the TOML text.
    :param ports: where it will listen; `start` waits for all of them.
    """

    running: ClassVar[list[Panolb]] = []
    """Every process that a test still holds; their logs explain a failure."""

    def __init__(self, directory: Path, config: str, ports: Sequence[int]) -> None:
        self.directory = directory
        self.ports = tuple(ports)
        self.file = directory / "panolb.toml"
        self.file.write_text(f"workers = {WORKERS}\n{config}" if WORKERS else config)
        self.output = directory / "panolb.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "never launched"
        return self._process

    @property
    def log(self) -> str:
        """All that it has written."""
        return self.output.read_text(errors="replace") if self.output.exists() else ""

    def lines(self, word: str) -> list[str]:
        """The lines of the log that contain ``word``."""
        return [line for line in self.log.splitlines() if word in line]

    def tail(self, lines: int = 12) -> str:
        return "\n".join(self.log.splitlines()[-lines:])

    def rss(self) -> int:
        return rss(self.process.pid)

    @property
    def command(self) -> list[str]:
        """What an operator types; ``--config FILE`` stands last."""
        return [*TWISTD, "--config", str(self.file)]

    @property
    def environment(self) -> dict[str, str]:
        """Ours, and the panolb that the tests test."""
        path = [str(Path(panolb.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
        return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, path)), "PYTHONUNBUFFERED": "1"}

    @property
    def passed(self) -> Sequence[int]:
        """The descriptors that it gets beside its standard streams."""
        return ()

    def launch(self) -> None:
        """Start the process and return at once."""
        with self.output.open("ab") as output:
            self._process = subprocess.Popen(
                self.command,
                cwd=self.directory,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=self.passed,
            )
        if self not in Panolb.running:
            Panolb.running.append(self)

    def start(self) -> None:
        """Start the process and wait until it listens."""
        self.launch()
        until(self._listens, "panolb to listen")
        until(lambda: len(self.lines("accepts clients (process")) >= WORKERS, "the workers to accept clients")

    def _listens(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(f"panolb ended with {self.process.returncode}:\n{self.tail()}")
        for port in self.ports:
            with socket.create_connection((ADDRESS, port), timeout=PATIENCE) as probe:
                probe.sendall(b"GET /ready HTTP/1.0\r\n\r\n")
                probe.recv(1)  # an answer, whatever it says: now it also hears signals
        return True

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.process.send_signal(signal.SIGTERM)

    def wait(self) -> int:
        """Wait for the end of the process; its exit code (negative: the signal that ended it)."""
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"panolb still runs after {PATIENCE:g} s:\n{self.tail()}") from None

    def stop(self) -> None:
        """End it in peace, and insist that it was healthy to the end: exit code 0, no traceback in its log."""
        self.terminate()
        code = self.wait()
        assert code == 0, f"panolb ended with {code}:\n{self.tail()}"
        assert "Traceback" not in self.log, self.tail(80)

    def close(self) -> None:
        """The end of a fixture: nothing may be left running."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        if self in Panolb.running:
            Panolb.running.remove(self)


@atexit.register
def _end_all() -> None:
    for process in tuple(Panolb.running):
        process.close()
