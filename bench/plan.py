"""What to measure: read from the command line, needed by every measurement."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.machine import Cores
from bench.peers import Peer


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The choices of one run.

    :param rounds: how often every peer is measured, in turn.
    :param seconds: how long each time.
    :param path: what the HTTP measurement asks for.
    :param access_log: whether every peer writes one in the HTTP measurement.
    :param tls: whether its clients speak TLS.
    :param tls_members: whether its members do.
    :param descriptors: how many files a process may have open.
    """

    peers: tuple[Peer, ...]
    rounds: int
    seconds: int
    path: str
    access_log: bool
    tls: bool
    tls_members: bool
    cores: Cores
    descriptors: int

    def turns(self) -> Iterator[tuple[int, Peer]]:
        """Every peer in every round, rounds outermost: whatever the machine goes through hits all peers alike."""
        for number in range(1, self.rounds + 1):
            for peer in self.peers:
                yield number, peer


@contextmanager
def work_directory() -> Iterator[Path]:
    """A directory for configurations, logs and files, which servers that drop root may read as well."""
    with tempfile.TemporaryDirectory(prefix="panolb-bench-", ignore_cleanup_errors=True) as name:
        path = Path(name)
        path.chmod(0o755)
        yield path


def say(text: str) -> None:
    """Tell whoever waits how far we are; the result alone goes to standard output."""
    print(text, file=sys.stderr, flush=True)
