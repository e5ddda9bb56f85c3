"""A shell for one operator: ``panolb`` as a process, on a terminal or not."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import panolb
from tests.harness.waiting import PATIENCE

PANOLB = [sys.executable, "-c", "import sys; sys.argv[0] = 'panolb'; from panolb.cli import main; main()"]


@dataclass(frozen=True)
class Done:
    """A command that has ended.

    :ivar code: its exit status.
    """

    code: int
    out: str
    err: str

    @property
    def said(self) -> Any:
        """What it has written, as JSON."""
        return json.loads(self.out)


class Shell:
    """Where the operator is.

    :param control: what PANOLB_CONTROL says.
    :param variables: other variables of the environment.
    """

    def __init__(self, control: str, directory: Path | None = None, **variables: str) -> None:
        path = [str(Path(panolb.__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
        self.directory = directory
        self.environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, path)),
            "PANOLB_CONTROL": control,
            "COLUMNS": "160",
            **variables,
        }

    def start(self, *words: object) -> subprocess.Popen[str]:
        """A command that runs on."""
        return subprocess.Popen(
            [*PANOLB, *map(str, words)],
            cwd=self.directory,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: object) -> Done:
        """A command, from its beginning to its end.  Whatever happens, there is no traceback."""
        with self.running(*words) as process:
            return end(process)

    def json(self, *words: object, code: int = 0) -> Any:
        """What a command says to programs; its exit status must be ``code``."""
        done = self.run(*words, "--json")
        assert done.code == code, done
        return done.said

    @contextmanager
    def running(self, *words: object) -> Iterator[subprocess.Popen[str]]:
        """A command that does not outlive the block."""
        with self.start(*words) as process:
            try:
                yield process
            finally:
                if process.poll() is None:
                    process.kill()

    @contextmanager
    def terminal(self, *words: object) -> Iterator[Terminal]:
        """A command on a terminal, which does not outlive the block."""
        mine, its = pty.openpty()
        environment = {**self.environment, "TERM": "xterm"}
        with subprocess.Popen(
            [*PANOLB, *map(str, words)],
            env=environment,
            stdin=its,
            stdout=its,
            stderr=its,
            start_new_session=True,
        ) as process:
            os.close(its)
            try:
                yield Terminal(process, mine)
            finally:
                if process.poll() is None:
                    process.kill()
                os.close(mine)


class Terminal:
    """What an operator sees.

    :ivar seen: all of it so far.
    """

    def __init__(self, process: subprocess.Popen[bytes], descriptor: int) -> None:
        self.process = process
        self.seen = ""
        self._descriptor = descriptor

    def shows(self, words: str) -> None:
        """Read on until these words have been seen."""
        while words not in self.seen:
            assert self._more(), f"{words!r} was never shown:\n{self.seen}"

    def ended(self) -> int:
        """Read to the end; the exit status."""
        while self._more():
            pass
        assert "Traceback" not in self.seen, self.seen
        return self.process.wait(PATIENCE)

    def _more(self) -> bool:
        try:
            read = os.read(self._descriptor, 4096)
        except OSError:  # the other end is closed
            return False
        self.seen += read.decode("utf-8", "replace")
        return bool(read)


def end(process: subprocess.Popen[str]) -> Done:
    """Wait for the end of a command."""
    out, err = process.communicate(timeout=PATIENCE)
    assert "Traceback" not in err, err
    return Done(process.returncode, out, err)


def interrupt(process: subprocess.Popen[str]) -> Done:
    """Ctrl-C."""
    process.send_signal(signal.SIGINT)
    return end(process)
