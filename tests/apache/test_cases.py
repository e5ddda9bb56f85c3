"""Every case of the tables, with a real Apache, which proves the tables, and with panolb."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from . import peers
from .cases import answers, failures, fields, health, mapping, others, states, sticky, websockets
from .scene import Case, Stage

TABLES: dict[str, Sequence[Case]] = {
    "sticky": sticky.CASES,
    "states": states.CASES,
    "failures": failures.CASES,
    "answers": answers.CASES,
    "health": health.CASES,
    "websockets": websockets.CASES,
    "mapping": mapping.CASES,
    "fields": fields.CASES,
    "others": others.CASES,
}
Played = tuple[str, str]
"""A peer, and a table or, for a case that is alone, its id."""


def played() -> dict[Played, list[Case]]:
    """The cases of every process; the strict mode plays those where it is said to matter."""
    stages: dict[Played, list[Case]] = {}
    for table, cases in TABLES.items():
        for name in peers.NAMES:
            for case in cases:
                if name != "compat" or case.compat:
                    stages.setdefault((name, case.id if case.alone else table), []).append(case)
    return stages


STAGES = played()
PARAMETERS = [
    pytest.param(
        where, case, id=f"{where[0]}-{case.id}", marks=[pytest.mark.real] if where[0] == "apache" else []
    )
    for where, cases in STAGES.items()
    for case in cases
]


class Stages:
    """One stage at a time: the tests of a stage stand together."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._open: dict[Played, Stage] = {}
        self._broken: dict[Played, BaseException] = {}

    def take(self, where: Played) -> Stage:
        """The stage that plays these cases; the one before it ends."""
        if where in self._broken:
            raise self._broken[where]
        if where not in self._open:
            self.close()
            try:
                self._open[where] = Stage(where[0], self._directory / "-".join(where), STAGES[where])
            except AssertionError as error:
                self._broken[where] = error  # it would not start the next time either
                raise
        return self._open[where]

    def close(self) -> None:
        """End what runs."""
        while self._open:
            self._open.popitem()[1].close()


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stages]:
    """The stages of all cases."""
    stages = Stages(tmp_path_factory.mktemp("stages"))
    yield stages
    stages.close()


@pytest.mark.parametrize(("where", "case"), PARAMETERS)
def test_case(stages: Stages, where: Played, case: Case) -> None:
    """The case's steps, each with its outcome."""
    stages.take(where).play(case)
