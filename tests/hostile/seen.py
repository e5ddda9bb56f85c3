"""What was seen of the peers, kept in a file, since few machines have all of them."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypedDict

from tests.apache.scene import Bystander

from . import answering, peers
from .answers import BY_NAME, Answer
from .observing import observe
from .recorder import Recorder
from .rows import Row
from .table import ROWS

OR = " or "
STARTS = 10
SLOW_STARTS = 3
"""Of those, how many also run members' rows, of which many end with a time limit."""
FILE = Path(__file__).parent / "seen.json"


class Column(TypedDict):
    """What one peer made of the rows.

    ``version`` is the peer's; the cells have the rows' names.
    """

    version: str
    requests: dict[str, str]
    answers: dict[str, str]


def load() -> dict[str, Column]:
    """The columns of the peers, by name."""
    columns: dict[str, Column] = json.loads(FILE.read_text(encoding="utf-8"))
    return columns


class Stand:
    """A running peer in front of a recording member."""

    def __init__(self, port: int, recorder: Recorder) -> None:
        self.port = port
        self.recorder = recorder

    def request(self, row: Row) -> str:
        """What it makes of a client's row."""
        return observe(self.port, self.recorder, row).cell()

    def answer(self, row: Answer) -> str:
        """What it makes of a member's row."""
        return answering.observe(self.port, self.recorder.member, row).cell()


@contextmanager
def standing(name: str, directory: Path) -> Iterator[Stand]:
    """A peer in a process of its own."""
    with Bystander("recorder") as member:
        recorder = Recorder(member)
        peer = peers.start(name, directory, member.port)
        try:
            yield Stand(peer.port, recorder)
        finally:
            peer.kill()
            peer.close()
        assert not member.failures, member.failures


def _measured(name: str, version: str) -> Column:
    """All that a peer makes of the rows in some processes of its own, since HAProxy's are not all alike."""
    requests: dict[str, Counter[str]] = {key: Counter() for key in ROWS}
    answers: dict[str, Counter[str]] = {key: Counter() for key in BY_NAME}
    for start in range(STARTS):
        with tempfile.TemporaryDirectory() as directory, standing(name, Path(directory) / name) as stand:
            for key, row in ROWS.items():
                requests[key][stand.request(row)] += 1
            for key, answer in BY_NAME.items() if start < SLOW_STARTS else ():
                answers[key][stand.answer(answer)] += 1
    return {"version": version, "requests": _joined(requests), "answers": _joined(answers)}


def _joined(cells: dict[str, Counter[str]]) -> dict[str, str]:
    """What was seen more than once: a single time may have been another program's doing on this machine."""
    return {
        key: OR.join(sorted(said for said, times in found.items() if times > 1))
        for key, found in cells.items()
    }


def measure() -> None:
    """Run the table against all installed peers and write down what they do; others' columns stay as they are."""
    columns = load() if FILE.exists() else {}
    for name in peers.TITLES:
        version = peers.version(name)
        if version is not None:
            columns[name] = _measured(name, version)
    FILE.write_text(json.dumps(columns, indent=1) + "\n", encoding="utf-8")
