"""A server as a process of its own: started, stopped, killed, frozen; always ended with the tests."""

from __future__ import annotations

import atexit
import http.client
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from tests.harness.waiting import ADDRESS, until


def answers(port: int, path: str, accepted: Sequence[int]) -> bool:
    """Whether a GET of ``path`` brings one of the ``accepted`` statuses; ``OSError`` when nobody answers."""
    connection = http.client.HTTPConnection(ADDRESS, port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status in accepted
    except http.client.HTTPException as error:
        raise ConnectionError(str(error)) from error
    finally:
        connection.close()


class ServerProcess:
    """One server program in the foreground, its output in a file.

    Subclasses give ``command``, ``environment`` and ``ready``.  Every process also carries a parent-death signal
    where the system knows one (``setpriv``), so that killed tests leave no servers behind.
    """

    known: ClassVar[list[ServerProcess]] = []
    """Every server that a test or fixture still holds, running or not: their logs explain a failure."""
    death_signal: ClassVar[str] = "KILL"

    def __init__(self, name: str, directory: Path) -> None:
        """``directory`` is the working directory, made here; the output goes to ``NAME.out`` inside."""
        self.name = name
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        self.output = directory / f"{name}.out"
        self._process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        """The program and its arguments."""
        raise NotImplementedError

    def environment(self) -> Mapping[str, str]:
        """What is added to the environment of the tests."""
        return {}

    def ready(self) -> bool:
        """Whether the server serves; may raise ``OSError`` for "not yet"."""
        raise NotImplementedError

    def logs(self) -> list[Path]:
        """The files whose tails belong into the report of a failure."""
        return [self.output]

    @property
    def pid(self) -> int:
        assert self._process is not None, f"{self.name} was never started"
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def launch(self) -> None:
        """Start the process and return at once."""
        assert not self.alive, f"{self.name} runs already"
        command = self.command()
        setpriv = shutil.which("setpriv")
        if setpriv is not None:
            command = [setpriv, "--pdeathsig", self.death_signal, *command]
        with self.output.open("ab") as output:
            self._process = subprocess.Popen(
                command,
                cwd=self.directory,
                env={**os.environ, **self.environment()},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        if self not in ServerProcess.known:
            ServerProcess.known.append(self)

    def wait_ready(self, seconds: float = 60.0) -> None:
        """Return once the server serves; the process ending meanwhile is an error with its last words."""

        def served() -> bool:
            if not self.alive:
                raise AssertionError(f"{self.name} ended by itself:\n{self.tail()}")
            return self.ready()

        until(served, f"{self.name} to serve", seconds=seconds)

    def start(self) -> None:
        """Start the process and wait until it serves."""
        self.launch()
        self.wait_ready()

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def wait(self, seconds: float = 30.0) -> int:
        """Wait for the end of the process and return its exit code (negative: the signal that ended it)."""
        assert self._process is not None
        try:
            return self._process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} still runs after {seconds:g} s") from None

    def stop(self, seconds: float = 30.0) -> int:
        """Ask the process to end (SIGTERM), wait for it, return its exit code."""
        self.signal(signal.SIGTERM)
        return self.wait(seconds)

    def kill(self) -> None:
        """End the process and its children at once (SIGKILL); nothing at all when it is gone already."""
        if self.alive:
            os.killpg(self.pid, signal.SIGKILL)
            self.wait()

    def close(self) -> None:
        """The end of a fixture: kill what still runs, and speak of it no more."""
        self.kill()
        if self in ServerProcess.known:
            ServerProcess.known.remove(self)

    def freeze(self) -> None:
        """Stop the process from running (SIGSTOP): its port still accepts, nothing is ever answered."""
        self.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen process go on."""
        self.signal(signal.SIGCONT)

    def tail(self, lines: int = 15) -> str:
        """The last lines of every log, each with a title."""
        parts = []
        for path in self.logs():
            text = path.read_text(errors="replace") if path.exists() else "(no such file)"
            parts.append(f"--- {path.name}\n" + "\n".join(text.splitlines()[-lines:]))
        return "\n".join(parts)


@atexit.register
def _end_all() -> None:
    for server in ServerProcess.known:
        server.kill()
